//! `send`: a string, a table that says which kind of frame, or a list of them.

use serde_json::{Value as Json, json};

use super::texts::Text;
use crate::scenario::keys::{Key, join, keys, list, wrong_kind};
use crate::scenario::mistake::{Mistakes, Span};
use crate::scenario::tree::{Node, Value};

keys! {
    /// One frame: exactly one of `text`, `binary`, `hex` and `ping`.
    struct SendTable at "protocol.send" {
        /// A text frame. A template.
        text: Text,
        /// A binary frame with this text in it. A template.
        binary: Text,
        /// A binary frame in hex digits, with variables whose bytes are put in as they are:
        /// "01 00 {{ payload | len_u16 }} {{ payload }}".
        hex: Text,
        /// A WebSocket ping with this in it, at most 125 bytes. A template.
        ping: Text,
    }
}

/// What is sent, in order.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Send {
    pub(super) pieces: Vec<(PieceKind, Text)>,
    pub(super) span: Span,
    pub(super) path: String,
}

/// Which frame a piece becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    Text,
    Binary,
    Hex,
    Ping,
}

impl Key for Send {
    fn expected() -> String {
        "a string, a table with one of text, binary, hex, ping, or a list of those".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let nodes = match &node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let is_list = matches!(node.value, Value::List(_));
        let mut pieces = Vec::new();
        for (index, piece) in nodes.iter().enumerate() {
            let path = if is_list { join(path, &index.to_string()) } else { path.to_owned() };
            pieces.push(read_piece(piece, &path, mistakes));
        }
        if pieces.is_empty() {
            mistakes
                .add(&node.span, format!("`{path}` sends nothing"))
                .label("an empty list")
                .help("an empty text frame is \"\"");
            return None;
        }
        let pieces = pieces.into_iter().collect::<Option<_>>()?;
        Some(Self { pieces, span: node.span.clone(), path: path.to_owned() })
    }

    fn schema() -> Json {
        json!({ "$ref": "#/$defs/send" })
    }
}

impl Send {
    /// What `$ref` in [`Key::schema`] refers to.
    pub(super) fn definition() -> Json {
        let one = json!([{ "type": "string" }, SendTable::schema()]);
        json!({
            "anyOf": [
                { "type": "string" },
                SendTable::schema(),
                { "type": "array", "minItems": 1, "items": { "anyOf": one } },
            ],
        })
    }
}

fn read_piece(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<(PieceKind, Text)> {
    match &node.value {
        Value::Text(_) => Some((PieceKind::Text, Text::read(node, path, mistakes)?)),
        Value::Table(_) => {
            let before = mistakes.count();
            let table = SendTable::read(node, path, mistakes)?;
            let keys = [
                (PieceKind::Text, "text", &table.text),
                (PieceKind::Binary, "binary", &table.binary),
                (PieceKind::Hex, "hex", &table.hex),
                (PieceKind::Ping, "ping", &table.ping),
            ];
            let names = list(keys.iter().map(|(_, name, _)| *name));
            let mut written =
                keys.into_iter().filter_map(|(kind, _, field)| Some((kind, field.get()?)));
            match (written.next(), written.next()) {
                (Some((kind, text)), None) => Some((kind, text.clone())),
                (None, _) => {
                    if mistakes.count() == before {
                        mistakes
                            .missing(&node.span, format!("`{path}` has none of {names}"))
                            .label("in this table")
                            .help("write exactly one of them");
                    }
                    None
                }
                (Some(_), Some((_, extra))) => {
                    mistakes
                        .add(&extra.span, format!("`{path}` has two of {names}"))
                        .label("one too many")
                        .help("frames that are sent one after the other are a list of tables");
                    None
                }
            }
        }
        _ => {
            wrong_kind::<Send>(node, path, mistakes);
            None
        }
    }
}
