//! One example of each kind of frame, and of a corrupted delivery: "12 unmatched" sends nobody to
//! the server's log if what arrived stands beside it.
//!
//! Bounded: kinds are a closed list, names of ignored frames have a bound, and so has an example.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::counts::EXAMPLE_MAX;

/// What an example is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExampleOf {
    /// A frame that nothing explains.
    Unmatched,
    /// A delivery whose payload was changed.
    Corrupted,
    /// An error reply.
    Error,
    /// A frame that answered a step: connect, join, leave.
    Step,
    /// A frame that acknowledged a message.
    Ack,
    /// A frame that asked for a reply.
    Reply,
    /// A frame that the protocol says to ignore, by the name it has there.
    Ignored,
}

impl ExampleOf {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unmatched => "unmatched",
            Self::Corrupted => "corrupted",
            Self::Error => "error",
            Self::Step => "step",
            Self::Ack => "ack",
            Self::Reply => "reply",
            Self::Ignored => "ignored",
        }
    }
}

/// How often, when first, and what that looked like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What it is of.
    pub of: ExampleOf,
    /// Which of its kind: the name of ignored frames, empty for other kinds.
    pub name: String,
    /// How often.
    pub count: u64,
    /// First seen, since the run's start.
    pub first_us: u64,
    /// The first one, at most [`EXAMPLE_MAX`] characters of it. As the server sent it, but for
    /// bytes that are no UTF-8: whoever shows it escapes it.
    pub example: String,
}

/// Names of ignored frames told apart; further ones share a row.
const NAMES_MAX: usize = 64;
const OTHER_NAMES: &str = "(other names)";
/// The longest name kept, in characters.
const NAME_CHARS_MAX: usize = 64;

/// An example of everything that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    rows: Vec<Example>,
}

impl Examples {
    /// Counts one; its text is only asked for if it is the first of its kind and name.
    pub(super) fn record(
        &mut self,
        of: ExampleOf,
        name: &str,
        at_us: u64,
        example: impl FnOnce() -> String,
    ) {
        match self.row(of, name) {
            Ok(row) => row.count += 1,
            Err(name) => {
                let example = example();
                self.rows.push(Example { of, name, count: 1, first_us: at_us, example });
            }
        }
    }

    /// The row of that kind and name; or the name, within its bounds, of one that isn't there.
    fn row(&mut self, of: ExampleOf, name: &str) -> Result<&mut Example, String> {
        // A name may not be cut in the look-up of every frame: only long ones are.
        let cut = name.char_indices().nth(NAME_CHARS_MAX).map_or(name.len(), |(at, _)| at);
        let mut name = &name[..cut];
        let find = |name: &str| self.rows.iter().position(|row| row.of == of && row.name == name);
        let mut at = find(name);
        if at.is_none() && self.rows.iter().filter(|row| row.of == of).count() >= NAMES_MAX {
            name = OTHER_NAMES;
            at = find(name);
        }
        at.and_then(|at| self.rows.get_mut(at)).ok_or_else(|| name.to_owned())
    }

    /// Adds another's; of two examples the earlier is kept.
    pub(super) fn merge(&mut self, other: Self) {
        for new in other.rows {
            match self.row(new.of, &new.name) {
                Ok(row) => {
                    row.count += new.count;
                    if new.first_us < row.first_us {
                        (row.first_us, row.example) = (new.first_us, new.example);
                    }
                }
                Err(name) => self.rows.push(Example { name, ..new }),
            }
        }
    }

    /// All of them: what is most unusual first, and of ignored frames the most frequent.
    #[must_use]
    pub fn sorted(&self) -> Vec<Example> {
        let mut sorted = self.rows.clone();
        sorted.sort_by(|a, b| (a.of, b.count, &a.name).cmp(&(b.of, a.count, &b.name)));
        sorted
    }
}

/// The beginning of a frame as text, at most [`EXAMPLE_MAX`] characters.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::new();
    // Each byte gives at least a quarter of a character, so the rest can't be shown, nor can half a
    // character that this cut leaves.
    let seen = bytes.get(..4 * EXAMPLE_MAX).unwrap_or(bytes);
    for chunk in seen.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string can't fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    let end = text.char_indices().nth(EXAMPLE_MAX).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text
}

/// Bytes shown before the mark of a corrupted delivery: room for what the protocol puts there.
const BEFORE_MARK: usize = 60;

