//! The one place that prints errors.

use std::io;
use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::print;
use crate::ready::Refusal;
use crate::report::Exit;

/// A command that could not do its work: the exit code and what to tell the user.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// Each says what, where and what to do. Never empty.
    pub diagnostics: Vec<miette::Report>,
}

impl Failure {
    /// One error.
    pub fn new(exit: Exit, diagnostic: impl Into<miette::Report>) -> Self {
        Self { exit, diagnostics: vec![diagnostic.into()] }
    }

    /// One error of a message and a remedy.
    pub fn message(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(exit, Plain { message: message.into(), help: help.into() })
    }

    /// Prints every error on stderr and gives the exit code.
    pub fn print(&self) -> ExitCode {
        let color = print::has_color(&std::io::stderr());
        print::stderr(&self.render(color));
        ExitCode::from(self.exit.code())
    }

    /// The text of every error, one after the other.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let theme =
            if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            if handler.render_report(&mut text, diagnostic.as_ref()).is_err() {
                text.push_str(&format!("error: {diagnostic}\n"));
            }
        }
        text
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

/// An error that points into no file.
#[derive(Debug)]
struct Plain {
    message: String,
    help: String,
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Plain {}

impl Diagnostic for Plain {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn std::fmt::Display>)
    }
}
