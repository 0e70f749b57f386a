//! How the coordinator reaches a worker. Everything that crosses is plain data that serialises,
//! so that a worker can be a thread, a process, or an agent elsewhere.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::panics::said;
use crate::client::Target;
use crate::measure::Snapshot;
use crate::plan::Plan;
use crate::protocol::scope::Captured;

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
    /// By cohort: what the logins that are done once a run captured.
    pub logged_in: Vec<Captured>,
    /// The run's random id.
    pub run: u32,
    /// This worker, from 0.
    pub worker: u16,
    /// All workers, at least 1.
    pub workers: u16,
    /// The cores to keep to, of the machine the worker is on; empty for any.
    pub cores: Vec<usize>,
}

/// From a worker to the coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The worker can start.
    Ready,
    /// It is at work on something that takes a while, and will hand over when that is done.
    Busy,
    /// An interval's recordings.
    Snapshot(Box<Snapshot>),
    /// Tasks of clients panicked since this was last told.
    ClientsPanicked {
        /// The first of them, by the plan's number.
        first: u32,
        /// How many there were.
        clients: u32,
        /// What the first one's panic says.
        why: String,
    },
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
                Err(panic) => format!("it panicked: {}", said(&*panic)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{LedgerPart, MessageId, Published, Recorder, WorkerHealth};
    use crate::metric::Metric;
    use crate::scenario::{Overrides, Source, read};

    fn plan() -> Arc<Plan> {
        let text = r#"
            format = 1
            name = "link"
            [target]
            builtin = "rooms"
            [rooms.lobby]
            count = 3
            [[cohort]]
            name = "all"
            clients = 10
            join = { rooms = "lobby" }
            publish = { rate = "1/s" }
            [[phase]]
            name = "steady"
            duration = "5s"
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
    }

    #[test]
    fn what_crosses_a_link_survives_serialising() {
        let plan = plan();
        let target = Target {
            url: "ws://127.0.0.1:1/".to_owned(),
            addresses: vec!["127.0.0.1:1".parse().unwrap()],
            user_agent: "uproar".to_owned(),
            headers: vec![("a".to_owned(), "b".to_owned())],
            subprotocols: Vec::new(),
            tls: None,
            login_hosts: Vec::new(),
            source_addresses: Vec::new(),
            connect_timeout: std::time::Duration::from_secs(1),
            message_bytes_max: 1 << 20,
            read_buffer_bytes: 1024,
        };
        let prepare = Prepare {
            plan: Arc::clone(&plan),
            target: target.into(),
            logged_in: vec![Captured::new(2)],
            run: 7,
            worker: 1,
            workers: 2,
            cores: vec![0],
        };
        let text = serde_json::to_string(&prepare).unwrap();
        let back: Prepare = serde_json::from_str(&text).unwrap();
        // The other side draws the same plan from the same scenario and seed.
        for client in 0..plan.client_count() {
            assert_eq!(back.plan.memberships(client), plan.memberships(client));
            let windows = plan.windows(client);
            let (mut here, mut there) = (plan.publishes(client), back.plan.publishes(client));
            for _ in 0..20 {
                let due = plan.next_due(client, &windows, &mut here);
                assert_eq!(due, back.plan.next_due(client, &windows, &mut there));
            }
        }

        let mut recorder = Recorder::new(plan);
        recorder.latency(Metric::Delivery, 0, 1_000, 250);
        recorder.counts(0).sent = 1;
        recorder.closes.record(1001, "bye", false);
        let message = MessageId { room: 1, publisher: 2, seq: 3 };
        recorder.ledger.publish(Published { message, due_us: 5, sent_us: 6 });
        recorder.ledger.hear(message, 70, 6, 9);
        let snapshot = recorder.take(1, 1_000_000, WorkerHealth::default());
        let text = serde_json::to_string(&Reply::Snapshot(Box::new(snapshot.clone()))).unwrap();
        let Reply::Snapshot(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_ne!(back.ledger, LedgerPart::default());
        assert_eq!(back.ledger, snapshot.ledger);
        assert_eq!(back.counts, snapshot.counts);
        assert_eq!(back.closes, snapshot.closes);
        let sum = back.histograms.sum(Metric::Delivery, |_| true);
        assert_eq!((sum.len(), sum.percentile(50.0)), (1, Some(250)));
    }
}
