//! Protocol files through the binary: listed, printed, checked, and spoken.

use uproar::report::VerdictState;

use super::support::{folder_with, read_report, say};

/// What uproar's own rooms look like, told as a stranger would.
const TWIN: &str = r#"format = 1
name = "twin"
subprotocols = ["uproar.json"]

[join]
send = '{"type":"Join","room":"{{ room | json }}","username":"{{ user.name | json }}"}'
expect = { json = { "/type" = "Joined", "/room" = "{{ room }}" } }

[leave]
send = '{"type":"Leave","room":"{{ room | json }}"}'
expect = { json = { "/type" = "Left", "/room" = "{{ room }}" } }

[publish]
send = '{"type":"Message","room":"{{ room | json }}","content":"{{ payload | json }}"}'
"#;

/// Half of the people speak uproar's own protocol and half its description, in the same rooms.
const MIXED: &str = r#"format = 1
name = "mixed"
[target]
builtin = "rooms"
[rooms.lobby]
count = 3
[[cohort]]
name = "own"
clients = 6
join = { rooms = "lobby" }
publish = { rate = "5/s" }
[[cohort]]
name = "described"
clients = 6
protocol = "./twin.toml"
data = "users.csv"
join = { rooms = "lobby" }
publish = { rate = "5/s" }
[[phase]]
name = "up"
duration = "1s"
rate = "0%"
[[phase]]
name = "talk"
duration = "2s"
"#;

#[test]
fn a_described_protocol_is_heard_by_those_who_speak_it_as_their_own() {
    let folder = folder_with(MIXED);
    std::fs::write(folder.path().join("twin.toml"), TWIN).unwrap();
    std::fs::write(folder.path().join("users.csv"), "name\nann\nb\"ob\n").unwrap();
    let arguments = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &arguments);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    assert_ne!(report.verdict.state, VerdictState::Failed, "{}", said.all());
    let deliveries = report.deliveries;
    assert!(deliveries.delivered > 0, "{}", said.all());
    assert_eq!(deliveries.expected, Some(deliveries.delivered), "{}", said.all());
    assert_eq!((report.frames.unmatched, report.frames.error), (0, 0), "{}", said.all());
    // Four in each room, and each hears all of them.
    assert_eq!(deliveries.delivered, report.publishes.sent * 4, "{}", said.all());
    for cohort in &report.cohorts {
        assert_eq!(cohort.clients, 6, "{}", cohort.name);
        assert_eq!(cohort.deliveries.lost, Some(0), "{}", cohort.name);
    }
}

#[test]
fn every_listed_protocol_with_a_file_prints_one_that_checks() {
    let folder = folder_with("");
    let listed = say(folder.path(), &["protocols"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let mut files = 0;
    for line in listed.stdout.lines() {
        let (name, verified) = line.split_once(' ').unwrap();
        assert!(!verified.trim().is_empty(), "{line}");
        let printed = say(folder.path(), &["protocols", name]);
        if printed.code == Some(2) {
            assert!(printed.stderr.contains("has no file"), "{}", printed.all());
            continue;
        }
        files += 1;
        std::fs::write(folder.path().join("mine.toml"), &printed.stdout).unwrap();
        let checked = say(folder.path(), &["check", "mine.toml"]);
        let expected = "no mistakes found in the protocol mine.toml\n";
        assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), expected));
        assert_eq!(checked.stderr, "", "a start has nothing to warn of");
    }
    assert!(files > 1, "{}", listed.stdout);
    let unknown = say(folder.path(), &["protocols", "plian"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("there is no built-in protocol `plian`"), "{}", unknown.stderr);
}

#[test]
fn a_mistake_in_a_protocol_file_is_exit_code_2_and_a_warning_is_not() {
    let folder = folder_with("");
    let file = folder.path().join("twin.toml");
    std::fs::write(&file, TWIN.replace("{{ payload | json }}", "{{ payload }}")).unwrap();
    let warned = say(folder.path(), &["check", "twin.toml"]);
    assert_eq!(warned.code, Some(0), "{}", warned.all());
    assert!(warned.stderr.contains("nothing escapes it"), "{}", warned.stderr);
    std::fs::write(&file, TWIN.replace("{{ payload | json }}", "{{ payloda }}")).unwrap();
    let refused = say(folder.path(), &["check", "twin.toml"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{}", refused.all());
}

#[test]
fn an_unset_environment_variable_is_a_warning_to_check_and_refuses_to_run() {
    let folder = folder_with(MIXED);
    let file = folder.path().join("twin.toml");
    let secret = TWIN.replace("{{ user.name | json }}", "{{ env.UPROAR_TEST_UNSET | json }}");
    std::fs::write(file, secret).unwrap();
    std::fs::write(folder.path().join("users.csv"), "name\nann\n").unwrap();
    let checked = say(folder.path(), &["check", "scenario.toml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.all());
    assert!(checked.stderr.contains("`UPROAR_TEST_UNSET` is not set"), "{}", checked.stderr);
    let ran = say(folder.path(), &["run", "scenario.toml", "--quiet", "--out", "out"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.all());
    assert!(ran.stderr.contains("`UPROAR_TEST_UNSET` is not set"), "{}", ran.stderr);
    assert!(!folder.path().join("out").exists(), "nothing was begun");
}

#[test]
fn a_param_without_a_value_is_refused() {
    let folder = folder_with("");
    let said = say(folder.path(), &["plan", "chat-rooms", "--param", "event"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("--param event: no `=`"), "{}", said.stderr);
}
