//! Text of people around the mark, and whether it arrived as it was sent.
//!
//! A payload of its own is letters, digits and spaces: no server changes those. Text with quotes,
//! markup, emoji and spaces at its ends shows the servers that trim, cut or HTML-encode what people
//! say. Which text a message has follows from its stamp, so that a receiver knows what to look for.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::{MIN_PAYLOAD, Stamp, write_payload};

/// Where the mark goes in a text; at its end where it names none.
pub const PLACE: &str = "{{ payload }}";

/// Texts that a cohort's messages are taken from. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts(Vec<Text>);

/// What stands before and after the mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Text {
    before: String,
    after: String,
}

impl Texts {
    /// `None` without a single line that says anything.
    #[must_use]
    pub fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let says = |line: &&str| !line.trim().is_empty();
        let texts: Vec<Text> = lines
            .into_iter()
            .filter(says)
            .map(|line| {
                let (before, after) = match line.split_once(PLACE) {
                    Some((before, after)) => (before.to_owned(), after.to_owned()),
                    None => (format!("{line} "), String::new()),
                };
                Text { before, after }
            })
            .collect();
        (!texts.is_empty()).then_some(Self(texts))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The longest message that carries a payload of `size` bytes at most, in bytes.
    #[must_use]
    pub fn longest(&self, size: usize) -> usize {
        let around = |text: &Text| text.before.len() + text.after.len();
        let longest = self.0.iter().map(around).max().unwrap_or(0);
        (longest + MIN_PAYLOAD).max(size)
    }

    /// The text of a message. Neighbours have different ones.
    fn of(&self, stamp: &Stamp) -> Option<&Text> {
        let n = u64::from(stamp.seq) + 7 * u64::from(stamp.publisher) + 13 * u64::from(stamp.room);
        self.0.get((n % self.0.len().max(1) as u64) as usize)
    }

    /// Appends a message of `size` bytes, or of what the text and the mark need.
    pub fn write(&self, stamp: &Stamp, size: usize, out: &mut String) {
        let Some(Text { before, after }) = self.of(stamp) else {
            return write_payload(stamp, size, out);
        };
        out.push_str(before);
        write_payload(stamp, size.saturating_sub(before.len() + after.len()), out);
        out.push_str(after);
    }

    /// Whether the text of a message stands in the frame that brought it: as it is, or as JSON
    /// writes it, once or twice, or as XML does where the protocol sends it so.
    #[must_use]
    pub fn is_whole(&self, stamp: &Stamp, frame: &[u8], xml: bool) -> bool {
        let Some(text) = self.of(stamp) else { return true };
        stands_in(frame, &[&text.before, &text.after], xml)
    }
}

/// Whether all of these stand in a frame: as they are, or as JSON writes them, once or twice, or as
/// XML does where the protocol sends them so.
#[must_use]
pub fn stands_in(frame: &[u8], parts: &[&str], xml: bool) -> bool {
    let holds =
        |bytes: &[u8]| parts.iter().all(|part| memmem::find(bytes, part.as_bytes()).is_some());
    let mut bytes = Cow::Borrowed(frame);
    if xml {
        bytes = Cow::Owned(without_xml(&bytes));
    }
    for _ in 0..2 {
        if holds(&bytes) {
            return true;
        }
        bytes = Cow::Owned(without_json(&bytes));
    }
    holds(&bytes)
}

/// With every escape that may stand in a JSON string (RFC 8259, section 7) replaced by what it
/// stands for. What is none is kept.
fn without_json(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = &rest[at..];
        let used = match escape.get(1) {
            Some(b'n') => push(&mut out, b"\n", 2),
            Some(b't') => push(&mut out, b"\t", 2),
            Some(b'r') => push(&mut out, b"\r", 2),
            Some(b'b') => push(&mut out, b"\x08", 2),
            Some(b'f') => push(&mut out, b"\x0c", 2),
            Some(quoted @ (b'"' | b'\\' | b'/')) => push(&mut out, &[*quoted], 2),
            Some(b'u') => match unicode(escape) {
                Some((character, used)) => {
                    push(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes(), used)
                }
                None => push(&mut out, b"\\", 1),
            },
            _ => push(&mut out, b"\\", 1),
        };
        rest = &escape[used..];
    }
    out.extend_from_slice(rest);
    out
}

fn push(out: &mut Vec<u8>, bytes: &[u8], used: usize) -> usize {
    out.extend_from_slice(bytes);
    used
}

