//! Shards that are merged equal one recorder that saw everything.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::measure::{ErrorKey, Failure, Moment, Recorder, RecoveryEvent};
use crate::metric::{Detail, ErrorKind, Step};
use crate::scenario::{Overrides, Source, read};

const S: u64 = 1_000_000;

fn plan() -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "shards"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "a"
        clients = 5
        [[cohort]]
        name = "b"
        clients = 5
        [[phase]]
        name = "ramp"
        duration = "5s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "5s"
        [[fault]]
        at = "6s"
        kind = "reset"
        clients = "50%"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

/// The same random recordings for every recorder that is asked.
fn record(recorder: &mut Recorder, rng: &mut Pcg64Mcg, at_us: u64) {
    let cohort = rng.random_range(0..2);
    let metric = Metric::ALL[rng.random_range(0..Metric::ALL.len())];
    recorder.latency(metric, cohort, at_us, rng.random_range(0..3_000_000));
    let counts = recorder.counts(cohort);
    counts.due += 2;
    counts.sent += rng.random_range(0..3);
    counts.reordered += rng.random_range(0..2);
    counts.bytes_received += rng.random_range(0..100_000);
    if rng.random::<f64>() < 0.3 {
        let kind = if rng.random() { ErrorKind::Reset } else { ErrorKind::TimedOut };
        // Past the bound it depends on the order which details are told apart.
        let detail = Detail::Status(rng.random_range(400..410));
        let key = ErrorKey { kind, detail, step: Step::Active, cohort: cohort as u16 };
        recorder.error(key, at_us, || format!("at {at_us}"));
        recorder.closes.record(1000 + rng.random_range(0..3), "", rng.random());
        let after_us = rng.random_range(0..S);
        let failure = Failure { at_us: 1, fault: Some(0) };
        for moment in [Moment::Hit, Moment::Back { after_us }] {
            recorder.recoveries.push(RecoveryEvent { failure, moment });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn shards_equal_one_recorder(seed: u64, workers in 1_u16..5) {
        let plan = plan();
        let mut whole = Recorder::new(Arc::clone(&plan));
        let mut shards: Vec<_> = (0..workers).map(|_| Recorder::new(Arc::clone(&plan))).collect();
        let mut merged = Totals::new(Arc::clone(&plan), usize::from(workers));
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        for step in 0..200 {
            let at_us = step * S / 20;
            let worker = rng.random_range(0..shards.len());
            let mut same = rng.clone();
            record(&mut shards[worker], &mut rng, at_us);
            record(&mut whole, &mut same, at_us);
            // Shards hand over now and then; every snapshot serialises.
            if rng.random::<f64>() < 0.1 {
                let worker = rng.random_range(0..shards.len());
                let snapshot = shards[worker].take(worker as u16, at_us + 1, WorkerHealth::default());
                let text = serde_json::to_string(&snapshot).unwrap();
                merged.take(serde_json::from_str(&text).unwrap());
            }
        }
        for (worker, shard) in shards.iter_mut().enumerate() {
            merged.take(shard.take(worker as u16, 10 * S, WorkerHealth::default()));
        }
        let mut single = Totals::new(Arc::clone(&plan), 1);
        single.take(whole.take(0, 10 * S, WorkerHealth::default()));

        prop_assert_eq!(merged.errors.sorted(), single.errors.sorted());
        prop_assert_eq!(&merged.closes, &single.closes);
        prop_assert_eq!(merged.recoveries.planned(), single.recoveries.planned());
        let parts = [None, Some(0), Some(1)];
        for cohort in parts {
            prop_assert_eq!(merged.counts(cohort), single.counts(cohort));
            for (metric, phase) in Metric::ALL.into_iter().flat_map(|m| parts.map(|p| (m, p))) {
                let (a, b) = (merged.latency(metric, cohort, phase), single.latency(metric, cohort, phase));
                prop_assert_eq!(a.inner(), b.inner());
                prop_assert_eq!(a.clipped(), b.clipped());
            }
        }
        let sum = |totals: &Totals, of: fn(&crate::measure::Point) -> u64| {
            totals.series.points().iter().map(of).sum::<u64>()
        };
        prop_assert_eq!(sum(&merged, |p| p.publishes), single.counts(None).sent);
        prop_assert_eq!(sum(&merged, |p| p.errors), single.errors.total());
        prop_assert_eq!(sum(&merged, |p| p.deliveries), sum(&single, |p| p.deliveries));
    }
}
