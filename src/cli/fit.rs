//! What stands against a plan before anything connects: this machine's limits, and hosts that
//! are somebody else's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Failure;
use crate::machine::host::cores;
use crate::machine::limits::{
    PortRange, cgroup_memory_bytes, ephemeral_ports, memory, raise_open_files,
};
use crate::plan::Plan;
use crate::report::Exit;
use crate::scenario::{Publish, Size};
use crate::units::format::{bytes, count, counted, rate};

/// Clients that a host may get without being named.
const UNNAMED_MAX: u32 = 10;
/// The most messages a second for it, all clients together.
const UNNAMED_PER_S: u64 = 100;
/// And the most bytes.
const UNNAMED_BYTES_PER_S: u64 = 1024 * 1024;
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
        // Some are uproar's own, so that a low limit holds no client at all.
        let fewer = match files.soft.saturating_sub(64) {
            0 => String::new(),
            clients => format!(", or use --clients {clients}"),
        };
        format!(
            "the open-file limit is {} a process and the plan needs {}: raise it (ulimit -n {needed}, \
             or LimitNOFILE= of the service){fewer}",
            count(files.soft),
            count(needed),
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
    complaints.extend(growth(plan));
    complaints
}

/// From so many recipients of a publish on it matters that rooms grow with the clients.
const LARGE_ROOM: f64 = 50.0;

/// Rooms that fill up as clients are added: most people who ask for ten times the clients want ten times
/// the load, and get a hundred times.
fn growth(plan: &Plan) -> Option<String> {
    let peaks = plan.peaks();
    let (sent, received) = peaks.publishes_per_s.zip(peaks.deliveries_per_s)?;
    let each = received / sent;
    (each > LARGE_ROOM && plan.outgrows_its_clients()).then(|| {
        format!(
            "the load grows faster than the clients, with their square: rooms are as many whatever the \
             clients, and each message goes to {} now; for rooms that stay as they are write `size`, \
             members a room, instead of their number or names",
            count(each as u64)
        )
    })
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

/// The one address of a private network where clouds tell secrets of a machine; that of IPv4 is link-local.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether an address is this machine's or of a private network (RFC 1918, 4193). What is link-local
/// (RFC 3927, 4291) is somebody else's: a neighbour's, or the cloud's own.
pub(super) fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_ours(IpAddr::V4(v4)),
            None => v6.is_loopback() || (v6.is_unique_local() && v6 != METADATA_V6),
        },
    }
}

/// What makes a plan more than somebody who did not ask for it should get.
fn too_much_for_strangers(plan: &Plan) -> Option<String> {
    let peaks = plan.peaks();
    if peaks.clients > UNNAMED_MAX {
        return Some(format!("has {}", counted(peaks.clients.into(), "client")));
    }
    let Some(published) = peaks.publishes_per_s else {
        return Some("sends as fast as the server answers".to_owned());
    };
    let sent = published + peaks.actions_per_s;
    if sent > UNNAMED_PER_S as f64 {
        return Some(format!("sends {}", rate(sent, "messages")));
    }
    // Of sizes that are drawn, what 99 of 100 messages have at most.
    let size = |publish: &Publish| match publish.size {
        Size::Fixed(bytes) => bytes,
        Size::Spread { p99, .. } => p99,
    };
    let publishing = plan.scenario.cohorts.iter().filter_map(|cohort| cohort.publish.as_ref());
    let sent_bytes = sent * f64::from(publishing.map(size).max().unwrap_or(0));
    (sent_bytes > UNNAMED_BYTES_PER_S as f64)
        .then(|| format!("sends up to {} a second", bytes(sent_bytes as u64)))
}

