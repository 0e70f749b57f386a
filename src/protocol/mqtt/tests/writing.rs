//! What a client sends, byte for byte and read back. The examples of the specifications are those
//! of OASIS MQTT 3.1.1 and 5.0, by their figures and tables.

use proptest::prelude::*;

use super::super::options::{Qos, Version};
use super::super::wire::{self, Connect};
use super::bytes;

const VERSIONS: [Version; 2] = [Version::V3, Version::V5];

const PLAIN: Connect<'static> = Connect {
    client_id: "",
    clean_start: true,
    keep_alive_s: 10,
    session_expiry_s: 10,
    username: None,
    password: None,
};

fn connect(version: Version, connect: &Connect<'_>) -> Vec<u8> {
    wire::connect(version, connect).unwrap()
}

/// Figures 3.6 and 3-6: CONNECT's variable header, there with a will besides, which is 0x0c of the
/// flags.
#[test]
fn a_connect_is_that_of_the_specifications() {
    let connect = |version| {
        let (username, password) = (Some("u"), Some("p"));
        connect(version, &Connect { username, password, ..PLAIN })
    };
    let payload = "0000 0001 'u' 0001 'p'";
    assert_eq!(connect(Version::V3), bytes(&format!("10 12 0004 'MQTT' 04 c2 000a {payload}")));
    let properties = "05 11 0000000a";
    let expected = format!("10 18 0004 'MQTT' 05 c2 000a {properties} {payload}");
    assert_eq!(connect(Version::V5), bytes(&expected));
}

#[test]
fn each_field_of_a_connect_has_its_place() {
    for (changed, three, five) in [
        (
            Connect { ..PLAIN },
            "0c 0004'MQTT' 04 02 000a 0000",
            "12 0004'MQTT' 05 02 000a 05 110000000a 0000",
        ),
        (
            Connect { clean_start: false, ..PLAIN },
            "0c 0004'MQTT' 04 00 000a 0000",
            "12 0004'MQTT' 05 00 000a 05 110000000a 0000",
        ),
        (
            Connect { keep_alive_s: 0xfffe, ..PLAIN },
            "0c 0004'MQTT' 04 02 fffe 0000",
            "12 0004'MQTT' 05 02 fffe 05 110000000a 0000",
        ),
        (
            Connect { session_expiry_s: u32::MAX - 1, ..PLAIN },
            "0c 0004'MQTT' 04 02 000a 0000",
            "12 0004'MQTT' 05 02 000a 05 11fffffffe 0000",
        ),
        (
            Connect { session_expiry_s: 0, ..PLAIN },
            "0c 0004'MQTT' 04 02 000a 0000",
            "0d 0004'MQTT' 05 02 000a 00 0000",
        ),
        (
            Connect { client_id: "ann", ..PLAIN },
            "0f 0004'MQTT' 04 02 000a 0003'ann'",
            "15 0004'MQTT' 05 02 000a 05 110000000a 0003'ann'",
        ),
        (
            Connect { username: Some("ann"), ..PLAIN },
            "11 0004'MQTT' 04 82 000a 0000 0003'ann'",
            "17 0004'MQTT' 05 82 000a 05 110000000a 0000 0003'ann'",
        ),
    ] {
        assert_eq!(connect(Version::V3, &changed), bytes(&format!("10 {three}")));
        assert_eq!(connect(Version::V5, &changed), bytes(&format!("10 {five}")));
    }
}

/// Figures 3.23 and 3.30 of 3.1.1, 3-20 and 3-29 of 5.0, each with the first of its two topics.
#[test]
fn a_subscription_and_its_end_are_those_of_the_specifications() {
    for (version, head) in [(Version::V3, "000a"), (Version::V5, "000a 00")] {
        let length = 7 + usize::from(version == Version::V5);
        for (qos, code) in [(Qos::AtLeastOnce, "01"), (Qos::AtMostOnce, "00")] {
            let subscribe = wire::subscribe(version, 10, "a/b", qos).unwrap();
            let expected = format!("82 {:02x} {head} 0003 61 2f 62 {code}", length + 1);
            assert_eq!(subscribe, bytes(&expected));
        }
        let unsubscribe = wire::unsubscribe(version, 10, "a/b").unwrap();
        assert_eq!(unsubscribe, bytes(&format!("a2 {length:02x} {head} 0003 61 2f 62")));
    }
}

