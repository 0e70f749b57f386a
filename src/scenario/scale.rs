//! `--clients`, `--rate` and `--duration`: the same scenario, larger or smaller, faster or slower.
//!
//! Pure functions of a checked scenario. Each keeps the proportions of the file and says in its
//! error why it can't.

use std::time::Duration;

use super::check::{LONGEST_RUN, MAX_CLIENTS, MAX_RATE};
use super::model::{Load, Phase, Ramp, Scenario, To};

/// Where a fault's time is stretched beyond this, nothing of the run is left to meet it.
const LONGEST_STRETCH: Duration = Duration::from_secs(1_000 * 24 * 3600);

/// Shares `total` in proportion to `weights` by largest remainder, at least one each.
///
/// `None` if there are fewer than one for each, or if nothing weighs anything.
fn apportion(weights: &[u32], total: u32) -> Option<Vec<u32>> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if sum == 0 || (total as usize) < weights.len() {
        return None;
    }
    let exact = |weight: u32| u64::from(weight) * u64::from(total);
    let mut shares: Vec<u64> = weights.iter().map(|weight| (exact(*weight) / sum).max(1)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // Whoever was lifted to one already has more than its part, so it comes last.
    by_remainder.sort_by_key(|index| {
        let exact = exact(weights[*index]);
        (exact < sum, u64::MAX - exact % sum)
    });
    let given: u64 = shares.iter().sum();
    let total = u64::from(total);
    let missing = usize::try_from(total.saturating_sub(given)).ok()?;
    for index in by_remainder.into_iter().cycle().take(missing) {
        shares[index] += 1;
    }
    // Lifting to one may have given out too many: the largest can spare them.
    for _ in total..given {
        let largest = shares.iter_mut().max()?;
        *largest -= 1;
    }
    shares.into_iter().map(|share| u32::try_from(share).ok()).collect()
}

/// Gives the scenario `clients` clients in all. With `steady_ramps`, phases in which clients come or go
/// are stretched likewise, so that as many connect a second as before.
pub(super) fn clients(
    scenario: &mut Scenario,
    clients: u32,
    steady_ramps: bool,
) -> Result<(), String> {
    let cohorts = scenario.cohorts.len();
    if clients > MAX_CLIENTS {
        return Err("a run has at most 1,000,000 clients".to_owned());
    }
    let weights: Vec<u32> = scenario.cohorts.iter().map(|cohort| cohort.clients).collect();
    let Some(shares) = apportion(&weights, clients) else {
        return Err(match cohorts {
            1 => "a run needs at least 1 client".to_owned(),
            _ => format!("{cohorts} cohorts need at least {cohorts} clients"),
        });
    };
    for (cohort, share) in scenario.cohorts.iter_mut().zip(shares) {
        cohort.clients = share;
    }
    if steady_ramps {
        let before: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        ramps(scenario, f64::from(clients) / before as f64)?;
    }
    Ok(())
}

/// The shortest ramp, however few clients come up in it.
const SHORTEST_RAMP: Duration = Duration::from_millis(100);

/// Stretches the phases in which clients come or go, and faults within them.
fn ramps(scenario: &mut Scenario, factor: f64) -> Result<(), String> {
    let is_ramp = |phase: &super::Phase| phase.clients.from != phase.clients.to;
    let stretched = |phase: &super::Phase| {
        let shortest = SHORTEST_RAMP.min(phase.duration);
        // In whole microseconds, as the plan is.
        let us = (phase.duration.as_micros() as f64 * factor).round();
        Duration::from_micros(us as u64).clamp(shortest, LONGEST_STRETCH)
    };
    let all: Vec<_> = scenario
        .phases
        .iter()
        .map(|phase| {
            (phase.duration, if is_ramp(phase) { stretched(phase) } else { phase.duration })
        })
        .collect();
    let length = all.iter().fold(Duration::ZERO, |sum, (_, new)| sum.saturating_add(*new));
    if length > LONGEST_RUN {
        return Err("its ramps would take over 72 h with as many connects a second".to_owned());
    }
    for fault in &mut scenario.faults {
        // From its phase on, or from the start: what was within a phase stays at the same part of it.
        let (mut left, mut moved) = (fault.offset, Duration::ZERO);
        for (old, new) in &all[fault.phase.unwrap_or(0)..] {
            if left < *old {
                moved += new.mul_f64(left.as_secs_f64() / old.as_secs_f64());
                left = Duration::ZERO;
                break;
            }
            left -= *old;
            moved += *new;
        }
        let us = (moved + left).as_micros();
        fault.offset = Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX));
    }
    for (phase, (_, new)) in scenario.phases.iter_mut().zip(all) {
        phase.duration = new;
    }
    Ok(())
}

