//! What a message means.
//!
//! In this order: the answer to a step, an acknowledgement, a question, a heartbeat, an error, an
//! ignored one, a delivery. What one of them takes the next ones don't see.

use std::sync::Arc;

use rustc_hash::FxHasher;

use super::Talk;
use crate::protocol::capture::Capture;
use crate::protocol::description::{Delivery, Description, TimeUnit};
use crate::protocol::frame::Frame;
use crate::protocol::matcher::Matcher;
use crate::protocol::{Event, Incoming, SentUnix, Taker, quote};

impl Talk {
    pub(in crate::protocol) fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        is_text: bool,
        now_us: u64,
    ) -> Incoming<'a> {
        let file = Arc::clone(&self.file);
        let frame = Frame::new(bytes, is_text, file.json_from.as_ref());
        self.beat.heard(now_us);
        self.taker = Taker::Nobody;
        if !self.waits.is_empty()
            && let Some(incoming) = self.answer(&frame, now_us)
        {
            return incoming;
        }
        if let Some(incoming) = self.acknowledged(&file, &frame) {
            return incoming;
        }
        for (at, reply) in file.replies.iter().enumerate() {
            if self.holds(&reply.when, &frame) {
                self.taker = Taker::Reply(at);
                return self.reply(at, &frame);
            }
        }
        if let Some(error) = &file.error
            && self.holds(error, &frame)
        {
            self.taker = Taker::Error;
            let text = quote(frame.bytes());
            let failed =
                self.fail_oldest(format!("the server answered with an error: {text}"), now_us);
            return failed.unwrap_or(Incoming::Error(text.into()));
        }
        for (at, ignore) in file.ignores.iter().enumerate() {
            if self.holds(&ignore.when, &frame) {
                self.taker = Taker::Ignore(at);
                return Incoming::Ignored(at);
            }
        }
        self.delivered(&file.delivery, &frame)
    }

    fn holds(&self, matcher: &Matcher, frame: &Frame<'_>) -> bool {
        matcher.may_match(frame.bytes()) && matcher.matches(frame, &self.scope(None, None))
    }

    fn acknowledged(&mut self, file: &Description, frame: &Frame<'_>) -> Option<Incoming<'static>> {
        let ack = file.publish.as_ref()?.ack.as_ref()?;
        let refused = ack.fail.as_ref().is_some_and(|fail| self.holds(fail, frame));
        if !refused && !self.holds(&ack.when, frame) {
            return None;
        }
        // One that names no publish of ours may be the answer to something else.
        let id = ack.id.take(frame)?.parse().ok()?;
        self.taker = Taker::Ack;
        Some(if refused {
            Incoming::Rejected(id, quote(frame.bytes()).into())
        } else {
            Incoming::Acked(id)
        })
    }

    fn reply(&mut self, at: usize, frame: &Frame<'_>) -> Incoming<'static> {
        let file = Arc::clone(&self.file);
        let Some(reply) = file.replies.get(at) else { return Incoming::Reply };
        self.remember(&reply.captures, frame);
        let id = self.next_id();
        match self.say(&reply.send, None, id) {
            Ok(()) => Incoming::Reply,
            Err(missing) => Incoming::Failed(super::unsaid(Taker::Reply(at), &missing)),
        }
    }

    /// Keeps what the message has of this. It may leave out what an earlier one had.
    fn remember(&mut self, captures: &[Capture], frame: &Frame<'_>) {
        for capture in captures {
            if let Some(text) = capture.take(frame) {
                self.captured.set(capture.into, text);
            }
        }
    }

    fn delivered(&mut self, delivery: &Delivery, frame: &Frame<'_>) -> Incoming<'static> {
        if let Some(when) = &delivery.when
            && !self.holds(when, frame)
        {
            return Incoming::Unmatched;
        }
        self.taker = Taker::Delivery;
        let Delivery { key, sequence, sent_at, captures, .. } = delivery;
        self.remember(captures, frame);
        if key.is_none() && sequence.is_none() && sent_at.is_none() {
            return Incoming::Data;
        }
        let text = |capture: &Capture| capture.take(frame);
        let event = Event {
            key: key.as_ref().and_then(text).map(|text| hashed(&text)),
            sequence: sequence.as_ref().and_then(|sequence| {
                let number = text(&sequence.at)?.parse().ok()?;
                Some((
                    sequence.per.as_ref().map_or(Some(0), |per| Some(hashed(&text(per)?)))?,
                    number,
                ))
            }),
            sent: sent_at.as_ref().and_then(|at| sent_unix(&text(&at.at)?, at.unit)),
        };
        if event == Event::default() { Incoming::Unmatched } else { Incoming::Event(event) }
    }
}

fn hashed(text: &str) -> u64 {
    use std::hash::Hasher;
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// An instant of the server's; `None` for what is no time of that unit.
fn sent_unix(text: &str, unit: TimeUnit) -> Option<SentUnix> {
    let unit_us = match unit {
        TimeUnit::Seconds => 1_000_000,
        TimeUnit::Millis => 1_000,
        TimeUnit::Micros => 1,
        TimeUnit::Date => {
            let instant: jiff::Timestamp = text.parse().ok()?;
            let unix_us = u64::try_from(instant.as_microsecond()).ok()?;
            return Some(SentUnix {
                unix_us,
                resolution_us: if text.contains('.') { 1 } else { 1_000_000 },
            });
        }
    };
    if let Ok(whole) = text.parse::<u64>() {
        return Some(SentUnix { unix_us: whole.checked_mul(unit_us)?, resolution_us: unit_us });
    }
    let unix_us = text.parse::<f64>().ok()? * unit_us as f64;
    let fits = unix_us.is_finite() && (0.0..9e18).contains(&unix_us);
    fits.then_some(SentUnix { unix_us: unix_us as u64, resolution_us: 1 })
}
