//! Writing to the terminal without panicking when its reader has gone away, and whether it has colours.

use std::io::{self, IsTerminal, Write as _};

use super::Failure;
use crate::report::Exit;

/// Whether what is written there may have colours: to a terminal that has them (`TERM=dumb` has none),
/// of somebody who wants them (<https://no-color.org>: set and not empty is no).
pub(super) fn has_color(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let unable = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !unwanted && !unable
}

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
