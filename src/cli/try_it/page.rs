//! The page that both clients' transcript is written on: rows, captures, and which message of whom a
//! frame holds.

use std::collections::BTreeMap;

use memchr::memmem;

use super::notes::Notes;
use super::repeats::{Again, Line, Repeats};
use crate::cli::print;
use crate::protocol::{Protocol, Talk, Writing};
use crate::ready::shown::{Hidden, message};
use crate::report::escape::{columns, escape_terminal};
use crate::report::summary::wrap;
use crate::stamp::texts::stands_in;
use crate::stamp::{self, Found, MAGIC, STAMP_LEN};
use crate::units::format::count;

/// Columns before a frame: client, time, direction.
const BEFORE: usize = 15;
/// Lines a text frame may take.
const FRAME_LINES_MAX: usize = 4;
/// Columns of the step on the right.
const STEP_COLUMNS_MAX: usize = 50;
/// Columns of a line that came again.
const AGAIN_COLUMNS_MIN: usize = 8;
/// Columns of why a rule took a frame.
const EXPLAINED_COLUMNS_MAX: usize = 600;
/// Columns of a captured value.
const CAPTURE_COLUMNS: usize = 60;
/// Bytes before and after the first byte that differs.
const AROUND_BYTES: usize = 24;

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: bool,
    /// In columns.
    pub(super) width: usize,
    /// Whether frames are shown whole.
    pub(super) full: bool,
}

/// What both clients write on.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) protocol: Protocol,
    pub(super) hidden: Hidden,
    /// Whether nothing is to be hidden.
    pub(super) shows_all: bool,
    pub(super) room: String,
    /// What was published, by client and number.
    published: BTreeMap<(u32, u32), String>,
    /// Which of a client's publishes an id is of.
    pub(super) ids: BTreeMap<(u32, u64), u32>,
    /// The first payload that came back changed: how.
    pub(super) changed: Option<String>,
    /// How many did.
    pub(super) changes: u32,
    /// The first frame that brought a message back to its sender in what looks like an error.
    pub(super) echoed: Option<String>,
    pub(super) notes: Notes,
    repeats: Repeats,
    look: Look,
    /// Whether content stands in frames in a way that can be compared, and with XML's entities.
    compares: bool,
    xml: bool,
    empty: bool,
    /// The error that ended printing; what happens goes on.
    pub(super) unwritten: Option<crate::cli::Failure>,
}

impl Page {
    pub(super) fn new(protocol: &Protocol, hidden: Option<Hidden>, room: &str, look: Look) -> Self {
        Self {
            echoed: None,
            notes: Notes::new(protocol),
            repeats: Repeats::default(),
            look,
            compares: protocol.writing() != Writing::Unknown,
            xml: protocol.writing() == Writing::Xml,
            protocol: protocol.clone(),
            shows_all: hidden.is_none(),
            hidden: hidden.unwrap_or_default(),
            room: room.to_owned(),
            published: BTreeMap::new(),
            ids: BTreeMap::new(),
            changed: None,
            changes: 0,
            empty: true,
            unwritten: None,
        }
    }

    /// Remembers what a client is about to publish.
    pub(super) fn publishes(&mut self, client: u32, seq: u32, payload: &str) {
        self.published.insert((client, seq), payload.to_owned());
    }

    /// Remembers the id under which it was published.
    pub(super) fn published_as(&mut self, client: u32, seq: u32, id: u64) {
        self.ids.insert((client, id), seq);
    }

