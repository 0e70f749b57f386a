//! What is said of wrong scenarios, as a user sees it.

use uproar::scenario::{Overrides, Source, load, read};

use super::{complaint, complaints, least_with, rendered};

const RATE: &str = r#"rate = "1/s""#;
const BUILTIN: &str = r#"builtin = "rooms""#;
const PUBLISH: &str = r#"publish = { rate = "1/s" }"#;
const JOIN: &str = r#"join = { rooms = "lobby" }"#;
const SIZE: &str = "size = 20";
const DURATION: &str = "duration = \"10s\"\n";

/// What is said of a file that can't be loaded.
fn loading(path: &std::path::Path) -> String {
    match load(path.to_str().expect("temporary folders have plain names")) {
        Ok(source) => panic!("nothing is wrong with {}", source.name),
        Err(errors) => rendered(errors),
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let error = load("chat-room").unwrap_err();
    snapshot!("missing_file", rendered(error));
    assert!(loading(folder.path()).contains("is a folder, not a scenario file"));
    let latin = file("latin1.toml", b"format = 1\n# caf\xe9\n");
    let said = loading(&latin);
    assert!(said.contains("not UTF-8: line 2, at byte 16"), "{said}");
    let large = file("large.toml", &vec![b'#'; (1 << 20) + 1]);
    let said = loading(&large);
    assert!(said.contains("larger than 1 MiB"), "{said}");
    // Below a file there is nothing: an error other than "not found", for root too.
    let said = loading(&large.join("x.toml"));
    assert!(said.contains("can't read the scenario file"), "{said}");
}

#[test]
fn a_file_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.toml");
    std::fs::write(&path, "format = 1").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // Root reads everything.
        return;
    }
    let said = loading(&path);
    assert!(said.contains("can't read the scenario file"), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
}

