//! Scenarios in folders of their own, the binary run on them, and its report read back. No test
//! lives here.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use uproar::report::Report;
use uproar::report::json::from_json;

use crate::turns::{Turn, loud};

/// Far more than anything here takes; reached only by a bug.
pub(super) const DEADLINE: Duration = Duration::from_secs(180);

/// The binary, in a folder, untouched by the environment of whoever runs the tests.
pub(super) fn uproar(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uproar"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in ["UPROAR_ALLOW_HOSTS", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// What a command left: its exit code and everything it said.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    /// For snapshots.
    pub(super) fn all(&self) -> String {
        let code = self.code.expect("an exit code");
        let mut all = format!("exit code {code}\n");
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                all.push_str(&format!("--- {name}\n{text}"));
            }
        }
        all
    }
}

/// Runs a command to its end.
pub(super) fn say(folder: &Path, arguments: &[&str]) -> Said {
    let _turn = loud();
    let output = assert_cmd::Command::from_std(uproar(folder))
        .args(arguments)
        .timeout(DEADLINE)
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with `scenario.toml` in it.
pub(super) fn folder_with(scenario: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
    folder
}

/// A finished run.
pub(super) struct Ran {
    pub(super) said: Said,
    pub(super) report: Report,
    _folder: TempDir,
}

/// `uproar run` of a scenario, which must write a report that agrees with its exit code.
///
/// Other tests and other people load this machine, so an invalid run is judged all the same:
/// what is looked at here is what arrived, not how fast.
pub(super) fn run(scenario: &str, arguments: &[&str]) -> Ran {
    let folder = folder_with(&format!("format = 1\nname = \"test\"\n{scenario}"));
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&fixed, arguments].concat());
    let report = read_report(&folder.path().join("out"));
    assert_eq!(Some(i32::from(report.run.exit_code)), said.code, "{}", said.all());
    assert_eq!(said.stderr, "", "quiet means quiet");
    assert!(folder.path().join("out/report.md").exists());
    Ran { said, report, _folder: folder }
}

pub(super) fn read_report(out: &Path) -> Report {
    let text = std::fs::read_to_string(out.join("report.json"))
        .unwrap_or_else(|error| panic!("no report in {}: {error}", out.display()));
    from_json(&text).unwrap()
}

/// A run that goes on, to be interrupted. Ends with the test.
pub(super) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    _turn: Turn,
}

impl Running {
    pub(super) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_as(uproar(folder).args(arguments), folder)
    }

    /// The binary as another command starts it.
    pub(super) fn start_as(command: &mut Command, folder: &Path) -> Self {
        let turn = loud();
        let mut child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, _turn: turn }
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Waits for a line of progress that begins so, and gives it.
    pub(super) fn wait_for_line(&mut self, start: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                panic!("no line begins with {start:?}: {seen}");
            }
            if line.starts_with(start) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    pub(super) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// How it ends, within a time.
    pub(super) fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        becomes_true("its end", limit, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener that accepts no more: handshakes with it are never answered. Ends with what is given
/// beside the address.
pub(super) fn blackhole(ip: impl Into<IpAddr>) -> (Socket, Vec<TcpStream>, SocketAddr) {
    let address = SocketAddr::new(ip.into(), 0);
    let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    // How many a queue of "none" holds is the system's to know.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue has no end");
    }
    (listener, waiting, address)
}

/// Looks again and again until it holds: for what gives no event to wait for.
pub(super) fn becomes_true(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The reference server as a process of its own. Ends with the test.
pub(super) struct Served {
    pub(super) child: Child,
    pub(super) url: String,
}

impl Served {
    pub(super) fn start(folder: &Path, flags: &[&str]) -> Self {
        let mut child = uproar(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    /// Where it listens.
    pub(super) fn port(&self) -> &str {
        self.url.trim_end_matches('/').rsplit(':').next().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that is gone already has failed the test by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
