//! `uproar compare`: two sides of runs, and whether something got worse. What `run` does with a
//! baseline is the same.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{BaselineArgs, CompareArgs, CompareFormat};
use super::{Failure, print, runs};
use crate::compare::{
    Comparison, Gate, Options, Runs, compare, default_gates, to_markdown, to_text,
};
use crate::gate::{Figure, Tolerance};
use crate::report::{Exit, Report, ValidityState, VerdictState};

pub(super) fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let (base, new) = (runs::load(&args.base)?, runs::load(&args.new)?);
    let comparison = compared(&base, &new, &args.how.tolerance, options(&args.how))?;
    print::stdout(&shown(&comparison, args.format)?)?;
    let exit = if comparison.is_regressed() { Exit::Failed } else { Exit::Passed };
    Ok(ExitCode::from(exit.code()))
}

pub(super) fn shown(comparison: &Comparison, format: CompareFormat) -> Result<String, Failure> {
    Ok(match format {
        CompareFormat::Text => to_text(comparison),
        CompareFormat::Md => to_markdown(comparison),
        CompareFormat::Json => {
            let json = serde_json::to_string_pretty(comparison).map_err(|error| {
                let message = format!("the comparison has no JSON: {error}");
                Failure::message(Exit::Internal, message, "")
            })?;
            json + "\n"
        }
    })
}

fn options(args: &super::args::HowArgs) -> Options {
    Options { any_plan: args.any_plan, any_host: args.any_host }
}

/// Compares, by what the base's scenario says in `[baseline]` and the command line says besides.
pub(super) fn compared(
    base: &Runs,
    new: &Runs,
    tolerances: &[String],
    options: Options,
) -> Result<Comparison, Failure> {
    let gates = gates(&base.reports, tolerances)?;
    compare(base, new, &gates, options)
        .map_err(|(why, help)| Failure::message(Exit::Usage, why, &help))
}

fn gates(base: &[Report], tolerances: &[String]) -> Result<Vec<Gate>, Failure> {
    let mut gates = Vec::new();
    for (name, tolerance) in base.first().into_iter().flat_map(|report| &report.scenario.baseline) {
        gates.push(gate(name, tolerance)?);
    }
    if gates.is_empty() {
        gates = default_gates(base);
    }
    for text in tolerances {
        let (name, tolerance) = text.split_once('=').unwrap_or((text, ""));
        let new = gate(name.trim(), tolerance.trim())?;
        match gates.iter_mut().find(|gate| gate.figure.name == new.figure.name) {
            Some(known) => *known = new,
            None => gates.push(new),
        }
    }
    Ok(gates)
}

fn gate(name: &str, tolerance: &str) -> Result<Gate, Failure> {
    let wrong = |why: String| {
        Failure::message(
            Exit::Usage,
            format!("the tolerance {name}={tolerance}: {why}"),
            "write it as delivery.p99=10%,2ms: a change matters if it is larger than both",
        )
    };
    let figure = Figure::parse(name).map_err(wrong)?;
    let tolerance = Tolerance::parse(tolerance, figure.unit()).map_err(wrong)?;
    Ok(Gate { figure, tolerance })
}

/// A baseline that was asked for, read before anything is measured: a missing one must not cost a run.
pub(super) struct Baseline {
    base: Option<Runs>,
    save: Option<PathBuf>,
    tolerances: Vec<String>,
    options: Options,
}

impl Baseline {
    pub(super) fn read(args: &BaselineArgs) -> Result<Self, Failure> {
        let base = args.baseline.as_deref().map(runs::load).transpose()?;
        if let Some(base) = &base {
            gates(&base.reports, &args.how.tolerance)?;
        }
        let (tolerances, options) = (args.how.tolerance.clone(), options(&args.how));
        Ok(Self { base, save: args.save_baseline.clone(), tolerances, options })
    }

    /// Compares runs that are finished with it, and saves them as the next one if that is asked for.
    /// Gives the exit code: that of the runs, unless they passed and something got worse.
    pub(super) fn judge(
        &self,
        name: &str,
        reports: &[Report],
        exit: Exit,
        format: CompareFormat,
    ) -> Result<Exit, Failure> {
        let mut decided = exit;
        if let Some(base) = &self.base {
            let new = Runs { name: name.to_owned(), reports: reports.to_vec() };
            match compared(base, &new, &self.tolerances, self.options) {
                Ok(comparison) => {
                    if format == CompareFormat::Json {
                        // Stdout holds the report, and one JSON text.
                        print::stderr(&to_text(&comparison));
                    } else {
                        print::stdout(&format!("\n{}", shown(&comparison, format)?))?;
                    }
                    if comparison.is_regressed() && exit == Exit::Passed {
                        decided = Exit::Failed;
                    }
                }
                // Runs that can't be trusted or were not finished say so themselves.
                Err(_) if exit != Exit::Passed && exit != Exit::Failed => {}
                Err(failure) => return Err(failure),
            }
        }
        let Some(path) = &self.save else { return Ok(decided) };
        if let Some(why) = reports.iter().find_map(unfit) {
            let message = format!("{} was not written: {why}", path.display());
            let help = "a baseline is made of runs that passed and are valid";
            Failure::message(Exit::Failed, message, help).print();
            return Ok(if decided == Exit::Passed { Exit::Failed } else { decided });
        }
        runs::save(path, reports)?;
        Ok(decided)
    }
}

/// Why a run is no baseline.
fn unfit(report: &Report) -> Option<&'static str> {
    match (report.verdict.state, report.validity.state) {
        (VerdictState::Passed | VerdictState::Unjudged, ValidityState::Valid) => None,
        (VerdictState::Passed | VerdictState::Unjudged, ValidityState::Suspect) => {
            Some("a run is suspect")
        }
        (VerdictState::Invalid, _) | (_, ValidityState::Invalid) => Some("a run is invalid"),
        _ => Some("a run did not pass"),
    }
}
