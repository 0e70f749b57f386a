//! A feed's events: one sequence for everyone, from 1 without gaps.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use super::session::unix_ms;
use super::state::Shared;
use crate::codec::ServerMessage;

/// Pushes an event each interval, for ever; dropped to stop it.
///
/// A tick that was missed because the machine was slow is skipped: its event never exists, so the
/// sequence has no gap and no burst follows. An injected stall holds connections, not this.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(shared.config.feed_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick is at once, before anyone can have connected.
    ticks.tick().await;
    for seq in 1_u64.. {
        ticks.tick().await;
        let timestamp_ms = unix_ms();
        shared.deliver(&ServerMessage::Feed { seq, timestamp_ms, value: value(seq) });
    }
}

/// Something that moves like a price and can be checked: a triangle between 100 and 101.
fn value(seq: u64) -> f64 {
    const HALF_PERIOD: u64 = 100;
    let place = seq % (2 * HALF_PERIOD);
    let hundredths = if place < HALF_PERIOD { place } else { 2 * HALF_PERIOD - place };
    100.0 + hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_a_triangle() {
        let rows = [(0, 100.0), (1, 100.01), (100, 101.0), (101, 100.99), (200, 100.0)];
        for (seq, expected) in rows {
            assert_eq!(value(seq), expected, "{seq}");
        }
    }
}
