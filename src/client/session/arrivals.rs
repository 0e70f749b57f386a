//! What a session does with a frame that arrived.

use tokio_tungstenite::tungstenite::Message;

use super::{Presence, Session, close_of};
use crate::client::dial::DialError;
use crate::client::mailbox::HoldUp;
use crate::client::session::End;
use crate::client::stays::Belongs;
use crate::machine::clock::{micros, unix_ms};
use crate::measure::{
    Arrival, Failure, Finding, FindingKind, MemberChange, MessageId, Moment, Recorder,
    RecoveryEvent,
};
use crate::metric::{ErrorKind, Metric, Step};
use crate::protocol::Incoming;
use crate::stamp::{self, Found, Stamp};

impl Session {
    /// Takes a frame in; gives the end if it ends the connection.
    pub(super) fn take(&mut self, frame: &Message) -> Option<End> {
        let now_us = self.ctx.clock.now_us();
        match frame {
            Message::Text(text) => self.take_data(frame, text.as_bytes(), now_us),
            Message::Binary(bytes) => self.take_data(frame, bytes, now_us),
            Message::Ping(_) => {
                // The library has queued the pong.
                self.unflushed = true;
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
                let (code, reason) = close_of(frame.as_ref());
                self.ctx.recorder.borrow_mut().closes.record(code, reason, false);
                let step = if self.ready { Step::Active } else { Step::Join };
                Some(self.failed(DialError::closed(frame.as_ref(), step)))
            }
            // Only with raw frames, which we never ask for.
            Message::Frame(_) => None,
        }
    }

    fn take_data(&mut self, frame: &Message, bytes: &[u8], now_us: u64) -> Option<End> {
        let mut stamped = false;
        stamp::scan(bytes, |found| {
            stamped = true;
            self.arrive(found, now_us);
        });
        if stamped {
            self.ctx.recorder.borrow_mut().counts(self.client.cohort).frames_delivery += 1;
            return None;
        }
        match self.protocol.read(frame) {
            Incoming::Joined(name) => self.joined(&name, now_us),
            Incoming::Left(name) => self.left(&name, now_us),
            Incoming::Push { seq, timestamp_ms } => self.pushed(seq, timestamp_ms, now_us),
            Incoming::Error(reason) => return self.refused(&reason),
            Incoming::Unmatched => {
                self.ctx.recorder.borrow_mut().counts(self.client.cohort).frames_unmatched += 1;
            }
        }
        None
    }

