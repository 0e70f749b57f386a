//! Where a value stands in a message: pointers, patterns, headers; and tables of captures.

use serde_json::{Value as Json, json};

use super::texts::Text;
use crate::scenario::keys::{At, Key, join, keys, wrong_kind};
use crate::scenario::mistake::Mistakes;
use crate::scenario::tree::{Node, Value};

keys! {
    /// Another place than JSON: exactly one of `pattern` and `header`.
    struct PlaceTable at "protocol.place" {
        /// A pattern: its first group is taken, or all it matches if it has none.
        pattern: Text,
        /// A header of a login's answer.
        header: Text,
    }
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Place {
    pub(super) kind: PlaceKind,
    pub(super) path: String,
}

#[derive(Clone, Debug)]
pub(super) enum PlaceKind {
    /// One pointer, or several into JSON inside a JSON string.
    Pointer(Vec<Text>),
    Pattern(Text),
    Header(Text),
}

impl Key for Place {
    fn expected() -> String {
        "a JSON pointer such as \"/data/id\", a list of pointers into JSON in a string, or \
         { pattern = '..(..)' }"
            .to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let kind = match &node.value {
            Value::Text(_) => PlaceKind::Pointer(vec![Text::read(node, path, mistakes)?]),
            Value::List(nodes) if !nodes.is_empty() => {
                let pointers: Vec<_> =
                    nodes.iter().map(|node| Text::read(node, path, mistakes)).collect();
                PlaceKind::Pointer(pointers.into_iter().collect::<Option<_>>()?)
            }
            Value::Table(_) => {
                let before = mistakes.count();
                let table = PlaceTable::read(node, path, mistakes)?;
                match (table.pattern.get(), table.header.get()) {
                    (Some(pattern), None) => PlaceKind::Pattern(pattern.clone()),
                    (None, Some(header)) => PlaceKind::Header(header.clone()),
                    (None, None) => {
                        if mistakes.count() == before {
                            mistakes
                                .missing(&node.span, format!("`{path}` names no place"))
                                .label("in this table")
                                .help(format!("write {}", Self::expected()));
                        }
                        return None;
                    }
                    (Some(_), Some(header)) => {
                        mistakes
                            .add(&header.span, format!("`{path}` has both `pattern` and `header`"))
                            .label("one too many")
                            .help("keep one of them");
                        return None;
                    }
                }
            }
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                return None;
            }
        };
        Some(Self { kind, path: path.to_owned() })
    }

    fn schema() -> Json {
        json!({
            "anyOf": [
                { "type": "string", "pattern": "^(/.*)?$" },
                { "type": "array", "minItems": 1, "items": { "type": "string" } },
                PlaceTable::schema(),
            ],
        })
    }
}

/// Names and the places their values are taken from.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Captures(pub(super) Vec<(At<String>, Option<Place>)>);

impl Key for Captures {
    fn expected() -> String {
        "a table of names and places, such as { token = \"/token\" }".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let captures = table.entries.iter().map(|entry| {
            // One that can't be read still gives its name, so that its uses are not unknown too.
            let place = Place::read(&entry.node, &join(path, &entry.key), mistakes);
            (At { value: entry.key.clone(), span: entry.key_span.clone() }, place)
        });
        Some(Self(captures.collect()))
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": Place::schema() })
    }
}
