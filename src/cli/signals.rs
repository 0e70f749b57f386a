//! Ctrl-C and SIGTERM: the first ends the schedule and reports, the second stops waiting.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::coordinator::{Signal, Stop};

/// Follows the signals for as long as the returned receiver or a clone of it lives.
pub(super) fn follow() -> io::Result<watch::Receiver<Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(Stop::default());
    tokio::spawn(async move {
        loop {
            let asked = tokio::select! {
                Some(()) = interrupt.recv() => Signal::Interrupt,
                Some(()) = terminate.recv() => Signal::Terminate,
                () = sender.closed() => return,
                else => return,
            };
            sender.send_modify(|stop| {
                stop.now = stop.asked.is_some();
                stop.asked.get_or_insert(asked);
            });
        }
    });
    Ok(receiver)
}
