//! Several messages in one frame, and one message over several frames.

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

/// What a splitter may keep of a message that has not ended.
pub const REST_MAX_BYTES: usize = 1024 * 1024;
/// A buffer larger than this is given back when nothing is kept in it: each connection has one.
const KEPT_CAPACITY: usize = 16 * 1024;

/// How a protocol's messages lie in frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(splitter: &mut Splitter, frames: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for frame in frames {
            splitter.feed(frame, |message| messages.push(message.to_vec())).unwrap();
        }
        messages
    }

    fn splitter(split: &[u8], across_frames: bool) -> Splitter {
        Splitter::new(&Framing { split: split.to_vec(), across_frames })
    }

    #[test]
    fn frames_in_a_table() {
        for (split, across, frames, messages) in [
            (&b""[..], false, &[&b""[..], b"a\nb"][..], &[&b""[..], b"a\nb"][..]),
            (b"\n", false, &[b"a\nb", b"c"], &[b"a", b"b", b"c"]),
            (b"\n", false, &[b"a\n\nb\n"], &[b"a", b"b"]),
            // A heartbeat that is nothing, or nothing but the separator, is a message.
            (b"\n", false, &[b"", b"\n", b"\n\n"], &[b"", b"", b""]),
            (b"\r\n", true, &[b"a\r", b"\nb", b"\r\n\r\nc"], &[b"a", b"b"]),
            (b"\r\n", true, &[b"", b"\r\n"], &[]),
        ] {
            assert_eq!(fed(&mut splitter(split, across), frames), messages, "{frames:?}");
        }
    }

    #[test]
    fn a_message_without_end_is_refused_and_forgotten() {
        let mut splitter = splitter(b"\n", true);
        let half = vec![b'a'; REST_MAX_BYTES / 2];
        splitter.feed(&half, |_| ()).unwrap();
        splitter.feed(&half, |_| ()).unwrap();
        assert_eq!(splitter.rest().len(), REST_MAX_BYTES);
        assert_eq!(splitter.feed(b"a", |_| ()), Err(Endless));
        assert_eq!((splitter.rest().len(), splitter.rest.capacity()), (0, 0));
    }

    proptest! {
        #[test]
        fn where_frames_are_cut_changes_nothing(
            bytes in "[ab]{0,40}",
            separator in "[ab]{1,3}",
            cuts in prop::collection::vec(0_usize..41, 0..6),
        ) {
            let bytes = bytes.as_bytes();
            let mut whole = splitter(separator.as_bytes(), true);
            let messages = fed(&mut whole, &[bytes]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let frames: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let mut cut = splitter(separator.as_bytes(), true);
            prop_assert_eq!(fed(&mut cut, &frames), messages);
            prop_assert_eq!(cut.rest(), whole.rest());
        }
    }
}
