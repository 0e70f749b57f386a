//! What a frame must look like: conditions prepared once, with a pre-test that costs a search or
//! two where most frames are something else.

mod explain;
mod fuzz;
mod pattern;
mod pretest;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[doc(hidden)]
pub use fuzz::fuzz;
pub use pattern::Pattern;

use super::frame::Frame;
use super::json::{Json, Text};
use super::number;
use super::pointer::Pointer;
use super::scope::Scope;
use super::template::{Missing, Template};
use pretest::Pretest;

/// One condition, or several of which any holds. Cheap to clone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Condition>", into = "Vec<Condition>")]
pub struct Matcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    any: Vec<Condition>,
    pretest: Pretest,
    has_slots: bool,
}

/// All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// It is exactly this.
    pub equals: Option<Template>,
    /// It begins so.
    pub starts_with: Option<Template>,
    /// It ends so.
    pub ends_with: Option<Template>,
    /// This stands in it.
    pub contains: Option<Template>,
    /// This matches somewhere in it.
    pub pattern: Option<Pattern>,
    /// It is JSON, and each pointer finds what is wanted.
    pub json: Vec<(Pointer, Wanted)>,
    /// It is exactly these bytes; a template read with [`Template::parse_hex`].
    pub hex: Option<Template>,
    /// It came in frames of this kind.
    pub frame: Option<FrameKind>,
    /// This doesn't hold.
    pub not: Option<Box<Matcher>>,
}

/// The kinds of frames that carry messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameKind {
    /// Opcode 1.
    Text,
    /// Opcode 2.
    Binary,
}

/// What must stand at a place in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wanted {
    /// A string of that content, or a number or boolean that is written so: `{{ id }}` is met by
    /// `7` and by `"7"`.
    Text(Template),
    /// A number of that value, however it is written: 7 is met by `7.0`.
    Whole(i64),
    /// A number of that value.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// One of these.
    Any(Vec<Wanted>),
    /// An object or array, or a string that holds JSON, in which each pointer finds what is wanted.
    Inside(Vec<(Pointer, Wanted)>),
}

impl Matcher {
    /// Matches where any of the conditions holds: nothing, where there is none. A condition in
    /// which nothing is given always holds.
    #[must_use]
    pub fn new(any: Vec<Condition>) -> Self {
        let has_slots = any.iter().any(|condition| condition.templates().any(has_slots));
        let pretest = Pretest::of(&any);
        Self { inner: Arc::new(Inner { any, pretest, has_slots }) }
    }

    /// The conditions.
    #[must_use]
    pub fn any(&self) -> &[Condition] {
        &self.inner.any
    }

