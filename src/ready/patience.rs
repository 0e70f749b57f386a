//! When the first client is tried again: a server that is still starting, or that was just busy, is no
//! reason to give up. Pure but for the clock that it is given.

use std::time::{Duration, Instant};

use crate::client::DialError;
use crate::metric::{Detail, ErrorKind, Step};

/// Between two looks at a server that does not take WebSockets yet.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Before a server is asked again that answered and refused.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// How often a server is asked that answers and refuses.
const ASKED_MAX: u32 = 3;

/// What is left of it.
#[derive(Debug)]
pub(super) struct Patience {
    /// `--wait`: until then the server may be starting.
    until: Option<Instant>,
    asked: u32,
}

impl Patience {
    pub(super) fn new(now: Instant, wait: Option<Duration>) -> Self {
        Self { until: wait.map(|wait| now + wait), asked: 0 }
    }

    /// How long to pause before the next try after this error; `None` to give up.
    pub(super) fn after(&mut self, error: &DialError, now: Instant) -> Option<Duration> {
        if is_not_open(error) && self.until.is_some_and(|until| now < until) {
            return Some(LOOK_AGAIN);
        }
        if !is_refusal(error) {
            return None;
        }
        self.asked += 1;
        (self.asked < ASKED_MAX).then_some(ASK_AGAIN)
    }
}

/// Whether no WebSocket came about, in a way that a server which is still starting may show: nobody
/// listens, it hangs up, or a proxy before it has nobody to pass this on to.
fn is_not_open(error: &DialError) -> bool {
    let before = matches!(error.step, Step::Login | Step::Tcp | Step::Tls | Step::Upgrade);
    let kind = match (error.kind, error.detail) {
        (ErrorKind::HttpStatus, Detail::Status(status)) => status >= 500,
        (kind, _) => matches!(
            kind,
            ErrorKind::Refused | ErrorKind::Reset | ErrorKind::TimedOut | ErrorKind::Io
        ),
    };
    before && kind
}

/// Whether the server answered, and would not let the client in.
fn is_refusal(error: &DialError) -> bool {
    matches!(error.kind, ErrorKind::HttpStatus | ErrorKind::Closed | ErrorKind::ServerError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, detail: Detail, step: Step) -> DialError {
        DialError { kind, detail, step, text: String::new() }
    }

    fn status(status: u16) -> DialError {
        error(ErrorKind::HttpStatus, Detail::Status(status), Step::Upgrade)
    }

    #[test]
    fn a_server_that_answers_and_refuses_is_asked_three_times() {
        let now = Instant::now();
        let closed = error(ErrorKind::Closed, Detail::Code(1013), Step::Join);
        let server_error = error(ErrorKind::ServerError, Detail::None, Step::Join);
        for refusal in [status(403), status(503), closed, server_error] {
            let mut patience = Patience::new(now, None);
            let pauses = [(); 4].map(|()| patience.after(&refusal, now).is_some());
            assert_eq!(pauses, [true, true, false, false], "{refusal:?}");
        }
    }

    #[test]
    fn what_no_second_try_changes_is_not_tried_again() {
        for (kind, step) in [
            (ErrorKind::Refused, Step::Tcp),
            (ErrorKind::TimedOut, Step::Upgrade),
            (ErrorKind::TimedOut, Step::Join),
            (ErrorKind::Tls, Step::Tls),
            (ErrorKind::BadHandshake, Step::Upgrade),
        ] {
            let now = Instant::now();
            let mut patience = Patience::new(now, None);
            assert_eq!(patience.after(&error(kind, Detail::None, step), now), None, "{kind:?}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_yet_is_waited_for_as_long_as_it_was_asked() {
        let now = Instant::now();
        let nobody = error(ErrorKind::Refused, Detail::None, Step::Tcp);
        let mut patience = Patience::new(now, Some(Duration::from_secs(30)));
        let late = now + Duration::from_millis(29_999);
        for at in [now, now, now, late] {
            assert_eq!(patience.after(&nobody, at), Some(LOOK_AGAIN));
            assert_eq!(patience.after(&status(502), at), Some(LOOK_AGAIN));
        }
        assert_eq!(patience.after(&nobody, now + Duration::from_secs(30)), None);
        // It is there, and does not want us; or does not speak as we do.
        assert_eq!(patience.after(&status(403), now), Some(ASK_AGAIN));
        let unanswered = error(ErrorKind::TimedOut, Detail::None, Step::Join);
        assert_eq!(patience.after(&unanswered, now), None);
    }
}
