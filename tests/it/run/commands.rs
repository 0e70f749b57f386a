//! The commands that connect to nothing: what they print, and into what.

use std::io::pipe;
use std::process::Stdio;

use tempfile::TempDir;

use super::support::{Said, say, uproar};

fn says(arguments: &[&str]) -> Said {
    say(TempDir::new().unwrap().path(), arguments)
}

/// What is printed by a command that must succeed and have nothing to complain of.
fn printed(arguments: &[&str]) -> String {
    let said = says(arguments);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert_eq!(said.stderr, "", "{arguments:?}");
    said.stdout.replace(env!("CARGO_PKG_VERSION"), "[version]")
}

fn names() -> Vec<String> {
    let list = printed(&["scenarios"]);
    list.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn help() {
    insta::assert_snapshot!("help", printed(&["--help"]));
    for command in [
        "run",
        "try",
        "init",
        "report",
        "capacity",
        "compare",
        "serve",
        "plan",
        "check",
        "scenarios",
        "codecs",
        "schema",
        "doctor",
        "completions",
    ] {
        insta::assert_snapshot!(format!("help_{command}"), printed(&[command, "--help"]));
    }
    assert_eq!(printed(&["--version"]), "uproar [version]\n");
}

/// By the shell that is everywhere: it takes the script, and completes a flag.
#[test]
fn a_shell_completes() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("no-preflight") && script.contains("doctor"), "{shell}");
    }
    let script = printed(&["completions", "bash"]);
    let asks = "\nCOMP_WORDS=(uproar run --no-pre)\nCOMP_CWORD=2\n\
                _uproar uproar --no-pre run\necho \"${COMPREPLY[@]}\"\n";
    let output = std::process::Command::new("bash")
        .args(["--norc", "-c", &format!("{script}{asks}")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--no-preflight\n", "{output:?}");
}

#[test]
fn no_command_is_no_success() {
    let said = says(&[]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.all());
    assert!(said.stderr.contains("Usage: uproar"), "{}", said.stderr);
}

/// The figures are this machine's; their number and names are not.
#[test]
fn codecs_as_json() {
    let page: serde_json::Value =
        serde_json::from_str(&printed(&["codecs", "--format", "json"])).unwrap();
    let rows = page["codecs"].as_array().unwrap();
    assert_eq!(rows.len(), 14 * uproar::codec::CodecKind::ALL.len());
    for row in rows {
        for way in ["encode", "decode"] {
            assert!(row[way]["ns"].as_f64().unwrap() > 0.0, "{row}");
            assert!(row[way]["mb_per_s"].as_f64().unwrap() > 0.0, "{row}");
            assert!(row[way]["allocations"].is_u64(), "the binary counts: {row}");
        }
        assert!(row["frame_bytes"].as_u64().unwrap() > 0, "{row}");
        let reads_nothing = row["message"] == "text" && row["codec"] == "binary";
        assert!(!reads_nothing || row["decode"]["allocations"] == 0, "{row}");
        assert!(row["encode"]["allocations"].as_u64().unwrap() > 0, "{row}");
    }
}

#[test]
fn the_list_of_scenarios() {
    insta::assert_snapshot!("scenarios", printed(&["scenarios"]));
}

#[test]
fn the_plan_of_chat_rooms() {
    insta::assert_snapshot!("plan_chat_rooms", without_warnings(&printed(&["plan", "chat-rooms"])));
}

/// They depend on the machine.
fn without_warnings(plan: &str) -> String {
    let lines = plan.lines().filter(|line| !line.starts_with("warning"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_shipped_scenario_is_printed_checked_and_planned() {
    for name in names() {
        let folder = TempDir::new().unwrap();
        let file = format!("{name}.toml");
        std::fs::write(folder.path().join(&file), printed(&["scenarios", &name])).unwrap();
        for scenario in [&name, &file] {
            let checked = say(folder.path(), &["check", scenario]);
            assert_eq!(checked.code, Some(0), "{}", checked.all());
            assert_eq!(checked.stdout, format!("no mistakes found in the scenario {scenario}\n"));
            let planned = say(folder.path(), &["plan", scenario]);
            assert_eq!(planned.code, Some(0), "{}", planned.all());
            assert!(
                planned.stdout.contains("clients at the peak")
                    || planned.stdout.contains(" at the peak")
            );
        }
    }
}

#[test]
fn the_schemas_are_json() {
    for of in ["scenario", "protocol", "report"] {
        let schema: serde_json::Value = serde_json::from_str(&printed(&["schema", of])).unwrap();
        assert!(schema.get("properties").is_some(), "{of}");
        jsonschema::validator_for(&schema).unwrap();
    }
}

#[test]
fn doctor_names_every_limit() {
    let told = printed(&["doctor"]);
    for limit in ["open files", "ports", "memory", "cores", "accept queue", "carries"] {
        assert!(told.contains(limit), "{told}");
    }
}

/// What it finds is this machine's; that it says so of each layer is not.
#[test]
fn doctor_tells_stalls_by_layer() {
    let told = printed(&["doctor", "--stalls", "200ms"]);
    for words in ["watched  ", "uproar  ", "this machine  ", "hypervisor  ", "probes  ", "means  "]
    {
        assert!(told.lines().any(|line| line.starts_with(words)), "{words}: {told}");
    }
}

/// The exit code where what is printed goes to a pipe that nobody reads any more.
fn unread(arguments: &[&str], unread_stderr: bool) -> (Option<i32>, String) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let folder = TempDir::new().unwrap();
    let mut command = uproar(folder.path());
    command.args(arguments);
    let output = if unread_stderr {
        command.stdout(Stdio::piped()).stderr(writer).output()
    } else {
        command.stdout(writer).stderr(Stdio::piped()).output()
    };
    let output = output.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let commands: [&[&str]; 8] = [
        &["schema"],
        &["schema", "report"],
        &["scenarios"],
        &["scenarios", "echo"],
        &["plan", "echo"],
        &["check", "echo"],
        &["doctor"],
        &["--help"],
    ];
    for command in commands {
        assert_eq!(unread(command, false), (Some(0), String::new()), "{command:?}");
    }
}

#[test]
fn errors_that_nobody_reads_keep_their_exit_code() {
    for command in [&["run", "nothing-here"][..], &["check", "nothing-here"], &["--no-such-flag"]] {
        assert_eq!(unread(command, true).0, Some(2), "{command:?}");
    }
}

#[test]
fn a_server_that_can_t_tell_its_address_ends() {
    let (code, told) = unread(&["serve", "--listen", "127.0.0.1:0"], false);
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains("can't write the address"), "{told}");
}

#[test]
fn an_address_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = says(&["serve", "--listen", &address]);
    let told = said.all().replace(&address, "127.0.0.1:[port]");
    insta::assert_snapshot!("address_in_use", told);
}
