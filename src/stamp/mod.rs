//! The mark inside a published payload, and how a receiver finds it.
//!
//! A payload is `stamp, filler, end mark`, all of it lower-case letters, digits and spaces, so
//! that it survives JSON, XML and URLs unescaped and is the same in text and binary frames. The
//! receiver scans the frame's bytes for the magic; it never parses the protocol around it. The
//! end mark and the known filler show truncation and re-encoding.
//!
//! Layout, 48 bytes: the magic `upr1`, then 44 characters of base32 (RFC 4648 alphabet in lower
//! case, no padding), most significant bit first. The alphabet has no `1`, so a body never holds
//! the magic.
//!
//! | field | bits | |
//! | --- | --- | --- |
//! | run | 28 | random for each run, so that a room's history of an older run is recognised |
//! | publisher | 24 | the plan's client number |
//! | room | 24 | the plan's room number |
//! | sequence | 28 | counts from 0 per publisher and room |
//! | due | 38 | microseconds since the run's start (up to 76 hours) |
//! | sent - due | 34 | microseconds, saturating (4.7 hours) |
//! | length | 24 | of the whole payload in bytes |
//! | flags | 4 | bit 0: the filler is ours and can be compared; bit 1: preflight |
//! | check | 16 | over all of the above |

pub mod seq;
pub mod texts;

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub(crate) const MAGIC: &str = "upr1";
const END: &str = "1rpu";
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Length of the stamp itself in bytes.
pub const STAMP_LEN: usize = 48;
/// The smallest payload: a stamp and the end mark.
pub const MIN_PAYLOAD: usize = STAMP_LEN + END.len();
/// The largest payload the length field can hold.
pub const MAX_PAYLOAD: usize = (1 << LENGTH_BITS) - 1;
/// Exclusive bound of a run id.
pub const RUN_LIMIT: u32 = 1 << RUN_BITS;
/// Exclusive bound of publisher and room numbers.
pub const ID_LIMIT: u32 = 1 << ID_BITS;
/// Exclusive bound of a due time in microseconds.
pub const DUE_LIMIT_US: u64 = 1 << DUE_BITS;

const RUN_BITS: u32 = 28;
const ID_BITS: u32 = 24;
const SEQ_BITS: u32 = 28;
const DUE_BITS: u32 = 38;
const WAIT_BITS: u32 = 34;
const LENGTH_BITS: u32 = 24;
const FLAG_BITS: u32 = 4;
const CHECK_BITS: u32 = 16;

const FLAG_FILLER: u64 = 1;
const FLAG_PREFLIGHT: u64 = 2;

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Below [`RUN_LIMIT`].
    pub run: u32,
    /// Below [`ID_LIMIT`].
    pub publisher: u32,
    /// Below [`ID_LIMIT`].
    pub room: u32,
    /// Below [`seq::LIMIT`].
    pub seq: u32,
    /// Since the run's start, below [`DUE_LIMIT_US`].
    pub due_us: u64,
    /// Since the run's start; `due_us` plus at most 4.7 hours.
    pub sent_us: u64,
    /// Of the preflight client: not part of the run's figures.
    pub preflight: bool,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The payload arrived as it was sent.
    Intact(Stamp),
    /// The stamp can be read, but the payload around it was cut, extended or changed.
    Corrupted(Stamp),
    /// A magic whose body can't be read: whose message it was is unknown.
    Unreadable,
}

/// Appends a payload of `length` bytes to `out`.
///
/// `length` is clamped to [`MIN_PAYLOAD`]..=[`MAX_PAYLOAD`].
pub fn write_payload(stamp: &Stamp, length: usize, out: &mut String) {
    let length = length.clamp(MIN_PAYLOAD, MAX_PAYLOAD);
    out.reserve(length);
    out.push_str(MAGIC);
    push_body(stamp, length, out);
    let mut filler = length - MIN_PAYLOAD;
    while filler > 0 {
        let take = filler.min(FILLER.len());
        out.push_str(&FILLER[..take]);
        filler -= take;
    }
    out.push_str(END);
}

fn push_body(stamp: &Stamp, length: usize, out: &mut String) {
    let fields = fields(stamp, length);
    // At most 4 bits wait when the widest field of 38 comes, so 64 bits always suffice.
    let (mut pending, mut bits) = (0_u64, 0_u32);
    let mut body = [0_u8; STAMP_LEN - MAGIC.len()];
    let mut at = 0;
    for (value, width) in fields.into_iter().chain([(check(&fields), CHECK_BITS)]) {
        pending = (pending << width) | value;
        bits += width;
        while bits >= 5 {
            bits -= 5;
            body[at] = ALPHABET[((pending >> bits) & 31) as usize];
            at += 1;
        }
        pending &= (1 << bits) - 1;
    }
    // The body is of the alphabet by construction; a text is appended at once, a char is not.
    out.push_str(std::str::from_utf8(&body).unwrap_or_default());
}

