//! The order in which a client tries the addresses of its host.
//!
//! A pure function of the list and the client's number: the same run tries the same addresses.

use std::net::SocketAddr;

/// Every address once. Clients begin at different ones of the first address's family, so that
/// they spread as over DNS round robin; the other family is the way out where that one fails.
pub(super) fn in_turn(addresses: &[SocketAddr], client: u32) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (mut same, mut other): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv4() == first.is_ipv4());
    for family in [&mut same, &mut other] {
        if !family.is_empty() {
            let begin = client as usize % family.len();
            family.rotate_left(begin);
        }
    }
    same.append(&mut other);
    same
}

/// Moves the family that an address is of to the front; within a family nothing changes. A server
/// that listens on one family alone then costs no client a refused attempt at the other.
pub fn prefer_family(addresses: &mut [SocketAddr], answered: SocketAddr) {
    addresses.sort_by_key(|address| address.is_ipv4() != answered.is_ipv4());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn clients_begin_at_each_address_of_the_first_family_in_turn() {
        let host = addresses(&["[::1]:80", "1.1.1.1:80", "[::2]:80", "2.2.2.2:80", "[::3]:80"]);
        let table = [
            (0, ["[::1]:80", "[::2]:80", "[::3]:80", "1.1.1.1:80", "2.2.2.2:80"]),
            (1, ["[::2]:80", "[::3]:80", "[::1]:80", "2.2.2.2:80", "1.1.1.1:80"]),
            (2, ["[::3]:80", "[::1]:80", "[::2]:80", "1.1.1.1:80", "2.2.2.2:80"]),
            (3, ["[::1]:80", "[::2]:80", "[::3]:80", "2.2.2.2:80", "1.1.1.1:80"]),
        ];
        for (client, order) in table {
            assert_eq!(in_turn(&host, client), addresses(&order), "client {client}");
        }
        assert!(in_turn(&[], 7).is_empty());
    }

    #[test]
    fn the_family_that_answered_comes_first() {
        let mut host = addresses(&["[::1]:80", "1.1.1.1:80", "[::2]:80", "2.2.2.2:80"]);
        prefer_family(&mut host, "2.2.2.2:80".parse().unwrap());
        assert_eq!(host, addresses(&["1.1.1.1:80", "2.2.2.2:80", "[::1]:80", "[::2]:80"]));
        prefer_family(&mut host, "[::9]:80".parse().unwrap());
        assert_eq!(host, addresses(&["[::1]:80", "[::2]:80", "1.1.1.1:80", "2.2.2.2:80"]));
    }

    proptest! {
        #[test]
        fn none_is_left_out_and_none_tried_twice(
            host in proptest::collection::hash_set(any::<SocketAddr>(), 0..8),
            client: u32,
        ) {
            let host: Vec<_> = host.into_iter().collect();
            let mut order = in_turn(&host, client);
            let mut all = host;
            order.sort();
            all.sort();
            prop_assert_eq!(order, all);
        }
    }
}
