//! What the WebSocket library lets pass of RFC 6455, seen in the bytes before they get there: how a
//! frame's length is written, and which code a close frame has.
//!
//! It looks at heads and passes over payloads, so that a read costs a few nanoseconds a frame and
//! nothing is copied or kept but a head that is cut.

use std::io;

/// Two bytes, and eight of a length.
const HEAD_BYTES_MAX: usize = 10;
const OPCODE_CLOSE: u8 = 8;
const MASK_BYTES: u64 = 4;

/// A rule that a frame broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rule {
    /// The minimal number of bytes must be used for a length.
    #[error(
        "a frame of {length} bytes says its length in {taken} bytes where {enough} would do, which \
         RFC 6455 (5.2) forbids"
    )]
    LongLength { length: u64, taken: u8, enough: u8 },
    /// The most significant bit of a length must be 0.
    #[error("a frame's length has its highest bit set, which RFC 6455 (5.2) forbids")]
    HighBit,
}

impl From<Rule> for io::Error {
    fn from(rule: Rule) -> Self {
        Self::new(io::ErrorKind::InvalidData, rule)
    }
}

impl Rule {
    /// The rule that an error of reading is about.
    pub(super) fn broken_in(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Follows the frames in a stream of bytes, wherever it is cut.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The head that is being read. Of a close frame its code is a part of it.
    head: [u8; HEAD_BYTES_MAX],
    have: u8,
    /// Bytes to come that are no head.
    skip: u64,
    close_code: Option<u16>,
    broken: Option<Rule>,
}

impl Frames {
    /// Looks at the next bytes; gives how many of them may be passed on: all, or those before the
    /// frame that broke a rule. After that there is nothing to follow.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let left = (bytes.len() - at) as u64;
            if self.skip >= left {
                self.skip -= left;
                return bytes.len();
            }
            // Less than what is left, which is a length in memory.
            at += self.skip as usize;
            self.skip = 0;
            if self.have == 0
                && let Some((head_bytes, payload_bytes)) = common(&bytes[at..])
            {
                at += head_bytes;
                self.skip = payload_bytes;
                continue;
            }
            let begins = at;
            while usize::from(self.have) < self.head_bytes() {
                let Some(byte) = bytes.get(at) else { return bytes.len() };
                self.head[usize::from(self.have)] = *byte;
                self.have += 1;
                at += 1;
            }
            if let Err(rule) = self.pass_over() {
                self.broken = Some(rule);
                return begins;
            }
        }
    }

    /// The rule that was broken.
    pub(super) fn broken(&self) -> Option<Rule> {
        self.broken
    }

    /// The code of the close frame that came, whatever it is.
    pub(super) fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// How long the head is, as far as that can be told.
    fn head_bytes(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        match self.head[1] {
            // From a server nothing is masked: the library refuses it when it is whole.
            126 | 254 => 4,
            127 | 255 => 10,
            2..=125 if self.head[0] & 0xf == OPCODE_CLOSE => 4,
            _ => 2,
        }
    }

    /// Judges a head that is whole, and goes on to the payload.
    fn pass_over(&mut self) -> Result<(), Rule> {
        let [_, second, rest @ ..] = self.head;
        let [high, low, ..] = rest;
        let behind = u64::from_be_bytes(rest);
        let near = u16::from_be_bytes([high, low]);
        let mut skip = match second & 0x7f {
            126 if near < 126 => {
                return Err(Rule::LongLength { length: near.into(), taken: 3, enough: 1 });
            }
            126 => near.into(),
            127 if behind >> 63 == 1 => return Err(Rule::HighBit),
            127 if behind <= u16::MAX.into() => {
                let enough = if behind < 126 { 1 } else { 3 };
                return Err(Rule::LongLength { length: behind, taken: 9, enough });
            }
            127 => behind,
            length if self.head_bytes() == 4 => {
                self.close_code.get_or_insert(near);
                u64::from(length) - 2
            }
            length => length.into(),
        };
        if second & 0x80 != 0 {
            skip += MASK_BYTES;
        }
        (self.have, self.skip) = (0, skip);
        Ok(())
    }
}

/// The length of head and payload of nearly all frames: not cut, no close frame, under 64 KiB, not
/// masked. `None` for all else, which is read byte by byte.
fn common(bytes: &[u8]) -> Option<(usize, u64)> {
    match *bytes {
        [first, length @ ..126, ..] if first & 0xf != OPCODE_CLOSE => Some((2, length.into())),
        [_, 126, high, low, ..] if high > 0 || low >= 126 => {
            Some((4, u16::from_be_bytes([high, low]).into()))
        }
        _ => None,
    }
}

