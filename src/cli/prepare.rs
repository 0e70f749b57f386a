//! From the command line to a scenario and its plan.

use super::Failure;
use super::args::ScenarioArgs;
use crate::plan::Plan;
use crate::report::Exit;
use crate::scenario::{self, ScenarioErrors};

/// Reads the scenario, applies the flags, and resolves the plan.
pub(super) fn plan(args: &ScenarioArgs) -> Result<Plan, Failure> {
    let overrides = args.overrides().map_err(|pair| {
        let message = format!("--set {pair}: no `=` between key and value");
        Failure::message(Exit::Usage, message, "write --set cohort.talkers.publish.rate=5/s")
    })?;
    let source = scenario::load(&args.scenario).map_err(refused)?;
    let scenario = scenario::read(&source, &overrides).map_err(refused)?;
    Ok(Plan::new(scenario))
}

fn refused(errors: ScenarioErrors) -> Failure {
    Failure { exit: Exit::Usage, diagnostics: errors.0 }
}
