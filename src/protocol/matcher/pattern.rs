//! A pattern with variables in it.

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::Fold;
use crate::protocol::scope::{Names, Scope};
use crate::protocol::template::{Missing, Template, TemplateError};

/// What a compiled pattern may take: `\w` alone takes 45 KB. One without variables is compiled once
/// for all clients, one with a client's values for that client alone.
const COMPILED_MAX_BYTES: usize = 4 * 1024 * 1024;
/// What a search may keep for the next one.
const CACHE_MAX_BYTES: usize = 256 * 1024;

/// A regular expression over bytes. Values are put into it as they are: the filter `regex` escapes
/// what means something in a pattern.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Template", into = "Template")]
pub struct Pattern {
    template: Template,
    /// Compiled as soon as nothing in it is variable.
    regex: Option<Regex>,
}

impl Pattern {
    /// Reads a pattern with slots. One with variables is tried with a `0` in their place.
    ///
    /// # Errors
    ///
    /// A mistake in the template, or why the pattern doesn't compile.
    pub fn parse(text: &str, names: &Names) -> Result<Self, TemplateError> {
        let template = Template::parse(text, names)?;
        let whole = |message: String| TemplateError {
            range: 0..text.len(),
            message,
            help: Some(
                "the syntax is that of https://docs.rs/regex: no look-around, no references back"
                    .to_owned(),
            ),
        };
        match Self::compile(template).map_err(whole)? {
            Self { template, regex: None } => {
                compile(&template.with_slots_as("0")).map_err(whole)?;
                Ok(Self { template, regex: None })
            }
            fixed => Ok(fixed),
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    fn compile(template: Template) -> Result<Self, String> {
        let regex = template.is_literal().map(compile).transpose()?;
        Ok(Self { template, regex })
    }

    pub(super) fn map(&self, fold: Fold<'_>) -> Result<Self, Missing> {
        if self.regex.is_some() {
            return Ok(self.clone());
        }
        let template = fold(&self.template)?;
        let variable = self.template.slots().next().map_or(String::new(), |s| s.name().to_owned());
        Self::compile(template).map_err(|why| Missing { variable, why })
    }

    /// Unknown where a value is missing, or where the pattern doesn't compile with it.
    pub(super) fn is_match(&self, bytes: &[u8], scope: &Scope<'_>) -> Option<bool> {
        match &self.regex {
            Some(regex) => Some(regex.is_match(bytes)),
            None => self.template.test(scope, compile)?.ok().map(|regex| regex.is_match(bytes)),
        }
    }
}

impl TryFrom<Template> for Pattern {
    type Error = String;

    fn try_from(template: Template) -> Result<Self, String> {
        Self::compile(template)
    }
}

impl From<Pattern> for Template {
    fn from(pattern: Pattern) -> Self {
        pattern.template
    }
}

/// Two patterns are one if their text is.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.template == other.template
    }
}

fn compile(pattern: &[u8]) -> Result<Regex, String> {
    let text = std::str::from_utf8(pattern)
        .map_err(|_| "the pattern is not UTF-8 with the values that are in it".to_owned())?;
    RegexBuilder::new(text)
        .size_limit(COMPILED_MAX_BYTES)
        .dfa_size_limit(CACHE_MAX_BYTES)
        .build()
        .map_err(|error| format!("the pattern does not compile: {}", short(&error)))
}

/// Without the drawing of the pattern, which the file's own excerpt shows better.
fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
