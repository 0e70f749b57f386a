//! What a session sends: due messages, and in a closed loop when the next is due.

use std::rc::Rc;

use super::{Session, WRITE_BUDGET};
use crate::client::agenda::Event;
use crate::client::mailbox::Held;
use crate::client::places::Places;
use crate::client::session::acks::Unacked;
use crate::codec::Post;
use crate::machine::clock::unix_ms;
use crate::measure::{MessageId, Published};
use crate::metric::Metric;
use crate::protocol::Outgoing;
use crate::scenario::Body;
use crate::stamp::{self, Stamp};

impl Session {
    /// Closed loop: a message is due at an instant for each place that is free. Nothing is once the
    /// schedule has ended.
    pub(super) fn go_on(&self, at_us: u64) {
        if self.ctx.draining.get() {
            return;
        }
        let take = |places: &mut Places| {
            let free = places.free();
            (0..free).for_each(|_| places.schedule());
            free
        };
        for _ in 0..self.client.with_places(take).unwrap_or(0) {
            self.ctx.agenda.add(at_us, Event::Publish(self.client.local));
        }
    }

    /// Closed loop: a message came back or was acknowledged or refused, so the next may be sent.
    pub(super) fn answered(&mut self, message: MessageId, now_us: u64) {
        let freed = self.client.with_places(|places| places.answered(message, now_us)).flatten();
        if let Some(written_us) = freed {
            let slowest_us = &self.ctx.slowest_answer_us;
            slowest_us.set(slowest_us.get().max(now_us.saturating_sub(written_us)));
            self.go_on(now_us.saturating_add(self.think_us()));
        }
    }

    /// Whether there is a room to publish to, as all may be left for a while, and whether the
    /// server takes a message now.
    pub(super) fn can_publish(&self) -> bool {
        self.rooms.can_speak() && self.talk.can_publish(1)
    }

    /// Publishes from outside the session's own task; what has to wait for that is given back.
    pub(in crate::client) fn publish_now(&mut self, held: Held) -> Option<Held> {
        let mut rest = Some(held);
        let mut budget = WRITE_BUDGET;
        let free = self.stage.is_ready() && self.closing.is_none() && !self.pipe.has_failed();
        while free
            && budget > 0
            && !self.pipe.is_unflushed()
            && !self.talk.holds_frames()
            && let Some(held) = rest
            && self.can_publish()
        {
            budget -= 1;
            rest = self.publish(held);
            if !self.pipe.say_some(&mut self.talk) {
                self.client.mailbox.wake();
                break;
            }
        }
        if self.talk.holds_frames() {
            self.client.mailbox.wake();
        }
        self.watch_answer();
        rest
    }

    /// Publishes to the next room that a message goes to, and gives back what is left of it for others.
    /// The frames are only queued: they are to be written before the next one is.
    pub(super) fn publish(&mut self, held: Held) -> Option<Held> {
        let ctx = Rc::clone(&self.ctx);
        let to = ctx.plan.cohort(self.client.id).publish.as_ref().map(|publish| publish.to);
        let mut rooms = ctx.plan.publish_rooms(self.client.id, held.due.k).skip(held.done as usize);
        let Some(room) = rooms.next() else {
            self.client.abandon_scheduled();
            return None;
        };
        let room = self.rooms.to_publish_to(room, held.done as usize, to);
        match room {
            Some(room) => self.publish_to(room, held),
            None => self.not_sent(1),
        }
        rooms.next().map(|_| Held { done: held.done + 1, ..held })
    }

    fn not_sent(&self, messages: u64) {
        self.ctx.recorder.borrow_mut().counts(self.client.cohort).not_sent += messages;
    }

    fn publish_to(&mut self, room: u32, held: Held) {
        let (ctx, client) = (Rc::clone(&self.ctx), Rc::clone(&self.client));
        let seq = client.next_seq(room);
        let sent_us = ctx.clock.now_us();
        let stamp = Stamp {
            run: ctx.run,
            publisher: client.id,
            room,
            seq,
            due_us: held.due.at_us,
            sent_us,
            preflight: false,
        };
        let mut payload = ctx.payload.take();
        payload.clear();
        let body = ctx.plan.cohort(client.id).publish.as_ref().map(|publish| publish.body);
        let structured = body == Some(Body::Structured);
        let beside_text = if structured { Post::EXAMPLE_BESIDE_TEXT } else { 0 };
        let size = (held.due.size as usize).saturating_sub(beside_text);
        match ctx.plan.texts(client.id) {
            Some(texts) => texts.write(&stamp, size, &mut payload),
            None => stamp::write_payload(&stamp, size, &mut payload),
        }
        let binary = held.due.binary;
        let now_ms = unix_ms();
        let outgoing = Outgoing { payload: &payload, binary, structured, seq, now_ms };
        let published = self.talk.publish(ctx.room(room), outgoing);
        ctx.payload.replace(payload);
        let Some(id) = self.said(published) else {
            self.not_sent(1);
            return client.abandon_scheduled();
        };
        if let Some(id) = id {
            let message = MessageId { room, publisher: client.id, seq };
            self.unacked.sent(Unacked { id, message, due_us: held.due.at_us, sent_us });
        }
        {
            let mut recorder = ctx.recorder.borrow_mut();
            let held_us = sent_us.saturating_sub(held.released_us);
            recorder.latency(Metric::Held, client.cohort, held.due.at_us, held_us);
            recorder.counts(client.cohort).sent += 1;
            let message = MessageId { room, publisher: client.id, seq };
            recorder.ledger.publish(Published { message, due_us: held.due.at_us, sent_us });
        }
        client.with_places(|places| {
            places.written(MessageId { room, publisher: client.id, seq }, sent_us);
        });
    }

    /// Does one of the cohort's actions; what can't be said at once nobody needs later.
    pub(super) fn act(&mut self, action: u16, k: u32) {
        let ctx = Rc::clone(&self.ctx);
        let act = ctx.plan.cohort(self.client.id).actions.get(usize::from(action));
        let room = self.rooms.in_turn(k);
        let free = self.stage.is_ready() && self.closing.is_none() && !self.pipe.is_unflushed();
        let free = free && !self.talk.is_full();
        let (Some(act), true) = (act, free && self.rooms.can_speak()) else {
            ctx.recorder.borrow_mut().counts(self.client.cohort).actions_not_sent += 1;
            return;
        };
        let acted = self.talk.act(act.action, room.map(|room| ctx.room(room)));
        let said = self.said(acted).is_some();
        let mut recorder = ctx.recorder.borrow_mut();
        let counts = recorder.counts(self.client.cohort);
        counts.actions_sent += u64::from(said);
        counts.actions_not_sent += u64::from(!said);
    }

    /// Publishes a marked message: it belongs to nobody's figures, and who hears it is joined.
    pub(super) fn probe(&mut self, at: usize) {
        let ctx = Rc::clone(&self.ctx);
        let room = self.rooms.id(at);
        let now_us = ctx.clock.now_us();
        let stamp = Stamp {
            run: ctx.run,
            publisher: self.client.id,
            room,
            seq: 0,
            due_us: now_us,
            sent_us: now_us,
            preflight: true,
        };
        let mut payload = String::new();
        stamp::write_payload(&stamp, stamp::MIN_PAYLOAD, &mut payload);
        let (binary, structured) = (false, false);
        let now_ms = unix_ms();
        let outgoing = Outgoing { payload: &payload, binary, structured, seq: 0, now_ms };
        let published = self.talk.publish(ctx.room(room), outgoing);
        if let Some(Some(id)) = self.said(published) {
            self.unacked.probed(id);
        }
    }
}
