//! Any bytes as a matcher and the frame it is held against.

use std::sync::Arc;

use super::{Condition, FrameKind, Matcher, Pattern, Wanted};
use crate::protocol::frame::Frame;
use crate::protocol::pointer::Pointer;
use crate::protocol::scope::{Captured, Names, Person, Scope, Setting};
use crate::protocol::template::Template;

/// Fuzzing's way in: a line with a kind of condition, one with what it wants, and the frame after
/// them. Panics where the pre-test rules out a frame that matches.
pub fn fuzz(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |&byte| byte == b'\n');
    let (Some(kind), Some(wanted), Some(bytes)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let (Ok(kind), Ok(wanted)) = (std::str::from_utf8(kind), std::str::from_utf8(wanted)) else {
        return;
    };
    let Some(condition) = condition(kind, wanted) else { return };
    let person = Person {
        client: 7,
        run: "abc".into(),
        user: None,
        last_id: 0,
        setting: Arc::new(Setting::default()),
    };
    let captured = Captured::default();
    let scope = Scope { id: Some(7), ..Scope::of(&person, &captured) };
    let negated = Condition {
        not: Some(Box::new(Matcher::new(vec![condition.clone()]))),
        ..Condition::default()
    };
    for condition in [condition, negated] {
        let matcher = Matcher::new(vec![condition]);
        let Ok(folded) = matcher.fold(&scope, &[]) else { continue };
        for is_text in [true, false] {
            let frame = Frame::new(bytes, is_text, None);
            let holds = folded.matches(&frame, &scope);
            assert_eq!(matcher.matches(&frame, &scope), holds, "folding changes the answer");
            for matcher in [&matcher, &folded] {
                assert!(!holds || matcher.may_match(bytes), "{} is ruled out", matcher.describe());
            }
            let explained = folded.explain(&frame, &scope);
            assert_eq!(explained.iter().all(|(_, instead)| instead.is_none()), holds);
        }
    }
}

/// `kind` is a key of a matcher, or a pointer and what is wanted there.
fn condition(kind: &str, wanted: &str) -> Option<Condition> {
    let names = Names::default();
    let mut condition = Condition::default();
    let text = Template::parse(wanted, &names).ok();
    match kind {
        "equals" => condition.equals = Some(text?),
        "starts_with" => condition.starts_with = Some(text?),
        "ends_with" => condition.ends_with = Some(text?),
        "contains" => condition.contains = Some(text?),
        "hex" => condition.hex = Some(Template::parse_hex(wanted, &names).ok()?),
        "pattern" => condition.pattern = Some(Pattern::parse(wanted, &names).ok()?),
        "binary" => condition.frame = Some(FrameKind::Binary),
        pointers => {
            let pointers: Vec<&str> = pointers.split(' ').collect();
            let pointer = Pointer::parse(&pointers).ok()?;
            let wanted = match (wanted.parse::<i64>(), wanted.parse::<f64>()) {
                (Ok(whole), _) => Wanted::Any(vec![Wanted::Text(text?), Wanted::Whole(whole)]),
                (_, Ok(number)) => Wanted::Any(vec![Wanted::Text(text?), Wanted::Number(number)]),
                _ => Wanted::Text(text?),
            };
            let inside = Wanted::Inside(vec![(pointer.clone(), wanted.clone())]);
            condition.json.push((pointer, Wanted::Any(vec![wanted, inside])));
        }
    }
    Some(condition)
}
