//! `uproar compare`: two sides of runs, and whether something got worse. What `run` does with a
//! baseline is the same.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{BaselineArgs, CompareArgs, CompareFormat, HowArgs};
use super::{Failure, print, runs};
use crate::capacity::compare_capacities;
use crate::compare::{
    Comparison, DEFAULT_GATES, Gate, Options, Runs, Standing, compare, default_gates, runs_needed,
    to_annotations, to_markdown, to_text,
};
use crate::gate::{Figure, Tolerance};
use crate::report::{Exit, Report, ValidityState, VerdictState};
use crate::scenario::Scenario;

pub(super) fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    match (runs::folder_of_search(&args.base), runs::folder_of_search(&args.new)) {
        (Some(base), Some(new)) => return capacities(args, base, new),
        (None, None) => {}
        _ => {
            let message = "one side is a search (`uproar capacity`), and the other is runs";
            return Err(Failure::message(Exit::Usage, message, "compare two of a kind"));
        }
    }
    let (base, new) = (runs::load(&args.base)?, runs::load(&args.new)?);
    let comparison = compared(&base, &new, &args.how.tolerance, options(&args.how))?;
    print::stdout(&shown(&comparison, args.format)?)?;
    Ok(ExitCode::from(comparison.verdict.exit.code()))
}

/// Two searches.
fn capacities(args: &CompareArgs, base: &Path, new: &Path) -> Result<ExitCode, Failure> {
    let names = [base, new].map(|path| path.display().to_string());
    let found = [runs::search(base)?, runs::search(new)?];
    let sides = ((&*names[0], &found[0]), (&*names[1], &found[1]));
    let compared = compare_capacities(sides.0, sides.1, args.how.any_plan, args.how.any_host)
        .map_err(|why| {
            let message = format!("{} and {} can't be compared: {why}", names[0], names[1]);
            Failure::message(
                Exit::Usage,
                message,
                "make both of one scenario; --any-plan compares them all the same",
            )
        })?;
    print::stdout(&match args.format {
        CompareFormat::Text => compared.to_text(),
        CompareFormat::Md => compared.to_markdown(),
        CompareFormat::Json => json(&compared)?,
        CompareFormat::Github => compared.to_annotations(),
    })?;
    Ok(ExitCode::from(if compared.fails() { Exit::Failed } else { Exit::Passed }.code()))
}

pub(super) fn shown(comparison: &Comparison, format: CompareFormat) -> Result<String, Failure> {
    Ok(match format {
        CompareFormat::Text => to_text(comparison),
        CompareFormat::Md => to_markdown(comparison),
        CompareFormat::Json => json(comparison)?,
        CompareFormat::Github => to_annotations(comparison),
    })
}

pub(super) fn json(of: &impl serde::Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(of).map_err(|error| {
        let message = format!("the comparison has no JSON: {error}");
        Failure::message(Exit::Internal, message, "")
    })?;
    Ok(json + "\n")
}

