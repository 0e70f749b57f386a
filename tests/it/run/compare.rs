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
    report["verdict"]["state"] = json!("passed");
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
    assert!(widest <= Some(80), "{}", slow.stdout);

    let same = say(folder, &["compare", "base", "same"]);
    assert_eq!(same.code, Some(0), "{}", same.all());
    assert!(same.stdout.starts_with("SAME: "), "{}", same.stdout);

    let one = say(folder, &["compare", "base", "one"]);
    assert_eq!(one.code, Some(0), "{}", one.all());
    assert!(one.stdout.starts_with("INCONCLUSIVE: "), "{}", one.stdout);

    let within = say(folder, &["compare", "base", "slow", "--tolerance", "delivery.p50=50%,1us"]);
    assert_eq!(within.code, Some(0), "{}", within.all());
    assert!(within.stdout.contains("within tolerance"), "{}", within.stdout);

    let json = say(folder, &["compare", "base", "slow", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let p50 = rows.iter().find(|row| row["figure"] == "delivery.p50").unwrap();
    assert_eq!((&p50["state"], &p50["base"]["median"]), (&json!("worse"), &json!(300.0)));
    assert_eq!((&rows[0]["figure"], &rows[0]["state"]), (&json!("lost"), &json!("same")));
    let verdict = &json["verdict"];
    assert_eq!((&verdict["state"], &verdict["exit_code"]), (&json!("regressed"), &json!(1)));
    assert_eq!(json["runs"].as_array().unwrap().len(), 10);
    let markdown = say(folder, &["compare", "base", "slow", "--format", "md"]);
    assert!(markdown.stdout.contains("| delivery.p50 |"), "{}", markdown.stdout);
    let github = say(folder, &["compare", "base", "slow", "--format", "github"]);
    assert_eq!(github.code, Some(1), "{}", github.all());
    assert!(
        github.stdout.starts_with("::error title=slow%3A REGRESSED::delivery.p50 is 400 us"),
        "{}",
        github.stdout
    );
    let quiet = say(folder, &["compare", "base", "same", "--format", "github"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (Some(0), ""));
}

#[test]
fn what_became_of_the_runs_decides_before_their_latencies() {
    let (folder, report) = measured();
    let folder = folder.path();
    let changed = |pointer: &str, value: Value| {
        let mut report = report.clone();
        *report.pointer_mut(pointer).unwrap() = value;
        report
    };
    let all = [300, 310, 290, 305, 295];
    side(folder, "base", &report, &all);
    side(folder, "lost", &changed("/deliveries/lost", json!(3)), &all);
    side(folder, "late", &changed("/publishes/not_sent", json!(1)), &all);
    side(folder, "failed", &changed("/verdict/state", json!("failed")), &all);
    side(folder, "gone", &changed("/verdict/state", json!("unreachable")), &all);
    side(folder, "cut", &changed("/verdict/state", json!("interrupted")), &all);
    side(folder, "invalid", &changed("/validity/state", json!("invalid")), &all);
    // One that broke off left no report.
    side(folder, "broken", &report, &all);
    fs::create_dir(folder.join("broken/06")).unwrap();
    for (new, code, words) in [
        ("lost", 1, "REGRESSED: lost is 15 of "),
        ("late", 1, "REGRESSED: publishes.not_sent is 5 of "),
        ("failed", 1, "REGRESSED: 5 of 5 runs of the new side failed, none of the base's 5"),
        ("gone", 4, "REGRESSED: nobody joined in 5 of 5 runs of the new side"),
        ("cut", 3, "INCONCLUSIVE: too few runs can be trusted: 5 and 0"),
        ("invalid", 3, "INCONCLUSIVE: too few runs can be trusted: 5 and 0"),
        ("broken", 0, "SAME: nothing is worse beyond its tolerance; runs of new: 1 of 6 without"),
        ("base", 0, "SAME: nothing is worse beyond its tolerance"),
    ] {
        let said = say(folder, &["compare", "base", new]);
        let told = said.stdout.replace('\n', " ");
        assert!(told.starts_with(words), "{new}: {}", said.stdout);
        assert_eq!(said.code, Some(code), "{new}: {}", said.all());
        assert!(said.stdout.lines().all(|line| line.chars().count() <= 80), "{}", said.stdout);
    }
    // What the base lost as well is no rise.
    let same = say(folder, &["compare", "lost", "lost"]);
    assert_eq!(same.code, Some(0), "{}", same.all());
    let better = say(folder, &["compare", "failed", "base"]);
    assert_eq!(better.code, Some(0), "{}", better.all());
    assert!(better.stdout.contains("base: 5 of 5 FAILED"), "{}", better.stdout);
}

/// The server's own rule drops three of ten; nobody asks for that in a threshold.
#[test]
fn a_server_that_loses_messages_is_worse_whatever_its_latencies_are() {
    let folder = folder_with(
        &ECHO
            .replace("\"echo\"\n[[c", "\"rooms\"\n[rooms.lobby]\ncount = 1\n[[c")
            .replace("publish", "join = { rooms = \"lobby\" }\npublish")
            .replace("clients = 2", "clients = 4"),
    );
    let serve = |loss: &str| {
        let mut server = uproar(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--loss", loss, "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("ws://")).unwrap();
        (server, url.to_owned())
    };
    let ((mut good, good_url), (mut bad, bad_url)) = (serve("0%"), serve("30%"));
    // One client's one message may be among those that are lost.
    let fixed =
        "run scenario.toml --allow-invalid --protocol rooms --repeat 1 --no-preflight --out out";
    let fixed: Vec<&str> = fixed.split(' ').collect();
    let said =
        say(folder.path(), &[&fixed[..], &["--url", &good_url, "--against", &bad_url]].concat());
    for server in [&mut good, &mut bad] {
        drop(server.stdin.take());
        server.wait().unwrap();
    }
    assert!(said.stdout.contains("comparison  out/comparison.html"), "{}", said.all());
    // Whatever this machine did just now is not what is looked at.
    for side in ["base", "new"] {
        let path = folder.path().join("out").join(side).join("01/report.json");
        let mut report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        report["validity"]["state"] = json!("valid");
        fs::write(&path, report.to_string()).unwrap();
    }
    let compared = say(folder.path(), &["compare", "out/base", "out/new", "--format", "json"]);
    assert_eq!(compared.code, Some(1), "{}", compared.all());
    let json: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(json["verdict"]["state"], "regressed");
    let lost = &json["rows"][0];
    assert_eq!((&lost["figure"], &lost["state"]), (&json!("lost"), &json!("worse")));
    let share = lost["new"]["tally"]["share"].as_f64().unwrap();
    assert!((0.15..0.45).contains(&share), "{lost}");
    assert_eq!(lost["base"]["tally"]["count"], 0.0);
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
    let save = |rest: &[&'static str]| -> Vec<&'static str> {
        [&["run", "scenario.toml", "--out", "o", "--save-baseline"], rest].concat()
    };
    let (once, few) = (save(&["s.json"]), save(&["s.json", "--repeat", "3"]));
    let (there, dir) = (save(&["cut.json", "--repeat", "4"]), save(&["empty", "--repeat", "4"]));
    let nowhere = save(&["no/such/s.json", "--repeat", "4"]);
    let more = ["4", "--tolerance", "lost=0%", "--tolerance", "delivery.p99=5%"];
    let more = [&more[..], &["--tolerance", "clients.not_back=0%"]].concat();
    let many = save(&[&["s.json", "--repeat"], &more[..]].concat());
    for (arguments, words) in [
        (&many[..], "4 runs are too few to show a change of 4 figures"),
        (&once[..], "1 run is too few to show a change of 2 figures"),
        (&few, "3 runs are too few"),
        (&there, "it is there already"),
        (&dir, "it is a folder"),
        (&nowhere, "No such file"),
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
    let unfit =
        "run scenario.toml --allow-invalid --out unfit --repeat 4 --save-baseline saved.json";
    let unfit: Vec<&str> = unfit.split(' ').collect();
    let unfit = say(folder, &[&unfit[..], &["--set", &format!("thresholds.{failed}")]].concat());
    assert_eq!(unfit.code, Some(1), "{}", unfit.all());
    assert!(unfit.stderr.contains("saved.json was not written: run 1 "), "{}", unfit.stderr);
    // The other three would have been for nothing.
    assert!(unfit.stderr.contains("ended after 1 of 4 runs: run 1 "), "{}", unfit.stderr);
    assert!(unfit.stderr.contains(" thresholds: clients.never_joined was 0"), "{}", unfit.stderr);
    assert!(!folder.join("saved.json").exists() && !folder.join("unfit/02").exists());
}

#[test]
fn several_runs_of_one_side_show_how_far_they_lie_apart() {
    let folder = folder_with(ECHO);
    let fixed = "run scenario.toml --repeat 2 --allow-invalid --no-preflight --out out";
    let fixed: Vec<&str> = fixed.split(' ').collect();
    let said = say(folder.path(), &fixed);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let out = folder.path().join("out");
    let reports = ["01", "02"].map(|run| read_report(&out.join(run)));
    assert_ne!(reports[0].run.id, reports[1].run.id);
    for words in ["2 runs of 1 s: 2 s or more\n", "run 1 of 2, runs: ", " left\n", "run 2 of 2"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(said.stdout.starts_with("2 runs"), "{}", said.stdout);
    // Nothing is compared with itself.
    assert!(!said.stdout.contains("base") && !said.stdout.contains("SAME"), "{}", said.stdout);
    assert!(!out.join("comparison.md").exists() && out.join("spread.md").exists());
    let places = "runs        out/01 to 02\nspread      out/spread.html\n";
    assert!(said.stdout.ends_with(places), "{}", said.stdout);
    let json: Value =
        serde_json::from_str(&fs::read_to_string(out.join("spread.json")).unwrap()).unwrap();
    assert_eq!(
        (&json["verdict"]["exit_code"], json["runs"].as_array().unwrap().len()),
        (&json!(0), 2)
    );
    let rows = json["rows"].as_array().unwrap();
    let p50 = rows.iter().find(|row| row["figure"] == "delivery.p50").unwrap();
    let known = |report: &uproar::report::Report| {
        report.latency[&uproar::metric::Metric::Delivery].p50.unwrap() as f64
    };
    let [one, other] = [known(&reports[0]), known(&reports[1])];
    assert_eq!(p50["spread"]["min"], one.min(other));
    assert_eq!(p50["spread"]["max"], one.max(other));
    assert_eq!(p50["spread"]["median"], (one + other) / 2.0);
    let page = fs::read_to_string(out.join("spread.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("delivery.p50"), "{page}");

    let again = say(folder.path(), &["run", "scenario.toml", "--repeat", "2", "--out", "out"]);
    assert_eq!(again.code, Some(2), "earlier runs would pass for these: {}", again.all());
    // They are one side of a later comparison, in which a run is told that is on both sides.
    let compared = say(folder.path(), &["compare", "out", "out"]);
    assert!(matches!(compared.code, Some(0 | 3)), "{}", compared.all());
    assert!(compared.stdout.contains("2 runs are on both sides"), "{}", compared.stdout);
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
    // Where this machine was too busy no run can be trusted, and that is said.
    assert!(matches!(said.code, Some(0 | 3)), "{}", said.all());
    if said.code == Some(0) {
        assert!(
            said.stdout.contains("server.cpu") && said.stdout.contains("bytes"),
            "{}",
            said.stdout
        );
    }
}
