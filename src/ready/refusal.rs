//! Why there is no run: the one error that making ready ends with.

use std::error::Error;
use std::fmt;

use crate::client::DialError;
use crate::report::Exit;

/// What stands against a run, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How the process ends.
    pub exit: Exit,
    /// What and where.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Refusal {
    pub(super) fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: help.into() }
    }

    pub(super) fn internal(message: String) -> Self {
        Self::new(Exit::Internal, message, "")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Refusal {}

/// Why the first client did not get in, and what is said of it.
#[derive(Clone, Debug)]
pub struct NotIn {
    /// What it met.
    pub error: DialError,
    /// In words.
    pub refusal: Refusal,
}

/// Why there is no run.
#[derive(Clone, Debug)]
pub enum NotReady {
    /// The plan, the command line or this machine stands against it.
    Refused(Refusal),
    /// Nobody got in: that is an answer, and has a report.
    NobodyIn(NotIn),
}

impl From<Refusal> for NotReady {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotIn> for NotReady {
    fn from(not_in: NotIn) -> Self {
        Self::NobodyIn(not_in)
    }
}

impl From<NotReady> for Refusal {
    fn from(not_ready: NotReady) -> Self {
        match not_ready {
            NotReady::Refused(refusal) | NotReady::NobodyIn(NotIn { refusal, .. }) => refusal,
        }
    }
}
