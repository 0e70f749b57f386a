//! `uproar capacity`: searches of servers whose capacity is known, what stands against one, and that
//! nothing of one is lost.

use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;
use uproar::capacity::{Capacity, Outcome, State, Whose, from_json};

use super::support::{DEADLINE, Running, Said, Served, folder_with, say};

/// People in rooms of five who say something four times a second, for two seconds.
const ROOMS: &str = r#"format = 1
name = "rooms"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "people"
clients = 40
join = { rooms = "lobby" }
publish = { rate = "4/s" }
[[phase]]
name = "ramp"
duration = "200ms"
clients = "0% -> 100%"
measure = false
[[phase]]
name = "talk"
duration = "2s"
[thresholds]
"delivery.p99" = "< 300ms"
"#;

fn found(folder: &Path) -> Capacity {
    let text = std::fs::read_to_string(folder.join("out/capacity.json")).unwrap();
    from_json(&text).unwrap()
}

/// A search of this machine's noise as well: what can't be trusted is judged all the same.
fn search(folder: &Path, more: &[&str]) -> Said {
    let fixed = ["capacity", "scenario.toml", "--allow-invalid", "--out", "out"];
    say(folder, &[&fixed, more].concat())
}

#[test]
fn a_bounded_server_carries_what_arithmetic_says() {
    let folder = folder_with(ROOMS);
    let folder = folder.path();
    // Each person is heard by five, four times a second: 2,000 deliveries a second are 100 people.
    let served = Served::start(folder, &["--serves", "2000/s"]);
    let target = ["--url", &served.url, "--protocol", "rooms"];
    let asked = ["--from", "20", "--to", "1000", "--within", "60%", "--trials", "12"];
    let said = search(folder, &[target.as_slice(), &asked].concat());
    let found = found(folder);
    // A busy machine makes some trials fail; a load far over the bound never passes.
    assert!(matches!(found.verdict.state, State::Carries | State::Wide), "{}", said.all());
    assert!(found.trials.iter().all(|it| it.outcome != Outcome::Passed || it.load < 140.0));
    assert!(found.trials.iter().any(|it| it.outcome == Outcome::Passed && it.load >= 40.0));
    assert!(found.answer.as_ref().is_some_and(|it| it.low < 140.0), "{}", said.all());
    let gave_way = found.gave_way.expect("what gave way");
    assert!(gave_way.load > 80.0 && gave_way.what.contains("delivery.p99"), "{gave_way:?}");
    for file in ["capacity.html", "capacity.md", "junit.xml", "01/report.json", "02/report.html"] {
        assert!(folder.join("out").join(file).exists(), "{file}");
    }
    assert!(said.stdout.starts_with("CARRIES  "), "{}", said.all());
    assert_eq!(said.code, Some(0), "{}", said.all());
}

#[test]
fn a_server_that_turns_people_away_carries_as_many_as_it_lets_in() {
    let folder = folder_with(ROOMS);
    let folder = folder.path();
    let served = Served::start(folder, &["--max-connections", "30"]);
    let target = ["--url", &served.url, "--protocol", "rooms"];
    let said = search(folder, &[target.as_slice(), &["--from", "10", "--at-least", "30"]].concat());
    let found = found(folder);
    let answer = found.answer.expect("an answer");
    assert_eq!((answer.load, answer.low, answer.high), (30.0, 30.0, 30.0), "{}", said.all());
    assert!(found.trials.len() < 20, "{}", found.trials.len());
    let refused = found.gave_way.and_then(|of| of.refused).expect("how it turned them away");
    assert!(refused.contains("answered 503"), "{refused}");
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(said.stdout.contains("the server turns away who comes beyond"), "{}", said.all());
}

#[test]
fn a_limit_of_this_machine_is_no_figure_of_the_server() {
    let folder = folder_with(ROOMS);
    let mut shell = std::process::Command::new("sh");
    // 64 are uproar's own, so that 20 clients can be held.
    let line =
        "ulimit -n 84 && exec \"$0\" capacity scenario.toml --allow-invalid --out out --from 10";
    shell.args(["-c", line, env!("CARGO_BIN_EXE_uproar")]).current_dir(folder.path());
    let _turn = crate::turns::loud();
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let found = found(folder.path());
    assert_eq!(found.verdict.state, State::AtLeast, "{said}");
    let limit = found.limit.expect("a limit");
    assert_eq!((limit.whose, limit.at), (Whose::Uproar, Some(20.0)), "{limit:?}");
    assert!(limit.remedy.contains("ulimit -n"), "{limit:?}");
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.starts_with("AT LEAST  20 people"), "{said}");
}

#[test]
fn a_search_that_was_stopped_goes_on_where_it_was() {
    let folder = folder_with(ROOMS);
    let path = folder.path();
    let flags = ["capacity", "scenario.toml", "--allow-invalid", "--from", "5", "--to", "20"];
    let mut running = Running::start(path, &[&flags[..], &["--out", "out"]].concat());
    running.wait_for_line("trial 2");
    running.signal(Signal::SIGINT);
    assert_eq!(running.ends_within(DEADLINE).code(), Some(130));
    let before = found(path);
    assert_eq!(before.verdict.state, State::Unfinished);
    assert!(before.trials.len() >= 2, "{:?}", before.trials);
    // Other flags are another search.
    let other = say(path, &[&flags[..], &["--set", "seed=9", "--continue", "out"]].concat());
    assert_eq!(other.code, Some(2), "{}", other.all());
    let said = say(path, &[&flags[..], &["--continue", "out"]].concat());
    let after = found(path);
    assert_eq!(after.trials[..before.trials.len()], before.trials, "{}", said.all());
    assert!(after.trials.len() > before.trials.len());
    assert_eq!(after.verdict.state, State::AtLeast, "{}", said.all());
    let numbers: Vec<u64> = after.trials.iter().map(|trial| trial.number).collect();
    assert_eq!(numbers, (1..=after.trials.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_makes_no_search_is_told_before_the_first_trial() {
    let folder = folder_with(ROOMS);
    let folder = folder.path();
    let mut told = String::new();
    for flags in [
        &["--set", "rooms.lobby.size=1", "--from", "50", "--to", "50"][..],
        &["--from", "50", "--to", "40"],
        &["--within", "1%"],
        &["--chance", "99%"],
        &["--grow", "rooms"],
        &["--trials", "2"],
        &["--continue", "nowhere"],
    ] {
        let said = say(folder, &[&["capacity", "scenario.toml"], flags].concat());
        assert_eq!(said.code, Some(2), "{}", said.all());
        told.push_str(&format!("{}\n{}\n", flags.join(" "), said.stderr));
    }
    std::fs::write(folder.join("grows.toml"), ROOMS.replace("size = 5", "count = 2")).unwrap();
    let said = say(folder, &["capacity", "grows.toml"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    told.push_str(&said.stderr);
    insta::assert_snapshot!(told);
    assert!(!folder.join("reports").exists(), "nothing is left of a search that was not made");
}

#[test]
fn a_server_that_nobody_gets_into_has_no_capacity() {
    let folder = folder_with(ROOMS);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("ws://{place}/");
    let said = search(folder.path(), &["--url", &url, "--protocol", "rooms"]);
    assert_eq!(said.code, Some(4), "{}", said.all());
    assert!(said.stdout.starts_with("UNREACHABLE"), "{}", said.all());
}
