//! The name of a figure: `[cohort.NAME.][phase.NAME.]METRIC[.STAT]`, as thresholds have it.

use crate::metric::{Counter, Metric, Over, Resource, ResourceUnit, TARGET};

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time, in microseconds.
    Micros,
    /// A number of things.
    Number,
}

/// Counters of which more is worse. Of the others more may be better, or nothing at all.
const WORSE: [Counter; 19] = [
    Counter::Lost,
    Counter::AckedLost,
    Counter::Duplicated,
    Counter::Reordered,
    Counter::Corrupted,
    Counter::MissedAway,
    Counter::Uncertain,
    Counter::Unfinished,
    Counter::Unexpected,
    Counter::Late,
    Counter::PublishesNotSent,
    Counter::PublishesRejected,
    Counter::PublishesUnacked,
    Counter::ConnectionsFailed,
    Counter::ConnectionsLost,
    Counter::ConnectionsBroken,
    Counter::ClientsNeverJoined,
    Counter::ClientsNotBack,
    Counter::ClientsStoodStill,
];

/// A figure that runs are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// As written.
    pub name: String,
    /// Of this cohort only.
    pub cohort: Option<String>,
    /// Of this phase only.
    pub phase: Option<String>,
    /// Which.
    pub what: What,
}

/// What a figure is of.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A latency, in microseconds.
    Latency(Metric, Stat),
    /// A counter, by the name that thresholds use.
    Count(&'static str),
    /// CPU time of one side, a delivery, in microseconds.
    Cpu(Side),
    /// Bytes on the clients' sockets, a delivery.
    Bytes,
    /// What the server's processes used, or told themselves, by the name that thresholds have after
    /// `target.`.
    Target(String),
}

/// Which figure of a latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    /// Arithmetic mean.
    Mean,
    /// The largest.
    Max,
    /// 0 to 100, both excluded.
    Percentile(f64),
}

/// Which side of the connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    /// uproar's clients.
    Generator,
    /// The built-in server.
    Server,
}

/// Figures that belong to no latency and no counter.
const COSTS: [(&str, What); 3] = [
    ("generator.cpu", What::Cpu(Side::Generator)),
    ("server.cpu", What::Cpu(Side::Server)),
    ("bytes", What::Bytes),
];

impl Figure {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn parse(name: &str) -> Result<Self, String> {
        let mut rest = name;
        let mut scope = |what: &str| {
            let after = rest.strip_prefix(what)?.strip_prefix('.')?;
            let (named, after) = after.split_once('.')?;
            rest = after;
            Some(named.to_owned())
        };
        let (cohort, phase) = (scope("cohort"), scope("phase"));
        let figure = Self { name: name.to_owned(), what: what(rest)?, cohort, phase };
        let of_phase = matches!(
            figure.what,
            What::Latency(Metric::Delivery | Metric::DeliveryFromSent, Stat::Mean | Stat::Max)
        ) || matches!(
            figure.what,
            What::Latency(Metric::Delivery | Metric::DeliveryFromSent, Stat::Percentile(p))
                if told(p)
        );
        if figure.phase.is_some() && (figure.cohort.is_some() || !of_phase) {
            return Err(format!(
                "reports have `delivery` and `delivery_from_sent` of a phase, at {TOLD}"
            ));
        }
        match &figure.what {
            What::Latency(_, Stat::Percentile(p)) if figure.cohort.is_some() && !told(*p) => {
                Err(format!("reports have of a cohort {TOLD}"))
            }
            What::Count(_) | What::Cpu(_) | What::Bytes | What::Target(_)
                if figure.cohort.is_some() =>
            {
                Err(format!("`{rest}` is compared over all cohorts"))
            }
            _ => Ok(figure),
        }
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match &self.what {
            What::Target(name) => match Resource::from_name(name).map(Resource::unit) {
                Some(ResourceUnit::Time) => Unit::Micros,
                _ => Unit::Number,
            },
            What::Latency(..) | What::Cpu(_) => Unit::Micros,
            What::Count(_) | What::Bytes => Unit::Number,
        }
    }
}

fn what(text: &str) -> Result<What, String> {
    if let Some((_, cost)) = COSTS.iter().find(|(name, _)| *name == text) {
        return Ok(cost.clone());
    }
    if let Some(name) = text.strip_prefix(TARGET) {
        let is_told = Over::ALL.into_iter().any(|(_, over)| {
            name.strip_suffix(over)
                .and_then(|name| name.strip_suffix('.'))
                .is_some_and(|name| !name.is_empty())
        });
        return match Resource::from_name(name) {
            None if !is_told => Err(format!(
                "`{text}` is no figure of a server: write target.cpu_per_delivery, target.rss.max, or a \
                 metric that it tells with .max or .mean"
            )),
            _ => Ok(What::Target(name.to_owned())),
        };
    }
    if let Some((counter, name)) = Counter::ALL.into_iter().find(|(_, name)| *name == text) {
        return if counter == Counter::Errors {
            Ok(What::Count("errors"))
        } else if WORSE.contains(&counter) || counter == Counter::ClientsGaveUp {
            Ok(What::Count(name))
        } else {
            Err(format!("more of `{name}` is not worse: there is nothing to compare"))
        };
    }
    let (name, stat) = match text.split_once('.') {
        Some((name, stat)) => (name, stat),
        None => (text, ""),
    };
    let Some(metric) = Metric::from_name(name) else {
        let costs = COSTS.map(|(name, _)| name).join(", ");
        return Err(format!(
            "`{text}` is no figure: write a metric with a statistic, such as delivery.p99, a \
             counter such as lost, or a cost of a delivery ({costs})"
        ));
    };
    let stat = match stat {
        "mean" => Stat::Mean,
        "max" => Stat::Max,
        _ => match stat.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok()) {
            Some(percentile) if percentile > 0.0 && percentile < 100.0 => {
                Stat::Percentile(percentile)
            }
            _ => return Err(format!("write which: {name}.p50, {name}.p99, {name}.mean, ...")),
        },
    };
    Ok(What::Latency(metric, stat))
}

/// Percentiles that reports have without a histogram.
const TOLD: &str = "p50, p90, p95, p99, p99.9, mean and max";

fn told(percentile: f64) -> bool {
    [50.0, 90.0, 95.0, 99.0, 99.9].iter().any(|known: &f64| (known - percentile).abs() < 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_figure_is_refused() {
        for name in [
            "",
            "delivery",
            "delivery.p0",
            "delivery.p100",
            "delivery.count",
            "delivered",
            "expected",
            "cohort.a.lost",
            "cohort.a.delivery.p97",
            "phase.a.join.p50",
            "cohort.a.phase.b.delivery.p50",
            "bytes.p50",
            "latency",
            "target.",
            "target.cpu",
            "cohort.a.target.rss.max",
        ] {
            assert!(Figure::parse(name).is_err(), "{name}");
        }
    }
}
