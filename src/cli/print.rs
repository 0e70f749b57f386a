//! Writing to the terminal without panicking when its reader has gone away.

use std::io::{self, Write as _};

use super::Failure;
use crate::report::Exit;

/// Writes text to stdout. A closed pipe is no failure: whoever read it has seen enough.
pub(super) fn stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::message(Exit::Internal, format!("could not write to stdout: {error}"), ""))
        }
        _ => Ok(()),
    }
}

/// Writes text to stderr. Where that fails nobody is left to tell, and the exit code still says it.
pub(super) fn stderr(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
