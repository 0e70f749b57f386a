//! Packets in words, for whoever shows a conversation.

use super::names::type_name;
use super::{packet, packets};

/// What a packet is, sent or received: `PUBLISH to r1, QoS 1, packet 7, 48 bytes`. Of a CONNECT
/// nothing is told but that it is one: it holds the password.
#[must_use]
pub fn describe(bytes: &[u8]) -> String {
    let Ok(Some((header, _))) = packets::length(bytes) else {
        return "no whole packet".to_owned();
    };
    let (kind, flags) = (bytes[0] >> 4, bytes[0] & 0xf);
    let body = bytes.get(header..).unwrap_or_default();
    let mut text = type_name(kind).to_owned();
    match kind {
        3 => {
            if let Some((topic, packet_id)) = packet::topic_and_id(flags, body) {
                text += &format!(" to {}", String::from_utf8_lossy(topic));
                text += &format!(", QoS {}", (flags >> 1) & 3);
                if let Some(packet_id) = packet_id {
                    text += &format!(", packet {packet_id}");
                }
            }
            for (bit, name) in [(0b1000, ", again (DUP)"), (1, ", retained")] {
                if flags & bit != 0 {
                    text += name;
                }
            }
            text += &format!(", {} bytes", bytes.len());
        }
        4..=11 => {
            if let Some(packet_id) = body.first_chunk() {
                text += &format!(", packet {}", u16::from_be_bytes(*packet_id));
            }
        }
        _ => {}
    }
    text
}
