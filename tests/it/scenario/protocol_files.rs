//! Protocol files: what is read from right ones, and what is said of wrong ones.

use std::time::Duration;

use serde_json::Value as Json;
use uproar::cli::Failure;
use uproar::protocol::description::{Description, Each, Heartbeat, Known};
use uproar::protocol::{Away, Recipients};
use uproar::report::Exit;
use uproar::scenario::{
    Mistake, ProtocolFile, Source, is_protocol, protocol_schema, read_protocol, shipped_protocols,
};

/// A protocol that has nearly every table.
pub(super) const ACME: &str = include_str!("acme.toml");

/// The least a protocol with rooms can be.
const LEAST: &str = r#"format = 1
name = "least"

[join]
send = '{"join":"{{ room | json }}"}'
expect = { json = { "/joined" = "{{ room }}" } }

[publish]
send = '{"room":"{{ room | json }}","text":"{{ payload | json }}"}'
"#;

fn file(text: &str) -> Source {
    Source { name: "acme.toml".to_owned(), text: text.to_owned() }
}

fn reads(text: &str) -> ProtocolFile {
    read_protocol(&file(text)).unwrap_or_else(|errors| panic!("{}", super::rendered(errors)))
}

fn rendered(warnings: Vec<Mistake>) -> String {
    Failure { exit: Exit::Passed, diagnostics: warnings }.render(false)
}

/// What is said of several wrong texts, each a change of [`LEAST`], under its title.
fn complaints(cases: &[(&str, &[(&str, &str)])]) -> String {
    let mut said = String::new();
    for (title, changes) in cases {
        let mut text = LEAST.to_owned();
        for (from, to) in *changes {
            assert!(text.contains(from), "there is no {from:?} to replace");
            text = text.replacen(from, to, 1);
        }
        match read_protocol(&file(&text)) {
            Ok(_) => panic!("{title}: nothing is wrong with:\n{text}"),
            Err(errors) => said += &format!("# {title}\n{}\n", super::rendered(errors)),
        }
    }
    said
}

const EXPECT: &str = r#"expect = { json = { "/joined" = "{{ room }}" } }"#;
const SEND: &str = r#"send = '{"room":"{{ room | json }}","text":"{{ payload | json }}"}'"#;
const NAME: &str = "name = \"least\"\n";

#[test]
fn a_whole_file_is_read() {
    let ProtocolFile { description, warnings } = reads(ACME);
    let said = rendered(warnings);
    assert_eq!(said.matches("warning: ").count(), 1, "{said}");
    assert!(said.contains("`{{ session }}` stands inside quotes"), "{said}");
    let Description { name, verified, params, secret, recipients, away, .. } = &description;
    assert_eq!((name.as_str(), verified.as_str()), ("acme-chat", "acme-chat 4.2"));
    assert_eq!(params, &[("tenant".to_owned(), "default".to_owned())]);
    assert_eq!(secret, &["token"]);
    assert_eq!((*recipients, *away), (Recipients::Room, Away::Missed));
    let names = &description.names.captures;
    assert_eq!(names, &["token", "session", "ping_every", "ts", "last"]);
    assert_eq!(description.changing, [3, 4], "a reply and a delivery capture anew each time");
    let login = &description.logins[0];
    assert_eq!(
        (login.each, login.method.as_str(), login.status),
        (Each::Client, "POST", Some(200))
    );
    assert_eq!(login.url.to_string(), "{{ target.http }}/api/login");
    assert_eq!(description.connect[0].timeout, Some(Duration::from_secs(5)));
    assert_eq!(description.connect[0].captures.len(), 2);
    assert_eq!(description.resume.len(), 1);
    assert!(matches!(description.join.as_ref().unwrap().known, Known::Answer(_)));
    assert!(description.publish.as_ref().unwrap().ack.as_ref().unwrap().fail.is_some());
    assert_eq!(description.publish.as_ref().unwrap().max_size, Some(4096));
    assert_eq!(description.actions[0].name, "typing");
    assert!(description.delivery.when.is_some());
    assert_eq!(description.delivery.captures[0].into, 4);
    assert_eq!(description.ignores[0].name, "presence");
    assert!(matches!(description.heartbeat, Some(Heartbeat::Server { .. })));
    assert_eq!((description.goodbye.send.0.len(), description.goodbye.code), (1, 1000));
}

