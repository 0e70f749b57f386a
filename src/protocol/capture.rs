//! Takes a piece of what a server said, to be named in templates later.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::pointer::{Pointer, listed};

/// What one capture may hold in bytes: each client keeps its own.
pub const CAPTURE_MAX_BYTES: usize = 64 * 1024;

/// Where a captured text stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Source {
    /// In JSON.
    Pointer(Pointer),
    /// In the bytes: the first group, or all of the match where the pattern has no group.
    Pattern(#[serde(with = "regex_text")] regex::bytes::Regex),
    /// In a header of an HTTP answer, by its name in any case.
    Header(String),
}

/// Takes one text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capture {
    /// Its place in [`super::scope::Captured`].
    pub into: usize,
    /// The name that templates use.
    pub name: String,
    /// Where it stands.
    pub source: Source,
}

impl Capture {
    /// What stands there: a JSON string's content, numbers as they were written, objects and arrays
    /// as JSON without white space.
    ///
    /// None where nothing matches, where it is `null` or no Unicode, and past
    /// [`CAPTURE_MAX_BYTES`]. A header is in no frame: see [`Capture::take_header`].
    #[must_use]
    pub fn take(&self, frame: &Frame<'_>) -> Option<Arc<str>> {
        match &self.source {
            Source::Pointer(pointer) => {
                pointer.find(frame.json()?, |found| bounded(&found?.text()?))
            }
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

impl Capture {
    /// What was not there, for a person: behind "the answer has no". Says what is there instead.
    #[must_use]
    pub(crate) fn missed(&self, frame: &Frame<'_>) -> String {
        let name = &self.name;
        match &self.source {
            Source::Pointer(pointer) => match frame.json() {
                None => format!("`{name}` at {pointer}: it is no JSON"),
                Some(json) => format!("`{name}` at {pointer}: {}", pointer.lost_in(json)),
            },
            Source::Pattern(pattern) => {
                format!("`{name}`: the pattern '{}' matches no text in it", pattern.as_str())
            }
            Source::Header(header) => format!("`{name}`: no header `{header}`"),
        }
    }

    /// The same of a header, where these are.
    #[must_use]
    pub(crate) fn missed_header<'a>(
        &self,
        header: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> String {
        let name = &self.name;
        format!("header `{header}` to take `{name}` from: there are {}", listed(names))
    }
}

fn bounded(text: &str) -> Option<Arc<str>> {
    (text.len() <= CAPTURE_MAX_BYTES).then(|| text.into())
}

/// Patterns as their text, so that a plan can be handed on.
pub(super) mod regex_text {
    use regex::bytes::Regex;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(regex: &Regex, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(regex.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
        Regex::new(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    pub(crate) mod option {
        use regex::bytes::Regex;
        use serde::de::Error;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub(crate) fn serialize<S: Serializer>(
            regex: &Option<Regex>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            regex.as_ref().map(Regex::as_str).serialize(to)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Regex>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.map(|text| Regex::new(&text).map_err(D::Error::custom)).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(source: Source) -> Capture {
        Capture { into: 0, name: "it".to_owned(), source }
    }

    #[test]
    fn captures_in_a_table() {
        let pointer = |place: &str| Source::Pointer(Pointer::parse(&[place]).unwrap());
        let pattern = |text: &str| Source::Pattern(regex::bytes::Regex::new(text).unwrap());
        let frame =
            br#"{"s":"a\"\u00e9","n":7,"f":1.10,"b":true,"z":null,"o":{"k":[1.0, 2], "a":"\/"},
            "big":12345678901234567890123,"e":1E400,"half":"\ud800","y\ud800":1}"#;
        for (source, taken) in [
            (pointer("/s"), Some("a\"é")),
            (pointer("/n"), Some("7")),
            (pointer("/f"), Some("1.10")),
            (pointer("/big"), Some("12345678901234567890123")),
            (pointer("/e"), Some("1E400")),
            (pointer("/half"), None),
            (pointer("/b"), Some("true")),
            (pointer("/z"), None),
            (pointer("/o"), Some(r#"{"k":[1.0,2],"a":"/"}"#)),
            (pointer("/none"), None),
            (pattern(r#""n":(\d)(,)"#), Some("7")),
            (pattern(r#""n":\d"#), Some("\"n\":7")),
            (pattern("(x)|n"), None),
            (pattern("x"), None),
            (Source::Header("n".to_owned()), None),
        ] {
            let capture = capture(source);
            let frame = Frame::new(frame, true, None);
            assert_eq!(capture.take(&frame).as_deref(), taken, "{capture:?}");
        }
        let binary = Frame::new(&[b'a', 0xff], false, None);
        assert_eq!(capture(pattern("(?s-u)a.")).take(&binary), None);
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let capture = capture(Source::Header("x-token".to_owned()));
        let taken = capture.take_header(|name| (name == "x-token").then_some("abc"));
        assert_eq!(taken.as_deref(), Some("abc"));
    }

    #[test]
    fn a_text_past_the_bound_is_refused() {
        let capture = capture(Source::Pattern(regex::bytes::Regex::new("^a*").unwrap()));
        for (length, fits) in [(CAPTURE_MAX_BYTES, true), (CAPTURE_MAX_BYTES + 1, false)] {
            let bytes = vec![b'a'; length];
            assert_eq!(capture.take(&Frame::new(&bytes, true, None)).is_some(), fits);
        }
    }
}
