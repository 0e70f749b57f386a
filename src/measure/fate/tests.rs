//! The ledger's rule in tables.

use super::*;

const S: u64 = 1_000_000;
/// Where nothing took over a second and nothing was overtaken.
const QUICK: Window = Window { on_its_way_us: S, overtaken_us: 0 };

fn sent(sent_us: u64) -> Evidence {
    Evidence {
        sent_us,
        heard: false,
        died_with_publisher: false,
        rejected: false,
        addressed: true,
        away: Away::Missed,
        window: QUICK,
        until_us: None,
    }
}

/// Two stays: joined 1.0-1.1 s, failed at 10 s; back 12.0-12.1 s, left 20.0-20.1 s.
fn stays() -> Vec<Stay> {
    let mut first = Stay::begin(S);
    first.joined_us = Some(S + 100_000);
    first.failed_us = Some(10 * S);
    let mut second = Stay::begin(12 * S);
    second.joined_us = Some(12 * S + 100_000);
    second.leave_written_us = Some(20 * S);
    second.left_us = Some(20 * S + 100_000);
    vec![first, second]
}

#[test]
fn the_rule_in_a_table() {
    use Fate::{CutOff, Delivered, Joining, Lost, MissedAway, NotMember, Uncertain};
    // sent, heard, later heard, died with the publisher -> fate
    let rows = [
        (S - 1, false, false, false, NotMember),      // before J0
        (S - 1, true, false, false, Joining),         // overtaken by the join
        (S, false, false, false, Joining),            // J0 <= S < J1, not arrived
        (S + 99_999, true, true, false, Joining),     // J0 <= S < J1, arrived
        (S + 100_000, true, false, false, Delivered), // J1 <= S
        (S + 100_000, false, false, false, Lost),
        (9 * S - 1, false, false, false, Lost), // S < F - W
        (9 * S - 1, false, false, true, Uncertain),
        (9 * S, false, false, false, Uncertain), // F - W <= S <= F
        (9 * S, false, true, false, Lost),
        (9 * S, true, false, false, Delivered), // whatever arrives
        (10 * S, false, false, false, Uncertain),
        (10 * S + 1, false, false, false, MissedAway), // F < S < J0
        (12 * S - 1, false, false, false, MissedAway),
        (12 * S - 1, true, false, false, Joining),
        (12 * S, false, true, false, Joining), // J0 of the return
        (12 * S + 100_000, true, false, false, Delivered),
        (19 * S - 1, false, false, false, Lost),
        (19 * S, false, false, false, CutOff), // L0 - W <= S < L0
        (19 * S, false, true, false, Lost),
        (20 * S, false, true, false, CutOff), // L0 <= S <= L1
        (20 * S, false, true, true, CutOff),
        (20 * S + 100_000, true, false, false, Uncertain),
        (20 * S + 100_001, false, false, false, NotMember), // L1 < S
    ];
    for (sent_us, heard, later, died_with_publisher, expected) in rows {
        let evidence = Evidence { heard, died_with_publisher, ..sent(sent_us) };
        let (found, _) = fate(&stays(), evidence, |_| later);
        assert_eq!(found, expected, "sent {sent_us}, heard {heard}, later {later}");
    }
}

#[test]
fn what_is_replayed_on_return_in_a_table() {
    use Fate::{Delivered, Joining, Lost, MissedAway, NotMember, Replayed};
    // sent, heard -> fate where messages of the time away are replayed, and where they are not
    let rows = [
        (S - 1, true, Joining, Joining), // overtaken by the first join
        (9 * S - 1, false, Lost, Lost),
        (9 * S, true, Delivered, Delivered), // on its way when the connection failed
        (10 * S, true, Delivered, Delivered),
        (10 * S + 1, true, Replayed, Joining), // F < S < J0
        (10 * S + 1, false, MissedAway, MissedAway),
        (12 * S - 1, true, Replayed, Joining),
        (12 * S, true, Joining, Joining), // J0 of the return <= S < J1
        (12 * S + 100_000, true, Delivered, Delivered),
        (20 * S + 100_001, true, Replayed, Joining), // L1 < S, away on purpose
        (20 * S + 100_001, false, NotMember, NotMember),
    ];
    for (sent_us, heard, replaying, not) in rows {
        for (away, expected) in [(Away::Replayed, replaying), (Away::Missed, not)] {
            let evidence = Evidence { heard, away, ..sent(sent_us) };
            let (found, _) = fate(&stays(), evidence, |_| false);
            assert_eq!(found, expected, "sent {sent_us}, heard {heard}, {away:?}");
        }
    }
}