/// The character of `\uXXXX`, or of two of them, and how many bytes that took.
fn unicode(escape: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = unit(6).filter(|second| (0xdc00..0xe000).contains(second))?;
    let code = 0x1_0000 + ((first.checked_sub(0xd800)?) << 10) + (second - 0xdc00);
    Some((char::from_u32(code)?, 12))
}

/// With the five named entities of XML replaced by what they stand for.
fn without_xml(bytes: &[u8]) -> Vec<u8> {
    const ENTITIES: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\''), (b"&amp;", b'&')];
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        let entity = ENTITIES.iter().find(|(entity, _)| rest[at..].starts_with(entity));
        let (byte, used) = entity.map_or((b'&', 1), |(entity, byte)| (*byte, entity.len()));
        out.push(byte);
        rest = &rest[at + used..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stamp::{Found, scan};

    fn stamp(seq: u32) -> Stamp {
        Stamp { run: 1, publisher: 2, room: 3, seq, due_us: 4, sent_us: 5, preflight: false }
    }

    fn message(texts: &Texts, seq: u32) -> String {
        let mut message = String::new();
        texts.write(&stamp(seq), 0, &mut message);
        message
    }

    /// A text as servers in other languages write it: nothing but ASCII, slashes escaped.
    fn ascii_json(text: &str) -> String {
        let mut out = String::new();
        for unit in text.encode_utf16() {
            match unit {
                0x2f => out.push_str("\\/"),
                0x22 => out.push_str("\\\""),
                0x5c => out.push_str("\\\\"),
                0x20..=0x7e => out.extend(char::from_u32(unit.into())),
                _ => out.push_str(&format!("\\u{unit:04x}")),
            }
        }
        out
    }

    #[test]
    fn lines_without_words_are_none_and_the_mark_goes_where_it_is_named() {
        assert_eq!(Texts::new(["", "  ", "\t"]), None);
        let texts = Texts::new(["hi", "", "<b>{{ payload }}</b>"]).unwrap();
        assert_eq!(texts.count(), 2);
        let messages: Vec<_> = (0..2).map(|seq| message(&texts, seq)).collect();
        let begins = |with: &str| messages.iter().any(|message| message.starts_with(with));
        assert!(begins("hi upr1") && begins("<b>upr1"), "{messages:?}");
        assert_eq!(texts.longest(10), "<b></b>".len() + MIN_PAYLOAD);
        assert_eq!(texts.longest(1_000), 1_000);
    }

    #[test]
    fn a_server_that_changes_words_is_found_out() {
        let texts = Texts::new([" Tom & \"Jerry\" <3 {{ payload }} 🎉/\n "]).unwrap();
        let sent = message(&texts, 0);
        let whole = |frame: &str| texts.is_whole(&stamp(0), frame.as_bytes(), false);
        let json = serde_json::to_string(&sent).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        let ascii = ascii_json(&sent);
        for fine in [&sent, &json, &twice, &ascii] {
            assert!(whole(fine), "{fine}");
        }
        let html = sent.replace('&', "&amp;").replace('<', "&lt;");
        for wrong in [&html, sent.trim(), &sent.replace('🎉', "?"), &sent[..sent.len() - 3]] {
            assert!(!whole(wrong), "{wrong}");
        }
        assert!(texts.is_whole(&stamp(0), html.as_bytes(), true));
    }

    proptest! {
        #[test]
        fn any_text_survives_what_json_does_to_it(
            before in "\\PC{0,20}[\\n\\t]?",
            after in "[\"\\\\/<&a🎉é]{0,20}",
            seq in 0_u32..9,
        ) {
            let line = format!("x{before}{PLACE}{after}");
            let texts = Texts::new([line.as_str()]).unwrap();
            let sent = message(&texts, seq);
            let json = serde_json::to_string(&sent).unwrap();
            let ascii = ascii_json(&sent);
            for frame in [&sent, &json, &ascii, &serde_json::to_string(&json).unwrap()] {
                prop_assert!(texts.is_whole(&stamp(seq), frame.as_bytes(), false), "{}", frame);
                let mut intact = false;
                scan(frame.as_bytes(), |found| intact = matches!(found, Found::Intact(_)));
                prop_assert!(intact);
            }
        }

        #[test]
        fn escapes_of_any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            without_json(&bytes);
            without_xml(&bytes);
        }
    }
}
