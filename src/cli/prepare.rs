//! From the command line to a scenario and its plan.

use super::Failure;
use super::args::{ScenarioArgs, TargetArgs};
use crate::plan::Plan;
use crate::report::Exit;
use crate::scenario::{self, Mistake, Overrides, Scenario, ScenarioErrors, Source};

/// What `try` and `init` take for a scenario where there is none yet: what the command line says of
/// the target is checked by the rules of a file.
const NO_SCENARIO: &str = "format = 1\nname = \"try\"\n[target]\n[[phase]]\nname = \"all\"\n\
                           duration = \"1s\"\n[[cohort]]\nname = \"clients\"\nclients = 2\n";
/// What it says besides where each connection is for a room.
const A_ROOM: &str = "join = { rooms = \"room\" }\n[rooms.room]\ncount = 1\n";

/// Reads the scenario, applies the flags, and resolves the plan. Warnings are printed.
pub(super) fn plan(args: &ScenarioArgs) -> Result<Plan, Failure> {
    planned(args.name(), &args.overrides().map_err(no_equals)?)
}

/// The same, of a scenario with these changes.
pub(super) fn planned(name: &str, overrides: &Overrides) -> Result<Plan, Failure> {
    let source = scenario::load(name).map_err(refused)?;
    let (scenario, warnings) = scenario::read_with_warnings(&source, overrides).map_err(refused)?;
    warn(warnings);
    Ok(Plan::new(scenario))
}

/// Prints what refuses nothing.
pub(super) fn warn(warnings: Vec<Mistake>) {
    if !warnings.is_empty() {
        // Its text is wanted, and no exit code.
        let _ = Failure { exit: Exit::Passed, diagnostics: warnings }.print();
    }
}

/// As [`plan`], of a text that was loaded, with warnings.
pub(super) fn plan_of(
    args: &ScenarioArgs,
    source: &Source,
) -> Result<(Plan, Vec<Mistake>), Failure> {
    let overrides = args.overrides().map_err(no_equals)?;
    let (scenario, warnings) = scenario::read_with_warnings(source, &overrides).map_err(refused)?;
    Ok((Plan::new(scenario), warnings))
}

/// Reads a scenario if one is named, else what the flags alone say of the target. Warnings are
/// printed.
pub(super) fn target(name: Option<&str>, args: &TargetArgs) -> Result<Scenario, Failure> {
    target_of(name, &args.overrides().map_err(no_equals)?)
}

/// As [`target`], to be looked at: what the protocol can't do yet refuses nothing. `data` is a file of
/// users for the first cohort.
pub(super) fn looked_at(
    name: Option<&str>,
    args: &TargetArgs,
    data: Option<&str>,
) -> Result<Scenario, Failure> {
    let data = data.map(str::to_owned);
    let overrides = args.overrides().map_err(no_equals)?;
    target_of(name, &Overrides { data, looks: true, ..overrides })
}

fn target_of(name: Option<&str>, overrides: &Overrides) -> Result<Scenario, Failure> {
    let read = match name {
        Some(name) => {
            let source = scenario::load(name).map_err(refused)?;
            scenario::read_with_warnings(&source, overrides)
        }
        None => {
            let read = |rooms: &str| {
                let (name, text) = ("command line".to_owned(), format!("{NO_SCENARIO}{rooms}"));
                scenario::read_with_warnings(&Source { name, text }, overrides)
            };
            // Some protocols need a room and some have none, and which it is only reading tells.
            // What else is wrong is told either way, without a mistake that is not the user's.
            read("").or_else(|without| match read(A_ROOM) {
                Err(with) if with.0.len() >= without.0.len() => Err(without),
                with => with,
            })
        }
    };
    let (scenario, warnings) = read.map_err(refused)?;
    warn(warnings);
    Ok(scenario)
}

pub(super) fn no_equals((flag, pair): (&str, String)) -> Failure {
    let message = format!("{flag} {pair}: no `=` between key and value");
    let example = match flag {
        "--set" => "--set cohort.talkers.publish.rate=5/s",
        _ => "--param event=chat",
    };
    Failure::message(Exit::Usage, message, format!("write {example}"))
}

/// Refuses to run without the environment that templates name.
pub(super) fn environment(scenario: &Scenario) -> Result<(), Failure> {
    let missing: Vec<&str> = scenario
        .env
        .iter()
        .map(String::as_str)
        .filter(|name| std::env::var(name).is_err())
        .collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let which = match missing.len() {
        1 => format!("the environment variable `{first}` is"),
        _ => format!("the environment variables `{}` are", missing.join("`, `")),
    };
    let message = format!("{which} not set, and the protocol's templates name it");
    Err(Failure::message(Exit::Usage, message, format!("export {first}=... before the run")))
}

pub(super) fn refused(errors: ScenarioErrors) -> Failure {
    Failure { exit: Exit::Usage, diagnostics: errors.0 }
}