#[test]
fn history_from_long_before_the_first_join_is_replayed_whatever_the_protocol() {
    let mut stays = stays();
    stays.iter_mut().for_each(|stay| stay.join_written_us += 5 * S);
    for away in [Away::Missed, Away::Replayed] {
        let of =
            |sent_us, heard| fate(&stays, Evidence { heard, away, ..sent(sent_us) }, |_| false).0;
        assert_eq!(of(5 * S - 1, true), Fate::Replayed);
        assert_eq!(of(5 * S, true), Fate::Joining, "a join may overtake it");
        assert_eq!(of(5 * S - 1, false), Fate::NotMember);
    }
    let nowhere = Evidence { heard: true, ..sent(S) };
    assert_eq!(fate(&[], nowhere, |_| false).0, Fate::Joining);
}

#[test]
fn who_is_not_addressed_expects_nothing_and_hears_what_is_not_meant_for_it() {
    for sent_us in [S / 2, 5 * S, 11 * S, 15 * S, 30 * S] {
        let not_for_it = Evidence { addressed: false, ..sent(sent_us) };
        assert_eq!(fate(&stays(), not_for_it, |_| true), (Fate::NotMember, None));
        let heard = Evidence { heard: true, ..not_for_it };
        assert_eq!(fate(&stays(), heard, |_| true), (Fate::Unexpected, None));
    }
}

#[test]
fn what_the_server_refuses_is_not_lost_and_what_arrives_all_the_same_is_delivered() {
    for sent_us in [5 * S, 9 * S, 11 * S, 15 * S, 19 * S] {
        let refused = Evidence { rejected: true, ..sent(sent_us) };
        assert_eq!(fate(&stays(), refused, |_| true), (Fate::Refused, None));
    }
    let heard = Evidence { rejected: true, heard: true, ..sent(5 * S) };
    assert_eq!(fate(&stays(), heard, |_| true).0, Fate::Delivered);
}

#[test]
fn a_fault_is_to_blame_from_a_window_before_it() {
    let mut stays = stays();
    stays[0].fault = Some(3);
    let blamed = |sent_us| fate(&stays, sent(sent_us), |_| true);
    assert_eq!(blamed(9 * S - 1), (Fate::Lost, None));
    let failure = Some(Failure { at_us: 10 * S, fault: Some(3) });
    assert_eq!(blamed(9 * S), (Fate::Lost, failure));
    assert_eq!(blamed(11 * S), (Fate::MissedAway, failure));
    assert_eq!(blamed(13 * S), (Fate::Lost, None));
}

#[test]
fn who_never_was_a_member_misses_nothing() {
    let mut failed = Stay::begin(S);
    failed.failed_us = Some(2 * S);
    assert_eq!(fate(&[failed], sent(3 * S), |_| false).0, Fate::NotMember);
    // A member whose return failed is still away.
    let mut again = Stay::begin_after(11 * S, Some(&stays()[0]));
    again.failed_us = Some(12 * S);
    assert_eq!(fate(&[stays()[0], again], sent(13 * S), |_| false).0, Fate::MissedAway);
}

#[test]
fn a_client_that_never_comes_back_misses_nothing() {
    let mut stays = stays();
    stays[0].gone_us = Some(11 * S);
    stays.truncate(1);
    assert_eq!(fate(&stays, sent(10 * S + 5), |_| false).0, Fate::MissedAway);
    assert_eq!(fate(&stays, sent(11 * S + 5), |_| false).0, Fate::NotMember);
}

