//! What packets and their reason codes are called.

use super::options::Version;

/// The type of a control packet.
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBACK: u8 = 11;
pub(super) const PINGRESP: u8 = 13;
pub(super) const DISCONNECT: u8 = 14;

/// The name of a control packet's type, which is the first four bits.
pub(super) fn type_name(kind: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "packet of type 0",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    NAMES.get(usize::from(kind)).copied().unwrap_or("packet of no type")
}

/// The name of a packet's reason code, which 3.1.1 calls return code. `None` where packets of this
/// type have no such code.
pub(super) fn reason_name(version: Version, kind: u8, code: u8) -> Option<&'static str> {
    let known: &[(u8, &str, &[u8])] = match version {
        Version::V3 => &REASONS_3,
        Version::V5 => &REASONS_5,
    };
    let is_it = |(known, _, kinds): &&(u8, &str, &[u8])| *known == code && kinds.contains(&kind);
    known.iter().find(is_it).map(|(_, name, _)| *name)
}

/// OASIS MQTT 3.1.1, table 3.1 in 3.2.2.3 and 3.9.3.
const REASONS_3: [(u8, &str, &[u8]); 10] = [
    (0, "Accepted", &[CONNACK]),
    (1, "UnacceptableProtocolVersion", &[CONNACK]),
    (2, "IdentifierRejected", &[CONNACK]),
    (3, "ServerUnavailable", &[CONNACK]),
    (4, "BadUserNameOrPassword", &[CONNACK]),
    (5, "NotAuthorized", &[CONNACK]),
    (0, "SuccessMaximumQos0", &[SUBACK]),
    (1, "SuccessMaximumQos1", &[SUBACK]),
    (2, "SuccessMaximumQos2", &[SUBACK]),
    (0x80, "Failure", &[SUBACK]),
];

/// OASIS MQTT 5.0, table 2-6 in 2.4.
const REASONS_5: [(u8, &str, &[u8]); 42] = [
    (0x00, "Success", &[CONNACK, PUBACK, UNSUBACK]),
    (0x00, "NormalDisconnection", &[DISCONNECT]),
    (0x00, "GrantedQos0", &[SUBACK]),
    (0x01, "GrantedQos1", &[SUBACK]),
    (0x02, "GrantedQos2", &[SUBACK]),
    (0x04, "DisconnectWithWillMessage", &[DISCONNECT]),
    (0x10, "NoMatchingSubscribers", &[PUBACK]),
    (0x11, "NoSubscriptionExisted", &[UNSUBACK]),
    (0x80, "UnspecifiedError", &[CONNACK, PUBACK, SUBACK, UNSUBACK, DISCONNECT]),
    (0x81, "MalformedPacket", &[CONNACK, DISCONNECT]),
    (0x82, "ProtocolError", &[CONNACK, DISCONNECT]),
    (0x83, "ImplementationSpecificError", &[CONNACK, PUBACK, SUBACK, UNSUBACK, DISCONNECT]),
    (0x84, "UnsupportedProtocolVersion", &[CONNACK]),
    (0x85, "ClientIdentifierNotValid", &[CONNACK]),
    (0x86, "BadUserNameOrPassword", &[CONNACK]),
    (0x87, "NotAuthorized", &[CONNACK, PUBACK, SUBACK, UNSUBACK, DISCONNECT]),
    (0x88, "ServerUnavailable", &[CONNACK]),
    (0x89, "ServerBusy", &[CONNACK, DISCONNECT]),
    (0x8a, "Banned", &[CONNACK]),
    (0x8b, "ServerShuttingDown", &[DISCONNECT]),
    (0x8c, "BadAuthenticationMethod", &[CONNACK]),
    (0x8d, "KeepAliveTimeout", &[DISCONNECT]),
    (0x8e, "SessionTakenOver", &[DISCONNECT]),
    (0x8f, "TopicFilterInvalid", &[SUBACK, UNSUBACK, DISCONNECT]),
    (0x90, "TopicNameInvalid", &[CONNACK, PUBACK, DISCONNECT]),
    (0x91, "PacketIdentifierInUse", &[PUBACK, SUBACK, UNSUBACK]),
    (0x93, "ReceiveMaximumExceeded", &[DISCONNECT]),
    (0x94, "TopicAliasInvalid", &[DISCONNECT]),
    (0x95, "PacketTooLarge", &[CONNACK, DISCONNECT]),
    (0x96, "MessageRateTooHigh", &[DISCONNECT]),
    (0x97, "QuotaExceeded", &[CONNACK, PUBACK, SUBACK, DISCONNECT]),
    (0x98, "AdministrativeAction", &[DISCONNECT]),
    (0x99, "PayloadFormatInvalid", &[CONNACK, PUBACK, DISCONNECT]),
    (0x9a, "RetainNotSupported", &[CONNACK, DISCONNECT]),
    (0x9b, "QosNotSupported", &[CONNACK, DISCONNECT]),
    (0x9c, "UseAnotherServer", &[CONNACK, DISCONNECT]),
    (0x9d, "ServerMoved", &[CONNACK, DISCONNECT]),
    (0x9e, "SharedSubscriptionsNotSupported", &[SUBACK, DISCONNECT]),
    (0x9f, "ConnectionRateExceeded", &[CONNACK, DISCONNECT]),
    (0xa0, "MaximumConnectTime", &[DISCONNECT]),
    (0xa1, "SubscriptionIdentifiersNotSupported", &[SUBACK, DISCONNECT]),
    (0xa2, "WildcardSubscriptionsNotSupported", &[SUBACK, DISCONNECT]),
];
