//! What stands against a plan before anything connects: this machine's limits.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::refusal::Refusal;
use crate::machine::host::cores;
use crate::machine::limits::{
    PortRange, cgroup_memory_bytes, ephemeral_ports, memory, raise_open_files,
};
use crate::plan::Plan;
use crate::report::Exit;
use crate::units::format::{bytes, count};

/// Ports of one source address that are used before another is added: some linger after a close.
const PORTS_SHARE: f64 = 0.9;
/// Ports where the system does not tell.
const PORTS_DEFAULT: u64 = 28_232;
/// Deliveries a second and core that leave the generator headroom with the built-in server beside
/// it, at about 12 µs for both ends.
pub const DELIVERIES_PER_CORE: u64 = 20_000;

/// Refuses a plan that needs more open files than this process may have.
pub fn check_open_files(plan: &Plan) -> Result<(), Refusal> {
    files_complaint(plan).map_or(Ok(()), |message| Err(Refusal::new(Exit::Usage, message, "")))
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

/// The most clients that this machine can hold, and what is short beyond.
#[derive(Clone, Debug)]
pub struct Ceiling {
    pub clients: u32,
    pub what: String,
    pub remedy: String,
}

/// How many clients of this plan's kind can be had here; `None` where nothing tells.
pub fn ceiling(plan: &Plan) -> Option<Ceiling> {
    let peaks = plan.peaks();
    let clients = u64::from(plan.client_count().max(1));
    let to = |clients: u64, what: String, remedy: &str| {
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        Ceiling { clients, what, remedy: remedy.to_owned() }
    };
    // All but a few files and bytes are the clients' own.
    let files = raise_open_files().ok().map(|files| {
        let each = (peaks.open_files.saturating_sub(64) as f64 / clients as f64).max(1.0);
        let carries = (files.soft.saturating_sub(64) as f64 / each) as u64;
        let what =
            format!("the open-file limit of this machine is {} a process", count(files.soft));
        to(carries, what, "raise it: ulimit -n, or LimitNOFILE= of the service")
    });
    let available = [memory().map(|memory| memory.available_bytes), cgroup_memory_bytes()];
    let memory = available.into_iter().flatten().min().map(|available| {
        let carries = available as f64 / (peaks.memory_bytes as f64 / clients as f64).max(1.0);
        let what = format!("{} of memory are available", bytes(available));
        to(carries as u64, what, "use a machine with more memory")
    });
    let ports = ports_of(plan).map(|ports| {
        let what = format!("this machine's addresses have {} ports for one server", count(ports));
        to(ports, what, "give the target more source_addresses")
    });
    [files, memory, ports].into_iter().flatten().min_by_key(|ceiling| ceiling.clients)
}

/// Ports for connections to a target elsewhere; on loopback there are as many addresses as are needed.
fn ports_of(plan: &Plan) -> Option<u64> {
    let url = plan.scenario.target.url.as_deref()?;
    let host = crate::client::host_of(url);
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let ports = ephemeral_ports().map_or(PORTS_DEFAULT, PortRange::count);
    let addresses = plan.scenario.target.source_addresses.len().max(1) as u64;
    (!is_here).then_some((ports as f64 * PORTS_SHARE) as u64 * addresses)
}

/// Which multiple of the plan's load this machine's cores are likely to carry, with the built-in server on
/// them; `None` for a server elsewhere, whose share of the work is not known, or where nobody speaks.
pub fn cores_carry(plan: &Plan) -> Option<f64> {
    let carried = (DELIVERIES_PER_CORE * u64::from(cores())) as f64;
    let asked = plan.peaks().deliveries_per_s.filter(|asked| *asked > 0.0)?;
    plan.scenario.target.url.is_none().then_some(carried / asked)
}

/// Everything that speaks against running the plan on this machine.
pub fn complaints(plan: &Plan) -> Vec<String> {
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
    if cores_carry(plan).is_some_and(|share| share < 1.0)
        && let Some(deliveries) = peaks.deliveries_per_s
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
pub fn source_addresses(plan: &Plan, addresses: &[SocketAddr]) -> Result<Vec<IpAddr>, Refusal> {
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
    Err(Refusal::new(Exit::Usage, message, ""))
}

fn is_loopback_v4(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::RoomCount;

    fn plan(clients: u32, target: &str) -> Plan {
        let text = format!(
            "format = 1\nname = \"fit\"\n[target]\n{target}\n[[cohort]]\nname = \"a\"\n\
             clients = {clients}\n[[phase]]\nname = \"p\"\nduration = \"1s\"\n"
        );
        let source = crate::scenario::Source { name: "test".to_owned(), text };
        Plan::new(crate::scenario::read(&source, &Default::default()).unwrap())
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
        let text = refused.to_string() + &refused.help;
        assert!(text.contains("source_addresses") && text.contains("--clients"), "{text}");
        let given = "url = \"ws://10.0.0.1/\"\nprotocol = \"echo\"\n\
                     source_addresses = [\"10.0.0.2\", \"10.0.0.3\", \"10.0.0.4\"]";
        let enough = plan(ports * 2, given);
        assert_eq!(source_addresses(&enough, &elsewhere).unwrap().len(), 3);
    }
}