/// What a plan is handed on as; patterns and matchers are compiled anew on the other side.
#[test]
fn a_description_survives_being_handed_on() {
    let text = format!(
        "{ACME}\n[framing]\nsplit = \"\\n\"\n[[ignore]]\nname = \"odd\"\n\
         when = [{{ pattern = '^x{{{{ run | regex }}}}', not = {{ hex = \"00 ff\" }} }}, {{ frame = \"binary\" }}]\n"
    )
    .replacen("recipients", "json_from = '^\\d+'\nrecipients", 1);
    let description = reads(&text).description;
    let json = serde_json::to_value(&description).unwrap();
    let back: Description = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), json);
    assert_eq!(back.ignores[1].when, description.ignores[1].when);
    assert_eq!(back.json_from.unwrap().as_str(), "^\\d+");
}

#[test]
fn every_shipped_protocol_reads_without_a_warning_under_its_own_name() {
    for shipped in shipped_protocols() {
        let source = Source { name: shipped.name.to_owned(), text: shipped.text.to_owned() };
        assert!(is_protocol(&source), "{}", shipped.name);
        let read = read_protocol(&source).unwrap_or_else(|e| panic!("{}", super::rendered(e)));
        assert_eq!(read.description.name, shipped.name);
        assert!(!read.description.verified.is_empty(), "{}: against what?", shipped.name);
        let said = rendered(read.warnings);
        assert_eq!(said, "", "{}", shipped.name);
        assert!(shipped.text.starts_with("# "), "{} opens with what it is for", shipped.name);
    }
}

#[test]
fn every_protocol_in_the_folder_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/protocols");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut names: Vec<String> =
        shipped_protocols().iter().map(|shipped| format!("{}.toml", shipped.name)).collect();
    names.sort();
    assert_eq!(files, names);
}

/// Every block of the reference that is a whole file.
#[test]
fn every_example_of_the_documentation_reads() {
    let text = include_str!("../../../docs/protocols.md");
    let blocks = text.split("```toml\n").skip(1);
    let examples: Vec<&str> = blocks
        .map(|block| block.split("```").next().unwrap())
        // Scenarios begin alike, and so does the tutorial's file before it says anything.
        .filter(|block| block.starts_with("format = 1") && is_protocol(&file(block)))
        .collect();
    assert!(examples.len() >= 2, "the tutorial's file and the reference's, but {examples:?}");
    for example in examples {
        let said = rendered(reads(example).warnings);
        assert_eq!(said, "", "{example}");
    }
}

#[test]
fn a_file_is_known_by_its_keys() {
    assert!(is_protocol(&file(ACME)));
    assert!(is_protocol(&file(LEAST)));
    assert!(!is_protocol(&file(super::LEAST)));
    assert!(!is_protocol(&file("")));
    assert!(!is_protocol(&file("format = 1\nname = \"x\"\n")));
    // Broken further down.
    assert!(is_protocol(&file("format = 1\n[publish]\nsend = \"x\"\n[join\n")));
}

