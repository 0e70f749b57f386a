//! One connection of one client, from its upgrade to its end.
//!
//! A hand-written poll loop instead of `select!`: each wake-up reads what came, obeys orders,
//! sends what is due, and flushes once. All state is in the struct, so dropping the future at
//! any await loses nothing but the connection.

mod acks;
mod arrivals;
mod deadlines;
mod orders;
mod publishing;
mod rooms;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll, ready};

use futures_util::{Sink, Stream};
use rustc_hash::FxHashMap;
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::acks::Acks;
use self::rooms::Rooms;
use super::context::{Client, Context};
use super::dial::{DialError, Dialed, classify, close_of};
use super::hearing::Listener;
use super::mailbox::HoldUp;
use super::ping::Pinger;
use super::socket::Socket;
use crate::codec::CodecKind;
use crate::measure::{
    Failure, Feeds, MemberChange, MemberEvent, Moment, Order as Sequence, RecoveryEvent,
};
use crate::metric::{ErrorKind, Metric};
use crate::protocol::{Away, Failure as Unspoken, Protocol, ProtocolKind, Splitter, Talk};

/// Frames read before due messages get their turn.
const READ_BUDGET: usize = 64;
/// Joins and messages written before other clients get theirs: one message may go to 10,000 rooms.
const WRITE_BUDGET: u32 = 64;
/// Pongs that wait to be written before nothing further is read.
const PONGS_MAX: u32 = 64;

/// Closed loop: what was on its way for less than this, or than the slowest answer took, may be answered
/// yet.
const ANSWER_MIN_US: u64 = 1_000_000;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It failed, or the server ended it.
    Lost(DialError),
    /// A fault of the plan took it.
    Fault(u16),
    /// The client left on purpose and will come back.
    Left,
    /// The client was told to stop.
    Stopped,
}

impl End {
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Fault(_))
    }
}

/// A connection that was lost and what lost it, until the client is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    since_us: u64,
    /// What the client was hit by, and when: earlier than the loss if it stood still before.
    hit: Failure,
}

impl Outage {
    pub(super) fn hit(self) -> Failure {
        self.hit
    }
}

/// Our own close, once its frame is written.
#[derive(Clone, Debug)]
struct Closing {
    end: End,
    deadline_us: u64,
}

