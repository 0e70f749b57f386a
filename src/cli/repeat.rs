//! `uproar run` of several runs: `--repeat`, `--against`, and several codecs. Sides take turns (`turns`),
//! so that what changes slowly on the machine meets them alike; then they are compared, or, where there
//! is one, it is told how far its runs lie apart.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::args::{CompareFormat, RunArgs, ScenarioArgs};
use super::compare::{Baseline, compared, gates, gates_planned, json, options, shown};
use super::folder::of_several;
use super::turns::{Aim, Made, Side, Turns, all};
use super::{Failure, prepare, print};
use crate::compare::{
    Comparison, Options, Runs, Series, series, series_to_annotations, series_to_html,
    series_to_markdown, series_to_text, to_html, to_markdown,
};
use crate::report::Exit;

/// Runs of a side that are made if nobody says how many: enough to show a change.
const RUNS: u16 = 5;

/// Whether this command line asks for several runs.
pub(super) fn asked(args: &RunArgs) -> bool {
    args.repeat.is_some() || args.against.is_some() || !codecs(args).is_empty()
}

/// Several codecs, if there are several.
fn codecs(args: &RunArgs) -> Vec<&str> {
    let named = args.scenario.codec.as_deref().unwrap_or_default();
    let named: Vec<_> = named.split(',').map(str::trim).collect();
    if named.len() > 1 { named } else { Vec::new() }
}

/// What several runs come to, as `--format json` prints it.
#[derive(Serialize)]
struct Results {
    /// How far runs of one side lie apart; `null` where there are several sides.
    spread: Option<Series>,
    /// The first side with each other, then the last one with the baseline.
    comparisons: Vec<Comparison>,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let sides = sides(args)?;
    // A mistake is told before the first run, and once.
    let mut plans = Vec::new();
    for side in &sides {
        plans.push(prepare::plan(&with_codec(args, &side.name))?);
    }
    let Some(plan) = plans.last() else { return Err(internal("there is no side".to_owned())) };
    let name = plan.scenario.name.clone();
    let repeat = usize::from(args.repeat.unwrap_or(RUNS));
    let baseline = Baseline::read(&args.baseline, &plan.scenario, repeat)?;
    let planned = gates_planned(&plan.scenario, &args.baseline.how.tolerance)?;
    let are_codecs = !codecs(args).is_empty();
    let aim = Aim {
        repeat,
        turns: (sides.len() > 1 && !are_codecs).then_some(planned),
        base: baseline.base(),
        saves: baseline.is_to_be_saved(),
    };
    if let Some(why) = aim.is_coarse().filter(|_| !args.quiet) {
        print::stderr(&format!("note: {why}\n"));
    }
    let help = "several runs have a folder of their own: choose a new or empty one with --out DIR";
    let out = of_several(args.out.as_deref(), &name, help)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start: {error}")))?;
    let planned_s = plan.end_us() as f64 / 1e6;
    let turns = runtime.block_on(all(&sides, &out, aim, args.quiet, planned_s))?;
    let (results, exit) = results(args, &sides, &out, &turns, &baseline, are_codecs)?;
    let written = write(&out, &name, &results);
    print_all(args, &sides, &out, &turns, &results)?;
    written?;
    // A baseline is of one side: the last, which is the new one.
    let exit = match turns.made.last() {
        Some(new) => baseline.save(&new.reports, exit)?,
        None => exit,
    };
    if turns.made.iter().all(|made| made.reports.is_empty()) {
        // Only succeeds while it is empty.
        let _ = std::fs::remove_dir(&out);
    }
    Ok(ExitCode::from(exit.code()))
}

