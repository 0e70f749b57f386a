//! Workers that are no threads: tasks that hand over what a test chose, in a clock that stands
//! still while there is nothing to do. A run of minutes takes none. Those elsewhere are reached by
//! text alone, as other processes and machines would be.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::super::drive;
use crate::client::Target;
use crate::coordinator::crew::{Crew, Replies};
use crate::coordinator::{BuiltinServer, Outcome, Progress, Run, Signal, Stop};
use crate::machine::clock::micros;
use crate::measure::{
    Live, MemberChange, MemberEvent, MessageId, Published, Recorder, WorkerHealth,
};
use crate::plan::Plan;
use crate::scenario::{Overrides, Source, read};
use crate::worker::{Command, Link, Prepare, Reply};

/// Two clients in one room, one on each of two workers, who have these thresholds to meet for so
/// long.
pub(super) fn plan(duration: &str, thresholds: &str) -> Arc<Plan> {
    let text = format!(
        r#"
        format = 1
        name = "simulated"
        [target]
        builtin = "rooms"
        drain_timeout = "4s"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "people"
        clients = 2
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "1/s" }}
        [[phase]]
        name = "steady"
        duration = "{duration}"
        [thresholds]
        {thresholds}
        "#
    );
    let source = Source { name: "test".to_owned(), text };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

/// What a worker has recorded when it hands over a snapshot: until when, since the last one.
type Record = dyn Fn(&mut Recorder, u64) + Send + Sync;

/// What a simulated worker does. Times are since the run's start.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) record: Arc<Record>,
    /// Within which it says nothing, though it goes on working.
    pub(super) silent: Option<(Duration, Duration)>,
    /// When it says that it failed or that a client panicked; after a failure it is gone.
    pub(super) says: Option<(Duration, Reply)>,
    /// Whether it says so even where it is silent.
    pub(super) speaks_when_silent: bool,
    /// How long after the drain's order it hands over the first snapshot of the drain.
    pub(super) drains_after: Duration,
    /// How long its clients take to go; `None` if they never do.
    pub(super) finishes_after: Option<Duration>,
    /// Whether it gets ready.
    pub(super) starts: Result<(), &'static str>,
    /// Whether it is reached as one elsewhere would be.
    pub(super) is_elsewhere: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            record: Arc::new(|_, _| ()),
            silent: None,
            says: None,
            speaks_when_silent: false,
            drains_after: Duration::ZERO,
            finishes_after: Some(Duration::ZERO),
            starts: Ok(()),
            is_elsewhere: false,
        }
    }
}

pub(super) fn recording(record: impl Fn(&mut Recorder, u64) + Send + Sync + 'static) -> Script {
    Script { record: Arc::new(record), ..Script::default() }
}

/// The coordinator's end of a simulated worker.
struct Beside(mpsc::UnboundedSender<Command>);

impl Link for Beside {
    fn send(&self, command: Command) {
        let _ = self.0.send(command);
    }
}

/// The coordinator's end of one that runs elsewhere, as a process of its own or on another machine:
/// nothing crosses but text, and no instant means anything there.
struct Elsewhere(mpsc::UnboundedSender<String>);

/// A command on its way.
#[derive(Serialize, Deserialize)]
enum Crossing {
    Prepare(Box<Prepare>),
    Start { in_us: u64 },
    Drain,
    Finish,
}

impl Link for Elsewhere {
    fn send(&self, command: Command) {
        let crossing = match command {
            Command::Prepare(prepare) => Crossing::Prepare(prepare),
            Command::Start { epoch } => Crossing::Start { in_us: micros(epoch - Instant::now()) },
            Command::Drain => Crossing::Drain,
            Command::Finish => Crossing::Finish,
        };
        let _ = self.0.send(serde_json::to_string(&crossing).unwrap());
    }
}

