//! Runs compared with earlier ones, and several runs by one command.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{folder_with, read_report, say, uproar};

/// Two people who hear themselves, for as short as a run can be.
const ECHO: &str = r#"format = 1
name = "echo"
[target]
builtin = "echo"
[[cohort]]
name = "people"
clients = 2
publish = { rate = "20/s" }
[[phase]]
name = "talk"
duration = "1s"
"#;

/// A folder with a real run's report, and the report.
fn measured() -> (TempDir, Value) {
    let folder = folder_with(ECHO);
    let said =
        say(folder.path(), &["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let text = fs::read_to_string(folder.path().join("out/report.json")).unwrap();
    let mut report: Value = serde_json::from_str(&text).unwrap();
    // Whatever this machine did just now is not what is looked at.
    report["validity"]["state"] = json!("valid");
    (folder, report)
}

/// A side whose runs have these medians.
fn side(folder: &Path, name: &str, report: &Value, p50s: &[u64]) {
    for (at, p50) in p50s.iter().enumerate() {
        let mut report = report.clone();
        report["latency"]["delivery"]["p50"] = json!(p50);
        let path = folder.join(name).join(at.to_string());
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("report.json"), report.to_string()).unwrap();
    }
}

#[test]
fn a_slower_side_fails_and_an_equal_one_does_not() {
    let (folder, report) = measured();
    let folder = folder.path();
    side(folder, "base", &report, &[300, 310, 290, 305, 295]);
    side(folder, "same", &report, &[299, 311, 291, 304, 296]);
    side(folder, "slow", &report, &[400, 410, 390, 405, 395]);
    side(folder, "one", &report, &[310]);

    let slow = say(folder, &["compare", "base", "slow"]);
    assert_eq!((slow.code, slow.stderr.as_str()), (Some(1), ""), "{}", slow.all());
    assert!(
        slow.stdout.starts_with("REGRESSED: delivery.p50 is 400 us, was 300 us (+33.3 %)\n"),
        "{}",
        slow.stdout
    );
    let widest = slow.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{}", slow.stdout);

    let same = say(folder, &["compare", "base", "same"]);
    assert_eq!(same.code, Some(0), "{}", same.all());
    assert!(same.stdout.starts_with("SAME: "), "{}", same.stdout);

    let one = say(folder, &["compare", "base", "one"]);
    assert_eq!(one.code, Some(0), "{}", one.all());
    assert!(one.stdout.starts_with("INCONCLUSIVE: "), "{}", one.stdout);

    let within = say(folder, &["compare", "base", "slow", "--tolerance", "delivery.p50=50%,1us"]);
    assert_eq!(within.code, Some(0), "{}", within.all());
    assert!(within.stdout.contains("higher, within tolerance"), "{}", within.stdout);

    let json = say(folder, &["compare", "base", "slow", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["rows"][0]["figure"], &json["rows"][0]["state"]),
        (&json!("delivery.p50"), &json!("worse"))
    );
    assert_eq!(json["rows"][0]["base"]["median"], 300.0);
    let markdown = say(folder, &["compare", "base", "slow", "--format", "md"]);
    assert!(markdown.stdout.contains("| delivery.p50 |"), "{}", markdown.stdout);
}

#[test]
fn what_can_not_be_compared_is_refused() {
    let (folder, report) = measured();
    let folder = folder.path();
    side(folder, "base", &report, &[300; 4]);
    let mut other = report.clone();
    other["scenario"]["name"] = json!("other");
    side(folder, "other", &other, &[300; 4]);
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("cut.json"), "{\"baseline\":1,\"runs\":[").unwrap();
    fs::write(folder.join("later.json"), "{\"baseline\":2,\"runs\":[]}").unwrap();
    for (arguments, words) in [
        (&["compare", "base", "none"][..], "can't read none"),
        (&["compare", "base", "empty"], "there is no report.json in it"),
        (&["compare", "base", "cut.json"], "can't read cut.json"),
        (&["compare", "base", "later.json"], "baseline of version 2"),
        (&["compare", "base", "other"], "different plans: scenario echo and other"),
        (
            &["compare", "base", "base", "--tolerance", "delivery.p50"],
            "the tolerance delivery.p50=",
        ),
        (&["compare", "base", "base", "--tolerance", "delivered=5%"], "is not worse"),
        (&["run", "scenario.toml", "--baseline", "none", "--out", "o"], "can't read none"),
        (
            &["run", "scenario.toml", "--against", "ws://127.0.0.1:1/", "--out", "o"],
            "the target is built in",
        ),
    ] {
        let said = say(folder, arguments);
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            said.all()
        );
        assert!(said.stderr.contains(words), "{arguments:?}: {}", said.stderr);
        assert!(!folder.join("o").exists(), "nothing was begun: {arguments:?}");
    }
    let any = say(folder, &["compare", "base", "other", "--any-plan"]);
    assert_eq!(any.code, Some(0), "{}", any.all());
}

