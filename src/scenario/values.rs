//! The kinds of values that keys hold: names, numbers in a range, units, choices, lists.
//!
//! Each refuses by itself what can never be right; what depends on another key is `check`'s.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::keys::{At, Key, join, list, wrong_kind};
use super::mistake::Mistakes;
use super::suggest::did_you_mean;
use super::tree::{Node, Value};
use crate::units::format::count;
use crate::units::parse;

/// Longest name: it becomes part of file names and table rows.
const LONGEST_NAME: usize = 40;

impl Key for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Bool(flag) => Some(flag),
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Key for String {
    fn expected() -> String {
        "a string in quotes".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// A name: letters, digits, `-` and `_`.
#[derive(Clone, Debug, Default)]
pub(super) struct Name(pub(super) String);

impl Name {
    /// Whether `text` can be a name.
    pub(super) fn is_valid(text: &str) -> bool {
        (1..=LONGEST_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    }
}

impl Key for Name {
    fn expected() -> String {
        "a name in quotes".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        if Self::is_valid(text) {
            return Some(Self(text.clone()));
        }
        refuse_name(node, path, mistakes);
        None
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}$") })
    }
}

/// Records that something can't be a name.
fn refuse_name(node: &Node, path: &str, mistakes: &mut Mistakes) {
    mistakes.add(&node.span, format!("`{path}` is not a name")).label("not a name").help(format!(
        "a name is 1 to {LONGEST_NAME} of the letters a to z and A to Z, digits, `-` and `_`"
    ));
}

/// The file's format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format;

impl Key for Format {
    fn expected() -> String {
        "1, the format that this version reads".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Integer(1) => Some(Self),
            Value::Integer(other) => {
                mistakes
                    .add(&node.span, format!("format {other} is not known to this uproar"))
                    .label("unknown format")
                    .help("this version reads `format = 1`");
                None
            }
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "const": 1 })
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whole<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// As `u32`. The bounds of every use fit; a value past them would be refused at reading.
    pub(super) fn get(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// As `u64`.
    pub(super) fn get_u64(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl<const MIN: i64, const MAX: i64> Key for Whole<MIN, MAX> {
    fn expected() -> String {
        format!("a whole number from {} to {}", grouped(MIN), grouped(MAX))
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::Integer(number) = node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        if (MIN..=MAX).contains(&number) {
            return Some(Self(number));
        }
        let (bound, label) = if number < MIN {
            (format!("at least {}", grouped(MIN)), "too small")
        } else {
            (format!("at most {}", grouped(MAX)), "too large")
        };
        mistakes
            .add(&node.span, format!("`{path}` must be {bound}, not {}", grouped(number)))
            .label(label)
            .help(format!("write {}", Self::expected()));
        None
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A number with its thousands apart.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

impl Key for f64 {
    fn expected() -> String {
        "a number, such as 2.0".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Integer(number) => Some(number as f64),
            Value::Float(number) if number.is_finite() => Some(number),
            Value::Float(_) => {
                mistakes
                    .add(&node.span, format!("`{path}` must be a finite number"))
                    .label("not finite");
                None
            }
            _ => {
                wrong_kind::<Self>(node, path, mistakes);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "number" })
    }
}

/// Reads a string with a unit. A bare number is told about its unit rather than its quotes.
fn with_unit<K: Key, T>(
    node: &Node,
    path: &str,
    mistakes: &mut Mistakes,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(_) | Value::Float(_) => node.written(),
        _ => {
            wrong_kind::<K>(node, path, mistakes);
            return None;
        }
    };
    match parse(&text) {
        Ok(value) => Some(value),
        Err(why) => {
            mistakes
                .add(&node.span, why)
                .label("can't be read")
                .help(format!("`{path}` is {}", K::expected()));
            None
        }
    }
}

impl Key for Duration {
    fn expected() -> String {
        "a duration, such as \"10s\", \"250ms\" or \"1m30s\"".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        with_unit::<Self, _>(node, path, mistakes, |text| {
            let duration = parse::duration(text)?;
            // All of a run's times are: what is less would be no time at all.
            if duration.subsec_nanos().is_multiple_of(1_000) {
                return Ok(duration);
            }
            Err(format!("`{}` is no whole number of microseconds", text.trim().escape_debug()))
        })
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*(h|ms|us|ns|m|s)\s*)+$" })
    }
}

/// Declares a value that is a string with a unit.
macro_rules! unit {
    ($(#[doc = $about:literal])+ $name:ident($inner:ty), $parse:expr, $expected:literal, $pattern:literal) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, Default)]
        pub(super) struct $name(pub(super) $inner);

        impl Key for $name {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
                with_unit::<Self, _>(node, path, mistakes, $parse).map(Self)
            }

            fn schema() -> Json {
                json!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

unit!(
    /// A number of bytes.
    Bytes(u64),
    parse::bytes,
    "a size, such as \"128B\" or \"16KiB\"",
    r"^\s*[0-9]+(\.[0-9]+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)\s*$"
);
unit!(
    /// Times a second.
    Rate(f64),
    parse::rate,
    "a rate, such as \"1/s\" or \"30/min\"",
    r"^\s*[0-9]+(\.[0-9]+)?\s*/\s*(s|min|h)\s*$"
);
unit!(
    /// A share; 1.0 is 100 %.
    Percent(f64),
    parse::percent,
    "a percentage, such as \"30%\"",
    r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"
);
unit!(
    /// A share a second.
    ShareRate(f64),
    parse::share_rate,
    "a share a time, such as \"5%/min\"",
    r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*/\s*(s|min|h)\s*$"
);

/// A level, or a way from one level to another; 1.0 is 100 %.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Levels {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Key for Levels {
    fn expected() -> String {
        "a level, such as \"50%\", or a ramp, such as \"0% -> 100%\"".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        with_unit::<Self, _>(node, path, mistakes, |text| match text.split_once("->") {
            Some((from, to)) => Ok(Self { from: parse::percent(from)?, to: parse::percent(to)? }),
            None => parse::percent(text).map(|level| Self { from: level, to: level }),
        })
    }

    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*(->\s*[0-9]+(\.[0-9]+)?\s*%\s*)?$",
        })
    }
}

impl Key for IpAddr {
    fn expected() -> String {
        "an IP address in quotes, such as \"127.0.0.2\"".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let address = text.trim().parse().ok();
        if address.is_none() {
            mistakes
                .add(&node.span, format!("`{}` is not an IP address", text.escape_debug()))
                .label("not an address")
                .help(format!("`{path}` must be {}", Self::expected()));
        }
        address
    }

    fn schema() -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

/// A closed set of words.
pub(super) trait Choices: Copy + 'static {
    /// What one of them is, as in "unknown codec".
    const WHAT: &'static str;
    /// The words, in the order messages list them.
    const ALL: &'static [(&'static str, Self)];
}

/// One of a closed set of words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<T>(pub(super) T);

impl<T: Choices> Default for Choice<T> {
    fn default() -> Self {
        Self(T::ALL[0].1)
    }
}

impl<T: Choices> Key for Choice<T> {
    fn expected() -> String {
        format!("one of {}", list(T::ALL.iter().map(|(word, _)| *word)))
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let words = || T::ALL.iter().map(|(word, _)| *word);
        if let Some((_, value)) = T::ALL.iter().find(|(word, _)| word == text) {
            return Some(Self(*value));
        }
        let shown = text.escape_debug();
        mistakes
            .add(&node.span, format!("unknown {} `{shown}`", T::WHAT))
            .label(format!("unknown {}", T::WHAT))
            .help(format!("{}`{path}` can be: {}", did_you_mean(text, words()), list(words())));
        None
    }

    fn schema() -> Json {
        json!({ "enum": T::ALL.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
    }
}

/// Entries of a list or of a table of names. Some things are as many as the product of two lists.
const ENTRIES_MAX: usize = 1_000;

/// Refuses what has too many entries.
fn not_longer(entries: usize, node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<()> {
    if entries <= ENTRIES_MAX {
        return Some(());
    }
    mistakes
        .add(&node.span, format!("`{path}` has {} entries", count(entries as u64)))
        .label("from here on")
        .help("1,000 is the most");
    None
}

/// Values in a list; for tables, `[[...]]`.
#[derive(Clone, Debug)]
pub(super) struct List<T>(pub(super) Vec<At<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Key> Key for List<T> {
    fn expected() -> String {
        match T::expected().as_str() {
            "a table" => "a list of tables, each opened with double brackets".to_owned(),
            each => format!("a list in brackets, each {each}"),
        }
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Value::List(nodes) = &node.value else {
            wrong_kind::<Self>(node, path, mistakes);
            if node.table().is_some() {
                mistakes.help(format!("write `[[{path}]]` above it"));
            }
            return None;
        };
        not_longer(nodes.len(), node, path, mistakes)?;
        let read = nodes.iter().enumerate().map(|(index, item)| {
            // As `--set` addresses it.
            let name = match item.table().and_then(|table| table.get("name")) {
                Some(entry) => match &entry.node.value {
                    Value::Text(name) if Name::is_valid(name) => name.clone(),
                    _ => index.to_string(),
                },
                None => index.to_string(),
            };
            let value = T::read(item, &join(path, &name), mistakes)?;
            Some(At { value, span: item.span.clone() })
        });
        // One that is wrong is left out rather than taking the others with it: their rules are
        // still checked, and with a mistake recorded no scenario is returned.
        Some(Self(read.flatten().collect()))
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A table whose keys are names of the writer's choice. `None` is one that could not be read; its
/// name still counts where it is referred to.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(At<String>, Option<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Key> Key for Named<T> {
    fn expected() -> String {
        format!("a table of names, each with {}", T::expected())
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        not_longer(table.entries.len(), node, path, mistakes)?;
        let mut read = Vec::new();
        for entry in &table.entries {
            let path = join(path, &entry.key);
            if !Name::is_valid(&entry.key) {
                let key = Node { span: entry.key_span.clone(), value: Value::Bool(false) };
                refuse_name(&key, &path, mistakes);
            }
            let value = T::read(&entry.node, &path, mistakes);
            read.push((At { value: entry.key.clone(), span: entry.key_span.clone() }, value));
        }
        Some(Self(read))
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": Name::schema(),
            "additionalProperties": T::schema(),
        })
    }
}

/// Header names and values.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(pub(super) Vec<(At<String>, At<String>)>);

impl Key for Headers {
    fn expected() -> String {
        "a table of headers, such as { Origin = \"https://example.com\" }".to_owned()
    }

    fn read(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(table) = node.table() else {
            wrong_kind::<Self>(node, path, mistakes);
            return None;
        };
        let mut headers = Vec::new();
        for entry in &table.entries {
            let path = join(path, &entry.key);
            let values = match &entry.node.value {
                Value::List(nodes) => &nodes[..],
                _ => std::slice::from_ref(&entry.node),
            };
            for node in values {
                if let Some(value) = String::read(node, &path, mistakes) {
                    headers.push((
                        At { value: entry.key.clone(), span: entry.key_span.clone() },
                        At { value, span: node.span.clone() },
                    ));
                }
            }
        }
        Some(Self(headers))
    }

    fn schema() -> Json {
        let text = json!({ "type": "string" });
        let value = json!({ "anyOf": [text, { "type": "array", "items": text }] });
        json!({ "type": "object", "additionalProperties": value })
    }
}
