//! What a session does with a frame that arrived.

use std::ops::ControlFlow;

use tokio_tungstenite::tungstenite::Message;

use super::{End, Session, Unspoken};
use crate::client::context::Context;
use crate::client::error::{DialError, as_read, close_of};
use crate::client::hearing::{Listener, data_of, hear};
use crate::client::mailbox::HoldUp;
use crate::codec::ServerMessage;
use crate::machine::clock::micros;
use crate::measure::{
    Failure, Finding, FindingKind, FrameKind, MessageId, Moment, Recorder, RecoveryEvent,
};
use crate::metric::{ErrorKind, Metric, Step};
use crate::protocol::{Event, Incoming, Splitter, Talk, quote};
use crate::secrets::Secrets;
use crate::stamp::{self, Found, Stamp};

impl Listener for Session {
    type End = End;

    fn ears(&mut self) -> (&mut Talk, &mut Option<Splitter>) {
        (&mut self.talk, &mut self.splitter)
    }

    fn step(&self) -> Step {
        self.stage.step()
    }

    fn take_message(
        &mut self,
        frame: &Message,
        message: &[u8],
        incoming: Incoming<'_>,
        now_us: u64,
    ) -> ControlFlow<End> {
        let end = match (&incoming, self.decoder) {
            (Incoming::Data, Some(codec)) => {
                let whole =
                    matches!(codec.codec().decode_server(frame), Ok(ServerMessage::Message { .. }));
                // Only now could anybody read it.
                let now_us = self.ctx.clock.now_us();
                self.take_whole(incoming, message, whole, now_us)
            }
            _ => self.take_whole(incoming, message, true, now_us),
        };
        end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    fn broken_off(&mut self, failure: Unspoken) -> End {
        self.ctx.recorder.borrow_mut().closes.record(1006, "given up on", true);
        let error = DialError::broken_off(failure);
        let text = self.stage.explain(error.text);
        self.failed(DialError { text, ..error })
    }
}

impl Session {
    /// Takes a frame in; gives the end if it ends the connection.
    pub(super) fn take(&mut self, frame: &Message) -> Option<End> {
        let now_us = self.ctx.clock.now_us();
        if let Some(data) = data_of(frame) {
            return hear(self, frame, data, now_us).break_value();
        }
        match frame {
            Message::Ping(_) => {
                self.ctx.recorder.borrow_mut().counts(self.client.cohort).frames_heartbeat += 1;
                None
            }
            Message::Pong(payload) => {
                let took_us = self.pinger.as_mut().and_then(|ping| ping.pong(payload, now_us));
                let mut recorder = self.ctx.recorder.borrow_mut();
                recorder.counts(self.client.cohort).frames_heartbeat += 1;
                if let Some(took_us) = took_us {
                    recorder.latency(Metric::WsPing, self.client.cohort, now_us, took_us);
                }
                None
            }
            Message::Close(frame) => {
                if let Some(closing) = self.closing.take() {
                    return Some(closing.end);
                }
                let frame = as_read(frame.as_ref(), self.pipe.close_code());
                let (code, reason) = close_of(frame.as_ref());
                let secrets = self.secrets();
                let reason = secrets.redact(reason);
                self.ctx.recorder.borrow_mut().closes.record(code, &reason, false);
                let step = self.step();
                Some(self.failed(DialError::closed(frame.as_ref(), step)))
            }
            // Only with raw frames, which we never ask for.
            Message::Text(_) | Message::Binary(_) | Message::Frame(_) => None,
        }
    }

    /// Takes a message, which the protocol has looked at. One that was to be decoded and could not
    /// be is not `whole`: what it delivers is corrupted, whatever its stamp says.
    fn take_whole(
        &mut self,
        incoming: Incoming<'_>,
        bytes: &[u8],
        whole: bool,
        now_us: u64,
    ) -> Option<End> {
        let cohort = self.client.cohort;
        if let Some(rule) = self.ctx.protocols[cohort].rule_of(self.talk.taker()) {
            self.ctx.recorder.borrow_mut().taken_by(cohort, rule);
        }
        let answers = matches!(
            incoming,
            Incoming::Open | Incoming::Resumed | Incoming::Step | Incoming::Joined(_)
        );
        // The answer to a step may bring what was missed along with it.
        if answers || matches!(incoming, Incoming::Data) {
            let mut stamped = false;
            stamp::scan_at(bytes, |at, found| {
                stamped = true;
                let found = match found {
                    Found::Intact(stamp) if !whole => Found::Corrupted(stamp),
                    found => found,
                };
                self.arrive(found, (bytes, at), now_us);
            });
            if stamped && !answers {
                self.ctx.recorder.borrow_mut().counts(self.client.cohort).frames_delivery += 1;
                return None;
            }
        }
        self.count(&incoming, bytes, now_us);
        self.act_on(incoming, now_us)
    }

