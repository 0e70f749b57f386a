//! Runs a scenario with the binary, and reads its report. No test lives here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{RwLock, Semaphore};
use uproar::measure::FindingKind;
use uproar::report::{Deliveries, Report};

use crate::turns::quiet;

/// Beside nothing loud, as counts here hang on when things happen. Runs whose latencies are judged are
/// alone; the others are a few at a time.
static ALONE: RwLock<()> = RwLock::const_new(());
static PLACES: Semaphore = Semaphore::const_new(4);

/// Far more than any run here takes.
const DEADLINE: Duration = Duration::from_secs(180);

/// What differs between the scenarios here; all else is in [`scenario`].
pub(super) struct Setup<'a> {
    pub(super) clients: u32,
    pub(super) room: u32,
    /// Messages a second of each client, evenly spaced.
    pub(super) rate: u32,
    pub(super) seconds: u32,
    /// Further keys of the target and of the cohort.
    pub(super) target: &'a str,
    pub(super) cohort: &'a str,
    /// Further tables.
    pub(super) more: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            clients: 20,
            room: 5,
            rate: 8,
            seconds: 3,
            // Longer than W: what has not come by then is lost and not unfinished.
            target: "drain_timeout = \"1200ms\"",
            cohort: "",
            more: "",
        }
    }
}

/// Everyone joins before anyone speaks, so that no message falls into somebody's join.
fn scenario(setup: &Setup<'_>) -> String {
    let Setup { clients, room, rate, seconds, target, cohort, more } = setup;
    format!(
        r#"
        format = 1
        name = "truth"
        seed = 3
        [target]
        builtin = "rooms"
        {target}
        [rooms.lobby]
        size = {room}
        [[cohort]]
        name = "people"
        clients = {clients}
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "{rate}/s", arrivals = "constant", size = "128B" }}
        {cohort}
        [[phase]]
        name = "gather"
        duration = "1s"
        rate = "0%"
        measure = false
        [[phase]]
        name = "steady"
        duration = "{seconds}s"
        {more}
        "#
    )
}

/// A finished run.
pub(super) struct Ran {
    pub(super) report: Report,
    pub(super) exit: Option<i32>,
}

/// A finished run and its `ledger.jsonl`.
pub(super) struct Listed {
    pub(super) report: Report,
    pub(super) lines: Vec<Line>,
    pub(super) left_out: BTreeMap<String, u64>,
}

/// A line of `ledger.jsonl`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) kind: FindingKind,
    pub(super) receiver: u32,
    pub(super) cohort: String,
    pub(super) publisher: Option<u32>,
    pub(super) room: Option<String>,
    pub(super) seq: Option<u32>,
    pub(super) due_s: Option<f64>,
    pub(super) sent_s: Option<f64>,
    pub(super) arrived: bool,
    pub(super) received_s: Option<f64>,
    pub(super) fault: Option<String>,
    pub(super) fault_at_s: Option<f64>,
}

/// Runs beside a few others of this kind.
pub(super) async fn run(setup: &Setup<'_>, server: SocketAddr) -> Ran {
    run_text(&scenario(setup), &["--protocol", "rooms"], server).await
}

/// Runs while no other of this kind does, because its latencies are looked at.
pub(super) async fn run_alone(setup: &Setup<'_>, server: SocketAddr) -> Ran {
    run_text_alone(&scenario(setup), &["--protocol", "rooms"], server).await
}

/// Runs a scenario's text while no other of this kind runs.
pub(super) async fn run_text_alone(text: &str, arguments: &[&str], server: SocketAddr) -> Ran {
    let _turn = quiet();
    let _alone = ALONE.write().await;
    execute(text, arguments, server).await
}

/// Runs a scenario's text, and gives what its `ledger.jsonl` lists too.
pub(super) async fn run_listed(text: &str, arguments: &[&str], server: SocketAddr) -> Listed {
    let _turn = quiet();
    let _together = ALONE.read().await;
    let _place = PLACES.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let Ran { report, .. } = execute_in(folder.path(), text, arguments, server).await;
    let listed = std::fs::read_to_string(folder.path().join("out/ledger.jsonl")).unwrap();
    let (lines, last) = listed.trim_end().rsplit_once('\n').expect("more than the last line");
    let last: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_str(last).unwrap();
    Listed {
        report,
        lines: lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        left_out: last["left_out"].clone(),
    }
}

/// Runs a scenario's text.
pub(super) async fn run_text(text: &str, arguments: &[&str], server: SocketAddr) -> Ran {
    let _turn = quiet();
    let _together = ALONE.read().await;
    let _place = PLACES.acquire().await.unwrap();
    execute(text, arguments, server).await
}

async fn execute(text: &str, arguments: &[&str], server: SocketAddr) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    execute_in(folder.path(), text, arguments, server).await
}

async fn execute_in(folder: &Path, text: &str, arguments: &[&str], server: SocketAddr) -> Ran {
    let file = folder.join("truth.toml");
    std::fs::write(&file, text).unwrap();
    let out = folder.join("out");
    let output = command(&file, &out, arguments, server).await;
    let json = std::fs::read_to_string(out.join("report.json"))
        .unwrap_or_else(|error| panic!("no report ({error}): {}", words(&output)));
    let report = uproar::report::json::from_json(&json).unwrap();
    println!("{}", words(&output));
    Ran { report, exit: output.status.code() }
}

/// Runs the binary; two workers, so that what they see has to be put together.
async fn command(file: &Path, out: &Path, arguments: &[&str], server: SocketAddr) -> Output {
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_uproar"))
        .arg("run")
        .arg(file)
        .args(["--url", &format!("ws://{server}/"), "--quiet", "--workers", "2", "--out"])
        .arg(out)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(DEADLINE, child).await.expect("the run ends").unwrap()
}

fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The ledger of a run in which nothing went wrong.
pub(super) fn all_delivered(expected: u64) -> Deliveries {
    Deliveries {
        expected: Some(expected),
        delivered: expected,
        lost: Some(0),
        acked_lost: None,
        duplicated: Some(0),
        reordered: Some(0),
        corrupted: Some(0),
        missed_away: Some(0),
        replayed: Some(0),
        uncertain: Some(0),
        joining: Some(0),
        cut_off: Some(0),
        unfinished: Some(0),
        unexpected: Some(0),
        foreign: Some(0),
        late: Some(0),
    }
}
