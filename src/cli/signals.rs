//! Ctrl-C, SIGTERM and SIGHUP: the first ends the schedule and reports, the second stops waiting.

use std::io;

use nix::sys::signal::Signal as Raw;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::watch;

use crate::coordinator::{Signal, Stop};
use crate::machine::signals::is_ignored;

/// SIGHUP, which a terminal sends that is closed; none where this process is to outlive its terminal.
pub(super) struct Hangup(Option<unix::Signal>);

impl Hangup {
    pub(super) fn follow() -> io::Result<Self> {
        let followed = (!is_ignored(Raw::SIGHUP)).then(|| signal(SignalKind::hangup()));
        Ok(Self(followed.transpose()?))
    }

    /// Resolves when it comes.
    pub(super) async fn recv(&mut self) -> Option<()> {
        match &mut self.0 {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    }
}

/// Follows the signals for as long as the returned receiver or a clone of it lives.
pub(super) fn follow() -> io::Result<watch::Receiver<Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = Hangup::follow()?;
    let (sender, receiver) = watch::channel(Stop::default());
    tokio::spawn(async move {
        loop {
            let asked = tokio::select! {
                Some(()) = interrupt.recv() => Signal::Interrupt,
                Some(()) = terminate.recv() => Signal::Terminate,
                Some(()) = hangup.recv() => Signal::Hangup,
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
