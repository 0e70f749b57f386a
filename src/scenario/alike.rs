//! Rules that scenario and protocol files have alike: of durations and of headers.

use std::time::Duration;

use super::keys::Field;
use super::mistake::{Mistakes, Span};

/// Headers that the handshake itself sets.
const RESERVED: [&str; 5] = ["connection", "upgrade", "content-length", "transfer-encoding", "te"];

/// Where a key is written, rightly.
pub(super) fn written_of<T>(field: &Field<T>) -> Option<&Span> {
    field.written().map(|at| &at.span)
}

/// Refuses a duration of nothing.
pub(super) fn not_zero(path: &str, field: &Field<Duration>, mistakes: &mut Mistakes) {
    if let Some(at) = field.written()
        && at.value.is_zero()
    {
        mistakes
            .add(&at.span, format!("`{path}` must be over 0"))
            .label("too short")
            .help("write a duration such as \"10s\"");
    }
}

/// RFC 9110, 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why a header can't be sent, and what to do.
pub(super) fn wrong_header(name: &str, value: &str) -> Option<(String, &'static str)> {
    if name.is_empty() || !name.bytes().all(is_token) {
        let why = format!("`{}` can't be the name of a header", name.escape_debug());
        return Some((why, "a name is letters, digits and `-`, as in Authorization"));
    }
    let lower = name.to_ascii_lowercase();
    if lower == "sec-websocket-protocol" {
        let why = format!("the header `{name}` is set by the handshake");
        return Some((why, "write target.subprotocols = [\"...\"]"));
    }
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
        return Some((format!("the header `{name}` is set by the handshake"), "remove it"));
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        let why = format!("the header `{name}` has a control character in its value");
        return Some((why, "a value is one line of text"));
    }
    None
}
