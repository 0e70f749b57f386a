//! `uproar check`: every mistake in a scenario or protocol file, or a line that there is none.

use std::process::ExitCode;

use super::args::PlanArgs;
use super::{Failure, prepare, print};
use crate::scenario;

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let path = args.scenario.name();
    let source = scenario::load(path).map_err(prepare::refused)?;
    let (what, warnings) = if scenario::is_protocol(&source) {
        let read = scenario::read_protocol(&source).map_err(prepare::refused)?;
        ("protocol", read.warnings)
    } else {
        let (_, warnings) = prepare::plan_of(&args.scenario, &source)?;
        ("scenario", warnings)
    };
    prepare::warn(warnings);
    print::stdout(&format!("no mistakes found in the {what} {path}\n"))?;
    Ok(ExitCode::SUCCESS)
}