/// Refuses load on a host that may be somebody else's, unless it is named.
pub(super) fn check_host(plan: &Plan, host: &str, addresses: &[SocketAddr]) -> Result<(), Failure> {
    let Some(stranger) = addresses.iter().find(|address| !is_ours(address.ip())) else {
        return Ok(());
    };
    let from_env = std::env::var("UPROAR_ALLOW_HOSTS").unwrap_or_default();
    let named = plan.scenario.target.allow_host.iter().map(String::as_str);
    let mut allowed = named.chain(from_env.split(','));
    if allowed.any(|name| is_same(name.trim(), host)) {
        return Ok(());
    }
    let Some(too_much) = too_much_for_strangers(plan) else { return Ok(()) };
    let address = stranger.ip();
    // A host given as an address needs no telling what it resolved to.
    let literal = host.trim_matches(['[', ']']).parse() == Ok(address);
    let resolved = if literal { String::new() } else { format!(" ({address})") };
    let message =
        format!("{host}{resolved} is neither loopback nor private, and the plan {too_much}");
    let help = format!(
        "if you answer for that server, say so: --allow-host {host}; else use at most \
         --clients {UNNAMED_MAX}, {UNNAMED_PER_S} messages and {} a second",
        bytes(UNNAMED_BYTES_PER_S)
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
    use crate::scenario::RoomCount;

    #[test]
    fn ours_and_not_ours() {
        let ours = ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1"];
        let more = ["::1", "fd00::1", "::ffff:10.0.0.1"];
        for address in ours.into_iter().chain(more) {
            assert!(is_ours(address.parse().unwrap()), "{address}");
        }
        let theirs = ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "0.0.0.0"];
        let link_local = ["169.254.1.1", "169.254.169.254", "fe80::1", "::ffff:169.254.169.254"];
        for address in theirs.into_iter().chain(link_local).chain(["fd00:ec2::254"]) {
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
    fn a_stranger_gets_few_clients_messages_and_bytes() {
        let of = |publish: &str| {
            let text = format!(
                "format = 1\nname = \"fit\"\n[target]\nbuiltin = \"echo\"\n[[cohort]]\nname = \"a\"\n\
                 clients = 10\n{publish}\n[[phase]]\nname = \"p\"\nduration = \"1s\"\n"
            );
            let source = crate::scenario::Source { name: "test".to_owned(), text };
            let plan = Plan::new(crate::scenario::read(&source, &Default::default()).unwrap());
            let there = ["8.8.8.8:443".parse().unwrap()];
            assert!(check_host(&plan, "8.8.8.8", &["10.0.0.1:80".parse().unwrap()]).is_ok());
            check_host(&plan, "8.8.8.8", &there).err().map(|refused| refused.render(false))
        };
        let publishing = |rate: &str, size: &str| {
            format!("publish = {{ total_rate = \"{rate}\", size = \"{size}\" }}")
        };
        assert_eq!(of(""), None);
        assert_eq!(of(&publishing("100/s", "128B")), None);
        assert_eq!(of(&publishing("50/s", "20KiB")), None);
        for (publish, what) in [
            (publishing("10000/s", "128B"), "sends 10,000 messages/s"),
            (publishing("101/s", "128B"), "sends 101 messages/s"),
            (publishing("100/s", "11KiB"), "sends up to 1.1 MiB a second"),
            ("publish = { in_flight = 1 }".to_owned(), "sends as fast as the server answers"),
        ] {
            let refused = of(&publish).unwrap_or_else(|| panic!("{publish} is let through"));
            assert!(
                refused.contains(what) && refused.contains("--allow-host 8.8.8.8"),
                "{refused}"
            );
        }
        let many = plan(11, "builtin = \"echo\"");
        let refused = check_host(&many, "8.8.8.8", &["8.8.8.8:1".parse().unwrap()]).unwrap_err();
        assert!(refused.render(false).contains("has 11 clients"));
    }

    #[test]
    fn a_load_that_grows_faster_than_its_clients_is_told() {
        let of = |rooms: &str, names: bool, clients: u32, load: &str| {
            let text = format!(
                "format = 1\nname = \"fit\"\n[target]\nurl = \"ws://127.0.0.1:9/\"\n\
                 protocol = \"rooms\"\n[rooms.r]\n{rooms}\n[[cohort]]\nname = \"a\"\n\
                 clients = {clients}\njoin = {{ rooms = \"r\" }}\npublish = {{ {load} }}\n\
                 [[phase]]\nname = \"p\"\nduration = \"1s\"\n"
            );
            let source = crate::scenario::Source { name: "test".to_owned(), text };
            let mut scenario = crate::scenario::read(&source, &Default::default()).unwrap();
            if names {
                let name = |n| format!("room-{n}");
                scenario.room_sets[0].rooms = RoomCount::Names((0..2).map(name).collect());
            }
            growth(&Plan::new(scenario))
        };
        let each = "rate = \"1/s\"";
        for names in [false, true] {
            let of = |clients, load| of("count = 2", names, clients, load);
            // 51 hear each message: its author among them.
            let told = of(102, each).unwrap();
            assert!(told.contains("goes to 51 now") && told.contains("`size`"), "{told}");
            assert_eq!(of(100, each), None, "50 are not many");
            assert_eq!(of(1_000, "total_rate = \"100/s\""), None, "as many, to more");
        }
        assert_eq!(of("size = 500", false, 5_000, each), None, "more clients are more rooms");
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
