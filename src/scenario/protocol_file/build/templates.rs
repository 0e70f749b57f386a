//! Templates, patterns, pointers and places: parsed, and held against what has a value there.

use regex::bytes::{Regex, RegexBuilder};

use super::Builder;
use crate::protocol::capture::{Capture, Source};
use crate::protocol::description::Each;
use crate::protocol::matcher::Pattern;
use crate::protocol::pointer::Pointer;
use crate::protocol::scope::Variable;
use crate::protocol::template::{Filter, Template, TemplateError};
use crate::scenario::keys::{At, Field};
use crate::scenario::mistake::Span;
use crate::scenario::protocol_file::captures::{Captures, Place, PlaceKind};
use crate::scenario::protocol_file::texts::Text;

/// What a compiled pattern may take in bytes: the limit of `protocol`'s own patterns.
const PATTERN_MAX_BYTES: usize = 256 * 1024;

/// Where a template stands: what has a value there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here {
    /// For messages: "a connect step".
    pub(super) what: &'static str,
    pub(super) room: bool,
    pub(super) id: bool,
    /// `payload`, `seq` and `now_ms`.
    pub(super) message: bool,
    /// Whether it is text in which an unescaped quote is likely a slip.
    pub(super) quotes: bool,
    /// The login that it belongs to.
    pub(super) login: Option<Each>,
}

impl Here {
    /// Something that is said or waited for: it has an id.
    pub(super) fn step(what: &'static str) -> Self {
        Self { what, room: false, id: true, message: false, quotes: true, login: None }
    }

    /// A rule that looks at every message.
    pub(super) fn rule(what: &'static str) -> Self {
        Self { id: false, ..Self::step(what) }
    }

    pub(super) fn with_room(self) -> Self {
        Self { room: true, ..self }
    }
}

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Hex,
}

