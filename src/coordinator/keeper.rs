//! Keeps the built-in server through a run: does to it what the plan says, when it says so, and
//! notes its figures.
//!
//! A task of its own, because starting a server takes a while, and the coordinator must go on
//! taking what the workers hand over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::builtin::BuiltinServer;
use crate::machine::clock::{Clock, micros};
use crate::machine::cpu::ProcessStat;
use crate::plan::Plan;
use crate::scenario::FaultKind;

/// How often the server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is known of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) stat: Option<ProcessStat>,
    /// How it ended although nobody asked it to, or why it did not come back.
    pub(super) ended: Option<String>,
}

/// The task's other end. Dropped, the server ends.
#[derive(Debug)]
pub(super) struct Keeper {
    seen: watch::Receiver<Seen>,
    look: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// One thing to do to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Freeze,
    Resume,
    Kill,
    Stop,
    StartAgain,
}

/// What the plan does to the server, by time.
fn actions(plan: &Plan) -> Vec<(u64, Action)> {
    let mut actions = Vec::new();
    for fault in &plan.faults {
        let at_us = fault.at_us;
        let after_us = |duration| at_us + micros(duration);
        match fault.kind {
            FaultKind::Freeze { duration } => {
                actions.push((at_us, Action::Freeze));
                actions.push((after_us(duration), Action::Resume));
            }
            FaultKind::Kill { down } => {
                actions.push((at_us, Action::Kill));
                actions.extend(down.map(|down| (after_us(down), Action::StartAgain)));
            }
            FaultKind::Restart { down } => {
                actions.push((at_us, Action::Stop));
                actions.push((after_us(down), Action::StartAgain));
            }
            FaultKind::Reset
            | FaultKind::Close { .. }
            | FaultKind::HalfOpen
            | FaultKind::Stall { .. }
            | FaultKind::Mark { .. } => {}
        }
    }
    // The plan's faults are in order, and one is over before the next.
    actions
}

impl Keeper {
    /// Begins with the run's clock, on a runtime whose thread has the priority a server needs.
    pub(super) fn start(
        mut server: BuiltinServer,
        plan: Arc<Plan>,
        clock: Clock,
        on: &Handle,
    ) -> Self {
        let (sender, seen) = watch::channel(Seen { stat: server.stat(), ended: None });
        let (stop, stopped) = oneshot::channel();
        let look = Arc::<Notify>::default();
        let asked = Arc::clone(&look);
        let task = on.spawn(async move {
            let mut watched = Watched { server, seen: sender, asked };
            tokio::select! {
                () = watched.keep(&plan, clock) => {}
                // A dropped sender says the same.
                _ = stopped => {}
            }
            // A frozen server would not notice that it is to end.
            let _ = watched.server.resume();
            watched.server.stop().await;
        });
        Self { seen, look, stop: Some(stop), task }
    }

    /// Looks at the server. While it is being started, what was seen before has to do.
    pub(super) async fn look(&mut self) -> Seen {
        self.seen.mark_unchanged();
        self.look.notify_one();
        let _ = tokio::time::timeout(LOOK_EVERY, self.seen.changed()).await;
        self.seen.borrow().clone()
    }

    /// Lets the server end, and waits for that.
    pub(super) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails only if the task is gone.
            let _ = stop.send(());
        }
        // Its panic would have been printed, and its server killed by the drop.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // With the task its server goes, which is killed when dropped.
        self.task.abort();
    }
}

struct Watched {
    server: BuiltinServer,
    seen: watch::Sender<Seen>,
    asked: Arc<Notify>,
}

impl Watched {
    async fn keep(&mut self, plan: &Plan, clock: Clock) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for (at_us, action) in actions(plan) {
            let due = Instant::from_std(clock.instant(at_us));
            loop {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(due) => break,
                    () = self.asked.notified() => self.look(),
                    _ = tick.tick() => self.look(),
                }
            }
            if let Err(error) = self.act(action).await {
                self.note_end(&format!("{} failed: {error}", action.words()));
            }
        }
        loop {
            tokio::select! {
                () = self.asked.notified() => self.look(),
                _ = tick.tick() => self.look(),
            }
        }
    }

    async fn act(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Freeze => self.server.freeze(),
            Action::Resume => self.server.resume(),
            Action::Kill => {
                self.server.kill().await;
                Ok(())
            }
            Action::Stop => {
                self.server.stop().await;
                Ok(())
            }
            Action::StartAgain => self.server.start_again().await,
        }
    }

    fn look(&mut self) {
        let stat = self.server.stat();
        self.seen.send_modify(|seen| seen.stat = stat);
        if let Some(how) = self.server.ended() {
            self.note_end(&how);
        }
    }

    fn note_end(&self, how: &str) {
        self.seen.send_modify(|seen| {
            seen.ended.get_or_insert_with(|| how.to_owned());
        });
    }
}

impl Action {
    const fn words(self) -> &'static str {
        match self {
            Self::Freeze => "freezing it",
            Self::Resume => "letting it go on",
            Self::Kill => "killing it",
            Self::Stop => "stopping it",
            Self::StartAgain => "starting it again",
        }
    }
}

#[cfg(test)]
mod tests;
