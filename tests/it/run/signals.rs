//! Signals in every stage of a run, and that no built-in server is left behind.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use uproar::report::{Interruption, VerdictState};

use super::misbehaving::{Manner, Misbehaving};
use super::support::{Running, becomes_true, folder_with, read_report};

/// An end that takes no drain and no close timeout, on a machine that has other things to do.
const PROMPTLY: Duration = Duration::from_secs(15);

/// Ends by itself only long after every test here has.
const LONG: &str = r#"
format = 1
name = "test"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 20
join = { rooms = "lobby" }
publish = { rate = "5/s" }
[[phase]]
name = "steady"
duration = "10m"
"#;

/// Fields of /proc/PID/stat after the command's name, which may hold anything.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn children(parent: i32) -> Vec<i32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat[1] == parent.to_string())).collect()
}

/// An orphan's new parent may take its time to reap it.
fn is_gone(pid: i32) -> bool {
    stat(pid).is_none_or(|stat| stat[0] == "Z" || stat[0] == "X")
}

/// Interrupts a run in its middle; gives how it ended and makes sure that its server ends too.
fn interrupted_by(signal: Signal, folder: &Path) -> std::process::ExitStatus {
    let mut run = Running::start(folder, &["run", "scenario.toml", "--out", "out"]);
    run.wait_for_line("steady");
    let servers = children(run.pid());
    let [server] = servers[..] else { panic!("one server: {servers:?}") };
    assert!(!is_gone(server));
    run.signal(signal);
    let status = run.ends_within(PROMPTLY);
    becomes_true("the server's end", PROMPTLY, || is_gone(server));
    status
}

#[test]
fn ctrl_c_drains_and_reports() {
    let folder = folder_with(LONG);
    assert_eq!(interrupted_by(Signal::SIGINT, folder.path()).code(), Some(130));
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.run.interrupted, Some(Interruption::Interrupt));
    assert_eq!(report.run.exit_code, 130);
    assert_eq!(report.verdict.state, VerdictState::Interrupted);
    assert_eq!(report.clients.joined, 20);
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
    assert_eq!(report.deliveries.lost, Some(0));
    assert!(report.run.measured_s < 60.0, "{:?}", report.run);
}

#[test]
fn sigterm_drains_and_reports() {
    let folder = folder_with(LONG);
    assert_eq!(interrupted_by(Signal::SIGTERM, folder.path()).code(), Some(143));
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.run.interrupted, Some(Interruption::Terminate));
    assert_eq!(report.verdict.state, VerdictState::Interrupted);
    assert_eq!(report.deliveries.lost, Some(0));
}

/// As when a terminal is closed. Tests that are to outlive theirs (`nohup`) have children that are too.
#[test]
fn sighup_drains_and_reports() {
    if uproar::machine::signals::is_ignored(Signal::SIGHUP) {
        eprintln!("SKIPPED: SIGHUP is ignored here, and so by every child");
        return;
    }
    let folder = folder_with(LONG);
    assert_eq!(interrupted_by(Signal::SIGHUP, folder.path()).code(), Some(143));
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.run.interrupted, Some(Interruption::Hangup));
    assert_eq!(report.verdict.state, VerdictState::Interrupted);
    assert!(report.verdict.sentence.starts_with("by SIGHUP after"), "{}", report.verdict.sentence);
    assert_eq!(report.deliveries.lost, Some(0));
}

/// `nohup uproar run`: the terminal may go, and the run goes on.
#[test]
fn a_run_that_ignores_sighup_goes_on() {
    let folder = folder_with(LONG);
    let line =
        format!("trap '' HUP; exec {} run scenario.toml --out out", env!("CARGO_BIN_EXE_uproar"));
    let mut run =
        Running::start_as(std::process::Command::new("sh").args(["-c", &line]), folder.path());
    run.wait_for_line("steady");
    run.signal(Signal::SIGHUP);
    // The second is only seen by one that the first did not end.
    run.signal(Signal::SIGTERM);
    assert_eq!(run.ends_within(PROMPTLY).code(), Some(143));
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.run.interrupted, Some(Interruption::Terminate));
}

#[test]
fn sigkill_leaves_no_server_behind() {
    let folder = folder_with(LONG);
    let status = interrupted_by(Signal::SIGKILL, folder.path());
    assert_eq!(status.signal(), Some(9));
    assert!(!folder.path().join("out/report.json").exists());
}

/// Frozen, the server can't see that its standard input has ended.
#[test]
fn sigkill_leaves_no_frozen_server_behind() {
    let frozen = "[[fault]]\nat = \"1ms\"\nkind = \"freeze\"\nduration = \"5m\"\n";
    let folder = folder_with(&format!("{LONG}{frozen}"));
    let mut run = Running::start(folder.path(), &["run", "scenario.toml", "--out", "out"]);
    run.wait_for_line("steady");
    let servers = children(run.pid());
    let [server] = servers[..] else { panic!("one server: {servers:?}") };
    becomes_true("the freeze", PROMPTLY, || stat(server).is_some_and(|stat| stat[0] == "T"));
    run.signal(Signal::SIGKILL);
    run.ends_within(PROMPTLY);
    becomes_true("the server's end", PROMPTLY, || is_gone(server));
}

