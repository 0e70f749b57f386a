//! From text to scenario: parse, override, read, check, scale.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::check;
use super::keys::Key;
use super::limits;
use super::mistake::{Mistake, Mistakes, ScenarioErrors, Texts};
use super::model::Scenario;
use super::overrides::{self, Applied, Overrides};
use super::raw::File;
use super::scale;
use super::source::Source;
use super::tree::{self, Node, Value};
use crate::units::parse;

/// Reads a scenario, with the command line's changes.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the text, each with its place: in
/// the file, or on the command line.
pub fn read(source: &Source, overrides: &Overrides) -> Result<Scenario, ScenarioErrors> {
    Ok(read_with_warnings(source, overrides)?.0)
}

/// As [`read`], with what may be meant so but is more often a slip.
///
/// # Errors
///
/// As [`read`]'s.
pub fn read_with_warnings(
    source: &Source,
    overrides: &Overrides,
) -> Result<(Scenario, Vec<Mistake>), ScenarioErrors> {
    let folder = Path::new(&source.name).parent().unwrap_or(Path::new(""));
    read_in(source, overrides, Some(folder))
}

/// Reads arbitrary bytes as a scenario, and opens no file. It must not panic.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let source = Source { name: "fuzz".to_owned(), text };
    // What is checked is that this returns.
    let _ = read_in(&source, &Overrides::default(), None);
}

fn read_in(
    source: &Source,
    overrides: &Overrides,
    folder: Option<&Path>,
) -> Result<(Scenario, Vec<Mistake>), ScenarioErrors> {
    let mut texts = Texts::new();
    let mut mistakes = Mistakes::lenient(overrides.looks);
    let start = texts.add(&source.name, &source.text);
    let mut tree = tree::document(&source.text, start, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(not_toml(tree, &texts, mistakes));
    }
    limits::flatten(&mut tree, &mut mistakes);
    let applied = overrides::apply(overrides, &mut tree, &mut texts, &mut mistakes);

    let root = Node { span: start..start, value: Value::Table(tree) };
    let Some(file) = File::read(&root, "", &mut mistakes) else {
        return Err(ScenarioErrors::without_text("this is no table".to_owned(), String::new()));
    };
    let mut scenario = check::scenario(&file, &applied, folder, &mut texts, &mut mistakes);
    if mistakes.is_empty() {
        scale(&mut scenario, &applied, &mut mistakes);
        let span = |cohort: usize| match (&applied.clients, file.cohort.get()) {
            (Some(clients), _) => clients.span.clone(),
            (None, list) => list
                .and_then(|list| list.0.get(cohort)?.value.join.written())
                .map_or(start..start, |join| join.value.per_client.span_or(&join.span).clone()),
        };
        check::suffice(&scenario, span, &mut mistakes);
        check::bounded(&scenario, span, &mut mistakes);
        let span = |cohort: usize| {
            let data = file.cohort.get().and_then(|list| list.0.get(cohort)?.value.data.written());
            data.map_or(start..start, |data| data.span.clone())
        };
        check::enough(&scenario, span, &mut mistakes);
    }
    if mistakes.is_empty() {
        Ok((scenario, mistakes.into_warnings(&texts)))
    } else {
        Err(mistakes.into_errors(&texts))
    }
}

/// What is wrong with a text that is not TOML: its syntax, and the keys before the first
/// mistake. What follows may belong elsewhere than it seems, and what is missing may be there.
fn not_toml(tree: tree::Table, texts: &Texts, syntax: Mistakes) -> ScenarioErrors {
    let first = syntax.first().unwrap_or(0);
    let mut mistakes = Mistakes::partial();
    let root = Node { span: 0..0, value: Value::Table(tree) };
    let _ = File::read(&root, "", &mut mistakes);
    mistakes.retain(|span| span.end < first);
    mistakes.append(syntax);
    mistakes.into_errors(texts)
}

/// Scales a scenario as the command line asks: its length first, since ramps that keep their connects a
/// second grow from there.
fn scale(scenario: &mut Scenario, applied: &Applied, mistakes: &mut Mistakes) {
    if let Some(duration) = &applied.duration {
        let scaled =
            parse::duration(&duration.value).and_then(|length| scale::duration(scenario, length));
        if let Err(why) = scaled {
            mistakes
                .add(&duration.span, why)
                .label("can't be stretched to this")
                .help("--duration is the length of the run, for example --duration 2m");
        }
    }
    if let Some(clients) = &applied.clients
        && let Err(why) = scale::clients(scenario, clients.value, applied.steady_ramps)
    {
        mistakes.add(&clients.span, why).label("can't be scaled to this");
    }
    if let Some(rate) = &applied.rate {
        let scaled = parse::rate(&rate.value).and_then(|rate| scale::rate(scenario, rate));
        if let Err(why) = scaled {
            mistakes
                .add(&rate.span, why)
                .label("can't be scaled to this")
                .help("--rate is what all cohorts publish together, for example --rate 2000/s");
        }
    }
    if applied.probe {
        scale::probe(scenario);
    }
}

/// The JSON Schema of scenario files, for editors.
#[must_use]
pub fn schema() -> Json {
    let mut schema = File::schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("uproar scenario");
    schema
}
