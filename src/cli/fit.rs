//! What stands against a plan before anything connects: this machine's limits, and hosts that
//! are somebody else's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Failure;
use crate::machine::host::cores;
use crate::machine::limits::{
    PortRange, cgroup_memory_bytes, ephemeral_ports, memory, raise_open_files,
};
use crate::plan::Plan;
use crate::report::Exit;
use crate::units::format::{bytes, count};

/// Clients that a host may get without being named.
const UNNAMED_MAX: u32 = 10;
/// Ports of one source address that are used before another is added: some linger after a close.
const PORTS_SHARE: f64 = 0.9;
/// Ports where the system does not tell.
const PORTS_DEFAULT: u64 = 28_232;
/// Deliveries a second and core that leave the generator headroom with the built-in server beside
/// it, at about 12 µs for both ends.
pub(super) const DELIVERIES_PER_CORE: u64 = 20_000;

/// Refuses a plan that needs more open files than this process may have.
pub(super) fn check_open_files(plan: &Plan) -> Result<(), Failure> {
    files_complaint(plan).map_or(Ok(()), |message| Err(Failure::message(Exit::Usage, message, "")))
}

fn files_complaint(plan: &Plan) -> Option<String> {
    let files = raise_open_files().ok()?;
    let needed = plan.peaks().open_files;
    (needed > files.soft).then(|| {
        format!(
            "the open-file limit is {} a process and the plan needs {}: raise it (ulimit -n {}, \
             or LimitNOFILE= of the service) or use --clients {}",
            count(files.soft),
            count(needed),
            needed,
            files.soft.saturating_sub(64)
        )
    })
}

/// Everything that speaks against running the plan on this machine.
pub(super) fn complaints(plan: &Plan) -> Vec<String> {
    let peaks = plan.peaks();
    let mut complaints: Vec<String> = files_complaint(plan).into_iter().collect();
    let limits = [memory().map(|memory| memory.available_bytes), cgroup_memory_bytes()];
    if let Some(available) = limits.into_iter().flatten().min()
        && peaks.memory_bytes > available
    {
        complaints.push(format!(
            "the plan needs about {} of memory and {} are available: use fewer clients",
            bytes(peaks.memory_bytes),
            bytes(available)
        ));
    }
    let carried = DELIVERIES_PER_CORE * u64::from(cores());
    if plan.scenario.target.url.is_none()
        && let Some(deliveries) = peaks.deliveries_per_s
        && deliveries > carried as f64
    {
        complaints.push(format!(
            "{} deliveries a second are more than the {} that {} cores are likely to carry beside \
             the built-in server: use fewer clients, smaller rooms or a lower rate",
            count(deliveries as u64),
            count(carried),
            cores()
        ));
    }
    complaints
}

/// The addresses to dial from. Those of the scenario; else, where the target is on loopback, as many
/// loopback addresses as leave half of each one's ports free.
///
/// For `connect(2)` Linux looks through every second port first. Once those are taken, each further
/// connection looks at all of them before it finds another: some milliseconds of a core each.
pub(super) fn source_addresses(
    plan: &Plan,
    addresses: &[SocketAddr],
) -> Result<Vec<IpAddr>, Failure> {
    let given = &plan.scenario.target.source_addresses;
    let ports = ephemeral_ports().map_or(PORTS_DEFAULT, PortRange::count);
    let each = ((ports as f64 * PORTS_SHARE) as u64).max(1);
    let clients = u64::from(plan.peaks().clients);
    if given.is_empty() && addresses.iter().all(|address| is_loopback_v4(address.ip())) {
        let needed = clients.div_ceil((each / 2).max(1));
        if needed <= 1 {
            return Ok(Vec::new());
        }
        // All of 127.0.0.0/8 is this machine, without any set-up.
        let sources = (0..needed).map(|n| {
            let [_, _, high, low] = ((n + 1) as u32).to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(127, 0, high, low))
        });
        return Ok(sources.collect());
    }
    let needed = clients.div_ceil(each);
    if needed <= (given.len() as u64).max(1) {
        return Ok(given.clone());
    }
    let message = format!(
        "one source address has {} ports and the plan needs {} connections: give the target {} \
         source_addresses, or use --clients {}",
        count(ports),
        count(clients),
        count(needed),
        each * (given.len() as u64).max(1)
    );
    Err(Failure::message(Exit::Usage, message, ""))
}

fn is_loopback_v4(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_loopback())
}

