//! Runs that take turns: each a process of its own, there and back (ABBA), until all are made or what
//! they are made for can no longer be had.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::child::{self, Ended, Stderr, without};
use super::compare::unfit;
use super::{Failure, print, runs, signals};
use crate::compare::{Standing, can_decide, runs_needed};
use crate::metric::Metric;
use crate::report::escape::escape_terminal;
use crate::report::files::REPORT_FILE;
use crate::report::{Exit, Report, ValidityState};
use crate::units::format::{count, duration_us, seconds};

/// Columns of a line on stderr.
const COLUMNS: usize = 80;

/// One side: its name, and what its runs have on their command line besides.
pub(super) struct Side {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
    /// Of the flags that all have, those that this side has otherwise.
    pub(super) without: &'static [&'static str],
    /// Where its runs lie in the folder of all; the only side's lie there themselves.
    pub(super) within: Option<String>,
}

impl Side {
    pub(super) fn folder(&self, out: &Path) -> PathBuf {
        self.within.as_ref().map_or_else(|| out.to_owned(), |within| out.join(within))
    }
}

/// What the runs are made for, which decides when there is no use in going on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// Runs of each side.
    pub(super) repeat: usize,
    /// Whether two sides are compared: figures that decide.
    pub(super) turns: Option<usize>,
    /// Runs of a baseline, and figures that decide in the comparison with it.
    pub(super) base: Option<(usize, usize)>,
    /// Whether they are made to be saved, and for nothing else.
    pub(super) saves: bool,
}

impl Aim {
    /// Why no small change can be shown, however the runs turn out.
    pub(super) fn is_coarse(&self) -> Option<String> {
        let with_side = self.turns.map(|gates| (self.repeat, gates));
        let too_few = |(base, gates): &(usize, usize)| !can_decide(*base, self.repeat, *gates);
        let (base, gates) = with_side.into_iter().chain(self.base).find(too_few)?;
        Some(format!(
            "too few runs to show a small change: {base} and {}, {} a side are needed for {gates} {}",
            self.repeat,
            runs_needed(gates),
            if gates == 1 { "figure" } else { "figures" }
        ))
    }

    /// Why going on is of no use: as many runs of a side can't be trusted that those which are left are
    /// too few to show a change, where all of them would have been enough; or a run is unfit for the
    /// baseline that they all were to become.
    fn is_lost(&self, made: &[Made]) -> Option<String> {
        let (Some(new), Some(first)) = (made.last(), made.first()) else { return None };
        let unfit = || {
            let at = |(at, report)| Some((at, unfit(report)?));
            new.reports.iter().enumerate().find_map(at)
        };
        if let Some((at, why)) = self.saves.then(unfit).flatten() {
            return Some(format!(
                "run {} {why}: a baseline is made of runs that passed and are valid",
                at + 1
            ));
        }
        let best = |made: &Made| self.repeat - made.left_out();
        let cases = [
            self.turns.map(|gates| (self.repeat, best(first), gates)),
            self.base.map(|(base, gates)| (base, base, gates)),
        ];
        let asked: Vec<_> = cases.into_iter().flatten().collect();
        let lost = |(planned, base, gates): &(usize, usize, usize)| {
            can_decide(*planned, self.repeat, *gates) && !can_decide(*base, best(new), *gates)
        };
        // As long as one of two comparisons can still be had they go on.
        if asked.is_empty() || !asked.iter().all(lost) {
            return None;
        }
        let gates = asked.first().map_or(0, |(_, _, gates)| *gates);
        let left_out: usize = made.iter().map(Made::left_out).sum();
        Some(format!(
            "{left_out} {} can't be trusted, and those that are left are too few: {gates} {} {} a side",
            if left_out == 1 { "run" } else { "runs" },
            if gates == 1 { "figure needs" } else { "figures need" },
            runs_needed(gates)
        ))
    }
}

/// What became of one side.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) reports: Vec<Report>,
    /// Runs that left no report.
    pub(super) missing: usize,
    /// How each run ended.
    pub(super) exits: Vec<Exit>,
}

impl Made {
    /// Runs whose figures are of no use.
    fn left_out(&self) -> usize {
        let counts = |report: &&Report| Standing::of(report).counts();
        self.reports.len() - self.reports.iter().filter(counts).count() + self.missing
    }
}

