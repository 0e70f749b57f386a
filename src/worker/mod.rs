//! A worker: a thread with a current-thread runtime, its clients, one heap of due times on one
//! timer, its recorder. It is told what to do and hands over snapshots through a link.

mod link;
mod pacer;
mod panics;
mod part;
mod turns;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

pub use link::{Command, Link, Prepare, Reply, ThreadLink, WorkerEnd};
pub use pacer::Pacer;

use crate::client::{Client, Context, Event, Held, HoldUp, Order, Taken, bury, live};
use crate::machine::clock::{Clock, micros};
use crate::machine::cores::keep_to;
use crate::machine::cpu::thread_cpu_us;
use crate::measure::{Recorder, Snapshot, Standing, WorkerHealth};
use crate::metric::Metric;
use crate::plan::Window;
use crate::protocol::Writing;
use crate::scenario::{Cohort, FaultKind, WhileAway};
use panics::Panics;
use part::{Part, Slot};

/// How often a worker hands over a snapshot while the schedule runs.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);
/// The same while the coordinator waits for the last messages.
const DRAIN_SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// Tasks that run before sockets and the timer are looked at again. With tokio's 61 a burst that
/// wakes hundreds of clients keeps a due message waiting for a few hundred microseconds.
const EVENT_INTERVAL: u32 = 16;

/// Runs a worker to its end on the current thread.
///
/// # Errors
///
/// When the runtime or the timer can't be made.
pub fn run(end: WorkerEnd) -> io::Result<()> {
    let mut builder = Builder::new_current_thread();
    turns::observe(builder.enable_all().event_interval(EVENT_INTERVAL));
    let runtime = builder.build_local(LocalOptions::default())?;
    runtime.block_on(serve(end))
}

async fn serve(mut end: WorkerEnd) -> io::Result<()> {
    // Without a coordinator there is nobody to work for.
    let Some(Command::Prepare(prepare)) = end.commands.recv().await else { return Ok(()) };
    keep_to(&prepare.cores);
    let mut pacer = Pacer::new()?;
    // All that takes long comes before the run's start.
    let part = Part::draw(*prepare);
    end.reply(Reply::Ready).await;
    let Some(Command::Start { epoch }) = end.commands.recv().await else { return Ok(()) };
    let worker = Worker::new(part, Clock::starting_at(epoch.into_std()));
    // The clock stands at 0 until then: what began earlier would seem to take no time.
    pacer.wait_until(epoch.into_std()).await?;
    let mut tick = tokio::time::interval_at(epoch + SNAPSHOT_EVERY, SNAPSHOT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            command = end.commands.recv() => match command {
                Some(Command::Drain) => {
                    worker.act_all(&end).await;
                    worker.ctx.draining.set(true);
                    let now_us = worker.ctx.clock.now_us();
                    worker.slots.iter().for_each(|slot| slot.client.load_ended(now_us));
                    tick = tokio::time::interval(DRAIN_SNAPSHOT_EVERY);
                    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
                }
                Some(Command::Finish) | None => break,
                Some(Command::Prepare(_) | Command::Start { .. }) => {}
            },
            _ = tick.tick() => worker.report(&end, worker.snapshot()).await,
            paced = pacer.next(&worker.ctx.agenda, &worker.ctx.clock),
                if !worker.ctx.draining.get() => {
                    worker.act(paced?);
                    // What is due as well needs no look at commands and ticks in between.
                    while let Some(due) = pacer.next_due(&worker.ctx.agenda, &worker.ctx.clock) {
                        worker.act(due);
                    }
                }
        }
    }
    worker.report(&end, worker.snapshot()).await;
    // Letting go takes a while, and who says nothing has fallen silent.
    let mut tick = tokio::time::interval_at(Instant::now() + SNAPSHOT_EVERY, SNAPSHOT_EVERY);
    let stopping = worker.stop_all();
    tokio::pin!(stopping);
    loop {
        let stopped = tokio::select! {
            () = &mut stopping => true,
            _ = tick.tick() => false,
        };
        if stopped {
            worker.close_loops();
        }
        turns::take(); // those of closing say nothing about the run's arrivals
        let closing = Snapshot { closing: true, ..worker.snapshot() };
        worker.report(&end, closing).await;
        if stopped {
            break;
        }
    }
    end.reply(Reply::Finished).await;
    Ok(())
}

