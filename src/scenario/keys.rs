//! How a table of the file is declared: one list of keys that reads the file, refuses what it
//! does not know, and makes the JSON Schema.
//!
//! `serde` would stop at the first mistake and describe it in Rust's terms. Here each
//! key is read by itself, so every mistake is found in one pass, and the schema, the defaults and
//! the reader can't drift apart because they are the same list. Rules between keys are
//! `check`'s.

use serde_json::{Map, Value as Json, json};

use super::later::{self, Place};
use super::mistake::{Mistakes, Span};
use super::suggest::{did_you_mean, nearest};
use super::tree::{Node, Table, Value};

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// What became of a key.
#[derive(Clone, Debug)]
pub(super) enum Field<T> {
    /// Not written, and there is no default.
    Absent,
    /// Written wrongly, or required and left out: a mistake is recorded, so no further one is due.
    Broken,
    /// Not written: the default.
    Default(T),
    Written(At<T>),
}

impl<T> Field<T> {
    /// The value, written or default.
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Absent | Self::Broken => None,
            Self::Default(value) => Some(value),
            Self::Written(at) => Some(&at.value),
        }
    }

    /// The value as written; `None` for a default.
    pub(super) fn written(&self) -> Option<&At<T>> {
        match self {
            Self::Written(at) => Some(at),
            _ => None,
        }
    }

    /// Whether the key is not in the file at all.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::Default(_))
    }

    /// Where the value stands, or `table` when it is the default.
    pub(super) fn span_or<'a>(&'a self, table: &'a Span) -> &'a Span {
        self.written().map_or(table, |at| &at.span)
    }
}

impl<T: Clone + Default> Field<T> {
    /// The value. `T::default()` only where a mistake was recorded, so it never
    /// reaches a scenario that is returned.
    pub(super) fn value(&self) -> T {
        self.get().cloned().unwrap_or_default()
    }
}

/// What stands at a key, before it is read.
enum Found<'a> {
    Written(&'a Node),
    Default(Node),
    Absent,
    Broken,
}

/// A type that a key can hold.
pub(super) trait Key: Sized {
    /// What must stand there, as in "must be ...".
    fn expected() -> String;

    /// Reads the value at `path`; records a mistake and gives `None` if it is wrong.
    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> Json;
}

/// Records that a value is of the wrong kind.
pub(super) fn wrong_kind<T: Key>(node: &Node, path: &str, mistakes: &mut Mistakes) {
    not_as_expected(&T::expected(), node, path, mistakes);
}

fn not_as_expected(expected: &str, node: &Node, path: &str, mistakes: &mut Mistakes) {
    let found =
        mistakes.add(&node.span, format!("`{path}` must be {expected}, not {}", node.kind()));
    found.label("wrong kind of value");
    if let Value::Text(text) = &node.value
        && toml::de::DeValue::parse(text).is_ok()
    {
        found.help(format!("without quotes: {text}"));
    }
}

/// `path.key`, or `key` at the top level.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Names of a table's keys, for a message.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads one table, key by key.
pub(super) struct Reader<'a> {
    table: &'a Table,
    span: &'a Span,
    place: &'static str,
    path: &'a str,
    known: &'static [&'static str],
    mistakes: &'a mut Mistakes,
}

impl<'a> Reader<'a> {
    /// `place` names the table in `later`, `known` are its keys; `path` is how this one is
    /// addressed.
    pub(super) fn open<T: Key>(
        node: &'a Node,
        place: &'static str,
        known: &'static [&'static str],
        path: &'a str,
        mistakes: &'a mut Mistakes,
    ) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<T>(node, path, mistakes);
            return None;
        };
        Some(Self { table, span: &node.span, place, path, known, mistakes })
    }

    /// Reads `key`.
    pub(super) fn field<T: Key>(
        &mut self,
        key: &'static str,
        required: bool,
        default: Option<Json>,
    ) -> Field<T> {
        // Compiled for each of some eighty types: whatever needs none of them is in `find`.
        let path = join(self.path, key);
        match self.find(key, &path, required.then_some(T::expected), default) {
            Found::Written(node) => match T::read(node, &path, self.mistakes) {
                Some(value) => Field::Written(At { value, span: node.span.clone() }),
                None => Field::Broken,
            },
            Found::Default(node) => {
                T::read(&node, &path, self.mistakes).map_or(Field::Broken, Field::Default)
            }
            Found::Absent => Field::Absent,
            Found::Broken => Field::Broken,
        }
    }

    /// `required` tells what must stand there, where something must.
    fn find(
        &mut self,
        key: &'static str,
        path: &str,
        required: Option<fn() -> String>,
        default: Option<Json>,
    ) -> Found<'a> {
        if let Some(entry) = self.table.get(key) {
            return Found::Written(&entry.node);
        }
        if let Some(default) = default {
            return Found::Default(default_node(&default));
        }
        if self.is_misspelt(key) {
            // `close` names the misspelling; that the key is missing is the same mistake.
            return Found::Broken;
        }
        let Some(expected) = required else {
            return Found::Absent;
        };
        let (whole, place) = if self.path.is_empty() {
            ("the file".to_owned(), "at the top".to_owned())
        } else {
            (format!("`{}`", self.path), format!("in `{}`", self.path))
        };
        let help = match expected().as_str() {
            "a table" => format!("add `[{path}]`"),
            tables if tables.starts_with("a list of tables") => format!("add `[[{path}]]`"),
            value => format!("write `{key} = ...` {place}: {value}"),
        };
        self.mistakes.missing(self.span, format!("{whole} has no `{key}`")).help(help);
        Found::Broken
    }

    /// Whether one of the keys that nobody knows was meant to be `key`.
    fn is_misspelt(&self, key: &str) -> bool {
        self.table.entries.iter().map(|entry| entry.key.as_str()).any(|written| {
            !self.known.contains(&written)
                && nearest(written, self.known.iter().copied()) == Some(key)
        })
    }

    /// Refuses the keys that nobody knows.
    pub(super) fn close(self) {
        for entry in &self.table.entries {
            let key = entry.key.as_str();
            if self.known.contains(&key) {
                continue;
            }
            let path = join(self.path, key);
            if let Some(purpose) = later::purpose(Place::Key(self.place), key) {
                self.mistakes
                    .add(&entry.key_span, format!("`{path}` is not supported yet"))
                    .label("not supported yet")
                    .help(format!("it is kept for {purpose}; remove it"));
                continue;
            }
            let place = if self.path.is_empty() {
                "at the top of the file".to_owned()
            } else {
                format!("in `{}`", self.path)
            };
            self.mistakes
                .add(&entry.key_span, format!("unknown key `{key}` {place}"))
                .label("unknown key")
                .help(format!(
                    "{}Keys here: {}",
                    did_you_mean(key, self.known.iter().copied()),
                    list(self.known.iter().copied())
                ));
        }
    }
}

