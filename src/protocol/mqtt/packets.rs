//! Finds packets in WebSocket messages: MQTT is a byte stream, and a packet may lie over several
//! messages or share one with others.

use crate::metric::{ErrorKind, Step};
use crate::protocol::Failure;

/// A buffer larger than this is given back when nothing is kept in it: each connection has one.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Why bytes are no stream of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPacket {
    /// The length goes on after its fourth byte.
    #[error("a packet's remaining length is malformed")]
    Length,
    /// More than a connection may keep.
    #[error("a packet of {0} bytes is over the limit of {1}")]
    TooLarge(usize, usize),
}

impl From<NoPacket> for Failure {
    fn from(why: NoPacket) -> Self {
        let kind = match why {
            NoPacket::Length => ErrorKind::ProtocolViolation,
            NoPacket::TooLarge(..) => ErrorKind::Oversize,
        };
        Self::new(Step::Active, kind, why.to_string())
    }
}

/// How long a packet is, from its first bytes: those of its fixed header, and of all of it.
/// `None` where more bytes are needed to tell.
pub(super) fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, NoPacket> {
    let mut remaining = 0;
    for at in 0..4 {
        let Some(byte) = bytes.get(at + 1) else { return Ok(None) };
        remaining |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let header = at + 2;
            return Ok(Some((header, header + remaining)));
        }
    }
    Err(NoPacket::Length)
}

/// Finds one connection's packets in its messages.
#[derive(Clone, Debug)]
pub struct Packets {
    max_bytes: usize,
    /// What came of a packet that isn't whole. What it says of its length reserves nothing.
    rest: Vec<u8>,
    /// The stream is lost: where the next packet begins is not known.
    lost: Option<NoPacket>,
}

impl Packets {
    /// At the beginning of a connection; no packet may have over `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, rest: Vec::new(), lost: None }
    }

    /// Calls `packet` for each packet that ends in this message.
    ///
    /// # Errors
    ///
    /// A length that is malformed or over the limit, once the packets before it have been given.
    /// Nothing can be read from the connection after that.
    pub fn feed(&mut self, message: &[u8], mut packet: impl FnMut(&[u8])) -> Result<(), NoPacket> {
        if let Some(why) = self.lost {
            return Err(why);
        }
        let fed = self.feed_stream(message, &mut packet);
        if let Err(why) = fed {
            (self.rest, self.lost) = (Vec::new(), Some(why));
        } else if self.rest.is_empty() && self.rest.capacity() > KEPT_CAPACITY {
            self.rest = Vec::new();
        }
        fed
    }

    fn feed_stream(
        &mut self,
        mut message: &[u8],
        packet: &mut impl FnMut(&[u8]),
    ) -> Result<(), NoPacket> {
        while !self.rest.is_empty() && !message.is_empty() {
            // A header byte by byte, then all that is missing at once: nothing is moved twice.
            let missing = match self.bounded_length(&self.rest)? {
                Some(whole) => whole - self.rest.len(),
                None => 1,
            };
            let (head, tail) = message.split_at(missing.min(message.len()));
            self.rest.extend_from_slice(head);
            message = tail;
            if self.bounded_length(&self.rest)? == Some(self.rest.len()) {
                packet(&self.rest);
                self.rest.clear();
            }
        }
        while let Some(whole) = self.bounded_length(message)? {
            let Some((head, tail)) = message.split_at_checked(whole) else { break };
            packet(head);
            message = tail;
        }
        self.rest.extend_from_slice(message);
        Ok(())
    }

    fn bounded_length(&self, bytes: &[u8]) -> Result<Option<usize>, NoPacket> {
        match length(bytes)? {
            Some((_, whole)) if whole > self.max_bytes => {
                Err(NoPacket::TooLarge(whole, self.max_bytes))
            }
            Some((_, whole)) => Ok(Some(whole)),
            None => Ok(None),
        }
    }

    /// What came of a packet that isn't whole.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// What the rest may grow to without an allocation.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.rest.capacity()
    }
}