    /// What of this client's own no output may show. Steps capture as they go, so the talk knows
    /// more than the client.
    pub(super) fn secrets(&self) -> Secrets {
        self.ctx.secrets(&self.client, &self.talk.captured())
    }

    /// Counts a message that delivers nothing, by what it was taken for.
    fn count(&mut self, incoming: &Incoming<'_>, bytes: &[u8], now_us: u64) {
        let cohort = self.client.cohort;
        let mut recorder = self.ctx.recorder.borrow_mut();
        let kind = match incoming {
            Incoming::Open | Incoming::Resumed | Incoming::Step => FrameKind::Step,
            Incoming::Joined(_) | Incoming::Left(_) => FrameKind::Step,
            Incoming::Acked(_) => FrameKind::Ack,
            Incoming::Rejected(..) | Incoming::Error(_) => FrameKind::Error,
            Incoming::Reply => FrameKind::Reply,
            Incoming::Data | Incoming::Unmatched => {
                let secrets = || self.ctx.secrets(&self.client, &self.talk.captured());
                self.stage.note_stray(|| {
                    quote(secrets().redact(&String::from_utf8_lossy(bytes)).as_bytes())
                });
                FrameKind::Unmatched
            }
            Incoming::Heartbeat => {
                recorder.counts(cohort).frames_heartbeat += 1;
                return;
            }
            Incoming::Ignored(at) => {
                let name = self.ctx.protocols[cohort].ignored(*at);
                return recorder.ignored(cohort, name, now_us, bytes, || self.secrets());
            }
            // A feed's events are counted where they are told apart, and a probe is no message.
            Incoming::Event(_) | Incoming::Probe(_) | Incoming::Failed(_) => return,
        };
        recorder.frame(cohort, kind, now_us, bytes, || self.secrets());
    }

    /// Does what a message means, or the time that passed.
    pub(super) fn act_on(&mut self, incoming: Incoming<'_>, now_us: u64) -> Option<End> {
        match incoming {
            Incoming::Open => self.opened(now_us),
            Incoming::Resumed => self.resumed(now_us),
            Incoming::Joined(at) => self.joined(at, now_us),
            Incoming::Left(at) => self.left(at, now_us),
            Incoming::Probe(at) => self.probe(at),
            Incoming::Event(event) => self.pushed(event, now_us),
            Incoming::Acked(id) => self.acknowledged(id, now_us),
            Incoming::Rejected(id, _) => self.rejected(id, now_us),
            Incoming::Error(reason) => return self.refused(&reason),
            Incoming::Failed(failure) => return Some(self.broken_off(failure)),
            Incoming::Data
            | Incoming::Unmatched
            | Incoming::Step
            | Incoming::Reply
            | Incoming::Ignored(_)
            | Incoming::Heartbeat => {}
        }
        None
    }

    /// Rooms can be joined. Without joins the client is in all of them.
    fn opened(&mut self, now_us: u64) {
        self.stage.open();
        if self.ctx.protocols[self.client.cohort].joins() {
            // Where a resume failed, rooms are joined after all.
            self.rooms.all_out();
        } else {
            for at in 0..self.rooms.len() {
                // The server may count the client in from the moment it reads the upgrade.
                self.enter(at, self.connected_us);
                self.entered(at, now_us);
            }
        }
    }

    /// The server took the client back, with all its rooms.
    fn resumed(&mut self, now_us: u64) {
        self.stage.open();
        for at in 0..self.rooms.len() {
            if !self.rooms.is_joining(at) {
                self.enter(at, self.connected_us);
            }
            self.entered(at, now_us);
        }
    }

