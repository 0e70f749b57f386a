//! One real server: found, started on ports of its own, killed, started again, ended.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::turns::{Turn, loud};

/// RabbitMQ takes 13 s on a busy machine, the others half a second; reached only by a bug.
const START_LIMIT: Duration = Duration::from_secs(90);

/// A killed process is gone in milliseconds; reached only by a bug.
const END_LIMIT: Duration = Duration::from_secs(10);

/// What `start.sh` exits with where its server is not installed.
const NOT_INSTALLED: i32 = 77;

/// How many more may run. Servers and their clients mostly wait, but a few start beside each other by
/// taking all processors for seconds: with more at a time, their clients would wait for those. Holds
/// for one process: two `cargo test` beside each other have ports of their own, and share the processor.
static PLACES: Mutex<u32> = Mutex::new(4);
static FREED: Condvar = Condvar::new();

/// One of [`PLACES`], given back when it is dropped.
#[derive(Debug)]
struct Place {
    _turn: Turn,
}

impl Place {
    fn take() -> Self {
        // A test that failed leaves nothing that the next one could stumble over.
        let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let free = FREED.wait_while(places, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Self { _turn: loud() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *PLACES.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}

/// A server that runs, with its place. Dropped, it ends, and so does everything it has started.
#[derive(Debug)]
pub(super) struct Target {
    name: &'static str,
    /// Bound and never listened on, so that a server that is away keeps its ports: else the kernel
    /// could give one to a client's own outgoing connection.
    ports: Vec<(Socket, u16)>,
    folder: TempDir,
    running: Option<Running>,
    _place: Place,
}

/// A process group: the server, what it starts, and the guard.
#[derive(Debug)]
struct Running {
    server: Child,
    /// Ends the whole group when its stdin closes, which the kernel does however the tests end.
    guard: Child,
}

impl Target {
    /// Starts a server that takes one port. `None`, and a line on stderr, where it isn't installed.
    pub(super) fn start(name: &'static str) -> Option<Self> {
        Self::start_with_ports(name, 1)
    }

    /// Starts a server that takes several, and listens on all of them.
    pub(super) fn start_with_ports(name: &'static str, ports: usize) -> Option<Self> {
        let place = Place::take();
        let mut target = Self {
            name,
            ports: (0..ports).map(|_| reserve()).collect(),
            folder: TempDir::new().unwrap(),
            running: None,
            _place: place,
        };
        match target.launch() {
            Ok(()) => Some(target),
            Err(why) => {
                let required = std::env::var("UPROAR_REQUIRE_TARGETS").is_ok_and(|set| set == "1");
                assert!(!required, "{name}: {why} (UPROAR_REQUIRE_TARGETS=1)");
                // Not eprintln!: of a test that passes nobody would see it.
                let line = format!("skipped: {name}: {why}\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                None
            }
        }
    }

    fn address(&self, place: usize) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[place].1))
    }

    /// The URL of a path on its first port.
    pub(super) fn url(&self, path: &str) -> String {
        self.url_at(0, path)
    }

    /// The URL of a path on the port that was asked for at this place.
    pub(super) fn url_at(&self, place: usize, path: &str) -> String {
        format!("ws://{}{path}", self.address(place))
    }

    /// Ends it without a word (SIGKILL), with everything it has started. Returns when nobody listens
    /// on its ports any more.
    pub(super) fn kill(&mut self) {
        let mut running = self.running.take().expect("a server that runs");
        running.end();
        for place in 0..self.ports.len() {
            let address = self.address(place);
            waits_until("its listener's end", END_LIMIT, || TcpStream::connect(address).is_err());
        }
    }

    /// Starts it again where it was, with the folder it had.
    pub(super) fn start_again(&mut self) {
        assert!(self.running.is_none(), "{} runs", self.name);
        self.launch().unwrap();
    }

    /// What it has said since it was last started.
    fn said(&self) -> String {
        let bytes = std::fs::read(self.output()).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    /// Starts it and waits until it listens on every port. An error says that it isn't installed.
    fn launch(&mut self) -> Result<(), String> {
        let output = File::create(self.output()).unwrap();
        let server = start_script(self.name, self.folder.path())
            .args(self.ports.iter().map(|(_, port)| port.to_string()))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap();
        self.running = Some(Running::guarded(server));
        let deadline = Instant::now() + START_LIMIT;
        for place in 0..self.ports.len() {
            let address = self.address(place);
            while TcpStream::connect(address).is_err() {
                if let Some(status) = self.ended() {
                    let said = self.said();
                    self.running.take().expect("it was started").end();
                    if status.code() == Some(NOT_INSTALLED) {
                        return Err(said.trim().to_owned());
                    }
                    panic!("{} ended with {status} before it listened:\n{said}", self.name);
                }
                assert!(
                    Instant::now() < deadline,
                    "{} does not listen on {address}:\n{}",
                    self.name,
                    self.said()
                );
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().expect("it was started").server.try_wait().unwrap()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read(self.output()).unwrap_or_default();
            eprintln!("{} said:\n{}", self.name, String::from_utf8_lossy(&said));
        }
        if let Some(mut running) = self.running.take() {
            running.end();
        }
    }
}

impl Running {
    /// Puts a guard into the group of the server, which must be its own.
    fn guarded(mut server: Child) -> Self {
        let guard = Command::new("sh")
            .args(["-c", "read _; kill -KILL 0"])
            .stdin(Stdio::piped())
            .process_group(i32::try_from(server.id()).unwrap())
            .spawn();
        match guard {
            Ok(guard) => Self { server, guard },
            Err(error) => {
                let _ = server.kill();
                let _ = server.wait();
                panic!("no guard: {error}");
            }
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.server.id()).unwrap())
    }

    /// Kills the whole group. What it had at its top is waited for.
    fn end(&mut self) {
        // The guard was not waited for yet, so the number can't be somebody else's by now.
        match killpg(self.group(), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => eprintln!("the group {} can't be killed: {error}", self.group()),
        }
        let _ = self.server.wait();
        let _ = self.guard.wait();
    }
}

/// The script that knows how to start each of them.
fn start_script(name: &str, folder: &Path) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("sh");
    command.arg(root.join("tests/targets/start.sh")).arg(name).arg(folder);
    command
}

/// A port of the kernel's choice that stays ours.
fn reserve() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // The server binds the same port, with the same option.
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// Looks again and again until it holds: for what gives no event to wait for.
fn waits_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_is_not_installed_is_named() {
    let nothing = TempDir::new().unwrap();
    let output = start_script("socketio", nothing.path())
        .arg("1")
        .env("UPROAR_TARGETS", nothing.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(NOT_INSTALLED), "{said}");
    assert!(said.contains("is not installed: scripts/targets.sh does that"), "{said}");
}

#[test]
fn nothing_of_a_dropped_target_is_left() {
    let Some(target) = Target::start("ws") else { return };
    let (address, group) = (target.address(0), target.running.as_ref().unwrap().group());
    drop(target);
    assert!(TcpStream::connect(address).is_err(), "somebody listens on {address}");
    assert_eq!(killpg(group, None), Err(Errno::ESRCH), "somebody is left of group {group}");
}

#[test]
fn a_target_ends_when_the_tests_do() {
    let Some(mut target) = Target::start("ws") else { return };
    let running = target.running.as_mut().unwrap();
    // What the kernel does to it when this process is killed.
    drop(running.guard.stdin.take());
    let status = running.server.wait().unwrap();
    assert!(!status.success(), "it ended by itself");
}
