//! Takes a piece of what a server said, to be named in templates later.

use std::sync::Arc;

use serde_json::Value;

use super::frame::Frame;
use super::pointer::Pointer;

/// What one capture may hold in bytes: each client keeps its own.
pub const CAPTURE_MAX_BYTES: usize = 64 * 1024;

/// Where a captured text stands.
#[derive(Clone, Debug)]
pub enum Source {
    /// In JSON.
    Pointer(Pointer),
    /// In the bytes: the first group, or all of the match where the pattern has no group.
    Pattern(regex::bytes::Regex),
    /// In a header of an HTTP answer, by its name in any case.
    Header(String),
}

/// Takes one text.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Its place in [`super::scope::Captured`].
    pub into: usize,
    /// The name that templates use.
    pub name: String,
    /// Where it stands.
    pub source: Source,
}

impl Capture {
    /// What stands there: a JSON string's content, numbers and booleans as text, objects and
    /// arrays as JSON.
    ///
    /// None where nothing matches, where it is `null` or no UTF-8, and past
    /// [`CAPTURE_MAX_BYTES`]. A header is in no frame: see [`Capture::take_header`].
    #[must_use]
    pub fn take(&self, frame: &Frame<'_>) -> Option<Arc<str>> {
        match &self.source {
            Source::Pointer(pointer) => match &*pointer.get(frame.json()?)? {
                Value::Null => None,
                Value::String(text) => bounded(text),
                other => bounded(&other.to_string()),
            },
            Source::Pattern(pattern) => {
                let found = pattern.captures(frame.bytes())?;
                let group = usize::from(found.len() > 1);
                bounded(std::str::from_utf8(found.get(group)?.as_bytes()).ok()?)
            }
            Source::Header(_) => None,
        }
    }

    /// The header's value, if this captures one; `value` finds it by its name.
    #[must_use]
    pub fn take_header<'a>(&self, value: impl FnOnce(&str) -> Option<&'a str>) -> Option<Arc<str>> {
        match &self.source {
            Source::Header(name) => bounded(value(name)?),
            Source::Pointer(_) | Source::Pattern(_) => None,
        }
    }
}

fn bounded(text: &str) -> Option<Arc<str>> {
    (text.len() <= CAPTURE_MAX_BYTES).then(|| text.into())
}
