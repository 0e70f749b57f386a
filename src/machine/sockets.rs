//! Sockets of this machine: who listens on a port, and what its network stack could not take.

use std::collections::HashSet;
use std::fs;

/// The processes that have a socket open which listens on this TCP port, lowest number first; none where
/// nobody does, or whose files may not be read. A process that was handed the socket by its parent has it
/// too.
#[must_use]
pub fn listeners(port: u16) -> Vec<u32> {
    let inodes: HashSet<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| parse_listeners(&text, port))
        .collect();
    if inodes.is_empty() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = pids.filter(|pid| has_socket(*pid, &inodes)).collect();
    found.sort_unstable();
    found
}

/// Whether anybody listens on this TCP port, whoever it is.
#[must_use]
pub fn is_listened_on(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|text| !parse_listeners(&text, port).is_empty())
}

fn has_socket(pid: u32, inodes: &HashSet<u64>) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| {
        let link = fs::read_link(file.path()).ok();
        let inode = link.as_ref().and_then(|link| {
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        });
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

/// Inodes of sockets that listen on the port, of `/proc/net/tcp` or `tcp6`.
fn parse_listeners(text: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| {
        let mut fields = line.split_whitespace();
        let (_, local_port) = fields.nth(1)?.rsplit_once(':')?;
        let (_, state) = (fields.next()?, fields.next()?);
        let is_it = state == LISTEN && u16::from_str_radix(local_port, 16).ok() == Some(port);
        // After the state: queues, timer, retransmits, uid, timeout, inode.
        let inode = fields.nth(5)?.parse().ok()?;
        is_it.then_some(inode)
    };
    text.lines().skip(1).filter_map(inode).collect()
}

/// What the network stack counted since the machine started, of all sockets in the same network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// Connections that came while a listener's queue of those not yet accepted was full.
    pub listen_overflows: u64,
    /// Connections dropped at a listener, for that or another reason.
    pub listen_drops: u64,
    /// Segments sent again.
    pub retransmits: u64,
}

/// The counters of the network namespace that a process is in.
#[must_use]
pub fn net_counters(pid: u32) -> Option<NetCounters> {
    let netstat = fs::read_to_string(format!("/proc/{pid}/net/netstat")).ok()?;
    let snmp = fs::read_to_string(format!("/proc/{pid}/net/snmp")).ok()?;
    Some(NetCounters {
        listen_overflows: parse_counter(&netstat, "TcpExt:", "ListenOverflows")?,
        listen_drops: parse_counter(&netstat, "TcpExt:", "ListenDrops")?,
        retransmits: parse_counter(&snmp, "Tcp:", "RetransSegs")?,
    })
}

/// A counter of a table whose first line of a kind holds the names and whose second the figures.
fn parse_counter(text: &str, kind: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(kind));
    let at = lines.next()?.split_whitespace().position(|known| known == name)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4 30 10 -1
   2: 0100007F:1F91 00000000:0000 0A broken
";

    #[test]
    fn only_who_listens_on_the_port_counts() {
        assert_eq!(parse_listeners(TCP, 8_080), [4_711]);
        assert!(parse_listeners(TCP, 8_081).is_empty() && parse_listeners("", 1).is_empty());
    }

    #[test]
    fn counters_stand_under_their_names() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 7 3\nIpExt: C\nIpExt: 4\n";
        assert_eq!(parse_counter(text, "TcpExt:", "ListenOverflows"), Some(7));
        assert_eq!(parse_counter(text, "TcpExt:", "ListenDrops"), None);
        assert_eq!(parse_counter("TcpExt: A\n", "TcpExt:", "A"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_listens_where_it_does() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listeners(port), [std::process::id()]);
        assert!(is_listened_on(port) && net_counters(std::process::id()).is_some());
        drop(listener);
        assert!(listeners(port).is_empty());
    }
}