/// One stay from 1 s on, and how it ends.
fn one_stay(end: Option<End>) -> Stay {
    let mut stay = Stay::begin(S);
    stay.joined_us = Some(S + 100_000);
    match end {
        Some(End::Failed(at_us)) => stay.failed_us = Some(at_us),
        Some(End::ByPlan(at_us)) => {
            stay.failed_us = Some(at_us);
            stay.fault = Some(0);
        }
        Some(End::Left(at_us)) => {
            stay.leave_written_us = Some(at_us);
            stay.left_us = Some(at_us + 100_000);
        }
        None => {}
    }
    stay
}

#[derive(Clone, Copy, Debug)]
enum End {
    Failed(u64),
    /// A fault of the plan took the connection.
    ByPlan(u64),
    Left(u64),
}

#[test]
fn what_may_have_been_on_its_way_goes_by_how_long_others_took() {
    use Fate::{CutOff, Delivered, Lost, Uncertain, Unfinished};
    const SLOW: Window = Window { on_its_way_us: 3 * S, overtaken_us: 0 };
    // The stay's own end, when the run stopped listening, W, sent -> fate if not heard, and if a
    // later one was heard
    let (failed, left) = (Some(End::Failed(20 * S)), Some(End::Left(20 * S)));
    let by_plan = Some(End::ByPlan(20 * S));
    let (goes_on, ended) = (None, Some(20 * S));
    let rows = [
        (failed, goes_on, QUICK, 19 * S - 1, Lost, Lost),
        (failed, goes_on, QUICK, 19 * S, Uncertain, Lost),
        (failed, goes_on, SLOW, 17 * S - 1, Lost, Lost),
        (failed, goes_on, SLOW, 17 * S, Uncertain, Lost),
        (left, goes_on, SLOW, 17 * S - 1, Lost, Lost),
        (left, goes_on, SLOW, 17 * S, CutOff, Lost),
        (by_plan, goes_on, SLOW, 17 * S - 1, Lost, Lost),
        (by_plan, goes_on, SLOW, 17 * S, CutOff, Lost),
        // Nobody stopped listening yet: it is too old to come.
        (None, goes_on, SLOW, 17 * S, Lost, Lost),
        (None, ended, QUICK, 19 * S - 1, Lost, Lost),
        (None, ended, QUICK, 19 * S, Unfinished, Lost),
        (None, ended, SLOW, 17 * S - 1, Lost, Lost),
        (None, ended, SLOW, 17 * S, Unfinished, Lost),
        (None, ended, SLOW, 20 * S, Unfinished, Lost),
        // Its own end came first: that is what cut it off, or did not.
        (Some(End::Left(16 * S)), ended, SLOW, 15 * S, CutOff, Lost),
        (Some(End::Left(16 * S)), ended, SLOW, 13 * S - 1, Lost, Lost),
        (Some(End::Failed(19 * S)), ended, SLOW, 18 * S, Uncertain, Lost),
        (Some(End::ByPlan(19 * S)), ended, SLOW, 18 * S, CutOff, Lost),
        // The run's end came first.
        (Some(End::ByPlan(21 * S)), ended, SLOW, 18 * S, Unfinished, Lost),
    ];
    for (end, until_us, window, sent_us, alone, passed_over) in rows {
        let stays = [one_stay(end)];
        let evidence = Evidence { window, until_us, ..sent(sent_us) };
        let of = |evidence, later| fate(&stays, evidence, |_| later).0;
        assert_eq!(of(evidence, false), alone, "{end:?}, {until_us:?}, sent {sent_us}");
        assert_eq!(of(evidence, true), passed_over, "{end:?}, {until_us:?}, sent {sent_us}");
        let heard = Evidence { heard: true, ..evidence };
        assert_eq!(of(heard, true), Delivered);
    }
}

