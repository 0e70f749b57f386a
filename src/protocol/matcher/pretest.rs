//! Rules a frame out by what must stand in its bytes, without parsing it.
//!
//! Each test is necessary for its condition, never sufficient. In JSON any character may be written
//! as an escape, so a frame with a backslash in it passes whatever is looked for there.

use memchr::memchr;
use memchr::memmem::Finder;

use super::{Condition, Wanted};
use crate::protocol::pointer::Pointer;
use crate::protocol::template::Template;

#[derive(Debug)]
pub(super) enum Pretest {
    /// Nothing is known.
    Pass,
    Is(Box<[u8]>),
    Starts(Box<[u8]>),
    Ends(Box<[u8]>),
    Has(Box<Finder<'static>>),
    /// As [`Pretest::Has`], unless there is a backslash.
    HasOrEscapes(Box<Finder<'static>>),
    /// What is looked for can only be written with an escape.
    Escapes,
    All(Vec<Pretest>),
    Any(Vec<Pretest>),
}

impl Pretest {
    pub(super) fn of(any: &[Condition]) -> Self {
        Self::any(any.iter().map(Self::of_condition))
    }

    fn of_condition(condition: &Condition) -> Self {
        let literal = |template: &Option<Template>, test: fn(Box<[u8]>) -> Self| match template {
            Some(template) => match template.is_literal() {
                Some(bytes) => test(bytes.into()),
                None => longest_literal(template).map_or(Self::Pass, Self::has),
            },
            None => Self::Pass,
        };
        let json = condition.json.iter().map(|(pointer, wanted)| Self::of_json(pointer, wanted));
        Self::all(
            [
                literal(&condition.equals, Self::Is),
                literal(&condition.hex, Self::Is),
                literal(&condition.starts_with, Self::Starts),
                literal(&condition.ends_with, Self::Ends),
                literal(&condition.contains, |bytes| Self::has(&bytes)),
            ]
            .into_iter()
            .chain(json),
        )
    }

    /// The value first: keys such as `type` stand in frames of every kind.
    fn of_json(pointer: &Pointer, wanted: &Wanted) -> Self {
        let key = pointer.last_key().map_or(Self::Pass, |key| Self::of_string(key.as_bytes()));
        Self::all([Self::of_wanted(wanted), key].into_iter())
    }

    fn of_wanted(wanted: &Wanted) -> Self {
        match wanted {
            Wanted::Text(template) => match template.is_literal() {
                Some(text) => Self::of_literal_text(text),
                None => match longest_literal(template) {
                    // Each of its characters is written raw, or with a backslash somewhere. A
                    // number is compared as it was written.
                    Some(piece) => Self::has_or_escapes(piece),
                    None => Self::Pass,
                },
            },
            Wanted::Any(any) => Self::any(any.iter().map(Self::of_wanted)),
            Wanted::Inside(inside) => {
                Self::all(inside.iter().map(|(pointer, wanted)| Self::of_json(pointer, wanted)))
            }
            Wanted::Bool(true) => Self::has_or_escapes(b"true"),
            Wanted::Bool(false) => Self::has_or_escapes(b"false"),
            // 100 may be written 1e2.
            Wanted::Whole(_) | Wanted::Number(_) => Self::Pass,
        }
    }

    fn of_literal_text(text: &[u8]) -> Self {
        if matches!(text, b"true" | b"false") || (!text.is_empty() && may_be_number(text)) {
            Self::has_or_escapes(text)
        } else {
            Self::of_string(text)
        }
    }

    /// A JSON string of that content.
    fn of_string(text: &[u8]) -> Self {
        if text.iter().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
            return Self::Escapes;
        }
        Self::has_or_escapes(&[b"\"", text, b"\""].concat())
    }

    fn has(bytes: &[u8]) -> Self {
        Self::Has(Box::new(Finder::new(bytes).into_owned()))
    }

    fn has_or_escapes(bytes: &[u8]) -> Self {
        Self::HasOrEscapes(Box::new(Finder::new(bytes).into_owned()))
    }

    fn all(tests: impl Iterator<Item = Self>) -> Self {
        let mut tests: Vec<Self> = tests.filter(|test| !matches!(test, Self::Pass)).collect();
        match tests.len() {
            0 => Self::Pass,
            1 => tests.remove(0),
            _ => Self::All(tests),
        }
    }

    fn any(tests: impl Iterator<Item = Self>) -> Self {
        let mut tests: Vec<Self> = tests.collect();
        if tests.iter().any(|test| matches!(test, Self::Pass)) {
            return Self::Pass;
        }
        if tests.len() == 1 { tests.remove(0) } else { Self::Any(tests) }
    }

    pub(super) fn may_match(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Pass => true,
            Self::Is(wanted) => **wanted == *bytes,
            Self::Starts(wanted) => bytes.starts_with(wanted),
            Self::Ends(wanted) => bytes.ends_with(wanted),
            Self::Has(finder) => finder.find(bytes).is_some(),
            Self::HasOrEscapes(finder) => {
                finder.find(bytes).is_some() || memchr(b'\\', bytes).is_some()
            }
            Self::Escapes => memchr(b'\\', bytes).is_some(),
            Self::All(tests) => tests.iter().all(|test| test.may_match(bytes)),
            Self::Any(tests) => tests.iter().any(|test| test.may_match(bytes)),
        }
    }
}

fn longest_literal(template: &Template) -> Option<&[u8]> {
    template.literals().max_by_key(|literal| literal.len())
}

/// Whether it could be a number's JSON text, which has no quotes around it.
fn may_be_number(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}
