//! What goes wrong between dialling and the end of a connection, placed in the closed taxonomy.

use std::io;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::http::header::{
    CONTENT_ENCODING, LOCATION, RETRY_AFTER, SEC_WEBSOCKET_EXTENSIONS,
};
use tokio_tungstenite::tungstenite::http::{HeaderName, Response};

use super::error::DialError;
use super::frames::Rule;
use super::system::system_error;
use super::tls;
use super::upgrade::HEAD_BYTES_MAX;
use crate::metric::{Detail, ErrorKind, LocalLimit, Step};
use crate::secrets::redact_query;
use crate::units::format::{bytes, count};

/// Places an error of a stream in the taxonomy: TLS's own, a broken rule of frames, or the system's.
pub(super) fn io_error(error: &io::Error, step: Step) -> DialError {
    if let Some(error) = tls::error_in(error, step) {
        return error;
    }
    match Rule::broken_in(error) {
        Some(rule) => DialError::new(ErrorKind::ProtocolViolation, step, rule.to_string()),
        None => system_error(error, step),
    }
}

/// Places an error of the WebSocket library in the taxonomy.
pub(super) fn classify(error: &Error, step: Step) -> DialError {
    match error {
        Error::Io(error) => io_error(error, step),
        Error::Http(response) => http_status(response),
        _ if step == Step::Upgrade => bad_handshake(error),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => DialError::new(ErrorKind::Reset, step, error.to_string()),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let (size, max) = (count(*size as u64), count(*max_size as u64));
            let text = format!("a message of {size} bytes or more, where {max} is the most");
            DialError::new(ErrorKind::Oversize, step, text)
        }
        // Our own bound, which no write should meet: never the server's fault.
        Error::WriteBufferFull(_) => {
            DialError::local_limit(LocalLimit::Memory, step, "our own write buffer is full")
        }
        error => DialError::new(ErrorKind::ProtocolViolation, step, broken_rule(error)),
    }
}

/// Which rule of RFC 6455 a frame broke. Those that the library lets pass are `frames`'s.
fn broken_rule(error: &Error) -> String {
    let what = match error {
        Error::Protocol(ProtocolError::NonZeroReservedBits) => {
            "reserved bits are set in a frame: the server compresses (permessage-deflate), which was \
             not agreed, or what it sends is no frame"
        }
        Error::Protocol(ProtocolError::MaskedFrameFromServer) => {
            "a frame is masked, as only those of clients are (RFC 6455, 5.1)"
        }
        Error::Protocol(ProtocolError::FragmentedControlFrame) => {
            "a ping, pong or close frame is in parts (RFC 6455, 5.5)"
        }
        Error::Protocol(ProtocolError::ControlFrameTooBig) => {
            "a ping, pong or close frame has more than 125 bytes (RFC 6455, 5.5)"
        }
        Error::Protocol(
            ProtocolError::InvalidOpcode(opcode)
            | ProtocolError::UnknownControlFrameType(opcode)
            | ProtocolError::UnknownDataFrameType(opcode),
        ) => return format!("a frame has the opcode {opcode}, which is none (RFC 6455, 5.2)"),
        Error::Protocol(ProtocolError::UnexpectedContinueFrame) => {
            "a frame goes on with a message that never began (RFC 6455, 5.4)"
        }
        Error::Protocol(ProtocolError::ExpectedFragment(_)) => {
            "a message begins before the one before it has ended (RFC 6455, 5.4)"
        }
        Error::Protocol(ProtocolError::InvalidCloseSequence) => {
            "a close frame has one byte, where a code has two (RFC 6455, 5.5.1)"
        }
        Error::Protocol(ProtocolError::ReceivedAfterClosing) => {
            "a frame came after the close frame (RFC 6455, 5.5.1)"
        }
        Error::Utf8(_) => "a text is not UTF-8 (RFC 6455, 8.1)",
        error => return error.to_string(),
    };
    what.to_owned()
}

