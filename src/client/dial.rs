//! From an address to an upgraded WebSocket, step by step and each step timed.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use super::failure::DialError;
pub(super) use super::failure::{as_read, classify, close_of};
use super::socket::{Socket, Traffic, Wire};
use super::tcp::connect;
use super::tls::Tls;
use super::upgrade::{Upgrade, shake_hands};
use crate::machine::clock::Clock;
use crate::metric::Step;

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

/// An upgraded connection and when its steps were done, by the run's clock.
pub(super) struct Dialed {
    pub(super) ws: WebSocketStream<Socket>,
    pub(super) address: SocketAddr,
    /// What the server chose of the subprotocols it was offered.
    #[allow(dead_code, reason = "no built-in protocol depends on the choice")]
    pub(super) subprotocol: Option<String>,
    pub(super) began_us: u64,
    pub(super) tcp_us: u64,
    /// `None` without TLS.
    pub(super) tls_us: Option<u64>,
    pub(super) upgraded_us: u64,
}

impl Dialed {
    /// When the upgrade's request was about to be written.
    pub(super) fn connected_us(&self) -> u64 {
        self.tls_us.unwrap_or(self.tcp_us)
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

fn config(target: &Target) -> WebSocketConfig {
    let message_max = target.message_bytes_max;
    WebSocketConfig::default()
        .read_buffer_size(target.read_buffer_bytes)
        // Each frame is written as it comes, and none before the one before it was taken: what is
        // buffered is one frame, whatever its size, and what is said without waiting, which is short.
        .write_buffer_size(0)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(message_max))
        .max_frame_size(Some(message_max))
}

/// Dials, within the target's time limit. Dropping the future abandons the attempt.
pub(super) async fn dial(
    target: &Target,
    upgrade: &Upgrade,
    client: u32,
    clock: &Clock,
    traffic: &Rc<Traffic>,
    receive_buffer_bytes: Option<u32>,
) -> Result<Dialed, DialError> {
    let began_us = clock.now_us();
    let deadline = Instant::now() + target.connect_timeout;
    let request = upgrade.request(&target.user_agent)?;
    let (stream, address) = connect(target, client, receive_buffer_bytes, deadline).await?;
    let tcp_us = clock.now_us();
    let wire = Wire::new(stream, Rc::clone(traffic));
    let (socket, tls_us) = if Tls::is_asked_for_by(&upgrade.url) {
        let tls = Tls::of(target.tls.as_ref())?;
        // Boxed, or clients without TLS would be as large.
        let shaking = Box::pin(tls.connect(wire));
        let socket = within(target, deadline, Step::Tls, shaking).await?;
        (socket, Some(clock.now_us()))
    } else {
        (wire.into(), None)
    };
    let shaking = async {
        shake_hands(socket, request, &upgrade.subprotocols, config(target))
            .await
            .map_err(|error| classify(&error, Step::Upgrade))
    };
    let (ws, subprotocol) = within(target, deadline, Step::Upgrade, shaking).await?;
    let upgraded_us = clock.now_us();
    Ok(Dialed { ws, address, subprotocol, began_us, tcp_us, tls_us, upgraded_us })
}

/// A step of connecting, as long as there is time for it.
async fn within<T>(
    target: &Target,
    deadline: Instant,
    step: Step,
    future: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    tokio::time::timeout_at(deadline, future)
        .await
        .map_err(|_| DialError::timed_out(step, target.connect_timeout))?
}
