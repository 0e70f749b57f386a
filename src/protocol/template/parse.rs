//! Reads a template's text. Each mistake has its place and says what could stand there instead.

use std::ops::Range;

use super::super::scope::{Names, TargetPart, Variable};
use super::error::TemplateError;
use super::filter::{Filter, Key};
use super::slot::Slot;
use super::{Builder, Template};
use crate::units::suggest::did_you_mean;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// Which filters a template may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Filters {
    /// Those whose result is text.
    OfText,
    All,
}

pub(super) fn text(text: &str, names: &Names, filters: Filters) -> Result<Template, TemplateError> {
    let mut builder = Builder::default();
    let mut quotes = Quotes::default();
    let mut at = 0;
    while let Some(open) = text[at..].find(OPEN) {
        let literal = &text[at..at + open];
        quotes.pass(literal);
        builder.push_literal(literal.as_bytes());
        let mut cursor = Cursor { text, at: at + open, names };
        match cursor.braces(quotes.is_open)? {
            Braces::Slot(slot) => {
                if filters == Filters::OfText {
                    refuse_bytes(&slot)?;
                }
                builder.push_slot(slot);
            }
            Braces::Text(literal) => {
                quotes.pass(literal);
                builder.push_literal(literal.as_bytes());
            }
        }
        at = cursor.at;
    }
    builder.push_literal(&text.as_bytes()[at..]);
    Ok(builder.finish(false))
}

pub(super) fn hex(text: &str, names: &Names) -> Result<Template, TemplateError> {
    let mut builder = Builder::default();
    let mut high: Option<(usize, u8)> = None;
    let mut at = 0;
    while let Some(found) = text[at..].chars().next() {
        let end = at + found.len_utf8();
        if let Some(digit) = found.to_digit(16) {
            // A hexadecimal digit is below 16.
            let digit = digit as u8;
            match high.take() {
                Some((_, high)) => builder.push_literal(&[high << 4 | digit]),
                None => high = Some((at, digit)),
            }
            at = end;
        } else if let Some((place, _)) = high {
            return Err(mistake(
                place..place + 1,
                "half a byte".to_owned(),
                "write each byte as two hex digits: `0a`, not `a`".to_owned(),
            ));
        } else if found.is_whitespace() {
            at = end;
        } else if text[at..].starts_with(OPEN) {
            let mut cursor = Cursor { text, at, names };
            match cursor.braces(false)? {
                Braces::Slot(slot) => builder.push_slot(slot),
                Braces::Text(literal) => builder.push_literal(literal.as_bytes()),
            }
            at = cursor.at;
        } else {
            return Err(mistake(
                at..end,
                format!("`{}` is no hex digit", found.escape_debug()),
                "write bytes as pairs of hex digits, and text as `{{ 'text' }}`".to_owned(),
            ));
        }
    }
    if let Some((place, _)) = high {
        return Err(mistake(
            place..place + 1,
            "half a byte".to_owned(),
            "write each byte as two hex digits: `0a`, not `a`".to_owned(),
        ));
    }
    Ok(builder.finish(true))
}

/// Bytes that are no text would end a connection as a breach of RFC 6455, section 8.1.
fn refuse_bytes(slot: &Slot) -> Result<(), TemplateError> {
    let mut bytes_of = None;
    for filter in &slot.filters {
        match filter {
            Filter::LenU16 => bytes_of = Some("len_u16"),
            Filter::LenVarint => bytes_of = Some("len_varint"),
            Filter::HmacSha256(_) => bytes_of = Some("hmac_sha256"),
            Filter::Hex | Filter::Base64 | Filter::Url | Filter::Len => bytes_of = None,
            _ => {}
        }
    }
    let help = match bytes_of {
        None => return Ok(()),
        Some("hmac_sha256") => "follow it with `hex` or `base64`",
        Some(_) => "it is for binary frames: write the frame with `hex` or `binary`",
    };
    let name = bytes_of.unwrap_or_default();
    let message = format!("the filter `{name}` gives bytes that are no text");
    Err(mistake(slot.range.clone(), message, help.to_owned()))
}

