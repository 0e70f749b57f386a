//! Templates from the outside: what is written, what is refused, and that filling in early changes
//! nothing.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use ring::digest::{Digest, SHA256, digest};
use tokio_tungstenite::tungstenite::Message;

use super::super::outbox::Outbox;
use super::super::scope::{Captured, Names, Person, RoomName, Row, Scope, Setting, TargetNames};
use super::super::send::{Piece, Send};
use super::*;

fn sha256(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes)
}

fn names() -> Names {
    Names { params: vec!["event".into()], captures: vec!["token".into(), "ts".into()] }
}

fn person() -> Person {
    Person {
        client: 7,
        last_id: 0,
        run: "1fe3ed0".into(),
        user: Some(Row { columns: ["name".into()].into(), values: vec!["Zoë \"Z\"".into()] }),
        setting: Arc::new(Setting {
            params: vec![("event".into(), "chat".into())],
            env: vec![("KEY".into(), "key".into())],
            target: TargetNames {
                http: "http://127.0.0.1:80".into(),
                ws: "ws://127.0.0.1:80".into(),
                host: "127.0.0.1:80".into(),
            },
        }),
    }
}

fn captured(token: Option<&str>, ts: Option<&str>) -> Captured {
    let mut captured = Captured::new(2);
    for (at, text) in [token, ts].into_iter().enumerate() {
        if let Some(text) = text {
            captured.set(at, text.into());
        }
    }
    captured
}

fn whole<'a>(person: &'a Person, captured: &'a Captured, payload: &'a [u8]) -> Scope<'a> {
    Scope {
        room: Some(RoomName { name: "lobby 1", n: 1 }),
        id: Some(42),
        payload: Some(payload),
        seq: Some(3),
        now_ms: Some(1_767_225_600_000),
        ..Scope::of(person, captured)
    }
}

/// What the template makes of everything there is, with that payload.
fn rendered(template: &Template, payload: &[u8]) -> Result<Vec<u8>, Missing> {
    let (person, captured) = (person(), captured(Some("t\\1"), Some("12")));
    let mut out = Vec::new();
    template.render(&whole(&person, &captured, payload), &mut out).map(|()| out)
}

fn filtered(filters: &str, payload: &[u8]) -> Vec<u8> {
    let text = format!("{{{{ payload | {filters} }}}}");
    rendered(&Template::parse_binary(&text, &names()).unwrap(), payload).unwrap()
}

