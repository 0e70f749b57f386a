//! How a character may be written in what a server sends back: as it is, or as JSON (RFC 8259, 7), URLs
//! (RFC 3986, 2.1, and forms, whose space is `+`) and HTML (character references) write it; and as one of
//! these writes what another wrote, such as JSON that is quoted in a message.

/// How often a character may have been written anew: JSON in JSON in a text that we quote.
const LAYERS: usize = 3;
/// The longest that one layer writes a character, in characters: `\ud83d\ude00`.
const LONGEST: usize = 12;

/// Every character that may stand at a place, and how many bytes it takes there.
pub(super) fn readings(text: &str, at: usize) -> impl Iterator<Item = (char, usize)> {
    let rest = &text[at..];
    let literal = rest.chars().next().map(|read| (read, read.len_utf8()));
    let space = rest.starts_with('+').then_some((' ', 1));
    literal.into_iter().chain(space).chain(written(rest, LAYERS))
}

/// What an escape sequence stands for that a text begins with, in whichever layer it was written.
fn written(rest: &str, layers: usize) -> Vec<(char, usize)> {
    if !rest.starts_with(['\\', '%', '&']) {
        return Vec::new();
    }
    let mut all: Vec<_> = escaped(rest).into_iter().collect();
    if layers > 1 {
        let (inner, ends) = without_a_layer(rest);
        let found = written(&inner, layers - 1).into_iter();
        all.extend(found.filter_map(|(read, bytes)| Some((read, *ends.get(bytes)?))));
    }
    all
}

/// The beginning of a text with its escape sequences read, and for each byte of it how many bytes of the
/// text are read before that.
fn without_a_layer(text: &str) -> (String, Vec<usize>) {
    let (mut inner, mut ends, mut at) = (String::new(), vec![0], 0);
    for _ in 0..LONGEST {
        let rest = &text[at..];
        let literal = rest.chars().next().map(|read| (read, read.len_utf8()));
        let Some((read, bytes)) = escaped(rest).or(literal) else { break };
        at += bytes;
        inner.push(read);
        ends.resize(inner.len() + 1, at);
    }
    (inner, ends)
}

/// The escape sequence that a text begins with.
fn escaped(rest: &str) -> Option<(char, usize)> {
    match rest.as_bytes().first()? {
        b'\\' => in_json(rest),
        b'%' => in_url(rest),
        b'&' => in_html(rest),
        _ => None,
    }
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
    fn a_character_that_was_written_anew() {
        for (text, read) in [
            (r"\\u003d", '='),
            (r"\\/", '/'),
            (r#"\\\""#, '"'),
            (r"\\\\", '\\'),
            (r"\\\\u003d", '='),
            (r"\\\\\\\/", '/'),
            (r"\\ud83d\\ude00", '\u{1f600}'),
            ("%252F", '/'),
            ("%25252F", '/'),
            ("%5Cu003d", '='),
            ("&amp;#61;", '='),
            ("&#92;u003d", '='),
            ("\\u0026lt;", '<'),
            ("\\u00252f", '/'),
        ] {
            let found: Vec<_> = readings(text, 0).collect();
            assert!(found.contains(&(read, text.len())), "{text}: {found:?}");
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
