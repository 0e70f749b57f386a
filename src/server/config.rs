//! What a server may be told, with its defaults. Nothing here acts on it.

use std::io;
use std::time::Duration;

use super::tls::ServerTls;
use crate::protocol::ProtocolKind;

const KIB: usize = 1024;

/// What happens to a delivery that finds its receiver's queue full. Always counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowConsumer {
    /// The oldest waiting deliveries make room: a slow reader sees the present, with gaps.
    #[default]
    DropOldest,
    /// The new delivery is dropped: a slow reader sees the past, then a gap.
    DropNewest,
    /// The receiver is disconnected with close code 1008.
    Disconnect,
}

impl SlowConsumer {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::DropOldest, Self::DropNewest, Self::Disconnect];

    /// The name on the command line and in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DropOldest => "drop-oldest",
            Self::DropNewest => "drop-newest",
            Self::Disconnect => "disconnect",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// A server's mode, limits and injected misbehaviour.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What the server does with a frame. Default: rooms.
    pub mode: ProtocolKind,
    /// Between two events of a feed. Default: 100 ms.
    pub feed_interval: Duration,
    /// A longer message closes its connection with 1009. Default: 64 KiB.
    pub max_message_bytes: usize,
    /// Open WebSocket connections; one more is answered 503. Default: 100,000.
    pub max_connections: usize,
    /// Rooms that have members; a Join that would need one more gets an Error. Default: 100,000.
    pub max_rooms: usize,
    /// Rooms one connection is a member of; one more gets an Error. Default: 1,000.
    pub max_rooms_per_connection: usize,
    /// A longer room name gets an Error. Default: 256.
    pub max_room_name_bytes: usize,
    /// A longer user name gets an Error. Default: 256.
    pub max_username_bytes: usize,
    /// Deliveries that wait for one connection. Default: 1,024.
    pub queue_messages: usize,
    /// Bytes of deliveries that wait for one connection, and of replies before the server stops
    /// reading from it. One message always fits. Default: 1 MiB.
    pub queue_bytes: usize,
    /// What happens when either is reached. Default: drop the oldest.
    pub slow_consumer: SlowConsumer,
    /// `SO_SNDBUF`, which the kernel doubles; `None` leaves its default, with which a peer that
    /// never reads has 4 MB swallowed before any policy sees it. Under 40 KiB, a loopback segment
    /// (64 KiB) doesn't fit, and each longer message waits 40 ms for a delayed acknowledgement.
    /// Default: 64 KiB.
    pub send_buffer_bytes: Option<usize>,
    /// A connection that sends nothing, not even a ping, for so long is closed with 1008.
    /// Default: none.
    pub idle_timeout: Option<Duration>,
    /// With it, everything is over TLS, pages included. Default: none.
    pub tls: Option<ServerTls>,
    /// From accept to the end of the request head, TLS included. Default: 10 s.
    pub handshake_timeout: Duration,
    /// From the shutdown to the last connection's end, however slow its peer. Default: 2 s.
    pub drain_timeout: Duration,
    /// Injected: every outgoing message waits so long. Default: none.
    pub delay: Duration,
    /// Injected: deliveries and echoes a second of all connections together; what is asked for beyond
    /// that waits. Over 0. Default: as many as there are.
    pub serves_per_s: Option<f64>,
    /// Injected: how much seconds differ in that, as a standard deviation's share. Default: 0.
    pub serves_jitter: f64,
    /// Injected: the share of deliveries, echoes and events that vanish, 0 to 1. Default: 0.
    pub loss: f64,
    /// Which ones vanish. The same seed and order of connections lose the same. Default: 0.
    pub loss_seed: u64,
    /// Injected: every so often, connections are neither read nor written. Default: never.
    pub stall_every: Option<Duration>,
    /// Injected: for so long. Default: 0.
    pub stall_for: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            mode: ProtocolKind::Rooms,
            feed_interval: Duration::from_millis(100),
            max_message_bytes: 64 * KIB,
            max_connections: 100_000,
            max_rooms: 100_000,
            max_rooms_per_connection: 1_000,
            max_room_name_bytes: 256,
            max_username_bytes: 256,
            queue_messages: 1_024,
            queue_bytes: 1024 * KIB,
            slow_consumer: SlowConsumer::DropOldest,
            send_buffer_bytes: Some(64 * KIB),
            idle_timeout: None,
            tls: None,
            handshake_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(2),
            delay: Duration::ZERO,
            serves_per_s: None,
            serves_jitter: 0.0,
            loss: 0.0,
            loss_seed: 0,
            stall_every: None,
            stall_for: Duration::ZERO,
        }
    }
}

impl ServerConfig {
    /// Refuses what would make the server useless or its arithmetic meaningless.
    pub(super) fn check(&self) -> io::Result<()> {
        let refuse = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if self.queue_messages == 0 || self.queue_bytes == 0 || self.max_message_bytes == 0 {
            return refuse("the bounds of messages and queues must be over 0");
        }
        if self.feed_interval.is_zero() {
            return refuse("the feed interval must be over 0");
        }
        if !(0.0..=1.0).contains(&self.loss) {
            return refuse("the loss must be a share from 0 to 1");
        }
        if self.serves_per_s.is_some_and(|per_s| !(per_s.is_finite() && per_s > 0.0)) {
            return refuse("what the server serves a second must be over 0");
        }
        if !(0.0..=1.0).contains(&self.serves_jitter) {
            return refuse("the jitter must be a share from 0 to 1");
        }
        if self.stall_every.is_some_and(|every| every <= self.stall_for) {
            return refuse("the server must stall for less than the time between two stalls");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_accepted() {
        ServerConfig::default().check().unwrap();
    }

    #[test]
    fn meaningless_values_are_refused() {
        let default = ServerConfig::default;
        let second = Duration::from_secs(1);
        for config in [
            ServerConfig { queue_messages: 0, ..default() },
            ServerConfig { queue_bytes: 0, ..default() },
            ServerConfig { max_message_bytes: 0, ..default() },
            ServerConfig { feed_interval: Duration::ZERO, ..default() },
            ServerConfig { loss: f64::NAN, ..default() },
            ServerConfig { loss: 1.1, ..default() },
            ServerConfig { serves_per_s: Some(0.0), ..default() },
            ServerConfig { serves_jitter: 1.1, ..default() },
            ServerConfig { stall_every: Some(second), stall_for: second, ..default() },
        ] {
            assert_eq!(config.check().unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn policies_are_found_by_name() {
        for policy in SlowConsumer::ALL {
            assert_eq!(SlowConsumer::from_name(policy.name()), Some(policy));
        }
    }
}
