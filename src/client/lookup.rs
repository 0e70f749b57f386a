//! The host's name looked up: once a run, because thousands of lookups would measure the resolver.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::error::DialError;
use crate::machine::clock::micros;
use crate::metric::{ErrorKind, Step};

/// What a host's name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// At least one, in the resolver's order.
    pub addresses: Vec<SocketAddr>,
    /// How long it took, in microseconds; `None` where the host was an address already.
    pub took_us: Option<u64>,
}

/// The host of a URL as written, IPv6 in brackets.
#[must_use]
pub fn host_of(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| url.to_owned())
}

/// Looks the URL's host up.
///
/// # Errors
///
/// When the name has no address, or the resolver takes longer than `limit`.
pub async fn look_up(url: &str, limit: Duration) -> Result<Lookup, DialError> {
    let host = host_of(url);
    let port = Url::parse(url).ok().and_then(|url| url.port_or_known_default()).unwrap_or(80);
    let bare = host.trim_matches(['[', ']']);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Lookup { addresses: vec![SocketAddr::new(address, port)], took_us: None });
    }
    let failed = |why: &str| {
        let text = format!("the host {host} was not found: {why}");
        DialError::new(ErrorKind::LookupFailed, Step::Lookup, text)
    };
    let began = std::time::Instant::now();
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((bare, port)))
        .await
        .map_err(|_| DialError::timed_out(Step::Lookup, limit))?
        .map_err(|error| failed(&error.to_string()))?;
    let took_us = micros(began.elapsed());
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        // A hosts file may name one twice, which would get twice its share of the clients.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed("it has no address"));
    }
    Ok(Lookup { addresses, took_us: Some(took_us) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_address_is_no_name() {
        for (url, address) in [
            ("ws://127.0.0.1:9001/chat", "127.0.0.1:9001"),
            ("ws://10.1.2.3/", "10.1.2.3:80"),
            ("ws://[::1]:9001/", "[::1]:9001"),
            ("ws://[2001:db8::7]/", "[2001:db8::7]:80"),
        ] {
            let found = look_up(url, LIMIT).await.unwrap();
            let addresses = vec![address.parse().unwrap()];
            assert_eq!(found, Lookup { addresses, took_us: None }, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_and_timed() {
        let found = look_up("ws://localhost:9001/", LIMIT).await.unwrap();
        assert!(found.addresses.iter().all(|a| a.ip().is_loopback() && a.port() == 9001));
        assert!(!found.addresses.is_empty() && found.took_us.is_some());
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_fails_in_its_own_kind() {
        // RFC 6761: never resolves.
        let error = look_up("ws://nowhere.invalid/", LIMIT).await.unwrap_err();
        assert_eq!((error.kind, error.step), (ErrorKind::LookupFailed, Step::Lookup));
        assert!(error.text.contains("nowhere.invalid"), "{}", error.text);
    }
}
