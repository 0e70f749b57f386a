//! One client that is in nobody's figures, step by step: for the preflight of a run and for
//! showing a conversation. It goes the way that a run's clients go, through the same protocol.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::dial::{Dialed, dial};
use super::entry::{log_in, upgrade};
use super::error::{DialError, as_read};
use super::failure::classify;
use super::hearing::{Listener, data_of, hear};
use super::login::{Answer, Request};
use super::socket::{Socket, Traffic};
use super::target::Target;
use crate::machine::clock::{Clock, unix_ms};
use crate::metric::{ErrorKind, Step};
use crate::protocol::description::Each;
use crate::protocol::scope::{Captured, Person, RoomName};
use crate::protocol::{Audience, Failure, Incoming, Outgoing, Protocol, Splitter, Taker, Talk};
use crate::stamp::{self, Found, Stamp};

/// How long a guest waits for its close frame to be written, or for what a server said before it hung
/// up.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Something that happened, in order.
#[derive(Debug)]
pub enum Exchange<'a> {
    /// The n-th login was answered.
    LoggedIn(usize, &'a Request<'a>, &'a Answer),
    /// The upgrade was answered with 101.
    Upgraded {
        /// Where the server was reached.
        address: SocketAddr,
    },
    /// The conversation began: what is waited for is known, and nothing is written yet.
    Began,
    /// A frame is about to be written.
    Sent(&'a Message, Said),
    /// A message was read: its bytes, whether they are text, what took it and what it means.
    Received(&'a [u8], bool, Taker, &'a Incoming<'a>),
    /// A frame of WebSocket itself was read: ping, pong, close.
    Control(&'a Message),
}

/// What a frame is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A step of `connect`.
    Connect,
    /// The join of the room.
    Join,
    /// A marked message, to hear when the room is joined.
    Probe,
    /// The publish of this number.
    Publish(u32),
    /// The leave of the room.
    Leave,
    /// The n-th reply.
    Reply(usize),
    /// The heartbeat.
    Heartbeat,
    /// Something that the protocol answers with by itself.
    Answer,
    /// The way out.
    Goodbye,
}

/// Whoever looks on.
pub trait Watch {
    /// Something happened, so many microseconds after the clock's start. There is no talk before the
    /// upgrade.
    fn see(&mut self, at_us: u64, exchange: Exchange<'_>, talk: Option<&Talk>);
}

/// Who visits where.
#[derive(Clone, Debug)]
pub struct Visit<'a> {
    /// Where to dial.
    pub target: &'a Target,
    /// How to speak.
    pub protocol: &'a Protocol,
    /// What templates may name.
    pub person: Person,
    /// What logins captured.
    pub captured: Captured,
    /// The run's id.
    pub run: u32,
    /// The room to go to.
    pub room: String,
    /// The time limit of each step.
    pub limit: Duration,
}

/// What a guest was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Rooms can be joined.
    Open,
    /// The room is joined.
    Joined,
    /// The room is left.
    Left,
    /// A publish is confirmed.
    Acked(u64),
    /// A publish is refused.
    Rejected(u64, String),
    /// A payload of this run arrived, intact or not.
    Heard(Stamp, bool),
    /// An event of a feed.
    Event,
}

/// A client that visits.
pub struct Guest<'w> {
    ws: WebSocketStream<Socket>,
    talk: Talk,
    splitter: Option<Splitter>,
    clock: Clock,
    watch: &'w mut dyn Watch,
    step: Step,
    room: String,
    joins: bool,
    run: u32,
    number: u32,
    limit: Duration,
    address: SocketAddr,
    told: VecDeque<Told>,
}