/// Whatever is wrong with an answer to the upgrade but its status.
fn bad_handshake(error: &Error) -> DialError {
    let (kind, text) = match error {
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            (ErrorKind::Reset, "the connection ended before the upgrade was answered".to_owned())
        }
        Error::Protocol(ProtocolError::WrongHttpVersion) => {
            let text = "its answer to the upgrade is HTTP/1.0, and a WebSocket needs 1.1: does a proxy \
                        stand before it?";
            (ErrorKind::BadHandshake, text.to_owned())
        }
        Error::Protocol(ProtocolError::HttparseError(why)) => {
            (ErrorKind::BadHandshake, format!("its answer to the upgrade is not HTTP ({why})"))
        }
        Error::AttackAttempt => {
            let text = format!(
                "its answer to the upgrade has more than {} of headers",
                bytes(HEAD_BYTES_MAX as u64)
            );
            (ErrorKind::BadHandshake, text)
        }
        Error::Capacity(CapacityError::TooManyHeaders) => {
            (ErrorKind::BadHandshake, "its answer to the upgrade has too many headers".to_owned())
        }
        Error::Protocol(why) => (ErrorKind::BadHandshake, wrong_answer(why)),
        error => (ErrorKind::BadHandshake, error.to_string()),
    };
    DialError::new(kind, Step::Upgrade, text)
}

/// What an answer with status 101 lacks, or has too much.
fn wrong_answer(why: &ProtocolError) -> String {
    let what = match why {
        ProtocolError::MissingUpgradeWebSocketHeader => "has no `Upgrade: websocket`",
        ProtocolError::MissingConnectionUpgradeHeader => "has no `Connection: Upgrade`",
        ProtocolError::SecWebSocketAcceptKeyMismatch => {
            "has no Sec-WebSocket-Accept that fits our key: what answered is no WebSocket server, or \
             a cache before it"
        }
        ProtocolError::InvalidHeader(name) if **name == SEC_WEBSOCKET_EXTENSIONS => {
            "chooses an extension that was not offered (Sec-WebSocket-Extensions)"
        }
        ProtocolError::SecWebSocketSubProtocolError(_) => {
            "chooses a subprotocol that was not offered (Sec-WebSocket-Protocol)"
        }
        why => return why.to_string(),
    };
    format!("its answer to the upgrade {what}")
}

fn http_status(response: &Response<Option<Vec<u8>>>) -> DialError {
    let status = response.status();
    let header = |name: HeaderName| {
        response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    let mut text = format!("answered {status} to the upgrade");
    if let Some(elsewhere) = header(LOCATION) {
        // It may carry a token.
        let elsewhere = match elsewhere.split_once('?') {
            Some((path, query)) => format!("{path}?{}", redact_query(query)),
            None => elsewhere.into_owned(),
        };
        text.push_str(&format!(", pointing to {elsewhere}"));
    }
    if let Some(wait) = header(RETRY_AFTER) {
        text.push_str(&format!(", to be tried again after {wait} (Retry-After)"));
    }
    let body = response.body().as_deref().unwrap_or_default();
    let encoding = header(CONTENT_ENCODING).filter(|encoding| *encoding != "identity");
    match (encoding, body) {
        (_, []) => {}
        (Some(encoding), _) => text.push_str(&format!("; its text is in {encoding}, not shown")),
        (None, body) if !is_text(body) => text.push_str("; what it says is no text"),
        (None, body) => {
            let shown = String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES_MAX)]);
            if !shown.trim().is_empty() {
                text.push_str(": ");
                text.push_str(shown.trim());
            }
        }
    }
    let error = DialError::new(ErrorKind::HttpStatus, Step::Upgrade, text);
    DialError { detail: Detail::Status(status.as_u16()), ..error }
}

/// So much of a refusal's text is shown.
const BODY_BYTES_MAX: usize = 120;

/// Whether bytes are for a person to read. The last character may be cut off.
fn is_text(bytes: &[u8]) -> bool {
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_some() => return false,
        Err(error) => &bytes[..error.valid_up_to()],
        Ok(_) => bytes,
    };
    !whole.contains(&0)
}

#[cfg(test)]
mod tests {
    use nix::libc;
    use tokio_tungstenite::tungstenite::http::StatusCode;

    use super::*;

