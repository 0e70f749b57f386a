//! The value that a run has for a figure.

use crate::gate::{Figure, Side, Stat, What};
use crate::measure::{decode, percentile_has_enough, value_at};
use crate::metric::Metric;
use crate::report::{Latency, Report};

/// The figure of a run; `None` where it has none, or too few samples for it.
#[must_use]
pub fn of(figure: &Figure, report: &Report) -> Option<f64> {
    match &figure.what {
        What::Latency(metric, stat) => value(latency(figure, report, *metric)?, *stat),
        What::Count(pointer) => count(report, pointer),
        What::Cpu(side) => {
            let used = match side {
                Side::Generator => report.generator.cpu_s,
                Side::Server => report.server.as_ref()?.cpu_s,
            };
            a_delivery(report, used? * 1e6)
        }
        What::Target(name) => *report.resources.as_ref()?.figures.get(name)?,
        What::Bytes => a_delivery(report, report.bytes.sent as f64 + report.bytes.received as f64),
    }
}

fn latency<'a>(figure: &Figure, report: &'a Report, metric: Metric) -> Option<&'a Latency> {
    if let Some(name) = &figure.phase {
        let phase = report.phases.iter().find(|phase| phase.name == *name)?;
        return match metric {
            Metric::Delivery => phase.delivery.as_ref(),
            _ => phase.delivery_from_sent.as_ref(),
        };
    }
    match &figure.cohort {
        Some(name) => {
            report.cohorts.iter().find(|cohort| cohort.name == *name)?.latency.get(&metric)
        }
        None => report.latency.get(&metric),
    }
}

fn value(latency: &Latency, stat: Stat) -> Option<f64> {
    let percentile = match stat {
        Stat::Mean => return latency.mean,
        Stat::Max => return latency.max.map(|us| us as f64),
        Stat::Percentile(percentile) => percentile,
    };
    let is = |known: f64| (known - percentile).abs() < 1e-9;
    let us = if is(50.0) {
        latency.p50
    } else if is(90.0) {
        latency.p90
    } else if is(95.0) {
        latency.p95
    } else if is(99.0) {
        latency.p99
    } else if is(99.9) {
        latency.p99_9
    } else {
        let histogram = decode(latency.hdr.as_deref()?)?;
        let enough = percentile_has_enough(percentile, histogram.len());
        enough.then(|| value_at(&histogram, percentile))
    };
    us.map(|us| us as f64)
}

/// A counter by the name that thresholds use; `None` where it can't be known, or the report is of a
/// build that did not count it.
pub(super) fn count(report: &Report, name: &str) -> Option<f64> {
    if name == "errors" {
        return Some(report.errors.iter().map(|group| group.count as f64).sum());
    }
    // Names are those of the report's fields; those of `deliveries` stand without their prefix.
    let json = match name.split_once('.') {
        Some(("publishes", field)) => {
            serde_json::to_value(report.publishes).ok()?.get(field).cloned()
        }
        Some(("connections", field)) => {
            serde_json::to_value(report.connections).ok()?.get(field).cloned()
        }
        Some(("clients", field)) => serde_json::to_value(report.clients).ok()?.get(field).cloned(),
        _ => serde_json::to_value(report.deliveries).ok()?.get(name).cloned(),
    };
    json?.as_f64()
}

fn a_delivery(report: &Report, all: f64) -> Option<f64> {
    let delivered = report.deliveries.delivered;
    (delivered > 0).then(|| all / delivered as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Bytes, ProcessUse};

    fn report() -> Report {
        let latency = |p50: u64| Latency {
            count: 10,
            p50: Some(p50),
            mean: Some(p50 as f64 + 0.5),
            ..Latency::default()
        };
        let mut report = Report::default();
        report.latency.insert(Metric::Delivery, latency(10));
        report.cohorts = vec![crate::report::CohortFigures {
            name: "talkers".to_owned(),
            latency: [(Metric::Delivery, latency(20))].into(),
            ..Default::default()
        }];
        report.phases = vec![crate::report::PhaseFigures {
            name: "spike".to_owned(),
            delivery: Some(latency(30)),
            ..Default::default()
        }];
        report.deliveries.delivered = 4;
        report.deliveries.lost = Some(3);
        report.publishes.not_sent = 7;
        report.clients.never_joined = 2;
        report.generator = ProcessUse { cpu_s: Some(0.000_1), ..ProcessUse::default() };
        report.bytes = Bytes { sent: 10, received: 30 };
        report
    }

    #[test]
    fn each_statistic_is_its_own_field_and_other_percentiles_are_the_histograms() {
        let mut histogram =
            hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        (1..=1_000).for_each(|us| histogram.record(us).unwrap());
        let latency = Latency {
            mean: Some(1.5),
            p50: Some(2),
            p90: Some(3),
            p95: Some(4),
            p99: Some(5),
            p99_9: Some(6),
            max: Some(7),
            hdr: crate::measure::encode(&histogram),
            ..Latency::default()
        };
        for (stat, expected) in [
            (Stat::Mean, Some(1.5)),
            (Stat::Percentile(50.0), Some(2.0)),
            (Stat::Percentile(90.0), Some(3.0)),
            (Stat::Percentile(95.0), Some(4.0)),
            (Stat::Percentile(99.0), Some(5.0)),
            (Stat::Percentile(99.9), Some(6.0)),
            (Stat::Max, Some(7.0)),
            (Stat::Percentile(60.0), Some(600.0)),
            // A thousand are not enough for one in a thousand.
            (Stat::Percentile(99.5), None),
        ] {
            assert_eq!(value(&latency, stat), expected, "{stat:?}");
        }
    }

    #[test]
    fn what_a_delivery_costs_is_unknown_without_any() {
        let mut report = report();
        report.deliveries.delivered = 0;
        for name in ["bytes", "generator.cpu"] {
            assert_eq!(of(&Figure::parse(name).unwrap(), &report), None, "{name}");
        }
    }

    #[test]
    fn figures_are_those_of_the_report() {
        let mut report = report();
        report.connections.failed = 5;
        report.errors = [2, 3]
            .map(|count| crate::report::ErrorGroup {
                kind: crate::metric::ErrorKind::Io,
                detail: None,
                step: crate::metric::Step::Active,
                cohort: "talkers".to_owned(),
                count,
                first_s: 0.0,
                last_s: 0.0,
                example: String::new(),
            })
            .to_vec();
        for (name, expected) in [
            ("delivery.p50", Some(10.0)),
            ("delivery.mean", Some(10.5)),
            ("delivery.p99", None),
            ("spread.p50", None),
            ("cohort.talkers.delivery.p50", Some(20.0)),
            ("cohort.nobody.delivery.p50", None),
            ("phase.spike.delivery.p50", Some(30.0)),
            ("lost", Some(3.0)),
            ("acked_lost", None),
            ("publishes.not_sent", Some(7.0)),
            ("clients.never_joined", Some(2.0)),
            ("connections.failed", Some(5.0)),
            ("errors", Some(5.0)),
            ("generator.cpu", Some(25.0)),
            ("server.cpu", None),
            ("bytes", Some(10.0)),
        ] {
            assert_eq!(of(&Figure::parse(name).unwrap(), &report), expected, "{name}");
        }
    }
}
