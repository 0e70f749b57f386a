//! The one place that prints errors.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use super::marked::{COLUMNS, marked};
use super::print;
use crate::ready::Refusal;
use crate::report::Exit;
use crate::scenario::Mistake;

/// A command that could not do its work: the exit code and what to tell the user.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// Each says what, where and what to do. Never empty.
    pub diagnostics: Vec<Mistake>,
}

impl Failure {
    /// One error of a message and a remedy.
    pub fn message(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, diagnostics: vec![Mistake::new(message, help)] }
    }

    /// Prints every error on stderr and gives the exit code.
    pub fn print(&self) -> ExitCode {
        let stderr = io::stderr();
        let columns = if stderr.is_terminal() { print::width(&stderr) } else { COLUMNS };
        let color = print::has_color(&stderr);
        print::stderr(&marked(&self.diagnostics, color, columns.min(COLUMNS)));
        ExitCode::from(self.exit.code())
    }

    /// The text of every error, one after the other, as where no terminal is.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        marked(&self.diagnostics, color, COLUMNS)
    }
}

impl From<Refusal> for Failure {
    fn from(Refusal { exit, message, help }: Refusal) -> Self {
        Self::message(exit, message, help)
    }
}

/// An address that can't be had is a mistake in the command line.
pub(super) fn listening_exit(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::AddrInUse
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::PermissionDenied => Exit::Usage,
        _ => Exit::Internal,
    }
}