#[test]
fn a_run_is_compared_with_a_baseline_and_becomes_one_only_if_it_is_fit() {
    let (folder, report) = measured();
    let folder = folder.path();
    let baseline = |p50: u64| {
        let mut report = report.clone();
        report["latency"]["delivery"]["p50"] = json!(p50);
        fs::write(folder.join("base.json"), json!({ "baseline": 1, "runs": [report] }).to_string())
            .unwrap();
    };
    let fixed = [
        "run",
        "scenario.toml",
        "--quiet",
        "--allow-invalid",
        "--out",
        "new",
        "--baseline",
        "base.json",
    ];
    baseline(1);
    let worse = say(folder, &[&fixed[..], &["--tolerance", "delivery.p99=1000%,10s"]].concat());
    // Runs of a machine that is busy can't be trusted, and then nothing is said.
    let invalid =
        read_report(&folder.join("new")).validity.state == uproar::report::ValidityState::Invalid;
    if !invalid {
        assert_eq!(worse.code, Some(1), "{}", worse.all());
        assert!(worse.stdout.contains("worse (coarse)"), "{}", worse.stdout);
    }
    let failed = "clients.never_joined=> 0";
    let unfit = ["--set", &format!("thresholds.{failed}"), "--save-baseline", "saved.json"];
    let unfit = say(folder, &[&fixed[..6], &unfit].concat());
    assert_eq!(unfit.code, Some(1), "{}", unfit.all());
    assert!(unfit.stderr.contains("saved.json was not written"), "{}", unfit.stderr);
    assert!(!folder.join("saved.json").exists());
}

#[test]
fn several_runs_lie_side_by_side_with_one_comparison() {
    let folder = folder_with(ECHO);
    let said = say(
        folder.path(),
        &[
            "run",
            "scenario.toml",
            "--repeat",
            "2",
            "--allow-invalid",
            "--no-preflight",
            "--out",
            "out",
        ],
    );
    assert!(said.code == Some(0) || said.stderr.contains("is valid"), "{}", said.all());
    let out = folder.path().join("out");
    let ids = ["01", "02"].map(|run| read_report(&out.join(run)).run.id);
    assert_ne!(ids[0], ids[1]);
    assert!(said.stderr.contains("run 2 of 2"), "{}", said.stderr);
    if said.code == Some(0) {
        assert!(fs::read_to_string(out.join("comparison.md")).unwrap().contains("delivery.p50"));
        let page = fs::read_to_string(out.join("comparison.html")).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("delivery.p50"), "{page}");
        let again = say(folder.path(), &["run", "scenario.toml", "--repeat", "2", "--out", "out"]);
        assert_eq!(again.code, Some(2), "earlier runs would pass for these: {}", again.all());
        // They are one side of a later comparison.
        let compared = say(folder.path(), &["compare", "out", "out"]);
        assert_eq!(compared.code, Some(0), "{}", compared.all());
    }
}

#[test]
fn two_servers_take_turns() {
    let folder = folder_with(ECHO);
    let mut server = uproar(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--mode", "echo", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("ws://")).unwrap().to_owned();
    let fixed = [
        "run",
        "scenario.toml",
        "--allow-invalid",
        "--protocol",
        "echo",
        "--repeat",
        "2",
        "--out",
        "out",
    ];
    let said = say(folder.path(), &[&fixed[..], &["--url", &url, "--against", &url]].concat());
    drop(server.stdin.take());
    server.wait().unwrap();
    let order: Vec<&str> = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("run "))
        .filter_map(|line| line.split(", ").nth(1)?.split(':').next())
        .collect();
    assert_eq!(order, ["base", "new", "new", "base"], "{}", said.all());
    for run in ["base/01", "base/02", "new/01", "new/02"] {
        read_report(&folder.path().join("out").join(run));
    }
}

#[test]
fn codecs_take_turns_and_nobody_is_worse() {
    let folder = folder_with(
        &ECHO
            .replace("\"echo\"\n[[c", "\"rooms\"\n[rooms.lobby]\ncount = 1\n[[c")
            .replace("publish", "join = { rooms = \"lobby\" }\npublish"),
    );
    let said = say(
        folder.path(),
        &[
            "run",
            "scenario.toml",
            "--allow-invalid",
            "--codec",
            "json,cbor",
            "--repeat",
            "1",
            "--out",
            "out",
        ],
    );
    for codec in ["json", "cbor"] {
        let report = read_report(&folder.path().join("out").join(codec).join("01"));
        assert_eq!(report.target.codecs, [codec], "{}", said.all());
    }
    if !said.stderr.contains("is valid") {
        assert_eq!(said.code, Some(0), "{}", said.all());
        assert!(
            said.stdout.contains("server.cpu") && said.stdout.contains("bytes"),
            "{}",
            said.stdout
        );
    }
}
