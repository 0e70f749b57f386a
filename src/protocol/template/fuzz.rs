//! Any bytes as a template of each kind, filled in at once and in two steps.

use std::sync::Arc;

use super::super::scope::{Captured, Names, Person, RoomName, Row, Scope, Setting, Variable};
use super::Template;

/// Fuzzing's way in. Panics where filling in twice differs from doing it at once.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let names = Names { params: vec!["event".into()], captures: vec!["token".into(), "ts".into()] };
    let setting = Setting {
        params: vec![("event".into(), "chat \"x\"".into())],
        env: vec![("KEY".into(), "secret".into())],
        ..Setting::default()
    };
    let person = Person {
        client: 7,
        last_id: 0,
        run: "abc".into(),
        user: Some(Row { columns: vec!["name".into()].into(), values: vec!["Zoë & co".into()] }),
        setting: Arc::new(setting),
    };
    let mut captured = Captured::new(2);
    captured.set(0, "t\\1".into());
    let early = Scope::of(&person, &captured);
    let mut later = captured.clone();
    later.set(1, "12".into());
    let scope = Scope {
        captured: &later,
        room: Some(RoomName { name: "r/1", n: 1 }),
        id: Some(9),
        payload: Some(b"\x00\xffpayload\""),
        seq: Some(3),
        now_ms: Some(1_767_225_600_000),
        ..early
    };
    for parsed in [
        Template::parse(text, &names),
        Template::parse_binary(text, &names),
        Template::parse_hex(text, &names),
    ] {
        match parsed {
            Ok(template) => agree(&template, &early, &scope),
            Err(error) => {
                assert!(
                    text.get(error.range.clone()).is_some(),
                    "{error:?} is outside of the text"
                );
            }
        }
    }
}

fn agree(template: &Template, early: &Scope<'_>, scope: &Scope<'_>) {
    assert!(template.to_string().len() < usize::MAX);
    let (mut at_once, mut in_steps) = (Vec::new(), Vec::new());
    let rendered = template.render(scope, &mut at_once);
    let Ok(folded) = template.fold(early, &[1]) else {
        assert!(rendered.is_err(), "{template} can't be filled in early");
        return;
    };
    assert_eq!(folded.render(scope, &mut in_steps), rendered);
    let is_random = template.variables().any(|variable| *variable == Variable::Uuid);
    if rendered.is_ok() && !is_random {
        assert_eq!(at_once, in_steps, "{template}");
    }
}