/// One worker's state.
struct Worker {
    ctx: Rc<Context>,
    index: u16,
    slots: Vec<Slot>,
    panics: Rc<Panics>,
    /// CPU time and instant of the last snapshot.
    last: Cell<(u64, u64)>,
}

impl Worker {
    fn new(part: Part, clock: Clock) -> Self {
        let Part { prepare, agenda, slots, room_names } = part;
        let Prepare { plan, target, logged_in, run, worker, .. } = prepare;
        let scenario = &plan.scenario;
        let protocol = |cohort: &Cohort| cohort.protocol.clone();
        let setting =
            |cohort: &Cohort| Arc::new(crate::client::setting(scenario, cohort, &target.url));
        let settings = scenario.cohorts.iter().map(setting).collect();
        for slot in &slots {
            if let Some(captured) = logged_in.get(slot.client.cohort) {
                slot.client.keep(captured.clone());
            }
        }
        let ctx = Rc::new(Context {
            target,
            run,
            clock,
            agenda,
            recorder: RefCell::new(Recorder::new(Arc::clone(&plan))),
            room_names,
            protocols: scenario.cohorts.iter().map(protocol).collect(),
            settings,
            compared: compared(&scenario.cohorts),
            run_name: run_name(run).into(),
            payload: RefCell::default(),
            traffic: scenario.cohorts.iter().map(|_| Rc::default()).collect(),
            up: Cell::new(0),
            draining: Cell::new(false),
            ending: Cell::new(false),
            standing: Cell::default(),
            slowest_ready_us: Cell::new(0),
            slowest_answer_us: Cell::new(0),
            silent: RefCell::default(),
            plan: Arc::clone(&plan),
        });
        let last = Cell::new((thread_cpu_us().unwrap_or(0), clock.now_us()));
        Self { ctx, index: worker, slots, panics: Rc::default(), last }
    }

    /// Does what is due.
    fn act(&self, (at_us, event): (u64, Event)) {
        match event {
            Event::Start(local) => self.start(&self.slots[local as usize]),
            Event::Stop(local) => self.slots[local as usize].client.call_off(),
            Event::Publish(local) => {
                self.release(at_us, &self.slots[local as usize]);
            }
            Event::Act(local, action) => self.do_action(&self.slots[local as usize], action),
            Event::LeaveServer(local) => {
                let slot = &self.slots[local as usize];
                slot.client.mailbox.order(Order::LeaveServer);
                slot.schedule_leave_server(&self.ctx.plan, &self.ctx.agenda, at_us);
            }
            Event::LeaveRoom(local) => {
                let slot = &self.slots[local as usize];
                let rooms = self.ctx.plan.memberships(slot.client.id).len();
                let room = slot.room_churns.borrow_mut().choose(rooms);
                slot.client.mailbox.order(Order::LeaveRoom(room));
                slot.schedule_leave_room(&self.ctx.plan, &self.ctx.agenda, at_us);
            }
            Event::Fault(index) => self.fault(index as u16),
        }
    }

    /// Does all that is due by now, which still belongs to the run. Of a load that was too much it
    /// is a lot, and a worker that says nothing has fallen silent.
    async fn act_all(&self, end: &WorkerEnd) {
        let now_us = self.ctx.clock.now_us();
        let mut said = std::time::Instant::now();
        while let Some(due) = self.ctx.agenda.take_due(now_us) {
            self.act(due);
            if said.elapsed() >= SNAPSHOT_EVERY {
                end.reply(Reply::Busy).await;
                said = std::time::Instant::now();
            }
        }
    }

