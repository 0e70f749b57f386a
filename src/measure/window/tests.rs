use super::*;
use crate::measure::settler::tests::plan;
use crate::scenario::{Overrides, Source, read};

/// The first cohort reads as fast as it can, the second slowly.
fn with_slow_readers() -> Plan {
    let text = r#"
        format = 1
        name = "window"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "people"
        clients = 3
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[cohort]]
        name = "slow"
        clients = 3
        join = { rooms = "lobby" }
        read = { rate = "2/s" }
        [[phase]]
        name = "steady"
        duration = "60s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Plan::new(read(&source, &Overrides::default()).unwrap())
}

#[test]
fn w_is_the_longest_arrival_and_a_quarter_more_within_its_bounds() {
    for (took_us, w_us) in [
        (0, S),
        (5_000, S),
        (8 * S / 10, S),
        (9 * S / 10, 1_125_000),
        (2_500_000, 3_125_000),
        (20 * S, 25 * S),
        (24 * S, 30 * S),
        (300 * S, 30 * S),
    ] {
        let plan = plan();
        let (mut took, mut part) = (Took::new(&plan), TookPart::default());
        took.note(&mut part, 0, 400 * S, 400 * S + took_us, false);
        // A quicker one changes nothing.
        took.note(&mut part, 0, 400 * S, 400 * S + took_us / 2, false);
        let mut windows = Windows::new(&plan);
        windows.take(&part);
        windows.advance(400 * S + took_us);
        let window = Window { on_its_way_us: w_us, overtaken_us: 0 };
        assert_eq!((took.window_us(0), windows.of(0)), (w_us, window), "{took_us}");
        assert_eq!((windows.widest(), windows.common()), (window, window), "{took_us}");
    }
}

#[test]
fn one_that_was_overtaken_tells_for_how_long_others_may_be() {
    let plan = plan();
    let (mut took, mut part) = (Took::new(&plan), TookPart::default());
    for (took_us, overtaken_us) in [(0, 0), (40_000, 80_000), (30_000, 80_000), (700_000, S)] {
        took.note(&mut part, 0, S, S + took_us, true);
        let mut windows = Windows::new(&plan);
        windows.take(&part);
        assert_eq!(windows.widest(), Window { on_its_way_us: S, overtaken_us });
    }
}

#[test]
fn who_reads_slowly_on_purpose_widens_nobody_elses_window() {
    let plan = with_slow_readers();
    let (mut took, mut part) = (Took::new(&plan), TookPart::default());
    took.note(&mut part, 1, S, 9 * S, false);
    took.note(&mut part, 0, S, 3 * S, false);
    let mut windows = Windows::new(&plan);
    windows.take(&part);
    windows.advance(S);
    let w_us = |window: Window| window.on_its_way_us;
    assert_eq!((took.window_us(0), took.window_us(1)), (2_500_000, 10 * S));
    assert_eq!((w_us(windows.of(0)), w_us(windows.of(1))), (2_500_000, 10 * S));
    assert_eq!((w_us(windows.common()), w_us(windows.widest())), (2_500_000, 10 * S));
    // What holds everybody up holds up who reads slowly too.
    took.note(&mut part, 0, S, 17 * S, false);
    assert_eq!(took.window_us(1), 20 * S);
}

#[test]
fn w_of_a_message_goes_by_what_was_sent_until_a_little_after_it() {
    let plan = plan();
    let (mut took, mut part) = (Took::new(&plan), TookPart::default());
    for (sent_s, took_s) in [(5, 2), (40, 4), (60, 8)] {
        took.note(&mut part, 0, sent_s * S, (sent_s + took_s) * S, false);
    }
    let w_us = |windows: &Windows| windows.of(0).on_its_way_us;
    // Whether all is known beforehand, or as it happens: the same.
    let mut known = Windows::new(&plan);
    known.take(&part);
    for (sent_us, expected_us) in [
        (0, 2_500_000),
        (30 * S - 1, 2_500_000),
        (30 * S, 5 * S),
        (49 * S, 5 * S),
        (50 * S, 10 * S),
        (90 * S, 10 * S),
    ] {
        known.advance(sent_us);
        assert_eq!(w_us(&known), expected_us, "sent {sent_us}");
    }
    assert!(known.later.is_empty());
    // One of long ago that is told of late counts all the same.
    let mut late = TookPart::default();
    took.note(&mut late, 0, 70 * S, 82 * S, false);
    known.take(&late);
    assert_eq!(w_us(&known), 15 * S);
}

