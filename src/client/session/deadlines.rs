//! Everything in a session that has a time limit.

use std::task::Context as Task;

use tokio_tungstenite::tungstenite::Message;

use super::{End, Session};
use crate::client::error::DialError;
use crate::client::hearing::Listener;
use crate::client::ping::{Pinger, Wants};
use crate::machine::clock::micros;
use crate::metric::ErrorKind;
use crate::scenario::Load;

impl Session {
    /// Acts on everything that has a time limit.
    pub(super) fn check_deadlines(&mut self, now_us: u64) -> Option<End> {
        if let Some(closing) = &self.closing {
            return (now_us >= closing.deadline_us).then(|| closing.end.clone());
        }
        let limit = self.ctx.plan.scenario.target.join_timeout;
        if let Some((room, step)) = self.rooms.overdue(now_us, micros(limit)) {
            let room = &self.ctx.room_names[room as usize];
            let of = if room.is_empty() { String::new() } else { format!(" of {room}") };
            let error = DialError::timed_out(step, limit);
            let text = format!("{}{of}", error.text);
            let text = self.stage.explain(text);
            self.ctx.recorder.borrow_mut().closes.record(1006, "given up on", true);
            return Some(self.failed(DialError { text, ..error }));
        }
        let deaf = self.reading.is_deaf();
        while let Some(incoming) = (!deaf).then(|| self.talk.tick(now_us)).flatten() {
            if let Some(end) = self.act_on(incoming, now_us) {
                return Some(end);
            }
        }
        if let Some(pinger) = self.pinger.as_mut().filter(|_| !deaf) {
            match pinger.at(now_us) {
                Wants::Nothing => {}
                Wants::Ping(payload) => {
                    let ping = Message::Ping(payload.to_vec().into());
                    if let Err(error) = self.pipe.send(ping) {
                        return Some(self.lost(&error));
                    }
                }
                Wants::GiveUp => {
                    self.ctx.recorder.borrow_mut().closes.record(1006, "given up on", true);
                    let step = self.step();
                    let text = "a WebSocket ping was not answered in time";
                    let error = DialError::new(ErrorKind::HeartbeatLost, step, text);
                    return Some(self.failed(error));
                }
            }
        }
        if self.client.with_places(|places| places.expire(now_us)).unwrap_or(0) > 0 {
            self.go_on(now_us.saturating_add(self.think_us()));
        }
        None
    }

    /// Closed loop: the pause before the next message.
    pub(super) fn think_us(&self) -> u64 {
        let publish = self.ctx.plan.cohort(self.client.id).publish.as_ref();
        match publish.map(|publish| publish.load) {
            Some(Load::Closed { think, .. }) => micros(think),
            Some(Load::Rate(_) | Load::TotalRate(_)) | None => 0,
        }
    }

    /// The next instant at which [`check_deadlines`](Self::check_deadlines) or a rejoin has work.
    pub(super) fn deadline_us(&self) -> Option<u64> {
        if let Some(closing) = &self.closing {
            return Some(closing.deadline_us);
        }
        let limit_us = micros(self.ctx.plan.scenario.target.join_timeout);
        let rooms = self.rooms.deadline_us(self.stage.is_open(), limit_us);
        let pinger =
            self.pinger.as_ref().filter(|_| !self.reading.is_deaf()).map(Pinger::deadline_us);
        let reading = self.reading.deadline_us().filter(|_| self.stage.is_ready());
        let talk = (!self.reading.is_deaf()).then(|| self.talk.deadline_us()).flatten();
        let answer = self.client.with_places(|places| places.deadline_us()).flatten();
        [rooms, talk, pinger, reading, answer].into_iter().flatten().min()
    }

    /// Closed loop: has the alarm set for a message that was written from outside this task.
    pub(super) fn watch_answer(&self) {
        let deadline_us = self.client.with_places(|places| places.deadline_us()).flatten();
        if deadline_us.is_some_and(|at_us| !self.alarm.wakes_by(at_us)) {
            self.client.mailbox.wake();
        }
    }

    /// Sets the alarm; true if it is due already. `now_us` is an instant of this same wake-up.
    pub(super) fn poll_alarm(&mut self, cx: &mut Task<'_>, now_us: u64) -> bool {
        match self.deadline_us() {
            Some(deadline_us) => self.alarm.poll(cx, &self.ctx.clock, deadline_us, now_us),
            None => {
                // A closed loop has one again with its next message, written without this task: an
                // alarm that rings too early is soon enough for it.
                self.alarm.rest(self.client.with_places(|_| ()).is_some(), now_us);
                false
            }
        }
    }
}
