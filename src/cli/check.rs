//! `uproar check`: every mistake in a scenario file, or a line that there is none.

use std::process::ExitCode;

use super::args::PlanArgs;
use super::{Failure, prepare, print};

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let plan = prepare::plan(&args.scenario)?;
    let line = format!("{}: no mistakes found in {}\n", plan.scenario.name, args.scenario.scenario);
    print::stdout(&line)?;
    Ok(ExitCode::SUCCESS)
}