#[test]
fn stamps_of_any_age_make_a_part_no_larger_than_31_seconds() {
    let plan = plan();
    let (mut took, mut part) = (Took::new(&plan), TookPart::default());
    for sent_us in (0..1_000 * S).step_by(100_000) {
        took.note(&mut part, 0, sent_us, 1_000 * S, sent_us % 7 == 0);
        let message = MessageId { room: 0, publisher: 0, seq: 0 };
        took.note_doubtful(&mut part, 0, (message, 0), sent_us, 1_000 * S);
    }
    assert!(part.doubtful.len() <= 31, "{}", part.doubtful.len());
    assert!(part.sure.len() <= 31, "{}", part.sure.len());
    assert_eq!(took.window_us(0), WINDOW_MAX_US);
}

#[test]
fn only_what_took_over_four_fifths_of_the_least_w_or_was_overtaken_is_told() {
    let plan = plan();
    // How long it took, whether it was overtaken -> what is told of it.
    for (took_us, overtaken, told) in [
        (800_000, false, None),
        (800_001, false, Some((800_001, 0))),
        (10, true, Some((10, 10))),
        (900_000, true, Some((900_000, 900_000))),
        (40 * S, false, Some((30 * S, 0))),
    ] {
        let (mut took, mut part) = (Took::new(&plan), TookPart::default());
        took.note(&mut part, 0, 70 * S + 999_999, 70 * S + 999_999 + took_us, overtaken);
        // Of one that is older than any may be, the second is that of the oldest.
        let second = if took_us > 30 * S { 80 } else { 70 };
        let told = told.map(|(any_us, overtaken_us)| (0, second, Longest { any_us, overtaken_us }));
        assert_eq!(part.sure, Vec::from_iter(told), "{took_us} {overtaken}");
    }
}

#[test]
fn of_those_that_may_be_copies_the_longest_of_each_second_is_kept() {
    let plan = with_slow_readers();
    let (mut took, mut part) = (Took::new(&plan), TookPart::default());
    let id = |seq| MessageId { room: 0, publisher: 1, seq };
    for (seq, cohort, sent_us, now_us) in [
        (0, 0, 50 * S + 100, 53 * S),
        (1, 0, 50 * S + 200, 53 * S),
        (2, 0, 50 * S + 50, 53 * S),
        // As long as the one before.
        (3, 0, 50 * S + 100, 53 * S + 50),
        (4, 1, 50 * S + 100, 59 * S + 100),
        (5, 0, 51 * S, 57 * S),
        // Of any age.
        (6, 0, 2 * S, 91 * S),
    ] {
        took.note_doubtful(&mut part, cohort, (id(seq), seq + 10), sent_us, now_us);
    }
    let of =
        |seq, lane, second, us| Doubtful { lane, second, us, message: id(seq), slot: seq + 10 };
    let expected =
        [of(2, 0, 50, 2_999_950), of(4, 2, 50, 9 * S), of(5, 0, 51, 6 * S), of(6, 0, 61, 30 * S)];
    assert_eq!(part.doubtful(), expected);
    assert!(part.sure.is_empty());
    assert_eq!(took.window_us(0), S, "they may be copies");
    // What is none widens W, and was overtaken.
    let mut windows = Windows::new(&plan);
    windows.take(&part);
    assert_eq!(windows.widest_by_cohort(), [Window { on_its_way_us: S, overtaken_us: 0 }; 2]);
    windows.take_doubtful(&expected[0]);
    windows.take_doubtful(&expected[1]);
    let first = Window { on_its_way_us: 3_749_937, overtaken_us: 3_749_937 };
    let second = Window { on_its_way_us: 11_250_000, overtaken_us: 11_250_000 };
    assert_eq!(windows.widest_by_cohort(), [first, second]);
    assert_eq!((windows.widest(), windows.common().on_its_way_us), (second, S));
    windows.advance(40 * S);
    assert_eq!([windows.of(0), windows.of(1)], [first, second]);
    assert_eq!(windows.common(), first);
}

#[test]
fn a_lane_that_no_plan_has_is_the_last() {
    let mut windows = Windows::new(&with_slow_readers());
    let longest = Longest { any_us: 8 * S, overtaken_us: 0 };
    windows.take(&TookPart { sure: vec![(9, 0, longest)], doubtful: Vec::new() });
    let w_us = windows.widest_by_cohort().iter().map(|of| of.on_its_way_us).collect::<Vec<_>>();
    assert_eq!(w_us, [S, 10 * S]);
}
