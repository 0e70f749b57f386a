//! Matchers in words, and what a frame held in place of what was wanted.

use super::{Condition, FrameKind, Matcher, Pattern, Wanted, finds_all};
use crate::protocol::frame::Frame;
use crate::protocol::json::Json;
use crate::protocol::pointer::Pointer;
use crate::protocol::scope::Scope;
use crate::protocol::template::Template;

/// What of a frame is shown in characters: enough to see what it is.
const SHOWN_MAX: usize = 120;

impl Matcher {
    /// Of the condition that fails in the fewest clauses: each clause in words, with the values
    /// that the scope has, and what stood there instead where it doesn't hold. Text of the frame is
    /// cut and without control characters.
    #[must_use]
    pub fn explain(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> Vec<(String, Option<String>)> {
        let resolved = self.resolve(scope).unwrap_or_else(|_| self.clone());
        let explained = resolved.any().iter().map(|condition| condition.explain(frame, scope));
        explained
            .min_by_key(|clauses| clauses.iter().filter(|(_, instead)| instead.is_some()).count())
            .unwrap_or_default()
    }

    /// The condition that holds, in words, with the values that the scope has; `None` where none does.
    #[must_use]
    pub fn holding(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> Option<String> {
        let resolved = self.resolve(scope).unwrap_or_else(|_| self.clone());
        let holds = |condition: &&Condition| condition.test(frame, scope) == Some(true);
        resolved.any().iter().find(holds).map(Condition::describe)
    }

    /// All of it in words: `json /type = "welcome" and frame = text, or equals "ok"`.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.any().is_empty() {
            return "nothing".to_owned();
        }
        let conditions = self.any().iter().map(Condition::describe);
        conditions.collect::<Vec<_>>().join(", or ")
    }
}

