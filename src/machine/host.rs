//! What machine this is: recorded in every report, so that two runs are compared only when
//! they ran on alike machines.
//!
//! Describes; limits and load are in `limits` and `cpu`.

use serde::{Deserialize, Serialize};

use super::limits;

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Host {
    /// Its name.
    pub hostname: String,
    /// System, release and architecture: `Linux 6.18.0 x86_64`.
    pub os: String,
    /// Model of the processor; `null` where the system doesn't tell.
    pub cpu: Option<String>,
    /// Cores this process may use, by affinity and container quota.
    pub cores: u32,
    /// Memory of the machine, bytes; `null` where the system doesn't tell.
    pub memory_bytes: Option<u64>,
    /// Equal for machines whose figures may be compared: 16 hexadecimal digits over everything
    /// above but the name, memory in whole GiB.
    pub fingerprint: String,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        let (hostname, os) = match nix::sys::utsname::uname() {
            Ok(uname) => (
                uname.nodename().to_string_lossy().into_owned(),
                format!(
                    "{} {} {}",
                    uname.sysname().to_string_lossy(),
                    uname.release().to_string_lossy(),
                    uname.machine().to_string_lossy()
                ),
            ),
            Err(_) => (String::new(), std::env::consts::OS.to_owned()),
        };
        let cpu = std::fs::read_to_string("/proc/cpuinfo").ok();
        Self {
            hostname,
            os,
            cpu: cpu.as_deref().and_then(parse_cpu_model),
            cores: cores(),
            memory_bytes: limits::memory().map(|memory| memory.total_bytes),
            fingerprint: String::new(),
        }
        .fingerprinted()
    }

    fn fingerprinted(mut self) -> Self {
        // The kernel keeps a little memory for itself, and not always the same amount.
        let memory_gib = self.memory_bytes.map(|bytes| bytes.saturating_add(1 << 29) >> 30);
        let text = format!("{}\n{:?}\n{}\n{memory_gib:?}", self.os, self.cpu, self.cores);
        self.fingerprint = format!("{:016x}", fnv1a(text.as_bytes()));
        self
    }
}

/// Cores this process may use, by affinity and container quota; at least 1.
#[must_use]
pub fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}

fn parse_cpu_model(cpuinfo: &str) -> Option<String> {
    // ARM kernels give no model name; their "Hardware" line, where present, names the board.
    ["model name", "Hardware"].into_iter().find_map(|wanted| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == wanted && !value.trim().is_empty()).then(|| value.trim().to_owned())
        })
    })
}

/// FNV-1a, 64 bits: stable across builds and platforms, which the standard hasher doesn't promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            hostname: "one".to_owned(),
            os: "Linux 6.18.0 x86_64".to_owned(),
            cpu: Some("Some CPU @ 2.00GHz".to_owned()),
            cores: 2,
            memory_bytes: Some(24 << 30),
            fingerprint: String::new(),
        }
        .fingerprinted()
    }

    #[test]
    fn the_fingerprint_is_of_the_machine_and_not_of_its_name() {
        let renamed = Host { hostname: "two".to_owned(), ..host() }.fingerprinted();
        let fewer_pages = Host { memory_bytes: Some((24 << 30) - 4096), ..host() }.fingerprinted();
        let larger = Host { cores: 4, ..host() }.fingerprinted();
        assert_eq!(renamed.fingerprint, host().fingerprint);
        assert_eq!(fewer_pages.fingerprint, host().fingerprint);
        assert_ne!(larger.fingerprint, host().fingerprint);
        assert_eq!(host().fingerprint.len(), 16);
        let most = Host { memory_bytes: Some(u64::MAX), ..host() }.fingerprinted();
        assert_ne!(most.fingerprint, host().fingerprint);
    }

    #[test]
    fn known_hash() {
        // From the reference test vectors of FNV-1a.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn cpu_models() {
        let intel = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Xeon(R) @ 2.00GHz\n";
        assert_eq!(parse_cpu_model(intel).as_deref(), Some("Xeon(R) @ 2.00GHz"));
        assert_eq!(parse_cpu_model("processor : 0\nBogoMIPS : 50\n"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let host = Host::this();
        assert!(host.cores >= 1 && !host.os.is_empty());
    }
}
