//! A run as a process of its own: this binary again, with a command line made of ours. Signals that reach
//! us are handed on to it; what it says on stdout is kept, and stderr is shared.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal as Raw, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::Failure;
use crate::coordinator::{Signal, Stop};
use crate::report::Exit;

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// What it printed on stdout.
    pub(super) said: String,
    /// What it printed on stderr, where that is not ours.
    pub(super) told: String,
}

/// Where a run's stderr goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stderr {
    /// Where ours goes.
    Shared,
    /// It is kept.
    Kept,
}

/// Makes a run with these arguments, the command first, whose files go into `folder`.
pub(super) async fn run(
    arguments: impl IntoIterator<Item = OsString>,
    folder: &Path,
    stderr: Stderr,
    stop: watch::Receiver<Stop>,
) -> Result<Ended, Failure> {
    let binary: PathBuf = std::env::current_exe()
        .map_err(|error| internal(format!("can't find our own binary: {error}")))?;
    let child = Command::new(binary)
        .args(without(arguments.into_iter(), &["--out"], &[]))
        .arg("--out")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(match stderr {
            Stderr::Shared => Stdio::inherit(),
            Stderr::Kept => Stdio::piped(),
        })
        // A signal reaches us, and we hand it on once: a terminal would send it to both.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| internal(format!("can't start a run: {error}")))?;
    follow(child, stop).await
}

/// The arguments without these flags and their values, and without these that have none.
pub(super) fn without(
    arguments: impl Iterator<Item = OsString>,
    flags: &[&str],
    switches: &[&str],
) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut skips = false;
    for argument in arguments {
        if std::mem::take(&mut skips) {
            continue;
        }
        let text = argument.to_string_lossy();
        if flags.iter().any(|flag| text == *flag) {
            skips = true;
            continue;
        }
        let assigned =
            |flag: &&str| text.strip_prefix(*flag).is_some_and(|rest| rest.starts_with('='));
        if !flags.iter().any(assigned) && !switches.contains(&&*text) {
            kept.push(argument);
        }
    }
    kept
}

/// All that comes. Bounded by the summary and the errors of a run, which are.
async fn read(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut text = Vec::new();
    if let Some(mut from) = from {
        // What can't be read is not told.
        let _ = from.read_to_end(&mut text).await;
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits for a run and hands signals on to it.
async fn follow(mut child: Child, mut stop: watch::Receiver<Stop>) -> Result<Ended, Failure> {
    let lost = |error: std::io::Error| internal(format!("a run can't be followed: {error}"));
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let wait = async {
        loop {
            tokio::select! {
                status = child.wait() => return status.map_err(lost),
                Ok(()) = stop.changed() => {
                    let raw = match stop.borrow().asked {
                        Some(Signal::Terminate | Signal::Hangup) => Raw::SIGTERM,
                        _ => Raw::SIGINT,
                    };
                    if let Some(pid) = pid {
                        // One that has just ended needs none.
                        let _ = kill(pid, raw);
                    }
                }
            }
        }
    };
    let (status, said, told) = tokio::join!(wait, read(stdout), read(stderr));
    Ok(Ended { exit: exit_of(status?), said, told })
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    // It had not begun to listen for signals.
    match status.signal().and_then(|signal| Raw::try_from(signal).ok()) {
        Some(Raw::SIGINT) => return Exit::Interrupted,
        Some(Raw::SIGTERM) => return Exit::Terminated,
        _ => {}
    }
    const ALL: [Exit; 8] = [
        Exit::Passed,
        Exit::Failed,
        Exit::Usage,
        Exit::Invalid,
        Exit::Unreachable,
        Exit::Internal,
        Exit::Interrupted,
        Exit::Terminated,
    ];
    let code = status.code();
    ALL.into_iter().find(|exit| Some(i32::from(exit.code())) == code).unwrap_or(Exit::Internal)
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_with_their_values_and_switches_alone() {
        let given = [
            "run",
            "a.toml",
            "--repeat",
            "5",
            "--out=x",
            "--codec",
            "json,cbor",
            "--quick",
            "--seed",
            "3",
        ];
        let given = given.iter().map(OsString::from);
        let kept = without(given, &["--repeat", "--out", "--codec"], &["--quick"]);
        assert_eq!(kept, ["run", "a.toml", "--seed", "3"]);
    }
}