/// Compares what was made, and decides.
fn results(
    args: &RunArgs,
    sides: &[Side],
    out: &Path,
    turns: &Turns,
    baseline: &Baseline,
    are_codecs: bool,
) -> Result<(Results, Exit), Failure> {
    let runs = |(side, made): (&Side, &Made)| Runs {
        name: side.folder(out).display().to_string(),
        reports: made.reports.clone(),
        missing: made.missing,
    };
    let runs: Vec<Runs> = sides.iter().zip(&turns.made).map(runs).collect();
    let is_there = |runs: &&Runs| !runs.reports.is_empty() || runs.missing > 0;
    let how = &args.baseline.how;
    // Codecs differ in their plan and nothing else.
    let options =
        Options { any_plan: how.any_plan || are_codecs, only_tells: are_codecs, ..options(how) };
    let mut comparisons = Vec::new();
    if let Some((base, others)) = runs.split_first().filter(|(base, _)| is_there(base)) {
        for new in others.iter().filter(is_there) {
            comparisons.push(compared(base, new, &how.tolerance, options)?);
        }
    }
    if let Some(new) = runs.last().filter(is_there) {
        comparisons.extend(baseline.compare(new)?);
    }
    for comparison in &mut comparisons {
        comparison.notes.extend(turns.why.clone());
    }
    let exit = decide(turns, &comparisons, are_codecs);
    let alone = runs.first().filter(|_| runs.len() == 1).filter(|runs| !runs.reports.is_empty());
    let spread = match alone {
        None => None,
        Some(runs) => {
            let gates = gates(&runs.reports, &how.tolerance)?;
            Some(series(runs, &gates, exit, turns.why.iter().cloned().collect()))
        }
    };
    Ok((Results { spread, comparisons }, exit))
}

/// How the process ends: as the run did that ended them all; else as the gravest comparison says, which
/// knows what became of the runs; else, and with several codecs, as the gravest run did.
fn decide(turns: &Turns, comparisons: &[Comparison], are_codecs: bool) -> Exit {
    if let Some(exit) = turns.ended {
        return exit;
    }
    let runs = turns.made.iter().flat_map(|made| made.exits.iter().copied());
    let runs = runs.filter(|_| comparisons.is_empty() || are_codecs);
    let compared = comparisons.iter().map(|comparison| comparison.verdict.exit);
    runs.chain(compared).fold(Exit::Passed, graver)
}

/// Writes what several runs leave beside their own folders.
fn write(out: &Path, name: &str, results: &Results) -> Result<(), Failure> {
    let mut files = Vec::new();
    if let Some(spread) = &results.spread {
        files.push(("spread.md", series_to_markdown(spread)));
        files.push(("spread.html", series_to_html(name, spread)));
        files.push(("spread.json", json(spread)?));
    }
    if !results.comparisons.is_empty() {
        let each = results.comparisons.iter().map(|comparison| to_markdown(comparison) + "\n");
        files.push(("comparison.md", each.collect()));
        files.push(("comparison.html", to_html(name, &results.comparisons)));
        files.push(("comparison.json", json(&results.comparisons)?));
    }
    for (file, text) in files {
        let path = out.join(file);
        std::fs::write(&path, text)
            .map_err(|error| internal(format!("can't write {}: {error}", path.display())))?;
    }
    Ok(())
}

fn print_all(
    args: &RunArgs,
    sides: &[Side],
    out: &Path,
    turns: &Turns,
    results: &Results,
) -> Result<(), Failure> {
    let format = CompareFormat::from(args.format);
    if format == CompareFormat::Json {
        print::stdout(&json(results)?)?;
    } else {
        if let Some(spread) = &results.spread {
            let text = match format {
                CompareFormat::Md => series_to_markdown(spread),
                // A comparison says what became of the runs as well.
                CompareFormat::Github if !results.comparisons.is_empty() => String::new(),
                CompareFormat::Github => series_to_annotations(spread),
                CompareFormat::Text | CompareFormat::Json => series_to_text(spread) + "\n",
            };
            print::stdout(&text)?;
        }
        for comparison in &results.comparisons {
            let gap = if format == CompareFormat::Github { "" } else { "\n" };
            print::stdout(&format!("{}{gap}", shown(comparison, format)?))?;
        }
    }
    let places = places(sides, out, turns, results);
    match format {
        CompareFormat::Text => print::stdout(&places),
        _ if args.quiet => Ok(()),
        _ => {
            print::stderr(&places);
            Ok(())
        }
    }
}

