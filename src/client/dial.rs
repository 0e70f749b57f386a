//! From an address to an upgraded WebSocket, step by step and each step timed.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::error::DialError;
use super::failure::classify;
use super::socket::{Socket, Traffic, Wire};
use super::target::Target;
use super::tcp::connect;
use super::tls::Tls;
use super::upgrade::{Upgrade, shake_hands};
use crate::machine::clock::Clock;
use crate::metric::Step;

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