    /// In columns.
    pub(super) fn width(&self) -> usize {
        self.look.width
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Writes lines as they are.
    pub(super) fn write(&mut self, text: &str) {
        self.empty = false;
        if self.unwritten.is_none()
            && let Err(failure) = print::stdout(text)
        {
            self.unwritten = Some(failure);
        }
    }

    /// Colours a text, where there are colours: `code` as in ANSI's "select graphic rendition".
    pub(super) fn colored(&self, code: u8, text: &str) -> String {
        if self.look.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A message in lines.
    pub(super) fn shown(&self, bytes: &[u8], is_text: bool, talk: &Talk) -> Vec<String> {
        match talk.describe(bytes) {
            // Bytes that say nothing to people, and may hold a password.
            Some(words) => self.text(&words),
            None => self.lines(bytes, is_text),
        }
    }

    fn lines(&self, bytes: &[u8], is_text: bool) -> Vec<String> {
        let most = (!self.look.full).then_some(FRAME_LINES_MAX);
        message(bytes, is_text, &self.hidden, self.width() - BEFORE, most)
    }

    /// A text in lines.
    pub(super) fn text(&self, text: &str) -> Vec<String> {
        self.lines(text.as_bytes(), true)
    }

    /// Writes one happening, unless it is the same as one before; false then.
    pub(super) fn row(
        &mut self,
        client: u32,
        at_us: u64,
        sign: char,
        shown: &[String],
        step: &str,
    ) -> bool {
        let step = escape_terminal(&self.hidden.mask_text(step), STEP_COLUMNS_MAX);
        let line = Line { client, sign, shown: shown.to_vec(), step };
        let (again, is_new) = self.repeats.take(at_us, &line);
        self.write_again(again);
        if is_new {
            self.write_row(at_us, &line);
        }
        is_new
    }

    /// Writes what came again and was only counted so far.
    pub(super) fn finish(&mut self) {
        let rest = self.repeats.rest();
        self.write_again(rest);
    }

    fn write_again(&mut self, again: Vec<Again>) {
        for Again { line, at_us, words } in again {
            let room = self.width().saturating_sub(BEFORE + words.len() + 2).max(AGAIN_COLUMNS_MIN);
            let first = line.shown.first().map_or("", String::as_str);
            let mut cut: String = first.chars().take(room - 1).collect();
            if cut.len() < first.len() || line.shown.len() > 1 {
                cut.push('…');
            }
            self.write_row(at_us, &Line { shown: vec![cut], step: words, ..line });
        }
    }

    fn write_row(&mut self, at_us: u64, line: &Line) {
        let dim = 2;
        let Line { client, sign, shown, step } = line;
        let (client, sign) = (*client, *sign);
        // Without a step there is nothing to set apart.
        let name = self.colored(if client == 0 { 36 } else { 35 }, name(client));
        let time = format!("{}.{:01} ms", count(at_us / 1_000), at_us % 1_000 / 100);
        let mut text = String::new();
        for (at, line) in shown.iter().enumerate() {
            if at == 0 {
                text.push_str(&format!("{name} {time:>10} {sign} {line}"));
            } else {
                text.push_str(&format!("{:BEFORE$}{line}", ""));
            }
            if at + 1 == shown.len() && !step.is_empty() {
                let used = BEFORE + columns(line);
                let room = self.width().saturating_sub(columns(step));
                let gap = match room.checked_sub(used) {
                    Some(gap @ 2..) => " ".repeat(gap),
                    _ => format!("\n{}", " ".repeat(room)),
                };
                text.push_str(&gap);
                text.push_str(&self.colored(dim, step));
            }
            text.push('\n');
        }
        self.write(&text);
    }

    /// Writes why a rule took the frame above.
    pub(super) fn explain(&mut self, said: &[String]) {
        let dim = 2;
        let mut text = String::new();
        for words in said {
            let words = escape_terminal(&self.hidden.mask_text(words), EXPLAINED_COLUMNS_MAX);
            for line in wrap(&words, self.width() - BEFORE, usize::MAX) {
                text.push_str(&format!("{:BEFORE$}{}\n", "", self.colored(dim, &line)));
            }
        }
        self.write(&text);
    }

    pub(super) fn capture(&mut self, name: &str, value: &str, hidden: bool) {
        let value = if hidden {
            "***".to_owned()
        } else {
            let value = self.hidden.mask_text(value);
            format!("\"{}\"", escape_terminal(&value, CAPTURE_COLUMNS))
        };
        let line = format!("{:BEFORE$}{} = {value}\n", "", escape_terminal(name, CAPTURE_COLUMNS));
        self.write(&line);
    }

    /// Which of whose messages a frame holds, in words; and whether they came back changed.
    pub(super) fn deliveries(&mut self, bytes: &[u8], run: u32) -> String {
        let mut words = Vec::new();
        stamp::scan(bytes, |found| match found {
            Found::Intact(stamp) | Found::Corrupted(stamp) if stamp.run == run => {
                let sent = self.published.get(&(stamp.publisher, stamp.seq));
                let is_whole =
                    sent.is_none_or(|sent| !self.compares || stands_in(bytes, &[sent], self.xml));
                if matches!(found, Found::Intact(_)) && is_whole {
                    words.push(which(stamp.publisher, stamp.seq));
                    return;
                }
                words.push(format!("{}, changed", which(stamp.publisher, stamp.seq)));
                self.changes += 1;
                if let (None, Some(sent)) = (&self.changed, sent) {
                    self.changed = difference(sent.as_bytes(), bytes, &self.hidden);
                }
            }
            Found::Intact(_) | Found::Corrupted(_) => {
                words.push("delivery of another run".to_owned());
            }
            Found::Unreadable => words.push("delivery, damaged".to_owned()),
        });
        // A frame can hold thousands.
        words.truncate(4);
        words.join(", ")
    }
}

/// Whoever ends it by a signal is told as well what was only counted so far.
impl Drop for Page {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What a client is called.
pub(super) fn name(client: u32) -> &'static str {
    if client == 0 { "A" } else { "B" }
}

/// A message in words. Number 0 is that of probes.
fn which(client: u32, seq: u32) -> String {
    match seq {
        0 => format!("{}'s probe", name(client)),
        _ => format!("delivery of {}'s {}", name(client), ordinal(seq)),
    }
}

pub(super) fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// Around the first byte in which a payload differs from what was published.
fn difference(sent: &[u8], frame: &[u8], hidden: &Hidden) -> Option<String> {
    let mark = memmem::find(sent, MAGIC.as_bytes())?;
    let found = memmem::find(frame, sent.get(mark..mark + STAMP_LEN)?)?;
    // Where the text before the mark is as long as it was, it may be the same; else it is cut or
    // written otherwise, and most of what stands before the mark is shown.
    let before = &sent[..mark];
    let at = match found.checked_sub(mark) {
        Some(at) if frame[at..].starts_with(before) => at,
        _ => found.saturating_sub(mark + mark / 2),
    };
    let got = &frame[at..];
    let same = sent.iter().zip(got).take_while(|(one, other)| one == other).count();
    let around = |bytes: &[u8]| {
        let from = same.saturating_sub(AROUND_BYTES).min(bytes.len());
        let to = (same + AROUND_BYTES).min(bytes.len());
        let before = if from > 0 { "…" } else { "" };
        let after = if to < bytes.len() { "…" } else { "" };
        let shown = hidden.mask_text(&String::from_utf8_lossy(&bytes[from..to]));
        let shown = escape_terminal(&shown, 4 * AROUND_BYTES);
        format!("{before}{shown}{after}")
    };
    Some(format!(
        "from byte {} of {}\n  sent  {}\n  got   {}",
        count(same as u64 + 1),
        count(sent.len() as u64),
        around(sent),
        around(got)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_what_surrounds_it() {
        let sent = format!("upr1{}the quick brown fox jumps over the lazy dog1rpu", "s".repeat(44));
        let cut = format!("{{\"b\":\"{}\"}}", &sent[..60]);
        let told = difference(sent.as_bytes(), cut.as_bytes(), &Hidden::default()).unwrap();
        assert_eq!(
            told,
            "from byte 61 of 95\n  sent  …ssssssssssssthe quick brown fox jumps over the l…\n  \
             got   …ssssssssssssthe quick br\"}"
        );
        assert_eq!(difference(sent.as_bytes(), b"nothing of it", &Hidden::default()), None);
    }

    #[test]
    fn numbers_are_counted_in_words() {
        let words: Vec<_> = [1, 2, 3, 4, 11, 12, 21, 113].map(ordinal).into();
        assert_eq!(words, ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "113th"]);
    }
}
