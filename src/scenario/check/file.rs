//! Text files that a scenario names: read whole, up to a bound.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The file's text, or why there is none. `most_bytes` is a whole number of MiB.
pub(super) fn text(path: &Path, most_bytes: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > most_bytes {
        return Err(format!("it is larger than {} MiB", most_bytes >> 20));
    }
    let mut bytes = Vec::new();
    file.take(most_bytes).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not UTF-8 (line {line})")
    })?;
    // Spreadsheets put a mark in front, which would become part of the first column's name.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
