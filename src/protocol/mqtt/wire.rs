//! Packets that a client sends as bytes, in both versions.
//!
//! Those that set up and end a connection come from `mqtt-protocol-core`. PUBLISH and PUBACK are
//! written here, as PUBLISH is read in `packet`: each message passes once for each receiver, and
//! the crate needs three allocations and two copies where none or one will do.

use mqtt_protocol_core::mqtt::packet::{
    Property, Qos as CrateQos, SessionExpiryInterval, SubEntry, SubOpts,
};
use mqtt_protocol_core::mqtt::packet::{v3_1_1 as v3, v5_0 as v5};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::options::{Qos, Version};

/// What a Remaining Length can say.
const REMAINING_MAX: usize = 268_435_455;
/// What a client says of itself.
pub(super) struct Connect<'a> {
    pub(super) client_id: &'a str,
    pub(super) clean_start: bool,
    pub(super) keep_alive_s: u16,
    pub(super) session_expiry_s: u32,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a str>,
}

macro_rules! connect {
    ($builder:expr, $connect:ident) => {{
        let mut builder = $builder.client_id($connect.client_id)?;
        builder = builder.clean_start($connect.clean_start).keep_alive($connect.keep_alive_s);
        if let Some(username) = $connect.username {
            builder = builder.user_name(username)?;
        }
        if let Some(password) = $connect.password {
            builder = builder.password(password)?;
        }
        builder
    }};
}

pub(super) fn connect(version: Version, connect: &Connect<'_>) -> Result<Vec<u8>, MqttError> {
    match version {
        Version::V3 => {
            Ok(connect!(v3::Connect::builder(), connect).build()?.to_continuous_buffer())
        }
        Version::V5 => {
            let mut builder = connect!(v5::Connect::builder(), connect);
            if connect.session_expiry_s > 0 {
                let expiry = SessionExpiryInterval::new(connect.session_expiry_s)?;
                builder = builder.props(vec![Property::SessionExpiryInterval(expiry)]);
            }
            Ok(builder.build()?.to_continuous_buffer())
        }
    }
}

pub(super) fn subscribe(
    version: Version,
    packet_id: u16,
    topic: &str,
    qos: Qos,
) -> Result<Vec<u8>, MqttError> {
    let qos = match qos {
        Qos::AtMostOnce => CrateQos::AtMostOnce,
        Qos::AtLeastOnce => CrateQos::AtLeastOnce,
    };
    let entries = vec![SubEntry::new(topic, SubOpts::new().set_qos(qos))?];
    Ok(match version {
        Version::V3 => {
            let builder = v3::Subscribe::builder().packet_id(packet_id).entries(entries);
            builder.build()?.to_continuous_buffer()
        }
        Version::V5 => {
            let builder = v5::Subscribe::builder().packet_id(packet_id).entries(entries);
            builder.build()?.to_continuous_buffer()
        }
    })
}

pub(super) fn unsubscribe(
    version: Version,
    packet_id: u16,
    topic: &str,
) -> Result<Vec<u8>, MqttError> {
    Ok(match version {
        Version::V3 => {
            let builder = v3::Unsubscribe::builder().packet_id(packet_id).entries(vec![topic])?;
            builder.build()?.to_continuous_buffer()
        }
        Version::V5 => {
            let builder = v5::Unsubscribe::builder().packet_id(packet_id).entries(vec![topic])?;
            builder.build()?.to_continuous_buffer()
        }
    })
}

/// The same in both versions: normal disconnection.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];
pub(super) const PINGREQ: [u8; 2] = [0xc0, 0];

/// The same in both versions: no reason code means success.
pub(super) fn puback(packet_id: u16) -> [u8; 4] {
    let [high, low] = packet_id.to_be_bytes();
    [0x40, 2, high, low]
}

/// `None` where it is longer than a packet can be. The topic has at most 65,535 bytes.
pub(super) fn publish(
    version: Version,
    packet_id: Option<u16>,
    topic: &str,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let topic_length = u16::try_from(topic.len()).ok()?;
    let properties: &[u8] = match version {
        Version::V3 => &[],
        // None of them.
        Version::V5 => &[0],
    };
    let id_length = if packet_id.is_some() { 2 } else { 0 };
    let mut remaining = 2 + topic.len() + id_length + properties.len() + payload.len();
    if remaining > REMAINING_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(5 + remaining);
    out.push(if packet_id.is_some() { 0x32 } else { 0x30 });
    while remaining >= 0x80 {
        out.push((remaining & 0x7f) as u8 | 0x80);
        remaining >>= 7;
    }
    out.push(remaining as u8);
    out.extend_from_slice(&topic_length.to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    if let Some(packet_id) = packet_id {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    out.extend_from_slice(properties);
    out.extend_from_slice(payload);
    Some(out)
}
