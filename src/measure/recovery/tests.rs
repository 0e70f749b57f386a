//! Who was hit by what, and when they were back.

use super::*;
use crate::scenario::{Overrides, Source, read};

fn recoveries(faults: &str) -> Recoveries {
    let text = format!(
        r#"
        format = 1
        name = "recovery"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "all"
        clients = 100
        [[phase]]
        name = "steady"
        duration = "100s"
        {faults}
        "#
    );
    let source = Source { name: "test".to_owned(), text };
    Recoveries::new(Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap())))
}

fn hit(recoveries: &mut Recoveries, at_us: u64, fault: Option<u16>) {
    let failure = Failure { at_us, fault };
    recoveries.take(RecoveryEvent { failure, moment: Moment::Hit });
}

fn back(recoveries: &mut Recoveries, at_us: u64, fault: Option<u16>, after_us: u64) {
    let failure = Failure { at_us, fault };
    recoveries.take(RecoveryEvent { failure, moment: Moment::Back { after_us } });
}

const S: u64 = 1_000_000;

/// 100 clients up, once a second, up to an instant.
fn up(recoveries: &mut Recoveries, until_s: u64) {
    for second in 1..=until_s {
        recoveries.note_up(second * S, 100);
    }
}

#[test]
fn whom_the_plan_sends_home_is_in_no_share() {
    let mut recoveries = recoveries("[[fault]]\nat = \"5s\"\nkind = \"reset\"\nclients = \"4%\"\n");
    let home = |recoveries: &mut Recoveries, at_us, fault| {
        let failure = Failure { at_us, fault };
        recoveries.take(RecoveryEvent { failure, moment: Moment::SentHome });
    };
    up(&mut recoveries, 20);
    for n in 0..4 {
        hit(&mut recoveries, 5 * S, Some(0));
        hit(&mut recoveries, 15 * S, None);
        if n > 0 {
            home(&mut recoveries, 15 * S, None);
        }
    }
    for _ in 0..20 {
        hit(&mut recoveries, 15 * S, None);
    }
    back(&mut recoveries, 5 * S, Some(0), 10);
    back(&mut recoveries, 5 * S, Some(0), 30);
    home(&mut recoveries, 5 * S, Some(0));
    let row = recoveries.planned()[0].clone();
    assert_eq!((row.hit, row.back(), row.sent_home, row.awaited()), (4, 2, 1, 3));
    assert_eq!((row.time_to_us(0.5), row.time_to_us(1.0)), (Some(30), None));
    home(&mut recoveries, 5 * S, Some(0));
    assert_eq!(recoveries.planned()[0].time_to_us(1.0), Some(30));
    home(&mut recoveries, 5 * S, Some(0));
    home(&mut recoveries, 5 * S, Some(0));
    assert_eq!(recoveries.planned()[0].awaited(), 0);
    assert_eq!(recoveries.with_hits().count(), 0, "nobody is left to judge by");
    recoveries.finish();
    let outage = recoveries.outages()[0].clone();
    assert_eq!((outage.hit, outage.sent_home), (24, 3));
    assert_eq!(recoveries.with_hits().count(), 1);
}

#[test]
fn shares_count_from_those_hit() {
    let mut recoveries = recoveries("[[fault]]\nat = \"5s\"\nkind = \"reset\"\nclients = \"4%\"\n");
    let recovery = |recoveries: &Recoveries| recoveries.planned()[0].clone();
    assert_eq!(recovery(&recoveries).time_to_us(0.5), None);
    for _ in 0..4 {
        hit(&mut recoveries, 5 * S, Some(0));
    }
    for after_us in [30, 10, 20] {
        back(&mut recoveries, 5 * S, Some(0), after_us);
    }
    let recovery = recovery(&recoveries);
    assert_eq!((recovery.at_us, recovery.hit, recovery.back()), (5 * S, 4, 3));
    assert_eq!(recovery.time_to_us(0.5), Some(20));
    assert_eq!(recovery.time_to_us(0.75), Some(30));
    assert_eq!(recovery.time_to_us(0.99), None);
    assert_eq!(recovery.time_to_us(1.0), None);
}