    fn start(&self, slot: &Slot) {
        if !slot.client.started.replace(true) {
            self.ctx.recorder.borrow_mut().counts(slot.client.cohort).started += 1;
        }
        slot.client.call_up();
        let before = slot.task.borrow_mut().take();
        if before.as_ref().is_none_or(JoinHandle::is_finished) {
            // It may have given up in its last window; what is due from now on it takes.
            slot.client.gave_up.set(false);
        }
        let ctx = Rc::clone(&self.ctx);
        let (client, line) = (Rc::clone(&slot.client), Rc::clone(&slot.line));
        let task = async move {
            // A client that is still closing from its last window comes up when it is done.
            if let Some(before) = before {
                let _ = before.await;
            }
            live(ctx, client, line).await;
        };
        *slot.task.borrow_mut() = Some(self.spawn(&slot.client, task));
    }

    /// Starts a client's task. One that panics takes its client with it, and no other.
    fn spawn(
        &self,
        client: &Rc<Client>,
        task: impl Future<Output = ()> + 'static,
    ) -> JoinHandle<()> {
        let (ctx, client) = (Rc::clone(&self.ctx), Rc::clone(client));
        let panics = Rc::clone(&self.panics);
        tokio::task::spawn_local(async move {
            if !panics.watch(client.id, task).await {
                bury(&ctx, &client);
            }
        })
    }

    /// Hands a due message to its client, and schedules the client's next one.
    fn release(&self, at_us: u64, slot: &Slot) {
        let plan = &self.ctx.plan;
        let client = &slot.client;
        let due = match slot.next.take() {
            Some(due) => {
                slot.schedule_publish(plan, &self.ctx.agenda);
                due
            }
            // A closed loop: due whenever the loop came round, if the client is still to be up.
            None => {
                let up = |window: &Window| (window.on_us..window.off_us).contains(&at_us);
                let due = slot
                    .windows
                    .iter()
                    .any(up)
                    .then(|| plan.draw_due(client.id, &mut slot.publishes.borrow_mut(), at_us));
                let Some(due) = due.flatten() else { return client.abandon_scheduled() };
                due
            }
        };
        let messages = plan.publish_rooms(client.id, due.k).count() as u64;
        let released_us = self.ctx.clock.now_us();
        let cohort = plan.cohort(client.id);
        let only_active =
            cohort.reconnect.is_some_and(|reconnect| reconnect.while_away == WhileAway::Skip);
        let held = Held { due, released_us, done: 0 };
        let taken = if client.gave_up.get() {
            Taken::Away
        } else {
            slot.line.release(client, held, only_active)
        };
        if taken != Taken::Yes {
            // The loop goes on when the client is back.
            client.abandon_scheduled();
        }
        let mut recorder = self.ctx.recorder.borrow_mut();
        let lag_us = released_us.saturating_sub(at_us);
        recorder.latency(Metric::Lag, client.cohort, at_us, lag_us);
        let counts = recorder.counts(client.cohort);
        counts.due += messages;
        if taken != Taken::Yes {
            counts.not_sent += messages;
        }
        if taken == Taken::Full {
            counts.held_full += messages;
        }
    }

    /// Has a client do an action, if it is there to do it: nobody types while away.
    fn do_action(&self, slot: &Slot, action: u16) {
        let Self { ctx, .. } = self;
        let due = slot.take_action(&ctx.plan, &ctx.agenda, usize::from(action));
        let Some(due) = due else { return };
        if slot.client.mailbox.is_active() {
            slot.client.mailbox.order(Order::Act { action, k: due.k });
        } else {
            ctx.recorder.borrow_mut().counts(slot.client.cohort).actions_not_sent += 1;
        }
    }

