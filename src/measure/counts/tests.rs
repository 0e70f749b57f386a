//! What adds up, and what is told apart.

use super::*;

fn closed(code: u16) -> ErrorKey {
    let detail = Detail::Code(code);
    ErrorKey { kind: ErrorKind::Closed, detail, step: Step::Active, cohort: 0 }
}

#[test]
fn what_was_passed_over_and_came_after_all_is_not_lost() {
    let lost =
        |push_lost, push_found| Counts { push_lost, push_found, ..Counts::default() }.pushes_lost();
    assert_eq!((lost(5, 2), lost(5, 5), lost(3, 0)), (3, 0, 3));
    // In one second more may come than were passed over in it.
    assert_eq!(lost(0, 4), 0);
}

#[test]
fn what_a_number_told_is_added_to_what_is_known() {
    let mut counts = Counts {
        pushed: 10,
        push_lost: 20,
        push_found: 30,
        duplicated: 40,
        reordered: 50,
        push_renumbered: 60,
        push_forgotten: 70,
        ..Counts::default()
    };
    let told = Numbered {
        is_new: true,
        pushed: 2,
        lost: 3,
        found: true,
        duplicated: true,
        reordered: 4,
        renumbered: true,
        forgotten: 5,
    };
    counts.number(&told);
    let expected = Counts {
        pushed: 12,
        push_lost: 23,
        push_found: 31,
        duplicated: 41,
        reordered: 54,
        push_renumbered: 61,
        push_forgotten: 75,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    counts.number(&Numbered::UNNUMBERED);
    assert_eq!(counts, Counts { pushed: 13, ..expected });
    // A gap that no counter holds stays the most there is, and finds make it no smaller.
    counts.number(&Numbered { lost: u64::MAX - 5, found: true, ..Numbered::default() });
    assert_eq!((counts.push_lost, counts.pushes_lost()), (u64::MAX, u64::MAX));
    assert_eq!(counts.pushes_expected(), u64::MAX);
    let few = Counts { pushed: 7, push_lost: 5, push_found: 2, ..Counts::default() };
    assert_eq!(few.pushes_expected(), 10);
}

#[test]
fn a_clocks_step_is_the_coarsest_that_all_of_enough_times_keep_to() {
    // Times a second apart and so many microseconds past it, and what they are multiples of.
    let rows = [
        (10, 0, [10, 10, 10, 10], Some(1_000_000)),
        (10, 300_000, [10, 10, 10, 0], Some(100_000)),
        (10, 320_000, [10, 10, 0, 0], Some(10_000)),
        (10, 321_000, [10, 0, 0, 0], Some(1_000)),
        (10, 321_500, [0, 0, 0, 0], None),
        (9, 0, [9, 9, 9, 9], None),
    ];
    for (times, past_us, whole, step_us) in rows {
        let mut counts = Counts::default();
        for second in 0..times {
            counts.time(second * 1_000_000 + past_us, second < 4);
        }
        let expected = Counts {
            push_timed: times,
            push_future: 4,
            push_whole_1ms: whole[0],
            push_whole_10ms: whole[1],
            push_whole_100ms: whole[2],
            push_whole_1s: whole[3],
            ..Counts::default()
        };
        assert_eq!((counts, counts.push_clock_us()), (expected, step_us), "{past_us}");
        // One that is no multiple of any step.
        counts.time(7_000_001, false);
        assert_eq!(counts.push_clock_us(), None, "{past_us}");
    }
}

#[test]
fn of_two_errors_under_one_key_the_first_gives_the_example() {
    let told = |at_us: &[u64], name: &str| {
        let mut errors = Errors::default();
        at_us.iter().for_each(|at_us| errors.record(closed(1), *at_us, || name.to_owned()));
        errors
    };
    let entry = |count, first_us, last_us, example: &str| {
        let example = example.to_owned();
        vec![(closed(1), ErrorEntry { count, first_us, last_us, example })]
    };
    for (one, other, expected) in [
        (&[5, 9, 7][..], &[4][..], entry(4, 4, 9, "other")),
        (&[5], &[6, 8], entry(3, 5, 8, "one")),
        // At the same time: what was told first.
        (&[5, 6], &[5], entry(3, 5, 6, "one")),
    ] {
        let mut merged = told(one, "one");
        merged.merge(&told(other, "other"));
        assert_eq!(merged.sorted(), expected);
        assert_eq!(merged.total(), expected[0].1.count);
    }
    assert_eq!(told(&[9, 4], "late").sorted(), entry(2, 4, 9, "late"));
    let mut long = Errors::default();
    long.record(closed(1), 1, || "é".repeat(EXAMPLE_MAX + 1));
    assert_eq!(long.sorted(), entry(1, 1, 1, &"é".repeat(EXAMPLE_MAX)));
}

#[test]
fn ends_of_connections_by_code_reason_and_side() {
    let rows = |closes: &Closes| -> Vec<(u16, String, bool, u64)> {
        let all = closes.iter();
        all.map(|(of, count)| (of.code, of.reason.clone(), of.by_client, count)).collect()
    };
    let mut closes = Closes::default();
    for (code, reason, by_client) in [
        (1006, "", false),
        (1000, "bye", true),
        (1000, "bye", false),
        (1000, "bye", true),
        (1000, &"é".repeat(REASON_MAX + 1), true),
    ] {
        closes.record(code, reason, by_client);
    }
    let row = |code, reason: &str, by_client, count| (code, reason.to_owned(), by_client, count);
    let expected = [
        row(1000, "bye", false, 1),
        row(1000, "bye", true, 2),
        row(1000, &"é".repeat(REASON_MAX), true, 1),
        row(1006, "", false, 1),
    ];
    assert_eq!(rows(&closes), expected);
    let text = serde_json::to_string(&closes).unwrap();
    assert_eq!(serde_json::from_str::<Closes>(&text).unwrap(), closes);
    closes.merge(&closes.clone());
    assert_eq!(rows(&closes), expected.map(|(code, reason, by, n)| (code, reason, by, 2 * n)));
}

#[test]
fn reasons_past_the_bound_share_a_row_by_code_and_none_is_forgotten() {
    let (mut whole, mut merged) = (Closes::default(), Closes::default());
    for n in 0..100 {
        let mut part = Closes::default();
        for closes in [&mut whole, &mut part] {
            closes.record(4000 + n / 80, &format!("reason {n}"), false);
            closes.record(4000, "reason 0", false);
        }
        merged.merge(&part);
    }
    assert_eq!(whole, merged);
    let of = |code, reason: &str| {
        let same = |key: &CloseKey| key.code == code && key.reason == reason;
        whole.iter().find(|(key, _)| same(key)).map(|(_, count)| count)
    };
    assert_eq!((of(4000, "reason 0"), of(4000, "reason 63")), (Some(101), Some(1)));
    assert_eq!(of(4000, "reason 64"), None);
    let others = "(other reasons)";
    assert_eq!((of(4000, others), of(4001, others)), (Some(80 - 64), Some(20)));
    assert_eq!(whole.iter().count(), 64 + 2);
}

#[test]
fn details_past_the_bound_share_the_row_without_one_and_none_is_forgotten() {
    let mut whole = Errors::default();
    let mut merged = Errors::default();
    for code in 4_000..4_200 {
        whole.record(closed(code), u64::from(code), || format!("closed with {code}"));
        whole.record(closed(4_000), 9_000, String::new);
        let mut part = Errors::default();
        part.record(closed(code), u64::from(code), || format!("closed with {code}"));
        part.record(closed(4_000), 9_000, String::new);
        merged.merge(&part);
    }
    for errors in [&whole, &merged] {
        let sorted = errors.sorted();
        assert_eq!(sorted.len(), DETAILS_MAX + 1);
        assert_eq!(errors.total(), 400);
        let of = |key| sorted.iter().find(|(known, _)| *known == key).unwrap().1.count;
        assert_eq!(of(closed(4_000)), 201);
        assert_eq!(of(closed(4_063)), 1);
        let rest = ErrorKey { detail: Detail::None, ..closed(0) };
        assert_eq!(of(rest), 200 - DETAILS_MAX as u64);
    }
    assert_eq!(whole, merged);
}