/// A default as if it had been written.
fn default_node(default: &Json) -> Node {
    let value = match default {
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(default_node).collect()),
        Json::Null | Json::Object(_) => Value::Table(Table::default()),
    };
    Node { span: 0..0, value }
}

/// Collects the JSON Schema of a table.
pub(super) struct TableSchema {
    about: &'static str,
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl TableSchema {
    pub(super) fn new(about: &'static str) -> Self {
        Self { about, properties: Map::new(), required: Vec::new() }
    }

    pub(super) fn key<T: Key>(
        &mut self,
        key: &'static str,
        about: &str,
        required: bool,
        default: Option<Json>,
    ) {
        self.put(T::schema(), key, about, required, default);
    }

    fn put(
        &mut self,
        mut schema: Json,
        key: &'static str,
        about: &str,
        required: bool,
        default: Option<Json>,
    ) {
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(one_paragraph(about)));
            if let Some(default) = default {
                schema.insert("default".to_owned(), default);
            }
        }
        self.properties.insert(key.to_owned(), schema);
        if required {
            self.required.push(key);
        }
    }

    pub(super) fn finish(self) -> Json {
        let mut schema = json!({
            "type": "object",
            "description": one_paragraph(self.about),
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema
    }
}

/// A doc comment's lines as one.
fn one_paragraph(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Declares a table: `key: Type`, `key (required): Type`, or `key: Type = default`.
///
/// The doc comments are the schema's descriptions, so they are written for the people who write
/// scenarios. The first string names the table in `later`.
macro_rules! keys {
    (
        $(#[doc = $about:literal])+
        struct $name:ident at $place:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(($required:ident))? : $ty:ty $(= $default:expr)?,
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        #[allow(dead_code, reason = "reading may be a key's whole check, as for `format`")]
        pub(in crate::scenario) struct $name {
            /// Where the table is opened.
            pub(in crate::scenario) span: $crate::scenario::mistake::Span,
            $(
                $(#[doc = $doc])+
                pub(in crate::scenario) $field: $crate::scenario::keys::Field<$ty>,
            )*
        }

        impl $name {
            /// The table's keys.
            #[allow(dead_code, reason = "few tables are asked for their keys from outside")]
            pub(in crate::scenario) const KEYS: &'static [&'static str] =
                &[$(stringify!($field)),*];
        }

        impl $crate::scenario::keys::Key for $name {
            fn expected() -> String {
                "a table".to_owned()
            }

            fn read(
                node: &$crate::scenario::tree::Node,
                path: &str,
                mistakes: &mut $crate::scenario::mistake::Mistakes,
            ) -> Option<Self> {
                let mut reader = $crate::scenario::keys::Reader::open::<Self>(
                    node,
                    $place,
                    Self::KEYS,
                    path,
                    mistakes,
                )?;
                let table = Self {
                    span: node.span.clone(),
                    $(
                        $field: reader.field(
                            stringify!($field),
                            keys!(@required $($required)?),
                            keys!(@default $($default)?),
                        ),
                    )*
                };
                reader.close();
                Some(table)
            }

            fn schema() -> serde_json::Value {
                let mut table =
                    $crate::scenario::keys::TableSchema::new(concat!($($about, "\n"),+));
                $(
                    table.key::<$ty>(
                        stringify!($field),
                        concat!($($doc, "\n"),+),
                        keys!(@required $($required)?),
                        keys!(@default $($default)?),
                    );
                )*
                table.finish()
            }
        }
    };
    (@required) => { false };
    (@required required) => { true };
    (@default) => { None };
    (@default $default:expr) => { Some(serde_json::json!($default)) };
}
pub(super) use keys;
