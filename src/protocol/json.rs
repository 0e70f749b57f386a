//! JSON as it was written: numbers keep every digit, and text that is no Unicode spoils itself alone.
//!
//! `serde_json::Value` makes a float of `1.10` and of a number with 23 digits, and gives a whole
//! message up for half a surrogate pair in one of its strings. Both come from servers every day.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// How deep arrays and objects may stand in each other.
const DEPTH_MAX: u8 = 128;

/// A value. Where nothing was escaped it borrows its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    Text(Text<'a>),
    Array(Box<[Json<'a>]>),
    /// In the order they were written. Of keys that stand there twice the last one counts.
    Object(Box<[(Text<'a>, Json<'a>)]>),
}

/// What stands between two quotes, without its escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    Whole(Cow<'a, str>),
    /// No Unicode: half a surrogate pair (as its three bytes), or bytes that are no UTF-8.
    Spoilt(Cow<'a, [u8]>),
}

impl<'a> Json<'a> {
    /// Reads one value, with nothing but white space around it. `None` for what is no JSON
    /// (RFC 8259), and for what is nested over 128 deep.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0, depth: 0 };
        let value = reader.value()?;
        reader.blank();
        (reader.at == bytes.len()).then_some(value)
    }

    /// What a JSON pointer (RFC 6901) points at.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut found = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            found = match found {
                Json::Object(entries) => {
                    let key = match token.contains('~') {
                        true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
                        false => Cow::Borrowed(token),
                    };
                    let is_it = |text: &Text<'_>| matches!(text, Text::Whole(text) if *text == key);
                    entries.iter().rev().find(|(key, _)| is_it(key)).map(|(_, value)| value)?
                }
                Json::Array(items) => items.get(index(token)?)?,
                _ => return None,
            };
        }
        Some(found)
    }

    /// What it says: a string's content, a number as it was written, an object or array as JSON
    /// without white space. `None` for `null` and for text that is no Unicode.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null | Self::Text(Text::Spoilt(_)) => return None,
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(number) => Cow::Borrowed(number),
            Self::Text(Text::Whole(text)) => Cow::Borrowed(text),
            Self::Array(_) | Self::Object(_) => Cow::Owned(self.to_string()),
        })
    }
}

/// As RFC 6901 (4) has it: no sign, no zero in front.
fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok())?
}

impl Text<'_> {
    /// The bytes between the quotes: UTF-8, but for those that spoil it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(text) => text.as_bytes(),
            Self::Spoilt(bytes) => bytes,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Whether this byte comes next, after any white space. If so it is passed.
    fn next_is(&mut self, byte: u8) -> bool {
        self.blank();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self) -> Option<Json<'a>> {
        self.blank();
        match self.peek()? {
            b'"' => self.string().map(Json::Text),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'-' | b'0'..=b'9' => self.number().map(Json::Number),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        let is = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        is.then_some(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Json<'a>>) -> Option<Json<'a>> {
        self.depth += 1;
        self.at += 1;
        let value = if self.depth > DEPTH_MAX { None } else { read(self) };
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Option<Json<'a>> {
        let mut items = Vec::new();
        if self.next_is(b']') {
            return Some(Json::Array(items.into()));
        }
        loop {
            items.push(self.value()?);
            if self.next_is(b']') {
                return Some(Json::Array(items.into()));
            }
            if !self.next_is(b',') {
                return None;
            }
        }
    }

    fn object(&mut self) -> Option<Json<'a>> {
        let mut entries = Vec::new();
        if self.next_is(b'}') {
            return Some(Json::Object(entries.into()));
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return None;
            }
            let key = self.string()?;
            if !self.next_is(b':') {
                return None;
            }
            entries.push((key, self.value()?));
            if self.next_is(b'}') {
                return Some(Json::Object(entries.into()));
            }
            if !self.next_is(b',') {
                return None;
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        std::str::from_utf8(&self.bytes[from..self.at]).ok()
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.at += 1;
        let from = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => return self.escaped(from),
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let bytes = &self.bytes[from..self.at];
        self.at += 1;
        Some(match std::str::from_utf8(bytes) {
            Ok(text) => Text::Whole(Cow::Borrowed(text)),
            Err(_) => Text::Spoilt(Cow::Borrowed(bytes)),
        })
    }

    /// The rest of a string that began at `from` and has an escape at this place.
    fn escaped(&mut self, from: usize) -> Option<Text<'a>> {
        let mut out = self.bytes[from..self.at].to_vec();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut out)?,
                0..0x20 => return None,
                byte => out.push(byte),
            }
        }
        Some(match String::from_utf8(out) {
            Ok(text) => Text::Whole(Cow::Owned(text)),
            Err(error) => Text::Spoilt(Cow::Owned(error.into_bytes())),
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let byte = self.peek()?;
        self.at += 1;
        out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let unit = self.unit()?;
                match (unit, self.low_half()) {
                    (0xd800..0xdc00, Some(low)) => {
                        self.at += 6;
                        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        push(out, code);
                    }
                    _ => push(out, unit),
                }
                return Some(());
            }
            _ => return None,
        });
        Some(())
    }

    /// Four hex digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let mut unit = 0;
        for digit in digits {
            unit = unit * 16 + char::from(*digit).to_digit(16)?;
        }
        self.at += 4;
        Some(unit)
    }

    /// The second half of a surrogate pair, if one is escaped here. It is not passed.
    fn low_half(&self) -> Option<u32> {
        let mut ahead = Reader { bytes: self.bytes, at: self.at + 2, depth: 0 };
        let escape = self.bytes.get(self.at..self.at + 2)?;
        let low = (escape == b"\\u").then(|| ahead.unit())??;
        (0xdc00..0xe000).contains(&low).then_some(low)
    }
}

