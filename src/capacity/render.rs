//! A search as text for a terminal, as Markdown, as JSON and back, as JUnit, as annotations of GitHub's.

use super::model::{CAPACITY_VERSION, Capacity, State};
use super::page::{cells, to_html};
use super::words::lines;
use crate::report::annotations::{Annotation, Level, commands};
use crate::report::error::RenderError;
use crate::report::escape::{escape_markdown, escape_terminal};
use crate::report::junit::{Found, How, Suite, line};
use crate::report::summary::wrap;

/// The longest sentence: it may quote a server.
const SENTENCE: usize = 600;
/// Loads that a search can be of, with what lies around them.
const LEAST: f64 = 1e-3;
const MOST: f64 = 1e9;
/// Where a terminal's lines begin.
const INDENT: usize = 9;

/// The search as JSON, indented, with a newline at the end.
///
/// # Errors
///
/// When the serialiser fails, which no type in it gives it a reason to.
pub fn to_json(capacity: &Capacity) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(capacity)?;
    text.push('\n');
    Ok(text)
}

/// Reads a search.
///
/// # Errors
///
/// Where the text is none of this build's schema version.
pub fn from_json(text: &str) -> Result<Capacity, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        capacity_version: u32,
    }
    let Version { capacity_version } =
        serde_json::from_str(text).map_err(|error| format!("it is no capacity.json: {error}"))?;
    if capacity_version != CAPACITY_VERSION {
        return Err(format!(
            "it has version {capacity_version}, and this build reads version {CAPACITY_VERSION}"
        ));
    }
    let capacity: Capacity =
        serde_json::from_str(text).map_err(|error| format!("it is damaged: {error}"))?;
    check(&capacity).map_err(|what| format!("it is damaged: {what} is no load"))?;
    Ok(capacity)
}

/// The search counts with logarithms of loads: each is a number over 0.
fn check(capacity: &Capacity) -> Result<(), &'static str> {
    let is_load = |load: f64| load.is_finite() && (LEAST..=MOST).contains(&load);
    let Capacity { goal, answer, trials, .. } = capacity;
    let answer =
        answer.iter().flat_map(|of| of.quantiles.iter().copied().chain([of.load, of.low, of.high]));
    match () {
        () if !is_load(goal.from) || !is_load(goal.to) => Err("goal.from or goal.to"),
        () if !trials.iter().all(|trial| is_load(trial.load)) => Err("a trial's"),
        () if !answer.into_iter().all(is_load) => Err("one in the answer"),
        () => Ok(()),
    }
}

/// Reads arbitrary bytes as a `capacity.json` and renders it. It must not panic.
///
/// # Panics
///
/// When a search that was read can't be rendered, or is not the same once written and read again.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let Ok(capacity) = from_json(&String::from_utf8_lossy(bytes)) else { return };
    let json = to_json(&capacity).unwrap_or_else(|error| panic!("it has no JSON: {error}"));
    assert_eq!(from_json(&json), Ok(capacity.clone()));
    assert!(to_junit(&capacity).is_ok());
    let _ = (to_html(&capacity), to_markdown(&capacity), to_annotations(&capacity));
    assert!(!to_text(&capacity, "", 80).contains('\u{1b}'));
}

/// What a terminal of so many columns shows. `place` is where the page lies.
#[must_use]
pub fn to_text(capacity: &Capacity, place: &str, columns: usize) -> String {
    let word = capacity.verdict.state.word();
    let mut text = wrapped(word, &escape_terminal(&capacity.verdict.sentence, SENTENCE), columns);
    for told in lines(capacity) {
        text.push_str(&wrapped("", &escape_terminal(&told, SENTENCE), columns));
    }
    if !place.is_empty() {
        text.push_str(&format!("{:INDENT$}{place}\n", ""));
    }
    text
}

/// Lines of so many columns behind a head; the others are indented as far.
fn wrapped(head: &str, text: &str, columns: usize) -> String {
    let indent = INDENT.max(head.len() + 2);
    let mut lines = wrap(text, columns.saturating_sub(indent), usize::MAX).into_iter();
    let first = lines.next().unwrap_or_default();
    let others = lines.map(|line| format!("{:indent$}{line}\n", ""));
    format!("{head:indent$}{first}\n") + &others.collect::<String>()
}

/// The search as Markdown, for a pull request.
#[must_use]
pub fn to_markdown(capacity: &Capacity) -> String {
    let word = capacity.verdict.state.word();
    let mut text =
        format!("**{word}** {}\n\n", escape_markdown(&capacity.verdict.sentence, SENTENCE));
    for told in lines(capacity) {
        text.push_str(&format!("- {}\n", escape_markdown(&told, SENTENCE)));
    }
    text.push_str("\n<details><summary>Trials</summary>\n\n");
    text.push_str(
        "| trial | load | came to | p50 | p99 | lost | delivered | server's cores | why |\n\
         | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for trial in &capacity.trials {
        let cells: Vec<String> =
            cells(trial).iter().map(|cell| escape_markdown(cell, SENTENCE)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str("\n</details>\n");
    text
}

/// The search as JUnit: whether there is an answer, and whether it is enough.
///
/// # Errors
///
/// When it can't be written as XML.
pub fn to_junit(capacity: &Capacity) -> Result<String, RenderError> {
    let verdict = &capacity.verdict;
    let message = line(&format!("{} {}", verdict.state.word(), verdict.sentence));
    let found = |how, kind: &str| Found { how, message: message.clone(), kind: kind.to_owned() };
    let has_answer = matches!(verdict.state, State::Carries | State::Wide | State::AtLeast);
    let answered = match (has_answer, verdict.exit_code) {
        (true, 0) => Found::passed(),
        // Whether it is enough is the other case.
        (true, _) if capacity.goal.at_least.is_some() => Found::passed(),
        (_, 1) => found(How::Failed, "capacity"),
        _ => found(How::Error, "capacity"),
    };
    let mut cases = vec![("the search has an answer".to_owned(), answered)];
    if let Some(least) = capacity.goal.at_least {
        let name = line(&format!("at least {}", super::load_words(capacity.goal.grow, least)));
        let gate = match verdict.exit_code {
            0 => Found::passed(),
            1 => found(How::Failed, "at_least"),
            _ if has_answer => found(How::Error, "at_least"),
            _ => found(How::Skipped, ""),
        };
        cases.push((name, gate));
    }
    let suite = Suite {
        name: format!("{} capacity", capacity.scenario.name),
        began: capacity.started_at.clone(),
        lasted_s: capacity.took_s,
        each_s: capacity.took_s,
        properties: vec![
            ("uproar", capacity.uproar.version.clone()),
            ("target", capacity.target.url.clone()),
            ("trials", capacity.trials.len().to_string()),
            ("exit_code", verdict.exit_code.to_string()),
        ],
        cases,
        told: lines(capacity).iter().map(|told| line(told)).collect::<Vec<_>>().join("\n"),
    };
    suite.to_xml()
}

/// The search as annotations of GitHub Actions: nothing where it has its answer and that is enough.
#[must_use]
pub fn to_annotations(capacity: &Capacity) -> String {
    let verdict = &capacity.verdict;
    if verdict.exit_code == 0 {
        return String::new();
    }
    let title = format!("{}: {}", capacity.scenario.name, verdict.state.word());
    let mut message = verdict.sentence.clone();
    for told in lines(capacity) {
        message.push_str(&format!("; {told}"));
    }
    commands(&[Annotation { level: Level::Error, title, message }])
}
