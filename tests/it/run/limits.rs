//! Limits of this machine, met in the middle of a run: named as such, and held against no server.

use uproar::metric::{ErrorKind, Step};
use uproar::report::{ValidityState, VerdictState};

use super::misbehaving::{Manner, Misbehaving};
use super::support::{DEADLINE, folder_with, read_report, run, uproar};

/// The plan allows for 64 files beside the clients' sockets, and 30 workers take more.
#[test]
fn a_run_without_files_left_says_which_limit_it_met() {
    const CLIENTS: u64 = 120;
    let folder = folder_with(&format!(
        r#"
        format = 1
        name = "files"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        reconnect = false
        [[phase]]
        name = "steady"
        duration = "1s"
        "#
    ));
    let server = Misbehaving::start(Manner::UpgradesOnly);
    let limited = format!(
        "ulimit -n {} && exec \"$0\" run scenario.toml --quiet --workers 30 --no-preflight \
         --protocol echo --out out --url \"$1\"",
        CLIENTS + 64
    );
    let binary = uproar(folder.path()).get_program().to_owned();
    let output = assert_cmd::Command::new("sh")
        .current_dir(folder.path())
        .arg("-c")
        .arg(limited)
        .arg(binary)
        .arg(server.url())
        .timeout(DEADLINE)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let report = read_report(&folder.path().join("out"));
    let [error] = &report.errors[..] else { panic!("{told}") };
    let found = (error.kind, error.detail.as_deref(), error.step);
    assert_eq!(found, (ErrorKind::LocalLimit, Some("open_files"), Step::Tcp), "{told}");
    assert!(error.example.contains("ulimit -n"), "{}", error.example);
    assert_eq!(error.count + report.clients.joined, CLIENTS, "{told}");
    let [limit] = &report.limits_hit[..] else { panic!("{:?}", report.limits_hit) };
    assert_eq!((limit.limit.as_str(), limit.count), ("this machine's open files", error.count));
    assert_eq!(report.validity.state, ValidityState::Invalid, "{told}");
    assert_eq!(report.verdict.state, VerdictState::Invalid, "{told}");
    assert_eq!(output.status.code(), Some(3), "{told}");
}

/// As a CI job's runner may be.
#[test]
fn the_memory_of_whoever_started_a_run_is_not_its_own() {
    const LARGE: usize = 300 << 20;
    let large = vec![1_u8; LARGE];
    let scenario = r#"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "one"
        clients = 1
        publish = { rate = "10/s" }
        [[phase]]
        name = "steady"
        duration = "500ms"
    "#;
    let report = run(scenario, &[]).report;
    let rss = report.generator.rss_peak_bytes.unwrap();
    assert!(rss < (LARGE / 2) as u64, "{rss} bytes beside {}", large.len());
}
