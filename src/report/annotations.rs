//! Annotations of GitHub Actions: what failed, as workflow commands on stdout.
//!
//! Each is one line, encoded as GitHub's own toolkit does, so that no text can begin a command.

use super::escape::escape_line;
use super::sentence::{noted, told};
use super::{Report, Severity, VerdictState};

/// GitHub shows ten of each level a step and drops the others.
const SHOWN: usize = 10;
/// Characters of a title and of a message, at most.
const TITLE: usize = 200;
const MESSAGE: usize = 1_000;

/// How GitHub shows an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It failed.
    Error,
    /// It speaks against what was found.
    Warning,
}

/// What GitHub shows beside a job. Texts may hold anything.
#[derive(Clone, Debug)]
pub(crate) struct Annotation {
    /// How.
    pub(crate) level: Level,
    /// A few words.
    pub(crate) title: String,
    /// A sentence.
    pub(crate) message: String,
}

/// An error for each failed threshold, or one for a run that could not be judged; a warning for
/// whatever else speaks against the figures. Nothing for a run that passed and is valid.
#[must_use]
pub fn to_annotations(report: &Report) -> String {
    commands(&annotations(report))
}

/// Annotations as workflow commands, errors first, and of each level as many as are shown.
pub(crate) fn commands(all: &[Annotation]) -> String {
    let mut text = String::new();
    for level in [Level::Error, Level::Warning] {
        let of: Vec<_> = all.iter().filter(|annotation| annotation.level == level).collect();
        // The last place says how many have none.
        let shown = if of.len() > SHOWN { SHOWN - 1 } else { of.len() };
        for annotation in &of[..shown] {
            text.push_str(&command(level, &annotation.title, &annotation.message));
        }
        if of.len() > shown {
            let more = format!("{} more are in the report", of.len() - shown);
            text.push_str(&command(level, "uproar", &more));
        }
    }
    text
}

fn annotations(report: &Report) -> Vec<Annotation> {
    let state = report.verdict.state;
    let name = &report.scenario.name;
    let annotation = |level, title: &str, message: String| Annotation {
        level,
        title: format!("{name}: {title}"),
        message,
    };
    let mut all = Vec::new();
    let undecided = matches!(
        state,
        VerdictState::Invalid | VerdictState::Unreachable | VerdictState::Interrupted
    );
    if undecided {
        all.push(annotation(Level::Error, state.word(), report.verdict.sentence.clone()));
    }
    for threshold in report.thresholds.iter().filter(|threshold| !threshold.passed) {
        let message = noted(threshold);
        all.push(if undecided {
            annotation(Level::Warning, "a threshold that was not judged", message)
        } else {
            annotation(Level::Error, "a threshold failed", message)
        });
    }
    let mut reasons: Vec<_> = report.validity.reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    reasons.retain(|reason| reason.severity > Severity::Note);
    // The verdict's sentence is the gravest one already.
    let told_already = usize::from(state == VerdictState::Invalid);
    for reason in reasons.into_iter().skip(told_already) {
        all.push(annotation(Level::Warning, reason.severity.name(), told(reason)));
    }
    all
}

fn command(level: Level, title: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let title = encode_property(&escape_line(title, TITLE));
    let message = encode_data(&escape_line(message, MESSAGE));
    format!("::{level} title={title}::{message}\n")
}

/// As `escapeData` of GitHub's toolkit.
fn encode_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As `escapeProperty` of GitHub's toolkit.
fn encode_property(text: &str) -> String {
    encode_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_as_the_toolkit_does() {
        assert_eq!(encode_data("100 %\r\n::error::x,y"), "100 %25%0D%0A::error::x,y");
        assert_eq!(encode_property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
