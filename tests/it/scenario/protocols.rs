//! Scenarios that name protocols: which one is meant, its params, and users' data.

use std::path::Path;

use tempfile::TempDir;
use uproar::plan::Plan;
use uproar::protocol::{Audience, Protocol};
use uproar::scenario::{Overrides, Scenario, Source, read, read_with_warnings};

use super::protocol_files::ACME;
use super::{LEAST, complaint, least_with, rendered};

const USERS: &str = "name,password\nann,a1\nbob,b2\n\"c, d\",c3\n";

/// [`LEAST`] with a target of one's own.
fn scenario(target: &str, cohort: &str) -> String {
    LEAST
        .replace("builtin = \"rooms\"", &format!("url = \"ws://chat.test/\"\n{target}"))
        .replace("clients = 10\n", &format!("clients = 10\n{cohort}\n"))
}

/// [`ACME`] without what is warned of.
fn quiet() -> String {
    ACME.replace("{{ session }}", "{{ session | json }}")
}

/// A folder with a protocol file and users.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("acme.toml"), quiet()).unwrap();
    std::fs::write(folder.path().join("users.csv"), USERS).unwrap();
    folder
}

fn reading(folder: &Path, text: &str) -> Result<Scenario, String> {
    let name = folder.join("scenario.toml").to_str().unwrap().to_owned();
    read(&Source { name, text: text.to_owned() }, &Overrides::default())
        .map_err(|errors| rendered(errors).replace(folder.to_str().unwrap(), "FOLDER"))
}

fn said(folder: &Path, target: &str, cohort: &str) -> String {
    match reading(folder, &scenario(target, cohort)) {
        Ok(_) => panic!("nothing is wrong with {target} and {cohort}"),
        Err(said) => said,
    }
}

const OWN: &str = "protocol = \"./acme.toml\"";
const DATA: &str = "data = \"users.csv\"";

#[test]
fn a_file_beside_the_scenario_is_the_targets_protocol() {
    let folder = folder();
    let read = reading(folder.path(), &scenario(OWN, DATA)).unwrap();
    assert_eq!(read.target.protocol.name(), "acme-chat");
    assert_eq!(read.cohorts[0].protocol.name(), "acme-chat");
    assert_eq!(read.cohorts[0].protocol.audience(), Audience::Joined);
    assert_eq!(read.cohorts[0].params, [("tenant".to_owned(), "default".to_owned())]);
}

#[test]
fn a_plan_with_a_described_protocol_survives_being_handed_on() {
    let folder = folder();
    let plan = Plan::new(reading(folder.path(), &scenario(OWN, DATA)).unwrap());
    let json = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    assert_eq!(back.user(1).unwrap().get("name"), Some("bob"));
}

#[test]
fn names_mean_shipped_files_but_for_uproars_own() {
    for (name, described) in [("echo", true), ("plain", true), ("rooms", false), ("feed", false)] {
        let text = scenario(&format!("protocol = \"{name}\""), "")
            .replace("publish = { rate = \"1/s\" }", "");
        let text = match name {
            "plain" | "rooms" => text,
            _ => text
                .replace("[rooms.lobby]\nsize = 20\n", "")
                .replace("join = { rooms = \"lobby\" }", ""),
        };
        let read = super::reads(&text, &Overrides::default());
        let is_described = matches!(read.cohorts[0].protocol, Protocol::Described(_));
        assert_eq!((read.target.protocol.name(), is_described), (name, described));
    }
    let builtin = LEAST
        .replace("\"rooms\"", "\"echo\"")
        .replace("[rooms.lobby]\nsize = 20\n", "")
        .replace("join = { rooms = \"lobby\" }", "");
    let read = super::reads(&builtin, &Overrides::default());
    assert!(matches!(read.target.protocol, Protocol::Native(..)), "of the built-in server");
}