#[test]
fn an_outage_is_over_a_tenth_of_the_clients_within_a_second() {
    // spread over how many seconds, clients lost -> hit
    let rows = [
        (900_000, 10, None), // exactly a tenth
        (900_000, 11, Some(11)),
        (1_900_000, 11, None), // too slowly
        (1_900_000, 60, Some(60)),
        (1, 1, None),
    ];
    for (over_us, lost, expected) in rows {
        let mut recoveries = recoveries("");
        up(&mut recoveries, 30);
        for n in 0..lost {
            hit(&mut recoveries, 20 * S + over_us * n / lost, None);
        }
        recoveries.advance(40 * S);
        let hits: Vec<_> = recoveries.outages().iter().map(|outage| outage.hit).collect();
        assert_eq!(hits, Vec::from_iter(expected), "{lost} within {over_us} us");
        if expected.is_some() {
            assert_eq!(recoveries.outages()[0].at_us, 20 * S);
        }
    }
}

#[test]
fn those_who_were_back_before_it_was_seen_and_those_who_came_later_both_count() {
    let mut recoveries = recoveries("");
    up(&mut recoveries, 30);
    for n in 0..40 {
        hit(&mut recoveries, 20 * S + n, None);
    }
    for n in 0..30 {
        back(&mut recoveries, 20 * S + n, None, 200_000 + n);
    }
    recoveries.advance(24 * S);
    for n in 30..40 {
        back(&mut recoveries, 20 * S + n, None, 9 * S);
    }
    recoveries.finish();
    let [outage] = recoveries.outages() else { panic!("{:?}", recoveries.outages()) };
    assert_eq!((outage.hit, outage.back()), (40, 40));
    assert_eq!(outage.time_to_us(0.5), Some(200_019));
    assert_eq!(outage.time_to_us(1.0), Some(9 * S));
}

#[test]
fn two_outages_are_two_and_a_lone_loss_between_them_is_none() {
    let mut recoveries = recoveries("");
    up(&mut recoveries, 60);
    for n in 0..50 {
        hit(&mut recoveries, 20 * S + n * 1_000, None);
        hit(&mut recoveries, 40 * S + n * 1_000, None);
    }
    hit(&mut recoveries, 30 * S, None);
    back(&mut recoveries, 30 * S, None, 5);
    for now_s in 1..60 {
        recoveries.advance(now_s * S);
    }
    recoveries.finish();
    let found: Vec<_> = recoveries.outages().iter().map(|o| (o.at_us, o.hit, o.back())).collect();
    assert_eq!(found, [(20 * S, 50, 0), (40 * S, 50, 0)]);
}

#[test]
fn what_the_plan_explains_is_no_outage() {
    let mut recoveries = recoveries(
        "[[fault]]\nat = \"20s\"\nkind = \"restart\"\nduration = \"3s\"\n\
         [[fault]]\nat = \"50s\"\nkind = \"mark\"\nlabel = \"deploy\"\nduration = \"2s\"\n",
    );
    up(&mut recoveries, 60);
    for n in 0..50 {
        hit(&mut recoveries, 20 * S + n, None);
        hit(&mut recoveries, 51 * S + n, None);
        back(&mut recoveries, 51 * S + n, None, 7);
        // After the mark's time.
        hit(&mut recoveries, 54 * S + n, None);
    }
    recoveries.finish();
    let found: Vec<_> = recoveries.planned().iter().map(|row| (row.hit, row.back())).collect();
    assert_eq!(found, [(50, 0), (50, 50)]);
    let outages: Vec<_> = recoveries.outages().iter().map(|row| (row.at_us, row.hit)).collect();
    assert_eq!(outages, [(54 * S, 50)]);
}

