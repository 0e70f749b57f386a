//! Runs that were written before: a report, a folder of one run or of several, a baseline, or a search.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::capacity::{Capacity, JSON_FILE};
use crate::compare::{RUNS_MAX, Runs};
use crate::report::files::REPORT_FILE;
use crate::report::json::{check, from_json};
use crate::report::{Exit, Report};

/// Several times what the largest report takes.
pub(super) const REPORT_BYTES_MAX: u64 = 16 << 20;
/// A baseline has no series and no examples, so that its runs are small.
const BASELINE_BYTES_MAX: u64 = 64 << 20;

/// What `--save-baseline` writes.
#[derive(Serialize, Deserialize)]
struct Baseline {
    /// The version of this format.
    baseline: u32,
    runs: Vec<Report>,
}

/// The version that is written and read.
const BASELINE: u32 = 1;

/// Reads the report of one run.
pub(super) fn report(path: &Path) -> Result<Report, Failure> {
    let help = "name a run's folder, or the report.json in it";
    let text = text(path, REPORT_BYTES_MAX, help)?;
    from_json(&text).map_err(|error| refused(path, &error, help))
}

/// Reads one side of a comparison.
pub(super) fn load(path: &Path) -> Result<Runs, Failure> {
    let name = path.display().to_string();
    let help = "name a report.json, a run's folder, a folder of runs, or a baseline";
    let mut missing = 0;
    let reports = if path.is_dir() {
        let found = folders(path, help)?;
        missing = found.without;
        found.reports.iter().map(|path| report(path)).collect::<Result<Vec<_>, _>>()?
    } else {
        let text = text(path, BASELINE_BYTES_MAX, help)?;
        match serde_json::from_str::<Baseline>(&text) {
            Ok(read) if read.baseline == BASELINE => {
                for report in &read.runs {
                    check(report).map_err(|error| refused(path, &error, help))?;
                }
                read.runs
            }
            Ok(read) => {
                let why = format!(
                    "it is a baseline of version {}, and this build reads {BASELINE}",
                    read.baseline
                );
                return Err(refused(path, &why, "save it anew with this build"));
            }
            Err(_) => vec![from_json(&text).map_err(|error| refused(path, &error, help))?],
        }
    };
    if reports.is_empty() || reports.len() > RUNS_MAX {
        let why = format!("it has {} runs", reports.len());
        return Err(refused(path, &why, &format!("a side has 1 to {RUNS_MAX}")));
    }
    Ok(Runs { name, reports, missing })
}

/// What a folder of runs holds.
#[derive(Default)]
struct Found {
    /// In the order of their folders' names.
    reports: Vec<PathBuf>,
    /// Folders of a series' run, by their names, that hold no report: of a run that broke off.
    without: usize,
}

/// The report of a run's folder, or those of the folders in it.
fn folders(path: &Path, help: &str) -> Result<Found, Failure> {
    let own = path.join(REPORT_FILE);
    if own.exists() {
        return Ok(Found { reports: vec![own], without: 0 });
    }
    let mut found = Found::default();
    for entry in fs::read_dir(path).map_err(|error| refused(path, &error, help))? {
        let folder = entry.map_err(|error| refused(path, &error, help))?.path();
        let report = folder.join(REPORT_FILE);
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_of_series = name
            .is_some_and(|name| name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_digit()));
        if report.exists() {
            found.reports.push(report);
        } else if is_of_series && folder.is_dir() {
            found.without += 1;
        }
    }
    found.reports.sort();
    if found.reports.is_empty() {
        return Err(refused(path, &"there is no report.json in it, nor in a folder in it", help));
    }
    Ok(found)
}

/// Why a baseline can't be written there, found out before the runs are made. One that is read as a
/// baseline by the same command is replaced; anything else that is there stays.
pub(super) fn check_save(path: &Path, read: Option<&Path>) -> Result<(), Failure> {
    let refused = |why: &str, help: &str| {
        let message = format!("can't write the baseline {}: {why}", path.display());
        Err(Failure::message(Exit::Usage, message, help))
    };
    let other = "choose another file with --save-baseline";
    if path.is_dir() {
        return refused("it is a folder", other);
    }
    let same = read.is_some_and(|read| match (read.canonicalize(), path.canonicalize()) {
        (Ok(read), Ok(path)) => read == path,
        _ => false,
    });
    if path.exists() && !same {
        return refused("it is there already", "remove it, or choose another file");
    }
    let aside = path.with_extension(ASIDE);
    match File::create(&aside).and_then(|_| fs::remove_file(&aside)) {
        Ok(()) => Ok(()),
        Err(error) => refused(&error.to_string(), other),
    }
}

