//! What a template can do to a value: escape it for where it stands, measure it, sign it.

use std::borrow::Cow;

use data_encoding::{BASE64, HEXLOWER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::super::scope::{Scope, Value, Variable};
use super::error::Missing;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest number that MQTT's variable byte integer holds.
const VARINT_MAX: usize = (1 << 28) - 1;

/// One thing done to a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Escapes for the inside of a JSON string; writes no quotes.
    Json,
    /// [`Filter::Json`] twice, for JSON inside a JSON string.
    Json2,
    /// Escapes for text and attributes of XML.
    Xml,
    /// Percent-encodes all but letters, digits, `-`, `.`, `_` and `~`.
    Url,
    /// With padding (RFC 4648, section 4).
    Base64,
    /// Lower case.
    Hex,
    /// Escapes what means something in a pattern.
    Regex,
    /// The number of bytes, in decimal digits.
    Len,
    /// The number of bytes, in two bytes, the high one first.
    LenU16,
    /// The number of bytes, as MQTT's variable byte integer.
    LenVarint,
    /// In lower case.
    Lower,
    /// What stands for a value that is missing.
    Default(String),
    /// The 32 bytes of HMAC-SHA-256 with that key.
    HmacSha256(Key),
}

impl Filter {
    /// About how many bytes it makes of so many.
    pub(super) fn length(&self, bytes: usize) -> usize {
        match self {
            Self::Base64 => bytes.div_ceil(3) * 4,
            Self::Hex => bytes * 2,
            Self::Len => 8,
            Self::LenU16 => 2,
            Self::LenVarint => 4,
            Self::HmacSha256(_) => 32,
            Self::Json | Self::Json2 | Self::Xml | Self::Url => bytes,
            Self::Regex | Self::Lower | Self::Default(_) => bytes,
        }
    }
}

/// What signs a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Key {
    /// This.
    Bytes(Vec<u8>),
    /// The variable's value, and its name as it was written.
    Variable(Variable, String),
}

impl Key {
    pub(super) fn value<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, Missing> {
        match self {
            Self::Bytes(bytes) => Ok(Value::Borrowed(bytes)),
            Self::Variable(variable, name) => scope.value(variable).ok_or_else(|| Missing {
                variable: name.clone(),
                why: scope.why_missing(variable, name),
            }),
        }
    }
}

impl Filter {
    /// Every filter's name.
    pub const NAMES: [&str; 13] = [
        "json",
        "json2",
        "xml",
        "url",
        "base64",
        "hex",
        "regex",
        "len",
        "len_u16",
        "len_varint",
        "lower",
        "default",
        "hmac_sha256",
    ];

