//! The command line: parse, call, print, exit code. Only this module knows the terminal.

mod failure;

use std::process::ExitCode;

pub use failure::Failure;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