/// What arrived around the mark at `at`: at most [`EXAMPLE_MAX`] bytes of the frame.
pub(super) fn around(frame: &[u8], at: usize) -> String {
    let rest = frame.get(at.saturating_sub(BEFORE_MARK)..).unwrap_or_default();
    excerpt(rest.get(..EXAMPLE_MAX).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(examples: &Examples) -> Vec<(ExampleOf, String, u64, u64, String)> {
        let row = |row: Example| (row.of, row.name, row.count, row.first_us, row.example);
        examples.sorted().into_iter().map(row).collect()
    }

    #[test]
    fn the_earliest_example_is_kept_whoever_tells_first() {
        let mut early = Examples::default();
        early.record(ExampleOf::Unmatched, "", 5, || "first".to_owned());
        early.record(ExampleOf::Unmatched, "", 6, || unreachable!("one is enough"));
        let mut late = Examples::default();
        late.record(ExampleOf::Unmatched, "", 9, || "later".to_owned());
        late.record(ExampleOf::Ignored, "typing", 8, || "t".to_owned());
        let expected = [
            (ExampleOf::Unmatched, String::new(), 3, 5, "first".to_owned()),
            (ExampleOf::Ignored, "typing".to_owned(), 1, 8, "t".to_owned()),
        ];
        for (one, other) in [(&early, &late), (&late, &early)] {
            let mut merged = one.clone();
            merged.merge(other.clone());
            assert_eq!(rows(&merged), expected);
        }
    }

    #[test]
    fn kinds_are_named_as_they_are_told_between_processes() {
        for (of, name) in [
            (ExampleOf::Unmatched, "unmatched"),
            (ExampleOf::Corrupted, "corrupted"),
            (ExampleOf::Error, "error"),
            (ExampleOf::Step, "step"),
            (ExampleOf::Ack, "ack"),
            (ExampleOf::Reply, "reply"),
            (ExampleOf::Ignored, "ignored"),
        ] {
            assert_eq!(of.name(), name);
            assert_eq!(serde_json::to_value(of).unwrap(), name);
        }
    }

    #[test]
    fn of_two_examples_of_the_same_time_the_own_is_kept() {
        let of = |text: &str| {
            let mut examples = Examples::default();
            examples.record(ExampleOf::Ack, "", 5, || text.to_owned());
            examples
        };
        let mut merged = of("own");
        merged.merge(of("other"));
        assert_eq!(rows(&merged), [(ExampleOf::Ack, String::new(), 2, 5, "own".to_owned())]);
    }

    #[test]
    fn names_past_the_bound_share_a_row_and_none_is_forgotten() {
        let (mut whole, mut merged) = (Examples::default(), Examples::default());
        for n in 0..200_u64 {
            let mut part = Examples::default();
            for examples in [&mut whole, &mut part] {
                examples.record(ExampleOf::Ignored, &format!("name-{n}"), n, String::new);
                examples.record(ExampleOf::Ignored, "name-0", n, String::new);
                examples.record(ExampleOf::Unmatched, "", n, String::new);
            }
            merged.merge(part);
        }
        for examples in [&whole, &merged] {
            let rows = rows(examples);
            // One row more: the one that others share, past the bound.
            assert_eq!(rows.len(), 1 + NAMES_MAX + 1);
            assert_eq!(rows.iter().map(|row| row.2).sum::<u64>(), 600);
            let others = rows.iter().find(|row| row.1 == OTHER_NAMES).unwrap();
            assert_eq!(others.2, 200 - NAMES_MAX as u64);
            assert_eq!(rows[0].0, ExampleOf::Unmatched);
            assert_eq!((rows[1].1.as_str(), rows[1].2), ("name-0", 201), "the most frequent first");
        }
        assert_eq!(rows(&whole), rows(&merged));
    }

    #[test]
    fn what_is_no_text_is_shown_byte_by_byte() {
        assert_eq!(excerpt(b""), "");
        assert_eq!(excerpt(b"\x82\x00\x05hello"), "\\x82\u{0}\u{5}hello");
        assert_eq!(excerpt("日本 \u{1b}[31m".as_bytes()), "日本 \u{1b}[31m");
        // However long it is.
        assert_eq!(excerpt(&[0xff; 2_000]), "\\xff".repeat(EXAMPLE_MAX / 4));
        // The last of these characters is cut in half.
        let long = format!("a{}", "𝄞".repeat(EXAMPLE_MAX));
        assert_eq!(excerpt(long.as_bytes()), format!("a{}", "𝄞".repeat(EXAMPLE_MAX - 1)));
    }

    #[test]
    fn around_a_mark_is_what_stands_before_and_after_it() {
        let frame = format!("{}upr1{}", "a".repeat(500), "b".repeat(500));
        let shown = around(frame.as_bytes(), 500);
        assert_eq!(shown, format!("{}upr1{}", "a".repeat(60), "b".repeat(240 - 64)));
        assert_eq!(around(b"upr1", 0), "upr1");
        assert_eq!(around(b"short", 99), "");
    }

    proptest! {
        #[test]
        fn any_frame_gives_an_excerpt_within_its_bound(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), at in 0_usize..2_500) {
            for text in [excerpt(&bytes), around(&bytes, at)] {
                prop_assert!(text.chars().count() <= EXAMPLE_MAX);
            }
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(excerpt(&bytes), text.chars().take(EXAMPLE_MAX).collect::<String>());
            }
        }

        #[test]
        fn text_is_cut_between_characters(text in "\\PC{0,400}") {
            prop_assert_eq!(excerpt(text.as_bytes()), text.chars().take(EXAMPLE_MAX).collect::<String>());
        }
    }
}
