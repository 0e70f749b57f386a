//! What is wrong with a scenario: every mistake with the text it stands in, the place, and what
//! to do about it.
//!
//! Collects and orders; it knows neither keys nor rules, and printing is for `cli`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::blot::blotted;

/// Past this many a list helps nobody.
const MOST_SHOWN: usize = 100;

/// Bytes of one of the texts of [`Texts`], counted through all of them.
pub(super) type Span = Range<usize>;

/// Everything that is wrong with a scenario, in the order of its text, with warnings between. Never
/// empty.
#[derive(Clone, Debug)]
pub struct ScenarioErrors(pub Vec<Mistake>);

impl ScenarioErrors {
    /// One mistake that stands in no text, such as a missing file.
    pub(super) fn without_text(message: String, help: String) -> Self {
        Self(vec![Mistake::new(message, help)])
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { "\n" };
            write!(f, "{before}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioErrors {}

/// What is wrong, where, and what to do about it. As text it is `file:line:column: error: message`, and
/// what to do on the lines below; the text that it points at is for who prints it to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Whether it refuses anything.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do; it may have several lines.
    pub help: Option<String>,
    /// A few words for under the place; may be empty.
    pub label: String,
    /// Where it stands, if in a text.
    pub place: Option<Place>,
}

impl Mistake {
    /// One that stands in no text. Empty help is none.
    #[must_use]
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            help: Some(help.into()).filter(|help| !help.is_empty()),
            label: String::new(),
            place: None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            let (line, column) = place.line_and_column();
            write!(f, "{}:{line}:{column}: ", place.name)?;
        }
        write!(f, "{}: {}", self.severity.word(), self.message)?;
        for (at, line) in self.help.iter().flat_map(|help| help.lines()).enumerate() {
            write!(f, "\n  {} {line}", if at == 0 { "help:" } else { "     " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {}

/// Whether a mistake refuses anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It may be meant so, but is more often a slip.
    Warning,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the text is called: mostly a file's path.
    pub name: Arc<str>,
    /// The whole text, without what is plainly secret.
    pub text: Arc<str>,
    /// The bytes of it that are meant; none if something is missing there.
    pub span: Range<usize>,
}

impl Place {
    /// Where it begins, both counted from 1; a column is a character.
    #[must_use]
    pub fn line_and_column(&self) -> (usize, usize) {
        let mut start = self.span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let (mut before, rest) = self.text.split_at(start);
        // Between the two characters of a line's end is at that end.
        if rest.is_empty() || rest.starts_with('\n') {
            before = before.strip_suffix('\r').unwrap_or(before);
        }
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The file and the command line's overrides, laid end to end, so that one number says
/// both which text a value came from and where in it.
#[derive(Debug)]
pub(super) struct Texts {
    texts: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    start: usize,
    name: Arc<str>,
    text: Arc<str>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { texts: Vec::new() }
    }

    /// Adds a text; its first byte has the offset that is returned.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        // One byte between two texts: the end of one is not the start of the next.
        let start = self.texts.last().map_or(0, |last| last.start + last.text.len() + 1);
        self.texts.push(Text { start, name: name.into(), text: blotted(text).into() });
        start
    }

    /// The text that holds `span`, and where in it.
    fn locate(&self, span: &Span) -> Option<Place> {
        let Text { start, name, text } =
            self.texts.iter().rev().find(|text| text.start <= span.start)?;
        let from = (span.start - start).min(text.len());
        let to = span.end.saturating_sub(*start).clamp(from, text.len());
        Some(Place { name: Arc::clone(name), text: Arc::clone(text), span: from..to })
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    found: Vec<Found>,
    /// What may be meant so, but is more often a slip.
    warnings: Vec<Found>,
    /// Set when the text was not read to its end, so that what is missing may only be unread.
    partial: bool,
    unread: Option<Found>,
    /// Whether what the protocol can't do yet refuses nothing.
    lenient: bool,
}

/// A mistake before it is bound to its text.
#[derive(Debug)]
pub(super) struct Found {
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
}

impl Found {
    fn new(span: &Span, message: String) -> Self {
        Self { span: span.clone(), message, label: String::new(), help: None }
    }

    /// A few words under the marked text.
    pub(super) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// What to do.
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

impl Mistakes {
    /// For a text that was not read to its end.
    pub(super) fn partial() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// For a file that is only looked at, whose protocol may be unfinished.
    pub(super) fn lenient(lenient: bool) -> Self {
        Self { lenient, ..Self::default() }
    }

    /// Records what the scenario asks of a protocol that can't do it: only a warning where the two are
    /// looked at while they are written.
    pub(super) fn unable(&mut self, span: &Span, message: impl Into<String>) -> &mut Found {
        if self.lenient { self.warn(span, message) } else { self.add(span, message) }
    }

    /// Records a mistake; its label and help can be set on what is returned.
    pub(super) fn add(&mut self, span: &Span, message: impl Into<String>) -> &mut Found {
        let last = self.found.len();
        self.found.push(Found::new(span, message.into()));
        &mut self.found[last]
    }

    /// Records what may be meant so; it refuses nothing.
    pub(super) fn warn(&mut self, span: &Span, message: impl Into<String>) -> &mut Found {
        let last = self.warnings.len();
        self.warnings.push(Found::new(span, message.into()));
        &mut self.warnings[last]
    }

    /// Records what has no effect: only a warning where the command line made it so, because the
    /// file was written for another protocol.
    pub(super) fn idle(&mut self, span: &Span, replaced: bool, message: String) -> &mut Found {
        if replaced { self.warn(span, message) } else { self.unable(span, message) }
    }

    /// Records that something is missing, unless it may only be unread.
    pub(super) fn missing(&mut self, span: &Span, message: impl Into<String>) -> &mut Found {
        if self.partial {
            self.unread.insert(Found::new(span, message.into()))
        } else {
            self.add(span, message)
        }
    }

    /// Sets the help of the mistake recorded last.
    pub(super) fn help(&mut self, help: impl Into<String>) {
        if let Some(last) = self.found.last_mut() {
            last.help(help);
        }
    }

    /// Whether nothing is wrong; there may be warnings.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many mistakes there are; a reader that made none worse can say so.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Keeps the mistakes whose span `keep` accepts.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Span) -> bool) {
        self.found.retain(|found| keep(&found.span));
    }

    pub(super) fn append(&mut self, other: Self) {
        self.found.extend(other.found);
        self.warnings.extend(other.warnings);
    }

    /// Where the first mistake stands.
    pub(super) fn first(&self) -> Option<usize> {
        self.found.iter().map(|found| found.span.start).min()
    }

    /// Every mistake and warning, in the order of the text.
    pub(super) fn into_errors(mut self, texts: &Texts) -> ScenarioErrors {
        let mistakes = std::mem::take(&mut self.found);
        let mistakes = mistakes.into_iter().map(|found| (found, Severity::Error));
        let warnings = self.warnings.into_iter().map(|found| (found, Severity::Warning));
        ScenarioErrors(located(mistakes.chain(warnings).collect(), texts))
    }

    /// Every warning, in the order of the text.
    pub(super) fn into_warnings(self, texts: &Texts) -> Vec<Mistake> {
        let warnings = self.warnings.into_iter().map(|found| (found, Severity::Warning));
        located(warnings.collect(), texts)
    }
}

fn located(mut found: Vec<(Found, Severity)>, texts: &Texts) -> Vec<Mistake> {
    found.sort_by_key(|(found, _)| (found.span.start, found.span.end));
    found.dedup_by(|(a, _), (b, _)| a.span == b.span && a.message == b.message);
    let hidden = found.len().saturating_sub(MOST_SHOWN);
    found.truncate(MOST_SHOWN);
    let mut mistakes: Vec<_> = found
        .into_iter()
        .map(|(found, severity)| Mistake {
            place: texts.locate(&found.span),
            message: found.message,
            label: found.label,
            help: found.help,
            severity,
        })
        .collect();
    if hidden > 0 {
        let message = format!("{hidden} more mistakes are not shown");
        mistakes.push(Mistake::new(message, "correct those above first"));
    }
    mistakes
}
