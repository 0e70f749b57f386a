//! A matcher: a table whose conditions all hold, or a list of tables of which any does.

use serde_json::{Value as Json, json};

use super::texts::Text;
use crate::protocol::matcher::FrameKind;
use crate::scenario::keys::{At, Field, Key, join, keys, wrong_kind};
use crate::scenario::mistake::Mistakes;
use crate::scenario::tree::{Node, Value};
use crate::scenario::values::{Choice, Choices};

keys! {
    /// What a message must be: all that is given. A list of such tables: any of them.
    struct MatcherTable at "protocol.matcher" {
        /// The whole message is this. A template.
        equals: Text,
        /// It begins with this. A template.
        starts_with: Text,
        /// It ends with this. A template.
        ends_with: Text,
        /// It holds this. A template.
        contains: Text,
        /// A pattern that it matches somewhere. A template: escape values with `| regex`.
        pattern: Text,
        /// What stands where in its JSON: { "/type" = "welcome" }.
        json: Wants,
        /// The whole message in hex digits. A template.
        hex: Text,
        /// The kind of frame it came in.
        frame: Choice<FrameKind>,
        /// What it must not match.
        not: Matcher,
    }
}

impl Choices for FrameKind {
    const WHAT: &'static str = "kind of frame";
    const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("binary", Self::Binary)];
}

/// One table, or several of which any holds.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Matcher {
    pub(super) any: Box<[MatcherTable]>,
    pub(super) path: String,
}

impl Key for Matcher {
    fn expected() -> String {
        "a table such as { json = { \"/type\" = \"welcome\" } } or { starts_with = \"OK\" }, or a \
         list of such tables"
            .to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let nodes = match &node.value {
            Value::List(nodes) if !nodes.is_empty() => nodes.as_slice(),
            Value::Table(_) => std::slice::from_ref(node),
            Value::Text(text) => {
                mistakes
                    .add(&node.span, format!("`{path}` must be a table, not a string"))
                    .label("how is this compared?")
                    .help(format!(
                        "write {{ equals = {text:?} }}, or use starts_with, contains, pattern or \
                         json"
                    ));
                return None;
            }
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                return None;
            }
        };
        let is_list = matches!(node.value, Value::List(_));
        let mut any = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let path = if is_list { join(path, &index.to_string()) } else { path.to_owned() };
            let before = mistakes.count();
            let table = MatcherTable::read(node, &path, mistakes);
            if let Some(table) = &table
                && table.is_empty()
                && mistakes.count() == before
            {
                mistakes
                    .missing(&node.span, format!("`{path}` has no condition"))
                    .label("in this table")
                    .help("it would match every message; write `contains = \"\"` if that is meant");
            }
            any.push(table);
        }
        let any = any.into_iter().collect::<Option<_>>()?;
        Some(Self { any, path: path.to_owned() })
    }

    fn schema() -> Json {
        json!({ "$ref": "#/$defs/matcher" })
    }
}

impl Matcher {
    /// What `$ref` in [`Key::schema`] refers to.
    pub(super) fn definition() -> Json {
        let table = MatcherTable::schema();
        json!({ "anyOf": [table, { "type": "array", "minItems": 1, "items": table }] })
    }
}

impl MatcherTable {
    fn is_empty(&self) -> bool {
        let Self {
            span: _,
            equals,
            starts_with,
            ends_with,
            contains,
            pattern,
            json,
            hex,
            frame,
            not,
        } = self;
        let texts = [equals, starts_with, ends_with, contains, pattern, hex];
        texts.into_iter().all(Field::is_absent)
            && json.is_absent()
            && frame.is_absent()
            && not.is_absent()
    }
}

/// Pointers, and what must stand there.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Wants(pub(super) Vec<(At<String>, Wanted)>);

/// What must stand at a place in JSON.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Text(Text),
    Whole(i64),
    Number(f64),
    Bool(bool),
    /// Any of these.
    Any(Vec<Wanted>),
    /// JSON in a string, or an object: what stands inside.
    Inside(Wants),
}

impl Key for Wants {
    fn expected() -> String {
        "a table of JSON pointers and values, such as { \"/type\" = \"welcome\" }".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let mut wants = Vec::new();
        for entry in &table.entries {
            let path = join(path, &format!("{:?}", entry.key));
            let wanted = Wanted::read(&entry.node, &path, mistakes)?;
            wants.push((At { value: entry.key.clone(), span: entry.key_span.clone() }, wanted));
        }
        Some(Self(wants))
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": "^(/.*)?$" },
            "additionalProperties": { "$ref": "#/$defs/wanted" },
        })
    }
}

impl Wanted {
    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Some(match &node.value {
            Value::Text(_) => Self::Text(Text::read(node, path, mistakes)?),
            Value::Integer(number) => Self::Whole(*number),
            Value::Float(number) if number.is_finite() => Self::Number(*number),
            Value::Bool(flag) => Self::Bool(*flag),
            Value::List(nodes) if !nodes.is_empty() => {
                let any: Vec<_> =
                    nodes.iter().map(|node| Self::read(node, path, mistakes)).collect();
                Self::Any(any.into_iter().collect::<Option<_>>()?)
            }
            Value::Table(_) => Self::Inside(Wants::read(node, path, mistakes)?),
            _ => {
                mistakes
                    .add(
                        &node.span,
                        format!(
                            "`{path}` must be a string, a number, true, false, a list of those, or \
                             a table, not {}",
                            node.kind()
                        ),
                    )
                    .label("wrong kind of value");
                return None;
            }
        })
    }

    /// What `$ref` in [`Wants::schema`] refers to.
    pub(super) fn definition() -> Json {
        json!({
            "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/wanted" } },
                Wants::schema(),
            ],
        })
    }
}