#[test]
fn joins() {
    snapshot!(complaints(&[
        ("no way to know", &[(EXPECT, "")]),
        ("two ways", &[(EXPECT, "expect = { equals = \"ok\" }\nsettle = \"1s\"")]),
        ("probe = false", &[(EXPECT, "probe = false")]),
        (
            "a probe that nobody hears",
            &[(EXPECT, "probe = true"), (NAME, "name = \"least\"\nrecipients = \"others\"\n")]
        ),
        ("settle for nothing", &[(EXPECT, "settle = \"0s\"")]),
        ("a capture of silence", &[(EXPECT, "settle = \"1s\"\ncapture = { x = \"/x\" }")]),
        ("half a barrier", &[(EXPECT, "barrier = { send = \"PING\" }")]),
        ("a matcher that is a string", &[(EXPECT, "expect = \"joined\"")]),
        ("a matcher of nothing", &[(EXPECT, "expect = {}")]),
        (
            "a leave without a join",
            &[
                ("[join]\nsend = '{\"join\":\"{{ room | json }}\"}'", "[leave]\nsend = \"bye\""),
                (EXPECT, ""),
            ]
        ),
    ]));
}

#[test]
fn templates() {
    snapshot!(complaints(&[
        ("an unknown variable", &[(SEND, "send = '{{ romo }}{{ payload }}'")]),
        ("an unknown filter", &[(SEND, "send = '{{ room | jsn }}{{ payload }}'")]),
        ("not closed", &[(SEND, "send = '{{ payload'")]),
        ("no payload", &[(SEND, "send = '{{ room }}'")]),
        ("in a string with escapes", &[(SEND, "send = \"\\\"{{ romo }}\\\" {{ payload }}\"")]),
        (
            "a room in a connect step",
            &[(NAME, "name = \"least\"\nconnect = [{ send = \"{{ room }}\" }]\n")]
        ),
        (
            "a payload in a join",
            &[("{\"join\":\"{{ room | json }}\"}", "{{ payload }} {{ now_ms }}")]
        ),
        ("an id in a rule", &[(NAME, "name = \"least\"\nerror = { equals = \"{{ id }}\" }\n")]),
        ("bytes in text", &[(SEND, "send = '{{ payload | len_u16 }}{{ payload }}'")]),
        ("odd hex", &[(SEND, "send = { hex = \"0 {{ payload }}\" }")]),
        ("an unknown param", &[(SEND, "send = '{{ params.evnt }}{{ payload }}'")]),
        (
            "a quote too few, and a warning beside it",
            &[(SEND, "send = '{\"a\":\"{{ room }}\",\"b\":\"{{ payloda }}\"}'")]
        ),
    ]));
}

