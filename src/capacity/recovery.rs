//! Whether a server is again what it was: a few clients, for two seconds, before each trial.

use super::model::Idle;
use crate::metric::Metric;
use crate::report::Report;

/// How much later than at first the 99th of 100 deliveries may be.
const SLOWER: f64 = 1.2;
/// What makes no difference, in microseconds: a probe is short, and its machine is no quiet one.
const NOISE_US: u64 = 2_000;

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

/// Whether a probe is as good as the first.
///
/// # Errors
///
/// What is not.
pub fn is_as_before(first: Idle, now: &Health) -> Result<(), String> {
    let now = match now {
        Health::Well(now) => now,
        Health::Ill(why) => return Err(why.clone()),
    };
    let (Some(first), Some(now)) = (first.delivery_p99_us, now.delivery_p99_us) else {
        return Ok(());
    };
    let limit = ((first as f64 * SLOWER) as u64).max(first + NOISE_US);
    if now <= limit {
        return Ok(());
    }
    use crate::units::format::duration_us;
    Err(format!("delivery.p99 was {}, and {} before", duration_us(now), duration_us(first)))
}
