//! Frames as a person reads them in a terminal, and secrets kept out of them.

use tokio_tungstenite::tungstenite::Message;

use crate::protocol::Protocol;
use crate::protocol::scope::{Captured, Person};
use crate::report::escape::{columns, escape_terminal};
use crate::secrets::Secrets;
use crate::units::format::count;

/// Bytes in a row of hex.
const ROW_BYTES: usize = 16;
/// Rows of hex: as much as tells what a frame is.
const ROWS_MAX: usize = 6;
/// Bytes of a text that are looked at: more than is ever shown.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What is not to be shown: known values, and what will be captured.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// `None` hides nothing.
    protocol: Option<Protocol>,
    people: Vec<Person>,
    /// Of headers and the URL.
    given: Secrets,
    /// Of the people, as far as it is known.
    values: Vec<String>,
    secrets: Secrets,
}

impl Hidden {
    /// What is secret of these people, beside what was `given`.
    pub fn of(protocol: &Protocol, people: &[Person], given: Secrets) -> Self {
        let (protocol, people) = (Some(protocol.clone()), people.to_vec());
        let mut hidden = Self { protocol, people, given, ..Self::default() };
        hidden.learn(&Captured::default());
        hidden
    }

    /// Whether a capture is secret, by its index.
    pub fn hides(&self, capture: usize) -> bool {
        self.protocol.as_ref().is_some_and(|protocol| protocol.captures_secret(capture))
    }

    /// Learns what was captured: it was no secret before.
    pub fn learn(&mut self, captured: &Captured) {
        let Some(protocol) = &self.protocol else { return };
        let before = self.values.len();
        for value in self.people.iter().flat_map(|person| protocol.secrets(person, captured)) {
            if !self.values.iter().any(|known| known == value) {
                self.values.push(value.to_owned());
            }
        }
        if self.values.len() > before {
            self.secrets = Secrets::new(self.values.iter().map(String::as_str));
        }
    }

    /// The bytes without secrets. In what is no UTF-8 only secrets of ASCII are found.
    fn mask(&self, bytes: &[u8]) -> Vec<u8> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.mask_text(text).into_bytes();
        }
        let latin: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        // Every character came from a byte, and what stands for a secret is ASCII.
        self.mask_text(&latin).chars().map(|c| u32::from(c) as u8).collect()
    }

    /// The text without secrets.
    pub fn mask_text(&self, text: &str) -> String {
        self.secrets.redact(&self.given.redact(text)).into_owned()
    }
}

/// A message in lines of at most `width` columns: text as it is, over at most `most` lines, anything
/// else in hex. Whole where there is no `most`.
pub fn message(
    bytes: &[u8],
    is_text: bool,
    hidden: &Hidden,
    width: usize,
    most: Option<usize>,
) -> Vec<String> {
    if bytes.is_empty() {
        return vec![if is_text { "(empty)" } else { "(empty, binary)" }.to_owned()];
    }
    // Masked before it is cut, or a cut through a secret would show half of it.
    let masked = hidden.mask(bytes);
    let bounds = most.map(|lines| (lines, TEXT_BYTES_MAX, ROWS_MAX));
    let (lines, most, rows) = bounds.unwrap_or((usize::MAX, usize::MAX, usize::MAX));
    if is_text {
        text(&masked, bytes.len(), width, (lines, most))
    } else {
        hex(&masked, bytes.len(), rows)
    }
}

/// A text in one line of at most `width` columns.
pub fn line(bytes: &[u8], is_text: bool, hidden: &Hidden, width: usize) -> String {
    message(bytes, is_text, hidden, width, Some(1)).swap_remove(0)
}

