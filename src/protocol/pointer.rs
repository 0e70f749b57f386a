//! JSON pointers (RFC 6901), also into JSON that stands inside a JSON string.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::json::Json;

/// One pointer, or several: each further one goes into the JSON that the one before points at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pointer {
    first: String,
    further: Vec<String>,
}

impl Pointer {
    /// Reads one pointer, or several in order.
    ///
    /// # Errors
    ///
    /// What is wrong with the first bad one.
    pub fn parse(pointers: &[&str]) -> Result<Self, String> {
        for pointer in pointers {
            check(pointer)?;
        }
        match pointers {
            [] => Err("a list of pointers needs at least one".to_owned()),
            [first, further @ ..] => Ok(Self {
                first: (*first).to_owned(),
                further: further.iter().map(|&pointer| pointer.to_owned()).collect(),
            }),
        }
    }

    /// Lends what it points at to `then`. A string on the way is read as JSON; anything else is gone
    /// into as it is.
    pub fn find<T>(&self, value: &Json<'_>, then: impl FnOnce(Option<&Json<'_>>) -> T) -> T {
        descend(&self.first, &self.further, value, then)
    }

    /// The key that must stand in the JSON's text for it to point at anything, if it isn't perhaps
    /// the index of an array.
    pub(super) fn last_key(&self) -> Option<String> {
        let last = self.further.last().unwrap_or(&self.first);
        let (_, token) = last.rsplit_once('/')?;
        let is_index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        (!is_index).then(|| token.replace("~1", "/").replace("~0", "~"))
    }
}

fn descend<T>(
    pointer: &str,
    further: &[String],
    value: &Json<'_>,
    then: impl FnOnce(Option<&Json<'_>>) -> T,
) -> T {
    let found = value.pointer(pointer);
    let (Some(inner), [next, further @ ..]) = (found, further) else { return then(found) };
    let Json::Text(text) = inner else { return descend(next, further, inner, then) };
    match Json::parse(text.bytes()) {
        Some(inner) => descend(next, further, &inner, then),
        None => then(None),
    }
}

fn check(pointer: &str) -> Result<(), String> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(format!("the JSON pointer `{pointer}` must begin with `/`: `/{pointer}`"));
    }
    let escapes = pointer.split('~').skip(1);
    for after in escapes {
        if !after.starts_with(['0', '1']) {
            return Err(format!(
                "`~` in the JSON pointer `{pointer}` must be written `~0` (and `/` inside a key `~1`)"
            ));
        }
    }
    Ok(())
}

/// As it was written; several with a blank between them.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.first.is_empty() { "\"\"" } else { &self.first })?;
        for pointer in &self.further {
            write!(f, " {pointer}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_in_a_table() {
        // Half a surrogate pair spoils its own string, also in JSON that stands in a string.
        let value = r#"{"a":{"b/c":[1,{"~":true}]},"":2,"s":"{\"d\":\"{\\\"e\\\":3.10}\"}",
            "t":"{\"x\":\"\ud800\",\"y\":4}"}"#;
        let value = Json::parse(value.as_bytes()).unwrap();
        for (pointers, found) in [
            (&["/a/b~1c/1/~0"][..], Some("true")),
            (&["/"], Some("2")),
            (&["/a/b~1c/2"], None),
            (&["/a/b~1c/01"], None),
            (&["/s", "/d"], Some(r#""{\"e\":3.10}""#)),
            (&["/s", "/d", "/e"], Some("3.10")),
            (&["/s", "/d", "/f"], None),
            (&["/a", "/b~1c", "/0"], Some("1")),
            (&["/", "/x"], None),
            (&["/t", "/y"], Some("4")),
            (&["/t", "/x"], Some(r#""\ud800""#)),
        ] {
            let pointer = Pointer::parse(pointers).unwrap();
            let text = pointer.find(&value, |found| found.map(Json::to_string));
            assert_eq!(text.as_deref(), found, "{pointer}");
        }
        let all = Pointer::parse(&[""]).unwrap();
        assert!(all.find(&value, |found| found == Some(&value)));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (pointers, message) in [
            (&["a"][..], "the JSON pointer `a` must begin with `/`: `/a`"),
            (
                &["/a", "/b~c"],
                "`~` in the JSON pointer `/b~c` must be written `~0` (and `/` inside a key `~1`)",
            ),
            (&[], "a list of pointers needs at least one"),
        ] {
            assert_eq!(Pointer::parse(pointers).unwrap_err(), message);
        }
    }
}