#[test]
fn what_was_lost_is_put_down_to_what_did_it() {
    let mut recoveries = recoveries(
        "[[fault]]\nat = \"20s\"\nkind = \"freeze\"\nduration = \"3s\"\n\
         [[fault]]\nat = \"50s\"\nkind = \"reset\"\nclients = \"10%\"\n",
    );
    up(&mut recoveries, 80);
    for n in 0..50 {
        hit(&mut recoveries, 70 * S + n, None);
    }
    recoveries.finish();
    let of = |fault, at_us| Some(Failure { at_us, fault });
    recoveries.blame(1, 50 * S, of(Some(1), 50 * S), true);
    recoveries.blame(1, 70 * S, of(None, 70 * S + 3), false);
    // Nobody's connection failed, but the server stood still.
    recoveries.blame(1, 21 * S, None, true);
    recoveries.blame(1, 60 * S, None, true);
    let tolls = |rows: &[Recovery]| -> Vec<_> {
        rows.iter().map(|row| (row.missed_away, row.lost)).collect()
    };
    assert_eq!(tolls(recoveries.planned()), [(0, 1), (0, 1)]);
    assert_eq!(tolls(recoveries.outages()), [(1, 0)]);
}

/// A run of days against a server that drops everyone every few seconds.
#[test]
fn a_flapping_server_takes_bounded_memory() {
    let mut recoveries = recoveries("");
    for second in 0..5_000 {
        recoveries.note_up(second * S, 100);
        if second % 5 == 4 {
            for n in 0..50 {
                hit(&mut recoveries, second * S + n, None);
            }
        }
        recoveries.advance(second * S);
    }
    assert_eq!(recoveries.outages().len(), OUTAGES_MAX);
    assert!(recoveries.bins.len() < 100 && recoveries.ups.len() < 100);
}

#[test]
fn what_no_fault_and_no_mark_took_is_counted_each_time() {
    let mut recoveries = recoveries(
        "[[fault]]\nat = \"5s\"\nkind = \"reset\"\nclients = \"4%\"\n\
         [[fault]]\nat = \"10s\"\nkind = \"mark\"\nlabel = \"deploy\"\nduration = \"2s\"\n",
    );
    for (at_us, fault, broken) in [
        (5 * S, Some(0), 0),
        (10 * S - 1, None, 1),
        (10 * S, None, 1),
        (12 * S - 1, None, 1),
        (12 * S + 1, None, 2),
        (50 * S, None, 3),
    ] {
        hit(&mut recoveries, at_us, fault);
        back(&mut recoveries, at_us, fault, 10);
        let failure = Failure { at_us, fault };
        recoveries.take(RecoveryEvent { failure, moment: Moment::SentHome });
        assert_eq!(recoveries.broken(), broken, "at {at_us}");
    }
}