/// Ctrl-C in the middle of a freeze: the server goes on, so that it can end.
#[test]
fn ctrl_c_ends_a_frozen_server_too() {
    let frozen = "[[fault]]\nat = \"500ms\"\nkind = \"freeze\"\nduration = \"5m\"\n";
    let folder = folder_with(&format!("{LONG}{frozen}"));
    let arguments = ["run", "scenario.toml", "--set=target.drain_timeout=100ms", "--out", "out"];
    let mut run = Running::start(folder.path(), &arguments);
    run.wait_for_line("steady");
    let servers = children(run.pid());
    let [server] = servers[..] else { panic!("one server: {servers:?}") };
    becomes_true("the freeze", PROMPTLY, || stat(server).is_some_and(|stat| stat[0] == "T"));
    run.signal(Signal::SIGINT);
    assert_eq!(run.ends_within(PROMPTLY).code(), Some(130));
    becomes_true("the server's end", PROMPTLY, || is_gone(server));
}

/// Runs without preflight against a server that answers nothing, so that the drain has no end.
fn endless_drain(folder: &Path, server: &Misbehaving) -> Running {
    let url = server.url();
    let arguments = [
        "run",
        "scenario.toml",
        "--url",
        &url,
        "--protocol=echo",
        "--no-preflight",
        "--set=target.drain_timeout=10m",
        "--out=out",
    ];
    let mut run = Running::start(folder, &arguments);
    run.wait_for_line("steady");
    run
}

const ECHO: &str = r#"
format = 1
name = "test"
[target]
builtin = "echo"
[[cohort]]
name = "callers"
clients = 5
publish = { rate = "20/s" }
[[phase]]
name = "steady"
duration = "10m"
"#;

#[test]
fn a_second_signal_waits_for_nothing() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let server = Misbehaving::start(Manner::UpgradesOnly);
        let folder = folder_with(ECHO);
        let mut run = endless_drain(folder.path(), &server);
        run.signal(signal);
        run.wait_for_line("draining");
        run.signal(signal);
        assert_eq!(run.ends_within(PROMPTLY).code(), Some(code));
        let report = read_report(&folder.path().join("out"));
        assert_eq!(report.verdict.state, VerdictState::Interrupted);
        let found = report.deliveries;
        assert_eq!(found.delivered, 0);
        // Nobody waited for what was said last.
        let unheard = [found.lost, found.unfinished, found.uncertain, found.joining];
        let unheard: u64 = unheard.map(Option::unwrap).iter().sum();
        assert!(found.unfinished > Some(0), "{found:?}");
        assert_eq!(unheard, report.publishes.sent);
        assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
    }
}

/// Nobody was refused: the server had not answered yet when the run was stopped.
#[test]
fn a_run_stopped_before_anybody_got_in_is_interrupted_and_not_unreachable() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let server = Misbehaving::start(Manner::Silent);
        let folder = folder_with(ECHO);
        let url = server.url();
        let arguments = [
            "run",
            "scenario.toml",
            "--url",
            &url,
            "--protocol=echo",
            "--no-preflight",
            "--set=target.connect_timeout=10m",
            "--set=target.drain_timeout=100ms",
            "--out=out",
        ];
        let mut run = Running::start(folder.path(), &arguments);
        run.wait_for_line("steady");
        server.wait_for_client();
        run.signal(signal);
        assert_eq!(run.ends_within(PROMPTLY).code(), Some(code));
        let report = read_report(&folder.path().join("out"));
        assert_eq!(report.verdict.state, VerdictState::Interrupted, "{:?}", report.errors);
        assert_eq!(report.clients.joined, 0);
        assert!(report.verdict.sentence.contains("before any client had joined"));
    }
}

#[test]
fn ctrl_c_during_the_preflight_leaves_nothing() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let server = Misbehaving::start(Manner::Silent);
        let folder = folder_with(LONG);
        let url = server.url();
        let arguments = ["run", "scenario.toml", "--url", &url, "--protocol", "rooms"];
        let mut run = Running::start(folder.path(), &arguments);
        server.wait_for_client();
        run.signal(signal);
        assert_eq!(run.ends_within(PROMPTLY).code(), Some(code));
        let left = folder.path().read_dir().unwrap().count();
        assert_eq!(left, 1, "nothing but the scenario");
    }
}

#[test]
fn the_server_dies_in_the_middle() {
    let folder = folder_with(&LONG.replace("10m", "3s"));
    let mut run = Running::start(folder.path(), &["run", "scenario.toml", "--out", "out"]);
    run.wait_for_line("steady");
    let servers = children(run.pid());
    let [server] = servers[..] else { panic!("one server: {servers:?}") };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(server), Signal::SIGKILL).unwrap();
    let status = run.ends_within(Duration::from_secs(30));
    let report = read_report(&folder.path().join("out"));
    assert_eq!(status.code(), Some(i32::from(report.run.exit_code)));
    assert_ne!(report.run.exit_code, 0, "{:?}", report.verdict);
    assert_eq!(report.connections.lost, 20);
    assert_eq!(report.clients.at_end, 0);
    // Nobody ordered it, so it is marked by itself.
    let [outage] = &report.faults[..] else { panic!("{:?}", report.faults) };
    assert_eq!((outage.kind.as_str(), outage.hit, outage.back), ("outage", 20, 0));
    assert!(outage.at_s < 3.0, "{outage:?}");
    assert_eq!(report.publishes.due, report.publishes.sent + report.publishes.not_sent);
    let named = |text: &str| text.contains("server") && text.contains("ended");
    let reasons = &report.validity.reasons;
    assert!(reasons.iter().any(|reason| named(&reason.what)), "{reasons:?}");
}