#[test]
fn who_hears_a_later_one_may_still_hear_it_where_messages_overtake_each_other() {
    use Fate::{CutOff, Lost, Uncertain, Unfinished};
    let window = Window { on_its_way_us: 3 * S, overtaken_us: 2 * S };
    for (end, until_us, may_come) in [
        (Some(End::Failed(20 * S)), None, Uncertain),
        (Some(End::ByPlan(20 * S)), None, CutOff),
        (Some(End::Left(20 * S)), None, CutOff),
        (None, Some(20 * S), Unfinished),
    ] {
        let stays = [one_stay(end)];
        let of = |sent_us, later| {
            fate(&stays, Evidence { window, until_us, ..sent(sent_us) }, |_| later).0
        };
        assert_eq!(of(18 * S, true), may_come, "{end:?}");
        assert_eq!(of(18 * S - 1, true), Lost, "{end:?}");
        assert_eq!(of(18 * S - 1, false), may_come, "{end:?}");
        assert_eq!(of(17 * S - 1, false), Lost, "{end:?}");
    }
}

/// A fault of the plan may not excuse a server that is to send again what it held back; a leave does.
#[test]
fn what_is_to_be_sent_again_is_not_cut_off_by_a_fault() {
    for (end, away, expected) in [
        (End::ByPlan(20 * S), Away::Missed, Fate::CutOff),
        (End::ByPlan(20 * S), Away::Replayed, Fate::Uncertain),
        (End::Failed(20 * S), Away::Missed, Fate::Uncertain),
        (End::Failed(20 * S), Away::Replayed, Fate::Uncertain),
        (End::Left(20 * S), Away::Replayed, Fate::CutOff),
    ] {
        let evidence = Evidence { away, ..sent(20 * S - 1) };
        assert_eq!(fate(&[one_stay(Some(end))], evidence, |_| false).0, expected, "{end:?}");
    }
}

#[test]
fn what_ended_a_stay_first_decides() {
    let mut stay = one_stay(Some(End::Left(20 * S)));
    stay.left_us = None;
    for (failed_us, expected) in [(20 * S - 2, Fate::Uncertain), (20 * S + 5, Fate::CutOff)] {
        stay.failed_us = Some(failed_us);
        assert_eq!(fate(&[stay], sent(19 * S + 7), |_| false).0, expected, "failed {failed_us}");
    }
}

#[test]
fn the_end_of_the_run_changes_nothing_for_who_was_not_in() {
    let ended = |sent_us| Evidence { until_us: Some(sent_us), ..sent(sent_us) };
    for sent_us in [S / 2, S, 11 * S, 12 * S, 30 * S] {
        let before = fate(&stays(), sent(sent_us), |_| false);
        assert_eq!(fate(&stays(), ended(sent_us), |_| false), before, "{sent_us}");
    }
    let refused = Evidence { rejected: true, ..ended(15 * S) };
    assert_eq!(fate(&stays(), refused, |_| false).0, Fate::Refused);
    let not_for_it = Evidence { addressed: false, ..ended(15 * S) };
    assert_eq!(fate(&stays(), not_for_it, |_| false).0, Fate::NotMember);
    let died = Evidence { died_with_publisher: true, ..ended(15 * S) };
    assert_eq!(fate(&[one_stay(None)], died, |_| false).0, Fate::Uncertain);
}

#[test]
fn a_slow_server_overtakes_a_join_by_as_much() {
    let window = Window { on_its_way_us: 3 * S, overtaken_us: 0 };
    let mut stay = Stay::begin(10 * S);
    stay.joined_us = Some(10 * S + 1);
    let of = |sent_us| fate(&[stay], Evidence { window, heard: true, ..sent(sent_us) }, |_| false);
    assert_eq!(of(7 * S).0, Fate::Joining);
    assert_eq!(of(7 * S - 1).0, Fate::Replayed);
}

#[test]
fn a_fault_is_to_blame_from_w_before_it() {
    let window = Window { on_its_way_us: 3 * S, overtaken_us: 0 };
    let of = |sent_us| fate(&stays(), Evidence { window, ..sent(sent_us) }, |_| true);
    assert_eq!(of(7 * S - 1), (Fate::Lost, None));
    assert_eq!(of(7 * S), (Fate::Lost, Some(Failure { at_us: 10 * S, fault: None })));
}