/// Every field with its width, in the order of the layout, each within its width.
fn fields(stamp: &Stamp, length: usize) -> [(u64, u32); 8] {
    let mask = |value: u64, width: u32| (value & ((1 << width) - 1), width);
    let wait_us = stamp.sent_us.saturating_sub(stamp.due_us).min((1 << WAIT_BITS) - 1);
    let flags = FLAG_FILLER | if stamp.preflight { FLAG_PREFLIGHT } else { 0 };
    [
        mask(u64::from(stamp.run), RUN_BITS),
        mask(u64::from(stamp.publisher), ID_BITS),
        mask(u64::from(stamp.room), ID_BITS),
        mask(u64::from(stamp.seq), SEQ_BITS),
        mask(stamp.due_us, DUE_BITS),
        mask(wait_us, WAIT_BITS),
        mask(length as u64, LENGTH_BITS),
        mask(flags, FLAG_BITS),
    ]
}

/// A 16-bit check by multiply and rotate (the mixing step of FxHash) over the fields. It guards
/// against accidents, not against an adversary.
fn check(fields: &[(u64, u32)]) -> u64 {
    let mixed = fields.iter().fold(0_u64, |hash, (value, _)| {
        (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
    });
    mixed >> (64 - CHECK_BITS)
}

/// Whether a frame holds anything that looks like a stamp.
#[must_use]
pub fn is_marked(frame: &[u8]) -> bool {
    FINDER.find(frame).is_some()
}

/// Calls `found` for every stamp in `frame`, in order.
pub fn scan(frame: &[u8], mut found: impl FnMut(Found)) {
    scan_at(frame, |_, what| found(what));
}

/// The same, with the byte at which each stamp begins.
pub fn scan_at(frame: &[u8], mut found: impl FnMut(usize, Found)) {
    let mut rest = frame;
    while let Some(at) = FINDER.find(rest) {
        let payload = &rest[at..];
        let (what, used) = read(payload);
        found(frame.len() - payload.len(), what);
        // A damaged length must not hide the next stamp, so only an intact payload is skipped.
        rest = &payload[used..];
    }
}

/// Reads the payload that starts at `payload`; gives how many bytes it used up.
fn read(payload: &[u8]) -> (Found, usize) {
    let Some(body) = payload.get(MAGIC.len()..STAMP_LEN) else {
        return (Found::Unreadable, payload.len());
    };
    let Some((stamp, length, ours)) = read_body(body) else {
        return (Found::Unreadable, MAGIC.len());
    };
    let whole = payload.get(..length).is_some_and(|payload| {
        payload.ends_with(END.as_bytes())
            && (!ours || is_filler(&payload[STAMP_LEN..length - END.len()]))
    });
    if whole { (Found::Intact(stamp), length) } else { (Found::Corrupted(stamp), STAMP_LEN) }
}

fn read_body(body: &[u8]) -> Option<(Stamp, usize, bool)> {
    let mut reader = Bits { body, at: 0, pending: 0, bits: 0 };
    let run = reader.take(RUN_BITS)?;
    let publisher = reader.take(ID_BITS)?;
    let room = reader.take(ID_BITS)?;
    let seq = reader.take(SEQ_BITS)?;
    let due_us = reader.take(DUE_BITS)?;
    let wait_us = reader.take(WAIT_BITS)?;
    let length = reader.take(LENGTH_BITS)?;
    let flags = reader.take(FLAG_BITS)?;
    let found = reader.take(CHECK_BITS)?;
    let fields = [
        (run, RUN_BITS),
        (publisher, ID_BITS),
        (room, ID_BITS),
        (seq, SEQ_BITS),
        (due_us, DUE_BITS),
        (wait_us, WAIT_BITS),
        (length, LENGTH_BITS),
        (flags, FLAG_BITS),
    ];
    let length = usize::try_from(length).ok()?;
    if found != check(&fields) || length < MIN_PAYLOAD {
        return None;
    }
    let stamp = Stamp {
        run: u32::try_from(run).ok()?,
        publisher: u32::try_from(publisher).ok()?,
        room: u32::try_from(room).ok()?,
        seq: u32::try_from(seq).ok()?,
        due_us,
        sent_us: due_us + wait_us,
        preflight: flags & FLAG_PREFLIGHT != 0,
    };
    Some((stamp, length, flags & FLAG_FILLER != 0))
}

/// Reads base32 a field at a time.
struct Bits<'a> {
    body: &'a [u8],
    at: usize,
    pending: u64,
    bits: u32,
}

impl Bits<'_> {
    /// `width` is at most 38, with at most 4 bits waiting: 64 bits suffice.
    fn take(&mut self, width: u32) -> Option<u64> {
        while self.bits < width {
            let value = VALUES[usize::from(*self.body.get(self.at)?)];
            if value == NOT_BASE32 {
                return None;
            }
            self.at += 1;
            self.pending = (self.pending << 5) | u64::from(value);
            self.bits += 5;
        }
        self.bits -= width;
        let field = self.pending >> self.bits;
        self.pending &= (1 << self.bits) - 1;
        Some(field)
    }
}

const NOT_BASE32: u8 = 255;

