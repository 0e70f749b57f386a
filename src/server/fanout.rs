//! One message to many queues: encoded once a codec, the same order for everyone. It knows no
//! rooms and no sockets.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio_tungstenite::tungstenite::Message;

use super::metrics::Metrics;
use super::queue::{OutQueue, Pushed};
use crate::codec::{CodecKind, ServerMessage};

/// A receiver.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) connection: u64,
    pub(super) codec: CodecKind,
    pub(super) queue: Arc<OutQueue>,
}

/// Receivers in an order that only a departure changes. Whoever owns this holds its lock for a
/// whole fan-out, which is what gives every receiver the same order.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    /// Where each connection stands in the list, so that 10,000 departures aren't 10,000 searches.
    /// Connection numbers are the server's own: nobody can choose colliding ones.
    places: FxHashMap<u64, usize>,
}

impl Members {
    /// Does nothing for one who is there already.
    pub(super) fn insert(&mut self, member: Member) {
        self.places.entry(member.connection).or_insert_with(|| {
            self.list.push(member);
            self.list.len() - 1
        });
    }

    /// The last one takes the place that becomes free.
    pub(super) fn remove(&mut self, connection: u64) {
        if let Some(place) = self.places.remove(&connection) {
            self.list.swap_remove(place);
            if let Some(moved) = self.list.get(place) {
                self.places.insert(moved.connection, place);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }

    /// Queues a message for everyone, in their codecs.
    pub(super) fn deliver(&self, message: &ServerMessage<'_>, metrics: &Metrics) {
        let mut encoded: [Option<Message>; CodecKind::ALL.len()] = [const { None }; _];
        self.push_to_all(metrics, |codec| {
            let encode = || codec.codec().encode_server(message);
            encoded[codec as usize].get_or_insert_with(encode).clone()
        });
    }

    /// Queues a frame for everyone as it is.
    ///
    /// It may be a slice of the sender's 4 KiB read buffer and keep that alive, once for all
    /// queues together.
    pub(super) fn relay(&self, frame: &Message, metrics: &Metrics) {
        self.push_to_all(metrics, |_| frame.clone());
    }

    fn push_to_all(&self, metrics: &Metrics, mut frame: impl FnMut(CodecKind) -> Message) {
        let mut tally = Tally::default();
        for member in &self.list {
            tally.count(member.queue.push_delivery(frame(member.codec)));
        }
        tally.add_to(metrics);
    }
}

/// A fan-out's outcome, counted apart because shared counters cost 20 to 60 ns each.
#[derive(Debug, Default)]
struct Tally {
    queued: u64,
    dropped_oldest: u64,
    dropped_newest: u64,
    disconnected: u64,
    lost: u64,
}

impl Tally {
    fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Queued => self.queued += 1,
            Pushed::DroppedOldest(dropped) => {
                self.queued += 1;
                self.dropped_oldest += dropped;
            }
            Pushed::DroppedNewest => self.dropped_newest += 1,
            Pushed::Disconnected => self.disconnected += 1,
            Pushed::Lost => self.lost += 1,
            Pushed::Closed => {}
        }
    }

    fn add_to(&self, metrics: &Metrics) {
        metrics.deliveries.add(self.queued);
        metrics.dropped_oldest.add(self.dropped_oldest);
        metrics.dropped_newest.add(self.dropped_newest);
        metrics.dropped_disconnect.add(self.disconnected);
        metrics.injected_losses.add(self.lost);
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::ServerConfig;
    use super::super::queue::Popped;
    use super::*;

    fn member(connection: u64, codec: CodecKind) -> Member {
        let queue = Arc::new(OutQueue::new(&ServerConfig::default(), connection));
        Member { connection, codec, queue }
    }

    #[test]
    fn everyone_hears_in_their_codec_and_departures_are_exact() {
        let metrics = Metrics::default();
        let mut members = Members::default();
        let all: Vec<Member> = (0..4)
            .map(|n| member(n, if n % 2 == 0 { CodecKind::Json } else { CodecKind::Binary }))
            .collect();
        for one in &all {
            members.insert(one.clone());
            members.insert(one.clone());
        }
        members.remove(1);
        members.remove(1);
        members.remove(0);
        members.deliver(&ServerMessage::Pong, &metrics);
        for (n, one) in all.iter().enumerate() {
            let expected = match n {
                0 | 1 => Popped::Empty,
                _ => Popped::Frame(one.codec.codec().encode_server(&ServerMessage::Pong)),
            };
            assert_eq!(one.queue.pop(), expected);
            assert_eq!(one.queue.pop(), Popped::Empty);
        }
        assert_eq!(metrics.stats().deliveries, 2);
        members.remove(3);
        members.remove(2);
        assert!(members.is_empty());
    }
}
