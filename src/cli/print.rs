//! Writing to the terminal without panicking when its reader has gone away; its colours and its width.

use std::io::{self, IsTerminal, Write as _};
use std::os::fd::AsFd;

use super::Failure;
use crate::report::Exit;
use crate::report::summary::COLUMNS;

/// Whether what is written there may have colours: to a terminal that has them (`TERM=dumb` has none),
/// of somebody who wants them (<https://no-color.org>: set and not empty is no).
pub(super) fn has_color(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let unable = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !unwanted && !unable
}

/// The columns that lines of a transcript may have: no fewer can hold one, and longer ones can't be read.
const WIDTHS: (usize, usize) = (64, 140);

/// How wide what is written there may be: as its terminal, or as everything else that is no terminal's.
pub(super) fn width(stream: &impl AsFd) -> usize {
    let size = terminal_size::terminal_size_of(stream);
    size.map_or(COLUMNS, |(width, _)| usize::from(width.0).clamp(WIDTHS.0, WIDTHS.1))
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
