//! How the coordinator reaches a worker. Everything that crosses is plain data that serialises,
//! so that a worker can be a thread, a process, or an agent elsewhere.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::client::Target;
use crate::measure::Snapshot;
use crate::plan::Plan;

/// From the coordinator to a worker.
#[derive(Clone, Debug)]
pub enum Command {
    /// What the worker's part is.
    Prepare(Box<Prepare>),
    /// The run's zero on the monotonic clock. A link that leaves the machine has to translate it.
    Start {
        /// Zero of the run's clock.
        epoch: tokio::time::Instant,
    },
    /// Nothing new is due any more; hand over snapshots more often.
    Drain,
    /// Let every client go, hand over the last snapshot, and end.
    Finish,
}

/// A worker's part of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prepare {
    /// The whole plan; the worker takes every `workers`-th client from `worker` on.
    pub plan: Arc<Plan>,
    /// Where to dial.
    pub target: Arc<Target>,
    /// The run's random id.
    pub run: u32,
    /// This worker, from 0.
    pub worker: u16,
    /// All workers, at least 1.
    pub workers: u16,
}

/// From a worker to the coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The worker can start.
    Ready,
    /// An interval's recordings.
    Snapshot(Box<Snapshot>),
    /// Nothing follows.
    Finished,
    /// The worker can't go on.
    Failed(String),
}

/// One worker, from the coordinator's side.
pub trait Link {
    /// Gives a command. A worker that is gone says so by its last reply.
    fn send(&self, command: Command);
}

/// Commands a worker may be behind by; it is given four in its life.
const COMMANDS_MAX: usize = 8;

/// A worker on a thread of this process.
#[derive(Debug)]
pub struct ThreadLink {
    commands: mpsc::Sender<Command>,
}

/// The worker's side of a link.
#[derive(Debug)]
pub struct WorkerEnd {
    /// Which worker this is.
    pub worker: u16,
    /// From the coordinator; closed when it is gone.
    pub commands: mpsc::Receiver<Command>,
    /// To the coordinator, shared by all workers.
    pub replies: mpsc::Sender<(u16, Reply)>,
}

impl WorkerEnd {
    pub(super) async fn reply(&self, reply: Reply) {
        // Without a coordinator the closed command channel ends the worker.
        let _ = self.replies.send((self.worker, reply)).await;
    }
}

impl ThreadLink {
    /// Starts a worker's thread.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start(worker: u16, replies: mpsc::Sender<(u16, Reply)>) -> io::Result<Self> {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let end = WorkerEnd { worker, commands: received, replies: replies.clone() };
        std::thread::Builder::new().name(format!("worker-{worker}")).spawn(move || {
            let ran = std::panic::catch_unwind(AssertUnwindSafe(|| super::run(end)));
            let failure = match ran {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                // The panic's own message is on stderr.
                Err(_) => String::from("it panicked"),
            };
            let _ = replies.blocking_send((worker, Reply::Failed(failure)));
        })?;
        Ok(Self { commands })
    }
}

impl Link for ThreadLink {
    fn send(&self, command: Command) {
        // Full would mean a worker that takes no commands at all; it is noticed by its silence.
        let _ = self.commands.try_send(command);
    }
}
