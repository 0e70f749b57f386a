//! What a server sends, field by field. Sections and tables are those of OASIS MQTT 5.0.

use proptest::prelude::*;

use super::super::names::{reason_name, type_name};
use super::super::options::Version;
use super::super::packet::{Connack, Packet, parse};
use super::bytes;

const VERSIONS: [Version; 2] = [Version::V3, Version::V5];
/// What a server may begin a packet with in version 5, PUBLISH apart.
const FIRSTS: [u8; 6] = [0x20, 0x40, 0x90, 0xb0, 0xd0, 0xe0];

/// With the length that the body has.
fn whole(first: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16;
    let length = match length {
        0..=127 => vec![length as u8],
        _ => vec![(length % 128) as u8 | 0x80, (length / 128) as u8],
    };
    [&[first][..], &length, body].concat()
}

fn read(version: Version, first: u8, body: &str) -> Result<Packet, String> {
    parse(version, &whole(first, &bytes(body)))
}

fn read_5(first: u8, body: &str) -> Result<Packet, String> {
    read(Version::V5, first, body)
}

const OPEN: Connack = Connack {
    session_present: false,
    refused: None,
    receive_maximum: u16::MAX,
    takes_qos_1: true,
    keep_alive: None,
};

#[test]
fn each_field_of_a_connack_is_read() {
    let refused = |why: &str| Some(why.to_owned());
    for (body, connack) in [
        ("00 00", OPEN),
        ("01 00", Connack { session_present: true, ..OPEN }),
        ("00 01", Connack { refused: refused("UnacceptableProtocolVersion (0x01)"), ..OPEN }),
        ("00 05", Connack { refused: refused("NotAuthorized (0x05)"), ..OPEN }),
    ] {
        assert_eq!(read(Version::V3, 0x20, body), Ok(Packet::Connack(connack)), "{body}");
    }
    for (body, connack) in [
        ("00 00 00", OPEN),
        ("01 00 00", Connack { session_present: true, ..OPEN }),
        ("00 85 00", Connack { refused: refused("ClientIdentifierNotValid (0x85)"), ..OPEN }),
        (
            "00 9d 08 1f0003'why' 24 00",
            Connack { refused: refused("ServerMoved (0x9d): why"), takes_qos_1: false, ..OPEN },
        ),
        ("00 00 03 21 0102", Connack { receive_maximum: 0x0102, ..OPEN }),
        ("00 00 02 24 00", Connack { takes_qos_1: false, ..OPEN }),
        ("00 00 02 24 01", OPEN),
        ("00 00 03 13 0102", Connack { keep_alive: Some(0x0102), ..OPEN }),
        ("00 00 03 13 0000", Connack { keep_alive: Some(0), ..OPEN }),
        // A length that could be shorter.
        ("00 00 83 80 00 21 0102", Connack { receive_maximum: 0x0102, ..OPEN }),
    ] {
        assert_eq!(read_5(0x20, body), Ok(Packet::Connack(connack)), "{body}");
    }
}

#[test]
fn each_answer_is_read() {
    let refused = |why: &str| Some(why.to_owned());
    for version in VERSIONS {
        let puback = Ok(Packet::Puback { packet_id: 0x0102, refused: None });
        assert_eq!(read(version, 0x40, "0102"), puback);
        assert_eq!(read(version, 0xd0, ""), Ok(Packet::Pingresp));
    }
    let unsuback = Ok(Packet::Unsuback { packet_id: 0x0102, refused: None });
    assert_eq!(read(Version::V3, 0xb0, "0102"), unsuback);
    for (body, refused) in
        [("0102 00", None), ("0102 01", None), ("0102 02 80", refused("Failure (0x80)"))]
    {
        let suback = Packet::Suback { packet_id: 0x0102, refused };
        assert_eq!(read(Version::V3, 0x90, body), Ok(suback), "{body}");
    }
    for (body, refused) in [
        ("0102 00", None),
        ("0102 10", None),
        ("0102 10 00", None),
        ("0102 91", refused("PacketIdentifierInUse (0x91)")),
        ("0102 99 06 1f0003'why'", refused("PayloadFormatInvalid (0x99): why")),
    ] {
        assert_eq!(read_5(0x40, body), Ok(Packet::Puback { packet_id: 0x0102, refused }), "{body}");
    }
    for (body, refused) in [
        ("0102 00 02", None),
        ("0102 00 01 8f 80", refused("TopicFilterInvalid (0x8f)")),
        ("0102 06 1f0003'why' a2", refused("WildcardSubscriptionsNotSupported (0xa2): why")),
    ] {
        assert_eq!(read_5(0x90, body), Ok(Packet::Suback { packet_id: 0x0102, refused }), "{body}");
    }
    for (body, refused) in [
        ("0102 00 00", None),
        ("0102 00 11", None),
        ("0102 06 1f0003'why' 83", refused("ImplementationSpecificError (0x83): why")),
    ] {
        let unsuback = Packet::Unsuback { packet_id: 0x0102, refused };
        assert_eq!(read_5(0xb0, body), Ok(unsuback), "{body}");
    }
    for (body, why) in [
        ("", "NormalDisconnection (0x00)"),
        ("00", "NormalDisconnection (0x00)"),
        ("9c 00", "UseAnotherServer (0x9c)"),
        ("8b 0c 1c0003'you' 1f0003'why'", "ServerShuttingDown (0x8b): why"),
        ("98 05 11 00000001", "AdministrativeAction (0x98)"),
    ] {
        assert_eq!(read_5(0xe0, body), Ok(Packet::Disconnect(why.to_owned())), "{body}");
    }
}

