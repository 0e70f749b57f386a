//! Protocol files: from TOML to a [`Description`], with every mistake recorded under its line.
//!
//! `raw` says which keys there are, with `texts`, `sending`, `matching` and `captures` for values
//! that may be written in several ways; `build` holds the rules between them and prepares
//! templates.

mod build;
mod captures;
mod matching;
mod raw;
mod sending;
mod texts;

use serde_json::{Value as Json, json};

use super::keys::Key;
use super::mistake::{Mistake, Mistakes, ScenarioErrors, Span, Texts};
use super::source::Source;
use super::tree::{self, Node, Table, Value};
use crate::protocol::description::Description;
pub(in crate::scenario) use texts::{Params, is_template, refuse_template};

/// What a file says, and what it needs from elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) description: Description,
    pub(super) uses: Uses,
}

/// What templates name that the file itself can't give. Those with a default are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    /// Columns of the users' data.
    pub(super) columns: Vec<(String, Span)>,
    /// Environment variables.
    pub(super) env: Vec<(String, Span)>,
}

/// A protocol file that was read by itself.
#[derive(Debug)]
pub struct ProtocolFile {
    /// What it says.
    pub description: Description,
    /// What may be meant so, but is more often a slip.
    pub warnings: Vec<Mistake>,
}

/// Reads a protocol file.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the text.
pub fn read_protocol(source: &Source) -> Result<ProtocolFile, ScenarioErrors> {
    let mut texts = Texts::new();
    let mut mistakes = Mistakes::default();
    let described = read(&source.name, &source.text, &mut texts, &mut mistakes);
    if let Some(described) = &described {
        for (name, span) in &described.uses.env {
            unset(name, span, &mut mistakes);
        }
    }
    match described {
        Some(described) if mistakes.is_empty() => Ok(ProtocolFile {
            description: described.description,
            warnings: mistakes.into_warnings(&texts),
        }),
        _ => Err(mistakes.into_errors(&texts)),
    }
}

/// Warns of an environment variable that is not set.
pub(super) fn unset(name: &str, span: &Span, mistakes: &mut Mistakes) {
    if std::env::var_os(name).is_none() {
        mistakes
            .warn(span, format!("the environment variable `{name}` is not set"))
            .label("not set")
            .help(format!("a run needs it: export {name}=..."));
    }
}

/// Reads a protocol's text; `None` where mistakes were recorded.
pub(super) fn read(
    name: &str,
    text: &str,
    texts: &mut Texts,
    mistakes: &mut Mistakes,
) -> Option<Described> {
    let start = texts.add(name, text);
    let before = mistakes.count();
    let tree = tree::document(text, start, mistakes);
    if mistakes.count() > before {
        // What follows a mistake in the syntax may belong elsewhere than it seems.
        return None;
    }
    let end = start + text.len();
    let root = Node { span: start..start, value: Value::Table(tree) };
    let file = raw::File::read(&root, "", mistakes)?;
    let described = build::described(&file, build::Origin { text, start, end }, mistakes);
    (mistakes.count() == before).then_some(described)
}

/// Whether a text is a protocol file rather than a scenario: by its keys.
#[must_use]
pub fn is_protocol(source: &Source) -> bool {
    // Those that only one of the two has.
    const SCENARIO: [&str; 6] = ["target", "cohort", "phase", "rooms", "fault", "thresholds"];
    let tree: Table = tree::document(&source.text, 0, &mut Mistakes::default());
    let only_protocols = |key: &str| raw::File::KEYS.contains(&key) && !raw::COMMON.contains(&key);
    let count = |known: &dyn Fn(&str) -> bool| {
        tree.entries.iter().filter(|entry| known(entry.key.as_str())).count()
    };
    count(&|key| SCENARIO.contains(&key)) < count(&only_protocols)
}

/// Reads arbitrary bytes as a protocol file. It must not panic.
#[doc(hidden)]
pub fn fuzz_protocol(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    // What is checked is that this returns.
    let _ = read_protocol(&Source { name: "fuzz".to_owned(), text });
}

/// The JSON Schema of protocol files, for editors.
#[must_use]
pub fn protocol_schema() -> Json {
    let mut schema = raw::File::schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("uproar protocol");
    schema["$defs"] = json!({
        "matcher": matching::Matcher::definition(),
        "send": sending::Send::definition(),
        "wanted": matching::Wanted::definition(),
    });
    schema
}
