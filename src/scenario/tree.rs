//! A TOML text as a tree in which every key and value knows where it was written.
//!
//! Syntax only: which keys exist is not known here.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistakes, Span};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    /// TOML has dates and times; no key takes one.
    Time(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) node: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// Sets a key, replacing what it held.
    pub(super) fn set(&mut self, key: &str, key_span: Span, node: Node) {
        let entry = Entry { key: key.to_owned(), key_span, node };
        match self.get_mut(key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }
}

impl Node {
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What the value is, as a person calls it.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::Time(_) => "a date or time",
            Value::List(list) if list.iter().any(|node| node.table().is_some()) => {
                "a list of tables"
            }
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as it would be written, for messages.
    pub(super) fn written(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Time(text) => text.clone(),
            Value::List(_) => "[...]".to_owned(),
            Value::Table(_) => "{ ... }".to_owned(),
        }
    }
}

/// Reads a document. Syntax errors are recorded, and what could be read in spite of them is
/// returned, so that one pass finds more than the first mistake.
pub(super) fn document(text: &str, offset: usize, mistakes: &mut Mistakes) -> Table {
    let (root, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map_or(text.len(), |span| span.start));
    let mut last_line = None;
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        // One mistake confuses the rest of its line.
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        if last_line.replace(line) == Some(line) {
            continue;
        }
        mistakes
            .add(&shifted(span, offset), format!("this is not TOML: {}", error.message()))
            .label("here");
    }
    table(root.get_ref(), offset, mistakes)
}

/// Reads one value, or `None` if the text is not a TOML value.
pub(super) fn value(text: &str, offset: usize, mistakes: &mut Mistakes) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(node(&value, offset, mistakes))
}

fn table(raw: &DeTable<'_>, offset: usize, mistakes: &mut Mistakes) -> Table {
    let mut entries: Vec<Entry> = raw
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: shifted(key.span(), offset),
            node: node(value, offset, mistakes),
        })
        .collect();
    // The parser sorts by name; reports, room sets and thresholds keep the writer's order.
    entries.sort_by_key(|entry| entry.key_span.start);
    Table { entries }
}

fn node(raw: &Spanned<DeValue<'_>>, offset: usize, mistakes: &mut Mistakes) -> Node {
    let span = shifted(raw.span(), offset);
    let value = match raw.get_ref() {
        DeValue::String(value) => Value::Text(value.to_string()),
        DeValue::Integer(value) => match i64::from_str_radix(value.as_str(), value.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => {
                mistakes
                    .add(&span, format!("`{value}` is too large for a whole number"))
                    .label("over 2^63");
                Value::Integer(0)
            }
        },
        DeValue::Float(value) => Value::Float(value.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::Time(value.to_string()),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|item| node(item, offset, mistakes)).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, offset, mistakes)),
    };
    Node { span, value }
}

fn shifted(span: Span, offset: usize) -> Span {
    span.start + offset..span.end + offset
}
