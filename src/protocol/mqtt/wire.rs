//! Packets that a client sends as bytes, in both versions.
//!
//! Sections are those of OASIS MQTT 5.0, which 3.1.1 has under the same numbers where no other
//! stands behind a slash. Where a packet can't be made out of what it is to say, there is none.

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

/// CONNECT, 3.1, without a will. `None` where a text doesn't fit, or where there is a password
/// without a username, which 3.1.1 forbids (3.1.2.9).
pub(super) fn connect(version: Version, connect: &Connect<'_>) -> Option<Vec<u8>> {
    if connect.password.is_some() && connect.username.is_none() {
        return None;
    }
    // 3.1.2.3: User Name Flag, Password Flag, Clean Start.
    let flags = [
        (connect.username.is_some(), 0x80),
        (connect.password.is_some(), 0x40),
        (connect.clean_start, 0x02),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, bit)| flags | bit);
    let mut body = Vec::new();
    text(&mut body, "MQTT")?;
    body.extend([if version == Version::V5 { 5 } else { 4 }, flags]);
    body.extend(connect.keep_alive_s.to_be_bytes());
    if version == Version::V5 {
        // 3.1.2.11: none, or the Session Expiry Interval, which is 0 where it is left out.
        if connect.session_expiry_s == 0 {
            body.push(0);
        } else {
            body.extend([5, 0x11]);
            body.extend(connect.session_expiry_s.to_be_bytes());
        }
    }
    text(&mut body, connect.client_id)?;
    if let Some(username) = connect.username {
        text(&mut body, username)?;
    }
    if let Some(password) = connect.password {
        binary(&mut body, password.as_bytes())?;
    }
    packet(0x10, &body)
}

/// SUBSCRIBE, 3.8, to one topic. Of version 5's Subscription Options (3.8.3.1) all but the QoS are
/// 0: one's own publishes come back, retained messages are sent, and look like any other.
pub(super) fn subscribe(
    version: Version,
    packet_id: u16,
    topic: &str,
    qos: Qos,
) -> Option<Vec<u8>> {
    let mut body = one_topic(version, packet_id, topic)?;
    body.push(match qos {
        Qos::AtMostOnce => 0,
        Qos::AtLeastOnce => 1,
    });
    packet(0x82, &body)
}

/// UNSUBSCRIBE, 3.10, from one topic.
pub(super) fn unsubscribe(version: Version, packet_id: u16, topic: &str) -> Option<Vec<u8>> {
    packet(0xa2, &one_topic(version, packet_id, topic)?)
}

/// What both begin with: a packet identifier that is not 0 (2.2.1/2.3.1), in version 5 no
/// properties, and a topic filter.
fn one_topic(version: Version, packet_id: u16, topic: &str) -> Option<Vec<u8>> {
    // 4.7.3.
    if packet_id == 0 || topic.is_empty() {
        return None;
    }
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == Version::V5 {
        if !is_shared_right(topic) {
            return None;
        }
        body.push(0);
    }
    text(&mut body, topic)?;
    Some(body)
}

/// 4.8.2: a shared subscription is `$share/NAME/FILTER`. Not in 3.1.1.
fn is_shared_right(topic: &str) -> bool {
    let Some(shared) = topic.strip_prefix("$share/") else { return true };
    shared.split_once('/').is_some_and(|(name, filter)| {
        !name.is_empty() && !name.contains(['+', '#']) && !filter.is_empty()
    })
}

/// A whole packet: a fixed header, 2.1/2.2, and what comes after it.
fn packet(first: u8, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = header(first, body.len())?;
    out.extend_from_slice(body);
    Some(out)
}

/// A fixed header, with room for `remaining` bytes more. A Remaining Length, 2.1.4/2.2.3, has seven
/// bits a byte, the lowest first.
fn header(first: u8, mut remaining: usize) -> Option<Vec<u8>> {
    if remaining > REMAINING_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(5 + remaining);
    out.push(first);
    while remaining >= 0x80 {
        out.push((remaining & 0x7f) as u8 | 0x80);
        remaining >>= 7;
    }
    out.push(remaining as u8);
    Some(out)
}

/// A UTF-8 Encoded String, 1.5.4/1.5.3: without U+0000.
fn text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    if text.contains('\0') { None } else { binary(out, text.as_bytes()) }
}

/// Binary Data, 1.5.6, which is a password as well: at most 65,535 bytes.
fn binary(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
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
    let remaining = 2 + topic.len() + id_length + properties.len() + payload.len();
    let mut out = header(if packet_id.is_some() { 0x32 } else { 0x30 }, remaining)?;
    out.extend_from_slice(&topic_length.to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    if let Some(packet_id) = packet_id {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    out.extend_from_slice(properties);
    out.extend_from_slice(payload);
    Some(out)
}