#[test]
fn what_a_server_says_at_length_is_cut() {
    let text = "ä".repeat(300);
    let body = format!("98 db 04 1f 0258 '{text}'");
    let why = format!("AdministrativeAction (0x98): {}", "ä".repeat(200));
    assert_eq!(read_5(0xe0, &body), Ok(Packet::Disconnect(why)));
}

#[test]
fn what_is_malformed_is_told() {
    for (first, body, why) in [
        (0x20, "02 00 00", "a CONNACK is malformed: it has the reserved flags 0b00000010"),
        (0x20, "00 8b 00", "a CONNACK is malformed: 0x8b is no reason code of it"),
        (0x20, "00 00 03 23 0001", "a CONNACK is malformed: 0x23 is no property of it"),
        (0x20, "00 00 01 7f", "a CONNACK is malformed: 0x7f is no property of it"),
        // 0x91 has the bit of 0x11.
        (0x20, "00 00 05 91 00000001", "a CONNACK is malformed: 0x91 is no property of it"),
        (0x20, "00 00 02 2102 01", "a CONNACK is malformed: it ends too early"),
        (0x20, "00 00 00 00", "a CONNACK is too long"),
        (
            0x20,
            "00 00 ff ff ff ff 00",
            "a CONNACK is malformed: the length of its properties goes on after its fourth byte",
        ),
        (0x20, "00 00 ff ff ff 7f", "a CONNACK is malformed: it ends too early"),
        (0x40, "0000", "a PUBACK is malformed: its packet identifier is 0"),
        (0x40, "0001 01", "a PUBACK is malformed: 0x01 is no reason code of it"),
        (0x40, "0001 00 03 21 0001", "a PUBACK is malformed: 0x21 is no property of it"),
        (0x90, "0000 00 00", "a SUBACK is malformed: its packet identifier is 0"),
        (0x90, "0001 00 00 03", "a SUBACK is malformed: 0x03 is no reason code of it"),
        (0x90, "0001 00", "a SUBACK is malformed: it ends too early"),
        (0xb0, "0001 00 97", "a UNSUBACK is malformed: 0x97 is no reason code of it"),
        (0xd0, "00", "a PINGRESP is too long"),
        (0xe0, "01", "a DISCONNECT is malformed: 0x01 is no reason code of it"),
        (
            0xe0,
            "8b 05 1f0002 c328",
            "a DISCONNECT is malformed: a text in it is no UTF-8, or holds NUL",
        ),
        (
            0xe0,
            "8b 06 1f0003 'a' 00 'b'",
            "a DISCONNECT is malformed: a text in it is no UTF-8, or holds NUL",
        ),
        // A surrogate, 1.5.4.
        (
            0xe0,
            "8b 06 1f0003 eda080",
            "a DISCONNECT is malformed: a text in it is no UTF-8, or holds NUL",
        ),
        (0x22, "00 00 00", "a CONNACK has the reserved flags 0b0010"),
        (0xf0, "00", "a AUTH came, which a server does not send"),
    ] {
        assert_eq!(read_5(first, body), Err(why.to_owned()), "{body}");
    }
    for (first, body, why) in [
        (0x20, "00 06", "a CONNACK is malformed: 0x06 is no reason code of it"),
        (0x20, "80 00", "a CONNACK is malformed: it has the reserved flags 0b10000000"),
        (0x20, "00 00 00", "a CONNACK is too long"),
        (0x40, "0001 00", "a PUBACK is too long"),
        (0x90, "0001 81", "a SUBACK is malformed: 0x81 is no reason code of it"),
        (0xb0, "0000", "a UNSUBACK is malformed: its packet identifier is 0"),
        (0xb0, "0001 00", "a UNSUBACK is too long"),
        (0xe0, "", "a DISCONNECT came, which a server does not send"),
    ] {
        assert_eq!(read(Version::V3, first, body), Err(why.to_owned()), "{body}");
    }
}

