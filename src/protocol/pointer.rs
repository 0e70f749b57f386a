//! JSON pointers (RFC 6901), also into JSON that stands inside a JSON string.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

    /// What it points at. A string on the way is read as JSON; anything else is gone into as it is.
    #[must_use]
    pub fn get<'a>(&self, value: &'a Value) -> Option<Cow<'a, Value>> {
        let mut found = Cow::Borrowed(value.pointer(&self.first)?);
        for pointer in &self.further {
            let inner = match found {
                Cow::Borrowed(Value::String(text)) => Cow::Owned(serde_json::from_str(text).ok()?),
                Cow::Owned(Value::String(text)) => Cow::Owned(serde_json::from_str(&text).ok()?),
                other => other,
            };
            found = match inner {
                Cow::Borrowed(value) => Cow::Borrowed(value.pointer(pointer)?),
                Cow::Owned(mut value) => Cow::Owned(value.pointer_mut(pointer)?.take()),
            };
        }
        Some(found)
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
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_in_a_table() {
        let value =
            json!({"a": {"b/c": [1, {"~": true}]}, "": 2, "s": "{\"d\":\"{\\\"e\\\":3}\"}"});
        for (pointers, found) in [
            (&["/a/b~1c/1/~0"][..], Some(json!(true))),
            (&["/"], Some(json!(2))),
            (&["/a/b~1c/2"], None),
            (&["/a/b~1c/01"], None),
            (&["/s", "/d"], Some(json!("{\"e\":3}"))),
            (&["/s", "/d", "/e"], Some(json!(3))),
            (&["/s", "/d", "/f"], None),
            (&["/a", "/b~1c", "/0"], Some(json!(1))),
            (&["/", "/x"], None),
        ] {
            let pointer = Pointer::parse(pointers).unwrap();
            assert_eq!(pointer.get(&value).map(Cow::into_owned), found, "{pointer}");
        }
        assert_eq!(Pointer::parse(&[""]).unwrap().get(&value).as_deref(), Some(&value));
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