    /// Every template in it, those of patterns included.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.inner.any.iter().flat_map(Condition::templates)
    }

    /// Fills in what is known early; see [`Template::fold`].
    ///
    /// # Errors
    ///
    /// A value that is to be filled in and isn't there, or a pattern that doesn't compile with it.
    pub fn fold(&self, scope: &Scope<'_>, changing: &[usize]) -> Result<Self, Missing> {
        self.map(&|template| template.fold(scope, changing))
    }

    /// Fills in everything the scope has; see [`Template::resolve`]. For a step that waits: what
    /// stays variable is rendered again, and a pattern compiled again, for each frame.
    ///
    /// # Errors
    ///
    /// A filter that can't be applied to a value, or a pattern that doesn't compile with it.
    pub fn resolve(&self, scope: &Scope<'_>) -> Result<Self, Missing> {
        self.map(&|template| template.resolve(scope))
    }

    fn map(&self, fold: Fold<'_>) -> Result<Self, Missing> {
        if !self.inner.has_slots {
            return Ok(self.clone());
        }
        let any = self.inner.any.iter().map(|condition| condition.map(fold));
        Ok(Self::new(any.collect::<Result<_, _>>()?))
    }

    /// Whether a condition holds. `scope` has the values of what stayed variable; a condition
    /// whose value is missing doesn't hold, and neither does the `not` that it stands in.
    #[must_use]
    pub fn matches(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> bool {
        self.test(frame, scope) == Some(true)
    }

    /// The same, and quick about most frames that it does not match: see [`may_match`](Self::may_match).
    pub(super) fn takes(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> bool {
        self.may_match(frame.bytes()) && self.matches(frame, scope)
    }

    fn test(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> Option<bool> {
        any(self.inner.any.iter().map(|condition| condition.test(frame, scope)))
    }

    /// A test without parsing: false only where [`Matcher::matches`] is false whatever the frame's
    /// kind and the scope.
    #[must_use]
    pub fn may_match(&self, bytes: &[u8]) -> bool {
        self.inner.pretest.may_match(bytes)
    }
}

impl From<Vec<Condition>> for Matcher {
    fn from(any: Vec<Condition>) -> Self {
        Self::new(any)
    }
}

impl From<Matcher> for Vec<Condition> {
    fn from(matcher: Matcher) -> Self {
        matcher.inner.any.clone()
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.any == other.inner.any
    }
}

type Fold<'a> = &'a dyn Fn(&Template) -> Result<Template, Missing>;

fn has_slots(template: &Template) -> bool {
    template.slots().next().is_some()
}

/// True where one is; unknown where none is and one isn't known.
fn any(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(false);
    for test in tests {
        match test {
            Some(true) => return Some(true),
            Some(false) => {}
            None => all = None,
        }
    }
    all
}

/// False where one is; unknown where none is and one isn't known.
fn all(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(tests.map(|test| test.map(|holds| !holds))).map(|fails| !fails)
}

impl Condition {
    /// Its own templates, and those of what it holds.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let mut found: Vec<&Template> = Vec::new();
        found.extend(
            [&self.equals, &self.starts_with, &self.ends_with, &self.contains, &self.hex]
                .into_iter()
                .flatten(),
        );
        found.extend(self.pattern.as_ref().map(Pattern::template));
        for (_, wanted) in &self.json {
            wanted.collect(&mut found);
        }
        if let Some(not) = &self.not {
            found.extend(not.inner.any.iter().flat_map(Self::templates));
        }
        found.into_iter()
    }

    fn map(&self, fold: Fold<'_>) -> Result<Self, Missing> {
        let template = |template: &Option<Template>| template.as_ref().map(fold).transpose();
        Ok(Self {
            equals: template(&self.equals)?,
            starts_with: template(&self.starts_with)?,
            ends_with: template(&self.ends_with)?,
            contains: template(&self.contains)?,
            pattern: self.pattern.as_ref().map(|pattern| pattern.map(fold)).transpose()?,
            json: map_all(&self.json, fold)?,
            hex: template(&self.hex)?,
            frame: self.frame,
            not: match &self.not {
                Some(not) => Some(Box::new(not.map(fold)?)),
                None => None,
            },
        })
    }

    fn test(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> Option<bool> {
        let bytes = frame.bytes();
        if self.frame.is_some_and(|kind| (kind == FrameKind::Text) != frame.is_text()) {
            return Some(false);
        }
        let with = |template: &Option<Template>, test: fn(&[u8], &[u8]) -> bool| match template {
            Some(template) => template.test(scope, |wanted| test(bytes, wanted)),
            None => Some(true),
        };
        // JSON last: it is parsed only if nothing else rules the frame out.
        let tests: [&dyn Fn() -> Option<bool>; 8] = [
            &|| with(&self.equals, <[u8]>::eq),
            &|| with(&self.hex, <[u8]>::eq),
            &|| with(&self.starts_with, <[u8]>::starts_with),
            &|| with(&self.ends_with, <[u8]>::ends_with),
            &|| with(&self.contains, |bytes, wanted| memchr::memmem::find(bytes, wanted).is_some()),
            &|| self.pattern.as_ref().map_or(Some(true), |pattern| pattern.is_match(bytes, scope)),
            &|| match frame_json(&self.json, frame) {
                Some(value) => finds_all(&self.json, value, scope),
                None => Some(self.json.is_empty()),
            },
            &|| match &self.not {
                Some(not) => not.test(frame, scope).map(|holds| !holds),
                None => Some(true),
            },
        ];
        all(tests.into_iter().map(|test| test()))
    }
}

/// The frame's JSON, unless nobody asks for it.
fn frame_json<'f, 'a>(wanted: &[(Pointer, Wanted)], frame: &'f Frame<'a>) -> Option<&'f Json<'a>> {
    if wanted.is_empty() { None } else { frame.json() }
}

fn finds_all(wanted: &[(Pointer, Wanted)], value: &Json<'_>, scope: &Scope<'_>) -> Option<bool> {
    all(wanted.iter().map(|(pointer, wanted)| {
        pointer.find(value, |found| match found {
            Some(found) => wanted.is_met(found, scope),
            None => Some(false),
        })
    }))
}

fn map_all(
    wanted: &[(Pointer, Wanted)],
    fold: Fold<'_>,
) -> Result<Vec<(Pointer, Wanted)>, Missing> {
    wanted.iter().map(|(pointer, wanted)| Ok((pointer.clone(), wanted.map(fold)?))).collect()
}

impl Wanted {
    fn collect<'a>(&'a self, found: &mut Vec<&'a Template>) {
        match self {
            Self::Text(template) => found.push(template),
            Self::Any(any) => any.iter().for_each(|wanted| wanted.collect(found)),
            Self::Inside(inside) => inside.iter().for_each(|(_, wanted)| wanted.collect(found)),
            Self::Whole(_) | Self::Number(_) | Self::Bool(_) => {}
        }
    }

    fn map(&self, fold: Fold<'_>) -> Result<Self, Missing> {
        Ok(match self {
            Self::Text(template) => Self::Text(fold(template)?),
            Self::Any(any) => {
                Self::Any(any.iter().map(|wanted| wanted.map(fold)).collect::<Result<_, _>>()?)
            }
            Self::Inside(inside) => Self::Inside(map_all(inside, fold)?),
            other => other.clone(),
        })
    }

    fn is_met(&self, value: &Json<'_>, scope: &Scope<'_>) -> Option<bool> {
        let is = |text: &str, template: &Template| template.test(scope, |w| w == text.as_bytes());
        match (self, value) {
            (Self::Text(template), Json::Text(Text::Whole(text))) => is(text, template),
            (Self::Text(template), Json::Number(number)) => is(number, template),
            (Self::Text(template), Json::Bool(value)) => {
                is(if *value { "true" } else { "false" }, template)
            }
            (Self::Whole(wanted), Json::Number(number)) => {
                Some(number::whole(number) == Some(i128::from(*wanted)))
            }
            (Self::Number(wanted), Json::Number(number)) => Some(number.parse() == Ok(*wanted)),
            (Self::Bool(wanted), Json::Bool(value)) => Some(wanted == value),
            (Self::Any(wanted), value) => any(wanted.iter().map(|one| one.is_met(value, scope))),
            (Self::Inside(wanted), Json::Text(text)) => match Json::parse(text.bytes()) {
                Some(value) => finds_all(wanted, &value, scope),
                None => Some(false),
            },
            (Self::Inside(wanted), Json::Object(_) | Json::Array(_)) => {
                finds_all(wanted, value, scope)
            }
            _ => Some(false),
        }
    }
}
