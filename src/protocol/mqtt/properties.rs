//! Properties of version 5: OASIS MQTT 5.0, 2.2.2.

use super::fields::{Fields, Malformed};
use super::names::{CONNACK, DISCONNECT};

/// Those that make a difference to us; `None` where the packet leaves it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties<'a> {
    /// What the server says besides its reason code.
    pub(super) reason: Option<&'a str>,
    /// 3.2.2.3.3. Never 0.
    pub(super) receive_maximum: Option<u16>,
    /// 3.2.2.3.4.
    pub(super) maximum_qos: Option<u8>,
    /// 3.2.2.3.14, in seconds.
    pub(super) keep_alive: Option<u16>,
}

impl<'a> Properties<'a> {
    /// Those of a packet of type `kind`, with their length before them.
    ///
    /// The others are checked as well: which may stand here and what they may say is in 3.2.2.3
    /// (CONNACK), 3.4.2.2 (PUBACK), 3.9.2.1 (SUBACK), 3.11.2.1 (UNSUBACK) and 3.14.2.2
    /// (DISCONNECT). A Session Expiry Interval in a DISCONNECT is not for a server to send
    /// (3.14.2.2.2), but why it hangs up is worth more than that.
    pub(super) fn read(kind: u8, packet: &mut Fields<'a>) -> Result<Self, Malformed> {
        let length = packet.variable()?;
        let mut fields = Fields::new(packet.take(length)?);
        let mut properties = Self::default();
        // One bit for each identifier: the highest is 0x2a.
        let mut seen = 0_u64;
        while !fields.is_empty() {
            let id = fields.byte()?;
            if !is_allowed(kind, id) {
                return Err(Malformed::Property(id));
            }
            let bit = 1 << (id & 0x3f);
            if seen & bit != 0 && id != USER_PROPERTY {
                return Err(Malformed::Twice(id));
            }
            seen |= bit;
            properties.property(id, &mut fields)?;
        }
        Ok(properties)
    }

    fn property(&mut self, id: u8, fields: &mut Fields<'a>) -> Result<(), Malformed> {
        match id {
            // Assigned Client Identifier, Authentication Method, Response Information, Server
            // Reference.
            0x12 | 0x15 | 0x1a | 0x1c => drop(fields.text()?),
            0x1f => self.reason = Some(fields.text()?),
            USER_PROPERTY => drop((fields.text()?, fields.text()?)),
            // Authentication Data.
            0x16 => drop(fields.binary()?),
            // Session Expiry Interval.
            0x11 => drop(fields.four_bytes()?),
            // Maximum Packet Size.
            0x27 => drop(allowed(id, fields.four_bytes()?, |size| size > 0)?),
            0x13 => self.keep_alive = Some(fields.two_bytes()?),
            0x21 => {
                self.receive_maximum = Some(allowed(id, fields.two_bytes()?, |max| max > 0)?);
            }
            // Topic Alias Maximum.
            0x22 => drop(fields.two_bytes()?),
            0x24 => self.maximum_qos = Some(allowed(id, fields.byte()?, |max| max <= 1)?),
            // Retain, Wildcard Subscription, Subscription Identifier and Shared Subscription
            // Available.
            0x25 | 0x28 | 0x29 | 0x2a => drop(allowed(id, fields.byte()?, |flag| flag <= 1)?),
            _ => return Err(Malformed::Property(id)),
        }
        Ok(())
    }
}

/// The only one that may come more than once.
const USER_PROPERTY: u8 = 0x26;

/// Table 2-4, for what a server sends us but PUBLISH.
fn is_allowed(kind: u8, id: u8) -> bool {
    match id {
        // Reason String.
        0x1f | USER_PROPERTY => true,
        // Session Expiry Interval, Server Reference.
        0x11 | 0x1c => kind == CONNACK || kind == DISCONNECT,
        0x12 | 0x13 | 0x15 | 0x16 | 0x1a | 0x21 | 0x22 | 0x24 | 0x25 | 0x27..=0x2a => {
            kind == CONNACK
        }
        _ => false,
    }
}

fn allowed<T: Copy>(id: u8, value: T, is_allowed: impl Fn(T) -> bool) -> Result<T, Malformed> {
    if is_allowed(value) { Ok(value) } else { Err(Malformed::Value(id)) }
}