/// Fuzzing's way in: how large the pieces are, and a stream that comes in them. Panics where a stream that is
/// cut is not followed as the whole one is.
pub fn fuzz(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let (mut whole, mut cut) = (Frames::default(), Frames::default());
    let passed = whole.follow(stream);
    assert!(passed <= stream.len());
    let mut cut_passed = 0;
    for piece in stream.chunks(usize::from(*size).max(1)) {
        cut_passed += cut.follow(piece);
        if cut.broken().is_some() {
            break;
        }
    }
    assert_eq!((whole.broken(), whole.close_code()), (cut.broken(), cut.close_code()));
    // Of a head that is cut, what came before the cut has gone on.
    assert!((passed..passed + HEAD_BYTES_MAX).contains(&cut_passed));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame with its length in the form that `form` names: 1, 3 or 9 bytes.
    fn frame(opcode: u8, payload: &[u8], form: u8) -> Vec<u8> {
        let length = payload.len() as u64;
        let mut frame = vec![0x80 | opcode];
        match form {
            1 => frame.push(u8::try_from(length).unwrap()),
            3 => {
                frame.push(126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    }

    fn shortest(length: usize) -> u8 {
        match length {
            0..126 => 1,
            126..65_536 => 3,
            _ => 9,
        }
    }

    /// What is passed on, and what was found, of a stream that comes in pieces of these sizes.
    fn followed(stream: &[u8], sizes: &[usize]) -> (Vec<u8>, Frames) {
        let (mut frames, mut passed, mut rest) = (Frames::default(), Vec::new(), stream);
        let mut sizes = sizes.iter().copied().cycle();
        while !rest.is_empty() && frames.broken().is_none() {
            let size = sizes.next().unwrap_or(usize::MAX).min(rest.len());
            let (piece, after) = rest.split_at(size);
            passed.extend(&piece[..frames.follow(piece)]);
            rest = after;
        }
        (passed, frames)
    }

    #[test]
    fn lengths_in_a_table() {
        let long = |length, taken, enough| Some(Rule::LongLength { length, taken, enough });
        for (length, form, broken) in [
            (0, 1, None),
            (125, 1, None),
            (126, 3, None),
            (65_535, 3, None),
            (65_536, 9, None),
            (0, 3, long(0, 3, 1)),
            (125, 3, long(125, 3, 1)),
            (125, 9, long(125, 9, 1)),
            (126, 9, long(126, 9, 3)),
            (65_535, 9, long(65_535, 9, 3)),
        ] {
            let stream = [frame(2, b"before", 1), frame(1, &vec![b'x'; length], form)].concat();
            let (passed, frames) = followed(&stream, &[]);
            assert_eq!(frames.broken(), broken, "{length} in {form}");
            let whole = broken.map_or(stream.len(), |_| 8);
            assert_eq!(passed, stream[..whole], "{length} in {form}");
        }
        let high = b"\x82\x7f\x80\0\0\0\0\0\0\0";
        assert_eq!(followed(high, &[]).1.broken(), Some(Rule::HighBit));
        let highest = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(followed(highest, &[]).1.broken(), None);
    }

    #[test]
    fn codes_of_close_frames_in_a_table() {
        for (payload, code) in [
            (&b""[..], None),
            (b"\x03", None),
            (b"\x03\xee", Some(1006)),
            (b"\x03\xf6gateway", Some(1014)),
            (b"\xff\xff", Some(65_535)),
        ] {
            let stream = [frame(8, payload, 1), frame(1, b"after", 1)].concat();
            let (passed, frames) = followed(&stream, &[1]);
            assert_eq!((frames.close_code(), passed), (code, stream), "{payload:?}");
        }
        // The first decides; data has no code; one that is masked would have to be unmasked.
        let stream = [frame(1, b"\x03\xee", 1), frame(8, b"\x03\xe8", 1), frame(8, b"\x03\xee", 1)];
        assert_eq!(followed(&stream.concat(), &[]).1.close_code(), Some(1000));
        let masked = b"\x88\x82\0\0\0\0\x03\xee\x81\x01x";
        assert_eq!(followed(masked, &[]).1.close_code(), None);
    }

    #[test]
    fn what_a_masked_frame_holds_is_passed_over() {
        // The payload would be a head that breaks a rule.
        let stream = b"\x81\x84\x82\x7e\0\x01\x82\x7e\0\x01\x81\x7e\0\x01x";
        let (passed, frames) = followed(stream, &[]);
        assert_eq!(passed, stream[..10]);
        assert!(frames.broken().is_some());
    }

    #[test]
    fn an_error_of_reading_tells_its_rule_and_no_other_does() {
        assert_eq!(Rule::broken_in(&Rule::HighBit.into()), Some(Rule::HighBit));
        assert_eq!(Rule::broken_in(&io::Error::other("else")), None);
        assert_eq!(Rule::broken_in(&io::ErrorKind::InvalidData.into()), None);
    }

    fn payloads() -> impl Strategy<Value = Vec<(u8, usize)>> {
        let opcode = prop_oneof![Just(1_u8), Just(2), Just(8), Just(9)];
        let length = prop_oneof![0_usize..4, 120_usize..130, 65_530_usize..65_540];
        proptest::collection::vec((opcode, length), 0..6)
    }

    proptest! {
        /// However the stream is cut, the same is found, and nothing before the frame that broke a
        /// rule is held back.
        #[test]
        fn pieces_change_nothing(
            payloads in payloads(),
            broken in any::<bool>(),
            sizes in proptest::collection::vec(1_usize..70, 1..20),
        ) {
            // Bytes that would be heads, of broken frames among them.
            let fill = |length: usize| -> Vec<u8> {
                [0x88, 126, 0, 1, 0x82, 127].into_iter().cycle().take(length).collect()
            };
            let mut stream: Vec<u8> = payloads
                .iter()
                .flat_map(|(opcode, length)| frame(*opcode, &fill(*length), shortest(*length)))
                .collect();
            let begins = stream.len();
            let code = payloads.iter().find(|(opcode, length)| *opcode == 8 && (2..126).contains(length));
            if broken {
                stream.extend(frame(2, b"abc", 9));
            }
            let (passed, frames) = followed(&stream, &sizes);
            prop_assert_eq!(frames.broken().is_some(), broken);
            prop_assert_eq!(frames.close_code(), code.map(|_| 0x887e));
            // Of a head that is cut, the beginning was passed on.
            prop_assert!(passed.len() >= begins && passed.len() < begins + 10 + usize::from(!broken));
            prop_assert_eq!(&passed[..], &stream[..passed.len()]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_followed_wherever_they_are_cut(
            bytes in prop::collection::vec(
                prop_oneof![Just(0x81u8), Just(0x88), Just(126), Just(127), Just(0), 0..=255u8],
                0..80,
            ),
        ) {
            fuzz(&bytes);
        }
    }
}
