//! Which processes are the server's at this moment: found anew every ten seconds, and at once if the first is
//! gone, because servers restart and start others.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::Of;
use crate::machine::cgroup::Cgroup;
use crate::machine::process::{ProcessId, identify, name, parents};
use crate::machine::sockets::{is_listened_on, listeners};
use crate::scenario::Whom;

/// Processes of one server that are looked at.
const PROCESSES_MAX: usize = 256;
/// They are found anew each so many seconds.
const FIND_EVERY: u64 = 10;

#[derive(Debug)]
pub(super) struct Follow {
    of: Of,
    /// The first is the one that was named, or that listens.
    processes: Vec<ProcessId>,
    cgroup: Option<Cgroup>,
    /// How often it was asked to find them anew.
    asked: u64,
}

impl Follow {
    pub(super) fn of(of: Of) -> Result<Self, String> {
        let mut follow = Self { of, processes: Vec::new(), cgroup: None, asked: 0 };
        if let Of::Named(whom) = &follow.of {
            are_there(whom)?;
        }
        follow.refresh();
        Ok(follow)
    }

    /// Finds them anew, if the first is gone, or it is some seconds ago: who listens on a port is found by
    /// looking at every open file of the machine.
    pub(super) fn refresh(&mut self) {
        let is_due = self.asked.is_multiple_of(FIND_EVERY);
        self.asked += 1;
        let is_there = |main: ProcessId| identify(main.pid) == Some(main);
        if matches!(self.of, Of::Named(_)) && !is_due && self.main().is_some_and(is_there) {
            self.processes.retain(|process| is_there(*process));
            return;
        }
        let roots = match &self.of {
            Of::Named(whom) => roots(whom),
            Of::Own(pid) => match pid.load(Ordering::Acquire) {
                0 => Vec::new(),
                pid => vec![pid],
            },
            Of::Nobody => Vec::new(),
        };
        // The built-in server starts no others.
        let all = match &self.of {
            Of::Named(_) => with_descendants(roots, &parents()),
            Of::Own(_) | Of::Nobody => roots,
        };
        self.processes = all.into_iter().filter_map(identify).collect();
        self.cgroup = match &self.of {
            Of::Named(Whom::Cgroup(folder)) => Some(Cgroup::at(folder)),
            _ => self.main().and_then(|main| Cgroup::of(main.pid)),
        };
    }

    pub(super) fn processes(&self) -> &[ProcessId] {
        &self.processes
    }

    /// The one that was named, or that listens.
    pub(super) fn main(&self) -> Option<ProcessId> {
        self.processes.first().copied()
    }

    /// The group that limits them.
    pub(super) fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// In words. Names of processes only: arguments may hold secrets.
    pub(super) fn what(&self) -> String {
        let named = |pid: u32| match name(pid) {
            Some(name) => format!("process {pid} ({name})"),
            None => format!("process {pid}"),
        };
        let others = match self.processes.len() {
            0 | 1 => String::new(),
            2 => " and another".to_owned(),
            n => format!(" and {} others", n - 1),
        };
        let main = self.main().map_or("no process".to_owned(), |main| named(main.pid));
        match &self.of {
            Of::Own(_) => "the built-in server".to_owned(),
            Of::Nobody => String::new(),
            Of::Named(Whom::Port(port)) => format!("{main}{others}, on port {port}"),
            Of::Named(Whom::Cgroup(folder)) => format!("control group {}", folder.display()),
            Of::Named(Whom::Pid(_) | Whom::PidFile(_)) => format!("{main}{others}"),
        }
    }
}

fn roots(whom: &Whom) -> Vec<u32> {
    match whom {
        Whom::Pid(pid) => vec![*pid],
        Whom::PidFile(file) => read_pid(file).into_iter().collect(),
        Whom::Port(port) => listeners(*port),
        Whom::Cgroup(folder) => Cgroup::at(folder).processes(),
    }
}

fn read_pid(file: &Path) -> Option<u32> {
    // More than a number's length is no pid file.
    let text = std::fs::read_to_string(file).ok().filter(|text| text.len() < 64)?;
    text.split_whitespace().next()?.parse().ok()
}

/// Those, and all that they started and these started, in that order and each once.
fn with_descendants(roots: Vec<u32>, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in parents {
        children.entry(*parent).or_default().push(*pid);
    }
    let mut seen = HashSet::new();
    let mut all: Vec<u32> = roots.into_iter().filter(|root| seen.insert(*root)).collect();
    let mut at = 0;
    while at < all.len() && all.len() < PROCESSES_MAX {
        let started = children.remove(&all[at]).unwrap_or_default();
        all.extend(started.into_iter().filter(|child| seen.insert(*child)));
        at += 1;
    }
    all.truncate(PROCESSES_MAX);
    all
}

/// Whether they are there now, or why not, in words.
fn are_there(whom: &Whom) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("processes can be watched on Linux only: remove `[target.watch]`".to_owned());
    }
    let is_there = roots(whom).into_iter().any(|pid| identify(pid).is_some());
    match whom {
        _ if is_there => Ok(()),
        Whom::Pid(pid) => {
            Err(format!("there is no process {pid}: give the server's, or watch its port"))
        }
        Whom::PidFile(file) if !file.exists() => {
            Err(format!("there is no file {}: start the server first", file.display()))
        }
        Whom::PidFile(file) => {
            Err(format!("{} does not hold the number of a process that runs", file.display()))
        }
        Whom::Port(port) if is_listened_on(*port) => Err(format!(
            "somebody listens on port {port}, and this user may not see who: run uproar as the server's \
             user, or name the process with pid"
        )),
        Whom::Port(port) => Err(format!(
            "nobody listens on port {port} of this machine: start the server first, or leave out what is \
             watched if it runs elsewhere"
        )),
        Whom::Cgroup(folder) if !Cgroup::at(folder).is_there() => {
            Err(format!("there is no control group at {}", folder.display()))
        }
        Whom::Cgroup(folder) => {
            Err(format!("no process is in the control group {}", folder.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_started_belongs_to_who_started_it() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 9)];
        assert_eq!(with_descendants(vec![2], &parents), [2, 3, 4]);
        assert_eq!(with_descendants(vec![3, 2, 3], &parents), [3, 2, 4]);
        assert!(with_descendants(Vec::new(), &parents).is_empty());
        // A circle can be read while processes come and go.
        assert_eq!(with_descendants(vec![7], &[(7, 8), (8, 7)]), [7, 8]);
        let many: Vec<_> = (2..2_000).map(|pid| (pid, 1)).collect();
        assert_eq!(with_descendants(vec![1], &many).len(), PROCESSES_MAX);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_not_there_is_said() {
        let told = |whom| Follow::of(Of::Named(whom)).unwrap_err();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = Follow::of(Of::Named(Whom::Port(port))).unwrap();
        assert_eq!(found.main().unwrap().pid, std::process::id());
        drop(listener);
        assert!(told(Whom::Port(port)).starts_with(&format!("nobody listens on port {port}")));
        assert!(told(Whom::Pid(i32::MAX as u32)).starts_with("there is no process 2147483647"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        assert!(told(Whom::PidFile(file.clone())).contains("start the server first"));
        std::fs::write(&file, "not a number").unwrap();
        assert!(told(Whom::PidFile(file.clone())).contains("does not hold"));
        std::fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        assert!(Follow::of(Of::Named(Whom::PidFile(file))).is_ok());
        let none = folder.path().to_owned();
        assert!(told(Whom::Cgroup(none)).starts_with("there is no control group"));
    }
}
