//! Why a connection did not come about, or ended: what goes from a failed step to the figures.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::metric::{Detail, ErrorKind, LocalLimit, Step};

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

    /// The server closed with a close frame.
    pub(super) fn closed(frame: Option<&CloseFrame>, step: Step) -> Self {
        let (code, reason) = close_of(frame);
        if is_forbidden(frame) {
            let text = "a close frame with a code that RFC 6455 forbids, or with 1002 and these very \
                        words: the two can't be told apart";
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
    match frame {
        Some(_) if is_forbidden(frame) => {
            (1002, "Protocol violation (or a code that is forbidden)")
        }
        Some(frame) => (frame.code.into(), frame.reason.as_str()),
        None => (1005, ""),
    }
}

/// The library shows a close frame with a forbidden code, such as 1006, as one that says this.
fn is_forbidden(frame: Option<&CloseFrame>) -> bool {
    frame.is_some_and(|frame| {
        u16::from(frame.code) == 1002 && frame.reason.as_str() == "Protocol violation"
    })
}