/// What became of all.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// In the order of the sides.
    pub(super) made: Vec<Made>,
    /// How the run ended that ended them all: it was stopped, or could not be made.
    pub(super) ended: Option<Exit>,
    /// Why not all of them were made.
    pub(super) why: Option<String>,
}

/// The order of one round: there, and the next time back.
fn order(sides: usize, round: usize) -> Vec<usize> {
    let forth = 0..sides;
    if round.is_multiple_of(2) { forth.collect() } else { forth.rev().collect() }
}

/// Makes all runs, or as many as are of use.
pub(super) async fn all(
    sides: &[Side],
    out: &Path,
    aim: Aim,
    quiet: bool,
    planned_s: f64,
) -> Result<Turns, Failure> {
    let stop = signals::follow()
        .map_err(|error| internal(format!("can't listen for signals: {error}")))?;
    let tell = |text: &str| {
        if !quiet {
            print::stderr(text);
        }
    };
    let mut turns =
        Turns { made: sides.iter().map(|_| Made::default()).collect(), ..Turns::default() };
    let total = aim.repeat * sides.len();
    let (mut done, began) = (0, Instant::now());
    tell(&format!("{}\n", planned(total, planned_s)));
    for round in 0..aim.repeat {
        for at in order(sides.len(), round) {
            let side = &sides[at];
            let folder = side.folder(out).join(format!("{:02}", round + 1));
            let written = folder.join(REPORT_FILE);
            let run = child::run(arguments(side), &folder, Stderr::Shared, stop.clone());
            let Ended { exit, said, .. } = run.await?;
            done += 1;
            let ended = !matches!(exit, Exit::Passed | Exit::Failed | Exit::Invalid);
            if ended {
                // What it said on stderr was seen.
                print::stdout(&said)?;
            }
            let made = &mut turns.made[at];
            made.exits.push(exit);
            if written.exists() {
                let report = runs::report(&written)?;
                let left_s = began.elapsed().as_secs_f64() / done as f64 * (total - done) as f64;
                tell(&line(done, total, &side.name, &report, (!ended).then_some(left_s)));
                made.reports.push(report);
            } else {
                made.missing += 1;
            }
            if ended {
                turns.ended = Some(exit);
                turns.why = Some(format!("ended after {done} of {total} runs"));
                return Ok(turns);
            }
            if let Some(why) = aim.is_lost(&turns.made).filter(|_| done < total) {
                let why = format!("ended after {done} of {total} runs: {why}");
                tell(&format!("{why}\n"));
                turns.why = Some(why);
                return Ok(turns);
            }
        }
    }
    Ok(turns)
}

/// What is going to happen.
fn planned(total: usize, each_s: f64) -> String {
    let noun = if total == 1 { "run" } else { "runs" };
    let total_s = (total as f64 * each_s).round();
    format!("{total} {noun} of {}: {} or more", seconds(each_s), seconds(total_s))
}

