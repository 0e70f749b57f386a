//! One connection of one client, from its upgrade to its end.
//!
//! A hand-written poll loop instead of `select!`: each wake-up reads what came, obeys orders,
//! sends what is due, and flushes once. All state is in the struct, so dropping the future at
//! any await loses nothing but the connection.

mod absence;
mod acks;
mod alarm;
mod arrivals;
mod deadlines;
mod ending;
mod feed;
mod heard;
mod orders;
mod pipe;
mod publishing;
mod reading;
mod rooms;
mod stage;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context as Task, Poll, ready};

use tokio_tungstenite::tungstenite::Error;

use self::absence::Absence;
pub(super) use self::absence::Outage;
use self::acks::Acks;
use self::alarm::Alarm;
use self::ending::Closing;
pub(super) use self::ending::{End, Ended};
use self::feed::Feed;
use self::heard::Heard;
use self::pipe::Pipe;
use self::reading::{Gate, Reading};
use self::rooms::Rooms;
use self::stage::Stage;
use super::context::{Client, Context};
use super::dial::Dialed;
use super::hearing::Listener;
use super::ping::Pinger;
use crate::codec::CodecKind;
use crate::measure::{MemberChange, MemberEvent, Moment, RecoveryEvent};
use crate::metric::{ErrorKind, Metric};
use crate::protocol::{Away, Failure as Unspoken, Protocol, ProtocolKind, Splitter, Talk};

/// Frames read before due messages get their turn.
const READ_BUDGET: usize = 64;
/// Joins and messages written before other clients get theirs: one message may go to 10,000 rooms.
const WRITE_BUDGET: u32 = 64;

#[derive(Debug)]
pub(super) struct Session {
    ctx: Rc<Context>,
    client: Rc<Client>,
    talk: Talk,
    /// Takes frames apart, where a frame is not one message.
    splitter: Option<Splitter>,
    /// By what every delivery is decoded, where that is asked for.
    decoder: Option<CodecKind>,
    stage: Stage,
    pipe: Pipe,
    began_us: u64,
    /// When the upgrade was about to be written: the server may know the client from then on.
    connected_us: u64,
    absence: Absence,
    rooms: Rooms,
    heard: Heard,
    feed: Feed,
    pinger: Option<Pinger>,
    /// Nothing is read until what the peer has asked for is written.
    owes_too_much: bool,
    /// An end that was found where none could be given.
    unspoken: Option<End>,
    /// Own messages that the server has yet to confirm, where it does.
    unacked: Acks,
    closing: Option<Closing>,
    /// The socket is to stay open when the client is gone.
    falls_silent: bool,
    reading: Reading,
    alarm: Alarm,
}

