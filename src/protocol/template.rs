//! Text and bytes with `{{ variable | filter }}` in them: parsed once, filled in as values become
//! known, and spliced when a message is written.
//!
//! No logic and no escaping of its own: what a filter doesn't say isn't done.

mod error;
mod filter;
mod fuzz;
mod parse;
mod slot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use error::{Missing, TemplateError};
pub use filter::{Filter, Key};
#[doc(hidden)]
pub use fuzz::fuzz;
pub use slot::Slot;

use super::scope::{Names, Scope, Variable};

/// Literal bytes with slots between them. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// No two literals stand side by side, and none is empty.
    parts: Arc<[Part]>,
    /// Whether literals are shown as hex digits.
    is_hex: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    Literal(Box<[u8]>),
    Slot(Box<Slot>),
}

impl Template {
    /// Reads text with slots. Filters that give bytes which are no text are refused.
    ///
    /// `{{ 'text' }}` stands for that text, so that `{{ '{{' }}` writes two braces.
    ///
    /// # Errors
    ///
    /// The first mistake in it.
    pub fn parse(text: &str, names: &Names) -> Result<Self, TemplateError> {
        parse::text(text, names, parse::Filters::OfText)
    }

    /// As [`Template::parse`], for a binary frame: any filter will do.
    ///
    /// # Errors
    ///
    /// The first mistake in it.
    pub fn parse_binary(text: &str, names: &Names) -> Result<Self, TemplateError> {
        parse::text(text, names, parse::Filters::All)
    }

    /// Reads hex digits in pairs, with white space wherever one likes, and slots whose values are
    /// written as they are: `01 00 {{ payload | len_u16 }} {{ payload }}`.
    ///
    /// # Errors
    ///
    /// The first mistake in it.
    pub fn parse_hex(text: &str, names: &Names) -> Result<Self, TemplateError> {
        parse::hex(text, names)
    }

    /// These bytes and nothing else.
    #[must_use]
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        let mut builder = Builder::default();
        builder.push_literal(&bytes.into());
        builder.finish(false)
    }

    /// The bytes, where there is no slot.
    #[must_use]
    pub fn is_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Everything it names, keys of filters included, in order and as often as it stands there.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.slots().flat_map(|slot| {
            std::iter::once(slot.variable())
                .chain(slot.filters().iter().filter_map(Filter::variable))
        })
    }

    /// What is to be filled in, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(&**slot),
            Part::Literal(_) => None,
        })
    }

    /// The literal bytes between the slots.
    pub(super) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(bytes) => Some(&**bytes),
            Part::Slot(_) => None,
        })
    }

    /// Fills in everything but `payload`, `id`, `seq`, `now_ms`, `uuid` and the captures in
    /// `changing`. What needs a room stays too where the scope has none.
    ///
    /// # Errors
    ///
    /// A value that is to be filled in and isn't there.
    pub fn fold(&self, scope: &Scope<'_>, changing: &[usize]) -> Result<Self, Missing> {
        self.fold_but(scope, |variable| stays(variable, scope, changing))
    }

    /// Fills in everything the scope has, the values of the message included. What it doesn't have
    /// stays.
    ///
    /// # Errors
    ///
    /// A filter that can't be applied to a value.
    pub fn resolve(&self, scope: &Scope<'_>) -> Result<Self, Missing> {
        self.fold_but(scope, |variable| scope.value(variable).is_none())
    }

    fn fold_but(
        &self,
        scope: &Scope<'_>,
        stays: impl Fn(&Variable) -> bool,
    ) -> Result<Self, Missing> {
        if self.slots().next().is_none() {
            return Ok(self.clone());
        }
        let mut builder = Builder::default();
        let mut value = Vec::new();
        for part in &*self.parts {
            match part {
                Part::Literal(bytes) => builder.push_literal(bytes),
                Part::Slot(slot) => match slot.fold(scope, &stays)? {
                    Some(slot) => builder.push_slot(slot),
                    None => {
                        value.clear();
                        slot.render(scope, &mut value)?;
                        builder.push_literal(&value);
                    }
                },
            }
        }
        Ok(builder.finish(self.is_hex))
    }

    /// Appends it with all values to `out`, which may hold a part of it after an error.
    ///
    /// # Errors
    ///
    /// A value that isn't there, or that a filter can't be applied to.
    pub fn render(&self, scope: &Scope<'_>, out: &mut Vec<u8>) -> Result<(), Missing> {
        for part in &*self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Slot(slot) => slot.render(scope, out)?,
            }
        }
        Ok(())
    }

    /// How many bytes it writes if no filter changes a value's length. A buffer that is full in the
    /// end becomes a message without another allocation.
    pub(super) fn length_hint(&self, scope: &Scope<'_>) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(bytes) => bytes.len(),
                Part::Slot(slot) => scope.length(slot.variable()),
            })
            .sum()
    }

    /// About how many bytes it writes for a payload and a room's name of so many bytes: other values
    /// count as 16, and what escapes as nothing.
    #[must_use]
    pub fn length_with(&self, payload: usize, room: usize) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(bytes) => bytes.len(),
                Part::Slot(slot) => {
                    let value = match slot.variable() {
                        Variable::Payload => payload,
                        Variable::Room => room,
                        _ => 16,
                    };
                    slot.filters().iter().fold(value, |bytes, filter| filter.length(bytes))
                }
            })
            .sum()
    }

    /// Applies `test` to what it is with the scope's values; none where one is missing.
    pub(super) fn test<T>(&self, scope: &Scope<'_>, test: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if let Some(bytes) = self.is_literal() {
            return Some(test(bytes));
        }
        let mut out = Vec::with_capacity(self.length_hint(scope));
        self.render(scope, &mut out).ok()?;
        Some(test(&out))
    }

    /// The bytes with the same text in each slot.
    pub(super) fn with_slots_as(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &*self.parts {
            out.extend_from_slice(match part {
                Part::Literal(bytes) => bytes,
                Part::Slot(_) => text.as_bytes(),
            });
        }
        out
    }
}

fn stays(variable: &Variable, scope: &Scope<'_>, changing: &[usize]) -> bool {
    match variable {
        Variable::Room | Variable::N => scope.room.is_none(),
        Variable::Capture(at) => changing.contains(at),
        _ => variable.is_of_a_message(),
    }
}

/// As it was written, but for what has been filled in; bytes of a hex template as hex digits.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if self.is_hex && index > 0 {
                f.write_str(" ")?;
            }
            match part {
                Part::Literal(bytes) if self.is_hex => {
                    for (index, byte) in bytes.iter().enumerate() {
                        write!(f, "{}{byte:02x}", if index > 0 { " " } else { "" })?;
                    }
                }
                Part::Literal(bytes) => f.write_str(&String::from_utf8_lossy(bytes))?,
                Part::Slot(slot) => write!(f, "{{{{ {slot} }}}}")?,
            }
        }
        Ok(())
    }
}

/// Puts a template together, joining literals.
#[derive(Default)]
struct Builder {
    parts: Vec<Part>,
    pending: Vec<u8>,
}

impl Builder {
    fn push_literal(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    fn push_slot(&mut self, slot: Slot) {
        self.flush();
        self.parts.push(Part::Slot(Box::new(slot)));
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let bytes = std::mem::take(&mut self.pending);
            self.parts.push(Part::Literal(bytes.into_boxed_slice()));
        }
    }

    fn finish(mut self, is_hex: bool) -> Template {
        self.flush();
        Template { parts: self.parts.into(), is_hex }
    }
}
