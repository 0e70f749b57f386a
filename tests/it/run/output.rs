//! What a run says while it goes on and at its end, and where.

use uproar::metric::Metric;
use uproar::report::json::from_json;
use uproar::report::markdown::to_markdown;

use super::misbehaving::{Manner, Misbehaving};
use super::support::{DEADLINE, Running, folder_with, read_report, say, uproar};

const SHORT: &str = r#"
format = 1
name = "short"
question = "Does it say what it should?"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 10
join = { rooms = "lobby" }
publish = { rate = "5/s" }
[[phase]]
name = "first"
duration = "1s"
[[phase]]
name = "second"
duration = "1s"
"#;

const RUN: [&str; 5] = ["run", "scenario.toml", "--allow-invalid", "--out", "out"];

#[test]
fn progress_is_plain_lines_where_stderr_is_no_terminal() {
    let folder = folder_with(SHORT);
    let said = say(folder.path(), &RUN);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(said.stdout.starts_with("PASSED  short: 10 clients"), "{}", said.stdout);
    assert!(said.stdout.ends_with("out/report.html\n"), "{}", said.stdout);
    let stages: Vec<_> =
        said.stderr.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(stages, ["first", "second", "draining"], "{}", said.stderr);
    assert!(said.stderr.contains("10/10 clients"), "{}", said.stderr);
    assert!(!said.stderr.contains(['\x1b', '\r']), "{:?}", said.stderr);
    assert!(!said.stdout.contains('\x1b'), "{:?}", said.stdout);
    assert!(!said.stdout.contains("more in report.json"), "piped it is whole: {}", said.stdout);
    let wide = said.stdout.lines().find(|line| line.chars().count() > 90);
    assert_eq!(wide, None);
}

