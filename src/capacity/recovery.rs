//! Whether a server is again what it was: a few clients, for two seconds, before each trial.

use super::model::Idle;
use crate::metric::Metric;
use crate::report::Report;
use crate::report::condition::upper_limit_us;

/// How much later than at first the 99th of 100 deliveries may be.
const SLOWER: f64 = 1.2;
/// What makes no difference, in microseconds: a probe is short, and its machine is no quiet one.
const NOISE_US: u64 = 2_000;
/// What is under this part of the limit decides no trial.
const OF_LIMIT: f64 = 0.2;

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// Everybody joined, and nothing was lost.
    Well(Idle),
    /// What was not as it should be.
    Ill(String),
}

/// What a probe's report says.
#[must_use]
pub fn health(report: &Report) -> Health {
    let clients = &report.clients;
    if clients.joined < clients.planned {
        let (joined, planned) = (clients.joined, clients.planned);
        return Health::Ill(format!("{joined} of {planned} clients joined"));
    }
    let lost = report.deliveries.lost.unwrap_or(0) + report.deliveries.unfinished.unwrap_or(0);
    if lost > 0 {
        return Health::Ill(format!("{lost} messages were lost"));
    }
    let p99 = report.latency.get(&Metric::Delivery).and_then(|latency| latency.p99.or(latency.max));
    Health::Well(Idle { clients: clients.planned, delivery_p99_us: p99 })
}

/// Whether a probe is as good as the first, or so much better than `thresholds` ask for that the difference
/// decides no trial: what keeps the machine busy must not seem to be the server's.
///
/// # Errors
///
/// What is not.
pub fn is_as_before(
    first: Idle,
    now: &Health,
    thresholds: &[(String, String)],
) -> Result<(), String> {
    let now = match now {
        Health::Well(now) => now,
        Health::Ill(why) => return Err(why.clone()),
    };
    let (Some(first), Some(now)) = (first.delivery_p99_us, now.delivery_p99_us) else {
        return Ok(());
    };
    let limits = thresholds.iter().filter(|(name, _)| name == "delivery.p99");
    let limits = limits.filter_map(|(_, condition)| upper_limit_us(condition));
    let of_limit = limits.map(|(limit_us, _)| (limit_us * OF_LIMIT) as u64).min().unwrap_or(0);
    let limit = ((first as f64 * SLOWER) as u64).max(first + NOISE_US).max(of_limit);
    if now <= limit {
        return Ok(());
    }
    use crate::units::format::duration_us;
    Err(format!("delivery.p99 was {}, and {} before", duration_us(now), duration_us(first)))
}
