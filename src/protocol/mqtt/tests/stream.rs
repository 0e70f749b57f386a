//! Packets in a stream: glued, split, and what is no stream of packets at all.

use proptest::prelude::*;

use super::super::packets::length;
use super::super::{NoPacket, Packets};
use super::*;

fn packets_of(packets: &mut Packets, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, NoPacket> {
    let mut found = Vec::new();
    for message in messages {
        packets.feed(message, |packet| found.push(packet.to_vec()))?;
    }
    Ok(found)
}

#[test]
fn a_length_is_told_from_one_that_goes_on_and_from_one_that_never_ends() {
    for (packet, expected) in [
        ("", Ok(None)),
        ("30", Ok(None)),
        ("30 ff", Ok(None)),
        ("30 ff ff ff", Ok(None)),
        ("30 00", Ok(Some((2, 2)))),
        ("30 7f", Ok(Some((2, 129)))),
        ("30 80 01", Ok(Some((3, 131)))),
        ("30 ff ff ff 7f", Ok(Some((5, 268_435_460)))),
        ("30 ff ff ff ff", Err(NoPacket::Length)),
    ] {
        assert_eq!(length(&bytes(packet)), expected, "{packet}");
    }
}

#[test]
fn nothing_is_kept_for_a_length_that_is_only_claimed() {
    let mut packets = Packets::new(1_000_000);
    // Says that 999,995 bytes follow.
    assert_eq!(packets_of(&mut packets, &[&[0x30, 0xbb, 0x84, 0x3d]]), Ok(vec![]));
    assert_eq!(packets.rest().len(), 4);
    assert!(packets.room() < 100, "{} bytes are reserved", packets.room());
}

#[test]
fn a_packet_over_the_limit_ends_the_stream_before_it_has_come() {
    for cut in 1..6 {
        let stream = bytes("d000 30 80 01 00 01");
        let (head, tail) = stream.split_at(cut);
        let mut packets = Packets::new(130);
        let mut found = 0;
        let mut fed = Ok(());
        for message in [head, tail] {
            fed = fed.and(packets.feed(message, |_| found += 1));
        }
        assert_eq!((found, fed), (1, Err(NoPacket::TooLarge(131, 130))), "cut at {cut}");
        assert_eq!(packets.feed(&[0xd0, 0], |_| panic!("lost")), fed);
    }
}

#[test]
fn a_packet_as_large_as_the_limit_is_whole() {
    let whole = [&[0x30, 0x80, 0x01][..], &[0; 128]].concat();
    assert_eq!(packets_of(&mut Packets::new(131), &[&whole]), Ok(vec![whole]));
}

proptest! {
    #[test]
    fn where_messages_are_cut_makes_no_difference(
        bodies in proptest::collection::vec((0..16_u8, proptest::collection::vec(any::<u8>(), 0..300)), 0..12),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let whole: Vec<Vec<u8>> = bodies.iter().map(|(kind, body)| {
            let mut packet = vec![kind << 4];
            if body.len() >= 128 {
                packet.push((body.len() % 128) as u8 | 0x80);
                packet.push((body.len() / 128) as u8);
            } else {
                packet.push(body.len() as u8);
            }
            packet.extend_from_slice(body);
            packet
        }).collect();
        let stream = whole.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let messages: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let mut packets = Packets::new(1000);
        prop_assert_eq!(packets_of(&mut packets, &messages), Ok(whole));
        prop_assert!(packets.rest().is_empty());
    }

    #[test]
    fn arbitrary_bytes_neither_panic_nor_pass_the_limit(stream in proptest::collection::vec(any::<u8>(), 0..6000)) {
        super::super::fuzz(&stream);
    }

    /// Likelier to get past the header: every type of packet, whole, with any content.
    #[test]
    fn arbitrary_packets_do_not_panic(
        packets in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..20),
        is_connected: bool,
    ) {
        let mut stream = vec![255];
        if is_connected {
            stream.extend([0x20, 2, 0, 0]);
        }
        for (first, body) in &packets {
            stream.extend([*first, body.len() as u8]);
            stream.extend(body);
        }
        super::super::fuzz(&stream);
    }

    /// Properties of version 5 by their identifiers, which bytes drawn at random seldom hit.
    #[test]
    fn arbitrary_properties_do_not_panic(
        first in prop_oneof![Just(0x20_u8), Just(0x40), Just(0x90), Just(0xb0), Just(0xe0)],
        id in 0..0x30_u8,
        value in proptest::collection::vec(any::<u8>(), 0..20),
        length in 0..24_u8,
    ) {
        let mut talk = talk(&[("version", "5"), ("qos", "1")]);
        talk.begin(false, 0);
        if first != 0x20 {
            heard(&mut talk, "20 03 00 00 00");
        }
        let mut packet = vec![first, 0, 0, 1];
        if first == 0x20 {
            packet[3] = 0;
        } else if first == 0x40 {
            packet.push(0);
        } else if first == 0xe0 {
            packet.truncate(3);
        }
        packet.push(length);
        packet.push(id);
        packet.extend(&value);
        packet[1] = (packet.len() - 2) as u8;
        let _ = talk.read(&packet, false, 0);
    }
}
