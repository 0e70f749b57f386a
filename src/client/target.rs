//! Where a run's clients dial to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tls::Tls;
use super::upgrade::Upgrade;

/// Where clients dial to, and what they say in the upgrade where nothing else is theirs to say. The
/// same for all clients of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `ws://host:port/path?query` or `wss://...`, as in the upgrade request.
    pub url: String,
    /// What the host resolved to; at least one. Client n begins at the n-th of the first one's
    /// family, around.
    pub addresses: Vec<SocketAddr>,
    /// Names this tool and the run, so that whoever runs the server knows whom to ask.
    pub user_agent: String,
    /// Sent with the upgrade; they replace what would be sent otherwise.
    pub headers: Vec<(String, String)>,
    /// Offered in the upgrade, in this order.
    pub subprotocols: Vec<String>,
    /// How TLS is done. `None` where nothing is reached over it.
    pub tls: Option<Tls>,
    /// Other hosts that clients may log in at, looked up once a run as well.
    pub login_hosts: Vec<LoginHost>,
    /// Addresses to dial from; clients of one address take them in turn. Empty: the kernel chooses.
    pub source_addresses: Vec<IpAddr>,
    /// Covers TCP, TLS and the upgrade together.
    pub connect_timeout: Duration,
    /// The largest message from the server, in bytes. Past it one is refused as `oversize`: what one
    /// client buffers is bounded, whatever the server announces.
    pub message_bytes_max: usize,
    /// How much one read of a client takes, in bytes.
    pub read_buffer_bytes: usize,
}

/// A host beside the target's, by name as in a URL, and what it resolved to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginHost {
    /// An IPv6 address stands in brackets.
    pub name: String,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl Target {
    /// What a client says in its upgrade unless its protocol knows better.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        Upgrade {
            url: self.url.clone(),
            headers: self.headers.clone(),
            subprotocols: self.subprotocols.clone(),
        }
    }
}

/// The least that a message from the server may have: servers send more than they are sent.
const MESSAGE_BYTES_MIN: usize = 1024 * 1024;
/// How much larger than this run's largest message one from the server may be.
const MESSAGE_TIMES: usize = 4;

/// The largest message from the server where nobody says, in bytes: by the largest that is sent to it.
#[must_use]
pub fn message_bytes_max(sent_bytes_max: usize) -> usize {
    sent_bytes_max.saturating_mul(MESSAGE_TIMES).max(MESSAGE_BYTES_MIN)
}
