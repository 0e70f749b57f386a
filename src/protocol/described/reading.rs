//! What a message means.
//!
//! In this order: the answer to a step, an acknowledgement, a question, a heartbeat, an error, an
//! ignored one, a delivery. What one of them takes the next ones don't see.

use std::sync::Arc;

use rustc_hash::FxHasher;

use super::Talk;
use crate::protocol::capture::Capture;
use crate::protocol::description::{Delivery, Description, Sequence, TimeUnit};
use crate::protocol::frame::Frame;
use crate::protocol::matcher::Matcher;
use crate::protocol::{Event, Incoming, SentUnix, Taker, Told, number, quote};
use crate::units::date;

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

    /// Every rule that would take a message now, in the order in which they are asked, and why.
    pub(in crate::protocol) fn takers(&self, bytes: &[u8], is_text: bool) -> Vec<(Taker, String)> {
        let file = &self.file;
        let frame = Frame::new(bytes, is_text, file.json_from.as_ref());
        let scope = self.scope(None, None);
        let why = |matcher: &Matcher| matcher.holding(&frame, &scope);
        let ack = file.publish.as_ref().and_then(|publish| publish.ack.as_ref());
        let ack = ack.and_then(|ack| {
            number::count(&ack.id.take(&frame)?)?;
            let why = ack.fail.as_ref().and_then(why).or_else(|| why(&ack.when))?;
            Some((Taker::Ack, why))
        });
        let replies = file.replies.iter().enumerate();
        let replies = replies.filter_map(|(at, rule)| Some((Taker::Reply(at), why(&rule.when)?)));
        let error = file.error.as_ref().and_then(why).map(|why| (Taker::Error, why));
        let ignores = file.ignores.iter().enumerate();
        let ignores = ignores.filter_map(|(at, rule)| Some((Taker::Ignore(at), why(&rule.when)?)));
        let delivery = file.delivery.when.as_ref().and_then(why);
        let delivery = delivery.map(|why| (Taker::Delivery, why));
        let rules = ack.into_iter().chain(replies).chain(error).chain(ignores);
        rules.chain(delivery).collect()
    }

    fn holds(&self, matcher: &Matcher, frame: &Frame<'_>) -> bool {
        matcher.takes(frame, &self.scope(None, None))
    }

    fn acknowledged(&mut self, file: &Description, frame: &Frame<'_>) -> Option<Incoming<'static>> {
        let ack = file.publish.as_ref()?.ack.as_ref()?;
        let refused = ack.fail.as_ref().is_some_and(|fail| self.holds(fail, frame));
        if !refused && !self.holds(&ack.when, frame) {
            return None;
        }
        // One that names no publish of ours may be the answer to something else.
        let id = number::count(&ack.id.take(frame)?)?;
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
        let numbered = |of: &Sequence| {
            let within = match &of.per {
                Some(per) => hashed(&text(per)?),
                None => 0,
            };
            Some((within, number::count(&text(&of.at)?)?))
        };
        let key = key.as_ref().and_then(text).map(|text| hashed(&text));
        let number = sequence.as_ref().and_then(numbered);
        let sent = sent_at.as_ref().and_then(|at| sent_unix(&text(&at.at)?, at.unit));
        // Without a rule it is an event by what it says, and one that says nothing is none.
        if delivery.when.is_none() && key.is_none() && number.is_none() && sent.is_none() {
            return Incoming::Unmatched;
        }
        let number = Told::read(sequence.is_some(), number);
        Incoming::Event(Event { key, sequence: number, sent: Told::read(sent_at.is_some(), sent) })
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
    let power = match unit {
        TimeUnit::Seconds => 6,
        TimeUnit::Millis => 3,
        TimeUnit::Micros => 0,
        TimeUnit::Date => {
            let unix_us = date::to_unix_us(text)?;
            return Some(SentUnix { unix_us, resolution_us: resolution_us(6, text) });
        }
    };
    let unix_us = number::scaled(text, power)?;
    Some(SentUnix { unix_us, resolution_us: resolution_us(power, text) })
}

/// What a time in units of `10^power` microseconds was cut off to, by the digits behind its point.
/// Up to three of them are taken for three: some servers leave zeros out at the end.
fn resolution_us(power: i32, text: &str) -> u64 {
    let digits = match number::places(text) {
        0 => 0,
        1..=3 => 3,
        more => i32::try_from(more).unwrap_or(i32::MAX),
    };
    10_u64.pow(power.saturating_sub(digits).clamp(0, 6) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_server_in_a_table() {
        use TimeUnit::{Date, Micros, Millis, Seconds};
        for (text, unit, known) in [
            ("1700000000", Seconds, Some((1_700_000_000_000_000, 1_000_000))),
            ("1700000000.5", Seconds, Some((1_700_000_000_500_000, 1_000))),
            ("1700000000.123456", Seconds, Some((1_700_000_000_123_456, 1))),
            ("1700000000123", Millis, Some((1_700_000_000_123_000, 1_000))),
            ("1700000000123.25", Millis, Some((1_700_000_000_123_250, 1))),
            ("1700000000123456", Micros, Some((1_700_000_000_123_456, 1))),
            ("2023-11-14T22:13:20Z", Date, Some((1_700_000_000_000_000, 1_000_000))),
            ("2023-11-14T22:13:20.123Z", Date, Some((1_700_000_000_123_000, 1_000))),
            ("2023-11-14T23:13:20.123456+01:00", Date, Some((1_700_000_000_123_456, 1))),
            ("2023-11-14T22:13:20", Date, None),
            ("1700000000", Date, None),
            ("2023-11-14T22:13:20Z", Millis, None),
            ("-5", Millis, None),
            ("", Seconds, None),
            ("99999999999999999999", Millis, None),
        ] {
            let read = sent_unix(text, unit).map(|sent| (sent.unix_us, sent.resolution_us));
            assert_eq!(read, known, "{text} {unit:?}");
        }
    }
}
