//! How late messages leave at 10,000 a second on one worker, and what share of a core that takes:
//! the pacer alone, and whole runs that only send, or send and receive.
//!
//! `cargo bench --bench departure`. Figures are of this machine and this minute; nothing is
//! asserted. The machine should have nothing else to do.

#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use uproar::client::{Agenda, Event};
use uproar::machine::clock::{Clock, micros};
use uproar::machine::cpu::thread_cpu_us;
use uproar::measure::Hist;
use uproar::metric::Metric;
use uproar::plan::Plan;
use uproar::report::json::from_json;
use uproar::scenario::{Overrides, Source, read};
use uproar::worker::Pacer;

/// How long clients come up, without a message, and how long they talk, in seconds.
const RAMP_S: f64 = 4.0;
const STEADY_S: f64 = 10.0;

/// People who say something to rooms that nobody is in.
const TO_NOBODY: &str = r#"
builtin = "rooms"
[rooms.lobby]
count = 500
[[cohort]]
publish = { rate = "5/s", to = "lobby" }
"#;

/// People who hear what they say themselves.
const ECHO: &str = r#"
builtin = "echo"
[[cohort]]
publish = { rate = "5/s" }
"#;

/// Ten thousand messages a second, at random, of so many people that 5/s each make them. `target` is
/// the rest of the target's table, and ends in the cohort's.
fn scenario(target: &str) -> String {
    format!(
        r#"
format = 1
name = "departure"
[target]
{target}
name = "people"
clients = 2000
[[phase]]
name = "ramp"
duration = "{RAMP_S}s"
clients = "0% -> 100%"
rate = "0%"
measure = false
[[phase]]
name = "steady"
duration = "{STEADY_S}s"
"#
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    println!(
        "{:<34}{:>8}{:>10}{:>10}{:>10}{:>12}",
        "", "a second", "p50", "p90", "p99", "of a core"
    );
    let (late, share, rate) = pacer_alone()?;
    let figures = [50.0, 90.0, 99.0].map(|p| late.percentile(p));
    row("the pacer alone", rate, figures, share);
    for (what, target) in [("sending, to nobody", TO_NOBODY), ("sending and receiving", ECHO)] {
        let report = run(&scenario(target))?;
        let lag = &report.latency[&Metric::Lag];
        let share = report.generator.busiest_worker.map_or(0.0, |worker| worker.share);
        // The ramp's seconds are in the worker's share, and it hardly sends in them.
        let share = share * (RAMP_S + STEADY_S) / STEADY_S;
        row(what, lag.count as f64 / STEADY_S, [lag.p50, lag.p90, lag.p99], share);
    }
    Ok(())
}

fn row(what: &str, rate: f64, figures: [Option<u64>; 3], share: f64) {
    let [p50, p90, p99] = figures.map(|us| us.map_or("-".to_owned(), |us| format!("{us} us")));
    println!("{what:<34}{rate:>8.0}{p50:>10}{p90:>10}{p99:>10}{:>10.1} %", share * 100.0);
}

/// Takes the due times of ten thousand clients for five seconds and does nothing with them.
fn pacer_alone() -> Result<(Hist, f64, f64), Box<dyn std::error::Error>> {
    let source = Source { name: "departure".to_owned(), text: scenario(TO_NOBODY) };
    // The same rate of five times as many streams, and from the first instant.
    let set = [
        "cohort.people.clients=10000",
        "cohort.people.publish.rate=1/s",
        "phase.ramp.duration=1ms",
    ];
    let set = set.iter().filter_map(|set| set.split_once('='));
    let set = set.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    let plan = Plan::new(read(&source, &overrides).map_err(|e| format!("{e:?}"))?);
    let agenda = Agenda::default();
    let mut streams = Vec::new();
    for client in 0..plan.client_count() {
        let (windows, mut publishes) = (plan.windows(client), plan.publishes(client));
        if let Some(due) = plan.next_due(client, &windows, &mut publishes) {
            agenda.add(due.at_us, Event::Publish(client));
        }
        streams.push((windows, publishes));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut pacer = Pacer::new()?;
        let clock = Clock::starting_at(Instant::now());
        let mut late = Hist::default();
        let cpu_us = thread_cpu_us().ok_or("no CPU clock")?;
        let lasts = Duration::from_secs(5);
        while clock.now_us() < micros(lasts) {
            let (at_us, event) = pacer.next(&agenda, &clock).await?;
            late.record(clock.now_us().saturating_sub(at_us));
            let Event::Publish(client) = event else { continue };
            let (windows, publishes) = &mut streams[client as usize];
            if let Some(due) = plan.next_due(client, windows, publishes) {
                agenda.add(due.at_us, event);
            }
        }
        let cpu_us = thread_cpu_us().ok_or("no CPU clock")? - cpu_us;
        let rate = late.len() as f64 / lasts.as_secs_f64();
        Ok((late, cpu_us as f64 / micros(lasts) as f64, rate))
    })
}

/// A run of the binary with one worker, read back.
fn run(scenario: &str) -> Result<uproar::report::Report, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("departure.toml");
    std::fs::write(&file, scenario)?;
    let out = folder.path().join("out");
    run_binary(&file, &out)?;
    let text = std::fs::read_to_string(out.join("report.json"))?;
    from_json(&text).map_err(|error| error.to_string().into())
}

fn run_binary(file: &Path, out: &Path) -> io::Result<()> {
    let status = Command::new(env!("CARGO_BIN_EXE_uproar"))
        .arg("run")
        .arg(file)
        .args(["--workers", "1", "--quiet", "--format", "md", "--out"])
        .arg(out)
        .stdout(std::process::Stdio::null())
        .status()?;
    match status.code() {
        Some(0 | 1 | 3) => Ok(()),
        _ => Err(io::Error::other(format!("uproar ended with {status}"))),
    }
}