/// How long a probe's clients come up, and talk.
const PROBE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The same people for a moment: nobody leaves, nothing goes wrong, nothing is judged.
pub(super) fn probe(scenario: &mut Scenario) {
    scenario.faults.clear();
    scenario.thresholds.clear();
    for cohort in &mut scenario.cohorts {
        cohort.churn = None;
    }
    let level = |from: f64| Ramp { from, to: 1.0, steps: None };
    let phase = |name: &str, duration, clients, measure| Phase {
        name: name.to_owned(),
        duration,
        clients,
        rate: level(1.0),
        measure,
    };
    let [up, talk] = PROBE;
    scenario.phases =
        vec![phase("ramp", up, level(0.0), false), phase("probe", talk, level(1.0), true)];
}

/// Messages a second of every open-model cohort together, at a phase rate of 100 %.
fn open_rate(scenario: &Scenario) -> f64 {
    let rate = |cohort: &super::Cohort| {
        let publish = cohort.publish.as_ref()?;
        let rooms = match (publish.to, &cohort.join) {
            (To::All, Some(join)) => f64::from(join.per_client),
            _ => 1.0,
        };
        Some(match publish.load {
            Load::Rate(rate) => rate * f64::from(cohort.clients) * rooms,
            Load::TotalRate(rate) => rate * rooms,
            Load::Closed { .. } => 0.0,
        })
    };
    scenario.cohorts.iter().filter_map(rate).sum()
}

/// Makes open-model cohorts publish `rate` messages a second together.
pub(super) fn rate(scenario: &mut Scenario, rate: f64) -> Result<(), String> {
    let before = open_rate(scenario);
    if before <= 0.0 {
        return Err("no cohort publishes at a rate that could be scaled".to_owned());
    }
    if rate <= 0.0 || rate > MAX_RATE {
        return Err("the rate must be over 0/s and at most 1,000,000/s".to_owned());
    }
    for cohort in &mut scenario.cohorts {
        match cohort.publish.as_mut().map(|publish| &mut publish.load) {
            // What is left of one that is tiny would be nothing, and its part of all is not.
            Some(Load::Rate(each) | Load::TotalRate(each)) => *each = *each / before * rate,
            Some(Load::Closed { .. }) | None => {}
        }
    }
    Ok(())
}

