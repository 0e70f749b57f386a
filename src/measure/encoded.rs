//! Histograms as text, and back: base64 of HdrHistogram's V2 format with DEFLATE.
//!
//! hdrhistogram's own reader believes every length it is told, so a text is looked through before it
//! gets there: forty bytes could otherwise ask for four gigabytes.

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// An hour: the largest value a histogram tells apart.
pub(super) const MAX_US: u64 = 3_600_000_000;
/// More than a histogram of ours can take: 23,552 counts of at most nine bytes each.
const INFLATED_BYTES_MAX: usize = 256 * 1024;
/// The same as base64; what doesn't compress is hardly longer.
const TEXT_BYTES_MAX: usize = INFLATED_BYTES_MAX * 4 / 3 + 1024;
const DIGITS_MAX: u32 = 3;
const COOKIE: u32 = 0x1c84_9303 | 0x10;
const COOKIE_COMPRESSED: u32 = 0x1c84_9304 | 0x10;

/// Base64 of the V2 format with DEFLATE, as HdrHistogram's tools read it. `None` only if the
/// histogram can't be encoded, which a vector as the sink rules out in practice.
#[must_use]
pub fn encode(histogram: &Histogram<u64>) -> Option<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

/// What [`encode`] gave, back; `None` for what is no histogram of 1 µs to 1 h with at most three
/// digits. Any text may be given: what is too large is refused before it is held.
#[must_use]
pub fn decode(text: &str) -> Option<Histogram<u64>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let inflated = inflate(&STANDARD.decode(text).ok()?)?;
    check(&inflated)?;
    Deserializer::new().deserialize(&mut inflated.as_slice()).ok()
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let cookie = u32::from_be_bytes(take(&mut rest)?);
    let length = u32::from_be_bytes(take(&mut rest)?) as usize;
    if cookie != COOKIE_COMPRESSED || length != rest.len() {
        return None;
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(rest)
        .take(INFLATED_BYTES_MAX as u64 + 1)
        .read_to_end(&mut inflated)
        .ok()
        .filter(|_| inflated.len() <= INFLATED_BYTES_MAX)?;
    Some(inflated)
}

/// The first bytes of a text, which are taken off it.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

/// `None` for what hdrhistogram can't read without harm.
fn check(inflated: &[u8]) -> Option<()> {
    let mut rest = inflated;
    let mut word = || Some(u32::from_be_bytes(take(&mut rest)?));
    let (cookie, length, offset, digits) = (word()?, word()?, word()?, word()?);
    let mut long = || Some(u64::from_be_bytes(take(&mut rest)?));
    let (low, high, ratio) = (long()?, long()?, long()?);
    let header = cookie == COOKIE
        && length as usize == rest.len()
        && offset == 0
        && (1..=DIGITS_MAX).contains(&digits)
        && (low, high, ratio) == (1, MAX_US, 1.0_f64.to_bits());
    let mut total = 0_u64;
    while header && !rest.is_empty() {
        let number = zig_zag(&mut rest)?;
        if number < 0 {
            // Each zero that is skipped is a place in the counts, of which there are far fewer.
            (number.unsigned_abs() <= INFLATED_BYTES_MAX as u64).then_some(())?;
        } else {
            total = total.checked_add(number.unsigned_abs())?;
        }
    }
    header.then_some(())
}