/// At most so many lines, of at most so many bytes.
fn text(
    bytes: &[u8],
    length: usize,
    width: usize,
    (most, most_bytes): (usize, usize),
) -> Vec<String> {
    let cut = &bytes[..bytes.len().min(most_bytes)];
    let safe = escape_terminal(&String::from_utf8_lossy(cut), usize::MAX);
    let more = format!("… ({} bytes)", count(length as u64));
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in safe.chars() {
        let wide = columns(c.encode_utf8(&mut [0; 4]));
        if used + wide > width {
            if lines.len() == most {
                cut_for(&mut lines, &more, width);
                return lines;
            }
            lines.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    if cut.len() < bytes.len() {
        cut_for(&mut lines, &more, width);
    }
    lines
}

/// Makes room in the last line for what says that there is more.
fn cut_for(lines: &mut [String], more: &str, width: usize) {
    if let Some(line) = lines.last_mut() {
        while !line.is_empty() && columns(line) + columns(more) > width {
            line.pop();
        }
        line.push_str(more);
    }
}

fn hex(bytes: &[u8], length: usize, most: usize) -> Vec<String> {
    let row = |row: &[u8]| {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let graphic = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        let ascii = row.iter().map(|byte| if graphic(byte) { char::from(*byte) } else { '.' });
        format!("{:47}  |{}|", hex.join(" "), ascii.collect::<String>())
    };
    let mut lines: Vec<String> = bytes.chunks(ROW_BYTES).take(most).map(row).collect();
    if bytes.len().div_ceil(ROW_BYTES) > most {
        lines.push(format!("… ({} bytes)", count(length as u64)));
    }
    lines
}

/// A frame of WebSocket itself, by its name.
pub fn control(frame: &Message, hidden: &Hidden) -> String {
    let said = |name: &str, bytes: &[u8]| match bytes {
        [] => name.to_owned(),
        bytes => format!("{name} {}", line(bytes, std::str::from_utf8(bytes).is_ok(), hidden, 60)),
    };
    match frame {
        Message::Ping(bytes) => said("ping", bytes),
        Message::Pong(bytes) => said("pong", bytes),
        Message::Close(None) => "close, without a code".to_owned(),
        Message::Close(Some(close)) => {
            let code = u16::from(close.code);
            if close.reason.is_empty() {
                return format!("close {code}");
            }
            format!("close {code} \"{}\"", line(close.reason.as_bytes(), true, hidden, 130))
        }
        Message::Text(_) | Message::Binary(_) | Message::Frame(_) => "a frame".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_cut_with_its_length() {
        let none = Hidden::default();
        assert_eq!(message(b"abcdefgh", true, &none, 4, Some(2)), ["abcd", "efgh"]);
        let long = "x".repeat(1234);
        let lines = message(long.as_bytes(), true, &none, 30, Some(2));
        assert_eq!(lines, ["x".repeat(30), format!("{}… (1,234 bytes)", "x".repeat(15))]);
        assert_eq!(message("日本語".as_bytes(), true, &none, 4, Some(9)), ["日本", "語"]);
        assert_eq!(message(b"\x1b[2J\n", true, &none, 40, Some(1)), ["\\u{1b}[2J\\n"]);
        assert_eq!(message(b"", true, &none, 40, Some(1)), ["(empty)"]);
    }

    #[test]
    fn binary_is_hex_with_ascii_beside_it() {
        let none = Hidden::default();
        let lines = message(b"\x01\x02room\xffabcdefghijk", false, &none, 70, Some(9));
        assert_eq!(
            lines,
            [
                "01 02 72 6f 6f 6d ff 61 62 63 64 65 66 67 68 69  |..room.abcdefghi|",
                "6a 6b                                            |jk|",
            ]
        );
        let lines = message(&[0; 2000], false, &none, 70, Some(9));
        assert_eq!((lines.len(), lines[6].as_str()), (7, "… (2,000 bytes)"));
        assert_eq!(message(&[0; 2000], false, &none, 70, None).len(), 125);
        let long = vec![b'x'; 100_000];
        assert_eq!(message(&long, true, &none, 50, None).concat().len(), 100_000);
    }

    #[test]
    fn secrets_are_taken_out_before_anything_is_cut() {
        let hidden = Hidden { given: Secrets::new(["token/1"]), ..Hidden::default() };
        let lines = message(b"aaaatoken/1", true, &hidden, 10, Some(9));
        assert_eq!(lines, ["aaaa[redac", "ted]"]);
        let lines = message(b"\xfftoken/1\xfe", false, &hidden, 70, Some(9));
        assert_eq!(lines, ["ff 5b 72 65 64 61 63 74 65 64 5d fe              |.[redacted].|"]);
    }
}