/// One more of what is written in one go; where that is enough, the task is woken for the rest.
fn spend(budget: &mut u32, cx: &Task<'_>) -> Poll<()> {
    match budget.checked_sub(1) {
        Some(left) => {
            *budget = left;
            Poll::Ready(())
        }
        None => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

impl Session {
    fn new(
        ctx: &Rc<Context>,
        client: &Rc<Client>,
        dialed: Dialed,
        outage: Option<Outage>,
        silent_since_us: Option<u64>,
    ) -> Self {
        let protocol = &ctx.protocols[client.cohort];
        let cohort = ctx.plan.cohort(client.id);
        let now_us = dialed.upgraded_us;
        let connected_us = dialed.connected_us();
        let replays = ctx.plan.relay(client.id).away == Away::Replayed;
        let mut session = Self {
            ctx: Rc::clone(ctx),
            client: Rc::clone(client),
            talk: ctx.talk(client),
            splitter: protocol.splitter(ctx.target.message_bytes_max),
            decoder: match protocol {
                Protocol::Native(ProtocolKind::Rooms, codec) if ctx.plan.scenario.target.decode => {
                    Some(*codec)
                }
                _ => None,
            },
            stage: Stage::new(),
            pipe: Pipe::new(dialed.ws),
            began_us: dialed.began_us,
            connected_us,
            absence: Absence::new(outage, silent_since_us, replays),
            rooms: Rooms::new(ctx.plan.memberships(client.id)),
            heard: Heard::new(client.id, client.cohort, replays),
            feed: Feed::default(),
            pinger: cohort.ws_ping.map(|ping| Pinger::new(ping, now_us)),
            owes_too_much: false,
            unspoken: None,
            unacked: Acks::default(),
            closing: None,
            falls_silent: false,
            reading: Reading::new(cohort.read.map(|read| read.rate_per_s)),
            alarm: Alarm::new(),
        };
        let begun = session.talk.begin(outage.is_some(), now_us);
        if session.talk.is_resuming() {
            for at in 0..session.rooms.len() {
                session.enter(at, connected_us);
            }
        }
        // A first step that can't be said ends the connection when it is first polled.
        session.unspoken = session.act_on(begun, now_us);
        session
    }

    /// At the beginning of a connection.
    pub(super) fn start(
        ctx: &Rc<Context>,
        client: &Rc<Client>,
        dialed: Dialed,
        outage: Option<Outage>,
        silent_since_us: Option<u64>,
    ) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self::new(ctx, client, dialed, outage, silent_since_us)))
    }

    /// Runs the connection to its end, and says so before anything is made of it.
    ///
    /// It is handed over as a pointer: a task's memory has room for all it ever holds at once, for as
    /// long as it lives.
    pub(super) async fn run(session: Rc<RefCell<Self>>, over: impl FnOnce()) -> Ended {
        let end = poll_fn(|cx| session.borrow_mut().poll(cx)).await;
        over();
        if matches!(&end, End::Lost(error) if error.kind == ErrorKind::Closed) {
            // The library has queued the answer to the server's close frame. One try is enough:
            // the server may be gone.
            poll_fn(|cx| Poll::Ready(session.borrow_mut().pipe.flush_once(cx))).await;
        }
        let ended = session.borrow_mut().ended(end);
        if let Some(session) = Rc::into_inner(session) {
            session.into_inner().leave_behind();
        }
        ended
    }

    fn poll(&mut self, cx: &mut Task<'_>) -> Poll<End> {
        self.client.mailbox.register(cx);
        if let Some(end) = self.unspoken.take() {
            return Poll::Ready(end);
        }
        if let Some(error) = self.pipe.take_failure() {
            return Poll::Ready(self.lost(&error));
        }
        loop {
            while let Some(order) = self.client.mailbox.take_order() {
                if let Some(end) = self.obey(order) {
                    return Poll::Ready(end);
                }
            }
            if let Poll::Ready(end) = self.poll_read(cx) {
                return Poll::Ready(end);
            }
            let now_us = self.ctx.clock.now_us();
            if let Some(end) = self.check_deadlines(now_us) {
                return Poll::Ready(end);
            }
            if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                return Poll::Ready(self.lost(&error));
            }
            if self.owes_too_much && !self.owes() {
                self.owes_too_much = false;
                cx.waker().wake_by_ref();
            }
            if let Some(end) = self.unspoken.take() {
                return Poll::Ready(end);
            }
            if !self.poll_alarm(cx, now_us) {
                return Poll::Pending;
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Task<'_>) -> Poll<End> {
        for _ in 0..READ_BUDGET {
            if !self.may_read() {
                return Poll::Pending;
            }
            // Whoever asks and does not read is not read either.
            if self.owes() {
                self.owes_too_much = true;
                return Poll::Pending;
            }
            let frame = match ready!(self.pipe.poll_frame(cx)) {
                Ok(frame) => frame,
                Err(error) => return Poll::Ready(self.lost(&error)),
            };
            self.reading.pause(|| self.ctx.clock.now_us());
            if let Some(end) = self.take(&frame) {
                return Poll::Ready(end);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether so much waits that the peer asked for, that it has to take some of it first.
    fn owes(&self) -> bool {
        self.pipe.owes_pongs() || self.talk.is_full()
    }

    /// Whether the next frame may be read. A client that is not joined yet, or is closing, reads
    /// what it is answered.
    fn may_read(&mut self) -> bool {
        if !self.reading.is_held_up() || !self.stage.is_ready() || self.closing.is_some() {
            return true;
        }
        let now_us = self.ctx.clock.now_us();
        match self.reading.look(now_us) {
            Gate::Shut => return false,
            Gate::Opened { was_deaf: false } => {}
            Gate::Opened { was_deaf: true } => {
                if let Some(pinger) = &mut self.pinger {
                    pinger.restart(now_us);
                }
                self.talk.forgive(now_us);
            }
        }
        true
    }

    /// Writes joins and messages that are due, as far as the socket takes them.
    fn poll_write(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        // Pongs that the server doesn't read fill the buffer too: messages wait behind them.
        ready!(self.pipe.poll_flush(cx))?;
        ready!(self.poll_say(cx))?;
        let mut budget = WRITE_BUDGET;
        if self.closing.is_none() && self.stage.is_open() {
            for at in 0..self.rooms.len() {
                if self.rooms.is_due(at, || self.ctx.clock.now_us()) {
                    ready!(spend(&mut budget, cx));
                    ready!(self.pipe.poll_ready(cx))?;
                    self.join(at);
                    ready!(self.poll_say(cx))?;
                }
            }
            if !self.stage.is_ready() && self.rooms.is_in_all() {
                self.become_ready();
            }
            while self.stage.is_ready()
                && let Some(held) = self.client.mailbox.next_held()
                && self.can_publish()
            {
                ready!(spend(&mut budget, cx));
                ready!(self.pipe.poll_ready(cx))?;
                let rest = self.publish(held);
                self.client.mailbox.replace_held(rest);
                ready!(self.poll_say(cx))?;
            }
        }
        self.pipe.poll_flush(cx)
    }

    /// Writes what the protocol has to say, as far as the socket takes it.
    fn poll_say(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        self.pipe.poll_say(&mut self.talk, cx)
    }

    /// What cannot be said ends the connection, when it is next looked at.
    fn said<T>(&mut self, said: Result<T, Unspoken>) -> Option<T> {
        match said {
            Ok(said) => Some(said),
            Err(failure) => {
                self.unspoken = Some(self.broken_off(failure));
                self.client.mailbox.wake();
                None
            }
        }
    }

    fn member(&self, at_us: u64, change: MemberChange) {
        let event = MemberEvent { client: self.client.id, at_us, change };
        self.ctx.recorder.borrow_mut().ledger.member(event);
    }

    fn enter(&mut self, at: usize, now_us: u64) {
        let change = self.rooms.enter(at, now_us);
        self.member(now_us, change);
    }

    fn entered(&mut self, at: usize, now_us: u64) {
        let change = self.rooms.entered(at, now_us);
        self.member(now_us, change);
    }

    fn join(&mut self, at: usize) {
        let now_us = self.ctx.clock.now_us();
        self.enter(at, now_us);
        let ctx = Rc::clone(&self.ctx);
        let joined = self.talk.join(at, ctx.room(self.rooms.id(at)), now_us);
        self.said(joined);
    }

    fn become_ready(&mut self) {
        self.stage.be_ready();
        let now_us = self.ctx.clock.now_us();
        let cohort = self.client.cohort;
        let mut recorder = self.ctx.recorder.borrow_mut();
        recorder.latency(Metric::Ready, cohort, now_us, now_us - self.began_us);
        if !self.client.joined_once.replace(true) {
            recorder.counts(cohort).joined += 1;
        }
        if let Some(outage) = self.absence.over() {
            let (away_us, after_us) = outage.until(now_us);
            recorder.counts(cohort).reconnected += 1;
            recorder.latency(Metric::Reconnect, cohort, now_us, away_us);
            let event = RecoveryEvent { failure: outage.hit(), moment: Moment::Back { after_us } };
            recorder.recoveries.push(event);
        }
        drop(recorder);
        self.ctx.is_joined(&self.client, now_us - self.began_us);
        self.ctx.up.set(self.ctx.up.get() + 1);
        self.client.mailbox.set_active(true);
        self.client.with_places(|places| places.joined(now_us));
        self.go_on(now_us);
    }
}
