//! Why a connection did not come about, or ended: what goes from a failed step to the figures.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;

use crate::metric::{Detail, ErrorKind, LocalLimit, Step};
use crate::protocol::Failure;

/// Why a connection did not come about, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Which of its kind.
    pub detail: Detail,
    /// In which step.
    pub step: Step,
    /// For a person; may quote the server.
    pub text: String,
}

impl DialError {
    pub(super) fn new(kind: ErrorKind, step: Step, text: impl Into<String>) -> Self {
        Self { kind, detail: Detail::None, step, text: text.into() }
    }

    pub(super) fn local_limit(limit: LocalLimit, step: Step, text: impl Into<String>) -> Self {
        let detail = Detail::Limit(limit);
        Self { detail, ..Self::new(ErrorKind::LocalLimit, step, text) }
    }

    /// The conversation can't go on.
    pub(super) fn broken_off(failure: Failure) -> Self {
        let Failure { step, kind, detail, text } = failure;
        Self { kind, detail, step, text }
    }

    /// What a server's answer was to hold is not in it.
    pub(super) fn not_captured(step: Step, text: String) -> Self {
        Self { detail: Detail::Capture, ..Self::new(ErrorKind::MissingValue, step, text) }
    }

    /// The server closed with a close frame, as it was read.
    pub(super) fn closed(frame: Option<&CloseFrame>, step: Step) -> Self {
        let (code, reason) = close_of(frame);
        if frame.is_some() && is_forbidden(code) {
            let text = format!("a close frame with the code {code}, which RFC 6455 (7.4) forbids");
            return Self::new(ErrorKind::ProtocolViolation, step, text);
        }
        let text = format!("the server closed with {code} {reason:?}");
        Self { detail: Detail::Code(code), ..Self::new(ErrorKind::Closed, step, text) }
    }

    pub(super) fn timed_out(step: Step, limit: Duration) -> Self {
        let what = match step {
            Step::Lookup => "looking the host up",
            Step::Login => "logging in",
            Step::Tcp => "the TCP handshake",
            Step::Tls => "the TLS handshake",
            Step::Upgrade => "the answer to the upgrade",
            Step::Connect => "connecting by the protocol's own steps",
            Step::Resume => "resuming",
            Step::Join => "the answer to a join",
            Step::Leave => "the answer to a leave",
            Step::Heartbeat => "the server's sign of life",
            Step::Active | Step::Close => "an answer",
        };
        Self::new(ErrorKind::TimedOut, step, format!("{what} took longer than {limit:?}"))
    }
}

/// The close code and reason of a close frame; 1005 where it names none (RFC 6455, 7.4.1).
pub(super) fn close_of(frame: Option<&CloseFrame>) -> (u16, &str) {
    frame.map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()))
}

/// A close frame that the library shows, with the code `read` that it came with. Where the library
/// shows another, its reason is the library's too.
pub(super) fn as_read(shown: Option<&CloseFrame>, read: Option<u16>) -> Option<CloseFrame> {
    let shown = shown?.clone();
    Some(match read {
        Some(read) if read != u16::from(shown.code) => {
            CloseFrame { code: read.into(), reason: Utf8Bytes::default() }
        }
        _ => shown,
    })
}

/// Whether no close frame may have this code: those that nobody defined, by RFC 6455 (7.4) or in the
/// registry that it made, and those that only stand for a close without one.
fn is_forbidden(code: u16) -> bool {
    !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_frames_have_the_code_that_was_read() {
        let frame =
            |code: u16, reason: &str| CloseFrame { code: code.into(), reason: reason.into() };
        let theirs = frame(1002, "Protocol violation");
        for (shown, read, expected, kind) in [
            (&theirs, Some(1002), theirs.clone(), ErrorKind::Closed),
            (&theirs, Some(1006), frame(1006, ""), ErrorKind::ProtocolViolation),
            (&theirs, Some(999), frame(999, ""), ErrorKind::ProtocolViolation),
            (&theirs, Some(1014), frame(1014, ""), ErrorKind::Closed),
            (&frame(4999, "mine"), Some(4999), frame(4999, "mine"), ErrorKind::Closed),
            (&frame(1000, "bye"), None, frame(1000, "bye"), ErrorKind::Closed),
        ] {
            let found = as_read(Some(shown), read);
            assert_eq!(found, Some(expected));
            assert_eq!(DialError::closed(found.as_ref(), Step::Active).kind, kind, "{found:?}");
        }
        assert_eq!(as_read(None, None), None);
        let none = DialError::closed(None, Step::Active);
        assert_eq!((none.kind, none.detail), (ErrorKind::Closed, Detail::Code(1005)));
    }
}