fn mistake(range: Range<usize>, message: String, help: String) -> TemplateError {
    TemplateError { range, message, help: Some(help) }
}

/// Whether text that has passed by left a double quote open, as JSON counts.
#[derive(Default)]
struct Quotes {
    is_open: bool,
    is_escaped: bool,
}

impl Quotes {
    fn pass(&mut self, literal: &str) {
        for byte in literal.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_open = !self.is_open,
                _ => {}
            }
        }
    }
}

enum Braces<'a> {
    Slot(Slot),
    Text(&'a str),
}

/// Reads on from a place in the text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    names: &'a Names,
}

impl<'a> Cursor<'a> {
    /// From the opening braces past the closing ones.
    fn braces(&mut self, is_in_quotes: bool) -> Result<Braces<'a>, TemplateError> {
        let start = self.at;
        self.at += OPEN.len();
        self.skip_space();
        if let Some(literal) = self.quoted()? {
            self.skip_space();
            return if self.take(CLOSE) {
                Ok(Braces::Text(literal))
            } else {
                Err(self.expected("`}}`: text in quotes takes no filters"))
            };
        }
        let place = self.at;
        let name = self.word();
        let variable = self.variable(name, place)?;
        let mut filters = Vec::new();
        loop {
            self.skip_space();
            if self.take(CLOSE) {
                break;
            }
            if !self.take("|") {
                return Err(if self.at == self.text.len() {
                    mistake(
                        start..start + OPEN.len(),
                        "these braces are never closed".to_owned(),
                        "close them with `}}`, or write `{{ '{{' }}` for the braces themselves"
                            .to_owned(),
                    )
                } else {
                    self.expected("`|` and a filter, or `}}`")
                });
            }
            self.skip_space();
            filters.push(self.filter()?);
        }
        let inside = &self.text[start + OPEN.len()..self.at - CLOSE.len()];
        Ok(Braces::Slot(Slot {
            variable,
            name: name.to_owned(),
            filters,
            text: inside.trim().to_owned(),
            range: start..self.at,
            is_in_quotes,
        }))
    }

    fn filter(&mut self) -> Result<Filter, TemplateError> {
        let place = self.at;
        let name = self.word();
        let named = place..self.at;
        self.skip_space();
        let has_argument = self.take("(");
        match (name, has_argument) {
            ("default", true) => {
                self.skip_space();
                let text = match self.quoted()? {
                    Some(text) => text,
                    None => self.bare(),
                };
                self.close_argument()?;
                Ok(Filter::Default(text.to_owned()))
            }
            ("hmac_sha256", true) => {
                self.skip_space();
                let key = match self.quoted()? {
                    Some(key) => Key::Bytes(key.as_bytes().to_vec()),
                    None => {
                        let place = self.at;
                        let name = self.word();
                        Key::Variable(self.variable(name, place)?, name.to_owned())
                    }
                };
                self.close_argument()?;
                Ok(Filter::HmacSha256(key))
            }
            ("default", false) => Err(mistake(
                named,
                "the filter `default` needs a text".to_owned(),
                "write `default(none)` or `default('a text')`".to_owned(),
            )),
            ("hmac_sha256", false) => Err(mistake(
                named,
                "the filter `hmac_sha256` needs a key".to_owned(),
                "write `hmac_sha256(env.KEY)`".to_owned(),
            )),
            (name, has_argument) => match Filter::plain(name) {
                Some(filter) if !has_argument => Ok(filter),
                Some(_) => Err(mistake(
                    named,
                    format!("the filter `{name}` takes no argument"),
                    format!("write `{name}`"),
                )),
                None => Err(unknown_filter(name, named)),
            },
        }
    }

    fn variable(&self, name: &str, place: usize) -> Result<Variable, TemplateError> {
        let known = match name {
            "room" => Some(Variable::Room),
            "n" => Some(Variable::N),
            "client" => Some(Variable::Client),
            "run" => Some(Variable::Run),
            "id" => Some(Variable::Id),
            "payload" => Some(Variable::Payload),
            "seq" => Some(Variable::Seq),
            "now_ms" => Some(Variable::NowMs),
            "uuid" => Some(Variable::Uuid),
            _ => match name.split_once('.') {
                Some((_, "")) => None,
                Some(("user", column)) => Some(Variable::User(column.to_owned())),
                Some(("env", name)) => Some(Variable::Env(name.to_owned())),
                Some(("params", name)) => {
                    let is_declared = self.names.params.iter().any(|param| param == name);
                    is_declared.then(|| Variable::Param(name.to_owned()))
                }
                Some(("target", "http")) => Some(Variable::Target(TargetPart::Http)),
                Some(("target", "ws")) => Some(Variable::Target(TargetPart::Ws)),
                Some(("target", "host")) => Some(Variable::Target(TargetPart::Host)),
                Some(_) => None,
                None => self.names.captures.iter().position(|c| c == name).map(Variable::Capture),
            },
        };
        known.ok_or_else(|| self.unknown_variable(name, place))
    }

    fn unknown_variable(&self, name: &str, place: usize) -> TemplateError {
        let params: Vec<String> =
            self.names.params.iter().map(|param| format!("params.{param}")).collect();
        let captures = self.names.captures.iter().map(String::as_str);
        let declared: Vec<&str> = params.iter().map(String::as_str).chain(captures).collect();
        let fixed = ["target.http", "target.ws", "target.host"];
        let known = Variable::FIXED.into_iter().chain(fixed).chain(declared.iter().copied());
        let suggestion = did_you_mean(name, known);
        let mut help = format!(
            "{suggestion}there are: {}, target.http, target.ws, target.host, user.COLUMN, env.NAME",
            Variable::FIXED.join(", "),
        );
        if declared.is_empty() {
            help.push_str("; this file has no params and captures nothing");
        } else {
            help.push_str("; and of this file: ");
            help.push_str(&declared.join(", "));
        }
        let message = match name.split_once('.') {
            _ if name.is_empty() => "a variable's name is missing here".to_owned(),
            Some(("params", param)) if !param.is_empty() => {
                format!("the param `{param}` is not declared under [params]")
            }
            _ => format!("there is no variable `{name}`"),
        };
        mistake(self.shown(place, name.len()), message, help)
    }

    fn close_argument(&mut self) -> Result<(), TemplateError> {
        self.skip_space();
        if self.take(")") { Ok(()) } else { Err(self.expected("`)`")) }
    }

    /// Text up to the next quote of the kind that opens it; none where there is no quote.
    fn quoted(&mut self) -> Result<Option<&'a str>, TemplateError> {
        let rest = &self.text[self.at..];
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let Some(length) = rest[1..].find(quote) else {
            return Err(mistake(
                self.at..self.at + 1,
                "this quote is never closed".to_owned(),
                format!("close it with {quote}"),
            ));
        };
        self.at += length + 2;
        Ok(Some(&rest[1..=length]))
    }

    /// An argument without quotes.
    fn bare(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find([')', '|', '}']).unwrap_or(rest.len());
        self.at += length;
        rest[..length].trim_end()
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn take(&mut self, token: &str) -> bool {
        let is_next = self.text[self.at..].starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn expected(&self, what: &str) -> TemplateError {
        let range = self.shown(self.at, 0);
        let message = if range.is_empty() {
            "the text ends here".to_owned()
        } else {
            format!("`{}` does not belong here", self.text[range.clone()].escape_debug())
        };
        mistake(range, message, format!("expected {what}"))
    }

    /// `length` bytes from `place`, or the character there if that is 0.
    fn shown(&self, place: usize, length: usize) -> Range<usize> {
        let next = self.text[place..].chars().next().map_or(0, char::len_utf8);
        place..place + if length == 0 { next } else { length }
    }
}

fn unknown_filter(name: &str, range: Range<usize>) -> TemplateError {
    let message = if name.is_empty() {
        "a filter's name is missing here".to_owned()
    } else {
        format!("there is no filter `{name}`")
    };
    let suggestion = did_you_mean(name, Filter::NAMES);
    mistake(range, message, format!("{suggestion}there are: {}", Filter::NAMES.join(", ")))
}
