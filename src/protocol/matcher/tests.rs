//! Matchers from the outside: what holds, and that the pre-test never rules out what matches.

use std::sync::Arc;

// By name too: the matcher has an `any` of its own.
use proptest::prelude::{any, *};
use serde_json::{Value, json};

use super::*;
use crate::protocol::scope::{Captured, Names, Person, RoomName, Setting};

fn person() -> Person {
    Person {
        client: 7,
        run: "abc".into(),
        user: None,
        last_id: 0,
        setting: Arc::new(Setting::default()),
    }
}

fn text(text: &str) -> Template {
    let names = Names { params: vec![], captures: vec!["token".into()] };
    Template::parse(text, &names).unwrap()
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text, &Names::default()).unwrap()
}

fn pointer(pointers: &[&str]) -> Pointer {
    Pointer::parse(pointers).unwrap()
}

fn at(place: &str, wanted: Wanted) -> Condition {
    Condition { json: vec![(pointer(&[place]), wanted)], ..Condition::default() }
}

fn wanted(content: &str) -> Wanted {
    Wanted::Text(text(content))
}

fn not(condition: Condition) -> Condition {
    Condition { not: Some(Box::new(Matcher::new(vec![condition]))), ..Condition::default() }
}

/// Whether it matches a text frame; holds all ways to find out against each other.
fn holds(condition: &Condition, bytes: &[u8]) -> bool {
    let matcher = Matcher::new(vec![condition.clone()]);
    let (person, captured) = (person(), Captured::new(1));
    let scope = Scope {
        id: Some(7),
        room: Some(RoomName { name: "r.1", n: 1 }),
        ..Scope::of(&person, &captured)
    };
    let frame = Frame::new(bytes, true, None);
    let holds = matcher.matches(&frame, &scope);
    assert!(!holds || matcher.may_match(bytes), "{} is ruled out", matcher.describe());
    if let Ok(folded) = matcher.fold(&scope, &[]) {
        assert_eq!(folded.matches(&frame, &scope), holds, "{}", matcher.describe());
        assert!(!holds || folded.may_match(bytes), "{} is ruled out", folded.describe());
        let resolved = folded.resolve(&scope).unwrap();
        assert_eq!(resolved.matches(&frame, &scope), holds, "{}", matcher.describe());
        assert!(!holds || resolved.may_match(bytes), "{} is ruled out", resolved.describe());
    }
    let explained = matcher.explain(&frame, &scope);
    assert_eq!(explained.iter().all(|(_, instead)| instead.is_none()), holds, "{explained:?}");
    holds
}

#[test]
fn conditions_in_a_table() {
    let with = |set: fn(&mut Condition, Template), template: &str| {
        let mut condition = Condition::default();
        set(&mut condition, text(template));
        condition
    };
    let hex = Template::parse_hex("01 ff", &Names::default()).unwrap();
    for (condition, frame, wanted) in [
        (Condition::default(), &b"anything"[..], true),
        (with(|c, t| c.equals = Some(t), "40{{ id }}"), b"407", true),
        (with(|c, t| c.equals = Some(t), "40{{ id }}"), b"4070", false),
        (with(|c, t| c.equals = Some(t), ""), b"", true),
        (with(|c, t| c.starts_with = Some(t), "MSG {{ room }} "), b"MSG r.1 5", true),
        (with(|c, t| c.starts_with = Some(t), "MSG {{ room }} "), b"MSG r 5", false),
        (with(|c, t| c.ends_with = Some(t), "\n"), b"a\n", true),
        (with(|c, t| c.ends_with = Some(t), "\n"), b"a\nb", false),
        (with(|c, t| c.contains = Some(t), "b"), b"abc", true),
        (with(|c, t| c.contains = Some(t), "{{ token }}"), b"never captured", false),
        (not(with(|c, t| c.contains = Some(t), "{{ token }}")), b"never captured", false),
        (not(with(|c, t| c.contains = Some(t), "b")), b"ac", true),
        (Condition { hex: Some(hex.clone()), ..Condition::default() }, &[1, 255], true),
        (Condition { hex: Some(hex), ..Condition::default() }, &[1, 255, 0], false),
        (
            Condition { pattern: Some(pattern(r"^43{{ id }}\[")), ..Condition::default() },
            b"437[]",
            true,
        ),
        (
            Condition { pattern: Some(pattern(r"^{{ room | regex }}$")), ..Condition::default() },
            b"rx1",
            false,
        ),
        (
            Condition { pattern: Some(pattern(r"(?-u)^\x90")), ..Condition::default() },
            &[0x90, 3],
            true,
        ),
        (Condition { frame: Some(FrameKind::Text), ..Condition::default() }, b"", true),
        (Condition { frame: Some(FrameKind::Binary), ..Condition::default() }, b"", false),
    ] {
        assert_eq!(holds(&condition, frame), wanted, "{condition:?}");
    }
}

