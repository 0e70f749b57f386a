//! From a target's addresses to a TCP connection: which to try, from where, and for how long.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use super::addresses::in_turn;
use super::error::DialError;
use super::system::system_error;
use super::target::Target;
use crate::metric::{ErrorKind, Step};

/// Tries the target's addresses in turn until one accepts. Each has an equal share of the time that
/// is left, so that one that swallows packets leaves some for the next.
pub(super) async fn connect(
    target: &Target,
    client: u32,
    receive_buffer_bytes: Option<u32>,
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let addresses = in_turn(&target.addresses, client);
    let mut failed: Vec<DialError> = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let share =
            share(deadline.saturating_duration_since(Instant::now()), addresses.len() - tried);
        let source = source(target, *address, client);
        let connected = connect_to(*address, source, receive_buffer_bytes);
        match tokio::time::timeout(share, connected).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => {
                failed.push(DialError { text: format!("{address}: {}", error.text), ..error });
            }
            Err(_) => {
                // What is left of the limit is a little less than the limit.
                let share = Duration::from_millis(share.as_micros().div_ceil(1_000) as u64);
                let error = DialError::timed_out(Step::Tcp, share);
                failed.push(DialError { text: format!("{address}: {}", error.text), ..error });
            }
        }
    }
    Err(gravest(failed))
}

/// Of the time that is left, for the first of so many addresses.
fn share(left: Duration, addresses: usize) -> Duration {
    left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

/// The address to dial from: of the target's own family, and for each address of the target all of
/// them in turn.
fn source(target: &Target, address: SocketAddr, client: u32) -> Option<IpAddr> {
    let alike = |ip: &IpAddr| ip.is_ipv4() == address.is_ipv4();
    let sources = || target.source_addresses.iter().copied().filter(alike);
    let addresses = target.addresses.iter().filter(|address| alike(&address.ip())).count();
    let turn = client as usize / addresses.max(1);
    sources().nth(turn % sources().count().max(1))
}

/// Errors that are told in full, of one client and its addresses.
const TOLD_MAX: usize = 4;

/// What counts where no address accepted. That nobody listens on one of them says little where
/// another met something else; all are told.
fn gravest(failed: Vec<DialError>) -> DialError {
    let weight = |error: &DialError| match error.kind {
        ErrorKind::LocalLimit => 0,
        ErrorKind::TimedOut => 1,
        ErrorKind::Reset => 2,
        ErrorKind::Refused => 3,
        _ => 4,
    };
    let mut text: Vec<&str> =
        failed.iter().take(TOLD_MAX).map(|error| error.text.as_str()).collect();
    let more = format!("and {} more addresses", failed.len().saturating_sub(TOLD_MAX));
    if failed.len() > TOLD_MAX {
        text.push(&more);
    }
    let text = text.join("; ");
    match failed.into_iter().min_by_key(weight) {
        Some(error) => DialError { text, ..error },
        None => DialError::new(ErrorKind::Io, Step::Tcp, "the host has no address"),
    }
}

async fn connect_to(
    address: SocketAddr,
    source: Option<IpAddr>,
    receive_buffer_bytes: Option<u32>,
) -> Result<TcpStream, DialError> {
    let failed = |error: io::Error| system_error(&error, Step::Tcp);
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
        .map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    if let Some(bytes) = receive_buffer_bytes {
        // Before the handshake, which tells the peer how much may be on its way.
        socket.set_recv_buffer_size(bytes).map_err(failed)?;
    }
    if let Some(source) = source {
        // Without this the kernel takes a port for this address alone at bind, and all
        // destinations together get 28,000.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)
            .map_err(|error| failed(error.into()))?;
        socket.bind(SocketAddr::new(source, 0)).map_err(|error| {
            // No port is taken here, so what is not available is the address.
            if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) {
                let text = format!("the source address {source} is none of this machine's");
                return DialError::new(ErrorKind::Io, Step::Tcp, text);
            }
            failed(error)
        })?;
    }
    socket.connect(address).await.map_err(|error| {
        let unavailable = error.raw_os_error() == Some(libc::EADDRNOTAVAIL);
        if unavailable && source.is_none() && !has_source_for(address) {
            let text = "this machine has no address to reach it from";
            return DialError::new(ErrorKind::Io, Step::Tcp, text);
        }
        failed(error)
    })
}