    #[test]
    fn errors_of_the_system_in_a_table() {
        let limit = Detail::Limit;
        let table = [
            (libc::ECONNREFUSED, ErrorKind::Refused, Detail::None),
            (libc::ETIMEDOUT, ErrorKind::TimedOut, Detail::None),
            (libc::ECONNRESET, ErrorKind::Reset, Detail::None),
            (libc::EPIPE, ErrorKind::Reset, Detail::None),
            (libc::ECONNABORTED, ErrorKind::Reset, Detail::None),
            (libc::EMFILE, ErrorKind::LocalLimit, limit(LocalLimit::OpenFiles)),
            (libc::ENFILE, ErrorKind::LocalLimit, limit(LocalLimit::OpenFiles)),
            (libc::EADDRNOTAVAIL, ErrorKind::LocalLimit, limit(LocalLimit::Ports)),
            (libc::ENOBUFS, ErrorKind::LocalLimit, limit(LocalLimit::Memory)),
            (libc::ENOMEM, ErrorKind::LocalLimit, limit(LocalLimit::Memory)),
            (libc::EHOSTUNREACH, ErrorKind::Io, Detail::None),
            (libc::ENETUNREACH, ErrorKind::Io, Detail::None),
            (libc::EACCES, ErrorKind::Io, Detail::None),
        ];
        for (number, kind, detail) in table {
            for step in [Step::Tcp, Step::Upgrade, Step::Active] {
                let error = Error::Io(io::Error::from_raw_os_error(number));
                let found = classify(&error, step);
                let expected = (kind, detail, step);
                assert_eq!((found.kind, found.detail, found.step), expected, "{number}");
            }
        }
    }

    fn refused(headers: &[(HeaderName, &str)], body: &[u8]) -> String {
        let mut response = Response::new(Some(body.to_vec()));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        let error = http_status(&response);
        assert_eq!((error.kind, error.detail), (ErrorKind::HttpStatus, Detail::Status(503)));
        let text = error.text.strip_prefix("answered 503 Service Unavailable to the upgrade");
        text.unwrap_or_else(|| panic!("{}", error.text)).to_owned()
    }

    #[test]
    fn a_refusal_is_shown_as_what_it_is() {
        assert_eq!(refused(&[], b""), "");
        assert_eq!(refused(&[], b"  full\n"), ": full");
        assert_eq!(refused(&[], &[b'a'; 300]), format!(": {}", "a".repeat(120)));
        assert_eq!(refused(&[], "caf\u{e9}".as_bytes()), ": caf\u{e9}");
        assert_eq!(refused(&[], b"caf\xc3"), ": caf\u{fffd}", "cut within a character");
        let gzip = (CONTENT_ENCODING, "gzip");
        assert_eq!(refused(&[gzip], b"\x1f\x8b\x08"), "; its text is in gzip, not shown");
        assert_eq!(refused(&[(CONTENT_ENCODING, "identity")], b"no"), ": no");
        assert_eq!(refused(&[], b"\x1f\x8b\x08\x00"), "; what it says is no text");
        assert_eq!(refused(&[], b"a\x00b"), "; what it says is no text");
        let after = (RETRY_AFTER, "120");
        let expected = ", to be tried again after 120 (Retry-After): busy";
        assert_eq!(refused(&[after], b"busy"), expected);
        assert_eq!(refused(&[(LOCATION, "/other")], b""), ", pointing to /other");
        let told = refused(&[(LOCATION, "wss://h.test/ok?token=s3cret&x&room=1")], b"");
        assert_eq!(told, ", pointing to wss://h.test/ok?token=[redacted]&x&room=[redacted]");
    }

    /// What whole runs against hostile servers don't reach, or not in each step.
    #[test]
    fn errors_of_the_library_in_a_table() {
        use ErrorKind::{BadHandshake, LocalLimit, Oversize, ProtocolViolation, Reset};
        let size = CapacityError::MessageTooLong { size: 9, max_size: 8 };
        let table = [
            (Error::AttackAttempt, Step::Upgrade, BadHandshake),
            (Error::Capacity(CapacityError::TooManyHeaders), Step::Upgrade, BadHandshake),
            (Error::Utf8("a header".to_owned()), Step::Upgrade, BadHandshake),
            (Error::Protocol(ProtocolError::HandshakeIncomplete), Step::Upgrade, Reset),
            (Error::Capacity(size), Step::Active, Oversize),
            (Error::Utf8("a message".to_owned()), Step::Active, ProtocolViolation),
            (Error::Protocol(ProtocolError::NonZeroReservedBits), Step::Join, ProtocolViolation),
            (Error::Protocol(ProtocolError::ResetWithoutClosingHandshake), Step::Join, Reset),
            (Error::ConnectionClosed, Step::Active, Reset),
            (
                Error::WriteBufferFull(Box::new(tokio_tungstenite::tungstenite::Message::text(""))),
                Step::Active,
                LocalLimit,
            ),
        ];
        for (error, step, kind) in table {
            let found = classify(&error, step);
            assert_eq!((found.kind, found.step), (kind, step), "{error:?}");
        }
    }
}