#[derive(Debug)]
pub(super) struct Session {
    ctx: Rc<Context>,
    client: Rc<Client>,
    talk: Talk,
    /// Takes frames apart, where a frame is not one message.
    splitter: Option<Splitter>,
    /// By what every delivery is decoded, where that is asked for.
    decoder: Option<CodecKind>,
    /// Rooms can be joined: the protocol's own steps are done.
    open: bool,
    /// What came last and nothing took, until the client is ready: what a step got instead of its
    /// answer.
    stray: Option<String>,
    ws: WebSocketStream<Socket>,
    began_us: u64,
    /// When the upgrade was about to be written: the server may know the client from then on.
    connected_us: u64,
    outage: Option<Outage>,
    /// When the connection before this one failed, where the protocol replays: what was sent from then
    /// on until this one joined, the client has missed.
    missed_from_us: Option<u64>,
    /// Until the first message after an outage.
    silent_since_us: Option<u64>,
    rooms: Rooms,
    /// All rooms were joined once.
    ready: bool,
    heard: FxHashMap<(u32, u32), Sequence>,
    /// A feed's numbers, by what they count within.
    feeds: Feeds,
    last_push_us: Option<u64>,
    pinger: Option<Pinger>,
    /// Nothing is read until what the peer has asked for is written.
    owes_too_much: bool,
    /// Pongs that may wait in the write buffer.
    pongs: u32,
    /// Something may wait in the write buffer.
    unflushed: bool,
    /// A write from outside the session's own task that failed.
    failed_write: Option<Error>,
    /// An end that was found where none could be given.
    unspoken: Option<End>,
    /// Own messages that the server has yet to confirm, where it does.
    unacked: Acks,
    closing: Option<Closing>,
    /// The socket is to stay open when the client is gone.
    falls_silent: bool,
    /// Nothing is read before this; 0 where nothing holds it up.
    read_from_us: u64,
    /// A slow consumer's pause between two frames.
    read_gap_us: Option<u64>,
    alarm: Option<Pin<Box<Sleep>>>,
    alarm_us: u64,
    /// The alarm will wake this task.
    alarm_waits: bool,
    /// The deadline the alarm last rang for.
    rung_us: u64,
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

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) at_us: u64,
    /// Whether all rooms had been joined.
    pub(super) was_ready: bool,
    /// An outage that this connection did not get over, or the one that its end began.
    pub(super) outage: Option<Outage>,
    /// Since when nothing was heard, if that began with an earlier failure.
    pub(super) silent_since_us: Option<u64>,
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
            open: false,
            stray: None,
            ws: dialed.ws,
            began_us: dialed.began_us,
            connected_us,
            outage,
            missed_from_us: outage
                .filter(|_| ctx.plan.relay(client.id).away == Away::Replayed)
                .map(|outage| outage.since_us),
            silent_since_us,
            rooms: Rooms::new(ctx.plan.memberships(client.id)),
            ready: false,
            heard: FxHashMap::default(),
            feeds: Feeds::default(),
            last_push_us: None,
            pinger: cohort.ws_ping.map(|ping| Pinger::new(ping, now_us)),
            owes_too_much: false,
            pongs: 0,
            unflushed: false,
            failed_write: None,
            unspoken: None,
            unacked: Acks::default(),
            closing: None,
            falls_silent: false,
            read_from_us: 0,
            read_gap_us: cohort.read.map(|read| (1e6 / read.rate_per_s) as u64),
            alarm: None,
            alarm_us: u64::MAX,
            alarm_waits: false,
            rung_us: u64::MAX,
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

    /// A session that the worker may publish on directly from now on.
    pub(super) fn start(
        ctx: &Rc<Context>,
        client: &Rc<Client>,
        dialed: Dialed,
        outage: Option<Outage>,
        silent_since_us: Option<u64>,
    ) -> Rc<RefCell<Self>> {
        let session = Self::new(ctx, client, dialed, outage, silent_since_us);
        let session = Rc::new(RefCell::new(session));
        client.line.replace(Rc::downgrade(&session));
        session
    }

    /// Runs the connection to its end.
    ///
    /// It is handed over as a pointer: a task's memory has room for all it ever holds at once, for as
    /// long as it lives.
    pub(super) async fn run(session: Rc<RefCell<Self>>) -> Ended {
        let end = poll_fn(|cx| session.borrow_mut().poll(cx)).await;
        let client = Rc::clone(&session.borrow().client);
        client.line.take();
        if matches!(&end, End::Lost(error) if error.kind == ErrorKind::Closed) {
            // The library has queued the answer to the server's close frame. One try is enough:
            // the server may be gone.
            let flush = |cx: &mut Task<'_>| {
                Poll::Ready(Pin::new(&mut session.borrow_mut().ws).poll_flush(cx).is_ready())
            };
            poll_fn(flush).await;
        }
        let ended = session.borrow_mut().ended(end);
        if let Some(session) = Rc::into_inner(session) {
            session.into_inner().leave_behind();
        }
        ended
    }

    /// Gives up the connection; one that falls silent leaves its socket open.
    fn leave_behind(self) {
        if self.falls_silent
            && let Ok(stream) = self.ws.into_inner().into_std()
        {
            self.ctx.silent.borrow_mut().push(stream);
        }
    }

    /// Closes the books. Everything the end changes is recorded here.
    fn ended(&mut self, end: End) -> Ended {
        let now_us = self.ctx.clock.now_us();
        let hit = self.hit_by(&end, now_us);
        let mut recorder = self.ctx.recorder.borrow_mut();
        let client = self.client.id;
        match hit {
            Some(Failure { fault, .. }) => {
                let change = MemberChange::Failed { fault };
                recorder.ledger.member(MemberEvent { client, at_us: now_us, change });
            }
            None => {
                for change in self.rooms.left_all() {
                    recorder.ledger.member(MemberEvent { client, at_us: now_us, change });
                }
            }
        }
        // One that was not joined was away already, and comes back from what it was away for.
        if let (Some(failure), true) = (hit, self.ready) {
            // Who stood still was hit when it began to.
            if end.is_fault() || self.client.held_up.take().is_none() {
                recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::Hit });
            }
            self.outage = Some(Outage { since_us: now_us, hit: failure });
            self.ctx.is_gone(&self.client);
        }
        // Whom the plan sends home while a fault holds it up, or right after it, had no time to hear.
        if end == End::Stopped
            && let Some(hold) = self.client.held_up.take()
            && now_us < hold.until_us.saturating_add(self.ctx.patience_us())
        {
            let failure = Failure { at_us: hold.at_us, fault: Some(hold.fault) };
            recorder.recoveries.push(RecoveryEvent { failure, moment: Moment::SentHome });
        }
        let counts = recorder.counts(self.client.cohort);
        counts.reordered += self.feeds.end();
        match (&end, self.ready) {
            (End::Lost(_) | End::Fault(_), false) => counts.failed += 1,
            (End::Lost(_) | End::Fault(_), true) => counts.lost += 1,
            (End::Left | End::Stopped, _) => {}
        }
        if self.ready {
            self.ctx.up.set(self.ctx.up.get() - 1);
        }
        drop(recorder);
        self.client.mailbox.set_active(false);
        self.client.captured.replace(self.talk.captured());
        self.client.last_id.set(self.talk.last_id());
        let patience_us = self.ctx.slowest_answer_us.get().max(ANSWER_MIN_US);
        self.client.with_places(|places| places.disconnected(now_us, patience_us));
        Ended {
            end,
            at_us: now_us,
            was_ready: self.ready,
            outage: self.outage,
            silent_since_us: self.silent_since_us,
        }
    }

    /// What the client is hit by if its connection ends so: a fault that held it up before, if
    /// one did.
    fn hit_by(&self, end: &End, now_us: u64) -> Option<Failure> {
        match end {
            End::Lost(_) => Some(match self.client.held_up.get() {
                Some(HoldUp { fault, at_us, .. }) => Failure { at_us, fault: Some(fault) },
                None => Failure { at_us: now_us, fault: None },
            }),
            End::Fault(fault) => Some(Failure { at_us: now_us, fault: Some(*fault) }),
            End::Left | End::Stopped => None,
        }
    }

    fn poll(&mut self, cx: &mut Task<'_>) -> Poll<End> {
        self.client.mailbox.register(cx);
        if let Some(end) = self.unspoken.take() {
            return Poll::Ready(end);
        }
        if let Some(error) = self.failed_write.take() {
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
            match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(gap_us) = self.read_gap_us {
                        self.read_from_us = self.ctx.clock.now_us() + gap_us;
                    }
                    if let Some(end) = self.take(&frame) {
                        return Poll::Ready(end);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.lost(&error)),
                Poll::Ready(None) => return Poll::Ready(self.lost(&Error::ConnectionClosed)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether so much waits that the peer asked for, that it has to take some of it first.
    fn owes(&self) -> bool {
        self.pongs >= PONGS_MAX || self.talk.is_full()
    }

    /// Whether the next frame may be read. A client that is not joined yet, or is closing, reads
    /// what it is answered.
    fn may_read(&mut self) -> bool {
        if self.read_from_us == 0 || !self.ready || self.closing.is_some() {
            return true;
        }
        let now_us = self.ctx.clock.now_us();
        if now_us < self.read_from_us {
            return false;
        }
        if self.is_deaf()
            && let Some(pinger) = &mut self.pinger
        {
            pinger.restart(now_us);
        }
        if self.is_deaf() {
            self.talk.forgive(now_us);
        }
        self.read_from_us = 0;
        true
    }

    /// Whether it reads nothing at all for a while: a pong that is not read is no sign of a dead
    /// connection.
    fn is_deaf(&self) -> bool {
        self.read_from_us > 0 && self.read_gap_us.is_none()
    }

    /// Writes joins and messages that are due, as far as the socket takes them.
    fn poll_write(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        if self.unflushed {
            // Pongs that the server doesn't read fill the buffer too: messages wait behind them.
            ready!(self.poll_flush(cx))?;
        }
        ready!(self.poll_say(cx))?;
        let mut budget = WRITE_BUDGET;
        if self.closing.is_none() && self.open {
            for at in 0..self.rooms.len() {
                if self.rooms.is_due(at, || self.ctx.clock.now_us()) {
                    ready!(spend(&mut budget, cx));
                    ready!(Pin::new(&mut self.ws).poll_ready(cx))?;
                    self.join(at);
                    ready!(self.poll_say(cx))?;
                }
            }
            if !self.ready && self.rooms.is_in_all() {
                self.become_ready();
            }
            while self.ready
                && let Some(held) = self.client.mailbox.next_held()
                && self.can_publish()
            {
                ready!(spend(&mut budget, cx));
                ready!(Pin::new(&mut self.ws).poll_ready(cx))?;
                let rest = self.publish(held);
                self.client.mailbox.replace_held(rest);
                ready!(self.poll_say(cx))?;
            }
        }
        if self.unflushed {
            ready!(self.poll_flush(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        ready!(Pin::new(&mut self.ws).poll_flush(cx))?;
        self.unflushed = false;
        self.pongs = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes what the protocol has to say, as far as the socket takes it.
    fn poll_say(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        while self.talk.holds_frames() {
            ready!(Pin::new(&mut self.ws).poll_ready(cx))?;
            if let Some(frame) = self.talk.take_frame() {
                self.send(frame)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what the protocol has to say until the socket takes no more.
    fn say_some(&mut self) -> Result<(), Error> {
        while !self.ws.get_ref().has_pushed_back()
            && let Some(frame) = self.talk.take_frame()
        {
            self.send(frame)?;
        }
        Ok(())
    }

    /// Writes what the protocol has to say, at once: on the way out.
    fn say(&mut self) -> Result<(), Error> {
        while let Some(frame) = self.talk.take_frame() {
            self.send(frame)?;
        }
        Ok(())
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

    /// The text, and what came instead of an answer.
    fn with_stray(&mut self, text: String) -> String {
        match self.stray.take() {
            Some(stray) => format!("{text}; what came instead: {stray}"),
            None => text,
        }
    }

    fn send(&mut self, message: Message) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.ws).start_send(message)
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
        self.ready = true;
        self.stray = None;
        let now_us = self.ctx.clock.now_us();
        let cohort = self.client.cohort;
        let mut recorder = self.ctx.recorder.borrow_mut();
        recorder.latency(Metric::Ready, cohort, now_us, now_us - self.began_us);
        if !self.client.joined_once.replace(true) {
            recorder.counts(cohort).joined += 1;
        }
        if let Some(outage) = self.outage.take() {
            let after_us = now_us.saturating_sub(outage.since_us);
            recorder.counts(cohort).reconnected += 1;
            recorder.latency(Metric::Reconnect, cohort, now_us, after_us);
            let failure = outage.hit;
            let moment = Moment::Back { after_us: now_us.saturating_sub(failure.at_us) };
            recorder.recoveries.push(RecoveryEvent { failure, moment });
        }
        drop(recorder);
        self.ctx.is_joined(&self.client, now_us - self.began_us);
        self.ctx.up.set(self.ctx.up.get() + 1);
        self.client.mailbox.set_active(true);
        self.client.with_places(|places| places.joined(now_us));
        self.go_on(now_us);
    }

    /// What a failed read or write means.
    fn lost(&mut self, error: &Error) -> End {
        if let Some(closing) = self.closing.take() {
            return closing.end;
        }
        let error = classify(error, self.step());
        self.ctx.recorder.borrow_mut().closes.record(1006, "", false);
        self.failed(error)
    }

    fn failed(&self, error: DialError) -> End {
        self.ctx.failure(&self.client, &error, || self.secrets());
        End::Lost(error)
    }
}