/// What became of a run, and how long the others take.
fn line(done: usize, total: usize, side: &str, report: &Report, left_s: Option<f64>) -> String {
    let latency = report.latency.get(&Metric::Delivery);
    let told = |us: Option<u64>| us.map_or("-".to_owned(), duration_us);
    let (p50, p99) = latency.map_or((None, None), |latency| (latency.p50, latency.p99));
    let mut line = format!(
        "run {done} of {total}, {}: {}",
        escape_terminal(side, 20),
        report.verdict.state.word()
    );
    let validity = report.validity.state;
    if validity != ValidityState::Valid && Standing::of(report) != Standing::Invalid {
        line.push_str(&format!(" ({})", validity.name()));
    }
    line.push_str(&format!("  delivery p50 {} p99 {}", told(p50), told(p99)));
    if let Some(lost) = report.deliveries.lost.filter(|lost| *lost > 0) {
        line.push_str(&format!("  {} lost", count(lost)));
    }
    if let Some(left_s) = left_s.filter(|left_s| *left_s >= 0.5) {
        line.push_str(&format!("  {} left", seconds(left_s.round())));
    }
    line.push('\n');
    if !Standing::of(report).is_fine() {
        let sentence = escape_terminal(&report.verdict.sentence, COLUMNS - 2);
        line.push_str(&format!("  {sentence}\n"));
    }
    line
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

/// Flags of this command line that make several runs, or print their results.
const OF_SEVERAL: [&str; 5] =
    ["--repeat", "--against", "--baseline", "--save-baseline", "--format"];

/// This command line, for one run.
fn arguments(side: &Side) -> Vec<OsString> {
    let dropped: Vec<&str> = OF_SEVERAL.iter().chain(side.without).copied().collect();
    let mut arguments = without(std::env::args_os().skip(1), &dropped, &[]);
    arguments.extend(side.arguments.iter().cloned());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_there_and_back() {
        let rounds: Vec<_> = (0..4).flat_map(|round| order(2, round)).collect();
        assert_eq!(rounds, [0, 1, 1, 0, 0, 1, 1, 0]);
        assert_eq!((order(3, 0), order(3, 1)), (vec![0, 1, 2], vec![2, 1, 0]));
    }

    fn made(invalid: usize, valid: usize) -> Made {
        let reports = vec![Report::default(); invalid + valid];
        let mut made = Made { reports, ..Made::default() };
        for report in made.reports.iter_mut().take(invalid) {
            report.validity.state = ValidityState::Invalid;
        }
        made
    }

    #[test]
    fn a_series_goes_on_as_long_as_it_can_decide() {
        let aim = Aim { repeat: 5, turns: Some(2), base: None, saves: false };
        // Four of five are enough for two figures, and three with five: 56 splits.
        for (base, new, lost) in [
            (made(0, 1), made(0, 0), false),
            (made(1, 0), made(1, 0), false),
            (made(0, 2), made(2, 0), false),
            (made(2, 0), made(1, 1), true),
            (made(0, 3), made(3, 0), true),
            (made(5, 0), made(0, 0), true),
        ] {
            let why = aim.is_lost(&[base, new]);
            assert_eq!(why.is_some(), lost, "{why:?}");
        }
        assert_eq!(aim.is_coarse(), None);
        // Who asks for fewer than enough gets them, and is told beforehand.
        let few = Aim { repeat: 2, ..aim };
        assert_eq!(few.is_lost(&[made(2, 0), made(1, 0)]), None);
        let why = few.is_coarse().unwrap();
        assert!(why.ends_with("2 and 2, 4 a side are needed for 2 figures"), "{why}");
        let old = Aim { turns: None, base: Some((1, 1)), ..aim };
        assert!(old.is_coarse().is_some_and(|why| why.contains(": 1 and 5, 3 a side")));
        // Figures of one side only lie apart.
        let alone = Aim { turns: None, ..aim };
        assert_eq!(alone.is_lost(&[made(5, 0)]), None);
        // One of two comparisons can still be had.
        let both = Aim { base: Some((8, 2)), ..aim };
        assert_eq!(both.is_lost(&[made(4, 0), made(0, 3)]), None);
        assert!(both.is_lost(&[made(4, 0), made(4, 0)]).is_some());
        let with_base = Aim { turns: None, base: Some((5, 4)), ..aim };
        assert_eq!(with_base.is_lost(&[made(1, 1)]), None);
        let why = with_base.is_lost(&[made(2, 0)]).unwrap();
        assert!(
            why.starts_with("2 runs can't be trusted") && why.contains("4 figures need 5"),
            "{why}"
        );
    }

    #[test]
    fn a_baseline_is_lost_with_its_first_unfit_run() {
        let aim = Aim { repeat: 5, turns: None, base: None, saves: true };
        assert_eq!(aim.is_lost(&[made(0, 2)]), None);
        let mut suspect = made(0, 2);
        suspect.reports[1].validity.state = ValidityState::Suspect;
        let why = aim.is_lost(&[suspect]).unwrap();
        assert!(why.starts_with("run 2 is suspect"), "{why}");
    }

    #[test]
    fn a_line_tells_the_reason_and_the_time_left() {
        let mut report = Report::default();
        report.verdict.state = crate::report::VerdictState::Failed;
        report.verdict.sentence = "1 of 1 thresholds: lost was 3\u{1b}, should be 0".to_owned();
        report.deliveries.lost = Some(3);
        let line = line(3, 10, "new", &report, Some(70.2));
        assert_eq!(
            line,
            "run 3 of 10, new: FAILED  delivery p50 - p99 -  3 lost  70 s left\n  \
             1 of 1 thresholds: lost was 3\\u{1b}, should be 0\n"
        );
    }
}