impl Builder<'_> {
    pub(super) fn template(&mut self, text: &Text, kind: Kind, here: &Here) -> Option<Template> {
        let names = &self.known.names;
        let parsed = match kind {
            Kind::Text => Template::parse(&text.text, names),
            Kind::Binary => Template::parse_binary(&text.text, names),
            Kind::Hex => Template::parse_hex(&text.text, names),
        };
        match parsed {
            Ok(template) => {
                self.slots(text, &template, here);
                Some(template)
            }
            Err(error) => {
                self.refuse(text, error);
                None
            }
        }
    }

    fn refuse(&mut self, text: &Text, error: TemplateError) {
        let span = self.inside(&text.span, &text.text, error.range);
        let found = self.mistakes.add(&span, format!("in `{}`: {}", text.path, error.message));
        found.label("here");
        if let Some(help) = error.help {
            found.help(help);
        }
    }

    /// Refuses variables that have no value here, and warns of those that a quote in them breaks.
    fn slots(&mut self, text: &Text, template: &Template, here: &Here) {
        for slot in template.slots() {
            let span = self.inside(&text.span, &text.text, slot.range());
            let has_default =
                slot.filters().iter().any(|filter| matches!(filter, Filter::Default(_)));
            self.variable(slot.variable(), slot.name(), has_default, &span, here);
            for filter in slot.filters() {
                if let Filter::HmacSha256(crate::protocol::template::Key::Variable(key, name)) =
                    filter
                {
                    self.variable(key, name, false, &span, here);
                }
            }
            let is_xml = slot.filters().iter().any(|filter| matches!(filter, Filter::Xml));
            if here.quotes && slot.unescaped_in_quotes() && !is_xml {
                let name = slot.name();
                self.mistakes
                    .warn(
                        &span,
                        format!("`{{{{ {name} }}}}` stands inside quotes, and nothing escapes it"),
                    )
                    .label("a quote in its value ends the string")
                    .help(format!("in JSON write `{{{{ {name} | json }}}}`"));
            }
        }
    }

    fn variable(
        &mut self,
        variable: &Variable,
        name: &str,
        has_default: bool,
        span: &Span,
        here: &Here,
    ) {
        let what = here.what;
        let (label, help) = match variable {
            Variable::Room | Variable::N if !here.room => (
                "no room here",
                "rooms are named in `join`, `leave` and `publish`; without a `join`, in \
                 `path`, `query`, `headers` and `subprotocols`"
                    .to_owned(),
            ),
            Variable::Id if !here.id => (
                "no id here",
                "`{{ id }}` is new at every step, the same in its send, expect and fail; an \
                 acknowledgement's is found by `ack.id`"
                    .to_owned(),
            ),
            Variable::Payload | Variable::Seq | Variable::NowMs if !here.message => (
                "no message here",
                "`payload`, `seq` and `now_ms` are those of a message: only `publish.send` and \
                 `publish.binary.send` have them"
                    .to_owned(),
            ),
            Variable::Capture(at) => {
                self.known.use_it(*at);
                let has = match here.login {
                    Some(each) => self.known.has_for_login(*at, each),
                    None => self.known.has(*at),
                };
                if has || has_default {
                    return;
                }
                let by = self.known.by(*at);
                (
                    "not captured yet",
                    format!(
                        "{by} captures it: not before this, or not as often. The order is logins \
                         (each run, client, connection), the upgrade, connect, join"
                    ),
                )
            }
            Variable::User(column) => {
                if !has_default {
                    self.uses.columns.push((column.clone(), span.clone()));
                }
                return;
            }
            Variable::Env(name) => {
                if !has_default {
                    self.uses.env.push((name.clone(), span.clone()));
                }
                return;
            }
            _ => return,
        };
        self.mistakes
            .add(span, format!("`{{{{ {name} }}}}` has no value in {what}"))
            .label(label)
            .help(help);
    }

    /// A pattern without variables.
    pub(super) fn pattern(&mut self, text: &Text) -> Option<Regex> {
        let compiled = RegexBuilder::new(&text.text)
            .size_limit(PATTERN_MAX_BYTES)
            .dfa_size_limit(PATTERN_MAX_BYTES)
            .build();
        match compiled {
            Ok(regex) => Some(regex),
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default();
                let why = last.strip_prefix("error: ").unwrap_or(last);
                self.mistakes
                    .add(&text.span, format!("`{}` does not compile: {why}", text.path))
                    .label("not a pattern")
                    .help(
                        "the syntax is that of https://docs.rs/regex: no look-around, no \
                         references back. In '...' a backslash needs no second one",
                    );
                None
            }
        }
    }

    /// A pattern that may have variables.
    pub(super) fn pattern_template(&mut self, text: &Text, here: &Here) -> Option<Pattern> {
        match Pattern::parse(&text.text, &self.known.names) {
            Ok(pattern) => {
                let here = Here { quotes: false, ..*here };
                self.slots(text, pattern.template(), &here);
                let escapes =
                    |filter: &Filter| matches!(filter, Filter::Regex | Filter::Hex | Filter::Len);
                for slot in pattern.template().slots() {
                    if slot.variable().is_plain() || slot.filters().iter().any(escapes) {
                        continue;
                    }
                    let span = self.inside(&text.span, &text.text, slot.range());
                    let name = slot.name();
                    self.mistakes
                        .warn(&span, format!("`{{{{ {name} }}}}` is read as part of the pattern"))
                        .label("a dot in its value matches anything")
                        .help(format!("write `{{{{ {name} | regex }}}}`"));
                }
                Some(pattern)
            }
            Err(error) => {
                self.refuse(text, error);
                None
            }
        }
    }

    /// One pointer, or several into JSON in a string.
    pub(super) fn pointer(&mut self, path: &str, pointers: &[(&str, &Span)]) -> Option<Pointer> {
        let mut wrong = false;
        for (pointer, span) in pointers {
            if pointer.is_empty() || pointer.starts_with('/') {
                continue;
            }
            wrong = true;
            let meant = pointer.trim_start_matches("$.").replace(['.', '['], "/").replace(']', "");
            self.mistakes
                .add(span, format!("in `{path}`: `{}` is no JSON pointer", pointer.escape_debug()))
                .label("no / in front")
                .help(format!("write \"/{meant}\": each `/` goes one step into the JSON"));
        }
        if wrong {
            return None;
        }
        let texts: Vec<&str> = pointers.iter().map(|(text, _)| *text).collect();
        match Pointer::parse(&texts) {
            Ok(pointer) => Some(pointer),
            Err(why) => {
                let span = pointers.first().map_or(0..0, |(_, span)| (*span).clone());
                self.mistakes.add(&span, format!("in `{path}`: {why}")).label("not a pointer");
                None
            }
        }
    }

    /// Where a value stands. `headers`: whether there are any.
    pub(super) fn source(&mut self, place: &Place, headers: bool) -> Option<Source> {
        Some(match &place.kind {
            PlaceKind::Pointer(texts) => {
                let texts: Vec<_> =
                    texts.iter().map(|text| (text.text.as_str(), &text.span)).collect();
                Source::Pointer(self.pointer(&place.path, &texts)?)
            }
            PlaceKind::Pattern(text) => Source::Pattern(self.pattern(text)?),
            PlaceKind::Header(text) => {
                if !headers {
                    self.mistakes
                        .add(&text.span, format!("`{}` has no headers", place.path))
                        .label("not HTTP")
                        .help("only the answer of a `[[login]]` has headers");
                    return None;
                }
                Source::Header(text.text.clone())
            }
        })
    }

    /// A place whose value no template names.
    pub(super) fn place(&mut self, place: &Place) -> Option<Capture> {
        let source = self.source(place, false)?;
        Some(Capture { into: usize::MAX, name: String::new(), source })
    }

    /// Captures, which have values from here on.
    pub(super) fn captures(&mut self, field: &Field<Captures>, headers: bool) -> Vec<Capture> {
        let mut captures = Vec::new();
        for (At { value: name, .. }, place) in field.get().map_or(&[][..], |c| &c.0) {
            let (Some(into), Some(place)) = (self.known.position(name), place) else { continue };
            if let Some(source) = self.source(place, headers) {
                captures.push(Capture { into, name: name.clone(), source });
            }
        }
        self.known.have(field);
        captures
    }
}
