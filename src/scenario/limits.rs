//! The `[thresholds]` table as it is written: what is looked at, and the condition it must meet.
//!
//! What a key and a condition mean is `check::thresholds`'s.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys::{At, Field, Key, join, keys, wrong_kind};
use super::mistake::Mistakes;
use super::tree::{Entry, Node, Table, Value};

keys! {
    /// A condition that may end the run early.
    struct LimitTable at "threshold" {
        /// The condition, for example "< 250ms" or "== 0".
        is (required): String,
        /// Ends the run once the condition has failed for this long without a pause; the run has then
        /// failed, whatever the figure becomes. Over 0. Only for what can have failed before the end.
        abort_after: Duration,
    }
}

/// Keys and conditions in the order they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Thresholds(pub(super) Vec<(At<String>, Limit)>);

/// A condition, still text.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) is: Field<String>,
    pub(super) abort_after: Field<Duration>,
}

impl Key for Limit {
    fn expected() -> String {
        "a condition, such as \"< 250ms\" or \"== 0\", or a table of `is` and `abort_after`"
            .to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(Self {
                is: Field::Written(At { value: text.clone(), span: node.span.clone() }),
                abort_after: Field::Absent,
            }),
            Value::Table(_) => LimitTable::read(node, path, mistakes)
                .map(|table| Self { is: table.is, abort_after: table.abort_after }),
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string" }, LimitTable::schema()] })
    }
}

impl Key for Thresholds {
    fn expected() -> String {
        "a table of conditions".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let mut limits = Vec::new();
        for entry in &table.entries {
            if let Some(limit) = Limit::read(&entry.node, &join(path, &entry.key), mistakes) {
                let key = At { value: entry.key.clone(), span: entry.key_span.clone() };
                limits.push((key, limit));
            }
        }
        Some(Self(limits))
    }

    /// Dotted keys without quotes are read too; the schema shows the quoted form, and
    /// allows the nesting that TOML makes of the other.
    fn schema() -> Json {
        json!({
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    { "type": "string" },
                    LimitTable::schema(),
                    {
                        "description": "A dotted key without quotes.",
                        "type": "object",
                        "not": { "anyOf": [{ "required": ["is"] }, { "required": ["abort_after"] }] },
                        "additionalProperties": { "type": ["string", "object"] },
                    },
                ],
            },
        })
    }
}

/// Makes `delivery.p99 = ...`, which TOML reads as a table in a table, the one key
/// `"delivery.p99"` that it was meant to be.
pub(super) fn flatten(file: &mut Table, mistakes: &mut Mistakes) {
    let Some(Entry { node: Node { value: Value::Table(thresholds), .. }, .. }) =
        file.get_mut("thresholds")
    else {
        return;
    };
    let mut flat = Table::default();
    for entry in std::mem::take(&mut thresholds.entries) {
        push(&mut flat, entry, mistakes);
    }
    *thresholds = flat;
}

fn push(flat: &mut Table, entry: Entry, mistakes: &mut Mistakes) {
    match entry.node.value {
        Value::Table(inner) if !is_limit(&inner) => {
            for below in inner.entries {
                let key = join(&entry.key, &below.key);
                let key_span = entry.key_span.start.min(below.key_span.start)..below.key_span.end;
                push(flat, Entry { key, key_span, node: below.node }, mistakes);
            }
        }
        _ if flat.get(&entry.key).is_some() => {
            mistakes
                .add(&entry.key_span, format!("the threshold `{}` stands here twice", entry.key))
                .label("a second time")
                .help("keep one of them");
        }
        _ => flat.entries.push(entry),
    }
}

/// Whether a table under `[thresholds]` is a condition rather than part of a dotted key.
fn is_limit(table: &Table) -> bool {
    table.entries.is_empty() || table.get("is").is_some() || table.get("abort_after").is_some()
}
