//! Values that may be written in two ways: a word or a size, or a table of their own.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys::{At, Field, Key, keys, wrong_kind};
use super::mistake::Mistakes;
use super::model::{Jitter, Order, WhileAway};
use super::tree::{Node, Table, Value};
use super::values::{Bytes, Choice, Whole};

keys! {
    /// Users from a file.
    struct Data at "data" {
        /// The file: CSV with a head row (`.csv`), or one JSON object a line (`.jsonl`). At most
        /// 1,000,000 rows and 64 MiB.
        file (required): String,
        /// Which client gets which row: `in-order` (client by client, then from the start again),
        /// `random` (drawn for each client, by the seed), `once` (in order, and no row twice).
        order: Choice<Order> = "in-order",
    }
}

keys! {
    /// How a lost client comes back.
    struct ReconnectTable at "reconnect" {
        /// The delay before the first attempt.
        first: Duration = "1s",
        /// Each delay is this many times the one before. 1 to 100.
        factor: f64 = 2.0,
        /// The longest delay. At least `first`.
        max: Duration = "10s",
        /// How delays are spread: `none`, `equal` (half, and up to another half), `full` (from 0
        /// to the delay), `decorrelated` (from `first` to three times the delay before).
        jitter: Choice<Jitter> = "full",
        /// Failed attempts in a row before a client gives up. 1 to 1,000,000.
        attempts: Whole<1, 1_000_000> = 10,
        /// Messages that fall due meanwhile: `queue` sends them on return (at most 1,000 a
        /// client), `skip` counts them as not sent.
        while_away: Choice<WhileAway> = "queue",
    }
}

keys! {
    /// Sizes that vary: log-normal through the median and the 99th percentile.
    struct Spread at "size" {
        /// Never smaller than this. From 52 B, at most `p50`.
        min: Bytes = "52B",
        /// Half of the messages are smaller than this.
        p50 (required): Bytes,
        /// 99 % of the messages are smaller than this. At least `p50`.
        p99 (required): Bytes,
    }
}

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