    /// Tells the clients that a fault meets. What is done to the server is the coordinator's.
    fn fault(&self, index: u16) {
        let fault = &self.ctx.plan.faults[usize::from(index)];
        let hold = |duration| {
            let until_us = fault.at_us + micros(duration);
            HoldUp { fault: index, at_us: fault.at_us, until_us }
        };
        let order = match fault.kind {
            FaultKind::Reset => Order::Reset { fault: index },
            FaultKind::Close { code } => Order::Close { fault: index, code },
            FaultKind::HalfOpen => Order::HalfOpen { fault: index },
            FaultKind::Stall { duration } => Order::Stall { hold: hold(duration) },
            FaultKind::Freeze { duration } => Order::Watch { hold: hold(duration) },
            // Who loses its connection notices by itself.
            FaultKind::Kill { .. } | FaultKind::Restart { .. } | FaultKind::Mark { .. } => return,
        };
        for slot in &self.slots {
            let met =
                fault.kind.is_of_server() || fault.victims.binary_search(&slot.client.id).is_ok();
            if met {
                slot.client.mailbox.order(order);
            }
        }
    }

    /// Hands over a snapshot, and whatever else the coordinator is to know.
    async fn report(&self, end: &WorkerEnd, snapshot: Snapshot) {
        end.reply(Reply::Snapshot(Box::new(snapshot))).await;
        if let Some((first, why, clients)) = self.panics.take() {
            end.reply(Reply::ClientsPanicked { first, clients, why }).await;
        }
    }

    fn snapshot(&self) -> Snapshot {
        let (cpu_us, at_us) = (thread_cpu_us().unwrap_or(0), self.ctx.clock.now_us());
        let (last_cpu_us, last_at_us) = self.last.replace((cpu_us, at_us));
        let health = WorkerHealth {
            cpu_us: cpu_us.saturating_sub(last_cpu_us),
            wall_us: at_us.saturating_sub(last_at_us),
            clients_up: self.ctx.up.get(),
        };
        let mut recorder = self.ctx.recorder.borrow_mut();
        for (cohort, traffic) in self.ctx.traffic.iter().enumerate() {
            let (sent, received) = traffic.take();
            recorder.counts(cohort).bytes_sent += sent;
            recorder.counts(cohort).bytes_received += received;
        }
        // Turns belong to no cohort; they are all filed under the first.
        recorder.latencies(Metric::Turn, 0, last_at_us, &turns::take());
        Snapshot { standing: self.ctx.standing.get(), ..recorder.take(self.index, at_us, health) }
    }

    /// Stops every client and waits until all are gone; a client takes at most its close timeout.
    async fn stop_all(&self) {
        self.ctx.ending.set(true);
        for slot in &self.slots {
            slot.client.call_off();
        }
        for slot in &self.slots {
            let task = slot.task.borrow_mut().take();
            if let Some(task) = task {
                // It ends by itself, and its panic would have been caught.
                let _ = task.await;
            }
        }
    }
}

impl Worker {
    /// Looks who stood still in a closed loop, when all connections are over.
    fn close_loops(&self) {
        let still = self.slots.iter().filter(|slot| slot.client.stood_still()).count();
        let standing = Standing { stood_still: still as u32, ..self.ctx.standing.get() };
        self.ctx.standing.set(standing);
    }
}

/// How each cohort's texts are compared; nothing where there are none.
fn compared(cohorts: &[Cohort]) -> Vec<Option<bool>> {
    let of = |cohort: &Cohort| {
        cohort.publish.as_ref()?.texts.as_ref()?;
        match cohort.protocol.writing() {
            Writing::Plain => Some(false),
            Writing::Xml => Some(true),
            Writing::Unknown => None,
        }
    };
    let compared: Vec<_> = cohorts.iter().map(of).collect();
    if compared.iter().all(Option::is_none) { Vec::new() } else { compared }
}

/// The run's id as it stands in room names and in the `User-Agent`.
#[must_use]
pub fn run_name(run: u32) -> String {
    format!("{run:07x}")
}

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod tests;
