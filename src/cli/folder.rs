//! Where a run's files go: checked before the run, written whole or not at all after it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::report::Exit;
use crate::report::files::{FORMATS, RenderError};
use crate::report::ledger::LEDGER_FILE;
use crate::units::date;

/// What a file is called until it is whole.
const PARTIAL: &str = ".partial";

/// Where runs go that name no folder.
const REPORTS: &str = "reports";
/// Runs of one name that begin in the same second, at most.
const SAME_SECOND: u32 = 1_000;

/// A run's folder, known to be writable.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The folders that were made for this run, innermost first: they are removed if the run comes
    /// to nothing.
    made: Vec<PathBuf>,
}

impl Folder {
    /// Makes the folder, or takes one that holds nothing but an earlier run's files.
    pub(super) fn open(out: Option<&Path>, scenario: &str) -> Result<Self, Failure> {
        let parent_is_new = !Path::new(REPORTS).exists();
        let fresh = out.is_none();
        let path = match out {
            Some(path) => path.to_owned(),
            None => self::fresh(scenario)?,
        };
        if path.is_file() {
            let message = format!("{} is a file, not a folder", path.display());
            let help = "name a new or empty folder with --out DIR";
            return Err(Failure::message(Exit::Usage, message, help));
        }
        let is_new = |folder: &&Path| match fresh {
            true => *folder == path || (parent_is_new && *folder == Path::new(REPORTS)),
            false => !folder.exists(),
        };
        let made = path.ancestors().take_while(is_new);
        let made = made.filter(|folder| !folder.as_os_str().is_empty());
        let made = made.map(Path::to_owned).collect();
        let refused = |error: &io::Error| {
            let message = format!("can't write into {}: {error}", path.display());
            Failure::message(Exit::Usage, message, "choose another folder with --out DIR")
        };
        fs::create_dir_all(&path).map_err(|error| refused(&error))?;
        if let Some(stranger) = stranger(&path).map_err(|error| refused(&error))? {
            let message = format!("{} holds {stranger}, which is not a run's file", path.display());
            let help = "a run's folder is its own: choose a new or empty one with --out DIR";
            return Err(Failure::message(Exit::Usage, message, help));
        }
        let folder = Self { path, made };
        let probe = folder.path.join(format!("probe{PARTIAL}"));
        File::create(&probe)
            .and_then(|mut file| file.write_all(b"uproar"))
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|error| {
                folder.abandon();
                let message = format!("can't write into {}: {error}", folder.path.display());
                Failure::message(Exit::Usage, message, "choose another folder with --out DIR")
            })?;
        Ok(folder)
    }

    /// A folder that is there, for files that are not a run's.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, made: Vec::new() }
    }

    /// Removes what was made for nothing.
    pub(super) fn abandon(&self) {
        for folder in &self.made {
            // Only succeeds while it is empty.
            let _ = fs::remove_dir(folder);
        }
    }

    /// The path of one of the run's files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file so that it is whole or not there: aside, synced, then renamed. When it can't
    /// be written an earlier run's file goes too: it must not be read as this one's.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let written = self.replace(name, text);
        if written.is_err() {
            let _ = fs::remove_file(self.path.join(name));
        }
        written
    }

    /// The same, of a file that says more and more: an earlier one stays if this one can't be written.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let aside = self.path.join(format!("{name}{PARTIAL}"));
        let written = File::create(&aside)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&aside, self.path.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written
    }

    /// Writes what was rendered. Where there is nothing to write, an earlier run's file goes: it would
    /// pass for this one's.
    pub(super) fn put(
        &self,
        name: &str,
        rendered: Result<Option<String>, RenderError>,
    ) -> io::Result<()> {
        match rendered {
            Ok(Some(text)) => self.write(name, &text),
            Ok(None) => self.remove(name),
            Err(why) => self.remove(name).and(Err(io::Error::other(why))),
        }
    }

    /// Removes an earlier run's file, if it is there.
    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes the folder of runs that name none: `reports/NAME-TIME`, or the first of `-2`, `-3` ... that
/// nobody else has.
fn fresh(scenario: &str) -> Result<PathBuf, Failure> {
    let time = date::now_for_names();
    fresh_in(Path::new(REPORTS), &format!("{scenario}-{time}")).map_err(|error| {
        let message = format!("can't make a folder in {REPORTS}: {error}");
        Failure::message(Exit::Usage, message, "choose another folder with --out DIR")
    })
}

/// The folder that holds several runs: the one that is named, if it is new or empty, else a fresh one.
/// What is there already would be taken for theirs; `help` says what to do then.
pub(super) fn of_several(out: Option<&Path>, name: &str, help: &str) -> Result<PathBuf, Failure> {
    let Some(out) = out else { return fresh(name) };
    if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty", out.display());
        return Err(Failure::message(Exit::Usage, message, help));
    }
    Ok(out.to_owned())
}

/// Making the folder is what takes its name: of two runs that begin in the same second, each in a
/// process of its own, one is told that it is there already.
fn fresh_in(parent: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 1..=SAME_SECOND {
        let path = match number {
            1 => parent.join(name),
            _ => parent.join(format!("{name}-{number}")),
        };
        // Each time: a run that came to nothing takes an empty parent with it.
        fs::create_dir_all(parent)?;
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{name} and {SAME_SECOND} names like it are taken")))
}

/// Something in the folder that no run wrote: then it is not ours to write into.
fn stranger(path: &Path) -> io::Result<Option<String>> {
    let mut ours: Vec<_> = FORMATS.iter().flat_map(|format| format.names()).collect();
    ours.push(LEDGER_FILE.to_owned());
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let known = ours.iter().any(|ours| *ours == name.trim_end_matches(PARTIAL));
        if !known && name != format!("probe{PARTIAL}") {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_second_have_a_folder_each() {
        let place = tempfile::tempdir().unwrap();
        let parent = place.path().join("reports");
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let five =
                            (0..5).map(|_| fresh_in(&parent, "chat-20260101T000000Z").unwrap());
                        five.collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let names: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(names.len(), 80, "each thread made its own: {all:?}");
        assert!(names.contains(&parent.join("chat-20260101T000000Z")));
        assert!(names.contains(&parent.join("chat-20260101T000000Z-80")));
        assert!(names.iter().all(|path| path.is_dir()));
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_goes_and_others_stay() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        let folder = Folder::open(Some(&path), "any").unwrap();
        folder.abandon();
        assert!(!place.path().join("a").exists() && place.path().exists());
    }

    #[test]
    fn an_earlier_report_does_not_outlive_the_one_that_could_not_be_written() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(place.path()), "any").unwrap();
        folder.write("report.json", "earlier").unwrap();
        folder.write("report.md", "earlier").unwrap();
        // What the next report would be written to is in the way.
        fs::create_dir(place.path().join(format!("report.json{PARTIAL}"))).unwrap();
        assert!(folder.write("report.json", "later").is_err());
        assert!(!folder.file("report.json").exists());
        // What is written again and again is there as it was.
        folder.replace("capacity.json", "earlier").unwrap();
        fs::create_dir(place.path().join(format!("capacity.json{PARTIAL}"))).unwrap();
        assert!(folder.replace("capacity.json", "later").is_err());
        assert_eq!(fs::read_to_string(folder.file("capacity.json")).unwrap(), "earlier");
        folder.write("report.md", "later").unwrap();
        assert_eq!(fs::read_to_string(folder.file("report.md")).unwrap(), "later");
    }
}