#[test]
fn cohorts_differ_in_protocol_and_params() {
    let folder = folder();
    let cohort = format!("{DATA}\nparams = {{ tenant = 7 }}");
    let text = scenario(&format!("{OWN}\nparams = {{ tenant = \"t\" }}"), &cohort);
    let second = "[[cohort]]\nname = \"others\"\nclients = 2\njoin = { rooms = \"lobby\" }\n\
                  protocol = \"plain\"\nparams = { prefix = \"/ws\" }\n\n[[phase]]";
    let read = reading(folder.path(), &text.replace("[[phase]]", second)).unwrap();
    assert_eq!(read.cohorts[0].params, [("tenant".to_owned(), "7".to_owned())]);
    assert_eq!(read.cohorts[1].protocol.audience(), Audience::Connected);
    assert_eq!(read.cohorts[1].params, [("prefix".to_owned(), "/ws".to_owned())]);
    let plan = Plan::new(read);
    assert_eq!(plan.user(11), None, "the second cohort has no data");
}

#[test]
fn params_of_the_command_line_replace_the_targets() {
    let overrides = Overrides {
        url: Some("ws://127.0.0.1:9/".to_owned()),
        protocol: Some("plain".to_owned()),
        params: vec![("prefix".to_owned(), "/a=b".to_owned())],
        ..Overrides::default()
    };
    let read = super::reads(LEAST, &overrides);
    assert_eq!(read.cohorts[0].params, [("prefix".to_owned(), "/a=b".to_owned())]);
    let wrong = Overrides { params: vec![("prefx".to_owned(), "1".to_owned())], ..overrides };
    snapshot!(super::complaint(LEAST, &wrong));
}

#[test]
fn a_path_on_the_command_line_begins_where_the_command_runs() {
    let folder = folder();
    let path = folder.path().join("acme.toml").to_str().unwrap().to_owned();
    let overrides = Overrides {
        url: Some("ws://127.0.0.1:9/".to_owned()),
        protocol: Some(path),
        set: vec![(
            "cohort.people.data".to_owned(),
            format!("{}/users.csv", folder.path().display()),
        )],
        ..Overrides::default()
    };
    assert_eq!(super::reads(LEAST, &overrides).target.protocol.name(), "acme-chat");
    let missing = Overrides { protocol: Some("./no-such.toml".to_owned()), ..overrides };
    let said = super::complaint(LEAST, &missing);
    assert!(said.contains("can't read the protocol file `no-such.toml`"), "{said}");
}

#[test]
fn wrong_protocols_and_params() {
    let folder = folder();
    let broken = quiet().replace("{{ payload | json }}", "{{ payload | jsno }}");
    std::fs::write(folder.path().join("broken.toml"), broken).unwrap();
    std::fs::write(folder.path().join("open.toml"), "format = 1\n[join\n").unwrap();
    let silent =
        ACME.replace("[leave]\nsend = '{\"type\":\"leave\",\"room\":\"{{ room | json }}\"}'", "");
    std::fs::write(
        folder.path().join("silent.toml"),
        silent.replace("\"room\"\naway", "\"others\"\naway"),
    )
    .unwrap();
    let cases = [
        ("unknown", "protocol = \"plian\"", ""),
        ("a missing file", "protocol = \"./acm.toml\"", ""),
        ("a missing file that is built in", "protocol = \"./plain.toml\"", ""),
        ("mistakes in the file", "protocol = \"broken.toml\"", DATA),
        ("not TOML", "protocol = \"open.toml\"", ""),
        ("unknown params", "protocol = \"./acme.toml\"\nparams = { tennant = 1 }", DATA),
        ("params of uproar's own", "protocol = \"rooms\"\nparams = { a = 1 }", ""),
        (
            "a codec of a described protocol",
            "protocol = \"./acme.toml\"\ncodec = \"json\"",
            "data = \"users.csv\"\ncodec = \"binary\"",
        ),
        ("a cohort's params", "protocol = \"plain\"", "params = { event = 1 }"),
        (
            "two rooms by path",
            "protocol = \"plain\"",
            "join = { rooms = \"lobby\", per_client = 2 }\n#",
        ),
        (
            "what it can't do",
            "protocol = \"silent.toml\"",
            "data = \"users.csv\"\nchurn = { rooms = \"1%/min\" }\npublish = { in_flight = 1, binary = \"10%\" }\n#",
        ),
    ];
    let all: String = cases
        .iter()
        .map(|(title, target, cohort)| {
            let text = scenario(target, cohort);
            // A key that is given here replaces the one of the least scenario.
            let text = if cohort.contains("join =") {
                text.replacen("#\njoin = { rooms = \"lobby\" }\n", "", 1)
            } else if cohort.contains("publish =") {
                text.replacen("publish = { rate = \"1/s\" }\n", "", 1)
            } else {
                text
            };
            let said = reading(folder.path(), &text).err();
            format!("# {title}\n{}\n", said.unwrap_or_else(|| panic!("{title}: {text}")))
        })
        .collect();
    snapshot!(all);
}