#[test]
fn json_in_a_table() {
    let inside = |wanted: Wanted| Wanted::Inside(vec![(pointer(&["/b"]), wanted)]);
    for (condition, frame, met) in [
        (at("/type", wanted("ack")), r#"{"type":"ack"}"#, true),
        (at("/type", wanted("ack")), r#"{"type":"acks"}"#, false),
        (at("/type", wanted("ack")), r#"{"type":"\u0061ck"}"#, true),
        (at("/type", wanted("a\"b")), r#"{"type":"a\"b"}"#, true),
        (at("/t\u{e9}", wanted("a/b")), r#"{"t\u00e9":"a\/b"}"#, true),
        (at("/id", wanted("{{ id }}")), r#"{"id":7}"#, true),
        (at("/id", wanted("{{ id }}")), r#"{"id":"7"}"#, true),
        (at("/id", wanted("{{ id }}")), r#"{"id":70}"#, false),
        (at("/id", wanted("{{ id }}")), r#"{"id":[7]}"#, false),
        (at("/id", wanted("1e2")), r#"{"id":1e2}"#, true),
        (at("/id", wanted("100.0")), r#"{"id":1e2}"#, false),
        (at("/id", wanted("{{ id }}.0")), r#"{"id":7.0}"#, true),
        (at("/v", wanted("1.10")), r#"{"v":1.10}"#, true),
        (at("/v", wanted("1.1")), r#"{"v":1.10}"#, false),
        (at("/v", wanted("12345678901234567890123")), r#"{"v":12345678901234567890123}"#, true),
        (at("/v", wanted("12345678901234567890123")), r#"{"v":12345678901234567890124}"#, false),
        (at("/type", wanted("ack")), r#"{"x":"\ud800","type":"ack","\udfff":1}"#, true),
        (at("/x", wanted("\u{fffd}")), r#"{"x":"\ud800"}"#, false),
        (at("/a", inside(wanted("x"))), r#"{"a":"{\"b\":\"x\",\"c\":\"\ud800\"}"}"#, true),
        (at("/ok", wanted("true")), r#"{"ok":true}"#, true),
        (at("/ok", wanted("null")), r#"{"ok":null}"#, false),
        (at("/ok", Wanted::Bool(true)), r#"{"ok":"true"}"#, false),
        (at("/ok", Wanted::Bool(false)), r#"{"ok":false}"#, true),
        (at("/n", Wanted::Whole(7)), r#"{"n":7.0}"#, true),
        (at("/n", Wanted::Whole(7)), r#"{"n":70e-1}"#, true),
        (at("/n", Wanted::Whole(7)), r#"{"n":"7"}"#, false),
        (at("/n", Wanted::Whole(i64::MAX)), r#"{"n":9223372036854775807}"#, true),
        (at("/n", Wanted::Whole(i64::MAX)), r#"{"n":9223372036854775808.0}"#, false),
        (at("/n", Wanted::Whole(i64::MAX)), r#"{"n":9223372036854775807.0}"#, true),
        (at("/n", Wanted::Whole(7)), r#"{"n":7.000000000000000000000001}"#, false),
        (at("/n", Wanted::Number(0.5)), r#"{"n":5e-1}"#, true),
        (at("/n", Wanted::Number(3.0)), r#"{"n":3}"#, true),
        (at("/0/0", wanted("x")), r#"[["x"]]"#, true),
        (at("", wanted("x")), r#""x""#, true),
        (at("/a~1b", wanted("x")), r#"{"a/b":"x"}"#, true),
        (at("/a", Wanted::Any(vec![wanted("x"), Wanted::Whole(1)])), r#"{"a":1}"#, true),
        (at("/a", Wanted::Any(vec![wanted("x"), wanted("y")])), r#"{"a":"z"}"#, false),
        (at("/a", Wanted::Any(vec![])), r#"{"a":"z"}"#, false),
        (at("/a", inside(wanted("x"))), r#"{"a":"{\"b\":\"x\"}"}"#, true),
        (at("/a", inside(Wanted::Whole(1))), r#"{"a":{"b":1}}"#, true),
        (at("/a", inside(wanted("x"))), r#"{"a":"{\"b\":"}"#, false),
        (at("/type", wanted("ack")), r#"{"type":"ack"} trailing"#, false),
        (at("/type", wanted("ack")), "no JSON", false),
    ] {
        assert_eq!(holds(&condition, frame.as_bytes()), met, "{frame} {condition:?}");
    }
    let twice =
        Condition { json: vec![(pointer(&["/data", "/id"]), wanted("x"))], ..Condition::default() };
    assert!(holds(&twice, br#"{"data":"{\"id\":\"x\"}"}"#));
    assert!(holds(&twice, br#"{"data":{"id":"x"}}"#));
}

#[test]
fn json_begins_behind_what_json_from_matches() {
    let before = regex::bytes::Regex::new(r"^\d+").unwrap();
    let (person, captured) = (person(), Captured::default());
    let scope = Scope::of(&person, &captured);
    let matcher = Matcher::new(vec![at("/0", wanted("stored"))]);
    let matches = |bytes: &[u8]| {
        matcher.may_match(bytes) && matcher.matches(&Frame::new(bytes, true, Some(&before)), &scope)
    };
    assert!(matches(br#"431["stored"]"#));
    assert!(!matches(br#"["stored"]"#));
}

#[test]
fn json_nested_past_the_parsers_limit_is_none() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Frame::new(nested(127).as_bytes(), true, None).json().is_some());
    assert!(Frame::new(nested(100_000).as_bytes(), true, None).json().is_none());
}

#[test]
fn a_matcher_without_variables_is_shared_by_whoever_folds_it() {
    let matcher = Matcher::new(vec![at("/type", wanted("ack"))]);
    let (person, captured) = (person(), Captured::default());
    let folded = matcher.fold(&Scope::of(&person, &captured), &[]).unwrap();
    assert!(Arc::ptr_eq(&matcher.inner, &folded.inner));
}

#[test]
fn frames_of_other_kinds_are_ruled_out_unread() {
    let matcher = Matcher::new(vec![at("/type", wanted("ack")), at("/type", wanted("nack"))]);
    assert!(!matcher.may_match(br#"{"type":"msg","body":"no ack"}"#));
    assert!(matcher.may_match(br#"{"type":"msg","body":"\n"}"#));
    assert!(matcher.may_match(br#"{"type":"nack"}"#));
    assert!(!Matcher::new(vec![]).may_match(b""));
}

#[test]
fn a_pattern_that_does_not_compile_is_a_mistake_at_once() {
    for bad in ["(", "a{{ id }}(", r"(?=x)", r"\w{1000}{1000}"] {
        let error = Pattern::parse(bad, &Names::default()).unwrap_err();
        assert!(error.message.starts_with("the pattern does not compile: "), "{error}");
        assert_eq!(error.range, 0..bad.len());
    }
    let names = Names { params: vec![], captures: vec!["token".into()] };
    let pattern = Pattern::parse("{{ token }}", &names).unwrap();
    let matcher = Matcher::new(vec![Condition { pattern: Some(pattern), ..Condition::default() }]);
    let (person, mut captured) = (person(), Captured::new(1));
    captured.set(0, "(".into());
    let missing = matcher.fold(&Scope::of(&person, &captured), &[]).unwrap_err();
    assert_eq!(missing.variable, "token");
    assert_eq!(missing.why, "the pattern does not compile: unclosed group");
}

#[test]
fn explanations_name_each_clause_and_what_stood_there() {
    let welcome = Condition {
        frame: Some(FrameKind::Text),
        json: vec![
            (pointer(&["/type"]), wanted("welcome")),
            (pointer(&["/data", "/room"]), wanted("{{ room }}")),
            (pointer(&["/n"]), Wanted::Any(vec![Wanted::Whole(1), Wanted::Number(0.5)])),
            (pointer(&["/in"]), Wanted::Inside(vec![(pointer(&["/ok"]), Wanted::Bool(true))])),
        ],
        ..Condition::default()
    };
    let plain = Condition {
        equals: Some(text("ok \u{1b}[31m")),
        starts_with: Some(text("a")),
        ends_with: Some(text("z")),
        contains: Some(text("{{ token }}")),
        pattern: Some(pattern(r#"^\d+"$"#)),
        hex: Some(Template::parse_hex("01 {{ id }}", &Names::default()).unwrap()),
        not: Some(Box::new(Matcher::new(vec![at("/type", wanted("error"))]))),
        ..Condition::default()
    };
    let (person, captured) = (person(), Captured::new(1));
    let scope = Scope {
        id: Some(7),
        room: Some(RoomName { name: "r", n: 1 }),
        ..Scope::of(&person, &captured)
    };
    let mut shown = String::new();
    for (condition, frame) in [
        (
            &welcome,
            r#"{"type":"denied","data":"{\"room\":\"other\"}","in":"{\"ok\":1}"}"#.as_bytes(),
        ),
        (&welcome, b"<html>\x1b[31m no JSON"),
        (&plain, br#"{"type":"error"}"#),
        (&plain, &[0x82, 0xff, 0x00]),
        (&plain, b""),
    ] {
        let matcher = Matcher::new(vec![condition.clone()]);
        shown.push_str(&matcher.describe());
        shown.push('\n');
        for (clause, instead) in matcher.explain(&Frame::new(frame, true, None), &scope) {
            shown.push_str(&format!("  {clause}: {}\n", instead.as_deref().unwrap_or("holds")));
        }
    }
    let both = Matcher::new(vec![welcome, at("/type", wanted("denied")), Condition::default()]);
    shown.push_str(&both.describe());
    insta::assert_snapshot!(shown);
}

#[test]
fn what_is_shown_of_a_frame_is_cut() {
    let long = format!(r#"{{"type":"{}"}}"#, "é".repeat(100_000));
    let matcher = Matcher::new(vec![
        at("/type", wanted("x")),
        Condition { ends_with: Some(text("x")), ..Condition::default() },
    ]);
    let (person, captured) = (person(), Captured::default());
    let scope = Scope::of(&person, &captured);
    for condition in matcher.any() {
        let matcher = Matcher::new(vec![condition.clone()]);
        for (_, instead) in matcher.explain(&Frame::new(long.as_bytes(), true, None), &scope) {
            assert!(instead.unwrap().chars().count() < 130);
        }
    }
}

/// JSON text of a value in which any character of a string may be an escape.
fn spelled(value: &Value, coins: &mut impl Iterator<Item = bool>) -> String {
    let string = |text: &str, coins: &mut dyn Iterator<Item = bool>| {
        let mut out = String::from("\"");
        for unit in text.chars() {
            let raw = !matches!(unit, '"' | '\\' | '\0'..'\x20');
            if raw && !coins.next().unwrap_or(false) {
                out.push(unit);
            } else {
                let mut units = [0; 2];
                for unit in unit.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out + "\""
    };
    match value {
        Value::String(text) => string(text, coins),
        Value::Array(array) => {
            let each: Vec<String> = array.iter().map(|value| spelled(value, coins)).collect();
            format!("[{}]", each.join(", "))
        }
        Value::Object(object) => {
            let each: Vec<String> = object
                .iter()
                .map(|(key, value)| format!("{} : {}", string(key, coins), spelled(value, coins)))
                .collect();
            format!("{{{}}}", each.join(","))
        }
        Value::Number(number) if coins.next().unwrap_or(false) => {
            // Another way to write the same number.
            if number.is_f64() {
                format!("{:e}", number.as_f64().unwrap())
            } else {
                format!("{number}e0")
            }
        }
        other => other.to_string(),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let short = "[a-c7/\"\\\\\u{e9}\u{1f600}\n]{0,3}";
    let leaf = prop_oneof![
        short.prop_map(Value::from),
        (-9_i64..9).prop_map(Value::from),
        (-4_i32..4).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        prop::sample::select(vec![1e16, 1e-7, 1e300, 9.007_199_254_740_993e15])
            .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!("{\"a\":{\"b\":7}}")),
        Just(json!("7")),
        Just(json!("7.0")),
        Just(json!("true")),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((short, inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Every pointer into the value, and what is there.
fn places<'a>(value: &Json<'a>, at: &str, found: &mut Vec<(String, Json<'a>)>) {
    found.push((at.to_owned(), value.clone()));
    match value {
        Json::Array(array) => {
            for (index, inner) in array.iter().enumerate() {
                places(inner, &format!("{at}/{index}"), found);
            }
        }
        Json::Object(object) => {
            for (key, inner) in object {
                let key = String::from_utf8_lossy(key.bytes());
                let token = key.replace('~', "~0").replace('/', "~1");
                places(inner, &format!("{at}/{token}"), found);
            }
        }
        _ => {}
    }
}

/// A matcher's value that JSON value meets, if there is one.
fn met_by(value: &Json<'_>, as_text: bool, as_template: bool) -> Option<Wanted> {
    let template = |content: &str| {
        // A part of it is filled in, so that only the rest is there to be looked for.
        match content.char_indices().nth(1) {
            Some((at, _)) if as_template && content.starts_with('7') => {
                text(&format!("{{{{ id }}}}{}", &content[at..]))
            }
            _ => Template::literal(content.as_bytes()),
        }
    };
    Some(match value {
        Json::Text(content) => match Json::parse(content.bytes()) {
            Some(inner) if !as_text => {
                let (place, inner) = deepest(&inner);
                Wanted::Inside(vec![(pointer(&[&place]), met_by(&inner, true, as_template)?)])
            }
            _ => Wanted::Text(template(&value.text()?)),
        },
        Json::Number(number) if as_text => Wanted::Text(template(number)),
        Json::Number(number) => match number::whole(number) {
            Some(whole) => {
                Wanted::Any(vec![wanted("no"), Wanted::Whole(i64::try_from(whole).ok()?)])
            }
            None => Wanted::Number(number.parse().ok()?),
        },
        Json::Bool(value) if as_text => Wanted::Text(template(&value.to_string())),
        Json::Bool(value) => Wanted::Bool(*value),
        Json::Array(_) | Json::Object(_) => {
            let (place, inner) = deepest(value);
            Wanted::Inside(vec![(pointer(&[&place]), met_by(&inner, as_text, as_template)?)])
        }
        Json::Null => return None,
    })
}

fn deepest<'a>(value: &Json<'a>) -> (String, Json<'a>) {
    let mut found = Vec::new();
    places(value, "", &mut found);
    let leaf = |value: &Json<'_>| !matches!(value, Json::Array(_) | Json::Object(_));
    let place = found.into_iter().filter(|(_, value)| leaf(value)).max_by_key(|(at, _)| at.len());
    place.unwrap_or((String::new(), Json::Null))
}

proptest! {
    #[test]
    fn what_matches_is_never_ruled_out(
        value in value(),
        coins in prop::collection::vec(any::<bool>(), 64),
        never_escape in any::<bool>(),
        as_text in any::<bool>(),
        as_template in any::<bool>(),
    ) {
        let mut coins = coins.into_iter().map(|coin| coin && !never_escape);
        let frame = spelled(&value, &mut coins);
        let parsed = Json::parse(frame.as_bytes()).unwrap();
        let mut found = Vec::new();
        places(&parsed, "", &mut found);
        for (place, inner) in found {
            let Some(wanted) = met_by(&inner, as_text, as_template) else { continue };
            let condition = at(&place, wanted);
            prop_assert!(holds(&condition, frame.as_bytes()), "{frame} {condition:?}");
        }
    }

    #[test]
    fn any_bytes_are_a_frame_for_any_condition(
        kind in "equals|starts_with|ends_with|contains|hex|pattern|binary|(/[ab0~]{0,2}){0,2}( /a)?",
        wanted in "[a-c7 .\\-]{0,4}(\\{\\{ id \\}\\})?",
        frame in prop_oneof![
            any::<Vec<u8>>(),
            "[\\[\\]{}\"a-c07:,\\\\. ]{0,24}".prop_map(String::into_bytes),
        ],
    ) {
        fuzz(&[kind.as_bytes(), b"\n", wanted.as_bytes(), b"\n", &frame].concat());
    }
}
