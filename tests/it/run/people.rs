//! What people do and say: actions beside messages, text with markup and quotes in it, and events
//! that a server pushes under a key.

use uproar::measure::ExampleOf;
use uproar::report::Report;

use super::hall::{Event, Hall, Server};
use super::support::{folder_with, read_report, say};

/// Rooms by name, messages as JSON, and a tick that a client asks for.
const PROTOCOL: &str = r#"format = 1
name = "hall"
[join]
send = '{"join":"{{ room | json }}"}'
expect = { json = { "/joined" = "{{ room }}" } }
[publish]
send = '{"to":"{{ room | json }}","body":"{{ payload | json }}"}'
max_size = "400B"
[[action]]
name = "typing"
send = '{"typing":"{{ room | json }}"}'
[[ignore]]
name = "typing"
when = { json = { "/typing" = true } }
"#;

const SCENARIO: &str = r#"format = 1
name = "people"
[target]
url = "ws://127.0.0.1/"
protocol = "./hall.toml"
[rooms.lobby]
count = 2
[[cohort]]
name = "people"
clients = 6
join = { rooms = "lobby" }
publish = { rate = "10/s" }
[[phase]]
name = "gather"
duration = "1s"
clients = "0% -> 100%"
rate = "0%"
[[phase]]
name = "talk"
duration = "2s"
"#;

/// Relays what is said, and answers typing to whoever types.
fn polite(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, str::to_owned);
}

/// As one that thinks of browsers.
fn encoding(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |body| body.replace('&', "&amp;").replace('<', "&lt;"));
}

/// As one that keeps its rows short.
fn trimming(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |body| body.trim().to_owned());
}

fn relay(hall: &mut Hall, client: u64, event: Event<'_>, written: fn(&str) -> String) {
    let Event::Said(text) = event else { return };
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(room) = json["join"].as_str() {
        hall.join(client, room);
        hall.say(client, format!(r#"{{"joined":"{room}"}}"#));
    } else if json["typing"].is_string() {
        hall.say(client, r#"{"typing":true}"#);
    } else if let (Some(room), Some(body)) = (json["to"].as_str(), json["body"].as_str()) {
        let body = serde_json::to_string(&written(body)).unwrap();
        for member in hall.members(room) {
            hall.say(member, format!(r#"{{"body":{body}}}"#));
        }
    }
}

fn run(manners: super::hall::Manners, scenario: &str) -> Report {
    let server = Server::start(manners);
    let folder = folder_with(scenario);
    std::fs::write(folder.path().join("hall.toml"), PROTOCOL).unwrap();
    std::fs::write(
        folder.path().join("texts.txt"),
        "Hi!\n\n \"So?\" {{ payload }} <3\n🎉 & \\o/ \n",
    )
    .unwrap();
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let target = ["--set", &format!("target.url={}", server.url())];
    let said = say(folder.path(), &[&fixed[..], &target[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    read_report(&folder.path().join("out"))
}

fn saying(text: &str) -> String {
    SCENARIO.replace("rate = \"10/s\" }", &format!("rate = \"10/s\", {text} }}"))
}

#[test]
fn actions_are_said_in_rooms_and_counted_but_not_timed() {
    let types = "publish = { rate = \"10/s\" }\nactions = { typing = \"20/s\" }";
    let report = run(polite, &SCENARIO.replace("publish = { rate = \"10/s\" }", types));
    let actions = report.actions.unwrap();
    // 6 clients for 2 s at 20/s, at random.
    assert!((150..350).contains(&(actions.sent + actions.not_sent)), "{actions:?}");
    assert!(actions.sent > actions.not_sent * 10, "{actions:?}");
    assert_eq!(report.frames.ignored, actions.sent, "the server answers each");
    assert_eq!(report.deliveries.expected, Some(report.deliveries.delivered));
    assert_eq!(report.deliveries.delivered, report.publishes.sent * 3);
    assert!(run(polite, SCENARIO).actions.is_none());
}

#[test]
fn text_of_people_is_compared_where_it_arrives() {
    let texts = [r#"text = " Tom & \"Jerry\" <3 {{ payload }} 🎉 ""#, r#"lines = "texts.txt""#];
    for text in texts {
        let scenario = saying(text);
        let whole = run(polite, &scenario);
        assert!(whole.deliveries.delivered > 100, "{:?}", whole.deliveries);
        assert_eq!(whole.deliveries.corrupted, Some(0), "{text}");
        assert_eq!(whole.deliveries.lost, Some(0), "{text}");

        for manners in [encoding, trimming] {
            let changed = run(manners, &scenario);
            let deliveries = changed.deliveries;
            assert_eq!(deliveries.lost, Some(0), "it arrived, though not whole: {text}");
            // Of the lines some have nothing that this server changes.
            let corrupted = deliveries.corrupted.unwrap();
            let some = deliveries.delivered / 4..=deliveries.delivered;
            assert!(some.contains(&corrupted), "{text}: {deliveries:?}");
            if text.starts_with("text") {
                assert_eq!(corrupted, deliveries.delivered, "{text}");
            }
            assert!(
                changed.examples.iter().any(|of| of.of == ExampleOf::Corrupted),
                "{:?}",
                changed.examples
            );
        }
    }
    // Nothing but uproar's own letters: what the server does to others' words does not show.
    assert_eq!(run(encoding, SCENARIO).deliveries.corrupted, Some(0));
}

#[test]
fn try_says_a_word_that_servers_change() {
    let folder = folder_with("");
    std::fs::write(folder.path().join("hall.toml"), PROTOCOL).unwrap();
    let tried = |manners| {
        let server = Server::start(manners);
        say(folder.path(), &["try", "--url", &server.url(), "--protocol", "hall.toml"])
    };
    let polite = tried(polite);
    assert_eq!(polite.code, Some(0), "{}", polite.all());
    let encoding = tried(encoding);
    assert_eq!(encoding.code, Some(1), "{}", encoding.all());
    for words in ["payloads arrived changed", "Tom & ", "Tom &amp; ", "changed"] {
        assert!(encoding.stdout.contains(words), "{words}: {}", encoding.all());
    }
}

/// Says who ticks, to everyone, under a number that is each time another.
fn ticking(hall: &mut Hall, client: u64, event: Event<'_>) {
    match event {
        Event::Connected => hall.join(client, "all"),
        Event::Said(_) => {
            hall.count += 1;
            for member in hall.members("all") {
                hall.say(member, format!(r#"{{"id":"n{}"}}"#, hall.count));
            }
        }
        Event::Gone => {}
    }
}

#[test]
fn events_with_a_key_have_a_spread_though_nobody_stamps_them() {
    const FEED: &str = r#"format = 1
name = "ticks"
[delivery]
key = "/id"
[heartbeat]
from = "client"
send = "tick"
every = "100ms"
"#;
    let server = Server::start(ticking);
    let folder = folder_with(
        r#"format = 1
name = "ticks"
[target]
url = "ws://127.0.0.1/"
protocol = "./ticks.toml"
[[cohort]]
name = "people"
clients = 4
[[phase]]
name = "listen"
duration = "2s"
"#,
    );
    std::fs::write(folder.path().join("ticks.toml"), FEED).unwrap();
    let url = format!("target.url={}", server.url());
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&fixed[..], &["--set", &url]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    let spread = &report.latency[&uproar::metric::Metric::Spread];
    // Four tick ten times a second, and each hears all four's: an event has one spread.
    assert!((40..90).contains(&spread.count), "{}", spread.count);
    let pushes = report.frames.push;
    assert!(pushes > spread.count * 3 && pushes <= spread.count * 4 + 16, "{pushes}");
}