#[test]
fn json_on_stdout_is_the_report_that_was_written() {
    let folder = folder_with(SHORT);
    let said = say(folder.path(), &[&RUN[..], &["--quiet", "--format", "json"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    let written = std::fs::read_to_string(folder.path().join("out/report.json")).unwrap();
    assert_eq!(said.stdout, written);
    assert_eq!(from_json(&said.stdout).unwrap().scenario.name, "short");
}

#[test]
fn a_report_explains_its_latencies_and_tells_who_used_the_machine() {
    let folder = folder_with(SHORT);
    let said = say(folder.path(), &[&RUN[..], &["--quiet"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    for metric in
        [Metric::Delivery, Metric::DeliveryFromSent, Metric::Lag, Metric::Held, Metric::Turn]
    {
        let figures = &report.latency[&metric];
        assert_eq!(figures.meaning.as_deref(), Some(metric.meaning()));
        assert!(said.stdout.contains(&format!("\n{} ", metric.label())), "{}", said.stdout);
    }
    assert!(report.cohorts[0].latency[&Metric::Delivery].meaning.is_none());
    assert!(said.stdout.contains("from due (when the plan wanted it sent)"), "{}", said.stdout);
    if cfg!(target_os = "linux") {
        let machine = report.machine;
        let shares = [machine.busy_share, machine.steal_share].map(Option::unwrap);
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{machine:?}");
        assert!(shares[0] > 0.0, "this run alone used some of it: {machine:?}");
        // Both processes were given some of it, and no more than there is.
        let most_s = report.run.duration_s * f64::from(report.host.cores);
        for used in [Some(&report.generator), report.server.as_ref()] {
            let cpu_s = used.unwrap().cpu_s.unwrap();
            assert!((0.0..=most_s).contains(&cpu_s), "{cpu_s} of {most_s}");
        }
        assert!(said.stdout.contains("\ncores used  generator "), "{}", said.stdout);
    }
}

#[test]
fn markdown_on_stdout_is_the_report_that_was_written() {
    let folder = folder_with(SHORT);
    let said = say(folder.path(), &[&RUN[..], &["--quiet", "--format", "md"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    let out = folder.path().join("out");
    assert_eq!(said.stdout, std::fs::read_to_string(out.join("report.md")).unwrap());
    assert_eq!(said.stdout, to_markdown(&read_report(&out)));
}

#[test]
fn a_second_run_replaces_the_first_in_its_folder() {
    // Nobody speaks while others join, so that there is nothing to list.
    let quiet = "name = \"first\"\nrate = \"0%\"";
    let folder = folder_with(&SHORT.replace("name = \"first\"", quiet));
    let ids = [1, 2].map(|_| {
        let said = say(folder.path(), &[&RUN[..], &["--quiet"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.all());
        let out = folder.path().join("out");
        // An earlier run's, that had something to list.
        assert!(!out.join("ledger.jsonl").exists() && !out.join("outage.hgrm").exists());
        std::fs::write(out.join("ledger.jsonl"), "{}").unwrap();
        std::fs::write(out.join("outage.hgrm"), "{}").unwrap();
        read_report(&out).run.id
    });
    assert_ne!(ids[0], ids[1], "a run's id is its own");
}

#[test]
fn without_out_the_folder_is_named_after_scenario_and_time() {
    let folder = folder_with(SHORT);
    let said = say(folder.path(), &["run", "scenario.toml", "--allow-invalid", "--quiet"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let runs: Vec<_> = folder.path().join("reports").read_dir().unwrap().flatten().collect();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    let name = run.file_name().into_string().unwrap();
    assert!(name.starts_with("short-20") && name.ends_with('Z'), "{name}");
    assert!(said.stdout.contains(&name), "{}", said.stdout);
}

#[test]
fn a_summary_that_nobody_reads_costs_no_report() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = folder_with(SHORT);
    let closed = (writer.try_clone().unwrap(), writer);
    let status =
        uproar(folder.path()).args(RUN).stdout(closed.0).stderr(closed.1).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(read_report(&folder.path().join("out")).run.exit_code, 0);
}

#[test]
fn secrets_stay_out_of_everything_that_is_written() {
    const CALLERS: &str = r#"
        format = 1
        name = "short"
        [target]
        url = "ws://127.0.0.1:1/"
        protocol = "echo"
        drain_timeout = "100ms"
        headers = { X-Tenant = "canary" }
        [[cohort]]
        name = "callers"
        clients = 2
        publish = { rate = "5/s" }
        [[phase]]
        name = "steady"
        duration = "1s"
    "#;
    let secrets = [
        "--no-preflight",
        "--header=Authorization: Bearer canary",
        "--header",
        "Cookie: canary",
        "--set",
        "target.headers.X-Api-Key=canary",
    ];
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    for manner in [Manner::UpgradesOnly, Manner::Answers(answer)] {
        let server = Misbehaving::start(manner);
        let folder = folder_with(CALLERS);
        let url = format!("{}?token=canary", server.url());
        let said = say(folder.path(), &[&RUN[..], &["--url", &url], &secrets].concat());
        let out = folder.path().join("out");
        let files = out.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let written: Vec<_> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
        assert!(written.len() >= 5, "{}", written.len());
        for text in [&said.stdout, &said.stderr].into_iter().chain(&written) {
            assert!(!text.contains("canary"), "{text}");
        }
        let json = std::fs::read_to_string(out.join("report.json")).unwrap();
        assert!(json.contains("[redacted]"));
    }
}

#[test]
fn a_failed_threshold_is_exit_1_and_the_first_line() {
    let folder = folder_with(&format!("{SHORT}[thresholds]\n\"delivered\" = \"< 5\"\n"));
    let said = say(folder.path(), &[&RUN[..], &["--quiet"]].concat());
    assert_eq!(said.code, Some(1), "{}", said.all());
    let first = said.stdout.lines().next().unwrap();
    assert!(first.starts_with("FAILED") && first.contains("delivered"), "{first}");
}

#[test]
fn a_report_that_can_t_be_written_any_more_is_exit_5() {
    let folder = folder_with(SHORT);
    let mut run = Running::start(folder.path(), &RUN);
    run.wait_for_line("first");
    // It was checked and found writable before the run.
    std::fs::remove_dir(folder.path().join("out")).unwrap();
    run.wait_for_line("error: the report was not written: out/report.json");
    assert_eq!(run.ends_within(DEADLINE).code(), Some(5));
}

#[test]
fn a_report_that_can_t_be_replaced_leaves_no_earlier_verdict() {
    let folder = folder_with(SHORT);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("report.json"), "an earlier run's").unwrap();
    std::fs::write(out.join("report.html"), "an earlier run's").unwrap();
    std::fs::write(out.join("report.md"), "an earlier run's").unwrap();
    std::fs::create_dir(out.join("report.json.partial")).unwrap();
    let said = say(folder.path(), &[&RUN[..], &["--quiet"]].concat());
    assert_eq!(said.code, Some(5), "{}", said.all());
    assert!(said.stderr.contains("the report was not written: out/report.json"), "{}", said.all());
    assert!(!out.join("report.json").exists());
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(markdown.contains("short"), "this run's own: {markdown}");
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("<h1>short</h1>"), "this run's own: {html}");
}