#[test]
fn what_an_outage_is_by_who_was_up_and_who_was_lost_when() {
    const BIN: u64 = 100_000;
    type Pairs<T> = &'static [(u64, T)];
    type Row = (Pairs<u32>, Pairs<u64>, Vec<(u64, u64)>);
    // (When, how many up), (when, how many lost) -> outages: when, how many hit. In tenths of seconds.
    let rows: Vec<Row> = vec![
        // Ten stretches are a second, eleven are more.
        (&[(190, 100)], &[(200, 6), (209, 5)], vec![(200, 11)]),
        (&[(190, 100)], &[(200, 6), (210, 5)], vec![]),
        // Long before there were more, and later there will be.
        (&[(50, 1_000), (190, 100), (250, 1_000)], &[(200, 11)], vec![(200, 11)]),
        // The most of the three seconds before.
        (&[(170, 200), (180, 100)], &[(200, 15)], vec![]),
        (&[(169, 200), (180, 100)], &[(200, 15)], vec![(200, 15)]),
        (&[(170, 200), (180, 100)], &[(200, 21)], vec![(200, 21)]),
        // Of a stretch's end it is known a stretch later.
        (&[(50, 1_000), (201, 100)], &[(200, 15)], vec![(200, 15)]),
        (&[(50, 1_000), (202, 100)], &[(200, 15)], vec![]),
        // Before anybody told, by the first who does.
        (&[(250, 100)], &[(200, 11)], vec![(200, 11)]),
        (&[(250, 100)], &[(200, 10)], vec![]),
        // It goes on for as long as a second takes over a tenth; nobody is in two.
        (&[(190, 100)], &[(200, 6), (205, 6), (212, 6)], vec![(200, 12), (212, 6)]),
        (&[(190, 100)], &[(200, 6), (205, 6), (209, 6)], vec![(200, 18)]),
        // One alone is none.
        (&[(190, 5)], &[(200, 1)], vec![]),
        (&[(190, 5)], &[(200, 2)], vec![(200, 2)]),
    ];
    for (ups, lost, expected) in rows {
        let mut recoveries = recoveries("");
        ups.iter().for_each(|(at, up)| recoveries.note_up(at * BIN, *up));
        // One that went home before is no beginning.
        let failure = Failure { at_us: 199 * BIN, fault: None };
        recoveries.take(RecoveryEvent { failure, moment: Moment::SentHome });
        for (at, times) in lost {
            (0..*times).for_each(|n| hit(&mut recoveries, at * BIN + n, None));
        }
        recoveries.advance(40 * S);
        let found: Vec<_> =
            recoveries.outages().iter().map(|row| (row.at_us / BIN, row.hit)).collect();
        assert_eq!(found, expected, "{ups:?} {lost:?}");
        assert!(recoveries.outages().iter().all(|row| row.at_us % BIN == 0));
    }
}

#[test]
fn a_stretch_is_looked_at_when_every_worker_has_told_of_it() {
    let mut recoveries = recoveries("");
    up(&mut recoveries, 20);
    for n in 0..20 {
        hit(&mut recoveries, 20 * S + n, None);
    }
    recoveries.advance(22_599_999);
    assert!(recoveries.outages().is_empty());
    recoveries.advance(22_600_000);
    assert_eq!(recoveries.outages().len(), 1);
    recoveries.advance(40 * S);
    // Failures of its last stretch belong to it, later ones don't; nor do those of before it.
    for at_us in [20 * S, 20_099_999, 20_100_000, 19_999_999] {
        back(&mut recoveries, at_us, None, 7);
    }
    assert_eq!((recoveries.outages()[0].hit, recoveries.outages()[0].back()), (20, 2));
}

#[test]
fn of_how_many_were_up_the_last_seconds_are_kept() {
    let mut recoveries = recoveries("");
    up(&mut recoveries, 60);
    // Looked at up to 58 s, so that what goes back to 54 s may be asked for, and the one before.
    recoveries.advance(60_500_000);
    let kept: Vec<_> = recoveries.ups.iter().map(|(at_us, _)| at_us / S).collect();
    assert_eq!(kept, Vec::from_iter(53..=60));
    // The last that is known is kept however old.
    recoveries.advance(600 * S);
    assert_eq!(recoveries.ups, [(60 * S, 100)]);
}

#[test]
fn who_is_to_blame_is_told_by_kind_and_time() {
    let mut recoveries = recoveries(
        "[[fault]]\nat = \"20s\"\nkind = \"freeze\"\nduration = \"3s\"\n\
         [[fault]]\nat = \"50s\"\nkind = \"reset\"\nclients = \"10%\"\n",
    );
    up(&mut recoveries, 80);
    for second in [70, 75] {
        (0..50).for_each(|n| hit(&mut recoveries, second * S + n, None));
    }
    recoveries.finish();
    for (at_us, fault, expected) in [
        (51 * S, Some(1), Some(("reset", 50 * S))),
        (21 * S, None, Some(("freeze", 20 * S))),
        (51 * S, None, None),
        (70 * S + 1, None, Some((OUTAGE, 70 * S))),
        (75 * S + 1, None, Some((OUTAGE, 75 * S))),
        (51 * S, Some(9), None),
    ] {
        let failure = Failure { at_us, fault };
        assert_eq!(recoveries.to_blame(failure), expected, "{at_us} {fault:?}");
    }
}