/// Starts a worker elsewhere: its plan is the one that it is told.
fn elsewhere(worker: u16, script: Script, replies: Replies) -> Elsewhere {
    let (sender, mut texts) = mpsc::unbounded_channel::<String>();
    tokio::spawn(async move {
        let Some(first) = texts.recv().await else { return };
        let Crossing::Prepare(prepare) = serde_json::from_str(&first).unwrap() else {
            panic!("not prepared: {first}")
        };
        let (told, commands) = mpsc::unbounded_channel();
        let (said, mut words) = mpsc::channel(1);
        let plan = Arc::clone(&prepare.plan);
        told.send(Command::Prepare(prepare)).unwrap();
        tokio::spawn(work(worker, plan, script, commands, said));
        loop {
            tokio::select! {
                biased;
                text = texts.recv() => {
                    let Some(text) = text else { return };
                    let command = match serde_json::from_str(&text).unwrap() {
                        Crossing::Prepare(prepare) => Command::Prepare(prepare),
                        Crossing::Start { in_us } => {
                            Command::Start { epoch: Instant::now() + Duration::from_micros(in_us) }
                        }
                        Crossing::Drain => Command::Drain,
                        Crossing::Finish => Command::Finish,
                    };
                    let _ = told.send(command);
                }
                word = words.recv() => {
                    let Some((worker, reply)) = word else { return };
                    let text = serde_json::to_string(&reply).unwrap();
                    let _ = replies.send((worker, serde_json::from_str(&text).unwrap())).await;
                }
            }
        }
    });
    Elsewhere(sender)
}

/// A signal, and when: the first asks to drain, the second to report without waiting.
pub(super) type Asks = Vec<Duration>;

/// Runs the plan with these workers.
pub(super) async fn simulate(plan: Arc<Plan>, scripts: Vec<Script>, asks: Asks) -> Outcome {
    simulate_at(plan, scripts, asks, false).await.unwrap().0
}

/// What was shown while the run went on.
pub(super) struct Shown {
    pub(super) progress: Vec<Progress>,
    pub(super) live: Vec<Live>,
}

/// The same, at a host that may be somebody else's.
pub(super) async fn simulate_at(
    plan: Arc<Plan>,
    scripts: Vec<Script>,
    asks: Asks,
    strangers_host: bool,
) -> std::io::Result<(Outcome, Shown)> {
    simulate_beside(None, plan, scripts, asks, strangers_host).await
}

/// The same, beside a server of our own.
pub(super) async fn simulate_beside(
    server: Option<BuiltinServer>,
    plan: Arc<Plan>,
    scripts: Vec<Script>,
    asks: Asks,
    strangers_host: bool,
) -> std::io::Result<(Outcome, Shown)> {
    let server = server.map(|server| (server, Handle::current()));
    let target = Target {
        url: "ws://127.0.0.1:1/".to_owned(),
        addresses: vec!["127.0.0.1:1".parse().unwrap()],
        user_agent: "uproar".to_owned(),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls: None,
        login_hosts: Vec::new(),
        source_addresses: Vec::new(),
        connect_timeout: Duration::from_secs(1),
        message_bytes_max: 1 << 20,
        read_buffer_bytes: 1024,
    };
    let (live, lived) = watch::channel(Live::default());
    let lived = tokio::spawn(all(lived));
    let run = Run {
        watcher: None,
        plan: Arc::clone(&plan),
        target: Arc::new(target),
        logged_in: Vec::new(),
        run: 7,
        workers: scripts.len() as u16,
        cores: Vec::new(),
        strangers_host,
        lookup_us: None,
        live: Some(live),
    };
    let start = |worker: u16, replies: Replies| -> std::io::Result<Box<dyn Link>> {
        let script = scripts[usize::from(worker)].clone();
        if script.is_elsewhere {
            return Ok(Box::new(elsewhere(worker, script, replies)));
        }
        let (commands, taken) = mpsc::unbounded_channel();
        tokio::spawn(work(worker, Arc::clone(&plan), script, taken, replies));
        Ok(Box::new(Beside(commands)))
    };
    let crew = Crew::muster(&run, start).await?;
    let (progress, watched) = watch::channel(Progress::default());
    let watched = tokio::spawn(all(watched));
    let (stops, stop) = watch::channel(Stop::default());
    let asking = async {
        // The run starts 50 ms from now.
        let zero = Instant::now() + super::super::START_AFTER;
        for (nth, at) in asks.into_iter().enumerate() {
            tokio::time::sleep_until(zero + at).await;
            stops.send_replace(Stop { asked: Some(Signal::Interrupt), now: nth > 0 });
        }
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = drive(run, crew, server, progress, stop) => outcome,
        () = asking => unreachable!(),
    };
    Ok((outcome, Shown { progress: watched.await.unwrap(), live: lived.await.unwrap() }))
}

