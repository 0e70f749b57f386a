//! The command line: parse, call, print, exit code. Only this module knows the terminal.
//!
//! One file a command; flags that several have are in `flags`, and what several need is in `prepare` (a scenario and its plan), `folder` (where a
//! run's files go) and `failure` (the one place that prints errors; how they look is in `marked`). What comes between a plan and its
//! first client is `crate::ready`'s.

mod args;
mod capacity;
mod capacity_args;
mod check;
mod child;
mod codecs;
mod compare;
mod completions;
mod doctor;
mod failure;
mod flags;
mod folder;
mod init;
mod marked;
mod metrics;
mod others;
mod plan;
mod prepare;
mod print;
mod progress;
mod protocols;
mod repeat;
mod report;
mod run;
mod runs;
mod scenarios;
mod serve;
mod signals;
mod try_it;
mod turns;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub use failure::Failure;

use crate::report::Exit;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut error) => {
            others::explain(&mut error);
            // Help and version go to stdout and are no error; a closed pipe has no one to tell.
            let _ = error.print();
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Passed };
            return ExitCode::from(code.code());
        }
    };
    let done = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Capacity(args) => capacity::run(args),
        Command::Try(args) => try_it::run(args),
        Command::Init(args) => init::run(args),
        Command::Report(args) => report::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Check(args) => check::run(args),
        Command::Scenarios(args) => scenarios::run(args),
        Command::Protocols(args) => protocols::run(args),
        Command::Codecs(args) => codecs::run(args),
        Command::Schema(args) => scenarios::schema(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(args),
    };
    done.unwrap_or_else(|failure| failure.print())
}
