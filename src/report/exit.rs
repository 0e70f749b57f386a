//! Exit codes: the part of the verdict that a shell and a CI job see.

/// How the process ends. The numbers are part of the documented surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every threshold holds, or there was nothing to judge.
    Passed = 0,
    /// A threshold failed.
    Failed = 1,
    /// A wrong command line or scenario.
    Usage = 2,
    /// The figures can't be trusted.
    Invalid = 3,
    /// No client ever joined.
    Unreachable = 4,
    /// Our own failure, for example a report that could not be written.
    Internal = 5,
    /// Ctrl-C; the report was written.
    Interrupted = 130,
    /// SIGTERM or SIGHUP; the report was written.
    Terminated = 143,
}

impl Exit {
    /// The number the process exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}