impl std::fmt::Debug for Guest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'w> Guest<'w> {
    /// Dials, and says what has to be said before rooms can be joined.
    ///
    /// # Errors
    ///
    /// When a step fails or takes longer than its limit; the error's step says which.
    pub async fn arrive(
        visit: Visit<'_>,
        clock: Clock,
        watch: &'w mut dyn Watch,
    ) -> Result<Self, DialError> {
        let Visit { target, protocol, person, captured, run, room, limit } = visit;
        let number = person.client;
        let home =
            (protocol.audience() == Audience::Connected).then_some(RoomName { name: &room, n: 0 });
        let traffic = Rc::new(Traffic::default());
        let mut captured = captured;
        for each in [Each::Client, Each::Connection] {
            let told = |at, asked: &Request<'_>, answer: &Answer| {
                watch.see(clock.now_us(), Exchange::LoggedIn(at, asked, answer), None);
            };
            log_in(target, protocol, each, &person, &mut captured, &traffic, told).await?;
        }
        let upgrade = upgrade(target, protocol, &person, &captured, home)?;
        let dialed = dial(target, &upgrade, number, &clock, &traffic, None).await?;
        let talk = Talk::new(protocol, Rc::new(person), captured, home);
        let Dialed { ws, address, .. } = dialed;
        watch.see(clock.now_us(), Exchange::Upgraded { address }, Some(&talk));
        let splitter = protocol.splitter(target.message_bytes_max);
        let (step, told) = (Step::Connect, VecDeque::new());
        let mut guest = Self {
            ws,
            talk,
            splitter,
            clock,
            watch,
            step,
            room,
            joins: protocol.joins(),
            run,
            number,
            limit,
            address,
            told,
        };
        let begun = guest.talk.begin(false, clock.now_us());
        guest.watch.see(clock.now_us(), Exchange::Began, Some(&guest.talk));
        guest.note(&begun)?;
        guest.say(Said::Connect).await?;
        guest.until(|told| *told == Told::Open).await?;
        if !guest.joins {
            guest.step = Step::Active;
        }
        Ok(guest)
    }

    /// The address that let it in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Joins the room, where rooms are joined.
    ///
    /// # Errors
    ///
    /// As [`arrive`](Self::arrive).
    pub async fn join(&mut self) -> Result<(), DialError> {
        if !self.joins {
            self.step = Step::Active;
            return Ok(());
        }
        self.step = Step::Join;
        let room = RoomName { name: &self.room, n: 0 };
        let joined = self.talk.join(0, room, self.clock.now_us());
        joined.map_err(broken)?;
        self.say(Said::Join).await?;
        self.until(|told| *told == Told::Joined).await?;
        self.step = Step::Active;
        Ok(())
    }

    /// Publishes a message that is in nobody's figures.
    ///
    /// # Errors
    ///
    /// When it can't be said or written.
    pub async fn publish(
        &mut self,
        seq: u32,
        binary: bool,
        payload: impl FnOnce(&Stamp) -> String,
    ) -> Result<Option<u64>, DialError> {
        self.step = Step::Active;
        let at_us = self.clock.now_us();
        let stamp = Stamp {
            run: self.run,
            publisher: self.number,
            room: 0,
            seq,
            due_us: at_us,
            sent_us: at_us,
            preflight: true,
        };
        let payload = payload(&stamp);
        let room = RoomName { name: &self.room, n: 0 };
        let outgoing =
            Outgoing { payload: &payload, binary, structured: false, seq, now_ms: unix_ms() };
        let id = self.talk.publish(room, outgoing).map_err(broken)?;
        self.say(Said::Publish(seq)).await?;
        Ok(id)
    }

    /// Leaves the room, where the protocol can; false where it can't.
    ///
    /// # Errors
    ///
    /// As [`arrive`](Self::arrive).
    pub async fn leave(&mut self) -> Result<bool, DialError> {
        self.step = Step::Leave;
        let room = RoomName { name: &self.room, n: 0 };
        let leaves = self.talk.leave(0, room, self.clock.now_us()).map_err(broken)?;
        self.say(Said::Leave).await?;
        if leaves {
            self.until(|told| *told == Told::Left).await?;
        }
        Ok(leaves)
    }

    /// Says goodbye and closes. The server's answer is not waited for.
    pub async fn part(mut self) {
        let code = self.talk.goodbye();
        // What it can't say any more it need not say.
        let _ = self.say(Said::Goodbye).await;
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let close = Message::Close(Some(frame.clone()));
        self.watch.see(
            self.clock.now_us(),
            Exchange::Sent(&close, Said::Goodbye),
            Some(&self.talk),
        );
        let _ = tokio::time::timeout(CLOSE_LIMIT, self.ws.close(Some(frame))).await;
    }

    /// Waits until it is told something; whatever else it is told is dropped.
    ///
    /// # Errors
    ///
    /// When the step's limit passes first, or the connection ends.
    pub async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Result<Told, DialError> {
        let deadline = Instant::now() + self.limit;
        loop {
            while let Some(told) = self.told.pop_front() {
                if wanted(&told) {
                    return Ok(told);
                }
            }
            if !self.hear(deadline).await? {
                return Err(DialError::timed_out(self.step, self.limit));
            }
        }
    }

    /// What it was told since it was last asked, or is told until then; `None` when the time is up.
    ///
    /// # Errors
    ///
    /// When the connection ends.
    pub async fn listen(&mut self, deadline: Instant) -> Result<Option<Told>, DialError> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(Some(told));
            }
            if !self.hear(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// The talk, for whoever explains what it waits for.
    #[must_use]
    pub fn talk(&self) -> &Talk {
        &self.talk
    }

    /// Reads a frame, or lets time pass until the talk has something to do; false when `deadline`
    /// passes first.
    async fn hear(&mut self, deadline: Instant) -> Result<bool, DialError> {
        let rings = self.talk.deadline_us().map(|at_us| self.clock.instant(at_us).into());
        let until = rings.map_or(deadline, |rings: Instant| rings.min(deadline));
        let frame = tokio::time::timeout_at(until, self.ws.next()).await;
        let said = match frame {
            Ok(Some(Ok(frame))) => {
                self.take(&frame)?;
                match self.talk.taker() {
                    Taker::Connect(_) | Taker::Resume(_) => Said::Connect,
                    Taker::Reply(at) => Said::Reply(at),
                    Taker::Heartbeat => Said::Heartbeat,
                    _ => Said::Answer,
                }
            }
            Ok(Some(Err(error))) => return Err(classify(&error, self.step)),
            Ok(None) => {
                let text = "the connection ended without a close frame";
                return Err(DialError::new(ErrorKind::Reset, self.step, text));
            }
            Err(_) => {
                let now_us = self.clock.now_us();
                let mut said = Said::Heartbeat;
                while let Some(incoming) = self.talk.tick(now_us) {
                    if let Incoming::Probe(_) = incoming {
                        said = Said::Probe;
                    }
                    self.note(&incoming)?;
                }
                if Instant::now() >= deadline && !self.talk.holds_frames() {
                    return Ok(false);
                }
                said
            }
        };
        self.say(said).await?;
        Ok(true)
    }

    fn take(&mut self, frame: &Message) -> Result<(), DialError> {
        let now_us = self.clock.now_us();
        if let Some(data) = data_of(frame) {
            return hear(self, frame, data, now_us).break_value().map_or(Ok(()), Err);
        }
        let Message::Close(close) = frame else {
            self.watch.see(now_us, Exchange::Control(frame), Some(&self.talk));
            return Ok(());
        };
        let close = as_read(close.as_ref(), self.ws.get_ref().close_code());
        let frame = Message::Close(close.clone());
        self.watch.see(now_us, Exchange::Control(&frame), Some(&self.talk));
        Err(DialError::closed(close.as_ref(), self.step))
    }

    fn read(&mut self, incoming: &Incoming<'_>, bytes: &[u8], text: bool) -> Result<(), DialError> {
        let taker = self.talk.taker();
        let exchange = Exchange::Received(bytes, text, taker, incoming);
        self.watch.see(self.clock.now_us(), exchange, Some(&self.talk));
        if let Incoming::Data = incoming {
            let mut stamped = false;
            let (run, told) = (self.run, &mut self.told);
            stamp::scan(bytes, |found| {
                stamped = true;
                match found {
                    Found::Intact(stamp) if stamp.run == run => {
                        told.push_back(Told::Heard(stamp, true));
                    }
                    Found::Corrupted(stamp) if stamp.run == run => {
                        told.push_back(Told::Heard(stamp, false));
                    }
                    _ => {}
                }
            });
            if stamped {
                self.heed_probe();
                return Ok(());
            }
        }
        self.note(incoming)
    }

    /// Hearing itself while it joins is to be joined, where it probes.
    fn heed_probe(&mut self) {
        let number = self.number;
        let own = |told: &Told| matches!(told, Told::Heard(stamp, _) if stamp.publisher == number);
        if self.told.iter().any(own) && self.talk.probed(0) {
            self.told.clear();
            self.told.push_back(Told::Joined);
        }
    }

    fn note(&mut self, incoming: &Incoming<'_>) -> Result<(), DialError> {
        let told = match incoming {
            Incoming::Open | Incoming::Resumed => Told::Open,
            Incoming::Joined(_) => Told::Joined,
            Incoming::Left(_) => Told::Left,
            Incoming::Acked(id) => Told::Acked(*id),
            Incoming::Rejected(id, why) => Told::Rejected(*id, why.clone().into_owned()),
            Incoming::Event(_) => Told::Event,
            Incoming::Probe(_) => return self.probe(),
            Incoming::Failed(failure) => return Err(broken(failure.clone())),
            Incoming::Error(reason) => {
                let text = format!("the server answered with an error: {reason}");
                return Err(DialError::new(ErrorKind::ServerError, self.step, text));
            }
            Incoming::Data
            | Incoming::Unmatched
            | Incoming::Step
            | Incoming::Reply
            | Incoming::Ignored(_)
            | Incoming::Heartbeat => return Ok(()),
        };
        self.told.push_back(told);
        Ok(())
    }

    /// Queues a marked message, to hear when the room is joined.
    fn probe(&mut self) -> Result<(), DialError> {
        let at_us = self.clock.now_us();
        let (run, publisher) = (self.run, self.number);
        let stamp = Stamp {
            run,
            publisher,
            room: 0,
            seq: 0,
            due_us: at_us,
            sent_us: at_us,
            preflight: true,
        };
        let mut payload = String::new();
        stamp::write_payload(&stamp, stamp::MIN_PAYLOAD, &mut payload);
        let outgoing = Outgoing {
            payload: &payload,
            binary: false,
            structured: false,
            seq: 0,
            now_ms: unix_ms(),
        };
        let room = RoomName { name: &self.room, n: 0 };
        self.talk.publish(room, outgoing).map(drop).map_err(broken)
    }

    /// Writes what the protocol has to say.
    async fn say(&mut self, said: Said) -> Result<(), DialError> {
        while let Some(frame) = self.talk.take_frame() {
            self.watch.see(self.clock.now_us(), Exchange::Sent(&frame, said), Some(&self.talk));
            if let Err(error) = self.ws.send(frame).await {
                return Err(self.unwritten(&error).await);
            }
        }
        // Pongs that the library has queued.
        match self.ws.flush().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.unwritten(&error).await),
        }
    }

    /// What kept it from writing: a server that hung up may have said why before, and that was not
    /// read yet.
    async fn unwritten(&mut self, error: &Error) -> DialError {
        let error = classify(error, self.step);
        if !matches!(error.kind, ErrorKind::Reset | ErrorKind::Io) {
            return error;
        }
        let said = async {
            while let Some(Ok(frame)) = self.ws.next().await {
                if let Err(why) = self.take(&frame) {
                    return Some(why);
                }
            }
            None
        };
        tokio::time::timeout(CLOSE_LIMIT, said).await.ok().flatten().unwrap_or(error)
    }
}

impl Listener for Guest<'_> {
    type End = DialError;

    fn ears(&mut self) -> (&mut Talk, &mut Option<Splitter>) {
        (&mut self.talk, &mut self.splitter)
    }

    fn step(&self) -> Step {
        self.step
    }

    fn take_message(
        &mut self,
        frame: &Message,
        message: &[u8],
        incoming: Incoming<'_>,
        _: u64,
    ) -> ControlFlow<DialError> {
        let read = self.read(&incoming, message, frame.is_text());
        read.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn broken_off(&mut self, failure: Failure) -> DialError {
        broken(failure)
    }
}

fn broken(failure: Failure) -> DialError {
    DialError::broken_off(failure)
}