#[test]
fn wrong_actions_and_texts() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.txt", b"\n  \n");
    write("latin.txt", b"hi\ncaf\xe9\n");
    write("long.txt", format!("short\n{}\n", "long ".repeat(820)).as_bytes());
    let publish = |keys: &str| format!("{DATA}\npublish = {{ rate = \"1/s\", {keys} }}\n#");
    let cases = [
        ("an unknown action", format!("{DATA}\nactions = {{ tyqing = \"1/s\" }}")),
        ("an action at no rate", format!("{DATA}\nactions = {{ typing = \"0/s\" }}")),
        ("actions that are a list", format!("{DATA}\nactions = [\"typing\"]")),
        ("text and lines", publish("text = \"a\", lines = \"b\"")),
        ("another variable", publish("text = \"{{ room }}\"")),
        ("no text", publish("text = \"  \"")),
        ("no such file", publish("lines = \"none.txt\"")),
        ("a folder", publish("lines = \".\"")),
        ("an empty file", publish("lines = \"empty.txt\"")),
        ("not UTF-8", publish("lines = \"latin.txt\"")),
        ("longer than the server takes", publish("lines = \"long.txt\"")),
        ("larger than the server takes", publish("size = \"5KiB\"")),
        (
            "mostly larger than the server takes",
            publish("size = { p50 = \"5KiB\", p99 = \"9KiB\" }"),
        ),
    ];
    let mut all = String::new();
    for (title, cohort) in cases {
        let text = scenario(OWN, &cohort);
        let text = if cohort.contains("publish =") {
            text.replacen("publish = { rate = \"1/s\" }\n", "", 1)
        } else {
            text
        };
        let said = reading(folder.path(), &text).err();
        all += &format!("# {title}\n{}\n", said.unwrap_or_else(|| panic!("{title}: {text}")));
    }
    let own = least_with(&[("clients = 10", "clients = 10\nactions = { typing = \"1/s\" }")]);
    all += &format!("# uproar's own\n{}", complaint(&own, &Overrides::default()));
    snapshot!(all);
}

#[test]
fn sizes_that_vary_stay_within_what_the_server_takes() {
    let folder = folder();
    let vary = format!(
        "{DATA}\npublish = {{ rate = \"1/s\", size = {{ p50 = \"1KiB\", p99 = \"9KiB\" }} }}\n#"
    );
    let text = scenario(OWN, &vary).replacen("publish = { rate = \"1/s\" }\n", "", 1);
    let read = reading(folder.path(), &text).unwrap();
    let plan = Plan::new(read);
    let mut publishes = plan.publishes(0);
    let due = |_| plan.draw_due(0, &mut publishes, 0).unwrap().size;
    let sizes: Vec<u32> = (0..2_000).map(due).collect();
    assert_eq!(sizes.iter().max(), Some(&4096));
    assert!(sizes.iter().any(|size| *size < 512));
}

#[test]
fn users_come_in_order_at_random_or_once() {
    let folder = folder();
    let users = |data: &str, seed: u64| -> Vec<String> {
        let text = scenario(OWN, data)
            .replace("name = \"least\"", &format!("name = \"least\"\nseed = {seed}"));
        let plan = Plan::new(reading(folder.path(), &text).unwrap());
        let name = |client| plan.user(client).unwrap().get("name").unwrap().to_owned();
        (0..10).map(name).collect()
    };
    let in_order = users(DATA, 0);
    assert_eq!(in_order[..4], ["ann", "bob", "c, d", "ann"]);
    let random = "data = { file = \"users.csv\", order = \"random\" }";
    assert_eq!(users(random, 1), users(random, 1));
    let drawn: Vec<_> = (0..20).map(|seed| users(random, seed)).collect();
    assert!(drawn.iter().any(|users| *users != drawn[0]), "the seed draws");
    std::fs::write(
        folder.path().join("ten.jsonl"),
        (0..10).map(|n| format!("{{\"name\":\"u{n}\",\"password\":{n}}}\n\n")).collect::<String>(),
    )
    .unwrap();
    let once = users("data = { file = \"ten.jsonl\", order = \"once\" }", 0);
    assert_eq!(once, (0..10).map(|n| format!("u{n}")).collect::<Vec<_>>());
}

