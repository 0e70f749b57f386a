//! uproar against a real server, as its users run it: first undisturbed, then with the server killed
//! and started again in the middle.
//!
//! What is held here are counts, so that a run is as long as it takes to see them: some seconds of
//! talk, and after an outage until everyone is back.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use uproar::metric::Metric;
use uproar::report::Report;

use super::target::Target;

/// Far more than any run here takes.
const DEADLINE: Duration = Duration::from_secs(180);
/// In 10 rooms.
const CLIENTS: u64 = 100;
/// For how long each says something each second, in seconds.
const STEADY_S: u64 = 3;

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
}

impl<'a> Speech<'a> {
    pub(super) fn of(protocol: &'a str, url: String) -> Self {
        let (params, recipients, acknowledges) = (&[][..], 10, false);
        Self { protocol, url, params, recipients, acknowledges }
    }
}

/// Nobody speaks before everyone has joined, however busy the machine: a server's first clients may
/// take seconds.
const SETTLE: &str =
    "[[phase]]\nname = \"settle\"\nduration = \"4s\"\nrate = \"0%\"\nmeasure = false";

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
        duration = "1s"
        clients = "0% -> 100%"
        rate = "0%"
        measure = false
        {phases}
        "#
    )
}

/// Everything is heard by everyone it is for, once and in order; and after the server was killed and
/// started again, everyone is back and the report has the outage.
pub(super) async fn hears_everything_and_comes_back(target: &mut Target, speech: &Speech<'_>) {
    hears_everything(speech).await;
    comes_back(target, speech).await;
}

async fn hears_everything(speech: &Speech<'_>) {
    let steady = format!("{SETTLE}\n[[phase]]\nname = \"steady\"\nduration = \"{STEADY_S}s\"");
    let report = run(&scenario(&steady), speech).await;
    let Report { publishes, deliveries, clients, errors, .. } = &report;
    let told = format!("{publishes:?} {deliveries:?} {clients:?} {errors:?}");
    assert_eq!(clients.joined, CLIENTS, "{told}");
    assert_eq!((publishes.due, publishes.not_sent), (CLIENTS * STEADY_S, 0), "{told}");
    assert_eq!(deliveries.expected, Some(CLIENTS * STEADY_S * speech.recipients), "{told}");
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
}

async fn comes_back(target: &mut Target, speech: &Speech<'_>) {
    let long = "[[phase]]\nname = \"steady\"\nduration = \"10m\"";
    let report = run_until_back(&scenario(long), speech, target).await;
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
    let phases = format!(
        "{SETTLE}\n[[phase]]\nname = \"steady\"\nduration = \"5s\"\n\
         [[fault]]\nat = \"steady + 2s\"\nkind = \"reset\"\nclients = \"30%\""
    );
    // Away for long enough to miss something: each of ten says something each second.
    let scenario = scenario(&phases).replace(
        "first = \"300ms\", max = \"1s\"",
        "first = \"1s\", max = \"1s\", jitter = \"none\"",
    );
    let report = run(&scenario, speech).await;
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

/// Runs the binary to its end.
async fn run(scenario: &str, speech: &Speech<'_>) -> Report {
    Run::start(scenario, speech).report().await
}

/// Takes the server away once everyone is up, and ends the run when everyone is back.
async fn run_until_back(scenario: &str, speech: &Speech<'_>, target: &mut Target) -> Report {
    let mut run = Run::start(scenario, speech);
    let metrics = run.told("metrics: http://").await;
    let address = metrics.trim_end_matches("/metrics").to_owned();
    figures(&address, |of| of("clients_up") == CLIENTS).await;
    target.kill();
    target.start_again();
    let back = |of: &dyn Fn(&str) -> u64| {
        of("connections_reconnected_total") == CLIENTS && of("clients_up") == CLIENTS
    };
    figures(&address, back).await;
    run.interrupt();
    run.report().await
}

/// The binary at work.
struct Run {
    child: Child,
    progress: Lines<BufReader<ChildStderr>>,
    said: String,
    folder: TempDir,
}

impl Run {
    fn start(scenario: &str, speech: &Speech<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("target.toml");
        std::fs::write(&file, scenario).unwrap();
        let params = speech.params.iter().flat_map(|param| ["--param", param]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_uproar"))
            .arg("run")
            .arg(&file)
            .args(["--url", &speech.url, "--protocol", speech.protocol, "--workers", "2"])
            .args(["--metrics", "127.0.0.1:0", "--out"])
            .arg(folder.path().join("out"))
            .args(params)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let progress = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, progress, said: String::new(), folder }
    }

    /// What stands behind this on a line of its stderr, which it is yet to say.
    async fn told(&mut self, start: &str) -> String {
        while let Some(line) = self.progress.next_line().await.unwrap() {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
            self.said.push_str(&line);
            self.said.push('\n');
        }
        panic!("{start:?} never came:\n{}", self.said);
    }

    /// As Ctrl-C does: it drains, and reports.
    fn interrupt(&self) {
        let pid = self.child.id().expect("a run that goes on");
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGINT).unwrap();
    }

    /// What it reports at its end.
    async fn report(self) -> Report {
        let Self { child, mut progress, mut said, folder } = self;
        let ended = async {
            while let Some(line) = progress.next_line().await.unwrap() {
                said.push_str(&line);
                said.push('\n');
            }
            child.wait_with_output().await.unwrap()
        };
        let output = tokio::time::timeout(DEADLINE, ended).await.expect("the run ends");
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        println!("{said}");
        let json = std::fs::read_to_string(folder.path().join("out/report.json"))
            .unwrap_or_else(|error| panic!("no report ({error}):\n{said}"));
        uproar::report::json::from_json(&json).unwrap()
    }
}

/// Looks at a run's figures again and again until they are so.
async fn figures(address: &str, hold: impl Fn(&dyn Fn(&str) -> u64) -> bool) {
    let mut page = String::new();
    let asked = async {
        loop {
            page = ask(address).await;
            // 0 before the first figures are there.
            let of = |name: &str| {
                let start = format!("uproar_{name} ");
                let value = page.lines().find_map(|line| line.strip_prefix(&start));
                value.map_or(0, |value| value.parse().unwrap())
            };
            if hold(&of) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(DEADLINE, asked).await.is_err() {
        panic!("figures never became as expected:\n{page}");
    }
}

async fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
