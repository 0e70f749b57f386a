//! The built-in server as a child of our own binary.
//!
//! A process of its own has its own file limit and its own CPU and memory figures. It ends when
//! its stdin closes, so none is left behind however this process ends.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{Child, ChildStdin, Command};

use crate::machine::cpu::{ProcessStat, process_stat};

/// How long the child may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to end once its stdin is closed.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// What it prints before its address.
const BANNER: &str = "listening on ws://";

/// The built-in server: running, frozen, or away for a while.
#[derive(Debug)]
pub struct BuiltinServer {
    binary: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    /// Keeps the port while no child listens on it: bound, and never listening, so that clients
    /// are refused. Without it a client's own outgoing connection could be given that port.
    _reserved: Option<TcpSocket>,
    running: Option<Running>,
    /// Its process; 0 while there is none.
    pid: Arc<AtomicU32>,
    /// CPU time of earlier children, and the largest memory of any.
    before: Option<ProcessStat>,
}

/// A child and our end of its stdin.
#[derive(Debug)]
struct Running {
    child: Child,
    /// Held open: the server ends when it closes.
    stdin: Option<ChildStdin>,
    /// Its last known figures, for when it is gone.
    last: Option<ProcessStat>,
}

impl BuiltinServer {
    /// Starts `binary serve` with these further arguments and waits until it listens.
    ///
    /// # Errors
    ///
    /// When the child can't be started, ends at once, or does not listen in time.
    pub async fn start(binary: &Path, arguments: &[String]) -> io::Result<Self> {
        let reserved = reserve()?;
        let wanted = match &reserved {
            Some(socket) => socket.local_addr()?,
            None => SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let (running, address) = Running::start(binary, arguments, wanted).await?;
        Ok(Self {
            binary: binary.to_owned(),
            arguments: arguments.to_owned(),
            address,
            _reserved: reserved,
            pid: Arc::new(AtomicU32::new(running.pid())),
            running: Some(running),
            before: None,
        })
    }

    /// Where it listens, also after it was started again.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, whichever it is by then; 0 while there is none.
    #[must_use]
    pub fn pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    /// CPU time and memory so far, of all its children; the last known ones if it is gone; `None`
    /// where the system does not tell.
    pub fn stat(&mut self) -> Option<ProcessStat> {
        let now = self.running.as_mut().and_then(Running::stat);
        match (self.before, now) {
            (Some(before), Some(now)) => Some(ProcessStat {
                cpu_us: before.cpu_us + now.cpu_us,
                rss_bytes: now.rss_bytes,
                rss_peak_bytes: before.rss_peak_bytes.max(now.rss_peak_bytes),
            }),
            (before, now) => now.or(before),
        }
    }

    /// How it ended, if it did so by itself.
    pub fn ended(&mut self) -> Option<String> {
        let running = self.running.as_mut()?;
        running.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Stops it where it stands (SIGSTOP).
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = self.running.as_ref().and_then(|running| running.child.id());
        let pid = id.and_then(|id| i32::try_from(id).ok());
        let pid = pid.ok_or_else(|| io::Error::other("it is not running"))?;
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// Ends it without a word (SIGKILL).
    pub async fn kill(&mut self) {
        self.stat();
        self.pid.store(0, Ordering::Release);
        if let Some(mut running) = self.running.take() {
            // It fails only if the child is gone already.
            let _ = running.child.kill().await;
            self.remember(&running);
        }
    }

    /// Lets it end in order, and makes sure that it does.
    pub async fn stop(&mut self) {
        self.stat();
        self.pid.store(0, Ordering::Release);
        if let Some(mut running) = self.running.take() {
            running.stop().await;
            self.remember(&running);
        }
    }

    fn remember(&mut self, gone: &Running) {
        if let Some(last) = gone.last {
            let (cpu_us, rss_peak_bytes) =
                self.before.map_or((0, 0), |before| (before.cpu_us, before.rss_peak_bytes));
            self.before = Some(ProcessStat {
                cpu_us: cpu_us + last.cpu_us,
                rss_bytes: 0,
                rss_peak_bytes: rss_peak_bytes.max(last.rss_peak_bytes),
            });
        }
    }

    /// Starts it again, where it was, and waits until it listens.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> io::Result<()> {
        let (running, _) = Running::start(&self.binary, &self.arguments, self.address).await?;
        self.pid.store(running.pid(), Ordering::Release);
        self.running = Some(running);
        Ok(())
    }
}

/// A port of our own. Elsewhere than on Linux a second socket can't be bound to it, so the child
/// takes one, and gets it back as long as nobody else does.
fn reserve() -> io::Result<Option<TcpSocket>> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    Ok(Some(socket))
}

impl Running {
    async fn start(
        binary: &Path,
        arguments: &[String],
        address: SocketAddr,
    ) -> io::Result<(Self, SocketAddr)> {
        let mut child = Command::new(binary)
            .args(["serve", "--listen", &address.to_string(), "--exit-with-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal is for us: the server has to outlive the drain.
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("it has no stdout"))?;
        let mut lines = BufReader::new(stdout).lines();
        let line =
            tokio::time::timeout(START_TIMEOUT, lines.next_line()).await.map_err(|_| {
                io::Error::other(format!("it did not listen within {START_TIMEOUT:?}"))
            })??;
        let Some(line) = line else {
            let status = child.wait().await?;
            return Err(io::Error::other(format!("it ended at once ({status})")));
        };
        let address = line
            .strip_prefix(BANNER)
            .and_then(|rest| rest.trim_end_matches('/').parse().ok())
            .ok_or_else(|| io::Error::other(format!("its first line is not an address: {line}")))?;
        Ok((Self { child, stdin, last: None }, address))
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    fn stat(&mut self) -> Option<ProcessStat> {
        self.last = self.child.id().and_then(process_stat).or(self.last);
        self.last
    }

    async fn stop(&mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(END_TIMEOUT, self.child.wait()).await.is_err() {
            // It is ours and it hangs; there is nothing it could still save.
            let _ = self.child.kill().await;
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
