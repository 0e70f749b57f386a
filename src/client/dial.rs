//! From an address to an upgraded WebSocket, step by step and each step timed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};

use super::socket::{Socket, Traffic};
use crate::machine::clock::Clock;
use crate::metric::{ErrorKind, Step};

/// Where clients dial to, and what they say in the upgrade. The same for all clients of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `ws://host:port/path?query`, as in the upgrade request.
    pub url: String,
    /// What the host resolved to; at least one, tried in turn.
    pub addresses: Vec<SocketAddr>,
    /// Names this tool and the run, so that whoever runs the server knows whom to ask.
    pub user_agent: String,
    /// Sent with the upgrade; they replace what would be sent otherwise.
    pub headers: Vec<(String, String)>,
    /// Addresses to dial from; client n takes the n-th, around. Empty: the kernel chooses.
    pub source_addresses: Vec<IpAddr>,
    /// Covers TCP and upgrade together.
    pub connect_timeout: Duration,
    /// The largest message this run's clients send or expect, in bytes.
    pub message_bytes_max: usize,
}

/// Why a connection did not come about, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// In which step.
    pub step: Step,
    /// For a person; may quote the server.
    pub text: String,
    /// The HTTP status, where that is what went wrong.
    pub status: Option<u16>,
}

impl DialError {
    pub(super) fn new(kind: ErrorKind, step: Step, text: impl Into<String>) -> Self {
        Self { kind, step, text: text.into(), status: None }
    }

    pub(super) fn timed_out(step: Step, limit: Duration) -> Self {
        let what = match step {
            Step::Lookup => "looking the host up",
            Step::Tcp => "the TCP handshake",
            Step::Upgrade => "the answer to the upgrade",
            Step::Join => "the answer to a join",
            Step::Leave => "the answer to a leave",
            Step::Active | Step::Close => "an answer",
        };
        Self::new(ErrorKind::TimedOut, step, format!("{what} took longer than {limit:?}"))
    }
}

/// An upgraded connection and when its steps were done, by the run's clock.
pub(super) struct Dialed {
    pub(super) ws: WebSocketStream<Socket>,
    pub(super) began_us: u64,
    pub(super) tcp_us: u64,
    pub(super) upgraded_us: u64,
}

/// A read buffer is zero-filled on each read and allocated for each connection: 4 KiB holds
/// tens of chat messages and costs an idle client no more.
const READ_BUFFER_BYTES: usize = 4 * 1024;

fn config(target: &Target) -> WebSocketConfig {
    // Each message is written as it comes; the bound is for a server that stops reading.
    let held_max = (4 * target.message_bytes_max).max(256 * 1024);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(held_max)
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
    let deadline = tokio::time::Instant::now() + target.connect_timeout;
    let limit = target.connect_timeout;
    let stream = tokio::time::timeout_at(deadline, connect(target, client, receive_buffer_bytes))
        .await
        .map_err(|_| DialError::timed_out(Step::Tcp, limit))?
        .map_err(|error| io_error(&error, Step::Tcp))?;
    let tcp_us = clock.now_us();
    let socket = Socket::new(stream, Rc::clone(traffic));
    let request = request(target, subprotocol)?;
    let upgrade =
        tokio_tungstenite::client_async_with_config(request, socket, Some(config(target)));
    let (ws, _) = tokio::time::timeout_at(deadline, upgrade)
        .await
        .map_err(|_| DialError::timed_out(Step::Upgrade, limit))?
        .map_err(|error| classify(&error, Step::Upgrade))?;
    Ok(Dialed { ws, began_us, tcp_us, upgraded_us: clock.now_us() })
}

/// Tries the target's addresses in turn until one accepts.
async fn connect(
    target: &Target,
    client: u32,
    receive_buffer_bytes: Option<u32>,
) -> io::Result<TcpStream> {
    let source =
        target.source_addresses.get(client as usize % target.source_addresses.len().max(1));
    let mut last = io::Error::other("the host has no address");
    for address in &target.addresses {
        match connect_to(*address, source.copied(), receive_buffer_bytes).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(
    address: SocketAddr,
    source: Option<IpAddr>,
    receive_buffer_bytes: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_nodelay(true)?;
    if let Some(bytes) = receive_buffer_bytes {
        // Before the handshake, which tells the peer how much may be on its way.
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(source) = source {
        // Without this the kernel takes a port for this address alone at bind, and all
        // destinations together get 28,000.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
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

fn io_error(error: &io::Error, step: Step) -> DialError {
    use io::ErrorKind as Io;
    let kind = match (error.kind(), error.raw_os_error()) {
        (_, Some(libc::EMFILE | libc::ENFILE)) => {
            let text = "no file descriptor left: raise the open-file limit (ulimit -n)";
            return DialError::new(ErrorKind::LocalLimit, step, text);
        }
        (_, Some(libc::EADDRNOTAVAIL)) => {
            let text = "no local port left: give the target more source_addresses";
            return DialError::new(ErrorKind::LocalLimit, step, text);
        }
        (_, Some(libc::ENOBUFS | libc::ENOMEM)) => ErrorKind::LocalLimit,
        (Io::ConnectionRefused, _) => ErrorKind::Refused,
        (Io::TimedOut, _) => ErrorKind::TimedOut,
        (Io::ConnectionReset | Io::BrokenPipe | Io::UnexpectedEof | Io::ConnectionAborted, _) => {
            ErrorKind::Reset
        }
        _ => ErrorKind::Io,
    };
    DialError::new(kind, step, error.to_string())
}

/// Places an error of the WebSocket library in the taxonomy.
pub(super) fn classify(error: &Error, step: Step) -> DialError {
    let of = |kind| DialError::new(kind, step, error.to_string());
    match error {
        Error::Io(error) => io_error(error, step),
        Error::Http(response) => http_status(response),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => DialError::new(
            ErrorKind::Reset,
            step,
            "the connection ended before the upgrade was answered",
        ),
        Error::Protocol(ProtocolError::HttparseError(why)) => {
            let text = format!("its answer to the upgrade is not HTTP ({why})");
            DialError::new(ErrorKind::BadHandshake, step, text)
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => of(ErrorKind::Reset),
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Url(_) if step == Step::Upgrade => {
            of(ErrorKind::BadHandshake)
        }
        Error::Capacity(CapacityError::MessageTooLong { .. }) => of(ErrorKind::Oversize),
        Error::Capacity(_) if step == Step::Upgrade => of(ErrorKind::BadHandshake),
        _ => of(ErrorKind::ProtocolViolation),
    }
}

fn http_status(response: &Response<Option<Vec<u8>>>) -> DialError {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(120)]);
    let mut text = format!("answered {status} to the upgrade");
    if let Some(elsewhere) = response.headers().get("Location") {
        text.push_str(&format!(", pointing to {}", String::from_utf8_lossy(elsewhere.as_bytes())));
    }
    if !body.trim().is_empty() {
        text.push_str(": ");
        text.push_str(body.trim());
    }
    let error = DialError::new(ErrorKind::HttpStatus, Step::Upgrade, text);
    DialError { status: Some(status.as_u16()), ..error }
}

/// The close code and reason of a close frame; 1005 where it names none (RFC 6455, 7.4.1).
pub(super) fn close_of(frame: Option<&tungstenite::protocol::CloseFrame>) -> (u16, &str) {
    frame.map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()))
}