/// Figures 1.2 and 1-2: A and U+2A6D4.
#[test]
fn a_text_is_utf_8_with_its_length_in_bytes() {
    let subscribe = wire::subscribe(Version::V3, 1, "A\u{2a6d4}", Qos::AtMostOnce).unwrap();
    assert_eq!(subscribe, bytes("82 0a 0001 0005 41 f0aa9b94 00"));
}

/// Tables 2.4 and 1-1: the least and the most that one, two and three bytes say.
#[test]
fn a_remaining_length_has_as_few_bytes_as_it_needs() {
    for (remaining, length) in
        [(127, "7f"), (128, "80 01"), (16_383, "ff 7f"), (16_384, "80 80 01"), (65_539, "83 80 04")]
    {
        let unsubscribe = wire::unsubscribe(Version::V3, 1, &"x".repeat(remaining - 4)).unwrap();
        let head = bytes(&format!("a2 {length} 0001"));
        assert!(unsubscribe.starts_with(&head), "{:02x?}", &unsubscribe[..8]);
        assert_eq!(unsubscribe.len(), head.len() + remaining - 2);
    }
    let payload = vec![0; 2_097_152 - 3];
    for (short, length) in [(1, "ff ff 7f"), (0, "80 80 80 01")] {
        let publish = wire::publish(Version::V3, None, "x", &payload[short..]).unwrap();
        assert!(publish.starts_with(&bytes(&format!("30 {length} 0001 'x'"))), "{length}");
    }
}

#[test]
fn what_does_not_fit_into_a_packet_makes_none() {
    let (fits, long) = ("x".repeat(65_535), "x".repeat(65_536));
    for version in VERSIONS {
        let made = |connect: Connect<'_>| wire::connect(version, &connect).is_some();
        assert!(made(Connect {
            client_id: &fits,
            username: Some(&fits),
            password: Some(&fits),
            ..PLAIN
        }));
        assert!(!made(Connect { client_id: &long, ..PLAIN }));
        assert!(!made(Connect { username: Some(&long), ..PLAIN }));
        assert!(!made(Connect { username: Some(""), password: Some(&long), ..PLAIN }));
        // NUL: in no text, but in a password, which is binary data.
        assert!(!made(Connect { client_id: "a\0", ..PLAIN }));
        assert!(!made(Connect { username: Some("\0"), ..PLAIN }));
        assert!(made(Connect { username: Some(""), password: Some("\0"), ..PLAIN }));
        assert!(!made(Connect { password: Some("p"), ..PLAIN }));

        for (packet_id, topic, is_made) in [
            (1, "x", true),
            (u16::MAX, fits.as_str(), true),
            (0, "x", false),
            (1, "", false),
            (1, long.as_str(), false),
            (1, "a\0b", false),
        ] {
            let subscribe = wire::subscribe(version, packet_id, topic, Qos::AtMostOnce);
            let unsubscribe = wire::unsubscribe(version, packet_id, topic);
            assert_eq!([subscribe.is_some(), unsubscribe.is_some()], [is_made; 2], "{topic:.9}");
        }
    }
}

/// 4.8.2 of version 5. For 3.1.1 it is a topic like any other.
#[test]
fn a_shared_subscription_has_a_name_and_a_filter() {
    for (topic, is_right) in [
        ("$share/ann/r1", true),
        ("$share/ann/r1/+/#", true),
        ("$shared", true),
        ("a/$share/", true),
        ("$share/", false),
        ("$share/ann", false),
        ("$share//r1", false),
        ("$share/ann/", false),
        ("$share/a+/r1", false),
        ("$share/#/r1", false),
    ] {
        assert!(wire::subscribe(Version::V3, 1, topic, Qos::AtMostOnce).is_some(), "{topic}");
        let subscribe = wire::subscribe(Version::V5, 1, topic, Qos::AtMostOnce);
        let unsubscribe = wire::unsubscribe(Version::V5, 1, topic);
        assert_eq!([subscribe.is_some(), unsubscribe.is_some()], [is_right; 2], "{topic}");
    }
}

