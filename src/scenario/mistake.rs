//! What is wrong with a scenario: every mistake with the text it stands in, the place, and what
//! to do about it.
//!
//! Collects and orders; it knows neither keys nor rules, and printing is for `cli`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use super::blot::blotted;

/// Past this many a list helps nobody.
const MOST_SHOWN: usize = 100;

/// Bytes of one of the texts of [`Texts`], counted through all of them.
pub(super) type Span = Range<usize>;

/// Everything that is wrong with a scenario, in the order of its text. Never empty.
#[derive(Debug)]
pub struct ScenarioErrors(pub Vec<miette::Report>);

impl ScenarioErrors {
    /// One mistake that stands in no text, such as a missing file.
    pub(super) fn without_text(message: String, help: String) -> Self {
        Self(vec![miette::Report::new(Mistake {
            message,
            help: Some(help),
            label: String::new(),
            place: None,
            severity: Severity::Error,
        })])
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
    source: Arc<NamedSource<String>>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { texts: Vec::new() }
    }

    /// Adds a text; its first byte has the offset that is returned.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        // One byte between two texts: the end of one is not the start of the next.
        let start = self.texts.last().map_or(0, |last| last.start + last.source.inner().len() + 1);
        let source = Arc::new(NamedSource::new(name, blotted(text)));
        self.texts.push(Text { start, source });
        start
    }

    /// The text that holds `span`, and where in it.
    fn locate(&self, span: &Span) -> Option<Place> {
        let text = self.texts.iter().rev().find(|text| text.start <= span.start)?;
        let length = text.source.inner().len();
        let start = (span.start - text.start).min(length);
        let end = span.end.saturating_sub(text.start).clamp(start, length);
        Some(Place { source: Arc::clone(&text.source), span: start..end })
    }
}

#[derive(Debug)]
struct Place {
    source: Arc<NamedSource<String>>,
    span: Span,
}

/// A mistake, and where it stands.
#[derive(Debug)]
struct Mistake {
    message: String,
    help: Option<String>,
    label: String,
    place: Option<Place>,
    severity: Severity,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.place.as_ref()?.span.clone();
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, span.start, span.len()))))
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
        ScenarioErrors(reports(mistakes.chain(warnings).collect(), texts))
    }

    /// Every warning, in the order of the text.
    pub(super) fn into_warnings(self, texts: &Texts) -> Vec<miette::Report> {
        let warnings = self.warnings.into_iter().map(|found| (found, Severity::Warning));
        reports(warnings.collect(), texts)
    }
}

fn reports(mut found: Vec<(Found, Severity)>, texts: &Texts) -> Vec<miette::Report> {
    found.sort_by_key(|(found, _)| (found.span.start, found.span.end));
    found.dedup_by(|(a, _), (b, _)| a.span == b.span && a.message == b.message);
    let hidden = found.len().saturating_sub(MOST_SHOWN);
    found.truncate(MOST_SHOWN);
    let mut reports: Vec<_> = found
        .into_iter()
        .map(|(found, severity)| {
            miette::Report::new(Mistake {
                place: texts.locate(&found.span),
                message: found.message,
                label: found.label,
                help: found.help,
                severity,
            })
        })
        .collect();
    if hidden > 0 {
        let mut rest = ScenarioErrors::without_text(
            format!("{hidden} more mistakes are not shown"),
            "correct those above first".to_owned(),
        );
        reports.append(&mut rest.0);
    }
    reports
}