#[test]
fn captures() {
    let connect = |steps: &str| format!("{NAME}connect = [{steps}]\n");
    let cases: Vec<(&str, String)> = vec![
        (
            "before it is captured",
            connect(
                r#"{ send = "{{ token }}" }, { expect = { contains = "t" }, capture = { token = "/t" } }"#,
            ),
        ),
        (
            "in its own step",
            connect(
                r#"{ send = "{{ token }}", expect = { contains = "t" }, capture = { token = "/t" } }"#,
            ),
        ),
        (
            "in the upgrade",
            format!(
                "{NAME}path = \"/{{{{ token }}}}\"\nconnect = [{{ expect = {{ contains = \"t\" }}, capture = {{ token = \"/t\" }} }}]\n"
            ),
        ),
        (
            "twice",
            connect(
                r#"{ expect = { contains = "a" }, capture = { token = "/t" } }, { expect = { contains = "b" }, capture = { token = "/u" } }"#,
            ),
        ),
        (
            "a taken name",
            connect(
                r#"{ expect = { contains = "a" }, capture = { room = "/t", user = "/u", "a-b" = "/v" } }"#,
            ),
        ),
        (
            "no pointer",
            connect(
                r#"{ expect = { contains = "a" }, capture = { a = "data.id", b = "$.b[0]", c = "/~2" } }"#,
            ),
        ),
        (
            "no pattern",
            connect(r#"{ expect = { contains = "a" }, capture = { a = { pattern = '(x' } } }"#),
        ),
        (
            "both",
            connect(
                r#"{ expect = { contains = "a" }, capture = { a = { pattern = 'x', header = "y" }, b = {} } }"#,
            ),
        ),
        (
            "a header of a frame",
            connect(r#"{ expect = { contains = "a" }, capture = { a = { header = "y" } } }"#),
        ),
        ("from nothing", connect(r#"{ send = "a", capture = { a = "/a" } }"#)),
        ("secret of nothing", format!("{NAME}secret = [\"tokn\"]\nparams = {{ token = 1 }}\n")),
    ];
    let said: String =
        cases.iter().map(|(title, to)| complaints(&[(title, &[(NAME, to)])])).collect();
    snapshot!(said);
}

#[test]
fn logins() {
    let login = |keys: &str| format!("{NAME}login = [{{ {keys} }}]\n");
    let cases: Vec<(&str, String)> = vec![
        ("no method", login(r#"request = "{{ target.http }}/login""#)),
        ("no host", login(r#"request = "POST /login""#)),
        ("no scheme", login(r#"request = "POST chat.test/login""#)),
        (
            "which client",
            login(r#"request = "GET {{ target.http }}/{{ user.name }}", each = "run""#),
        ),
        ("a room", login(r#"request = "GET {{ target.http }}/{{ room }}""#)),
        (
            "no such status",
            login(r#"request = "GET {{ target.http }}/", expect = { status = 20 }"#),
        ),
        (
            "a header that can't be",
            login(r#"request = "GET {{ target.http }}/", headers = { "a b" = "c" }"#),
        ),
        (
            "less often than what it names",
            format!(
                "{NAME}login = [{{ request = \"GET {{{{ target.http }}}}/a\", capture = {{ a = \"/a\" }} }}, \
                 {{ request = \"GET {{{{ target.http }}}}/{{{{ a }}}}\", each = \"run\" }}]\n"
            ),
        ),
    ];
    let said: String =
        cases.iter().map(|(title, to)| complaints(&[(title, &[(NAME, to)])])).collect();
    snapshot!(said);
}

#[test]
fn tables() {
    let top = |keys: &str| format!("{NAME}{keys}\n");
    let cases: Vec<(&str, String)> = vec![
        ("unknown key", top("joins = {}")),
        ("a path with a query", top("path = \"/ws?v=4&x=y\"")),
        ("a path that is a URL", top("path = \"wss://chat.test/ws\"")),
        ("a path without a slash", top("path = \"ws\"")),
        ("a list of subprotocols", top("subprotocols = [\"a, b\"]")),
        ("a header of the handshake", top("headers = { Sec-WebSocket-Protocol = \"x\" }")),
        ("nothing between messages", top("framing = { split = \"\" }")),
        ("a step of nothing", top("connect = [{}]")),
        (
            "a limit for nothing",
            top("connect = [{ send = \"a\", timeout = \"1s\", fail = { equals = \"b\" } }]"),
        ),
        (
            "two kinds of frame",
            top(
                "connect = [{ send = { text = \"a\", binary = \"b\" } }, { send = {} }, { send = [] }]",
            ),
        ),
        (
            "a ping that is too long",
            top(&format!("connect = [{{ send = {{ ping = \"{}\" }} }}]", "x".repeat(126))),
        ),
        (
            "two actions of a name",
            top("action = [{ name = \"a\", send = \"b\" }, { name = \"a\", send = \"c\" }]"),
        ),
        ("a reply of nothing", top("reply = [{ when = { equals = \"a\" } }]")),
        (
            "a json key that is no pointer",
            top("error = { json = { type = \"error\", \"data.x\" = { y = 1 } } }"),
        ),
        ("a pattern that doesn't compile", top("error = { pattern = '(' }")),
        ("json_from", top("json_from = '(?=x)'")),
        ("a heartbeat of whom", top("heartbeat = { within = \"5s\" }")),
        (
            "the other side's heartbeat",
            top("heartbeat = { from = \"server\", send = \"a\", every = \"5s\" }"),
        ),
        (
            "a heartbeat without its keys",
            top("heartbeat = { from = \"client\", timeout = \"1s\" }"),
        ),
        ("a heartbeat without a unit", top("heartbeat = { from = \"server\", within = \"30\" }")),
        (
            "a sum without a unit",
            top(
                "heartbeat = { from = \"server\", within = \"{{ params.a }} s + 5\" }\nparams = { a = 1 }",
            ),
        ),
        ("a close code of the server's", top("goodbye = { close = 1001 }")),
        ("a param that is a list", top("params = { a = [1], \"b c\" = 2 }")),
        ("no such recipients", top("recipients = \"all\"")),
        ("an action that says nothing", top("action = [{ name = \"a\" }]")),
        (
            "a message smaller than the mark",
            top("publish = { send = '{{ payload }}', max_size = \"51B\" }"),
        ),
    ];
    let mut said: String =
        cases.iter().map(|(title, to)| complaints(&[(title, &[(NAME, to)])])).collect();
    said += &complaints(&[
        (
            "an ack without an id",
            &[(SEND, "send = '{{ payload }}'\nack = { when = { equals = \"ok\" }, id = \"/id\" }")],
        ),
        (
            "an id that stands nowhere",
            &[(SEND, "send = '{{ id }} {{ payload }}'\nack = { when = { equals = \"ok\" } }")],
        ),
        (
            "a room that nobody is in",
            &[(EXPECT, ""), ("[join]\nsend = '{\"join\":\"{{ room | json }}\"}'\n", "")],
        ),
    ]);
    snapshot!(said);
}

#[test]
fn warnings() {
    let text = LEAST
        .replace("{{ room | json }}", "{{ room }}")
        .replace(NAME, "name = \"least\"\nreply = [{ when = { pattern = 'a{{ params.x }}' }, capture = { a = \"/a\" } }]\nparams = { x = \"y\" }\n");
    snapshot!(rendered(reads(&text).warnings));
    let text =
        LEAST.replace("{{ payload | json }}", "{{ payload | json }}{{ env.UPROAR_TEST_UNSET }}");
    let said = rendered(reads(&text).warnings);
    assert!(said.contains("environment variable `UPROAR_TEST_UNSET` is not set"), "{said}");
}

fn as_json(text: &str) -> Json {
    let value: toml::Value = toml::from_str(text).expect("it is TOML");
    serde_json::to_value(value).expect("TOML without dates is JSON")
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    jsonschema::meta::validate(&protocol_schema()).unwrap();
    let validator = jsonschema::validator_for(&protocol_schema()).unwrap();
    let shipped = shipped_protocols().iter().map(|shipped| shipped.text);
    for text in shipped.chain([ACME, LEAST]) {
        let errors: Vec<String> =
            validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{text}\n{errors:?}");
    }
    for (from, to) in [
        (NAME, "name = \"least\"\njoins = {}\n"),
        (NAME, ""),
        (EXPECT, "expect = \"joined\""),
        (EXPECT, "expect = { json = { joined = true } }"),
        (EXPECT, "settle = 1"),
        (SEND, "send = 5"),
        (SEND, "send = { txt = \"x\" }"),
    ] {
        assert!(!validator.is_valid(&as_json(&LEAST.replacen(from, to, 1))), "{to}");
    }
}

/// Every key has a text for editors.
#[test]
fn every_key_is_described() {
    fn walk(path: &str, schema: &Json, keys: &mut usize) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            *keys += 1;
            let about = inner["description"].as_str().unwrap_or_default();
            assert!(about.len() > 10, "{path}.{key} is not described");
            walk(&format!("{path}.{key}"), inner, keys);
        }
        for inner in schema["anyOf"].as_array().into_iter().flatten() {
            walk(path, inner, keys);
        }
        walk_if(path, &schema["items"], keys);
    }
    fn walk_if(path: &str, schema: &Json, keys: &mut usize) {
        if schema.is_object() {
            walk(path, schema, keys);
        }
    }
    let mut keys = 0;
    let schema = protocol_schema();
    walk("", &schema, &mut keys);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(name, definition, &mut keys);
    }
    assert!(keys > 90, "only {keys} were found");
}
