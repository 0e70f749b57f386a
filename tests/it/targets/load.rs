//! uproar against a real server, as its users run it: first undisturbed, then with the server killed
//! and started again in the middle.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use uproar::metric::Metric;
use uproar::report::Report;

use super::target::Target;

/// Far more than any run here takes.
const DEADLINE: Duration = Duration::from_secs(180);
/// In 10 rooms.
const CLIENTS: u64 = 100;

/// How a server is spoken to.
pub(super) struct Speech<'a> {
    /// A name from `uproar protocols`.
    pub(super) protocol: &'a str,
    pub(super) url: String,
    /// `name=value`.
    pub(super) params: &'a [&'a str],
    /// Who hears a message, of a room's 10 members.
    pub(super) recipients: u64,
    /// Whether the server confirms what is published.
    pub(super) acknowledges: bool,
    /// Longest time the server takes to come back, in seconds.
    pub(super) back_s: u64,
}

impl<'a> Speech<'a> {
    pub(super) fn of(protocol: &'a str, url: String) -> Self {
        let (params, recipients, acknowledges, back_s) = (&[][..], 10, false, 2);
        Self { protocol, url, params, recipients, acknowledges, back_s }
    }
}

/// 100 clients in 10 rooms, each says something each second.
fn scenario(phases: &str) -> String {
    format!(
        r#"
        format = 1
        name = "target"
        seed = 5
        [target]
        builtin = "rooms"
        drain_timeout = "10s"
        [rooms.lobby]
        count = 10
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "1/s", arrivals = "constant", size = "128B" }}
        reconnect = {{ first = "300ms", max = "1s", attempts = 200 }}
        [[phase]]
        name = "gather"
        duration = "2s"
        clients = "0% -> 100%"
        rate = "0%"
        measure = false
        [[phase]]
        name = "settle"
        duration = "1s"
        rate = "0%"
        measure = false
        {phases}
        "#
    )
}

/// Everything is heard by everyone it is for, once and in order; and after the server was killed and
/// started again, everyone is back and the report has the outage.
pub(super) async fn hears_everything_and_comes_back(target: &mut Target, speech: &Speech<'_>) {
    let steady = "[[phase]]\nname = \"steady\"\nduration = \"10s\"";
    let report = run(&scenario(steady), speech, None::<fn()>).await;
    let Report { publishes, deliveries, clients, errors, .. } = &report;
    let told = format!("{publishes:?} {deliveries:?} {clients:?} {errors:?}");
    assert_eq!(clients.joined, CLIENTS, "{told}");
    assert_eq!((publishes.due, publishes.not_sent), (CLIENTS * 10, 0), "{told}");
    assert_eq!(deliveries.expected, Some(CLIENTS * 10 * speech.recipients), "{told}");
    assert_eq!(Some(deliveries.delivered), deliveries.expected, "{told}");
    let odd = [
        deliveries.lost,
        deliveries.duplicated,
        deliveries.reordered,
        deliveries.corrupted,
        deliveries.uncertain,
        deliveries.joining,
        deliveries.cut_off,
        deliveries.unexpected,
        deliveries.replayed,
        deliveries.foreign,
    ];
    assert_eq!(odd, [Some(0); 10], "{told}");
    let acked = speech.acknowledges.then_some(publishes.sent);
    assert_eq!((publishes.acked, publishes.unacked), (acked, acked.map(|_| 0)), "{told}");
    assert!(errors.is_empty(), "{told}");

    let after_s = speech.back_s + 6;
    let outage = format!(
        "[[phase]]\nname = \"before\"\nduration = \"4s\"\n\
         [[phase]]\nname = \"after\"\nduration = \"{after_s}s\""
    );
    // The first line of progress that comes with all clients up.
    let strike = || {
        target.kill();
        target.start_again();
    };
    let report = run(&scenario(&outage), speech, Some(strike)).await;
    let told = format!("{:?} {:?} {:?}", report.faults, report.connections, report.errors);
    let [fault] = &report.faults[..] else { panic!("not one outage: {told}") };
    assert_eq!((fault.hit, fault.back), (CLIENTS, CLIENTS), "{told}");
    assert!(fault.to_all_s.is_some(), "{told}");
    assert_eq!(report.clients.at_end, CLIENTS, "{told}");
    assert_eq!(report.connections.lost, CLIENTS, "{told}");
    assert_eq!(report.connections.reconnected, CLIENTS, "{told}");
}

/// Some lose their connection, and what they miss meanwhile they hear on their return: nothing is
/// lost, nothing missed, and every message is accounted for.
pub(super) async fn replays_on_return(speech: &Speech<'_>) {
    let phases = "[[phase]]\nname = \"steady\"\nduration = \"10s\"\n\
                  [[fault]]\nat = \"steady + 4s\"\nkind = \"reset\"\nclients = \"30%\"";
    // Away for long enough to miss something: each of ten says something each second.
    let scenario = scenario(phases).replace(
        "first = \"300ms\", max = \"1s\"",
        "first = \"1s\", max = \"1s\", jitter = \"none\"",
    );
    let report = run(&scenario, speech, None::<fn()>).await;
    let Report { publishes, deliveries, clients, errors, .. } = &report;
    let told = format!("{publishes:?} {deliveries:?} {clients:?} {errors:?}");
    let [fault] = &report.faults[..] else { panic!("not one fault: {told}") };
    assert_eq!((fault.hit, fault.back), (CLIENTS * 3 / 10, CLIENTS * 3 / 10), "{told}");
    let [lost, missed, replayed, uncertain, joining] = [
        deliveries.lost,
        deliveries.missed_away,
        deliveries.replayed,
        deliveries.uncertain,
        deliveries.joining,
    ]
    .map(|count| count.unwrap_or(u64::MAX));
    assert_eq!((lost, missed), (0, 0), "{told}");
    // 30 were away for a second, in which the others of their room each said something.
    assert!((100..=400).contains(&replayed), "{told}");
    let all = publishes.sent * speech.recipients;
    assert_eq!(deliveries.delivered + replayed + uncertain + joining, all, "{told}");
    let replay = &report.latency[&Metric::Replay];
    assert_eq!(replay.count, replayed, "{told}");
    assert_eq!(deliveries.duplicated, Some(0), "{told}");
}

/// Runs the binary; calls `once` when it has told for the first time that everyone is up.
async fn run(scenario: &str, speech: &Speech<'_>, mut once: Option<impl FnOnce()>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("target.toml");
    std::fs::write(&file, scenario).unwrap();
    let out = folder.path().join("out");
    let params = speech.params.iter().flat_map(|param| ["--param", param]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_uproar"))
        .arg("run")
        .arg(&file)
        .args(["--url", &speech.url, "--protocol", speech.protocol, "--workers", "2", "--out"])
        .arg(&out)
        .args(params)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let followed = async {
        while let Some(line) = progress.next_line().await.unwrap() {
            said.push_str(&line);
            said.push('\n');
            if line.contains(&format!("{CLIENTS}/{CLIENTS} clients"))
                && let Some(once) = once.take()
            {
                once();
            }
        }
        child.wait_with_output().await.unwrap()
    };
    let output = tokio::time::timeout(DEADLINE, followed).await.expect("the run ends");
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    println!("{said}");
    assert!(once.is_none(), "nobody told that everyone was up:\n{said}");
    report(&out, &said)
}

fn report(out: &Path, said: &str) -> Report {
    let json = std::fs::read_to_string(out.join("report.json"))
        .unwrap_or_else(|error| panic!("no report ({error}):\n{said}"));
    uproar::report::json::from_json(&json).unwrap()
}
