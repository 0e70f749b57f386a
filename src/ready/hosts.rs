//! Hosts that are somebody else's, and how much load they may get unasked.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::refusal::Refusal;
use crate::plan::Plan;
use crate::report::Exit;
use crate::scenario::{Publish, Size};
use crate::units::format::{bytes, counted, rate};

/// Clients that a host may get without being named.
const UNNAMED_MAX: u32 = 10;
/// The most messages a second for it, all clients together.
const UNNAMED_PER_S: u64 = 100;
/// And the most bytes.
const UNNAMED_BYTES_PER_S: u64 = 1024 * 1024;

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
pub(super) fn check_host(plan: &Plan, host: &str, addresses: &[SocketAddr]) -> Result<(), Refusal> {
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
    Err(Refusal::new(Exit::Usage, message, help))
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
            check_host(&plan, "8.8.8.8", &there)
                .err()
                .map(|refused| refused.to_string() + &refused.help)
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
        assert!(refused.message.contains("has 11 clients"), "{refused}");
    }
}
