//! Values that may be written in two ways: a word or a size, or a table of their own.

use serde_json::{Value as Json, json};

use super::keys::{At, Field, Key, wrong_kind};
use super::mistake::Mistakes;
use super::raw::{Data, ReconnectTable, Spread};
use super::tree::{Node, Table, Value};
use super::values::{Bytes, Choice};

/// `size`: one size, or sizes that vary.
#[derive(Clone, Debug)]
pub(super) enum SizeOr {
    Fixed(u64),
    Spread(Spread),
}

impl Key for SizeOr {
    fn expected() -> String {
        format!("{}, or a table of `min`, `p50` and `p99`", Bytes::expected())
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match &node.value {
            Value::Table(_) => Spread::read(node, path, mistakes).map(Self::Spread),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) => {
                Bytes::read(node, path, mistakes).map(|bytes| Self::Fixed(bytes.0))
            }
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [Bytes::schema(), Spread::schema()] })
    }
}

/// `reconnect`: a table, or whether at all.
#[derive(Clone, Debug)]
pub(super) enum ReconnectOr {
    Off,
    Table(ReconnectTable),
}

impl Key for ReconnectOr {
    fn expected() -> String {
        "true, false or a table".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::Bool(true) => {
                let empty = Node { span: node.span.clone(), value: Value::Table(Table::default()) };
                ReconnectTable::read(&empty, path, mistakes).map(Self::Table)
            }
            Value::Table(_) => ReconnectTable::read(node, path, mistakes).map(Self::Table),
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "boolean" }, ReconnectTable::schema()] })
    }
}

/// `data`: a file, or a table.
#[derive(Clone, Debug)]
pub(super) struct DataOr(pub(super) Data);

impl Key for DataOr {
    fn expected() -> String {
        "a file in quotes, such as \"users.csv\", or a table of `file` and `order`".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match &node.value {
            Value::Text(file) => Some(Self(Data {
                span: node.span.clone(),
                file: Field::Written(At { value: file.clone(), span: node.span.clone() }),
                order: Field::Default(Choice::default()),
            })),
            Value::Table(_) => Data::read(node, path, mistakes).map(Self),
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string" }, Data::schema()] })
    }
}
