//! Histograms as text, and back: base64 of HdrHistogram's V2 format with DEFLATE.
//!
//! The format: <https://github.com/HdrHistogram/HdrHistogram>, `AbstractHistogram.java`, "encodeIntoByteBuffer".
//! Written here because hdrhistogram's own reader believes every length it is told (forty bytes could
//! ask for four gigabytes), and because its writer comes with a parser of logs that costs more to
//! build than all of the histograms. Tests hold that it reads what is written here, and writes the same.

use std::io::{Read as _, Write as _};

use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hdrhistogram::Histogram;

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
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&written(histogram)?).ok()?;
    let deflated = encoder.finish().ok()?;
    let mut bytes = COOKIE_COMPRESSED.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(deflated.len()).ok()?.to_be_bytes());
    bytes.extend(deflated);
    Some(BASE64.encode(&bytes))
}

/// What [`encode`] gave, back; `None` for what is no histogram of 1 µs to 1 h with at most three
/// digits. Any text may be given: what is too large is refused before it is held.
#[must_use]
pub fn decode(text: &str) -> Option<Histogram<u64>> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    read(&inflate(&BASE64.decode(text.as_bytes()).ok()?)?)
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

/// Where values stand in the table of counts: up to twice `2^half_bits` each has a place of its own;
/// from there, each doubling of the value has `2^half_bits` places.
#[derive(Clone, Copy)]
struct Places {
    half_bits: u32,
}

impl Places {
    /// Of a histogram from 1 with so many significant decimal digits, 1 to 5.
    fn of(digits: u32) -> Option<Self> {
        // Up to twice the power of ten, two neighbours can be told apart.
        let apart = 10_u64.checked_pow(digits)?.checked_mul(2)?.checked_next_power_of_two()?;
        Some(Self { half_bits: apart.ilog2() - 1 })
    }

    fn at(self, value: u64) -> u64 {
        let mask = (2 << self.half_bits) - 1;
        let doublings = (value | mask).ilog2() - self.half_bits;
        (u64::from(doublings) << self.half_bits) + (value >> doublings)
    }

    /// The least value of a place; `None` past all.
    fn value(self, place: u64) -> Option<u64> {
        let half = 1 << self.half_bits;
        let doublings = u32::try_from(place >> self.half_bits).ok()?.saturating_sub(1);
        let first = place - u64::from(doublings) * half;
        (first.leading_zeros() > doublings).then(|| first << doublings)
    }
}

/// The V2 format. Counts stand in the order of their places, several places of 0 as their negative
/// number.
fn written(histogram: &Histogram<u64>) -> Option<Vec<u8>> {
    let digits = u32::from(histogram.sigfig());
    let places = Places::of(digits)?;
    let mut counts = Vec::new();
    let mut next = 0;
    for bucket in histogram.iter_recorded() {
        let place = places.at(bucket.value_iterated_to());
        match place - next {
            0 => {}
            1 => push_zig_zag(&mut counts, 0),
            zeros => push_zig_zag(&mut counts, -zeros.cast_signed()),
        }
        push_zig_zag(&mut counts, i64::try_from(bucket.count_at_value()).ok()?);
        next = place + 1;
    }
    if next == 0 {
        push_zig_zag(&mut counts, 0);
    }
    let mut bytes = Vec::with_capacity(40 + counts.len());
    for word in [COOKIE, u32::try_from(counts.len()).ok()?, 0, digits] {
        bytes.extend(word.to_be_bytes());
    }
    for long in [histogram.low(), histogram.high(), 1.0_f64.to_bits()] {
        bytes.extend(long.to_be_bytes());
    }
    bytes.extend(counts);
    Some(bytes)
}

/// [`written`], back. Nothing is held that its text does not hold.
fn read(inflated: &[u8]) -> Option<Histogram<u64>> {
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
    if !header {
        return None;
    }
    let places = Places::of(digits)?;
    let mut histogram = Histogram::new_with_bounds(low, high, u8::try_from(digits).ok()?).ok()?;
    let (mut place, mut total) = (0_u64, 0_u64);
    while !rest.is_empty() {
        let number = zig_zag(&mut rest)?;
        let count = number.unsigned_abs();
        if number < 0 {
            // There are far fewer places.
            place = place.checked_add(count).filter(|place| *place <= INFLATED_BYTES_MAX as u64)?;
            continue;
        }
        total = total.checked_add(count)?;
        if count > 0 {
            histogram.record_n(places.value(place)?, count).ok()?;
        }
        place += 1;
    }
    Some(histogram)
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

/// What [`zig_zag`] reads.
fn push_zig_zag(out: &mut Vec<u8>, number: i64) {
    let mut value = ((number << 1) ^ (number >> 63)).cast_unsigned();
    for _ in 0..8 {
        if value < 0x80 {
            break;
        }
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
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
        BASE64.encode(&bytes)
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
        assert!(read(&right).is_some());
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
            assert_eq!(read(&wrong), None, "{name}");
        }
        let packed = BASE64.decode(packed(&right).as_bytes()).unwrap();
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
            let packed = BASE64.decode(packed(&vec![7; bytes]).as_bytes()).unwrap();
            inflate(&packed).map(|inflated| inflated.len())
        };
        assert_eq!(inflated(262_144), Some(262_144));
        assert_eq!(inflated(262_145), None);
    }

    /// Empty blocks make a text as long as one likes.
    #[test]
    fn a_text_longer_than_any_histograms_is_refused() {
        let inflated = raw(3, MAX_US, 2, &[3, 6]);
        let whole = BASE64.decode(packed(&inflated).as_bytes()).unwrap();
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
            BASE64.encode(&bytes)
        };
        let (longest, longer) = (text(52_570), text(52_571));
        assert_eq!((longest.len(), longer.len()), (350_548, 350_556));
        assert_eq!(decode(&longest).map(|read| read.len()), Some(3));
        assert_eq!(decode(&longer), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_histogram_comes_back(values in proptest::collection::vec(0_u64..2 * MAX_US, 0..200), digits in 1_u8..=3) {
            let mut hist = Hist::with_digits(digits);
            values.iter().for_each(|value| hist.record(*value));
            prop_assert_eq!(&decode(&encode(hist.inner()).unwrap()).unwrap(), hist.inner());
        }

        #[test]
        fn another_reads_it_and_writes_the_same(
            values in proptest::collection::vec((0..MAX_US, 1_u64..1 << 40), 0..200), digits in 1_u8..=4,
        ) {
            let mut histogram = Histogram::new_with_bounds(1, MAX_US, digits).unwrap();
            for (value, count) in values {
                histogram.record_n(value >> (count % 40), count).unwrap();
            }
            let written = written(&histogram).unwrap();
            let mut theirs = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut theirs).unwrap();
            prop_assert_eq!(&written, &theirs);
            let told: Histogram<u64> = Deserializer::new().deserialize(&mut written.as_slice()).unwrap();
            prop_assert_eq!(&told, &histogram);
        }

        #[test]
        fn any_number_comes_back(number in any::<i64>(), bits in 0_u32..64) {
            let mut bytes = Vec::new();
            push_zig_zag(&mut bytes, number >> bits);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(zig_zag(&mut rest), Some(number >> bits));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(counts in proptest::collection::vec(any::<u8>(), 0..64), digits in 0_u32..5) {
            let _ = decode(&packed(&raw(digits, MAX_US, counts.len() as u32, &counts)));
            let _ = decode(&packed(&counts));
            let _ = decode(&BASE64.encode(&counts));
        }
    }
}
