//! Frames that a conversation has to say and that are not written yet.
//!
//! A peer that asks and never reads must not make them pile up: past a bound nothing further is read
//! from it, and what one message of its own asks for is bounded as well.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Message;

/// With so many frames waiting, nothing further is read.
const FULL_FRAMES: usize = 64;
/// With so many bytes waiting, nothing further is read.
const FULL_BYTES: usize = 256 * 1024;
/// One message that asks for more replies than this has the connection ended.
const OVERFULL_FRAMES: usize = 4_096;
/// The same in bytes; the largest messages of a client fit twice.
const OVERFULL_BYTES: usize = 64 * 1024 * 1024;

/// The frames, oldest first.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<Message>,
    bytes: usize,
}

impl Outbox {
    /// Puts a frame at the end.
    pub fn push_back(&mut self, frame: Message) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Takes the oldest frame.
    pub fn pop_front(&mut self) -> Option<Message> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// How many frames wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Forgets all frames but the first so many.
    pub fn truncate(&mut self, frames: usize) {
        while self.frames.len() > frames {
            self.bytes -= self.frames.pop_back().map_or(0, |frame| frame.len());
        }
    }

    /// Whether whoever asks for more has to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.frames.len() >= FULL_FRAMES || self.bytes >= FULL_BYTES
    }

    /// Whether one message asked for more than any may.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.frames.len() > OVERFULL_FRAMES || self.bytes > OVERFULL_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_by_frames_and_by_bytes_and_empties() {
        let mut out = Outbox::default();
        for n in 1..=FULL_FRAMES {
            assert!(!out.is_full(), "{n}");
            out.push_back(Message::text("pong"));
        }
        assert!(out.is_full() && !out.is_overfull());
        out.pop_front().unwrap();
        assert!(!out.is_full());
        out.truncate(1);
        assert_eq!((out.len(), out.bytes), (1, 4));
        out.push_back(Message::text("x".repeat(FULL_BYTES - 5)));
        assert!(!out.is_full());
        out.push_back(Message::text("x"));
        assert!(out.is_full());
        while out.pop_front().is_some() {}
        assert_eq!((out.len(), out.bytes, out.is_full()), (0, 0, false));
    }

    #[test]
    fn one_message_may_not_ask_for_any_number_of_replies() {
        let mut out = Outbox::default();
        for _ in 0..OVERFULL_FRAMES {
            out.push_back(Message::text(""));
        }
        assert!(!out.is_overfull());
        out.push_back(Message::text(""));
        assert!(out.is_overfull());
        let mut out = Outbox::default();
        out.push_back(Message::binary(vec![0; OVERFULL_BYTES]));
        assert!(!out.is_overfull());
        out.push_back(Message::text("x"));
        assert!(out.is_overfull());
    }
}