/// Where everything lies.
fn places(sides: &[Side], out: &Path, turns: &Turns, results: &Results) -> String {
    let mut text = String::new();
    // Each side that left a report; the one that ended them all may have left none.
    let told = sides.iter().zip(&turns.made).filter(|(_, made)| !made.reports.is_empty());
    for (side, made) in told {
        let folder = side.folder(out);
        let (first, last) = (folder.join("01"), format!("{:02}", made.reports.len()));
        let _ = match made.reports.len() {
            1 => writeln!(text, "run         {}", first.display()),
            _ => writeln!(text, "runs        {} to {last}", first.display()),
        };
    }
    if results.spread.is_some() {
        let _ = writeln!(text, "spread      {}", out.join("spread.html").display());
    }
    if !results.comparisons.is_empty() {
        let _ = writeln!(text, "comparison  {}", out.join("comparison.html").display());
    }
    text
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

fn sides(args: &RunArgs) -> Result<Vec<Side>, Failure> {
    let codecs = codecs(args);
    if !codecs.is_empty() {
        if args.against.is_some() {
            let message = "--against and several codecs are two comparisons";
            return Err(Failure::message(Exit::Usage, message, "make one, then the other"));
        }
        let side = |codec: &&str| Side {
            name: (*codec).to_owned(),
            arguments: vec!["--codec".into(), (*codec).into()],
            without: &["--codec"],
            within: Some((*codec).to_owned()),
        };
        return Ok(codecs.iter().map(side).collect());
    }
    let side = |name: &str, arguments, without, within: Option<&str>| Side {
        name: name.to_owned(),
        arguments,
        without,
        within: within.map(str::to_owned),
    };
    let Some(url) = &args.against else { return Ok(vec![side("runs", Vec::new(), &[], None)]) };
    let plan = prepare::plan(&args.scenario)?;
    if plan.scenario.target.url.is_none() {
        let message = "--against compares two servers by their URLs, and the target is built in";
        let help = "name the first with --url URL --protocol NAME, the second with --against URL";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    let (arguments, without): (Vec<OsString>, &[&str]) = if args.scenario.target.url.is_some() {
        (vec!["--url".into(), url.into()], &["--url"])
    } else {
        (vec!["--set".into(), format!("target.url={url}").into()], &[])
    };
    let base = side("base", Vec::new(), &[], Some("base"));
    Ok(vec![base, side("new", arguments, without, Some("new"))])
}

/// What is checked before the first run: a list of codecs is none.
fn with_codec(args: &RunArgs, side: &str) -> ScenarioArgs {
    let mut scenario = args.scenario.clone();
    if !codecs(args).is_empty() {
        scenario.codec = Some(side.to_owned());
    }
    scenario
}

/// The order in which exit codes win, the gravest first.
const GRAVEST: [Exit; 8] = [
    Exit::Usage,
    Exit::Internal,
    Exit::Unreachable,
    Exit::Interrupted,
    Exit::Terminated,
    Exit::Invalid,
    Exit::Failed,
    Exit::Passed,
];

fn graver(one: Exit, other: Exit) -> Exit {
    let place = |exit: Exit| GRAVEST.iter().position(|known| *known == exit);
    if place(other) < place(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_exit_code_wins() {
        assert_eq!(graver(Exit::Failed, Exit::Invalid), Exit::Invalid);
        assert_eq!(graver(Exit::Invalid, Exit::Failed), Exit::Invalid);
        assert_eq!(graver(Exit::Passed, Exit::Failed), Exit::Failed);
        assert_eq!(graver(Exit::Usage, Exit::Internal), Exit::Usage);
    }

    #[test]
    fn the_exit_code_is_of_what_was_asked() {
        let turns = |exits: &[Exit], ended| Turns {
            made: vec![Made { exits: exits.to_vec(), ..Made::default() }],
            ended,
            why: None,
        };
        let one_invalid = [Exit::Passed, Exit::Invalid, Exit::Failed];
        assert_eq!(decide(&turns(&one_invalid, None), &[], false), Exit::Invalid);
        let stopped = Some(Exit::Interrupted);
        assert_eq!(decide(&turns(&one_invalid, stopped), &[], false), Exit::Interrupted);
        assert_eq!(decide(&turns(&[Exit::Passed], None), &[], false), Exit::Passed);
    }
}