    /// `mark` is the message and the byte in it where the stamp begins.
    fn arrive(&mut self, found: Found, mark: (&[u8], usize), now_us: u64) {
        let cohort = self.client.cohort;
        let receiver = self.client.id;
        let mut recorder = self.ctx.recorder.borrow_mut();
        let (stamp, intact) = match found {
            Found::Intact(stamp) => (stamp, true),
            Found::Corrupted(stamp) => (stamp, false),
            Found::Unreadable => return recorder.corrupted(cohort, receiver, None, now_us, mark),
        };
        let Stamp { run, publisher, room, seq, due_us, sent_us, preflight } = stamp;
        if run == self.ctx.run && preflight && self.ctx.protocols[cohort].probes() {
            drop(recorder);
            if publisher == receiver {
                self.hear_probe(room, now_us);
            }
            return;
        }
        // Nobody has sent yet what says that it was sent later than now.
        let is_ours = run == self.ctx.run && !preflight && sent_us <= now_us;
        if !is_ours || publisher >= self.ctx.plan.client_count() {
            recorder.counts(cohort).foreign += 1;
            let kind = FindingKind::Foreign;
            recorder.findings.note(Finding::of_arrival(kind, receiver, None, now_us));
            return;
        }
        if !intact || self.is_changed(&stamp, mark.0) {
            recorder.corrupted(cohort, receiver, Some(stamp), now_us, mark);
        }
        let (mine, missed_from_us) = (self.rooms.find(room), self.absence.missed_from_us());
        if !self.heard.take(&stamp, mine, missed_from_us, &mut recorder, now_us) {
            return;
        }
        if !self.ctx.plan.hears(publisher, receiver) {
            // The settler calls it unexpected; it is nobody's latency.
            return;
        }
        let from_sent_us = now_us.saturating_sub(sent_us);
        recorder.latency(Metric::Delivery, cohort, due_us, now_us.saturating_sub(due_us));
        recorder.latency(Metric::DeliveryFromSent, cohort, due_us, from_sent_us);
        if let Some(silent_us) = self.absence.heard(now_us) {
            recorder.latency(Metric::Outage, cohort, now_us, silent_us);
        }
        if self.client.held_up.get().is_some_and(|hold| sent_us >= hold.until_us) {
            self.goes_on(&mut recorder, now_us);
        }
        if publisher == self.client.id {
            recorder.latency(Metric::OwnCopy, cohort, due_us, from_sent_us);
            drop(recorder);
            self.answered(MessageId { room, publisher, seq }, now_us);
        }
    }

    /// Whether the text around the mark is not what its author said, as far as that can be told.
    fn is_changed(&self, stamp: &Stamp, frame: &[u8]) -> bool {
        let Context { plan, compared, .. } = &*self.ctx;
        // Most runs have no texts, and this is done for every delivery.
        if compared.is_empty() {
            return false;
        }
        let xml = compared.get(plan.cohort_of(stamp.publisher)).copied().flatten();
        let texts = plan.texts(stamp.publisher);
        xml.zip(texts).is_some_and(|(xml, texts)| !texts.is_whole(stamp, frame, xml))
    }

    /// A marked message of its own came back: the client is in that room.
    fn hear_probe(&mut self, room: u32, now_us: u64) {
        let at = self.rooms.position(room);
        if let Some(at) = at.filter(|at| self.talk.probed(*at)) {
            self.joined(at, now_us);
        }
    }

    /// What held this client up is over: it hears what was sent since.
    fn goes_on(&self, recorder: &mut Recorder, now_us: u64) {
        if let Some(HoldUp { fault, at_us, .. }) = self.client.held_up.take() {
            let failure = Failure { at_us, fault: Some(fault) };
            let moment = Moment::Back { after_us: now_us.saturating_sub(at_us) };
            recorder.recoveries.push(RecoveryEvent { failure, moment });
        }
    }

    fn joined(&mut self, at: usize, now_us: u64) {
        let cohort = self.client.cohort;
        if let Some(since_us) = self.rooms.joins_since_us(at) {
            self.entered(at, now_us);
            let mut recorder = self.ctx.recorder.borrow_mut();
            recorder.latency(Metric::Join, cohort, now_us, now_us.saturating_sub(since_us));
        }
    }

    fn left(&mut self, at: usize, now_us: u64) {
        let churn = self.ctx.plan.cohort(self.client.id).churn;
        let stay_away_us = churn.map_or(0, |churn| micros(churn.stay_away));
        if let Some(change) = self.rooms.left(at, now_us, stay_away_us) {
            self.member(now_us, change);
        }
    }

    fn pushed(&mut self, event: Event, now_us: u64) {
        // A feed goes on until it reads our close frame, and how long that takes is no part of
        // the load: the run may be over.
        if self.closing.is_some() {
            return;
        }
        let cohort = self.client.cohort;
        let mut recorder = self.ctx.recorder.borrow_mut();
        if !self.feed.hear(event, &mut recorder, cohort, now_us) {
            return;
        }
        if let Some(silent_us) = self.absence.heard(now_us) {
            recorder.latency(Metric::Outage, cohort, now_us, silent_us);
        }
        if self.client.held_up.get().is_some_and(|hold| now_us >= hold.until_us) {
            self.goes_on(&mut recorder, now_us);
        }
    }

    /// An error reply fails the join that waits; once joined it is counted.
    fn refused(&mut self, reason: &str) -> Option<End> {
        let text = format!("the server answered with an error: {reason}");
        if !self.stage.is_ready() {
            let error = DialError::new(ErrorKind::ServerError, self.step(), text);
            return Some(self.failed(error));
        }
        let error = DialError::new(ErrorKind::ServerError, Step::Active, text);
        self.ctx.failure(&self.client, &error, || self.secrets());
        None
    }
}