/// Adds a code point in UTF-8; half a surrogate pair in the three bytes that no UTF-8 has.
fn push(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(c) => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend([
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

/// As JSON without white space.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => write!(f, "{text}"),
            Self::Array(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_char(']')
            }
            Self::Object(entries) => {
                f.write_char('{')?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}:{value}", if at > 0 { "," } else { "" })?;
                }
                f.write_char('}')
            }
        }
    }
}

/// In quotes, with what has to be escaped, halves of surrogate pairs among it. Other bytes that are
/// no UTF-8 are replaced.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut bytes = self.bytes();
        while !bytes.is_empty() {
            let valid = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => {
                    std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
                }
            };
            for c in valid.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    '\0'..' ' => write!(f, "\\u{:04x}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            bytes = match &bytes[valid.len()..] {
                [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, rest @ ..] => {
                    let low = u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f);
                    write!(f, "\\u{:04x}", 0xd000 | low)?;
                    rest
                }
                [_, rest @ ..] => {
                    f.write_char(char::REPLACEMENT_CHARACTER)?;
                    rest
                }
                [] => &[],
            };
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<Json<'_>> {
        Json::parse(text.as_bytes())
    }

    #[test]
    fn a_number_stays_as_it_was_written() {
        for number in [
            "0",
            "-0",
            "1.10",
            "12345678901234567890123",
            "18446744073709551616",
            "1E+2",
            "0.1e-400",
            "1e400",
            "-7.000",
        ] {
            assert_eq!(parse(number).unwrap().text().as_deref(), Some(number));
            let inside = format!("{{\"n\":[ {number} ]}}");
            let inside = parse(&inside).unwrap();
            assert_eq!(inside.pointer("/n/0").unwrap().text().as_deref(), Some(number));
            assert_eq!(inside.to_string(), format!("{{\"n\":[{number}]}}"));
        }
        for no_number in ["01", "1.", ".5", "+1", "-", "1e", "1e+", "0x1", "NaN", "1_0", "--1"] {
            assert_eq!(parse(no_number), None, "{no_number}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_spoils_its_own_string() {
        let text = r#"{"a":"x\ud800y","\udc00":1,"b":"\ud83d\ude00","c":"\ud83d\u0041","d":1.10}"#;
        let value = parse(text).unwrap();
        let at = |pointer: &str| value.pointer(pointer).unwrap().text().map(Cow::into_owned);
        assert_eq!(at("/a"), None);
        assert_eq!(at("/b").as_deref(), Some("😀"));
        assert_eq!(at("/c"), None);
        assert_eq!(at("/d").as_deref(), Some("1.10"));
        let again = value.to_string();
        assert_eq!(again, r#"{"a":"x\ud800y","\udc00":1,"b":"😀","c":"\ud83dA","d":1.10}"#);
        assert_eq!(parse(&again).unwrap(), value);
        // Bytes that are no UTF-8 likewise; what is no Unicode is never shown as if it were.
        let value = Json::parse(b"{\"a\":\"\xff\",\"b\":2}").unwrap();
        assert_eq!(value.pointer("/b").unwrap().text().as_deref(), Some("2"));
        assert_eq!(value.pointer("/a").unwrap().text(), None);
        assert_eq!(value.to_string(), "{\"a\":\"\u{fffd}\",\"b\":2}");
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "[1 2]",
            "{\"a\" 1}",
            "{\"a\":1,}",
            "{1:2}",
            "{,}",
            "tru",
            "nulll",
            "\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"a\tb\"",
            "\"\\\"",
            "1 2",
            "'a'",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(128)).is_some());
        assert_eq!(parse(&deep(129)), None);
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }

    #[test]
    fn of_two_keys_the_last_counts() {
        let value = parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(value.pointer("/a"), Some(&Json::Number("3")));
        assert_eq!(value.to_string(), r#"{"a":1,"b":2,"a":3}"#);
    }

    /// JSON text of all kinds, and some that is nearly JSON.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?(e[+-]?[0-9])?",
            "\"([a-z~/ é😀]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude0[0-9]){0,6}\"",
            Just("true".to_owned()),
            Just("null".to_owned()),
            "[\\[\\]{}:, \"\\\\a-f0-9]{0,4}",
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[ {} ]", items.join(" ,"))),
                proptest::collection::vec(("[a-c]?", inner), 0..4).prop_map(|entries| {
                    let each: Vec<_> =
                        entries.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                    format!("{{{}\n}}", each.join(","))
                }),
            ]
        })
    }

    proptest! {
        /// Another reader takes the same texts for JSON, and reads the same out of them.
        #[test]
        fn it_reads_what_another_reader_reads(text in text()) {
            let ours = parse(&text);
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
            prop_assert_eq!(ours.is_some(), theirs.is_some(), "{}", text);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                let again = ours.to_string();
                let reread: serde_json::Value = serde_json::from_str(&again).unwrap();
                prop_assert_eq!(reread, theirs.clone(), "{}", text);
                for pointer in ["", "/0", "/a", "/a/b", "/1/c/0", "/", "/01"] {
                    let (a, b) = (ours.pointer(pointer), theirs.pointer(pointer));
                    let a = a.map(|found| serde_json::from_str::<serde_json::Value>(&found.to_string()).unwrap());
                    prop_assert_eq!(a.as_ref(), b, "{} in {}", pointer, text);
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes: Vec<u8>, text in "[\\[\\]{}\":,\\\\ud8c0-9a-f]{0,24}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Some(value) = Json::parse(bytes) {
                    let again = value.to_string();
                    prop_assert!(Json::parse(again.as_bytes()).is_some(), "{again}");
                }
            }
        }
    }
}
