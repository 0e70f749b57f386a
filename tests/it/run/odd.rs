//! Whatever stands on the command line, in the environment or behind the three descriptors: an answer with
//! a documented exit code, and no panic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Output, Stdio};

use super::support::{folder_with, run, uproar};

const COMMANDS: [&str; 14] = [
    "run",
    "try",
    "init",
    "report",
    "compare",
    "serve",
    "plan",
    "check",
    "scenarios",
    "protocols",
    "codecs",
    "schema",
    "doctor",
    "completions",
];

/// Not UTF-8, not a word, not a number, not a path that is there.
const ODD: [&[u8]; 7] = [
    b"\xff\xfe",
    b"--\xff",
    b"--clients=\xff",
    b"--out=\xff",
    b"",
    b"-",
    b"--seed=99999999999999999999",
];

#[track_caller]
fn answered(what: &str, output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let code = output.status.code().unwrap_or_else(|| panic!("{what}: {:?}: {all}", output.status));
    assert!((0..=5).contains(&code) && !all.contains("panicked"), "{what}: {code}: {all}");
}

#[test]
fn arguments_of_any_bytes_are_answered() {
    let folder = folder_with("");
    for command in COMMANDS {
        for odd in ODD {
            // Beside a flag that no command has, so that nothing begins to run or to listen.
            let arguments = [OsStr::from_bytes(odd), OsStr::new("--zebra")];
            let output = uproar(folder.path()).arg(command).args(arguments).output().unwrap();
            answered(&format!("{command} {:?}", arguments[0]), &output);
            assert_eq!(output.status.code(), Some(2), "{command} {:?}", arguments[0]);
        }
    }
    for path in [&b"none\xff"[..], b"", b"scenario.toml\xff"] {
        for command in
            ["report", "compare", "check", "plan", "run", "try", "scenarios", "protocols"]
        {
            let output =
                uproar(folder.path()).arg(command).arg(OsStr::from_bytes(path)).output().unwrap();
            answered(&format!("{command} {path:?}"), &output);
            assert_eq!(output.status.code(), Some(2), "{command} {path:?}");
        }
    }
}

/// A folder may be called anything, and the report has the command line.
#[test]
fn a_report_can_go_into_a_folder_whose_name_is_no_text() {
    let folder = folder_with("");
    let out = OsStr::from_bytes(b"out\xff");
    let arguments =
        ["run", "echo", "--clients=3", "--duration=300ms", "--quiet", "--allow-invalid"];
    let output = uproar(folder.path()).args(arguments).arg("--out").arg(out).output().unwrap();
    answered("run", &output);
    assert_eq!(output.status.code(), Some(0));
    let report = super::support::read_report(&folder.path().join(out));
    assert_eq!(report.run.command.last().map(String::as_str), Some("out\u{fffd}"));
}

#[test]
fn an_environment_with_nothing_in_it_is_enough() {
    let folder = folder_with("");
    for arguments in [
        &["doctor"][..],
        &["scenarios"],
        &["protocols"],
        &["plan"],
        &["check"],
        &["schema", "report"],
    ] {
        let output = uproar(folder.path()).args(arguments).env_clear().output().unwrap();
        answered(&arguments.join(" "), &output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
    let odd = OsStr::from_bytes(b"\xff=\xff");
    for name in ["UPROAR_ALLOW_HOSTS", "NO_COLOR", "TERM", "COLUMNS", "LANG", "RUST_LOG"] {
        let output = uproar(folder.path()).arg("plan").env(name, odd).output().unwrap();
        answered(name, &output);
        assert_eq!(output.status.code(), Some(0), "{name}");
    }
}

#[test]
fn closed_descriptors_are_no_panic() {
    let folder = folder_with("");
    let binary = env!("CARGO_BIN_EXE_uproar");
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        for arguments in [
            "doctor",
            "scenarios",
            "plan",
            "check nowhere.toml",
            "zebra",
            "run echo --clients 3 --duration 300ms --allow-invalid --out out",
        ] {
            let line = format!("exec {binary} {arguments} {closed}");
            let output = std::process::Command::new("sh")
                .args(["-c", &line])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            answered(&line, &output);
        }
        // A folder that has a report is not written to twice.
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
    }
}

/// The next frame may be taken in 300,000 years, which is further off than a clock of microseconds goes.
#[test]
fn a_reader_that_never_reads_again_reads_once() {
    let ran = run(
        r#"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "slow"
        clients = 2
        publish = { rate = "20/s", arrivals = "constant" }
        read = { rate = "0.0000000000001/s" }
        [[phase]]
        name = "steady"
        duration = "1s"
        "#,
        &[],
    );
    let found = ran.report.deliveries;
    let in_time = found.delivered - found.late.unwrap_or(0);
    assert_eq!((ran.report.clients.joined, in_time), (2, 2), "{}", ran.said.all());
}
