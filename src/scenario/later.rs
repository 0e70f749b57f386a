//! The parts of the scenario's surface that are settled but not built yet.
//!
//! They are refused by name: ignored, a run would not be the one that was asked for; called
//! unknown, their users would look for a typo. A line leaves this table when its part is built.

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key of the table of this name; "" is the top level.
    Key(&'static str),
    /// The scheme of `target.url`.
    Scheme,
    /// How a server speaks. [`A_PATH`] stands for any path.
    Protocol,
    Codec,
    /// What a threshold looks at.
    Metric,
}

/// Stands in the table for the path of a file.
const A_PATH: &str = "/";

/// Where it stands, its name, and what it is for.
const LATER: &[(Place, &str, &str)] = &[
    (Place::Key(""), "baseline", "comparing with an earlier run"),
    (Place::Key("target"), "params", "parameters of a protocol file"),
    (Place::Key("target"), "subprotocols", "offering subprotocols of one's own"),
    (Place::Key("target"), "tls", "TLS"),
    (Place::Key("cohort"), "data", "users from a file"),
    (Place::Key("cohort"), "protocol", "a protocol of the cohort's own"),
    (Place::Key("cohort"), "params", "parameters of a protocol file"),
    (Place::Scheme, "wss", "TLS"),
    (Place::Protocol, A_PATH, "protocols described by a file"),
    (Place::Codec, "msgpack", "MessagePack"),
    (Place::Codec, "cbor", "CBOR"),
    (Place::Codec, "protobuf", "Protocol Buffers"),
    (Place::Codec, "postcard", "postcard"),
    (Place::Metric, "connect_tls", "TLS"),
];

/// What the name will be for, if it stands for something that is not built yet.
pub(super) fn purpose(place: Place, name: &str) -> Option<&'static str> {
    let is_path = place == Place::Protocol && (name.contains('/') || name.ends_with(".toml"));
    let name = if is_path { A_PATH } else { name };
    LATER.iter().find(|(at, known, _)| *at == place && *known == name).map(|(.., what)| *what)
}