/// Reads a packet as a server would, with nothing of ours.
struct Server(Vec<u8>);

impl Server {
    /// Takes the fixed header off.
    fn new(packet: &[u8], first: u8) -> Self {
        assert_eq!(packet[0], first);
        let last = 1 + packet[1..].iter().position(|byte| *byte < 0x80).unwrap();
        let remaining = packet[1..=last].iter().rev();
        let remaining = remaining.fold(0, |sum, byte| sum * 128 + usize::from(byte % 128));
        assert_eq!(packet.len(), 1 + last + remaining);
        Self(packet[1 + last..].to_vec())
    }

    fn number(&mut self, bytes: usize) -> u32 {
        self.0.drain(..bytes).fold(0, |sum, byte| sum * 256 + u32::from(byte))
    }

    fn text(&mut self) -> String {
        let length = self.number(2) as usize;
        String::from_utf8(self.0.drain(..length).collect()).unwrap()
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[^\0]{0,20}", "[a-z]{100,300}"]
}

proptest! {
    #[test]
    fn a_server_reads_a_connect_as_it_was_meant(
        is_5: bool,
        client_id in texts(),
        clean_start: bool,
        keep_alive_s: u16,
        session_expiry_s in prop_oneof![Just(0), any::<u32>()],
        username in proptest::option::of(texts()),
        password in proptest::option::of(texts()),
    ) {
        let password = password.filter(|_| username.is_some());
        let (name, word) = (username.as_deref(), password.as_deref());
        let connect = Connect {
            client_id: &client_id, clean_start, keep_alive_s, session_expiry_s,
            username: name, password: word,
        };
        let packet = wire::connect(VERSIONS[usize::from(is_5)], &connect).unwrap();
        let mut server = Server::new(&packet, 0x10);
        prop_assert_eq!(server.text(), "MQTT");
        prop_assert_eq!(server.number(1), if is_5 { 5 } else { 4 });
        let flags = server.number(1);
        prop_assert_eq!(flags & 0b0011_1101, 0);
        prop_assert_eq!(flags & 2 != 0, clean_start);
        prop_assert_eq!(server.number(2), u32::from(keep_alive_s));
        let mut expiry_s = 0;
        if is_5 {
            let end = server.number(1) as usize;
            let end = server.0.len() - end;
            while server.0.len() > end {
                prop_assert_eq!(server.number(1), 17);
                expiry_s = server.number(4);
            }
            prop_assert_eq!(server.0.len(), end);
        }
        prop_assert_eq!(expiry_s, if is_5 { session_expiry_s } else { 0 });
        prop_assert_eq!(server.text(), client_id);
        prop_assert_eq!((flags & 0x80 != 0).then(|| server.text()), username);
        prop_assert_eq!((flags & 0x40 != 0).then(|| server.text()), password);
        prop_assert!(server.0.is_empty());
    }

    #[test]
    fn a_server_reads_a_subscription_and_its_end_as_they_were_meant(
        is_5: bool,
        packet_id in 1..=u16::MAX,
        topic in texts().prop_filter("4.7.3", |topic| !topic.is_empty()),
        acked: bool,
    ) {
        let version = VERSIONS[usize::from(is_5)];
        let qos = if acked { Qos::AtLeastOnce } else { Qos::AtMostOnce };
        let subscribe = wire::subscribe(version, packet_id, &topic, qos).unwrap();
        let unsubscribe = wire::unsubscribe(version, packet_id, &topic).unwrap();
        for (packet, first, options) in
            [(subscribe, 0x82, Some(u32::from(acked))), (unsubscribe, 0xa2, None)]
        {
            let mut server = Server::new(&packet, first);
            prop_assert_eq!(server.number(2), u32::from(packet_id));
            if is_5 {
                prop_assert_eq!(server.number(1), 0, "properties");
            }
            prop_assert_eq!(server.text(), topic.as_str());
            prop_assert_eq!(options.map(|_| server.number(1)), options);
            prop_assert!(server.0.is_empty());
        }
    }
}