    fn arrive(&mut self, found: Found, now_us: u64) {
        let cohort = self.client.cohort;
        let receiver = self.client.id;
        let note = |recorder: &mut Recorder, kind, stamp| {
            recorder.findings.note(Finding::of_arrival(kind, receiver, stamp, now_us));
        };
        let mut recorder = self.ctx.recorder.borrow_mut();
        let (stamp, intact) = match found {
            Found::Intact(stamp) => (stamp, true),
            Found::Corrupted(stamp) => (stamp, false),
            Found::Unreadable => {
                recorder.counts(cohort).corrupted += 1;
                note(&mut recorder, FindingKind::Corrupted, None);
                return;
            }
        };
        let Stamp { run, publisher, room, seq, due_us, sent_us, preflight } = stamp;
        if run != self.ctx.run || preflight || publisher >= self.ctx.plan.client_count() {
            recorder.counts(cohort).foreign += 1;
            note(&mut recorder, FindingKind::Foreign, None);
            return;
        }
        if !intact {
            recorder.counts(cohort).corrupted += 1;
            note(&mut recorder, FindingKind::Corrupted, Some(stamp));
        }
        let mine = self.rooms.iter().find(|mine| mine.id == room);
        let belongs = mine.map_or(Belongs::Unexpected, |mine| mine.stays.classify(sent_us));
        let slot = match (belongs, mine) {
            (Belongs::Member, Some(mine)) => mine.slot,
            (Belongs::Replayed, _) => {
                recorder.counts(cohort).replayed += 1;
                note(&mut recorder, FindingKind::Replayed, Some(stamp));
                return;
            }
            (Belongs::Unexpected | Belongs::Member, _) => {
                recorder.counts(cohort).unexpected += 1;
                note(&mut recorder, FindingKind::Unexpected, Some(stamp));
                return;
            }
        };
        let arrival = self.heard.entry((room, publisher)).or_default().hear(seq);
        let message = MessageId { room, publisher, seq };
        if arrival == Arrival::Duplicate || !recorder.ledger.hear(message, slot, sent_us, now_us) {
            recorder.counts(cohort).duplicated += 1;
            note(&mut recorder, FindingKind::Duplicated, Some(stamp));
            return;
        }
        if matches!(arrival, Arrival::Reordered | Arrival::TooOld) {
            recorder.counts(cohort).reordered += 1;
            note(&mut recorder, FindingKind::Reordered, Some(stamp));
        }
        let from_sent_us = now_us.saturating_sub(sent_us);
        recorder.latency(Metric::Delivery, cohort, due_us, now_us.saturating_sub(due_us));
        recorder.latency(Metric::DeliveryFromSent, cohort, due_us, from_sent_us);
        if let Some(since_us) = self.silent_since_us.take() {
            let silent_us = now_us.saturating_sub(since_us);
            recorder.latency(Metric::Outage, cohort, now_us, silent_us);
        }
        if self.client.held_up.get().is_some_and(|hold| sent_us >= hold.until_us) {
            self.goes_on(&mut recorder, now_us);
        }
        if publisher == self.client.id {
            recorder.latency(Metric::OwnCopy, cohort, due_us, from_sent_us);
            drop(recorder);
            self.answered(now_us);
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

    /// Closed loop: an own message came back, so the next may be sent.
    fn answered(&mut self, now_us: u64) {
        let Some(think_us) = self.think_us() else { return };
        if self.unanswered == 0 {
            return; // given up on before
        }
        self.unanswered -= 1;
        self.client.abandon_in_flight();
        if !self.ctx.draining.get() {
            self.schedule_next(now_us + think_us);
        }
    }

    fn room_named(&self, name: &str) -> Option<usize> {
        self.rooms.iter().position(|room| self.ctx.room_names[room.id as usize] == name)
    }

    fn joined(&mut self, name: &str, now_us: u64) {
        let cohort = self.client.cohort;
        self.ctx.recorder.borrow_mut().counts(cohort).frames_step += 1;
        let Some(at) = self.room_named(name) else { return };
        if let Presence::Joining { since_us } = self.rooms[at].state {
            self.entered(at, now_us);
            let mut recorder = self.ctx.recorder.borrow_mut();
            recorder.latency(Metric::Join, cohort, now_us, now_us.saturating_sub(since_us));
        }
    }

    fn left(&mut self, name: &str, now_us: u64) {
        let cohort = self.client.cohort;
        self.ctx.recorder.borrow_mut().counts(cohort).frames_step += 1;
        let Some(at) = self.room_named(name) else { return };
        let room = &mut self.rooms[at];
        if matches!(room.state, Presence::Leaving { .. }) {
            let churn = self.ctx.plan.cohort(self.client.id).churn;
            let stay_away_us = churn.map_or(0, |churn| micros(churn.stay_away));
            room.state = Presence::Out { back_us: now_us + stay_away_us };
            room.stays.left(now_us);
            let change = MemberChange::Left { room: room.id };
            self.member(now_us, change);
        }
    }

    fn pushed(&mut self, seq: u64, timestamp_ms: u64, now_us: u64) {
        // A feed goes on until it reads our close frame, and how long that takes is no part of
        // the load: the run may be over.
        if self.closing.is_some() {
            return;
        }
        let cohort = self.client.cohort;
        let mut recorder = self.ctx.recorder.borrow_mut();
        recorder.counts(cohort).frames_push += 1;
        // Only neighbouring numbers are compared, so the low half is enough.
        match self.feed.hear(seq as u32) {
            Arrival::Duplicate => {
                recorder.counts(cohort).duplicated += 1;
                return;
            }
            Arrival::Next { skipped } => {
                recorder.counts(cohort).pushed += 1;
                recorder.counts(cohort).push_lost += u64::from(skipped);
            }
            Arrival::Reordered => {
                recorder.counts(cohort).pushed += 1;
                recorder.counts(cohort).push_found += 1;
                recorder.counts(cohort).reordered += 1;
            }
            Arrival::TooOld => {
                recorder.counts(cohort).reordered += 1;
                return;
            }
        }
        let now_ms = unix_ms();
        recorder.counts(cohort).push_future += u64::from(timestamp_ms > now_ms);
        let push_us = now_ms.saturating_sub(timestamp_ms) * 1_000;
        recorder.latency(Metric::Push, cohort, now_us, push_us);
        if let Some(last_us) = self.last_push_us.replace(now_us) {
            recorder.latency(Metric::Interval, cohort, now_us, now_us.saturating_sub(last_us));
        }
        if let Some(since_us) = self.silent_since_us.take() {
            let silent_us = now_us.saturating_sub(since_us);
            recorder.latency(Metric::Outage, cohort, now_us, silent_us);
        }
        if self.client.held_up.get().is_some_and(|hold| now_us >= hold.until_us) {
            self.goes_on(&mut recorder, now_us);
        }
    }

    /// An error reply fails the join that waits; once joined it is counted.
    fn refused(&mut self, reason: &str) -> Option<End> {
        self.ctx.recorder.borrow_mut().counts(self.client.cohort).frames_error += 1;
        let text = format!("the server answered with an error: {reason}");
        if !self.ready {
            let error = DialError::new(ErrorKind::ServerError, Step::Join, text);
            return Some(self.failed(error));
        }
        self.ctx.error(self.client.cohort, ErrorKind::ServerError, Step::Active, || text);
        None
    }
}
