//! The built-in server as a child of our own binary.
//!
//! A process of its own has its own file limit and its own CPU and memory figures. It ends when
//! its stdin closes, so none is left behind however this process ends.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::machine::cpu::{ProcessStat, process_stat};

/// How long the child may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to end once its stdin is closed.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// What it prints before its address.
const BANNER: &str = "listening on ws://";

/// A running built-in server.
#[derive(Debug)]
pub struct BuiltinServer {
    child: Child,
    /// Held open: the server ends when it closes.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
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
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
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
        Ok(Self { child, stdin, address, last: None })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its CPU time and memory so far; the last known ones if it is gone; `None`
    /// where the system does not tell.
    pub fn stat(&mut self) -> Option<ProcessStat> {
        self.last = self.child.id().and_then(process_stat).or(self.last);
        self.last
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Lets it end, and makes sure that it does.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(END_TIMEOUT, self.child.wait()).await.is_err() {
            // It is ours and it hangs; there is nothing it could still save.
            let _ = self.child.kill().await;
        }
    }
}
