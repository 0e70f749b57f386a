//! What packets from the server say, in both versions. See `wire` for why PUBLISH is read here.

use mqtt_protocol_core::mqtt::packet::{Property, v3_1_1 as v3, v5_0 as v5};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::names::type_name;
use super::options::Version;
use super::packets;

/// Characters of a server's text that are kept.
const TEXT_MAX: usize = 200;

/// What the server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Connack(Connack),
    /// `packet_id` with QoS 1.
    Publish {
        packet_id: Option<u16>,
    },
    Puback {
        packet_id: u16,
        refused: Option<String>,
    },
    Suback {
        packet_id: u16,
        refused: Option<String>,
    },
    Unsuback {
        packet_id: u16,
        refused: Option<String>,
    },
    Pingresp,
    /// Why, by name.
    Disconnect(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connack {
    pub(super) session_present: bool,
    /// Why, by name.
    pub(super) refused: Option<String>,
    pub(super) receive_maximum: u16,
    pub(super) takes_qos_1: bool,
    /// In seconds; 0 turns it off.
    pub(super) keep_alive: Option<u16>,
}

/// The topic, and the packet identifier where there is one, of a PUBLISH.
pub(super) fn topic_and_id(flags: u8, body: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (length, rest) = body.split_first_chunk()?;
    let (topic, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    if flags & 0b0110 == 0 {
        return Some((topic, None));
    }
    let packet_id = u16::from_be_bytes(*rest.first_chunk()?);
    (packet_id != 0).then_some((topic, Some(packet_id)))
}

/// What one whole packet says.
pub(super) fn parse(version: Version, bytes: &[u8]) -> Result<Packet, String> {
    let header = match packets::length(bytes) {
        Ok(Some((header, whole))) if whole == bytes.len() => header,
        _ => return Err("a packet is longer or shorter than it says".to_owned()),
    };
    let (kind, flags, body) = (bytes[0] >> 4, bytes[0] & 0xf, &bytes[header..]);
    if kind == 3 {
        return match (flags >> 1) & 3 {
            0 | 1 => match topic_and_id(flags, body) {
                Some((_, packet_id)) => Ok(Packet::Publish { packet_id }),
                None => Err("a PUBLISH is malformed".to_owned()),
            },
            2 => Err("a PUBLISH came with QoS 2, which was not subscribed to".to_owned()),
            _ => Err("a PUBLISH came with QoS 3, which does not exist".to_owned()),
        };
    }
    let name = type_name(kind);
    if flags != 0 {
        return Err(format!("a {name} has the reserved flags {flags:#06b}"));
    }
    let (packet, length) = match (kind, version) {
        (2, Version::V3) => connack_3(body),
        (2, Version::V5) => connack_5(body),
        (4, Version::V3) => v3::Puback::parse(body).map(|(puback, length)| {
            (Packet::Puback { packet_id: puback.packet_id(), refused: None }, length)
        }),
        (4, Version::V5) => v5::Puback::parse(body).map(|(puback, length)| {
            let code = puback.reason_code();
            let refused = code
                .filter(|code| *code as u8 >= 0x80)
                .map(|code| named(code, code as u8, puback.props().as_deref().unwrap_or(&[])));
            (Packet::Puback { packet_id: puback.packet_id(), refused }, length)
        }),
        (9, _) => suback(version, body),
        (11, Version::V3) => v3::Unsuback::parse(body).map(|(unsuback, length)| {
            (Packet::Unsuback { packet_id: unsuback.packet_id(), refused: None }, length)
        }),
        (11, Version::V5) => v5::Unsuback::parse(body).map(|(unsuback, length)| {
            let codes = unsuback.reason_codes();
            let refused = codes.iter().find(|code| **code as u8 >= 0x80);
            let refused = refused.map(|code| named(code, *code as u8, unsuback.props()));
            (Packet::Unsuback { packet_id: unsuback.packet_id(), refused }, length)
        }),
        (13, _) => Ok((Packet::Pingresp, 0)),
        (14, Version::V5) => v5::Disconnect::parse(body).map(|(disconnect, length)| {
            let why = match disconnect.reason_code() {
                None => "NormalDisconnection (0x00)".to_owned(),
                Some(code) => named(code, code as u8, disconnect.props().as_deref().unwrap_or(&[])),
            };
            (Packet::Disconnect(why), length)
        }),
        _ => return Err(format!("a {name} came, which a server does not send")),
    }
    .map_err(|_| format!("a {name} is malformed"))?;
    if length == body.len() { Ok(packet) } else { Err(format!("a {name} is too long")) }
}

type Parsed = Result<(Packet, usize), MqttError>;

fn connack_3(body: &[u8]) -> Parsed {
    let (connack, length) = v3::Connack::parse(body)?;
    let code = connack.return_code();
    let connack = Connack {
        session_present: connack.session_present(),
        refused: (code as u8 != 0).then(|| named(code, code as u8, &[])),
        receive_maximum: u16::MAX,
        takes_qos_1: true,
        keep_alive: None,
    };
    Ok((Packet::Connack(connack), length))
}

fn connack_5(body: &[u8]) -> Parsed {
    let (packet, length) = v5::Connack::parse(body)?;
    let code = packet.reason_code();
    let mut connack = Connack {
        session_present: packet.session_present(),
        refused: (code as u8 >= 0x80).then(|| named(code, code as u8, packet.props())),
        receive_maximum: u16::MAX,
        takes_qos_1: true,
        keep_alive: None,
    };
    for property in packet.props() {
        match property {
            Property::ReceiveMaximum(max) => connack.receive_maximum = max.val(),
            Property::MaximumQos(max) => connack.takes_qos_1 = max.val() >= 1,
            Property::ServerKeepAlive(time) => connack.keep_alive = Some(time.val()),
            _ => {}
        }
    }
    Ok((Packet::Connack(connack), length))
}

/// Each SUBSCRIBE of ours names one topic: its first code is the answer.
fn suback(version: Version, body: &[u8]) -> Parsed {
    Ok(match version {
        Version::V3 => {
            let (suback, length) = v3::Suback::parse(body)?;
            let codes = suback.return_codes();
            let refused = codes.iter().find(|code| **code as u8 >= 0x80);
            let refused = refused.map(|code| named(code, *code as u8, &[]));
            (Packet::Suback { packet_id: suback.packet_id(), refused }, length)
        }
        Version::V5 => {
            let (suback, length) = v5::Suback::parse(body)?;
            let codes = suback.reason_codes();
            let refused = codes.iter().find(|code| **code as u8 >= 0x80);
            let refused = refused.map(|code| named(code, *code as u8, suback.props()));
            (Packet::Suback { packet_id: suback.packet_id(), refused }, length)
        }
    })
}

/// A reason code by its name, and what the server says besides.
fn named(name: impl std::fmt::Display, code: u8, properties: &[Property]) -> String {
    let text = properties.iter().find_map(|property| match property {
        Property::ReasonString(text) => Some(text.val()),
        _ => None,
    });
    match text {
        Some(text) => {
            let text: String = text.chars().take(TEXT_MAX).collect();
            format!("{name} ({code:#04x}): {text}")
        }
        None => format!("{name} ({code:#04x})"),
    }
}