static VALUES: [u8; 256] = {
    let mut values = [NOT_BASE32; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        values[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MAGIC));

/// Filler repeats with a period of 64, so that any payload compares against one block.
static FILLER: LazyLock<String> =
    LazyLock::new(|| "the quick brown fox jumps over the lazy dog and says hello 2345 ".repeat(64));

fn is_filler(bytes: &[u8]) -> bool {
    bytes.chunks(FILLER.len()).all(|chunk| chunk == &FILLER.as_bytes()[..chunk.len()])
}

/// Scans arbitrary bytes; every stamp found intact must write to the same bytes again.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    scan(bytes, |found| {
        if let Found::Intact(stamp) = found {
            let mut again = String::new();
            write_payload(&stamp, MIN_PAYLOAD, &mut again);
            scan(again.as_bytes(), |back| assert_eq!(back, Found::Intact(stamp)));
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Stamp {
        Stamp {
            run: 0x0abc_def1,
            publisher: 999,
            room: 49,
            seq: 7,
            due_us: 12_345_678,
            sent_us: 12_345_700,
            preflight: false,
        }
    }

    fn all(frame: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        scan(frame, |what| found.push(what));
        found
    }

    #[test]
    fn the_layout_adds_up_to_the_stamp() {
        let bits = RUN_BITS + 2 * ID_BITS + SEQ_BITS + DUE_BITS + WAIT_BITS + LENGTH_BITS;
        assert_eq!(bits + FLAG_BITS + CHECK_BITS, 5 * (STAMP_LEN - MAGIC.len()) as u32);
        assert_eq!(MIN_PAYLOAD, 52);
    }

    #[test]
    fn the_format_stays_as_it_is() {
        let mut payload = String::new();
        write_payload(&example(), 64, &mut payload);
        insta::assert_snapshot!(payload, @"upr1vpg66eaahzyaaayqaaaaoaac6gctqaaaaalaaacadq5ithe quick br1rpu");
    }

    #[test]
    fn every_stamp_of_a_frame_is_found() {
        let mut frame = String::from("MSG r1 1 2\r\n");
        write_payload(&example(), 52, &mut frame);
        frame.push_str("\r\nMSG r1 1 2\r\n");
        write_payload(&Stamp { seq: 8, ..example() }, 300, &mut frame);
        frame.push_str("\r\n");
        let found = all(frame.as_bytes());
        assert_eq!(found, [Found::Intact(example()), Found::Intact(Stamp { seq: 8, ..example() })]);
    }

    #[test]
    fn damage_is_told_from_absence() {
        let mut payload = String::new();
        write_payload(&example(), 128, &mut payload);
        let intact = payload.as_bytes();
        assert_eq!(all(b"no stamp here"), []);
        // Cut anywhere after the stamp: whose it was is still known.
        for cut in STAMP_LEN..intact.len() {
            assert_eq!(all(&intact[..cut]), [Found::Corrupted(example())], "cut at {cut}");
        }
        // Cut inside the stamp.
        for cut in MAGIC.len()..STAMP_LEN {
            assert_eq!(all(&intact[..cut]), [Found::Unreadable], "cut at {cut}");
        }
        // One character changed: in the stamp it can't be read, after it it's corrupted.
        for at in MAGIC.len()..intact.len() {
            let mut changed = intact.to_vec();
            changed[at] = if changed[at] == b'q' { b'x' } else { b'q' };
            let expected =
                if at < STAMP_LEN { Found::Unreadable } else { Found::Corrupted(example()) };
            assert_eq!(all(&changed), [expected], "changed at {at}");
        }
    }

    #[test]
    fn a_damaged_payload_does_not_hide_the_next() {
        let mut frame = String::new();
        write_payload(&example(), 100, &mut frame);
        frame.truncate(60);
        write_payload(&Stamp { seq: 8, ..example() }, 100, &mut frame);
        assert_eq!(
            all(frame.as_bytes()),
            [Found::Corrupted(example()), Found::Intact(Stamp { seq: 8, ..example() })]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_found(
            run in 0..RUN_LIMIT, publisher in 0..ID_LIMIT, room in 0..ID_LIMIT,
            seq in 0_u32..1 << SEQ_BITS, due_us in 0..DUE_LIMIT_US, wait_us in 0_u64..1 << WAIT_BITS,
            preflight: bool, length in 0_usize..5_000, before in "[a-z{}\" ]{0,20}", after in "[a-z{}\" ]{0,20}",
        ) {
            let stamp = Stamp { run, publisher, room, seq, due_us, sent_us: due_us + wait_us, preflight };
            let mut frame = before;
            let start = frame.len();
            write_payload(&stamp, length, &mut frame);
            prop_assert_eq!(frame.len() - start, length.max(MIN_PAYLOAD));
            frame.push_str(&after);
            prop_assert_eq!(all(frame.as_bytes()), vec![Found::Intact(stamp)]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, at in 0_usize..200) {
            fuzz(&bytes);
            let mut payload = String::new();
            write_payload(&example(), 150, &mut payload);
            let mut mixed = payload.into_bytes();
            let at = at.min(mixed.len());
            mixed.splice(at..at, bytes);
            fuzz(&mixed);
        }
    }
}