/// Whether some address of this machine leads there. TCP says "not available" for want of an
/// address and for want of a port alike; UDP has ports of its own, and connecting sends nothing.
fn has_source_for(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Detail, LocalLimit};

    fn target(addresses: &[&str], sources: &[&str]) -> Target {
        Target {
            url: "ws://host.test/".to_owned(),
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            user_agent: String::new(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            tls: None,
            login_hosts: Vec::new(),
            source_addresses: sources.iter().map(|text| text.parse().unwrap()).collect(),
            connect_timeout: Duration::from_secs(60),
            message_bytes_max: 1 << 20,
            read_buffer_bytes: 1024,
        }
    }

    async fn dialed(target: &Target, client: u32) -> Result<SocketAddr, DialError> {
        let deadline = Instant::now() + target.connect_timeout;
        connect(target, client, None, deadline).await.map(|(_, address)| address)
    }

    #[test]
    fn what_is_left_is_shared_equally() {
        let ms = Duration::from_millis;
        // 900 ms over three: 300 each, and what one does not use is the next ones'.
        for (left, addresses, each) in
            [(900, 3, 300), (600, 2, 300), (890, 2, 445), (445, 1, 445), (0, 3, 0), (70, 0, 70)]
        {
            assert_eq!(share(ms(left), addresses), ms(each), "{left} ms over {addresses}");
        }
    }

    #[test]
    fn every_source_dials_every_address() {
        let target = target(
            &["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"],
            &["10.0.1.1", "fd00::2", "10.0.1.2"],
        );
        let v4 = |client: u32| {
            let first = in_turn(&target.addresses, client)[0];
            (first.to_string(), source(&target, first, client).unwrap().to_string())
        };
        let pairs = [
            ("10.0.0.1:80", "10.0.1.1"),
            ("10.0.0.2:80", "10.0.1.1"),
            ("10.0.0.1:80", "10.0.1.2"),
            ("10.0.0.2:80", "10.0.1.2"),
        ];
        for (client, (address, from)) in pairs.into_iter().cycle().take(8).enumerate() {
            assert_eq!(v4(client as u32), (address.to_owned(), from.to_owned()), "{client}");
        }
        let v6 = "[fd00::1]:80".parse().unwrap();
        assert_eq!(source(&target, v6, 5), Some("fd00::2".parse().unwrap()));
    }

    #[test]
    fn the_gravest_error_counts_and_all_are_told() {
        let of = |kind, text: &str| DialError::new(kind, Step::Tcp, text);
        let files = DialError {
            detail: Detail::Limit(LocalLimit::OpenFiles),
            ..of(ErrorKind::LocalLimit, "c")
        };
        let (refused, slow) = (of(ErrorKind::Refused, "a"), of(ErrorKind::TimedOut, "b"));
        let found = gravest(vec![refused.clone(), slow.clone()]);
        assert_eq!((found.kind, found.text.as_str()), (ErrorKind::TimedOut, "a; b"));
        let found = gravest(vec![slow, files, refused.clone()]);
        assert_eq!(
            (found.kind, found.detail),
            (ErrorKind::LocalLimit, Detail::Limit(LocalLimit::OpenFiles))
        );
        assert_eq!(found.text, "b; c; a");
        let many = gravest(vec![refused; 9]);
        assert_eq!(many.text, "a; a; a; a; and 5 more addresses");
    }

    #[tokio::test]
    async fn a_refused_address_is_passed_over_and_all_are_named_when_none_accepts() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (open_at, free_at) = (open.local_addr().unwrap(), free.local_addr().unwrap());
        drop(free);
        let mut target = target(&[], &[]);
        target.addresses = vec![free_at, open_at];
        for client in 0..2 {
            assert_eq!(dialed(&target, client).await.unwrap(), open_at);
        }
        drop(open);
        let error = dialed(&target, 0).await.unwrap_err();
        assert_eq!((error.kind, error.step), (ErrorKind::Refused, Step::Tcp));
        for address in [free_at, open_at] {
            assert!(error.text.contains(&address.to_string()), "{}", error.text);
        }
    }

    #[tokio::test]
    async fn a_source_address_of_somebody_else_s_is_no_limit_of_ours() {
        // TEST-NET-1, RFC 5737.
        let target = target(&["127.0.0.1:9"], &["192.0.2.1"]);
        let error = dialed(&target, 0).await.unwrap_err();
        assert_eq!((error.kind, error.detail), (ErrorKind::Io, Detail::None));
        assert!(error.text.contains("192.0.2.1 is none of this machine's"), "{}", error.text);
    }
}