/// Whether an address is this machine's or of a private network (RFC 1918, 4193, 3927, 4291).
pub(super) fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_ours(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

/// Refuses load on a host that may be somebody else's, unless it is named.
pub(super) fn check_host(plan: &Plan, host: &str, addresses: &[SocketAddr]) -> Result<(), Failure> {
    let clients = plan.peaks().clients;
    let Some(stranger) = addresses.iter().find(|address| !is_ours(address.ip())) else {
        return Ok(());
    };
    let from_env = std::env::var("UPROAR_ALLOW_HOSTS").unwrap_or_default();
    let named = plan.scenario.target.allow_host.iter().map(String::as_str);
    let mut allowed = named.chain(from_env.split(','));
    if clients <= UNNAMED_MAX || allowed.any(|name| is_same(name.trim(), host)) {
        return Ok(());
    }
    let address = stranger.ip();
    // A host given as an address needs no telling what it resolved to.
    let literal = host.trim_matches(['[', ']']).parse() == Ok(address);
    let resolved = if literal { String::new() } else { format!(" ({address})") };
    let message = format!(
        "{host}{resolved} is neither loopback nor private, and the plan has {} clients",
        count(u64::from(clients))
    );
    let help = format!(
        "if you answer for that server, say so: --allow-host {host}; else use at most \
         --clients {UNNAMED_MAX}"
    );
    Err(Failure::message(Exit::Usage, message, help))
}

/// Whether two hosts are the same: names without case, addresses however they are written.
fn is_same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|host| host.trim_matches(['[', ']']));
    let address = |host: &str| host.parse::<IpAddr>().ok();
    one.eq_ignore_ascii_case(other)
        || address(one).zip(address(other)).is_some_and(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_and_not_ours() {
        let ours =
            ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1"];
        let more = ["::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"];
        for address in ours.into_iter().chain(more) {
            assert!(is_ours(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "0.0.0.0"] {
            assert!(!is_ours(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn hosts_are_the_same_however_they_are_written() {
        for (one, other) in [
            ("Chat.test", "chat.test"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("2001:DB8:0:0::1", "[2001:db8::1]"),
            ("8.8.8.8", "8.8.8.8"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [("", "[2001:db8::1]"), ("2001:db8::2", "[2001:db8::1]"), ("a", "b")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    fn plan(clients: u32, target: &str) -> Plan {
        let text = format!(
            "format = 1\nname = \"fit\"\n[target]\n{target}\n[[cohort]]\nname = \"a\"\n\
             clients = {clients}\n[[phase]]\nname = \"p\"\nduration = \"1s\"\n"
        );
        let source = crate::scenario::Source { name: "test".to_owned(), text };
        Plan::new(crate::scenario::read(&source, &Default::default()).unwrap())
    }

    #[test]
    fn more_clients_than_ports_take_further_addresses_where_those_are_free() {
        let ports = ephemeral_ports().map_or(PORTS_DEFAULT, PortRange::count) as u32;
        let loopback = ["127.0.0.1:9001".parse().unwrap()];
        let elsewhere = ["10.0.0.1:80".parse().unwrap()];
        let few = plan(ports / 3, "builtin = \"echo\"");
        assert!(source_addresses(&few, &loopback).unwrap().is_empty());
        let more = plan(ports / 2, "builtin = \"echo\"");
        assert_eq!(source_addresses(&more, &loopback).unwrap().len(), 2);
        assert!(source_addresses(&more, &elsewhere).unwrap().is_empty());
        let many = plan(ports * 2, "builtin = \"echo\"");
        let sources = source_addresses(&many, &loopback).unwrap();
        assert_eq!(
            sources[..2],
            ["127.0.0.1".parse::<IpAddr>().unwrap(), "127.0.0.2".parse().unwrap()]
        );
        assert!(sources.len() as f64 * f64::from(ports) * PORTS_SHARE >= f64::from(ports) * 4.0);
        let refused = source_addresses(&many, &elsewhere).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
        let text = refused.render(false);
        assert!(text.contains("source_addresses") && text.contains("--clients"), "{text}");
        let given = "url = \"ws://10.0.0.1/\"\nprotocol = \"echo\"\n\
                     source_addresses = [\"10.0.0.2\", \"10.0.0.3\", \"10.0.0.4\"]";
        let enough = plan(ports * 2, given);
        assert_eq!(source_addresses(&enough, &elsewhere).unwrap().len(), 3);
    }
}