/// What a baseline is called until it is whole.
const ASIDE: &str = "partial";

/// Writes what later runs are compared with: nothing that a comparison has no use for.
pub(super) fn save(path: &Path, reports: &[Report]) -> Result<(), Failure> {
    let lean =
        |report: &Report| Report { series: Vec::new(), examples: Vec::new(), ..report.clone() };
    let baseline = Baseline { baseline: BASELINE, runs: reports.iter().map(lean).collect() };
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!("can't write the baseline {}: {error}", path.display());
        Failure::message(Exit::Internal, message, "choose another file with --save-baseline")
    };
    let mut text = serde_json::to_string(&baseline).map_err(|error| failed(&error))?;
    text.push('\n');
    // Whole or not there: a baseline that is cut would be found out only by the next job.
    let aside = path.with_extension(ASIDE);
    fs::write(&aside, text).and_then(|()| fs::rename(&aside, path)).map_err(|error| {
        let _ = fs::remove_file(&aside);
        failed(&error)
    })
}

/// Hundreds of trials are under a tenth of it.
const SEARCH_BYTES_MAX: u64 = 4 << 20;

/// What the search of that folder found.
pub(super) fn search(folder: &Path) -> Result<Capacity, Failure> {
    let path = folder.join(JSON_FILE);
    let help = "name the folder of a search that made a trial";
    let text = text(&path, SEARCH_BYTES_MAX, help)?;
    crate::capacity::from_json(&text).map_err(|why| refused(&path, &why, help))
}

/// The folder of a search, where a path names one or its `capacity.json`.
pub(super) fn folder_of_search(path: &Path) -> Option<&Path> {
    match path.file_name().is_some_and(|name| name == JSON_FILE) {
        true => path.parent(),
        false => path.join(JSON_FILE).exists().then_some(path),
    }
}

/// A file that is no larger than what it can be.
fn text(path: &Path, most_bytes: u64, help: &str) -> Result<String, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(most_bytes + 1).read_to_string(&mut text))
        .map_err(|error| refused(path, &error, help))?;
    if text.len() as u64 > most_bytes {
        return Err(refused(path, &"it is larger than any report", help));
    }
    Ok(text)
}

fn refused(path: &Path, why: &dyn std::fmt::Display, help: &str) -> Failure {
    Failure::message(Exit::Usage, format!("can't read {}: {why}", path.display()), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::to_json;

    #[test]
    fn a_baseline_is_refused_before_the_runs_where_it_can_not_be_written() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("there.json"), "mine").unwrap();
        let why = |path: &Path, read: Option<&Path>| {
            let failure = check_save(path, read).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            failure.render(false)
        };
        assert!(check_save(&path("new.json"), None).is_ok());
        assert!(!path("new.json").exists() && !path("new.partial").exists());
        assert!(why(place.path(), None).contains("it is a folder"));
        assert!(why(&path("there.json"), None).contains("it is there already"));
        assert!(why(&path("there.json"), Some(&path("none.json"))).contains("it is there already"));
        assert!(why(&path("no/such.json"), None).contains("No such file"));
        // The one that is read by the same command is to be replaced.
        assert!(check_save(&path("there.json"), Some(&path("./there.json"))).is_ok());
        assert_eq!(fs::read_to_string(path("there.json")).unwrap(), "mine");
    }

    #[test]
    fn runs_that_left_no_report_are_counted_and_other_folders_are_not() {
        let place = tempfile::tempdir().unwrap();
        let json = to_json(&Report::default()).unwrap();
        for name in ["01", "02", "03", "notes", "4"] {
            fs::create_dir(place.path().join(name)).unwrap();
            if name == "01" {
                fs::write(place.path().join(name).join(REPORT_FILE), &json).unwrap();
            }
        }
        fs::write(place.path().join("04"), "a file").unwrap();
        let runs = load(place.path()).unwrap();
        assert_eq!((runs.reports.len(), runs.missing), (1, 2));
        let one = load(&place.path().join("01")).unwrap();
        assert_eq!((one.reports.len(), one.missing), (1, 0));
    }

    #[test]
    fn what_was_saved_is_what_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("base.json");
        let report = Report { seed: 7, ..Report::default() };
        save(&path, &[report.clone(), report]).unwrap();
        let read = load(&path).unwrap();
        assert_eq!(read.reports.iter().map(|report| report.seed).collect::<Vec<_>>(), [7, 7]);
    }
}