#[test]
fn every_variable_and_filter_in_a_table() {
    for (text, wanted) in [
        ("no slot, }} { {", "no slot, }} { {"),
        ("", ""),
        (r#"{"a":{{ id }}}"#, r#"{"a":42}"#),
        (
            "{{room}}/{{ n }}/{{client}}/{{ run }}/{{ seq }}/{{ now_ms }}",
            "lobby 1/1/7/1fe3ed0/3/1767225600000",
        ),
        ("{{ user.name | json }}", r#"Zoë \"Z\""#),
        ("{{ env.KEY }} {{ params.event }}", "key chat"),
        (
            "{{ target.http }} {{ target.ws }} {{ target.host }}",
            "http://127.0.0.1:80 ws://127.0.0.1:80 127.0.0.1:80",
        ),
        ("{{ token }} {{ token | json }} {{ token | json2 }}", r"t\1 t\\1 t\\\\1"),
        ("{{ room | url }} {{ user.name | xml }}", "lobby%201 Zoë &quot;Z&quot;"),
        ("{{ room | base64 }} {{ room | hex }}", "bG9iYnkgMQ== 6c6f6262792031"),
        ("{{ token | regex }} {{ user.name | lower }}", r#"t\\1 zoë "z""#),
        ("PUB {{ room | len }}\r\n", "PUB 7\r\n"),
        ("{{ user.age | default(none) }}{{ user.age | json | default('|)}}') | len }}", "none4"),
        ("{{ room | default(none) }}", "lobby 1"),
        ("{{ '{{' }} {{ \"it's\" }}", "{{ it's"),
        ("{{ 'x' }}{{ id | hmac_sha256('key') | hex | len }}", "x64"),
        ("{{ payload }}", "P"),
    ] {
        let template = Template::parse(text, &names()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let out = rendered(&template, b"P").unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(String::from_utf8(out).unwrap(), wanted, "{text}");
    }
}

#[test]
fn hex_templates_in_a_table() {
    for (text, wanted) in [
        ("", &b""[..]),
        ("01 0A\n0b0C", &[1, 10, 11, 12]),
        ("{{ payload | len_u16 }} {{ payload }}", &[0, 2, b'h', b'i']),
        ("30{{ payload | len_varint }}{{'r1'}}ff", &[0x30, 2, b'r', b'1', 0xff]),
        ("{{ room | base64 | len_u16 }}", &[0, 12]),
    ] {
        let template =
            Template::parse_hex(text, &names()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(rendered(&template, b"hi").unwrap(), wanted, "{text}");
    }
}

/// RFC 4231, test cases 1 and 2.
#[test]
fn hmac_is_that_of_the_rfc() {
    let key = "\u{b}".repeat(20);
    for (key, text, wanted) in [
        (
            key.as_str(),
            "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ] {
        let out = filtered(&format!("hmac_sha256('{key}') | hex"), text.as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}

#[test]
fn lengths_on_the_wire_in_a_table() {
    // MQTT 5.0, table 1-1.
    for (length, varint) in [
        (0, &[0_u8][..]),
        (127, &[0x7f]),
        (128, &[0x80, 0x01]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xff, 0xff, 0x7f]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
    ] {
        assert_eq!(filtered("len_varint", &vec![b'a'; length]), varint, "{length}");
    }
    assert_eq!(filtered("len_u16", &[b'a'; 65_535]), [0xff, 0xff]);
    let template = Template::parse_hex("{{ payload | len_u16 }}", &names()).unwrap();
    let error = rendered(&template, &[b'a'; 65_536]).unwrap_err();
    assert_eq!(error.why, "65536 bytes are more than the 65535 that its length can say");
}

#[test]
fn mistakes_say_where_and_what_to_write() {
    let of = |parsed: Result<Template, TemplateError>, text: &str| match parsed {
        Ok(_) => format!("{text}\n  accepted\n"),
        Err(error) => format!(
            "{text}\n{}{}\n  {}\n  help: {}\n",
            " ".repeat(text[..error.range.start].chars().count()),
            "^".repeat(text[error.range.clone()].chars().count().max(1)),
            error.message,
            error.help.unwrap_or_default(),
        ),
    };
    let mut shown = String::new();
    for text in [
        "hello {{ rooom }}",
        "{{ params.evnt }}",
        "{{ params.event | jsn }}",
        "{{ tokn }}",
        "{{ }}",
        "{{ user. }}",
        "{{ target.path }}",
        "{{ id",
        "{{ id }",
        "{{ id json }}",
        "{{ id | }}",
        "{{ id | json(2) }}",
        "{{ id | default }}",
        "{{ id | default(a }}",
        "{{ id | default('a) }}",
        "{{ id | hmac_sha256 }}",
        "{{ id | hmac_sha256(env.) | hex }}",
        "{{ 'x' | json }}",
        "{{ payload | len_u16 }}",
        "{{ payload | hmac_sha256('k') | lower }}",
        "Zoë {{ 'ü }}",
    ] {
        shown.push_str(&of(Template::parse(text, &names()), text));
    }
    for text in ["0", "01 2 03", "0g", "01 {{ id }} 1", "é"] {
        shown.push_str(&of(Template::parse_hex(text, &names()), text));
    }
    let bare = Names::default();
    shown.push_str(&of(Template::parse("{{ session }}", &bare), "{{ session }}"));
    insta::assert_snapshot!(shown);
}

#[test]
fn a_missing_value_says_why() {
    let person = Person { user: None, ..person() };
    let captured = captured(None, None);
    let scope = Scope::of(&person, &captured);
    for (text, why) in [
        ("{{ token }}", "the capture `token` never matched"),
        ("{{ user.name }}", "there is no `user.name`: the cohort has no data"),
        ("{{ env.SECRET }}", "the environment variable `SECRET` is not set"),
        ("{{ room }}", "there is no room for `room` here"),
        ("{{ id }}", "there is no `id` here: a step and a publish have one"),
        (
            "{{ run | hmac_sha256(env.SECRET) | hex }}",
            "the environment variable `SECRET` is not set",
        ),
    ] {
        let template = Template::parse(text, &names()).unwrap();
        assert_eq!(template.render(&scope, &mut Vec::new()).unwrap_err().to_string(), why);
    }
    let with_user = self::person();
    let template = Template::parse("{{ user.age }}", &names()).unwrap();
    let missing = template.fold(&Scope::of(&with_user, &captured), &[]).unwrap_err();
    assert_eq!(missing.why, "the user has no column `age`");
    assert_eq!(missing.variable, "user.age");
}

#[test]
fn only_what_may_hold_a_quote_is_unescaped_in_quotes() {
    for (text, unescaped) in [
        (r#"{"a":"{{ room }}"}"#, true),
        (r#"{"a":"{{ room | json }}"}"#, false),
        (r#"{"a":"{{ room | lower }}"}"#, true),
        (r#"{"a":"\"{{ room }}"}"#, true),
        (r#"{"a":"","b":{{ room }}}"#, false),
        (r#"{"a":"{{ id }}"}"#, false),
        ("room={{ room }}", false),
    ] {
        let template = Template::parse(text, &names()).unwrap();
        assert_eq!(template.slots().any(Slot::unescaped_in_quotes), unescaped, "{text}");
    }
}

#[test]
fn folding_leaves_only_what_changes() {
    let text =
        "{{ user.name }} {{ room }} {{ token }} {{ ts }} {{ id }} {{ payload | json }} {{ run }}";
    let template = Template::parse(text, &names()).unwrap();
    let (person, captured) = (person(), captured(Some("t"), None));
    let scope = Scope::of(&person, &captured);
    let folded = template.fold(&scope, &[1]).unwrap();
    assert_eq!(
        folded.to_string(),
        "Zoë \"Z\" {{ room }} t {{ ts }} {{ id }} {{ payload | json }} 1fe3ed0"
    );
    // The second time there is a room.
    let in_room = Scope { room: Some(RoomName { name: "r", n: 0 }), ..scope };
    let folded = folded.fold(&in_room, &[1]).unwrap();
    let left: Vec<&str> = folded.slots().map(Slot::name).collect();
    assert_eq!(left, ["ts", "id", "payload"]);
    // A step fills in its id too.
    let resolved = folded.resolve(&Scope { id: Some(5), ..in_room }).unwrap();
    assert_eq!(resolved.to_string(), "Zoë \"Z\" r t {{ ts }} 5 {{ payload | json }} 1fe3ed0");
}

#[test]
fn a_key_is_filled_in_even_where_its_value_stays() {
    let text = "{{ payload | hmac_sha256(env.KEY) | hex }}";
    let template = Template::parse(text, &names()).unwrap();
    let (person, captured) = (person(), captured(None, None));
    let folded = template.fold(&Scope::of(&person, &captured), &[]).unwrap();
    assert_eq!(folded.variables().collect::<Vec<_>>(), [&Variable::Payload]);
    assert_eq!(rendered(&folded, b"a").unwrap(), rendered(&template, b"a").unwrap());
}

#[test]
fn two_uuids_differ() {
    let template = Template::parse("{{ uuid }} {{ uuid }}", &names()).unwrap();
    let out = String::from_utf8(rendered(&template, b"").unwrap()).unwrap();
    let (first, second) = out.split_once(' ').unwrap();
    assert_ne!(first, second);
    assert_eq!((first.len(), second.len()), (36, 36));
}

#[test]
fn a_buffer_of_the_hinted_length_is_full_in_the_end() {
    let text = r#"{"room":"{{ room | json }}","id":{{ id }},"at":{{ now_ms }},"u":"{{ uuid }}","b":"{{ payload | json }}"}"#;
    let template = Template::parse(text, &names()).unwrap();
    let (person, captured) = (person(), captured(None, None));
    let scope = whole(&person, &captured, b"nothing to escape");
    let mut out = Vec::new();
    template.render(&scope, &mut out).unwrap();
    assert_eq!(template.length_hint(&scope), out.len());
}

#[test]
fn frames_come_all_or_not_at_all() {
    let template = |text: &str| Template::parse_binary(text, &names()).unwrap();
    let send = Send(vec![
        Piece::Text(template("451-[{{ id }}]")),
        Piece::Binary(template("{{ payload }}")),
        Piece::Ping(template("p")),
    ]);
    let (person, captured) = (person(), captured(None, None));
    let scope = whole(&person, &captured, b"\xff");
    let mut out = Outbox::default();
    send.frames(&scope, &mut out).unwrap();
    let wanted = [
        Message::text("451-[42]"),
        Message::binary(vec![0xff]),
        Message::Ping(b"p".to_vec().into()),
    ];
    let frames = |out: &mut Outbox| std::iter::from_fn(|| out.pop_front()).collect::<Vec<_>>();
    assert_eq!(frames(&mut out), wanted);
    send.frames(&scope, &mut out).unwrap();
    for bad in [
        Piece::Text(template("{{ payload }}")),
        Piece::Binary(template("{{ token }}")),
        Piece::Ping(template(&"p".repeat(126))),
    ] {
        let send = Send(vec![Piece::Text(template("first")), bad]);
        assert!(send.frames(&scope, &mut out).is_err());
        assert_eq!(out.len(), wanted.len());
    }
    assert_eq!(frames(&mut out), wanted);
}

/// The five entities, the other way; nothing else is ever written as one.
fn unescape_xml(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = at + rest[at..].find(';').expect("an entity ends");
        out.push(match &rest[at + 1..end] {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("unknown entity {other}"),
        });
        rest = &rest[end + 1..];
    }
    out + rest
}

fn unquoted(inside: &[u8]) -> String {
    serde_json::from_slice(&[b"\"", inside, b"\""].concat()).expect("a JSON string")
}

fn pieces() -> impl Strategy<Value = String> {
    let filters = prop::sample::select(vec![
        "",
        " | json",
        " | json2 | len",
        " | url",
        " | hex | lower",
        " | base64",
        " | default(none) | xml",
        " | hmac_sha256(env.KEY) | hex",
        " | hmac_sha256(ts) | base64",
        " | hmac_sha256(id) | hex",
    ]);
    let variable = prop::sample::select(vec![
        "room",
        "n",
        "client",
        "run",
        "id",
        "payload",
        "seq",
        "now_ms",
        "user.name",
        "user.age",
        "env.KEY",
        "env.NONE",
        "params.event",
        "target.ws",
        "token",
        "ts",
    ]);
    prop_oneof![
        "[a-z}\" ]{0,6}",
        (variable, filters).prop_map(|(v, f)| format!(" {{{{ {v}{f} }}}}")),
    ]
}

proptest! {
    #[test]
    fn json_is_undone_by_a_parser(text in any::<String>(), plain in "[a-z]{0,100}") {
        let text = format!("{plain}{text}{plain}");
        prop_assert_eq!(unquoted(&filtered("json", text.as_bytes())), text.as_str());
        let twice = unquoted(&filtered("json2", text.as_bytes()));
        prop_assert_eq!(unquoted(twice.as_bytes()), text);
    }

    #[test]
    fn what_needs_no_escape_is_left_alone(text in "[ -!#-\\[\\]-~]*") {
        prop_assert_eq!(filtered("json2", text.as_bytes()), text.as_bytes());
    }

    #[test]
    fn escapes_are_undone_by_others(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        prop_assert_eq!(BASE64.decode(&filtered("base64", &bytes)).unwrap(), &*bytes);
        prop_assert_eq!(HEXLOWER.decode(&filtered("hex", &bytes)).unwrap(), &*bytes);
        let escaped = String::from_utf8(filtered("xml", text.as_bytes())).unwrap();
        prop_assert_eq!(unescape_xml(&escaped), text.as_str());
        let query = String::from_utf8(filtered("url", text.as_bytes())).unwrap();
        prop_assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let pair = format!("a={query}");
        let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned();
        prop_assert_eq!(decoded, text.as_str());
        let pattern = String::from_utf8(filtered("regex", text.as_bytes())).unwrap();
        let found = regex::Regex::new(&pattern).unwrap().find(&text).map(|found| found.range());
        prop_assert_eq!(found, Some(0..text.len()));
    }

    /// HMAC as RFC 2104 spells it out, with nothing but the hash.
    #[test]
    fn hmac_is_two_hashes(key in "[a-z]{0,100}", bytes in any::<Vec<u8>>()) {
        let mut block = [0_u8; 64];
        if key.len() > 64 {
            block[..32].copy_from_slice(sha256(key.as_bytes()).as_ref());
        } else {
            block[..key.len()].copy_from_slice(key.as_bytes());
        }
        let inner = sha256(&[&block.map(|b| b ^ 0x36)[..], &bytes].concat());
        let outer = sha256(&[&block.map(|b| b ^ 0x5c)[..], inner.as_ref()].concat());
        prop_assert_eq!(filtered(&format!("hmac_sha256('{key}')"), &bytes), outer.as_ref());
    }

    #[test]
    fn filling_in_early_changes_nothing(
        text in prop::collection::vec(pieces(), 0..8).prop_map(|pieces| pieces.concat()),
        token in prop::option::of("[a-z\"\\\\]{0,5}"),
        ts in prop::option::of("[0-9]{1,3}"),
        has_room in any::<bool>(),
        payload in any::<Vec<u8>>(),
    ) {
        let template = Template::parse(&text, &names()).unwrap();
        let (person, before) = (person(), captured(token.as_deref(), None));
        let after = captured(token.as_deref(), ts.as_deref());
        let scope = whole(&person, &after, &payload);
        let mut early = Scope::of(&person, &before);
        if has_room {
            early.room = scope.room;
        }
        let mut at_once = Vec::new();
        let result = template.render(&scope, &mut at_once);
        match template.fold(&early, &[1]) {
            Err(missing) => prop_assert_eq!(result.map_err(|_| ()), Err(()), "{}", missing),
            Ok(folded) => {
                let mut in_steps = Vec::new();
                prop_assert_eq!(folded.render(&scope, &mut in_steps), result.clone());
                if result.is_ok() {
                    prop_assert_eq!(&at_once, &in_steps);
                    let mut resolved = Vec::new();
                    let step = folded.resolve(&scope).unwrap();
                    step.render(&scope, &mut resolved).unwrap();
                    prop_assert_eq!(&at_once, &resolved);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_template_or_a_mistake_in_it(text in "[\\PC\n]{0,20}(\\{\\{[\\PC]{0,20}(\\}\\})?){0,3}") {
        fuzz(text.as_bytes());
    }

    #[test]
    fn hex_digits_are_bytes(bytes in any::<Vec<u8>>()) {
        let template = Template::parse_hex(&HEXLOWER.encode(&bytes), &names()).unwrap();
        prop_assert_eq!(template.is_literal(), Some(&*bytes));
        let shown = Template::parse_hex(&template.to_string(), &names()).unwrap();
        prop_assert_eq!(shown, template);
        let literal = Template::literal(bytes.clone());
        prop_assert_eq!(literal.is_literal(), Some(&*bytes));
    }
}