/// One thing that must hold.
enum Clause<'a> {
    Frame(FrameKind),
    Equals(&'a Template),
    Hex(&'a Template),
    Starts(&'a Template),
    Ends(&'a Template),
    Contains(&'a Template),
    Pattern(&'a Pattern),
    Json(&'a (Pointer, Wanted)),
    Not(&'a Matcher),
}

impl Condition {
    fn describe(&self) -> String {
        let clauses: Vec<String> = self.clauses().iter().map(Clause::describe).collect();
        if clauses.is_empty() { "anything".to_owned() } else { clauses.join(" and ") }
    }

    fn clauses(&self) -> Vec<Clause<'_>> {
        let mut clauses = Vec::new();
        clauses.extend(self.frame.map(Clause::Frame));
        clauses.extend(self.equals.as_ref().map(Clause::Equals));
        clauses.extend(self.hex.as_ref().map(Clause::Hex));
        clauses.extend(self.starts_with.as_ref().map(Clause::Starts));
        clauses.extend(self.ends_with.as_ref().map(Clause::Ends));
        clauses.extend(self.contains.as_ref().map(Clause::Contains));
        clauses.extend(self.pattern.as_ref().map(Clause::Pattern));
        clauses.extend(self.json.iter().map(Clause::Json));
        clauses.extend(self.not.as_deref().map(Clause::Not));
        clauses
    }

    fn explain(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> Vec<(String, Option<String>)> {
        let clauses = self.clauses();
        let each = clauses.iter().map(|clause| {
            let holds = clause.alone().test(frame, scope);
            let instead = (holds != Some(true)).then(|| match clause.missing(scope) {
                Some(why) => why,
                None => clause.instead(frame, scope),
            });
            (clause.describe(), instead)
        });
        each.collect()
    }
}

impl Clause<'_> {
    /// The condition in which nothing else is given.
    fn alone(&self) -> Condition {
        let mut condition = Condition::default();
        match *self {
            Self::Frame(kind) => condition.frame = Some(kind),
            Self::Equals(template) => condition.equals = Some(template.clone()),
            Self::Hex(template) => condition.hex = Some(template.clone()),
            Self::Starts(template) => condition.starts_with = Some(template.clone()),
            Self::Ends(template) => condition.ends_with = Some(template.clone()),
            Self::Contains(template) => condition.contains = Some(template.clone()),
            Self::Pattern(pattern) => condition.pattern = Some(pattern.clone()),
            Self::Json(wanted) => condition.json = vec![wanted.clone()],
            Self::Not(matcher) => condition.not = Some(Box::new(matcher.clone())),
        }
        condition
    }

    /// Why a value in it is missing, where one is: nothing in the frame would be right then.
    fn missing(&self, scope: &Scope<'_>) -> Option<String> {
        let condition = self.alone();
        let mut out = Vec::new();
        let missing = condition.templates().find_map(|template| {
            out.clear();
            template.render(scope, &mut out).err()
        });
        missing.map(|missing| missing.why)
    }

    fn describe(&self) -> String {
        match self {
            Self::Frame(kind) => format!("frame = {}", kind_name(*kind == FrameKind::Text)),
            Self::Equals(template) => format!("equals {}", quoted(template)),
            Self::Hex(template) => format!("hex = {template}"),
            Self::Starts(template) => format!("starts_with {}", quoted(template)),
            Self::Ends(template) => format!("ends_with {}", quoted(template)),
            Self::Contains(template) => format!("contains {}", quoted(template)),
            Self::Pattern(pattern) => format!("pattern {}", quoted(pattern.template())),
            Self::Json((pointer, wanted)) => format!("json {pointer} = {}", wanted.describe()),
            Self::Not(matcher) => format!("not ({})", matcher.describe()),
        }
    }

    fn instead(&self, frame: &Frame<'_>, scope: &Scope<'_>) -> String {
        match self {
            Self::Frame(_) => format!("a {} frame", kind_name(frame.is_text())),
            Self::Hex(_) => hex(frame.bytes()),
            Self::Ends(_) => shown_end(frame),
            Self::Json((pointer, wanted)) => json_instead(pointer, wanted, frame, scope),
            Self::Not(matcher) => format!("it matches {}", matcher.describe()),
            _ => shown(frame),
        }
    }
}

fn json_instead(
    pointer: &Pointer,
    wanted: &Wanted,
    frame: &Frame<'_>,
    scope: &Scope<'_>,
) -> String {
    let Some(value) = frame.json() else {
        return format!("no JSON: {}", shown(frame));
    };
    pointer.find(value, |found| match found {
        Some(found) => value_instead(wanted, found, scope),
        None => format!("nothing, {}", pointer.lost_in(value)),
    })
}

fn value_instead(wanted: &Wanted, found: &Json<'_>, scope: &Scope<'_>) -> String {
    let shown = || cut(&found.to_string());
    let Wanted::Inside(inside) = wanted else { return shown() };
    let parsed = match found {
        Json::Text(text) => Json::parse(text.bytes()),
        other => Some(other.clone()),
    };
    let Some(parsed) = parsed else { return format!("no JSON inside: {}", shown()) };
    let failed = inside
        .iter()
        .find(|one| finds_all(std::slice::from_ref(*one), &parsed, scope) != Some(true));
    let Some((pointer, _)) = failed else { return shown() };
    pointer.find(&parsed, |inner| {
        let inner = inner.map_or("nothing".to_owned(), |inner| cut(&inner.to_string()));
        format!("{inner} at {pointer}")
    })
}

impl Wanted {
    fn describe(&self) -> String {
        match self {
            Self::Text(template) => quoted(template),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Any(any) => {
                let each: Vec<String> = any.iter().map(Self::describe).collect();
                format!("one of {}", each.join(", "))
            }
            Self::Inside(inside) => {
                let each: Vec<String> = inside
                    .iter()
                    .map(|(pointer, wanted)| format!("{pointer} = {}", wanted.describe()))
                    .collect();
                format!("{{ {} }}", each.join(", "))
            }
        }
    }
}

fn kind_name(is_text: bool) -> &'static str {
    if is_text { "text" } else { "binary" }
}

fn quoted(template: &Template) -> String {
    format!("\"{}\"", printable(&template.to_string()))
}

/// Quotes stay as they are: most frames are JSON, and are easier to read so.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\'' | '\\') { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    out
}

fn shown(frame: &Frame<'_>) -> String {
    if frame.bytes().is_empty() {
        return "an empty frame".to_owned();
    }
    // A character has at most four bytes; what is cut anyway need not be read.
    let most = frame.bytes().len().min(4 * SHOWN_MAX + 4);
    match std::str::from_utf8(&frame.bytes()[..most]) {
        Ok(text) => cut(text),
        Err(error) if error.error_len().is_none() => {
            cut(&String::from_utf8_lossy(&frame.bytes()[..error.valid_up_to()]))
        }
        Err(_) => hex(frame.bytes()),
    }
}

fn shown_end(frame: &Frame<'_>) -> String {
    let text = String::from_utf8_lossy(frame.bytes());
    let count = text.chars().count();
    if count <= SHOWN_MAX {
        return shown(frame);
    }
    format!("...{}", printable(&text.chars().skip(count - SHOWN_MAX).collect::<String>()))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", printable(&text[..end])),
        None => printable(text),
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty frame".to_owned();
    }
    let most = &bytes[..bytes.len().min(SHOWN_MAX / 3)];
    let digits: Vec<String> = most.iter().map(|byte| format!("{byte:02x}")).collect();
    let more = if most.len() < bytes.len() { " ..." } else { "" };
    format!("{}{more}", digits.join(" "))
}
