//! Matchers, and what they send for: frames.

use super::Builder;
use super::templates::{Here, Kind};
use crate::protocol::matcher::{Condition, Matcher, Wanted};
use crate::protocol::pointer::Pointer;
use crate::protocol::send::{Piece, Send};
use crate::protocol::template::Template;
use crate::scenario::keys::Field;
use crate::scenario::protocol_file::matching as raw;
use crate::scenario::protocol_file::sending::{self, PieceKind};
use crate::scenario::protocol_file::texts::Text;

impl Builder<'_> {
    pub(super) fn matcher(&mut self, matcher: &raw::Matcher, here: &Here) -> Matcher {
        let any = matcher.any.iter().map(|table| self.condition(table, &matcher.path, here));
        Matcher::new(any.collect())
    }

    fn condition(&mut self, raw: &raw::MatcherTable, path: &str, here: &Here) -> Condition {
        Condition {
            equals: self.text(&raw.equals, here),
            starts_with: self.text(&raw.starts_with, here),
            ends_with: self.text(&raw.ends_with, here),
            contains: self.text(&raw.contains, here),
            pattern: raw.pattern.get().and_then(|text| self.pattern_template(text, here)),
            json: self.wants(raw.json.get(), path, here),
            hex: raw.hex.get().and_then(|text| self.template(text, Kind::Hex, here)),
            frame: raw.frame.get().map(|choice| choice.0),
            not: raw.not.get().map(|not| Box::new(self.matcher(not, here))),
        }
    }

    /// A template of bytes that are looked for: any filter will do, as in a binary frame.
    pub(super) fn text(&mut self, field: &Field<Text>, here: &Here) -> Option<Template> {
        field.get().and_then(|text| self.template(text, Kind::Binary, here))
    }

    pub(super) fn wants(
        &mut self,
        wants: Option<&raw::Wants>,
        path: &str,
        here: &Here,
    ) -> Vec<(Pointer, Wanted)> {
        let mut found = Vec::new();
        for (at, wanted) in wants.map_or(&[][..], |wants| &wants.0) {
            let pointer = self.pointer(&format!("{path}.json"), &[(&at.value, &at.span)]);
            let wanted = self.wanted(wanted, path, here);
            if let (Some(pointer), Some(wanted)) = (pointer, wanted) {
                found.push((pointer, wanted));
            }
        }
        found
    }

    fn wanted(&mut self, wanted: &raw::Wanted, path: &str, here: &Here) -> Option<Wanted> {
        Some(match wanted {
            raw::Wanted::Text(text) => {
                // It is compared with the string's content, which has no escapes.
                let here = Here { quotes: false, ..*here };
                Wanted::Text(self.template(text, Kind::Text, &here)?)
            }
            raw::Wanted::Whole(number) => Wanted::Whole(*number),
            raw::Wanted::Number(number) => Wanted::Number(*number),
            raw::Wanted::Bool(flag) => Wanted::Bool(*flag),
            raw::Wanted::Any(any) => {
                let any: Vec<_> = any.iter().map(|one| self.wanted(one, path, here)).collect();
                Wanted::Any(any.into_iter().collect::<Option<_>>()?)
            }
            raw::Wanted::Inside(wants) => Wanted::Inside(self.wants(Some(wants), path, here)),
        })
    }

    pub(super) fn send(&mut self, send: &sending::Send, here: &Here) -> Send {
        let mut pieces = Vec::new();
        for (kind, text) in &send.pieces {
            let (parse, piece): (Kind, fn(Template) -> Piece) = match kind {
                PieceKind::Text => (Kind::Text, Piece::Text),
                PieceKind::Binary => (Kind::Binary, Piece::Binary),
                PieceKind::Hex => (Kind::Hex, Piece::Binary),
                PieceKind::Ping => (Kind::Binary, Piece::Ping),
            };
            if let Some(template) = self.template(text, parse, here) {
                if *kind == PieceKind::Ping
                    && template.is_literal().is_some_and(|bytes| bytes.len() > 125)
                {
                    self.mistakes
                        .add(&text.span, format!("`{}` is too long for a ping", text.path))
                        .label("over 125 bytes")
                        .help("a control frame holds at most 125 bytes (RFC 6455, 5.5)");
                }
                pieces.push(piece(template));
            }
        }
        Send(pieces)
    }
}