/// Table 2-4, with one value of each that may be, and one that may not.
const PROPERTIES: [(u8, &str, Option<&str>, &[u8]); 17] = [
    (0x11, "00000000", None, &[0x20, 0xe0]),
    (0x12, "0001'a'", Some("0001 ff"), &[0x20]),
    (0x13, "0000", None, &[0x20]),
    (0x15, "0001'a'", Some("0001 00"), &[0x20]),
    (0x16, "0002 00ff", None, &[0x20]),
    (0x1a, "0001'a'", Some("0001 80"), &[0x20]),
    (0x1c, "0001'a'", Some("0001 00"), &[0x20, 0xe0]),
    (0x1f, "0000", Some("0002 c0 80"), &[0x20, 0x40, 0x90, 0xb0, 0xe0]),
    (0x21, "0001", Some("0000"), &[0x20]),
    (0x22, "0000", None, &[0x20]),
    (0x24, "00", Some("02"), &[0x20]),
    (0x25, "01", Some("02"), &[0x20]),
    (0x26, "0001'a' 0001'b'", Some("0000 0001 00"), &[0x20, 0x40, 0x90, 0xb0, 0xe0]),
    (0x27, "00000001", Some("00000000"), &[0x20]),
    (0x28, "00", Some("02"), &[0x20]),
    (0x29, "01", Some("ff"), &[0x20]),
    (0x2a, "00", Some("02"), &[0x20]),
];

/// A packet of version 5 whose properties these are.
fn with_properties(first: u8, properties: &[u8]) -> Vec<u8> {
    let (before, after) = match first {
        0x20 => ("00 00", ""),
        0x40 => ("0001 00", ""),
        0xe0 => ("8b", ""),
        _ => ("0001", "00"),
    };
    let length = u8::try_from(properties.len()).unwrap();
    assert!(length < 128);
    whole(first, &[&bytes(before)[..], &[length], properties, &bytes(after)].concat())
}

#[test]
fn each_property_is_taken_where_it_belongs_once_and_with_a_value_that_may_be() {
    for first in [0x20, 0x40, 0x90, 0xb0, 0xe0] {
        let read = |properties: &[u8]| parse(Version::V5, &with_properties(first, properties));
        for id in 0..=255 {
            let known = PROPERTIES.iter().find(|(known, ..)| *known == id);
            let Some((_, value, wrong, _)) = known.filter(|known| known.3.contains(&first)) else {
                let why = read(&[id, 0, 1, 0, 0, 0]).unwrap_err();
                assert!(why.ends_with(&format!("{id:#04x} is no property of it")), "{why}");
                continue;
            };
            let property = [&[id][..], &bytes(value)].concat();
            assert!(read(&property).is_ok(), "{id:#04x}");
            for length in 1..property.len() {
                let why = read(&property[..length]).unwrap_err();
                assert!(why.ends_with(": it ends too early"), "{id:#04x}, {length}: {why}");
            }
            let twice = read(&[&property[..], &property].concat());
            if id == 0x26 {
                assert!(twice.is_ok());
            } else {
                let why = twice.unwrap_err();
                assert!(why.ends_with(&format!("property {id:#04x} comes twice")), "{why}");
            }
            if let Some(wrong) = wrong {
                let why = read(&[&[id][..], &bytes(wrong)].concat()).unwrap_err();
                let told = why.ends_with(&format!("{id:#04x} has a value that is not allowed"));
                assert!(told || why.ends_with("no UTF-8, or holds NUL"), "{why}");
            }
        }
    }
}

