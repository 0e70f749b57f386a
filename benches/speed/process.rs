//! Processes that a measurement starts: each on a core of its own, ended by its own handle, and
//! waited for with what it used.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use uproar::machine::cores::{allowed, keep_to};

use crate::Failure;

/// What a process used in its life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Microseconds in its own code.
    pub user_us: f64,
    /// Microseconds in the kernel on its behalf.
    pub system_us: f64,
}

impl Used {
    pub fn cpu_us(self) -> f64 {
        self.user_us + self.system_us
    }
}

/// Which of the two cores that a measurement uses.
#[derive(Clone, Copy, Debug)]
pub enum Core {
    Server,
    Client,
}

/// A process of ours that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

/// This program, told to be one of its parts.
pub fn own(part: &str) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(part);
    Ok(command)
}

/// The binary that is measured.
pub fn uproar() -> Command {
    Command::new(env!("CARGO_BIN_EXE_uproar"))
}

impl Running {
    /// Starts a process on one core.
    pub fn start(mut command: Command, core: Core) -> Result<Self, Failure> {
        let cores = allowed().ok_or("the cores this process may use are unknown")?;
        let [first, .., last] = cores[..] else {
            return Err("client and server need a core each, and there is one".into());
        };
        // Inherited by the child, and then undone.
        keep_to(&[match core {
            Core::Server => first,
            Core::Client => last,
        }]);
        // A server ends when we do, however that is: its input ends then.
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        keep_to(&cores);
        let mut child = child?;
        let out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, out })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line it prints.
    pub fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.out.read_line(&mut line)? {
            0 => Err("a process of the bench ended without a word".into()),
            _ => Ok(line),
        }
    }

    /// Whether it has nothing more to do but to be waited for. Its output has to fit in a pipe.
    pub fn has_ended(&self) -> Result<bool, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        Ok(status.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
    }

    /// Waits for its end; gives what it still printed, and what it used.
    pub fn wait(mut self) -> Result<(String, Used), Failure> {
        let mut text = String::new();
        self.out.read_to_string(&mut text)?;
        let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let status = self.child.wait()?;
        let used = difference(&getrusage(UsageWho::RUSAGE_CHILDREN)?, &before);
        // uproar's own 1 and 3: a threshold or the verdict. Its figures are there.
        match status.code() {
            Some(0 | 1 | 3) | None => Ok((text, used)),
            Some(_) => Err(format!("a process of the bench ended with {status}").into()),
        }
    }

    /// Ends it at once, whatever it is doing, and gives what it used.
    pub fn kill(self) -> Result<Used, Failure> {
        kill(Pid::from_raw(i32::try_from(self.pid())?), Signal::SIGKILL)?;
        Ok(self.wait()?.1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Waited for already, unless something failed in between.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn difference(after: &Usage, before: &Usage) -> Used {
    let us = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    Used {
        user_us: us(after.user_time()) - us(before.user_time()),
        system_us: us(after.system_time()) - us(before.system_time()),
    }
}
