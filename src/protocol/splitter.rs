//! Finds one connection's messages in its frames, where a frame is not one message.

use super::{Failure, framing, mqtt};
use crate::metric::{ErrorKind, Step};

/// One connection's, whichever protocol it speaks.
#[derive(Clone, Debug)]
pub enum Splitter {
    /// Messages with a separator between them.
    Separated(Box<framing::Splitter>),
    /// Packets that say how long they are.
    Packets(mqtt::Packets),
}

impl Splitter {
    /// Calls `message` for each message that ends in this frame.
    ///
    /// # Errors
    ///
    /// A message over what a connection may keep, or one whose length is malformed: the
    /// conversation can't go on.
    pub fn feed(&mut self, frame: &[u8], message: impl FnMut(&[u8])) -> Result<(), Failure> {
        match self {
            Self::Separated(splitter) => splitter
                .feed(frame, message)
                .map_err(|why| Failure::new(Step::Active, ErrorKind::Oversize, why.to_string())),
            Self::Packets(packets) => Ok(packets.feed(frame, message)?),
        }
    }
}
