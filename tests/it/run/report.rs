//! `uproar report`: every file of a real run again from its report.json, and input that is none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use uproar::report::files::{FORMATS, render_all};

use super::support::{Said, folder_with, read_report, say};
use crate::report::json::obeys_the_schema;

const SCENARIO: &str = r#"
format = 1
name = "short"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 10
join = { rooms = "lobby" }
publish = { rate = "20/s" }
[[phase]]
name = "only"
duration = "2s"
[thresholds]
"delivered" = "< 5"
"lost" = "== 0"
"#;

/// The bytes of every file in a folder, by name.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = folder.read_dir().unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    files.collect()
}

/// A run in `out` of the folder, with files of an earlier one in its way.
fn ran() -> (TempDir, Said) {
    let folder = folder_with(SCENARIO);
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    for stale in ["ws_ping.hgrm", "junit.xml", "series.csv", "latency.hlog"] {
        fs::write(out.join(stale), "an earlier run's").unwrap();
    }
    let said = say(
        folder.path(),
        &[
            "run",
            "scenario.toml",
            "--allow-invalid",
            "--quiet",
            "--out",
            "out",
            "--format",
            "github",
        ],
    );
    assert_eq!(said.code, Some(1), "{}", said.all());
    (folder, said)
}

#[test]
fn a_report_alone_gives_every_file_of_its_run_again() {
    let (folder, ran) = ran();
    let out = folder.path().join("out");
    let report = read_report(&out);
    obeys_the_schema(
        "run",
        &serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap(),
    );
    let wrote = bytes(&out);
    let has = |(name, text): (String, Result<Option<_>, _>)| text.unwrap().map(|_: String| name);
    let mut expected: Vec<_> = render_all(&report).into_iter().filter_map(has).collect();
    // Messages while others joined are listed there, if there were any.
    expected.extend(wrote.contains_key("ledger.jsonl").then(|| "ledger.jsonl".to_owned()));
    expected.sort();
    assert_eq!(wrote.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(["delivery.hgrm", "ready.hgrm"].iter().all(|name| wrote.contains_key(*name)));

    // From a copy that has nothing beside it.
    fs::create_dir(folder.path().join("alone")).unwrap();
    fs::copy(out.join("report.json"), folder.path().join("alone/report.json")).unwrap();
    let said =
        say(folder.path(), &["report", "alone/report.json", "--format", "all", "--out", "again"]);
    assert_eq!(said.all(), "exit code 0\n");
    let again = bytes(&folder.path().join("again"));
    for (name, wrote) in wrote.iter().filter(|(name, _)| *name != "ledger.jsonl") {
        assert!(again[name] == *wrote, "{name} differs");
    }
    assert_eq!(again.len(), wrote.len() - usize::from(wrote.contains_key("ledger.jsonl")));

    // To stdout, each as the file; a folder stands for the report in it.
    for (format, name) in [
        ("json", "report.json"),
        ("md", "report.md"),
        ("junit", "junit.xml"),
        ("csv", "series.csv"),
        ("hlog", "latency.hlog"),
    ] {
        let said = say(folder.path(), &["report", "out", "--format", format]);
        assert_eq!((said.code, said.stdout.as_bytes()), (Some(0), &*wrote[name]), "{format}");
    }
    let annotations = say(folder.path(), &["report", "out", "--format", "github"]).stdout;
    assert_eq!(annotations, ran.stdout);
    assert!(ran.stdout.starts_with("::error title=short%3A a threshold failed::delivered was "));
    let summary = say(folder.path(), &["report", "out"]);
    assert!(summary.stdout.starts_with("FAILED  1 of "), "{}", summary.all());
    assert!(summary.stdout.ends_with("\nreport      out/report.json\n"), "{}", summary.all());

    // In place: what was lost comes back, and what the report does not make stays.
    fs::remove_file(out.join("junit.xml")).unwrap();
    let said = say(folder.path(), &["report", "out", "--format", "all", "--out", "out"]);
    assert_eq!((said.code, bytes(&out) == wrote), (Some(0), true), "{}", said.all());
    let said = say(folder.path(), &["report", "out", "--format", "hgrm", "--out", "curves"]);
    assert_eq!(said.all(), "exit code 0\n");
    assert!(bytes(&folder.path().join("curves")).keys().all(|name| name.ends_with(".hgrm")));

    // Another run's folder is not mixed with.
    let other = fs::read_to_string(out.join("report.json")).unwrap();
    let other = other.replacen(&report.run.id, "another", 1);
    fs::write(folder.path().join("alone/report.json"), other).unwrap();
    let said = say(folder.path(), &["report", "out", "--format", "csv", "--out", "alone"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.stderr.contains("alone holds the report of another run"), "{}", said.all());
}

#[test]
fn what_is_no_report_is_one_error_and_exit_2() {
    let folder = TempDir::new().unwrap();
    let sample = serde_json::to_string(&uproar::report::Report::default()).unwrap();
    let newer = sample.replacen("\"schema_version\":1", "\"schema_version\":2", 1);
    let cut = format!(r#"{{"schema_version": 1, "scenario": "{}"#, "x".repeat(804));
    let files: [(&str, &[u8]); 5] = [
        ("no.json", b"<html>"),
        ("newer.json", newer.as_bytes()),
        ("cut.json", cut.as_bytes()),
        ("binary.json", b"\xff\xfe\x00"),
        ("old.json", br#"{"schema_version": 1}"#),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    let mut told = String::new();
    for name in
        ["missing.json", "empty", "no.json", "newer.json", "cut.json", "binary.json", "old.json"]
    {
        let said = say(folder.path(), &["report", name]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.all());
        assert_eq!(said.stderr.matches("error: ").count(), 1, "{}", said.all());
        told.push_str(&said.stderr);
    }
    fs::write(folder.path().join("good.json"), sample).unwrap();
    fs::create_dir(folder.path().join("theirs")).unwrap();
    fs::write(folder.path().join("theirs/thesis.txt"), "mine").unwrap();
    for arguments in [
        &["--format", "all"][..],
        &["--format", "hgrm"],
        &["--format", "text", "--out", "out"],
        &["--format", "all", "--out", "theirs"],
    ] {
        let said = say(folder.path(), &[&["report", "good.json"], arguments].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.all());
        told.push_str(&said.stderr);
    }
    insta::assert_snapshot!("no_report", told);
}

#[test]
fn no_two_kinds_of_files_share_a_name() {
    let mut names: Vec<_> = FORMATS.iter().flat_map(|format| format.names()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
