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
