//! How a character may be written in what a server sends back: as it is, or as JSON (RFC 8259, 7), URLs
//! (RFC 3986, 2.1, and forms, whose space is `+`) and HTML (character references) write it.

/// Every character that may stand at a place, and how many bytes it takes there.
pub(super) fn readings(text: &str, at: usize) -> impl Iterator<Item = (char, usize)> {
    let rest = &text[at..];
    let literal = rest.chars().next().map(|read| (read, read.len_utf8()));
    let escaped = match literal {
        Some(('+', _)) => Some((' ', 1)),
        Some(('\\', _)) => in_json(rest),
        Some(('%', _)) => in_url(rest),
        Some(('&', _)) => in_html(rest),
        _ => None,
    };
    literal.into_iter().chain(escaped)
}

/// `\/`, `\u003d`, `\ud83d\ude00`.
fn in_json(rest: &str) -> Option<(char, usize)> {
    let short = match rest.as_bytes().get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        same @ (b'"' | b'\\' | b'/' | b'\'') => char::from(*same),
        _ => {
            let first = unit(rest)?;
            let pair = rest.get(6..).and_then(unit).map(|second| [first, second]);
            return match (char::from_u32(first.into()), pair) {
                (Some(read), _) => Some((read, 6)),
                (None, Some(pair)) => char::decode_utf16(pair).next()?.ok().map(|read| (read, 12)),
                (None, None) => None,
            };
        }
    };
    Some((short, 2))
}

/// `\u003d` as a unit of UTF-16.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    number(digits, 16).and_then(|number| number.try_into().ok())
}

/// `%2f`, `%C3%A9`.
fn in_url(rest: &str) -> Option<(char, usize)> {
    let byte = |at: usize| {
        let digits = rest.get(3 * at..)?.strip_prefix('%')?.get(..2)?;
        number(digits, 16).and_then(|number| u8::try_from(number).ok())
    };
    let length = match byte(0)? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return None,
    };
    let bytes = (0..length).map(byte).collect::<Option<Vec<_>>>()?;
    let read = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((read, 3 * length))
}

/// `&amp;`, `&#61;`, `&#x2F;`.
fn in_html(rest: &str) -> Option<(char, usize)> {
    /// The longest number of a character has seven digits: `&#1114111;`.
    const NAME_MAX: usize = 10;
    let end = rest.bytes().take(NAME_MAX).position(|byte| byte == b';')?;
    let name = rest.get(1..end)?;
    let read = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16)?,
                None => number(digits, 10)?,
            };
            char::from_u32(code)?
        }
    };
    Some((read, end + 1))
}

/// Digits and nothing else: no sign, as Rust's own parsing allows.
fn number(digits: &str, radix: u32) -> Option<u32> {
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    if is_number { u32::from_str_radix(digits, radix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_in_each_of_its_forms() {
        for (text, read) in [
            ("a", 'a'),
            ("\u{e9}", '\u{e9}'),
            ("+", ' '),
            (r"\/", '/'),
            (r"\n", '\n'),
            (r"\u003D", '='),
            (r"\u00e9", '\u{e9}'),
            (r"\ud83d\ude00", '\u{1f600}'),
            ("%2f", '/'),
            ("%2F", '/'),
            ("%c3%A9", '\u{e9}'),
            ("%F0%9f%98%80", '\u{1f600}'),
            ("&lt;", '<'),
            ("&#39;", '\''),
            ("&#x2f;", '/'),
            ("&#128512;", '\u{1f600}'),
        ] {
            for after in ["", "z", ";", "%", "\\"] {
                let whole = format!("{text}{after}");
                assert!(readings(&whole, 0).any(|found| found == (read, text.len())), "{whole}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_one_is_what_it_is() {
        for text in [
            r"\",
            r"\u",
            r"\u12",
            r"\u12g4",
            r"\u+123",
            r"\ud83d",
            r"\ud83d\u0041",
            r"\x41",
            "%",
            "%4",
            "%4g",
            "%+4",
            "%c3",
            "%c3%41",
            "%ff",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#xd83d;",
            "&#1114112;",
            "&nbsp;",
            "&amp",
        ] {
            let first = text.chars().next().map(|read| (read, read.len_utf8()));
            assert_eq!(readings(text, 0).collect::<Vec<_>>(), Vec::from_iter(first), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_beyond_its_end(text in "[\\\\%&+#xu0-9a-f;\u{e9}]{0,12}") {
            for (at, _) in text.char_indices() {
                for (_, length) in readings(&text, at) {
                    prop_assert!(text.is_char_boundary(at + length));
                }
            }
            prop_assert_eq!(readings(&text, text.len()).count(), 0);
        }
    }
}
