//! What all connections share: configuration, counters, rooms, and the list of everyone.
//!
//! Locks: everyone's list before a queue, and neither with a room's or the room map's.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::config::ServerConfig;
use super::fanout::{Member, Members};
use super::faults::Stalls;
use super::lock;
use super::metrics::{Metrics, ServerStats};
use super::pace::Pace;
use super::rooms::Rooms;
use crate::codec::ServerMessage;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    pub(super) metrics: Metrics,
    pub(super) rooms: Rooms,
    pub(super) stalls: Option<Stalls>,
    pub(super) pace: Option<Arc<Pace>>,
    everyone: Mutex<Everyone>,
    /// For those that are not yet in the list: handshakes end when it turns true.
    closing: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Everyone {
    members: Members,
    closing: bool,
}

/// A place among the open connections, given back on drop.
#[derive(Debug)]
pub(super) struct Slot(Arc<Shared>);

impl Shared {
    pub(super) fn new(config: ServerConfig) -> Self {
        let stalls = config.stall_every.map(|every| Stalls {
            start: Instant::now(),
            every,
            length: config.stall_for,
        });
        let now = Instant::now();
        let pace = config.serves_per_s.map(|per_s| Pace::new(per_s, config.serves_jitter, now));
        Self {
            pace: pace.map(Arc::new),
            metrics: Metrics::default(),
            rooms: Rooms::new(config.max_rooms),
            stalls,
            everyone: Mutex::default(),
            closing: watch::Sender::new(false),
            config,
        }
    }

    /// A place for one more connection, unless all are taken.
    pub(super) fn slot(self: &Arc<Self>) -> Option<Slot> {
        let max = u64::try_from(self.config.max_connections).unwrap_or(u64::MAX);
        self.metrics.connections.add_one_up_to(max).then(|| Slot(Arc::clone(self)))
    }

    pub(super) fn register(&self, member: &Member) {
        let mut everyone = lock(&self.everyone);
        everyone.members.insert(member.clone());
        if everyone.closing {
            member.queue.finish();
        }
    }

    pub(super) fn unregister(&self, member: &Member) {
        lock(&self.everyone).members.remove(member.connection);
    }

    /// Queues a frame for everyone as it is.
    pub(super) fn relay(&self, frame: &Message) {
        lock(&self.everyone).members.relay(frame, &self.metrics);
    }

    /// Queues a message for everyone in their codecs.
    pub(super) fn deliver(&self, message: &ServerMessage<'_>) {
        lock(&self.everyone).members.deliver(message, &self.metrics);
    }

    /// Lets every connection write what waits and close, now and later ones alike.
    pub(super) fn close_all(&self) {
        self.closing.send_replace(true);
        let mut everyone = lock(&self.everyone);
        everyone.closing = true;
        for member in everyone.members.iter() {
            member.queue.finish();
        }
    }

    /// Returns once the server shuts down.
    pub(super) async fn closing(&self) {
        let mut closing = self.closing.subscribe();
        // The sender is in `self`: it can't be gone.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    pub(super) fn stats(&self) -> ServerStats {
        ServerStats { rooms: self.rooms.len() as u64, ..self.metrics.stats() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.metrics.connections.sub(1);
    }
}
