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

/// Names that are listed of those that are there, and the columns of each.
const LISTED_MAX: usize = 8;
const LISTED_CHARS_MAX: usize = 40;

/// Some names, in backticks.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut shown = Vec::new();
    let mut more = 0;
    for name in names {
        if shown.len() == LISTED_MAX {
            more += 1;
            continue;
        }
        let cut: String = name.chars().take(LISTED_CHARS_MAX).collect();
        let dots = if cut.len() < name.len() { "..." } else { "" };
        shown.push(format!("`{}{dots}`", cut.escape_debug()));
    }
    match (shown.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Pointer {
    /// Why it gives nothing to take: how far it leads, and which keys are there.
    pub(super) fn lost_in(&self, value: &Json<'_>) -> String {
        lost_in(&self.first, &self.further, value)
    }
}

fn lost_in(pointer: &str, further: &[String], value: &Json<'_>) -> String {
    let Some(found) = value.pointer(pointer) else { return lost_on_the_way(pointer, value) };
    let at = if pointer.is_empty() { "it" } else { pointer };
    let [next, rest @ ..] = further else {
        return match found {
            Json::Null => "there is null".to_owned(),
            found if found.text().is_none() => "what stands there is no Unicode".to_owned(),
            _ => "what stands there is too long".to_owned(),
        };
    };
    let Json::Text(text) = found else { return lost_in(next, rest, found) };
    match Json::parse(text.bytes()) {
        Some(inner) => format!("in the text at {at}, {}", lost_in(next, rest, &inner)),
        None => format!("the text at {at} is no JSON"),
    }
}

fn lost_on_the_way(pointer: &str, value: &Json<'_>) -> String {
    let ends = pointer.match_indices('/').map(|(at, _)| at).rev();
    let known = ends.filter_map(|end| Some((&pointer[..end], value.pointer(&pointer[..end])?)));
    // The empty pointer points at all of it.
    let (at, found) = known.into_iter().next().unwrap_or(("", value));
    let at = if at.is_empty() { "it" } else { at };
    match found {
        Json::Object(entries) => {
            let keys: Vec<_> =
                entries.iter().map(|(key, _)| String::from_utf8_lossy(key.bytes())).collect();
            let keys = listed(keys.iter().map(|key| &**key));
            format!("the keys of {at} are {keys}")
        }
        Json::Array(items) => match items.len() {
            1 => format!("{at} is a list of one"),
            length => format!("{at} is a list of {length}"),
        },
        _ => format!("{at} is no object and no list"),
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
    fn a_pointer_that_missed_says_how_far_it_leads() {
        let value = r#"{"ok":true,"data":{"id":7,"none":null},"list":[1,2],"one":[1],
            "text":"{\"x\":1}","plain":"abc","empty":{}}"#;
        let value = Json::parse(value.as_bytes()).unwrap();
        for (pointers, told) in [
            (
                &["/token"][..],
                "the keys of it are `ok`, `data`, `list`, `one`, `text`, `plain`, `empty`",
            ),
            (&["/data/token"], "the keys of /data are `id`, `none`"),
            (&["/data/none"], "there is null"),
            (&["/data/deep/token"], "the keys of /data are `id`, `none`"),
            (&["/ok/token"], "/ok is no object and no list"),
            (&["/list/2"], "/list is a list of 2"),
            (&["/one/x"], "/one is a list of one"),
            (&["/empty/x"], "the keys of /empty are none"),
            (&["/text", "/y"], "in the text at /text, the keys of it are `x`"),
            (&["/plain", "/y"], "the text at /plain is no JSON"),
            (&["/data", "/y"], "the keys of it are `id`, `none`"),
        ] {
            let pointer = Pointer::parse(pointers).unwrap();
            assert_eq!(pointer.lost_in(&value), told, "{pointer}");
        }
        let many = (0..11).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
        let many = format!("{{{many}}}");
        let told = Pointer::parse(&["/x"]).unwrap().lost_in(&Json::parse(many.as_bytes()).unwrap());
        assert!(told.ends_with("`k6`, `k7` and 3 more"), "{told}");
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