/// Stretches phases and faults so that the run lasts `duration`.
pub(super) fn duration(scenario: &mut Scenario, duration: Duration) -> Result<(), String> {
    if duration > LONGEST_RUN {
        return Err("a run lasts at most 72 h".to_owned());
    }
    if duration.is_zero() {
        return Err("a run must last over 0 s".to_owned());
    }
    let before: u128 = scenario.phases.iter().map(|phase| phase.duration.as_micros()).sum();
    if before == 0 {
        return Err("there is nothing to stretch".to_owned());
    }
    // In microseconds, as the plan is. 1,000 days are 9e13 of them: the product is far from u128's end.
    let stretched = |of: Duration| {
        let exact = (of.as_micros() * duration.as_micros() + before / 2) / before;
        Duration::from_micros(u64::try_from(exact).unwrap_or(u64::MAX)).min(LONGEST_STRETCH)
    };
    // Ends are rounded, not lengths, so that lengths add up to the whole exactly.
    let mut end = Duration::ZERO;
    let mut last = Duration::ZERO;
    let mut lengths = Vec::new();
    for phase in &scenario.phases {
        end += phase.duration;
        let next = stretched(end);
        if next == last {
            return Err(format!("that leaves nothing of the phase `{}`", phase.name));
        }
        lengths.push(next - last);
        last = next;
    }
    for (phase, length) in scenario.phases.iter_mut().zip(lengths) {
        phase.duration = length;
    }
    for fault in &mut scenario.faults {
        fault.offset = stretched(fault.offset);
        if let Some(duration) = fault.kind.duration_mut() {
            *duration = stretched(*duration);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn apportioning() {
        for (weights, total, expected) in [
            (vec![1000], 10, Some(vec![10])),
            // 3:1 of 4.
            (vec![3, 1], 4, Some(vec![3, 1])),
            // 999:1 of 100 is 99.9 and 0.1; the one that would vanish keeps one client.
            (vec![999, 1], 100, Some(vec![99, 1])),
            (vec![999, 1], 2000, Some(vec![1998, 2])),
            // Thirds of 10: 3.33 each; the one that is left goes to the first.
            (vec![1, 1, 1], 10, Some(vec![4, 3, 3])),
            (vec![1000, 1, 1, 1], 4, Some(vec![1, 1, 1, 1])),
            (vec![1, 1], 1, None),
            (vec![1], 0, None),
            (vec![], 5, None),
        ] {
            assert_eq!(apportion(&weights, total), expected, "{weights:?} {total}");
        }
    }

    fn scenario(clients: u32, steady_ramps: bool) -> Scenario {
        let text = "format = 1\nname = \"a\"\n[target]\nbuiltin = \"echo\"\n[[cohort]]\nname = \"a\"\n\
                    clients = 100\n[[phase]]\nname = \"up\"\nduration = \"10s\"\n\
                    clients = \"0% -> 100%\"\n[[phase]]\nname = \"talk\"\nduration = \"20s\"\n\
                    [[fault]]\nat = \"up + 5s\"\nkind = \"reset\"\nclients = \"10%\"\n\
                    [[fault]]\nat = \"talk + 5s\"\nkind = \"reset\"\nclients = \"10%\"\n\
                    [[fault]]\nat = \"15s\"\nkind = \"reset\"\nclients = \"10%\"\n";
        let source = super::super::Source { name: "a".to_owned(), text: text.to_owned() };
        let overrides =
            super::super::Overrides { clients: Some(clients), steady_ramps, ..Default::default() };
        super::super::read(&source, &overrides).unwrap()
    }

    #[test]
    fn ramps_keep_their_connects_a_second_and_faults_their_part_of_a_phase() {
        let lengths = |scenario: &Scenario| {
            let seconds = |length: &Duration| length.as_secs_f64();
            let phases = scenario.phases.iter().map(|phase| seconds(&phase.duration));
            let faults = scenario.faults.iter().map(|fault| seconds(&fault.offset));
            (phases.collect::<Vec<_>>(), faults.collect::<Vec<_>>())
        };
        let of = |clients, steady| lengths(&scenario(clients, steady));
        assert_eq!(of(300, false), (vec![10.0, 20.0], vec![5.0, 5.0, 15.0]));
        // 15 s from the start is 5 s into the second phase, which now begins at 30 s.
        assert_eq!(of(300, true), (vec![30.0, 20.0], vec![15.0, 5.0, 35.0]));
        assert_eq!(of(10, true), (vec![1.0, 20.0], vec![0.5, 5.0, 6.0]));
        assert_eq!(of(100, true), of(100, false));
        // However few there are, a ramp is one.
        assert_eq!(of(1, true).0, [0.1, 20.0]);
    }

    #[test]
    fn a_probe_is_short_and_nothing_goes_wrong_in_it() {
        let mut scenario = scenario(100, false);
        probe(&mut scenario);
        let length: Duration = scenario.phases.iter().map(|phase| phase.duration).sum();
        assert_eq!(length, PROBE[0] + PROBE[1]);
        assert!(scenario.faults.is_empty() && scenario.thresholds.is_empty());
    }

    proptest! {
        #[test]
        fn shares_add_up_and_keep_proportion(
            weights in prop::collection::vec(1u32..1_000_000, 1..20),
            total in 20u32..1_000_000,
        ) {
            let shares = apportion(&weights, total).unwrap();
            prop_assert_eq!(shares.iter().sum::<u32>(), total);
            prop_assert!(shares.iter().all(|share| *share >= 1));
            let sum: f64 = weights.iter().copied().map(f64::from).sum();
            for (weight, share) in weights.iter().zip(&shares) {
                let exact = f64::from(*weight) * f64::from(total) / sum;
                // Lifting the small ones to one takes at most one from the others for each.
                prop_assert!((f64::from(*share) - exact).abs() <= weights.len() as f64);
            }
        }

        #[test]
        fn as_many_as_before_changes_nothing(weights in prop::collection::vec(1u32..10_000, 1..20)) {
            let total = weights.iter().sum();
            prop_assert_eq!(apportion(&weights, total), Some(weights));
        }
    }
}
