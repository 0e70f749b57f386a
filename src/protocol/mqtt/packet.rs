//! What packets from the server say, in both versions.
//!
//! Sections are those of OASIS MQTT 5.0, which 3.1.1 has under the same numbers where it has them.

use super::fields::{Fields, Malformed};
use super::names::{
    CONNACK, DISCONNECT, PINGRESP, PUBACK, PUBLISH, SUBACK, UNSUBACK, reason_name, type_name,
};
use super::options::Version;
use super::packets;
use super::properties::Properties;

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
    let parts = match packets::length(bytes) {
        Ok(Some((header, whole))) if whole == bytes.len() => bytes.first().zip(bytes.get(header..)),
        _ => None,
    };
    let Some((first, body)) = parts else {
        return Err("a packet is longer or shorter than it says".to_owned());
    };
    let (kind, flags) = (first >> 4, first & 0xf);
    if kind == PUBLISH {
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
    let mut body = Body { version, kind, fields: Fields::new(body) };
    let packet = match (kind, version) {
        (CONNACK, _) => body.connack(),
        (PUBACK, _) => body.puback(),
        (SUBACK, _) | (UNSUBACK, Version::V5) => body.answer(),
        (UNSUBACK, Version::V3) => {
            body.fields.packet_id().map(|packet_id| Packet::Unsuback { packet_id, refused: None })
        }
        (PINGRESP, _) => Ok(Packet::Pingresp),
        (DISCONNECT, Version::V5) => body.disconnect(),
        _ => return Err(format!("a {name} came, which a server does not send")),
    }
    .map_err(|why| format!("a {name} is malformed: {why}"))?;
    if body.fields.is_empty() { Ok(packet) } else { Err(format!("a {name} is too long")) }
}

/// What comes after a packet's fixed header.
struct Body<'a> {
    version: Version,
    kind: u8,
    fields: Fields<'a>,
}

impl<'a> Body<'a> {
    /// 3.2. That Session Present goes with no refusal (3.2.2.1.1) is not checked: why the server
    /// refuses is worth more.
    fn connack(&mut self) -> Result<Packet, Malformed> {
        let flags = self.fields.byte()?;
        if flags & !1 != 0 {
            return Err(Malformed::Flags(flags));
        }
        let reason = self.reason()?;
        let properties = self.properties()?;
        Ok(Packet::Connack(Connack {
            session_present: flags == 1,
            refused: reason.refused(&properties),
            receive_maximum: properties.receive_maximum.unwrap_or(u16::MAX),
            takes_qos_1: properties.maximum_qos != Some(0),
            keep_alive: properties.keep_alive,
        }))
    }

    /// 3.4. Version 5 may leave out its properties (3.4.2.2.1), and a Success too (3.4.2.1).
    fn puback(&mut self) -> Result<Packet, Malformed> {
        let packet_id = self.fields.packet_id()?;
        let mut refused = None;
        if self.version == Version::V5 && !self.fields.is_empty() {
            let reason = self.reason()?;
            refused = reason.refused(&self.last_properties()?);
        }
        Ok(Packet::Puback { packet_id, refused })
    }

    /// SUBACK, 3.9, and UNSUBACK of version 5, 3.11. Each SUBSCRIBE of ours names one topic; a
    /// server that answers for more has refused it where one of the codes does.
    fn answer(&mut self) -> Result<Packet, Malformed> {
        let packet_id = self.fields.packet_id()?;
        let properties = self.properties()?;
        let mut refused = self.reason()?.refused(&properties);
        while !self.fields.is_empty() {
            let further = self.reason()?;
            refused = refused.or_else(|| further.refused(&properties));
        }
        Ok(match self.kind {
            SUBACK => Packet::Suback { packet_id, refused },
            _ => Packet::Unsuback { packet_id, refused },
        })
    }

    /// 3.14. Its properties may be left out (3.14.2.2.1), and its reason code too (3.14.2.1).
    fn disconnect(&mut self) -> Result<Packet, Malformed> {
        let code = if self.fields.is_empty() { self.named(0)? } else { self.reason()? };
        let properties = self.last_properties()?;
        Ok(Packet::Disconnect(code.text(&properties)))
    }

    /// A reason code, 2.4; in 3.1.1 a return code.
    fn reason(&mut self) -> Result<Reason, Malformed> {
        let code = self.fields.byte()?;
        self.named(code)
    }

    fn named(&self, code: u8) -> Result<Reason, Malformed> {
        let name = reason_name(self.version, self.kind, code).ok_or(Malformed::Reason(code))?;
        // In a CONNACK of 3.1.1 whatever is not 0 refuses (3.2.2.3), elsewhere what is 0x80 or more.
        let accepted = match (self.version, self.kind) {
            (Version::V3, CONNACK) => 0,
            _ => 0x7f,
        };
        Ok(Reason { name, code, refuses: code > accepted })
    }

    fn properties(&mut self) -> Result<Properties<'a>, Malformed> {
        match self.version {
            Version::V3 => Ok(Properties::default()),
            Version::V5 => Properties::read(self.kind, &mut self.fields),
        }
    }

    /// Those of a packet that may end before them.
    fn last_properties(&mut self) -> Result<Properties<'a>, Malformed> {
        if self.fields.is_empty() { Ok(Properties::default()) } else { self.properties() }
    }
}

struct Reason {
    name: &'static str,
    code: u8,
    refuses: bool,
}

impl Reason {
    fn refused(&self, properties: &Properties<'_>) -> Option<String> {
        self.refuses.then(|| self.text(properties))
    }

    /// Its name, and what the server says besides.
    fn text(&self, properties: &Properties<'_>) -> String {
        let Self { name, code, .. } = self;
        match properties.reason {
            Some(text) => {
                let text: String = text.chars().take(TEXT_MAX).collect();
                format!("{name} ({code:#04x}): {text}")
            }
            None => format!("{name} ({code:#04x})"),
        }
    }
}