/// Everything that is shown until nobody is left to show anything.
async fn all<T: Clone>(mut shown: watch::Receiver<T>) -> Vec<T> {
    let mut seen = Vec::new();
    while shown.changed().await.is_ok() {
        seen.push(shown.borrow_and_update().clone());
    }
    seen
}

async fn work(
    worker: u16,
    plan: Arc<Plan>,
    script: Script,
    mut commands: mpsc::UnboundedReceiver<Command>,
    replies: Replies,
) {
    let Some(Command::Prepare(_)) = commands.recv().await else { panic!("not prepared") };
    match script.starts {
        Ok(()) => replies.send((worker, Reply::Ready)).await.unwrap(),
        Err("") => return std::future::pending().await,
        Err(why) => return replies.send((worker, Reply::Failed(why.to_owned()))).await.unwrap(),
    }
    let Some(Command::Start { epoch }) = commands.recv().await else { return };
    let at = |after: Duration| epoch + after;
    let mut recorder = Recorder::new(plan);
    let mut last_us = 0;
    let mut snapshot = move |closing: bool| {
        let at_us = (Instant::now() - epoch).as_micros() as u64;
        (script.record)(&mut recorder, at_us);
        let wall_us = at_us - std::mem::replace(&mut last_us, at_us);
        let health = WorkerHealth { cpu_us: 0, wall_us, clients_up: 1 };
        let mut snapshot = recorder.take(worker, at_us, health);
        snapshot.closing = closing;
        Reply::Snapshot(Box::new(snapshot))
    };
    let reply = async |reply| {
        let now = Instant::now();
        let silent = |(from, until)| (at(from)..at(until)).contains(&now);
        if !script.silent.is_some_and(silent) {
            // The coordinator may be done.
            let _ = replies.send((worker, reply)).await;
        }
    };
    let every = |start, period| {
        let mut ticks = tokio::time::interval_at(start, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    };
    let second = Duration::from_secs(1);
    let mut ticks = every(epoch + second, second);
    let mut says = script.says.clone();
    let mut finishing = None;
    loop {
        let speak_at = says.as_ref().map(|(after, _)| at(*after));
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(Command::Drain) => {
                    let first = Instant::now() + script.drains_after;
                    ticks = every(first, Duration::from_millis(100));
                }
                Some(Command::Finish) => {
                    reply(snapshot(false)).await;
                    let takes = script.finishes_after.unwrap_or(Duration::from_secs(3_600));
                    finishing = Some(Instant::now() + takes);
                    ticks = every(Instant::now() + second, second);
                }
                None => return,
                Some(Command::Prepare(_) | Command::Start { .. }) => panic!("out of order"),
            },
            () = tokio::time::sleep_until(speak_at.unwrap_or(epoch)), if speak_at.is_some() => {
                if let Some((_, said)) = says.take() {
                    let last = matches!(said, Reply::Failed(_));
                    if script.speaks_when_silent {
                        let _ = replies.send((worker, said)).await;
                    } else {
                        reply(said).await;
                    }
                    if last {
                        return;
                    }
                }
            }
            () = tokio::time::sleep_until(finishing.unwrap_or(epoch)), if finishing.is_some() => {
                reply(snapshot(true)).await;
                return reply(Reply::Finished).await;
            }
            _ = ticks.tick() => reply(snapshot(finishing.is_some())).await,
        }
    }
}

/// One message that client 0 sends to its room at `at_us`.
pub(super) fn message(seq: u32, at_us: u64) -> Published {
    let message = MessageId { room: 0, publisher: 0, seq };
    Published { message, due_us: at_us, sent_us: at_us }
}

/// Client 0 or 1 is in the room from the first millisecond on.
pub(super) fn joins(recorder: &mut Recorder, client: u32) {
    for (at_us, change) in
        [(500, MemberChange::JoinWritten { room: 0 }), (1_000, MemberChange::Joined { room: 0 })]
    {
        recorder.ledger.member(MemberEvent { client, at_us, change });
    }
}