#[test]
fn values_of_json_lines_stay_as_they_were_written() {
    let folder = folder();
    std::fs::write(
        folder.path().join("users.jsonl"),
        r#"{"name":"a","password":12345678901234567890123,"x":1.10,"y":{"b": 1.0, "a":[1e3]},"z":null}
{"z":true,"y":-0,"x":"1.1","password":"p","name":"\u00e9"}
"#,
    )
    .unwrap();
    let plan = Plan::new(reading(folder.path(), &scenario(OWN, "data = \"users.jsonl\"")).unwrap());
    for (client, column, value) in [
        (0, "password", "12345678901234567890123"),
        (0, "x", "1.10"),
        (0, "y", r#"{"b":1.0,"a":[1e3]}"#),
        (0, "z", ""),
        (1, "name", "é"),
        (1, "x", "1.1"),
        (1, "y", "-0"),
        (1, "z", "true"),
    ] {
        assert_eq!(plan.user(client).unwrap().get(column), Some(value), "{client} {column}");
    }
}

#[test]
fn wrong_data() {
    let folder = folder();
    for (name, text) in [
        ("empty.csv", ""),
        ("head.csv", "name,password\n"),
        ("ragged.csv", "name,password\nann,1\nbob\n"),
        ("wide.csv", "name,password\nann,1\nbob,2,3\n"),
        ("headless.csv", "ann@chat.test,1\nbob@chat.test,2\n"),
        ("twice.csv", "name,name\na,b\n"),
        ("other.csv", "nmae,password\na,b\n"),
        ("list.jsonl", "[1]\n"),
        ("broken.jsonl", "{\"name\":\"a\",\"password\":\"b\"}\n{\n"),
        ("ragged.jsonl", "{\"name\":\"a\",\"password\":\"b\"}\n{\"name\":\"a\"}\n"),
        ("wide.jsonl", "{\"name\":\"a\",\"password\":\"b\"}\n{\"name\":\"a\",\"x\":1}\n"),
        ("half.jsonl", "{\"name\":\"a\",\"password\":\"\\ud800\"}\n"),
        ("empty.jsonl", "\n"),
        ("users.txt", "a\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut all = String::new();
    for file in [
        "missing.csv",
        "empty.csv",
        "head.csv",
        "ragged.csv",
        "wide.csv",
        "headless.csv",
        "twice.csv",
        "other.csv",
        "list.jsonl",
        "broken.jsonl",
        "ragged.jsonl",
        "wide.jsonl",
        "half.jsonl",
        "empty.jsonl",
        "users.txt",
    ] {
        all += &format!("# {file}\n{}\n", said(folder.path(), OWN, &format!("data = \"{file}\"")));
    }
    all += &format!("# none\n{}\n", said(folder.path(), OWN, ""));
    all += &format!(
        "# run out\n{}\n",
        said(folder.path(), OWN, "data = { file = \"users.csv\", order = \"once\" }")
    );
    all += &format!(
        "# no such order\n{}\n",
        said(folder.path(), OWN, "data = { file = \"users.csv\", order = \"shuffled\" }")
    );
    std::fs::write(folder.path().join("latin.csv"), b"name,password\nf\xfc,1\n").unwrap();
    all += &format!("# latin\n{}\n", said(folder.path(), OWN, "data = \"latin.csv\""));
    snapshot!(all);
}

#[test]
fn warnings_refuse_nothing() {
    let folder = folder();
    let name = folder.path().join("scenario.toml").to_str().unwrap().to_owned();
    let text = scenario("protocol = \"plain\"", DATA);
    let (_, warnings) = read_with_warnings(&Source { name, text }, &Overrides::default()).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().contains("nothing names the users"), "{:?}", warnings[0]);
}
