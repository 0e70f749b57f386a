//! Everything in a session that has a time limit, and the one alarm that wakes it.

use std::task::Context as Task;

use tokio::task::coop::has_budget_remaining;
use tokio_tungstenite::tungstenite::Message;

use super::{End, Session};
use crate::client::dial::DialError;
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
            let text = self.with_stray(text);
            self.ctx.recorder.borrow_mut().closes.record(1006, "given up on", true);
            return Some(self.failed(DialError { text, ..error }));
        }
        let deaf = self.is_deaf();
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
                    if let Err(error) = self.send(ping) {
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
        let rooms = self.rooms.deadline_us(self.open, limit_us);
        let pinger = self.pinger.as_ref().filter(|_| !self.is_deaf()).map(Pinger::deadline_us);
        let reading = (self.ready && self.read_from_us > 0).then_some(self.read_from_us);
        let talk = (!self.is_deaf()).then(|| self.talk.deadline_us()).flatten();
        let answer = self.client.with_places(|places| places.deadline_us()).flatten();
        [rooms, talk, pinger, reading, answer].into_iter().flatten().min()
    }

    /// Closed loop: has the alarm set for a message that was written from outside this task.
    pub(super) fn watch_answer(&self) {
        let deadline_us = self.client.with_places(|places| places.deadline_us()).flatten();
        if deadline_us.is_some_and(|at_us| !self.alarm_waits || self.alarm_us > at_us) {
            self.client.mailbox.wake();
        }
    }

    /// Arms the alarm; true if it is due already. `now_us` is an instant of this same wake-up.
    pub(super) fn poll_alarm(&mut self, cx: &mut Task<'_>, now_us: u64) -> bool {
        let Some(deadline_us) = self.deadline_us() else {
            // A closed loop has one again with its next message, written without this task: an alarm
            // that rings too early is soon enough for it.
            let loops = self.client.with_places(|_| ()).is_some();
            if loops && self.alarm_waits && now_us < self.alarm_us {
                return false;
            }
            // Kept armed it would wake for nothing; most clients have no deadline at all.
            self.alarm = None;
            self.alarm_us = u64::MAX;
            self.alarm_waits = false;
            return false;
        };
        // It has this task's waker, and rings in time or too early: most wake-ups need not touch it.
        if self.alarm_waits && self.alarm_us <= deadline_us && now_us < self.alarm_us {
            return false;
        }
        let instant = || self.ctx.clock.instant(deadline_us).into();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(instant())));
        // One that rings too early is set again then. In a closed loop the deadline moves on with
        // every message, and hardly any is ever reached.
        if self.alarm_us > deadline_us {
            alarm.as_mut().reset(instant());
            self.alarm_us = deadline_us;
        }
        // A task whose turn is over polls nothing: it is woken again at once, and leaves no waker.
        self.alarm_waits = has_budget_remaining();
        while alarm.as_mut().poll(cx).is_ready() {
            if self.alarm_us < deadline_us {
                alarm.as_mut().reset(instant());
                self.alarm_us = deadline_us;
                continue;
            }
            // A rejoin that is due may have to wait for the socket, which wakes the task by itself:
            // acting on the same deadline twice would spin.
            return std::mem::replace(&mut self.rung_us, deadline_us) != deadline_us;
        }
        false
    }
}
