//! What passes with time: limits of steps, and heartbeats of either side.

use std::sync::Arc;

use super::{Talk, Wait, unsaid};
use crate::metric::{ErrorKind, Step};
use crate::protocol::description::Heartbeat;
use crate::protocol::template::Template;
use crate::protocol::{Failure, Incoming, Taker};
use crate::units::parse;

/// When who is to be heard from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beat {
    heard_us: u64,
    /// The server must be heard within this.
    within_us: Option<u64>,
    /// The client asks so often, next at.
    every_us: Option<u64>,
    next_us: u64,
}

impl Beat {
    pub(super) fn heard(&mut self, now_us: u64) {
        self.heard_us = now_us;
    }

    fn deadline_us(&self) -> Option<u64> {
        let within = self.within_us.map(|within_us| self.heard_us.saturating_add(within_us));
        let every = self.every_us.map(|_| self.next_us);
        within.into_iter().chain(every).min()
    }
}

impl Talk {
    /// Begins to keep the heartbeat, whose times may have been captured by now.
    pub(super) fn start_beat(&mut self, now_us: u64) -> Result<(), Failure> {
        let file = Arc::clone(&self.file);
        match &file.heartbeat {
            None => {}
            Some(Heartbeat::Server { within }) => {
                self.beat.within_us = Some(self.duration_us(within)?);
            }
            Some(Heartbeat::Client { every, .. }) => {
                let every_us = self.duration_us(every)?;
                // 0 turns it off, as servers that name the time themselves have it.
                self.beat.every_us = (every_us > 0).then_some(every_us);
                self.beat.next_us = now_us.saturating_add(every_us);
            }
        }
        Ok(())
    }

    /// A duration or a sum of them, such as `25000ms + 5s`.
    fn duration_us(&self, template: &Template) -> Result<u64, Failure> {
        let mut text = Vec::new();
        template
            .render(&self.scope(None, None), &mut text)
            .map_err(|missing| unsaid(Taker::Heartbeat, &missing))?;
        let text = String::from_utf8_lossy(&text);
        let mut total_us = 0_u64;
        for term in text.split('+') {
            let term = parse::duration(term.trim()).map_err(|why| {
                let text = format!("the heartbeat's time is {text:?}: {why}");
                Failure::new(Step::Active, ErrorKind::MissingValue, text)
            })?;
            total_us = total_us.saturating_add(u64::try_from(term.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(total_us)
    }

    pub(in crate::protocol) fn deadline_us(&self) -> Option<u64> {
        let waits =
            self.waits.iter().map(|wait| wait.deadline_us).filter(|at_us| *at_us < u64::MAX);
        waits.chain(self.beat.deadline_us()).min()
    }

    pub(in crate::protocol) fn tick(&mut self, now_us: u64) -> Option<Incoming<'static>> {
        if let Some(incoming) = self.ring(now_us) {
            return Some(incoming);
        }
        let Beat { heard_us, within_us, every_us, next_us } = self.beat;
        if within_us.is_some_and(|within_us| now_us >= heard_us.saturating_add(within_us)) {
            let text = "the server was not heard within the time of its heartbeat".to_owned();
            let kind = ErrorKind::HeartbeatLost;
            return Some(Incoming::Failed(Failure::new(Step::Active, kind, text)));
        }
        let every_us = every_us.filter(|_| now_us >= next_us)?;
        self.beat.next_us = now_us.saturating_add(every_us);
        Some(match self.ask_beat(now_us) {
            Ok(()) => Incoming::Heartbeat,
            Err(failure) => Incoming::Failed(failure),
        })
    }

    fn ask_beat(&mut self, now_us: u64) -> Result<(), Failure> {
        let file = Arc::clone(&self.file);
        let Some(Heartbeat::Client { send, expect, timeout, .. }) = &file.heartbeat else {
            return Ok(());
        };
        let missed = |missing| unsaid(Taker::Heartbeat, &missing);
        let id = self.next_id();
        self.say(send, None, id).map_err(missed)?;
        let asked = self.waits.iter().any(|wait| wait.what == Taker::Heartbeat);
        if let (Some(expect), false) = (expect, asked) {
            let expect = expect.resolve(&self.scope(None, Some(id))).map_err(missed)?;
            let deadline_us = now_us + timeout.as_micros() as u64;
            let (what, expect) = (Taker::Heartbeat, Some(expect));
            self.waits.push(Wait { what, room: None, id, expect, fail: None, deadline_us });
        }
        Ok(())
    }

    pub(in crate::protocol) fn forgive(&mut self, now_us: u64) {
        self.beat.heard(now_us);
        if let Some(every_us) = self.beat.every_us {
            self.beat.next_us = now_us.saturating_add(every_us);
        }
        self.waits.retain(|wait| wait.what != Taker::Heartbeat);
    }
}