#[test]
fn a_file_wins_over_a_builtin_and_a_builtin_is_found() {
    assert!(load("chat-rooms").unwrap().text.starts_with("# 1,000 people"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat-rooms");
    std::fs::write(&path, "format = 1").unwrap();
    assert_eq!(load(path.to_str().unwrap()).unwrap().text, "format = 1");
}

#[test]
fn a_program_gets_them_as_values_and_as_text() {
    let text = "format = 1\ntarget = { \"é\" = 1, sed = 7 }\n".to_owned();
    let errors = read(&Source { name: "a.toml".to_owned(), text }, &Overrides::default());
    let errors = errors.unwrap_err();
    let said = errors.to_string();
    assert!(
        said.contains("\na.toml:2:21: error: unknown key `sed` in `target`\n  help: "),
        "{said}"
    );
    let sed = errors.0.iter().find(|mistake| mistake.message.contains("`sed`")).unwrap();
    let place = sed.place.as_ref().unwrap();
    assert_eq!((place.span.clone(), place.line_and_column()), (32..35, (2, 21)));
    let said = load("chat-room").unwrap_err().to_string();
    let expected = "error: there is no file `chat-room`";
    assert!(said.starts_with(expected) && said.contains("\n  help: "), "{said}");
}

#[test]
fn several_at_once() {
    let text = r#"format = 1
name = "several"
sed = 7

[target]
builtin = "roms"
codec = "msgpak"
connect_timeout = 10

[rooms.lobby]
size = 20
count = 5

[[cohort]]
name = "people"
clients = 0
join = { rooms = "loby" }
publish = { rat = "1/s", size = "16B" }

[[cohort]]
name = "people"
clients = "many"
publish = { rate = "5", to = "lobby" }

[[phase]]
name = "steady"
duration = "10sec"
clients = "0% to 100%"

[[fault]]
at = "stead + 10s"
kind = "freeze"
clients = "130%"

[thresholds]
"delivery.p99" = "250ms"
"delivry.p99" = "< 250ms"
"lost" = "== none"
"#;
    snapshot!(complaint(text, &Overrides::default()));
}

#[test]
fn not_toml() {
    let both = "format = 2\nname = \"x\"\n\n[target\nbuiltin = \"rooms\"\nwhat = \n";
    let twice = "format = 1\nname = \"x\"\nname = \"y\"\n";
    snapshot!(format!(
        "{}{}{}",
        complaint(both, &Overrides::default()),
        complaint(twice, &Overrides::default()),
        complaint("<html>", &Overrides::default()),
    ));
}

/// Nothing is planned that would not fit into memory, or into no time at all.
#[test]
fn more_and_less_than_is_planned_for() {
    let many = least_with(&[
        ("size = 20", "size = 1"),
        ("clients = 10\n", "clients = 10000\n"),
        (r#"rooms = "lobby""#, r#"rooms = "lobby", per_client = 10000"#),
    ]);
    let scaled = Overrides { clients: Some(1_000_000), ..Overrides::default() };
    let phases = "\n[[phase]]\nname = \"steady\"\nduration = \"1s\"".repeat(1_001);
    let phases = least_with(&[("\n[[phase]]\nname = \"steady\"\nduration = \"10s\"\n", &phases)]);
    let short = least_with(&[(DURATION, "duration = \"999ns\"\n")]);
    let odd = least_with(&[(DURATION, "duration = \"1.0000005s\"\n")]);
    let none = Overrides::default();
    snapshot!(format!(
        "{}{}{}{}{}",
        complaint(&many, &none),
        complaint(&many.replace("clients = 10000\n", "clients = 10\n"), &scaled),
        complaint(&phases, &none),
        complaint(&short, &none),
        complaint(&odd, &none),
    ));
}

#[test]
fn an_empty_file() {
    snapshot!(complaint("", &Overrides::default()));
}

#[test]
fn keys() {
    snapshot!(complaints(&[
        ("unknown, near another", &[(RATE, r#"rat = "1/s""#)]),
        ("unknown, near none", &[(BUILTIN, "builtin = \"rooms\"\nzebra = 1")]),
        ("unknown at the top", &[("name = \"least\"", "name = \"least\"\nquestoin = \"\"")]),
        ("unknown in a rooms table", &[(SIZE, "size = 20\nmembers = 3")]),
        ("left out", &[("clients = 10\n", "")]),
        (
            "no phase, but a fault",
            &[(
                "[[phase]]\nname = \"steady\"\nduration = \"10s\"",
                "[[fault]]\nat = \"1s\"\nkind = \"reset\"\nclients = \"1%\""
            )]
        ),
        ("a misspelt table", &[("[[phase]]", "[[phases]]")]),
        ("single brackets", &[("[[phase]]", "[phase]")]),
        ("a format to come", &[("format = 1", "format = 2")]),
        ("a name with a space", &[("name = \"people\"", "name = \"my people\"")]),
    ]));
}

#[test]
fn values() {
    snapshot!(complaints(&[
        ("no unit, a number", &[(DURATION, "duration = 10\n")]),
        ("no unit, a string", &[(DURATION, "duration = \"10\"\n")]),
        ("unknown unit", &[(DURATION, "duration = \"10min\"\n")]),
        ("negative", &[(DURATION, "duration = \"-10s\"\n")]),
        ("a rate without a time", &[(RATE, r#"rate = "5""#)]),
        ("a rate of nothing", &[(RATE, r#"rate = "0/s""#)]),
        ("quoted number", &[("clients = 10", "clients = \"10\"")]),
        ("zero clients", &[("clients = 10", "clients = 0")]),
        ("too many clients", &[("clients = 10", "clients = 2000000")]),
        ("a size without a unit", &[(RATE, r#"rate = "1/s", size = 128"#)]),
        ("smaller than its stamp", &[(RATE, r#"rate = "1/s", size = "51B""#)]),
        ("16 MiB", &[(RATE, r#"rate = "1/s", size = "16MiB""#)]),
        (
            "sizes the wrong way round",
            &[(RATE, r#"rate = "1/s", size = { p50 = "2KiB", p99 = "1KiB" }"#,)]
        ),
        ("over 100 % binary", &[(RATE, r#"rate = "1/s", binary = "120%""#)]),
        ("unknown codec", &[(BUILTIN, "builtin = \"rooms\"\ncodec = \"jsno\"")]),
        ("a table where a string stands", &[(BUILTIN, "builtin = { rooms = 1 }")]),
        ("a date", &[("name = \"least\"", "name = 2026-01-01")]),
        ("past i64", &[("clients = 10", "clients = 99999999999999999999")]),
        ("not finite", &[(PUBLISH, "reconnect = { factor = inf }\npublish = { rate = \"1/s\" }")]),
    ]));
}

#[test]
fn targets() {
    let url = |url: &'static str| -> String { format!("url = \"{url}\"\nprotocol = \"rooms\"") };
    let urls: Vec<(String, String)> = [
        "http://chat.test/ws",
        "chat.test/ws",
        "localhost:8080/ws",
        "ws://",
        "ws://chat.test:99999/",
        "ws://chat.test:0/",
        "ws://me:secret@chat.test/",
        "ws://chat.test/#top",
        "wss://",
        "",
    ]
    .into_iter()
    .map(|text| (format!("url {text:?}"), url(text)))
    .collect();
    let mut said = String::new();
    for (title, to) in &urls {
        said += &complaints(&[(title, &[(BUILTIN, to)])]);
    }
    snapshot!("urls", said);
    snapshot!(complaints(&[
        ("no server", &[(BUILTIN, "")]),
        ("no target", &[("[target]\nbuiltin = \"rooms\"", "")]),
        ("no protocol", &[(BUILTIN, r#"url = "ws://chat.test/""#)]),
        (
            "an unknown mode says nothing of rooms",
            &[(BUILTIN, "builtin = \"ecoh\""), ("[rooms.lobby]\nsize = 20", ""), (JOIN, "")]
        ),
        ("both", &[(BUILTIN, "builtin = \"rooms\"\nurl = \"ws://chat.test/\"")]),
        ("builtin and protocol", &[(BUILTIN, "builtin = \"rooms\"\nprotocol = \"echo\"")]),
        ("a timeout of nothing", &[(BUILTIN, "builtin = \"rooms\"\njoin_timeout = \"0s\"")]),
        (
            "headers",
            &[(
                BUILTIN,
                "builtin = \"rooms\"\nheaders = { Upgrade = \"x\", \"a b\" = \"x\", X = \"a\\nb\", x = \"1\", Y = 1, y = \"2\", Y-y = \"3\" }",
            )]
        ),
        (
            "addresses",
            &[(BUILTIN, "builtin = \"rooms\"\nsource_addresses = [\"127.0.0.2\", \"300.1.1.1\"]")]
        ),
        (
            "hosts",
            &[(
                BUILTIN,
                "builtin = \"rooms\"\nallow_host = [\"ws://chat.test\", \"chat.test:80\", \"\"]"
            )]
        ),
    ]));
}

#[test]
fn rooms() {
    snapshot!(complaints(&[
        ("neither size nor count", &[(SIZE, "")]),
        ("two of them", &[(SIZE, "size = 20\ncount = 3")]),
        ("a size of nothing", &[(SIZE, "size = 0")]),
        ("no number", &[(SIZE, "size = 20\nname = \"lobby\"")]),
        ("unknown variable", &[(SIZE, "size = 20\nname = \"{{ n }}-{{ room }}\"")]),
        ("unclosed", &[(SIZE, "size = 20\nname = \"{{ n\"")]),
        ("a missing file", &[(SIZE, "names = \"no-such-rooms.txt\"")]),
        ("a file and a name", &[(SIZE, "names = \"no-such-rooms.txt\"\nname = \"{{ n }}\"")]),
        (
            "a taken word",
            &[("[rooms.lobby]", "[rooms.all]"), ("rooms = \"lobby\"", "rooms = \"all\"")]
        ),
        ("unused", &[("[rooms.lobby]", "[rooms.attic]\ncount = 1\n\n[rooms.lobby]")]),
        ("unknown set", &[("rooms = \"lobby\"", "rooms = \"loby\"")]),
        (
            "too few rooms",
            &[(JOIN, "join = { rooms = \"lobby\", per_client = 2 }"), (SIZE, "count = 1")]
        ),
        ("too small", &[(JOIN, "join = { rooms = \"lobby\", per_client = 2 }")]),
    ]));
}

#[test]
fn rooms_where_there_are_none() {
    for mode in ["echo", "broadcast", "feed"] {
        let to = format!("builtin = \"{mode}\"");
        snapshot!(mode, complaints(&[(mode, &[(BUILTIN, &to)])]));
    }
}

#[test]
fn files_of_room_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml").to_str().unwrap().to_owned();
    let text = super::least_with(&[(SIZE, "names = \"rooms.txt\"")]);
    let source = Source { name: path, text };
    let said = |names: &[u8]| {
        std::fs::write(folder.path().join("rooms.txt"), names).unwrap();
        read(&source, &Overrides::default()).map_err(rendered)
    };
    assert!(said(b"").unwrap_err().contains("names no room"));
    assert!(said(b"a\n\nb\na\n").unwrap_err().contains("names a room twice: lines 1 and 4"));
    assert!(said(b"\xff").unwrap_err().contains("can't read the room names"));
    let scenario = said(b"general\n\n  random \nhelp\n").unwrap();
    let names = ["general", "random", "help"].map(str::to_owned).to_vec();
    assert_eq!(scenario.room_sets[0].rooms, uproar::scenario::RoomCount::Names(names));
}

#[test]
fn cohorts() {
    let second = "[[cohort]]\nname = \"people\"\nclients = 1\n\n[[phase]]";
    snapshot!(complaints(&[
        ("two of one name", &[("[[phase]]", second)]),
        (
            "none",
            &[
                ("[[phase]]", "#"),
                ("name = \"steady\"\nduration = \"10s\"\n", ""),
                ("[[cohort]]", "cohort = []\n[[phase]]"),
                (
                    "clients = 10\njoin = { rooms = \"lobby\" }\npublish = { rate = \"1/s\" }",
                    "duration = \"1s\""
                )
            ]
        ),
        ("no rate", &[(PUBLISH, "publish = {}")]),
        ("two rates", &[(RATE, r#"rate = "1/s", total_rate = "2/s""#)]),
        ("think without in_flight", &[(RATE, r#"rate = "1/s", think = "1s""#)]),
        ("answer_within without in_flight", &[(RATE, r#"rate = "1/s", answer_within = "1s""#)]),
        ("no time to answer", &[(RATE, r#"in_flight = 1, answer_within = "0s""#)]),
        ("arrivals of a closed loop", &[(RATE, r#"in_flight = 1, arrivals = "constant""#)]),
        ("closed loop to all", &[(RATE, r#"in_flight = 1, to = "all""#)]),
        ("closed loop to a set", &[(RATE, r#"in_flight = 1, to = "lobby""#)]),
        ("to an unknown set", &[(RATE, r#"rate = "1/s", to = "lobbi""#)]),
        ("publishing without joining", &[(JOIN, "")]),
        ("exponent without zipf", &[(JOIN, "join = { rooms = \"lobby\", exponent = 1.5 }")]),
        ("zipf exponent", &[(JOIN, "join = { rooms = \"lobby\", pick = \"zipf\", exponent = 0 }")]),
        ("unknown pick", &[(JOIN, "join = { rooms = \"lobby\", pick = \"zipff\" }")]),
        (
            "reconnect",
            &[(
                JOIN,
                "join = { rooms = \"lobby\" }\nreconnect = { first = \"20s\", factor = 0.5, attempts = 0, jitter = \"ful\" }"
            )]
        ),
        ("reconnect is no word", &[(JOIN, "join = { rooms = \"lobby\" }\nreconnect = \"no\"")]),
        ("ws_ping", &[(JOIN, "join = { rooms = \"lobby\" }\nws_ping = { every = \"0s\" }")]),
        (
            "read",
            &[(JOIN, "join = { rooms = \"lobby\" }\nread = { rate = \"0/s\", buffer = \"1KiB\" }")]
        ),
        ("churn of nobody", &[(JOIN, "join = { rooms = \"lobby\" }\nchurn = {}")]),
        (
            "churn too fast",
            &[(JOIN, "join = { rooms = \"lobby\" }\nchurn = { connections = \"200%/s\" }")]
        ),
        (
            "churn of no rooms",
            &[
                (JOIN, "churn = { rooms = \"1%/min\" }"),
                (PUBLISH, ""),
                ("[rooms.lobby]\nsize = 20", "")
            ]
        ),
    ]));
}

#[test]
fn structured_messages_and_decoding() {
    let structured = |more: &str| format!("publish = {{ rate = \"1/s\", {more} }}");
    let echo = "builtin = \"echo\"\ndecode = true";
    snapshot!(complaints(&[
        ("an unknown body", &[(PUBLISH, &structured("body = \"jsno\""))]),
        ("too small", &[(PUBLISH, &structured("size = \"100B\", body = \"structured\""))],),
        (
            "a median that is too small",
            &[(
                PUBLISH,
                &structured("size = { p50 = \"127B\", p99 = \"1KiB\" }, body = \"structured\"",),
            )],
        ),
        (
            "with a binary share",
            &[(PUBLISH, &structured("binary = \"10%\", body = \"structured\""))],
        ),
        (
            "without rooms",
            &[
                (BUILTIN, echo),
                (JOIN, ""),
                ("[rooms.lobby]\nsize = 20\n", ""),
                (PUBLISH, &structured("body = \"structured\"")),
            ],
        ),
    ]));
    let fits = "size = { p50 = \"128B\", p99 = \"1KiB\" }, body = \"structured\"";
    let text = super::least_with(&[
        (PUBLISH, &structured(fits)),
        (BUILTIN, "builtin = \"rooms\"\ndecode = true"),
    ]);
    let scenario = super::reads(&text, &Overrides::default());
    assert!(scenario.target.decode);
    let publish = scenario.cohorts[0].publish.as_ref().unwrap();
    assert_eq!(publish.body, uproar::scenario::Body::Structured);
    assert!(!super::reads(super::LEAST, &Overrides::default()).target.decode);
}

#[test]
fn phases_and_faults() {
    let phase = |rest: &str| format!("{DURATION}{rest}");
    let cases: Vec<(&str, String)> = vec![
        ("no length", "duration = \"0s\"\n".to_owned()),
        ("too long", "duration = \"73h\"\n".to_owned()),
        ("over 100 % of the clients", phase("clients = \"150%\"")),
        ("over 100000 % of the rate", phase("rate = \"0% -> 100001%\"")),
        ("not a ramp", phase("clients = \"0% -> all\"")),
        ("steps of no ramp", phase("steps = 10")),
        ("nothing measured", phase("measure = false")),
        ("two of one name", phase("[[phase]]\nname = \"steady\"\nduration = \"1s\"")),
        (
            "after the end",
            phase("[[fault]]\nat = \"steady + 10s\"\nkind = \"reset\"\nclients = \"1%\""),
        ),
        (
            "unknown phase",
            phase("[[fault]]\nat = \"spike + 10s\"\nkind = \"reset\"\nclients = \"1%\""),
        ),
        (
            "before a phase",
            phase("[[fault]]\nat = \"steady - 10s\"\nkind = \"reset\"\nclients = \"1%\""),
        ),
        (
            "an offset without a unit",
            phase("[[fault]]\nat = \"steady + 1\"\nkind = \"reset\"\nclients = \"1%\""),
        ),
        (
            "a moment without a unit",
            phase("[[fault]]\nat = \"1\"\nkind = \"reset\"\nclients = \"1%\""),
        ),
        ("unknown kind", phase("[[fault]]\nat = \"1s\"\nkind = \"rest\"\nclients = \"1%\"")),
        (
            "a reset has no code",
            phase("[[fault]]\nat = \"1s\"\nkind = \"reset\"\ncode = 1000\nclients = \"1%\""),
        ),
        (
            "not a client's code",
            phase("[[fault]]\nat = \"1s\"\nkind = \"close\"\ncode = 1001\nclients = \"1%\""),
        ),
        ("nobody", phase("[[fault]]\nat = \"1s\"\nkind = \"close\"\nclients = \"0%\"")),
        ("of whom", phase("[[fault]]\nat = \"1s\"\nkind = \"half-open\"")),
        ("for how long", phase("[[fault]]\nat = \"1s\"\nkind = \"stall\"\nclients = \"1%\"")),
        ("no length", phase("[[fault]]\nat = \"1s\"\nkind = \"freeze\"\nduration = \"0s\"")),
        (
            "keys of other kinds",
            phase(
                "[[fault]]\nat = \"1s\"\nkind = \"restart\"\ncode = 4000\nclients = \"1%\"\n\
                 [[fault]]\nat = \"5s\"\nkind = \"reset\"\nduration = \"1s\"\nclients = \"1%\"",
            ),
        ),
        ("a mark of what", phase("[[fault]]\nat = \"1s\"\nkind = \"mark\"")),
        ("no label", phase("[[fault]]\nat = \"1s\"\nkind = \"mark\"\nlabel = \" \"")),
        (
            "the server is not back yet",
            phase(
                "[[fault]]\nat = \"3s\"\nkind = \"freeze\"\nduration = \"1s\"\n\
                 [[fault]]\nat = \"1s\"\nkind = \"restart\"\nduration = \"2s\"",
            ),
        ),
        (
            "after it was killed for good",
            phase(
                "[[fault]]\nat = \"1s\"\nkind = \"kill\"\n\
                 [[fault]]\nat = \"9s\"\nkind = \"freeze\"\nduration = \"500ms\"",
            ),
        ),
    ];
    let mut said: String =
        cases.iter().map(|(title, to)| complaints(&[(title, &[(DURATION, to)])])).collect();
    let freeze = phase("[[fault]]\nat = \"1s\"\nkind = \"freeze\"\nduration = \"1s\"");
    let url = "url = \"ws://chat.test/\"\nprotocol = \"rooms\"";
    said += &complaints(&[("not our server", &[(DURATION, &freeze), (BUILTIN, url)])]);
    snapshot!(said);
}

#[test]
fn thresholds() {
    let said: String = [
        (r#""delivery.p99""#, r#""250ms""#),
        (r#""delivery.p99""#, r#""= 250ms""#),
        (r#""delivery.p99""#, r#""< 250""#),
        (r#""delivery.p99""#, r#""< 250ms, maybe""#),
        (r#""delivery.p99""#, r#""<""#),
        (r#""delivery.p99""#, "250"),
        (r#""delivery.p99""#, r#"{ abort_after = "5s" }"#),
        (r#""delivery.p99""#, r#"{ is = "< 1s", abort_afer = "5s" }"#),
        (r#""delivery.p99""#, r#"{ is = "< 1s", abort_after = "0s" }"#),
        (r#""delivery""#, r#""< 250ms""#),
        (r#""delivery.p100""#, r#""< 250ms""#),
        (r#""delivery.avg""#, r#""< 250ms""#),
        (r#""delivry.p99""#, r#""< 250ms""#),
        (r#""lots""#, r#""== 0""#),
        (r#""lost.p99""#, r#""== 0""#),
        (r#""lost""#, r#""< 1ms""#),
        (r#""lost""#, r#""== 0, if any""#),
        (r#""cohort.people""#, r#""== 0""#),
        (r#""cohort.poeple.lost""#, r#""== 0""#),
        (r#""cohort.people.errors""#, r#""== 0""#),
        (r#""phase.steady.lost""#, r#""== 0""#),
        (r#""phase.stedy.delivery.p99""#, r#""< 1s""#),
        (r#""recovery.to_90""#, r#""< 1s""#),
        (r#""recovery.to_99""#, r#""< 10""#),
        (r#""lost.share""#, r#""< 1""#),
        (r#""lost.share""#, r#""< 0%""#),
        (r#""lost.share""#, r#""<= 100%""#),
        (r#""lost""#, r#""< 0""#),
        (r#""lost""#, r#"">= 0""#),
        (r#""delivery.p99""#, r#""< 2h""#),
        (r#""delivery.min""#, r#""== 0ms""#),
        (r#""delivered.rate""#, r#""> 100""#),
        (r#""delivered.rate""#, r#""> 1/s, if any""#),
        (r#""publishes.not_sent.share""#, r#""< 1%""#),
        (r#""errors.share""#, r#""< 1%""#),
        (r#""phase.steady.lost.share""#, r#""< 1%""#),
        (r#""delivery.p99""#, r#""off""#),
        (r#""cohort.people.lost""#, r#""off""#),
        (r#""lost""#, r#"{ is = "off", abort_after = "5s" }"#),
        (r#""phase.steady.recovery.to_99""#, r#""< 10s""#),
        (r#""phase.steady.cohort.people.delivery.p99""#, r#""< 1s""#),
        (r#""phase.steady.connect_lookup.max""#, r#""< 1s""#),
        (r#""cohort.people.connect_lookup.max""#, r#""< 1s""#),
    ]
    .iter()
    .map(|(key, condition)| {
        let to = format!("{DURATION}\n[thresholds]\n{key} = {condition}");
        complaints(&[(key, &[(DURATION, &to)])])
    })
    .collect();
    snapshot!(said);
    let twice =
        format!("{DURATION}\n[thresholds]\n\"delivery.p99\" = \"< 1s\"\ndelivery.p99 = \"< 2s\"");
    snapshot!("thresholds_twice", complaints(&[("twice", &[(DURATION, &twice)])]));
}

#[test]
fn not_supported_yet() {
    let said = complaints(&[(
        "compression",
        &[("builtin = \"rooms\"", "builtin = \"rooms\"\ncompression = true")],
    )]);
    assert!(!said.contains("unknown"), "{said}");
    snapshot!(said);
}

#[test]
fn baselines() {
    let baseline = |text: &str| format!("name = \"least\"\n{text}\n");
    let mut said = String::new();
    for (title, text) in [
        ("no figure", "baseline = { \"delivry.p99\" = \"10%\" }"),
        ("more is no worse", "baseline = { delivered = \"10%\" }"),
        ("no tolerance", "baseline = { \"delivery.p99\" = \"10\" }"),
        ("a number of a time", "baseline = { \"delivery.p99\" = \"10%, 2\" }"),
        ("an unknown cohort", "baseline = { \"cohort.poeple.delivery.p99\" = \"10%, 2ms\" }"),
        ("an unknown phase", "baseline = { \"phase.spike.delivery.p99\" = \"10%, 2ms\" }"),
    ] {
        said += &complaints(&[(title, &[("name = \"least\"\n", &baseline(text))])]);
    }
    snapshot!(said);
}

#[test]
fn a_page_of_mistakes_is_cut() {
    let mut text = super::LEAST.to_owned();
    for n in 0..150 {
        text.push_str(&format!("key{n} = 1\n"));
    }
    let said = complaint(&text, &Overrides::default());
    assert_eq!(said.matches("unknown key").count(), 2 * 100);
    assert!(said.contains("50 more mistakes are not shown"));
}

/// No scenario is a template: what looks like one would reach the server in its braces.
#[test]
fn what_would_be_sent_as_it_stands_is_a_mistake() {
    let said = |target: &str, overrides: &Overrides| {
        let text = format!(
            "format = 1\nname = \"x\"\n[target]\n{target}\n[rooms.lobby]\ncount = 2\n[[cohort]]\n\
             name = \"people\"\nclients = 2\njoin = {{ rooms = \"lobby\" }}\n\
             publish = {{ rate = \"1/s\" }}\n[[phase]]\nname = \"p\"\nduration = \"1s\"\n"
        );
        let source = Source { name: "x.toml".to_owned(), text };
        read(&source, overrides).err().map(rendered).unwrap_or_default()
    };
    let none = Overrides::default();
    let plain = "protocol = \"plain\"";
    let url = "url = \"ws://127.0.0.1/\"";
    for (target, words) in [
        (
            format!("url = \"ws://127.0.0.1/?user={{{{ user.name }}}}\"\n{plain}"),
            "a URL of a scenario is no template",
        ),
        (
            format!("{url}\n{plain}\nheaders = {{ Cookie = \"sid={{{{ client }}}}\" }}"),
            "the header `Cookie` of a scenario is no template",
        ),
        (
            format!("{url}\n{plain}\nparams = {{ prefix = \"/{{{{ run }}}}\" }}"),
            "the param `prefix` is plain text, and no template",
        ),
        (
            format!("url = \"ws://127.0.0.1/ws\"\n{plain}"),
            "the path `/ws` takes the place of `plain`'s, which names the room",
        ),
    ] {
        let told = said(&target, &none);
        assert!(told.contains(words), "{target}:\n{told}");
    }
    assert_eq!(said(&format!("{url}\n{plain}"), &none), "");
    assert_eq!(said(&format!("{url}\n{plain}\nparams = {{ prefix = \"/ws\" }}"), &none), "");
    let flag = Overrides { url: Some("ws://127.0.0.1:9/ws".to_owned()), ..Overrides::default() };
    let told = said(&format!("{url}\n{plain}"), &flag);
    assert!(told.contains("--param prefix=/ws"), "{told}");
}
