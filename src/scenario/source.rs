//! Where a scenario's text comes from: a file, or one of those built in.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::builtin::builtin;
use super::mistake::ScenarioErrors;
use super::suggest::did_you_mean;

/// A scenario is a page or two; a file past this is something else, such as a report.
const LARGEST: u64 = 1 << 20;

/// A scenario's text and what to call it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's path, or the name of a built-in scenario. Paths in the text are relative
    /// to its folder.
    pub name: String,
    pub text: String,
}

/// Reads the file at a path, or else the built-in scenario of that name.
///
/// # Errors
///
/// One: there is neither, or the file can't be read, is too large, or is not UTF-8.
pub fn load(path_or_name: &str) -> Result<Source, ScenarioErrors> {
    let path = Path::new(path_or_name);
    let source = |text: String| Source { name: path_or_name.to_owned(), text };
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match builtin().iter().find(|known| known.name == path_or_name) {
                Some(known) => Ok(source(known.text.to_owned())),
                None => Err(missing(path_or_name)),
            };
        }
        Err(error) => return Err(unreadable(path_or_name, &error)),
    };
    if metadata.is_dir() {
        return Err(ScenarioErrors::without_text(
            format!("`{path_or_name}` is a folder, not a scenario file"),
            format!("name a file in it, for example {path_or_name}/scenario.toml"),
        ));
    }
    let mut bytes = Vec::new();
    // The limit holds while reading too: a pipe or a device has no length to ask for.
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path_or_name, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(ScenarioErrors::without_text(
            format!("`{path_or_name}` is larger than 1 MiB, so it is no scenario"),
            "room names go into a file of their own: `names = \"rooms.txt\"`".to_owned(),
        ));
    }
    String::from_utf8(bytes).map(source).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        ScenarioErrors::without_text(
            format!("`{path_or_name}` is not UTF-8: line {line}, at byte {at}"),
            "save it as UTF-8; TOML knows no other encoding".to_owned(),
        )
    })
}

/// The text of a file that is named in another one.
///
/// # Errors
///
/// Why it can't be used, to stand behind "can't read ...: ".
pub(super) fn text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let is_file = file.metadata().map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn missing(name: &str) -> ScenarioErrors {
    let names = builtin().iter().map(|known| known.name);
    let listed = names.clone().collect::<Vec<_>>().join(", ");
    ScenarioErrors::without_text(
        format!("there is no file `{name}`, and no built-in scenario of that name"),
        format!(
            "{}Built in are: {listed}. `uproar scenarios NAME` prints one to start from",
            did_you_mean(name, names)
        ),
    )
}

fn unreadable(name: &str, error: &dyn Display) -> ScenarioErrors {
    ScenarioErrors::without_text(
        format!("can't read the scenario file `{name}`: {error}"),
        "check the path and that you may read it".to_owned(),
    )
}
