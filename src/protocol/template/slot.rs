//! One place in a template that is to be filled in.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::super::scope::{Scope, Value, Variable};
use super::error::Missing;
use super::filter::{Filter, Key, chain};

/// A variable, what is done to it, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub(super) variable: Variable,
    /// The variable as it was written.
    pub(super) name: String,
    pub(super) filters: Vec<Filter>,
    /// All that stood between the braces.
    pub(super) text: String,
    pub(super) range: Range<usize>,
    pub(super) is_in_quotes: bool,
}

impl Slot {
    /// What is filled in.
    #[must_use]
    pub fn variable(&self) -> &Variable {
        &self.variable
    }

    /// The variable as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is done to the value, in order.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Where it stands, braces included: bytes of the template's text.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Whether it stands inside double quotes and a quote in its value would end them: a mistake
    /// wherever the text is JSON.
    #[must_use]
    pub fn unescaped_in_quotes(&self) -> bool {
        self.is_in_quotes
            && !self.variable.is_plain()
            && !self.filters.iter().any(Filter::leaves_no_quotes)
    }

    pub(super) fn render(&self, scope: &Scope<'_>, out: &mut Vec<u8>) -> Result<(), Missing> {
        let (value, filters) = match scope.value(&self.variable) {
            Some(value) => (value, &*self.filters),
            None => self.default().ok_or_else(|| self.missing(scope))?,
        };
        value
            .with(|bytes| chain(bytes, filters, scope, out))
            .map_err(|why| Missing { variable: self.name.clone(), why })
    }

    /// The first default, and the filters behind it: those before it had nothing to work on.
    fn default(&self) -> Option<(Value<'_>, &[Filter])> {
        self.filters.iter().enumerate().find_map(|(at, filter)| match filter {
            Filter::Default(text) => {
                Some((Value::Borrowed(text.as_bytes()), &self.filters[at + 1..]))
            }
            _ => None,
        })
    }

    fn missing(&self, scope: &Scope<'_>) -> Missing {
        let why = scope.why_missing(&self.variable, &self.name);
        Missing { variable: self.name.clone(), why }
    }

    /// The slot with its keys filled in, where it stays; none where all of it can be written now.
    pub(super) fn fold(
        &self,
        scope: &Scope<'_>,
        stays: &impl Fn(&Variable) -> bool,
    ) -> Result<Option<Self>, Missing> {
        let mut keys = self.filters.iter().filter_map(Filter::variable);
        if !stays(&self.variable) && !keys.any(stays) {
            return Ok(None);
        }
        let mut slot = self.clone();
        for filter in &mut slot.filters {
            if let Filter::HmacSha256(key) = filter
                && let Key::Variable(variable, _) = key
                && !stays(variable)
            {
                *key = Key::Bytes(key.value(scope)?.with(<[u8]>::to_vec));
            }
        }
        Ok(Some(slot))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
