//! How long the worker's thread runs without parking. While it runs it looks at no socket, so an
//! arrival's time can be late by that much.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use tokio::runtime::Builder;

use crate::machine::clock::micros;
use crate::measure::Hist;

thread_local! {
    static UNPARKED: Cell<Option<Instant>> = const { Cell::new(None) };
    static TURNS: RefCell<Hist> = RefCell::new(Hist::default());
}

/// Makes a runtime's thread note its turns. The hooks are called on the thread itself, which is
/// why thread-local state is enough.
pub(super) fn observe(builder: &mut Builder) {
    builder.on_thread_unpark(|| UNPARKED.set(Some(Instant::now())));
    builder.on_thread_park(|| {
        if let Some(since) = UNPARKED.take() {
            TURNS.with_borrow_mut(|turns| turns.record(micros(since.elapsed())));
        }
    });
}

/// Every turn since the last call.
pub(super) fn take() -> Hist {
    TURNS.take()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_turn_is_as_long_as_the_thread_ran_and_not_as_it_was_parked() {
        const BUSY: Duration = Duration::from_millis(60);
        const PARKED: Duration = Duration::from_secs(2);
        let mut builder = Builder::new_current_thread();
        observe(builder.enable_all());
        let runtime = builder.build().unwrap();
        take();
        runtime.block_on(async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                // Blocks the thread, as a client that computes for long would.
                std::thread::sleep(BUSY);
            }
            tokio::time::sleep(PARKED).await;
        });
        let turns = take();
        let busy_us = micros(BUSY);
        let long = turns.inner().iter_recorded().filter(|of| of.value_iterated_to() >= busy_us);
        // A busy machine may stretch others.
        assert!(long.map(|of| of.count_since_last_iteration()).sum::<u64>() >= 3);
        assert!(turns.inner().max() < micros(PARKED), "{}", turns.inner().max());
        assert!(take().is_empty(), "taken once");
    }
}
