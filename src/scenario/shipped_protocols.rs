//! The protocol files that are part of the binary.

/// A protocol that is built in as a file.
#[derive(Clone, Copy, Debug)]
pub struct ShippedProtocol {
    /// The name that `--protocol` takes: that of its file in `protocols/`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(ShippedProtocol {
            name: $name,
            text: include_str!(concat!("../../protocols/", $name, ".toml")),
        }),*]
    };
}

/// Every shipped protocol, the simplest first.
#[must_use]
pub fn shipped_protocols() -> &'static [ShippedProtocol] {
    const ALL: &[ShippedProtocol] = shipped![
        "plain",
        "echo",
        "socket.io",
        "graphql-transport-ws",
        "action-cable",
        "stomp",
        "nats",
        "sockjs",
        "socketcluster",
        "channels",
    ];
    ALL
}