/// LEB128 of at most nine bytes, the ninth with all its bits, and in zig-zag.
fn zig_zag(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for place in 0..9 {
        let [byte] = take::<1>(rest)?;
        if place == 8 {
            value |= u64::from(byte) << 56;
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::super::Hist;
    use super::*;

    /// As on the wire: compressed, behind its length, in base64.
    fn packed(inflated: &[u8]) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(inflated).unwrap();
        let deflated = encoder.finish().unwrap();
        let mut bytes = COOKIE_COMPRESSED.to_be_bytes().to_vec();
        bytes.extend((deflated.len() as u32).to_be_bytes());
        bytes.extend(deflated);
        STANDARD.encode(bytes)
    }

    fn raw(digits: u32, high: u64, length: u32, counts: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [COOKIE, length, 0, digits] {
            bytes.extend(word.to_be_bytes());
        }
        for long in [1, high, 1.0_f64.to_bits()] {
            bytes.extend(long.to_be_bytes());
        }
        bytes.extend(counts);
        bytes
    }

    #[test]
    fn what_would_take_memory_or_overflow_is_refused() {
        // Three values of 2 µs: two zeros are skipped, then zig-zag of 3.
        let whole = decode(&packed(&raw(3, MAX_US, 2, &[3, 6]))).unwrap();
        assert_eq!((whole.len(), whole.min(), whole.max()), (3, 2, 2));
        let least = [0xff; 9];
        let most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let huge = vec![0; INFLATED_BYTES_MAX];
        let table = [
            ("length", raw(3, MAX_US, u32::MAX, &[3, 6])),
            ("digits", raw(5, MAX_US, 2, &[3, 6])),
            ("range", raw(3, u64::MAX, 2, &[3, 6])),
            ("skips", raw(3, MAX_US, 9, &least)),
            ("overflow", raw(3, MAX_US, 27, &[most, most, most].concat())),
            ("cut", raw(3, MAX_US, 1, &[0x80])),
            ("too long", raw(3, MAX_US, 3, &[0xff, 0xff, 0x3f])),
            ("bomb", raw(3, MAX_US, huge.len() as u32, &huge)),
            ("empty", Vec::new()),
        ];
        for (name, bytes) in table {
            assert!(decode(&packed(&bytes)).is_none(), "{name}");
        }
        assert!(decode("").is_none() && decode("HISTFA").is_none());
        assert!(decode(&"A".repeat(TEXT_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn a_text_is_refused_for_any_one_mistake_in_its_frame() {
        let right = raw(3, MAX_US, 2, &[3, 6]);
        assert_eq!(check(&right), Some(()));
        // Cookie, length, offset, digits, lowest, highest, ratio.
        for (name, at) in [
            ("cookie", 3),
            ("length", 7),
            ("offset", 11),
            ("digits", 15),
            ("lowest", 23),
            ("highest", 31),
            ("ratio", 39),
        ] {
            let mut wrong = right.clone();
            wrong[at] ^= 4;
            assert_eq!(check(&wrong), None, "{name}");
        }
        let packed = STANDARD.decode(packed(&right)).unwrap();
        assert_eq!(inflate(&packed), Some(right));
        for (name, at) in [("cookie", 3), ("length", 7)] {
            let mut wrong = packed.clone();
            wrong[at] ^= 4;
            assert_eq!(inflate(&wrong), None, "{name}");
        }
    }

    #[test]
    fn what_inflates_to_more_than_a_histogram_can_take_is_refused() {
        let inflated = |bytes: usize| {
            let packed = STANDARD.decode(packed(&vec![7; bytes])).unwrap();
            inflate(&packed).map(|inflated| inflated.len())
        };
        assert_eq!(inflated(262_144), Some(262_144));
        assert_eq!(inflated(262_145), None);
    }

    /// Empty blocks make a text as long as one likes.
    #[test]
    fn a_text_longer_than_any_histograms_is_refused() {
        let inflated = raw(3, MAX_US, 2, &[3, 6]);
        let whole = STANDARD.decode(packed(&inflated)).unwrap();
        let checksum = &whole[whole.len() - 4..];
        let text = |empty_blocks: usize| {
            let mut deflated = vec![0x78, 0x01];
            deflated.extend([0, 0, 0, 0xff, 0xff].repeat(empty_blocks));
            let length = inflated.len() as u16;
            deflated.push(1);
            deflated.extend(length.to_le_bytes());
            deflated.extend((!length).to_le_bytes());
            deflated.extend(&inflated);
            deflated.extend(checksum);
            let mut bytes = COOKIE_COMPRESSED.to_be_bytes().to_vec();
            bytes.extend((deflated.len() as u32).to_be_bytes());
            bytes.extend(deflated);
            STANDARD.encode(bytes)
        };
        let (longest, longer) = (text(52_570), text(52_571));
        assert_eq!((longest.len(), longer.len()), (350_548, 350_556));
        assert_eq!(decode(&longest).map(|read| read.len()), Some(3));
        assert_eq!(decode(&longer), None);
    }

    proptest! {
        #[test]
        fn any_histogram_comes_back(values in proptest::collection::vec(0_u64..2 * MAX_US, 0..200), digits in 1_u8..=3) {
            let mut hist = Hist::with_digits(digits);
            values.iter().for_each(|value| hist.record(*value));
            prop_assert_eq!(&decode(&encode(hist.inner()).unwrap()).unwrap(), hist.inner());
        }

        #[test]
        fn any_bytes_are_read_or_refused(counts in proptest::collection::vec(any::<u8>(), 0..64), digits in 0_u32..5) {
            let _ = decode(&packed(&raw(digits, MAX_US, counts.len() as u32, &counts)));
            let _ = decode(&packed(&counts));
            let _ = decode(&STANDARD.encode(&counts));
        }
    }
}