pub(super) fn options(args: &HowArgs) -> Options {
    Options { any_plan: args.any_plan, any_host: args.any_host, only_tells: false }
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

/// What decides, by what the first run's scenario says and the command line says besides.
pub(super) fn gates(base: &[Report], tolerances: &[String]) -> Result<Vec<Gate>, Failure> {
    let mut gates = Vec::new();
    for (name, tolerance) in base.first().into_iter().flat_map(|report| &report.scenario.baseline) {
        gates.push(gate(name, tolerance)?);
    }
    if gates.is_empty() {
        gates = default_gates(base);
    }
    add(&mut gates, tolerances)?;
    Ok(gates)
}

/// How many figures will decide, as far as that is known before the runs.
pub(super) fn gates_planned(scenario: &Scenario, tolerances: &[String]) -> Result<usize, Failure> {
    let mut gates = Vec::new();
    for (name, tolerance) in &scenario.baseline {
        gates.push(gate(name, tolerance)?);
    }
    if gates.is_empty() {
        // Which of them there are is known only afterwards; they have these names.
        let mut named = Vec::new();
        add(&mut named, tolerances)?;
        let defaults = ["delivery.p50", "delivery.p99"];
        let more = named.iter().filter(|gate| !defaults.contains(&gate.figure.name.as_str()));
        return Ok(DEFAULT_GATES + more.count());
    }
    add(&mut gates, tolerances)?;
    Ok(gates.len())
}

/// Puts tolerances of the command line beside the others, or in place of those of the same figure.
fn add(gates: &mut Vec<Gate>, tolerances: &[String]) -> Result<(), Failure> {
    for text in tolerances {
        let (name, tolerance) = text.split_once('=').unwrap_or((text, ""));
        let new = gate(name.trim(), tolerance.trim())?;
        match gates.iter_mut().find(|gate| gate.figure.name == new.figure.name) {
            Some(known) => *known = new,
            None => gates.push(new),
        }
    }
    Ok(())
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

/// A baseline that was asked for, read before anything is measured: a missing one must not cost a run,
/// and neither must one that can't be written.
pub(super) struct Baseline {
    base: Option<Runs>,
    /// Figures that decide, if there is a base.
    gates: usize,
    save: Option<PathBuf>,
    tolerances: Vec<String>,
    options: Options,
}

impl Baseline {
    /// Reads the base, and looks whether so many runs could become the next one.
    pub(super) fn read(
        args: &BaselineArgs,
        scenario: &Scenario,
        runs: usize,
    ) -> Result<Self, Failure> {
        let planned = gates_planned(scenario, &args.how.tolerance)?;
        if let Some(path) = &args.save_baseline {
            check_runs(path, runs, planned)?;
            runs::check_save(path, args.baseline.as_deref())?;
        }
        let base = args.baseline.as_deref().map(runs::load).transpose()?;
        let gates = match &base {
            Some(base) => gates(&base.reports, &args.how.tolerance)?.len(),
            None => planned,
        };
        let (tolerances, options) = (args.how.tolerance.clone(), options(&args.how));
        Ok(Self { base, gates, save: args.save_baseline.clone(), tolerances, options })
    }

    /// Runs of the base whose figures are compared, and how many figures decide.
    pub(super) fn base(&self) -> Option<(usize, usize)> {
        let base = self.base.as_ref()?;
        let counted = base.reports.iter().filter(|report| Standing::of(report).counts()).count();
        Some((counted, self.gates))
    }

    /// Whether the runs are made to be saved, and for nothing else.
    pub(super) fn is_to_be_saved(&self) -> bool {
        self.save.is_some() && self.base.is_none()
    }

    /// Compares runs that are finished with the base, if there is one.
    pub(super) fn compare(&self, new: &Runs) -> Result<Option<Comparison>, Failure> {
        let compare = |base| compared(base, new, &self.tolerances, self.options);
        self.base.as_ref().map(compare).transpose()
    }

    /// The same for one run, printed, and saved as the next baseline if that is asked for. Gives the exit
    /// code: that of the run, unless it passed and the comparison says otherwise.
    pub(super) fn judge(
        &self,
        report: &Report,
        exit: Exit,
        format: CompareFormat,
    ) -> Result<Exit, Failure> {
        let mut decided = exit;
        let new = Runs { name: "this run".to_owned(), reports: vec![report.clone()], missing: 0 };
        match self.compare(&new) {
            Ok(None) => {}
            Ok(Some(comparison)) => {
                match format {
                    // Stdout holds the report, and one JSON text.
                    CompareFormat::Json => print::stderr(&to_text(&comparison)),
                    CompareFormat::Github => print::stdout(&shown(&comparison, format)?)?,
                    CompareFormat::Text | CompareFormat::Md => {
                        print::stdout(&format!("\n{}", shown(&comparison, format)?))?;
                    }
                }
                if exit == Exit::Passed {
                    decided = comparison.verdict.exit;
                }
            }
            // A run that can't be trusted or was not finished says so itself.
            Err(_) if exit != Exit::Passed && exit != Exit::Failed => {}
            Err(failure) => return Err(failure),
        }
        self.save(&new.reports, decided)
    }

    /// Saves the runs as the next baseline if that is asked for, and they are fit for it. Gives the exit
    /// code: the one so far, or that of a failure where there is no baseline although everything passed.
    pub(super) fn save(&self, reports: &[Report], decided: Exit) -> Result<Exit, Failure> {
        let Some(path) = &self.save else { return Ok(decided) };
        let unfit = reports.iter().enumerate().find_map(|(at, report)| Some((at, unfit(report)?)));
        let why = match (unfit, decided) {
            (Some((at, why)), _) => Some(format!("run {} {why}", at + 1)),
            (None, _) if reports.len() < runs_needed(self.gates) => {
                Some(format!("only {} were made", reports.len()))
            }
            // The next comparison would be with what this one found to be worse.
            (None, Exit::Passed) => None,
            (None, _) => Some("the comparison did not pass".to_owned()),
        };
        if let Some(why) = why {
            let message = format!("{} was not written: {why}", path.display());
            let help = "a baseline is made of runs that passed and are valid, enough of them for its \
                        figures";
            Failure::message(Exit::Failed, message, help).print();
            return Ok(if decided == Exit::Passed { Exit::Failed } else { decided });
        }
        runs::save(path, reports)?;
        Ok(decided)
    }
}

/// Refuses a baseline of fewer runs than its figures need: no later run would ever be worse.
fn check_runs(path: &Path, runs: usize, gates: usize) -> Result<(), Failure> {
    let needed = runs_needed(gates);
    if runs >= needed {
        return Ok(());
    }
    let noun = if gates == 1 { "figure" } else { "figures" };
    let (runs, verb) =
        if runs == 1 { ("1 run".to_owned(), "is") } else { (format!("{runs} runs"), "are") };
    let message = format!(
        "{} would be of no use: {runs} {verb} too few to show a change of {gates} {noun}",
        path.display()
    );
    Err(Failure::message(Exit::Usage, message, format!("make {needed} or more: --repeat {needed}")))
}

/// Why a run is no baseline.
pub(super) fn unfit(report: &Report) -> Option<&'static str> {
    match (report.verdict.state, report.validity.state) {
        (VerdictState::Passed | VerdictState::Unjudged, ValidityState::Valid) => None,
        (VerdictState::Passed | VerdictState::Unjudged, ValidityState::Suspect) => {
            Some("is suspect")
        }
        (VerdictState::Invalid, _) | (_, ValidityState::Invalid) => Some("is invalid"),
        _ => Some("did not pass"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(save: &Path, gates: usize) -> Baseline {
        let (save, options) = (Some(save.to_owned()), Options::default());
        Baseline { base: None, gates, save, tolerances: Vec::new(), options }
    }

    fn passed(runs: usize) -> Vec<Report> {
        let mut report = Report::default();
        report.verdict.state = VerdictState::Passed;
        vec![report; runs]
    }

    #[test]
    fn only_enough_fit_runs_that_are_not_worse_become_a_baseline() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("base.json");
        let baseline = baseline(&path, 2);
        let mut suspect = passed(4);
        suspect[3].validity.state = ValidityState::Suspect;
        let mut failed = passed(4);
        failed[0].verdict.state = VerdictState::Failed;
        for (reports, so_far, exit) in [
            (passed(3), Exit::Passed, Exit::Failed),
            (suspect, Exit::Passed, Exit::Failed),
            (failed, Exit::Failed, Exit::Failed),
            // Worse than another baseline: the next comparison would be with that.
            (passed(4), Exit::Failed, Exit::Failed),
            (passed(4), Exit::Interrupted, Exit::Interrupted),
        ] {
            assert_eq!(baseline.save(&reports, so_far).unwrap(), exit);
            assert!(!path.exists(), "{so_far:?}");
        }
        assert_eq!(baseline.save(&passed(4), Exit::Passed).unwrap(), Exit::Passed);
        assert_eq!(runs::load(&path).unwrap().reports.len(), 4);
    }

    #[test]
    fn a_baseline_of_too_few_runs_is_refused_with_how_many_it_takes() {
        let path = Path::new("base.json");
        for (runs, gates, needed) in [(1, 1, 3), (3, 2, 4), (4, 4, 5), (5, 13, 6)] {
            let why = check_runs(path, runs, gates).unwrap_err().render(false);
            assert!(why.contains(&format!("--repeat {needed}")), "{runs} {gates}: {why}");
            assert!(check_runs(path, needed, gates).is_ok());
        }
    }
}
