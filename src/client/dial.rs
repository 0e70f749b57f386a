//! From an address to an upgraded WebSocket, step by step and each step timed.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use super::failure::DialError;
pub(super) use super::failure::{classify, close_of};
use super::socket::{Socket, Traffic};
use super::tcp::connect;
use crate::machine::clock::Clock;
use crate::metric::{ErrorKind, Step};

/// Where clients dial to, and what they say in the upgrade. The same for all clients of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `ws://host:port/path?query`, as in the upgrade request.
    pub url: String,
    /// What the host resolved to; at least one. Client n begins at the n-th of the first one's
    /// family, around.
    pub addresses: Vec<SocketAddr>,
    /// Names this tool and the run, so that whoever runs the server knows whom to ask.
    pub user_agent: String,
    /// Sent with the upgrade; they replace what would be sent otherwise.
    pub headers: Vec<(String, String)>,
    /// Addresses to dial from; clients of one address take them in turn. Empty: the kernel chooses.
    pub source_addresses: Vec<IpAddr>,
    /// Covers TCP and upgrade together.
    pub connect_timeout: Duration,
    /// The largest message this run's clients send or expect, in bytes.
    pub message_bytes_max: usize,
}

/// An upgraded connection and when its steps were done, by the run's clock.
pub(super) struct Dialed {
    pub(super) ws: WebSocketStream<Socket>,
    pub(super) address: SocketAddr,
    pub(super) began_us: u64,
    pub(super) tcp_us: u64,
    pub(super) upgraded_us: u64,
}

/// A read buffer is zero-filled on each read and allocated for each connection: 4 KiB holds
/// tens of chat messages and costs an idle client no more.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The least that a message from the server may have: servers send more than they are sent.
const MESSAGE_BYTES_MIN: usize = 1024 * 1024;
/// How much larger than this run's largest message one from the server may be.
const MESSAGE_TIMES: usize = 4;

/// The largest message from the server, in bytes. Past it one is refused as `oversize`: what one
/// client buffers is bounded, whatever the server announces.
pub(super) fn message_bytes_max(target: &Target) -> usize {
    target.message_bytes_max.saturating_mul(MESSAGE_TIMES).max(MESSAGE_BYTES_MIN)
}

fn config(target: &Target) -> WebSocketConfig {
    let message_max = message_bytes_max(target);
    // Each message is written as it comes; the bound is for a server that stops reading.
    let held_max = (4 * target.message_bytes_max).max(256 * 1024);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(held_max)
        .max_message_size(Some(message_max))
        .max_frame_size(Some(message_max))
}

/// Dials, within the target's time limit. Dropping the future abandons the attempt.
pub(super) async fn dial(
    target: &Target,
    subprotocol: Option<&'static str>,
    client: u32,
    clock: &Clock,
    traffic: &Rc<Traffic>,
    receive_buffer_bytes: Option<u32>,
) -> Result<Dialed, DialError> {
    let began_us = clock.now_us();
    let deadline = Instant::now() + target.connect_timeout;
    let limit = target.connect_timeout;
    let (stream, address) = connect(target, client, receive_buffer_bytes, deadline).await?;
    let tcp_us = clock.now_us();
    let socket = Socket::new(stream, Rc::clone(traffic));
    let request = request(target, subprotocol)?;
    let upgrade =
        tokio_tungstenite::client_async_with_config(request, socket, Some(config(target)));
    let (ws, _) = tokio::time::timeout_at(deadline, upgrade)
        .await
        .map_err(|_| DialError::timed_out(Step::Upgrade, limit))?
        .map_err(|error| classify(&error, Step::Upgrade))?;
    Ok(Dialed { ws, address, began_us, tcp_us, upgraded_us: clock.now_us() })
}

fn request(target: &Target, subprotocol: Option<&'static str>) -> Result<Request, DialError> {
    let wrong = |text: String| DialError::new(ErrorKind::BadHandshake, Step::Upgrade, text);
    let mut request =
        target.url.as_str().into_client_request().map_err(|error| wrong(error.to_string()))?;
    let agent = HeaderValue::from_str(&target.user_agent)
        .map_err(|_| wrong("the User-Agent can't be sent".to_owned()))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, agent);
    if let Some(subprotocol) = subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    let mut given = Vec::with_capacity(target.headers.len());
    for (name, value) in &target.headers {
        let name: HeaderName =
            name.parse().map_err(|_| wrong(format!("bad header name {name}")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| wrong(format!("the value of the header {name} can't be sent")))?;
        given.push((name, value));
    }
    // What the user gives replaces what would be sent otherwise, such as Host; a name that is
    // given twice is sent twice.
    for (name, _) in &given {
        headers.remove(name);
    }
    for (name, value) in given {
        headers.append(name, value);
    }
    Ok(request)
}
