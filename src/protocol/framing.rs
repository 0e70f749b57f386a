//! Several messages in one frame, and one message over several frames.

use memchr::memmem::Finder;

/// What a splitter may keep of a message that has not ended.
pub const REST_MAX_BYTES: usize = 1024 * 1024;
/// A buffer larger than this is given back when nothing is kept in it: each connection has one.
const KEPT_CAPACITY: usize = 16 * 1024;

/// How a protocol's messages lie in frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// What stands between two messages; empty where a frame is a message.
    pub split: Vec<u8>,
    /// Whether a message goes on in the next frame until the separator comes; else a frame's end
    /// is a message's end too.
    pub across_frames: bool,
}

/// A message that would not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message went on for over 1 MiB without the separator of `framing`")]
pub struct Endless;

/// Finds one connection's messages in its frames.
#[derive(Clone, Debug)]
pub struct Splitter {
    separator: Option<Finder<'static>>,
    across_frames: bool,
    /// What came without its end.
    rest: Vec<u8>,
}

impl Splitter {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new(framing: &Framing) -> Self {
        let separator =
            (!framing.split.is_empty()).then(|| Finder::new(&framing.split).into_owned());
        Self { separator, across_frames: framing.across_frames, rest: Vec::new() }
    }

    /// Calls `message` for each message that ends in this frame, without its separator.
    ///
    /// Empty messages are passed over. Where frames end messages, a frame that holds nothing else
    /// is one empty message: it may be a ping.
    ///
    /// # Errors
    ///
    /// What has not ended is over [`REST_MAX_BYTES`]; it is forgotten.
    pub fn feed(&mut self, frame: &[u8], mut message: impl FnMut(&[u8])) -> Result<(), Endless> {
        let Some(separator) = &self.separator else {
            message(frame);
            return Ok(());
        };
        if !self.across_frames {
            let mut any = false;
            let rest = split(separator, frame, 0, |part| {
                any = true;
                message(part);
            });
            if rest < frame.len() || !any {
                message(&frame[rest..]);
            }
            return Ok(());
        }
        if self.rest.is_empty() {
            let rest = split(separator, frame, 0, message);
            self.rest.extend_from_slice(&frame[rest..]);
        } else {
            // The separator may lie across the two frames; before that, it would have been found.
            let searched = self.rest.len().saturating_sub(separator.needle().len() - 1);
            self.rest.extend_from_slice(frame);
            let rest = split(separator, &self.rest, searched, message);
            self.rest.drain(..rest);
        }
        let is_endless = self.rest.len() > REST_MAX_BYTES;
        if is_endless {
            self.rest.clear();
        }
        if self.rest.is_empty() && self.rest.capacity() > KEPT_CAPACITY {
            self.rest = Vec::new();
        }
        if is_endless { Err(Endless) } else { Ok(()) }
    }

    /// What came without its end.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }
}

/// Calls `message` for what stands before each separator, if anything does. The first separator
/// begins at `from` or later. Gives where the rest begins.
fn split(
    separator: &Finder<'_>,
    bytes: &[u8],
    from: usize,
    mut message: impl FnMut(&[u8]),
) -> usize {
    let mut start = 0;
    let mut search = from;
    while let Some(found) = separator.find(&bytes[search..]) {
        let end = search + found;
        if end > start {
            message(&bytes[start..end]);
        }
        start = end + separator.needle().len();
        search = start;
    }
    start
}