/// Table 2-6, and 3.2.2.3 and 3.9.3 of 3.1.1.
#[test]
fn reason_codes_are_those_of_the_specifications() {
    let codes = |version, kind| {
        let known = (0..=255).filter(|code| reason_name(version, kind, *code).is_some());
        known.map(|code| format!("{code:02x}")).collect::<Vec<_>>().join(" ")
    };
    for (version, kind, expected) in [
        (Version::V3, 2, "00 01 02 03 04 05"),
        (Version::V3, 9, "00 01 02 80"),
        (Version::V5, 2, "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f"),
        (Version::V5, 4, "00 10 80 83 87 90 91 97 99"),
        (Version::V5, 9, "00 01 02 80 83 87 8f 91 97 9e a1 a2"),
        (Version::V5, 11, "00 11 80 83 87 8f 91"),
        (
            Version::V5,
            14,
            "00 04 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2",
        ),
    ] {
        assert_eq!(codes(version, kind), expected, "{} {version:?}", type_name(kind));
    }
}

#[test]
fn a_packet_that_is_cut_is_an_error_at_each_length() {
    for (version, first, body, may_end) in [
        (Version::V3, 0x20, "00 00", &[][..]),
        (Version::V3, 0x40, "0001", &[]),
        (Version::V3, 0x90, "0001 00", &[]),
        (Version::V3, 0xb0, "0001", &[]),
        (Version::V5, 0x20, "01 00 0b 21 0001 24 00 1f0003'why'", &[]),
        // Without its properties, and without its reason code.
        (Version::V5, 0x40, "0001 97 06 1f0003'why'", &[2, 3]),
        (Version::V5, 0x90, "0001 06 1f0003'why' 87", &[]),
        (Version::V5, 0xb0, "0001 06 1f0003'why' 87", &[]),
        (Version::V5, 0xe0, "8b 06 1f0003'why'", &[0, 1]),
    ] {
        let body = bytes(body);
        let packet = whole(first, &body);
        assert!(parse(version, &packet).is_ok(), "{packet:02x?}");
        for length in 0..packet.len() {
            let why = "a packet is longer or shorter than it says".to_owned();
            assert_eq!(parse(version, &packet[..length]), Err(why));
        }
        for length in 0..body.len() {
            let cut = parse(version, &whole(first, &body[..length]));
            assert_eq!(
                cut.is_ok(),
                may_end.contains(&length),
                "{cut:?} at {length} of {body:02x?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        is_5: bool,
        is_raw: bool,
        first in prop_oneof![any::<u8>(), proptest::sample::select(&FIRSTS[..])],
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = if is_raw { body } else { whole(first, &body) };
        if let Err(why) = parse(VERSIONS[usize::from(is_5)], &bytes) {
            prop_assert!(why.starts_with("a "), "{}", why);
        }
    }

    /// Properties in any order, among others, mean what they mean alone.
    #[test]
    fn a_connack_with_properties_in_any_order_is_read_as_it_was_written(
        receive_maximum in proptest::option::of(1..=u16::MAX),
        keep_alive: Option<u16>,
        maximum_qos in proptest::option::of(0..=1_u8),
        why in proptest::option::of("[^\0]{0,10}"),
        others in proptest::sample::subsequence(&PROPERTIES[..], 0..PROPERTIES.len()),
        order in any::<u64>(),
    ) {
        let mut properties: Vec<Vec<u8>> = others
            .iter()
            .filter(|(id, ..)| ![0x13, 0x1f, 0x21, 0x24].contains(id))
            .map(|(id, value, ..)| [&[*id][..], &bytes(value)].concat())
            .collect();
        properties.extend(receive_maximum.map(|max| [&[0x21][..], &max.to_be_bytes()].concat()));
        properties.extend(keep_alive.map(|time| [&[0x13][..], &time.to_be_bytes()].concat()));
        properties.extend(maximum_qos.map(|max| vec![0x24, max]));
        properties.extend(why.as_ref().map(|why| {
            [&[0x1f][..], &(why.len() as u16).to_be_bytes(), why.as_bytes()].concat()
        }));
        for at in (1..properties.len()).rev() {
            properties.swap(at, (order >> at) as usize % (at + 1));
        }
        let properties = properties.concat();
        let length = properties.len() as u16;
        let length = [(length % 128) as u8 | 0x80, (length / 128) as u8];
        let packet = whole(0x20, &[&[1, 0x89][..], &length, &properties].concat());
        let refused = match why {
            Some(why) => format!("ServerBusy (0x89): {why}"),
            None => "ServerBusy (0x89)".to_owned(),
        };
        prop_assert_eq!(parse(Version::V5, &packet), Ok(Packet::Connack(Connack {
            session_present: true,
            refused: Some(refused),
            receive_maximum: receive_maximum.unwrap_or(u16::MAX),
            takes_qos_1: maximum_qos != Some(0),
            keep_alive,
        })));
    }
}