    /// The filter of that name, if it takes no argument.
    pub(super) fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "json2" => Self::Json2,
            "xml" => Self::Xml,
            "url" => Self::Url,
            "base64" => Self::Base64,
            "hex" => Self::Hex,
            "regex" => Self::Regex,
            "len" => Self::Len,
            "len_u16" => Self::LenU16,
            "len_varint" => Self::LenVarint,
            "lower" => Self::Lower,
            _ => return None,
        })
    }

    /// What its key names.
    pub(super) fn variable(&self) -> Option<&Variable> {
        match self {
            Self::HmacSha256(Key::Variable(variable, _)) => Some(variable),
            _ => None,
        }
    }

    /// Whether it gives the value's length and nothing of the value.
    #[must_use]
    pub fn gives_length(&self) -> bool {
        matches!(self, Self::Len | Self::LenU16 | Self::LenVarint)
    }

    pub(super) fn leaves_no_quotes(&self) -> bool {
        matches!(self, Self::Json | Self::Json2 | Self::Url | Self::Base64 | Self::Hex | Self::Len)
    }

    /// Appends the changed value to `out`, or says why there is none.
    fn apply(&self, value: &[u8], scope: &Scope<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Json => escape(value, in_json, push_json, out),
            Self::Json2 => {
                let mut once = Vec::with_capacity(value.len());
                escape(value, in_json, push_json, &mut once);
                escape(&once, in_json, push_json, out);
            }
            Self::Xml => escape(value, in_xml, push_xml, out),
            Self::Url => {
                for piece in percent_encode(value, RESERVED) {
                    out.extend_from_slice(piece.as_bytes());
                }
            }
            Self::Base64 => out.extend_from_slice(BASE64.encode(value).as_bytes()),
            Self::Hex => out.extend_from_slice(HEXLOWER.encode(value).as_bytes()),
            Self::Regex => out.extend_from_slice(regex::escape(text(value, "regex")?).as_bytes()),
            Self::Len => out.extend_from_slice(itoa::Buffer::new().format(value.len()).as_bytes()),
            Self::LenU16 => {
                let length = u16::try_from(value.len()).map_err(|_| too_long(value, 65_535))?;
                out.extend_from_slice(&length.to_be_bytes());
            }
            Self::LenVarint => push_varint(value, out)?,
            Self::Lower => out.extend_from_slice(text(value, "lower")?.to_lowercase().as_bytes()),
            Self::Default(_) => out.extend_from_slice(value),
            Self::HmacSha256(key) => {
                let key = key.value(scope).map_err(|missing| missing.why)?;
                let key = key.with(|bytes| hmac::Key::new(hmac::HMAC_SHA256, bytes));
                out.extend_from_slice(hmac::sign(&key, value).as_ref());
            }
        }
        Ok(())
    }
}

/// Appends what the filters make of the value, one after the other.
pub(super) fn chain(
    value: &[u8],
    filters: &[Filter],
    scope: &Scope<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let [earlier @ .., last] = filters else {
        out.extend_from_slice(value);
        return Ok(());
    };
    let mut value = Cow::Borrowed(value);
    for filter in earlier {
        let mut next = Vec::with_capacity(value.len());
        filter.apply(&value, scope, &mut next)?;
        value = Cow::Owned(next);
    }
    last.apply(&value, scope, out)
}

/// Copies what needs no escape in whole stretches: a payload mostly is one.
fn escape(
    value: &[u8],
    is_special: impl Fn(u8) -> bool,
    push: impl Fn(u8, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut rest = value;
    while let Some(at) = first(rest, &is_special) {
        out.extend_from_slice(&rest[..at]);
        push(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Where the first special byte is. A block is looked at whole, which the compiler makes a few
/// vector instructions of.
fn first(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> Option<usize> {
    const BLOCK: usize = 32;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks
        .iter()
        .take_while(|block| !block.iter().fold(false, |any, &byte| any | is_special(byte)))
        .count();
    let start = plain * BLOCK;
    bytes[start..].iter().position(|&byte| is_special(byte)).map(|at| start + at)
}

/// What RFC 8259 forbids in a string.
fn in_json(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn in_xml(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'\'')
}

fn push_json(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(HEXLOWER.encode(&[byte]).as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn push_xml(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(match byte {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        // `&apos;` is unknown to HTML 4.
        _ => b"&#39;",
    });
}

fn push_varint(value: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if value.len() > VARINT_MAX {
        return Err(too_long(value, VARINT_MAX));
    }
    let mut rest = value.len();
    loop {
        let more = if rest > 0x7f { 0x80 } else { 0 };
        // Seven bits always fit.
        out.push((rest & 0x7f) as u8 | more);
        rest >>= 7;
        if rest == 0 {
            return Ok(());
        }
    }
}

fn too_long(value: &[u8], most: usize) -> String {
    format!("{} bytes are more than the {most} that its length can say", value.len())
}

fn text<'a>(value: &'a [u8], filter: &str) -> Result<&'a str, String> {
    std::str::from_utf8(value).map_err(|_| format!("the filter `{filter}` needs text (UTF-8)"))
}
