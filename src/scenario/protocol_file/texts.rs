//! Values of protocol files that remember where they stand: templates before they are parsed,
//! tables of them, params, and the file's name.

use serde_json::{Value as Json, json};

use crate::scenario::keys::{At, Key, join, wrong_kind};
use crate::scenario::mistake::{Mistakes, Span};
use crate::scenario::tree::{Node, Value};
use crate::scenario::values::Name;

/// Longest name of a protocol.
const LONGEST_NAME: usize = 40;

/// A string, where it stands, and how it is addressed. What it means is said by who reads it: a
/// template, a pattern, a pointer.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Text {
    pub(super) text: String,
    pub(super) span: Span,
    pub(super) path: String,
}

impl Key for Text {
    fn expected() -> String {
        "a string in quotes".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let text = String::read(node, path, mistakes)?;
        Some(Self { text, span: node.span.clone(), path: path.to_owned() })
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// Names of the writer's choice with templates: headers, a query.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Texts(pub(super) Vec<(At<String>, Text)>);

impl Key for Texts {
    fn expected() -> String {
        "a table of names and strings, such as { token = \"{{ token }}\" }".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let texts = table.entries.iter().filter_map(|entry| {
            let text = Text::read(&entry.node, &join(path, &entry.key), mistakes)?;
            Some((At { value: entry.key.clone(), span: entry.key_span.clone() }, text))
        });
        Some(Self(texts.collect()))
    }

    fn schema() -> Json {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// Whether a text looks like a template: where none is filled in, `{{` would be sent as it stands.
pub(in crate::scenario) fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Says of a param's value that templates are not filled in there.
pub(in crate::scenario) fn refuse_template(
    name: &At<String>,
    value: &At<String>,
    mistakes: &mut Mistakes,
) {
    if is_template(&value.value) {
        mistakes
            .add(&value.span, format!("the param `{}` is plain text, and no template", name.value))
            .label("would be sent as it stands")
            .help("write the template where the param is used, in a `send` for example");
    }
}

/// Params and their values; numbers and bools become their text.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Params(pub(in crate::scenario) Vec<(At<String>, At<String>)>);

impl Key for Params {
    fn expected() -> String {
        "a table of params, such as { tenant = \"default\" }".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let mut params = Vec::new();
        for entry in &table.entries {
            let value = match &entry.node.value {
                Value::Text(text) => text.clone(),
                Value::Integer(_) | Value::Float(_) | Value::Bool(_) => entry.node.written(),
                _ => {
                    mistakes
                        .add(
                            &entry.node.span,
                            format!(
                                "`{}` must be a string, a number, true or false, not {}",
                                join(path, &entry.key),
                                entry.node.kind()
                            ),
                        )
                        .label("wrong kind of value");
                    continue;
                }
            };
            params.push((
                At { value: entry.key.clone(), span: entry.key_span.clone() },
                At { value, span: entry.node.span.clone() },
            ));
        }
        Some(Self(params))
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        })
    }
}

/// A protocol's name: as other names, and it may have dots, as `socket.io` does.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct ProtocolName(pub(super) String);

impl Key for ProtocolName {
    fn expected() -> String {
        "a name in quotes".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        if Name::is_valid(&text.replace('.', "_")) {
            return Some(Self(text.clone()));
        }
        mistakes.add(&node.span, format!("`{path}` is not a name")).label("not a name").help(
            format!(
                "a protocol's name is 1 to {LONGEST_NAME} of the letters a to z and A to Z, \
                 digits, `.`, `-` and `_`"
            ),
        );
        None
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": format!("^[A-Za-z0-9._-]{{1,{LONGEST_NAME}}}$") })
    }
}
