//! What waits to be written to one connection: replies and deliveries in one order, bounded in
//! messages and bytes. It never touches a socket.
//!
//! Anyone pushes, under whatever lock they hold; only the connection's own task pops. While this lock is
//! held only a bounded server's pace is locked, and wakers are called after it is let go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::config::{ServerConfig, SlowConsumer};
use super::faults::Loss;
use super::lock;
use super::pace::Pace;

/// Replies that wait before the server stops reading from their connection.
const REPLIES_BEFORE_BACKPRESSURE: usize = 64;

/// Room for entries that an empty queue may keep; a burst's is given back.
const KEPT_ENTRIES: usize = 128;

/// Why the server ends a connection by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server shuts down; what waits is written first.
    Shutdown,
    /// The slow-consumer policy; what waits is thrown away.
    SlowConsumer,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// Queued, and so many older ones dropped for it.
    DroppedOldest(u64),
    DroppedNewest,
    /// The policy ends the receiver's connection.
    Disconnected,
    /// Injected.
    Lost,
    /// The connection is ending.
    Closed,
}

/// What the connection's task finds.
#[derive(Debug, PartialEq)]
pub(super) enum Popped {
    Frame(Message),
    /// The next one is held back by the injected delay, or not done yet.
    NotBefore(Instant),
    Empty,
    Ended(Ending),
}

#[derive(Debug)]
pub(super) struct OutQueue {
    max_messages: usize,
    max_bytes: usize,
    policy: SlowConsumer,
    delay: Duration,
    pace: Option<Arc<Pace>>,
    state: Mutex<State>,
    /// Set with `Ending::SlowConsumer`, for a task that is stuck in a write and doesn't pop.
    kicked: AtomicBool,
    waker: AtomicWaker,
}

#[derive(Debug)]
struct State {
    entries: VecDeque<Entry>,
    deliveries: Load,
    replies: Load,
    loss: Loss,
    ending: Option<Ending>,
}

#[derive(Debug)]
struct Entry {
    frame: Message,
    kind: Kind,
    /// Only with an injected delay, or a bounded server.
    due: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Never dropped; too many of them stop the reading.
    Reply,
    /// What the slow-consumer policy is about.
    Delivery,
}

#[derive(Debug, Default)]
struct Load {
    messages: usize,
    bytes: usize,
}

impl OutQueue {
    pub(super) fn new(config: &ServerConfig, connection: u64) -> Self {
        Self {
            max_messages: config.queue_messages,
            max_bytes: config.queue_bytes,
            policy: config.slow_consumer,
            delay: config.delay,
            pace: None,
            state: Mutex::new(State {
                entries: VecDeque::new(),
                deliveries: Load::default(),
                replies: Load::default(),
                loss: Loss::new(config.loss, config.loss_seed, connection),
                ending: None,
            }),
            kicked: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Bounds what all connections that share `pace` are delivered together.
    pub(super) fn paced(mut self, pace: Option<Arc<Pace>>) -> Self {
        self.pace = pace;
        self
    }

    /// Queues an answer to the connection's own request. Never dropped: the reader stops at
    /// [`Self::backlogged`] instead.
    pub(super) fn push_reply(&self, frame: Message) {
        let mut state = lock(&self.state);
        if state.ending.is_none() {
            self.enqueue(&mut state, Kind::Reply, frame, None);
            drop(state);
            self.waker.wake();
        }
    }

    /// Queues a frame's echo: a reply that the injected loss may take. False if it did.
    pub(super) fn push_echo(&self, frame: Message) -> bool {
        let mut state = lock(&self.state);
        if state.loss.strikes() {
            return false;
        }
        if state.ending.is_none() {
            self.enqueue(&mut state, Kind::Reply, frame, self.done_at());
            drop(state);
            self.waker.wake();
        }
        true
    }

    /// Queues what somebody else said, or applies the policy. Never waits.
    pub(super) fn push_delivery(&self, frame: Message) -> Pushed {
        let mut state = lock(&self.state);
        if state.ending.is_some() {
            return Pushed::Closed;
        }
        if state.loss.strikes() {
            return Pushed::Lost;
        }
        let mut dropped = 0;
        if !self.fits(&state, frame.len()) {
            match self.policy {
                SlowConsumer::DropOldest => {
                    while !self.fits(&state, frame.len()) {
                        if !state.drop_oldest_delivery() {
                            break;
                        }
                        dropped += 1;
                    }
                    self.spare(dropped as usize);
                }
                SlowConsumer::DropNewest => return Pushed::DroppedNewest,
                SlowConsumer::Disconnect => {
                    self.spare(state.undone());
                    state.clear();
                    state.ending = Some(Ending::SlowConsumer);
                    self.kicked.store(true, Ordering::Release);
                    drop(state);
                    self.waker.wake();
                    return Pushed::Disconnected;
                }
            }
        }
        self.enqueue(&mut state, Kind::Delivery, frame, self.done_at());
        drop(state);
        self.waker.wake();
        if dropped == 0 { Pushed::Queued } else { Pushed::DroppedOldest(dropped) }
    }

    /// Takes nothing more; what waits is still popped, then [`Ending::Shutdown`].
    pub(super) fn finish(&self) {
        lock(&self.state).ending.get_or_insert(Ending::Shutdown);
        self.waker.wake();
    }

    /// Whom to wake when something is pushed. Register before popping, or a push in between is
    /// missed.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The next frame to write.
    pub(super) fn pop(&self) -> Popped {
        let mut state = lock(&self.state);
        let Some(front) = state.entries.front() else {
            if state.entries.capacity() > KEPT_ENTRIES {
                state.entries.shrink_to(KEPT_ENTRIES);
            }
            return state.ending.map_or(Popped::Empty, Popped::Ended);
        };
        if let Some(due) = front.due.filter(|due| *due > Instant::now()) {
            return Popped::NotBefore(due);
        }
        state.remove(0).map_or(Popped::Empty, Popped::Frame)
    }

    /// Whether so many replies wait that their connection must not be read.
    pub(super) fn backlogged(&self) -> bool {
        let replies = &lock(&self.state).replies;
        replies.messages >= REPLIES_BEFORE_BACKPRESSURE || replies.bytes >= self.max_bytes
    }

    /// Whether the slow-consumer policy ended this connection.
    pub(super) fn kicked(&self) -> bool {
        self.kicked.load(Ordering::Acquire)
    }

    /// One message fits whatever its size, or a queue smaller than a message would pass none.
    fn fits(&self, state: &State, bytes: usize) -> bool {
        let waiting = &state.deliveries;
        waiting.messages == 0
            || waiting.messages < self.max_messages && waiting.bytes + bytes <= self.max_bytes
    }

    /// A bounded server need not do what nobody will get.
    fn spare(&self, deliveries: usize) {
        if let Some(pace) = self.pace.as_ref().filter(|_| deliveries > 0) {
            pace.give_back(deliveries);
        }
    }

    /// When a bounded server has done what it is asked for now. Not asked for what nobody gets.
    fn done_at(&self) -> Option<Instant> {
        self.pace.as_ref().map(|pace| pace.done_at(Instant::now()))
    }

    fn enqueue(&self, state: &mut State, kind: Kind, frame: Message, done: Option<Instant>) {
        let due = match done {
            None if self.delay.is_zero() => None,
            done => Some(done.unwrap_or_else(Instant::now) + self.delay),
        };
        let load = state.load(kind);
        load.messages += 1;
        load.bytes += frame.len();
        state.entries.push_back(Entry { frame, kind, due });
    }
}

impl Drop for OutQueue {
    /// Its connection is gone.
    fn drop(&mut self) {
        if self.pace.is_some() {
            let undone = lock(&self.state).undone();
            self.spare(undone);
        }
    }
}

impl State {
    fn load(&mut self, kind: Kind) -> &mut Load {
        match kind {
            Kind::Reply => &mut self.replies,
            Kind::Delivery => &mut self.deliveries,
        }
    }

    fn remove(&mut self, index: usize) -> Option<Message> {
        let entry = self.entries.remove(index)?;
        let load = self.load(entry.kind);
        load.messages -= 1;
        load.bytes -= entry.frame.len();
        Some(entry.frame)
    }

    /// Replies in front are few: the reader stops at their bound.
    fn drop_oldest_delivery(&mut self) -> bool {
        let oldest = self.entries.iter().position(|entry| entry.kind == Kind::Delivery);
        oldest.is_some_and(|index| self.remove(index).is_some())
    }

    /// How many a bounded server has not done yet.
    fn undone(&self) -> usize {
        let now = Instant::now();
        self.entries.iter().filter(|entry| entry.due.is_some_and(|due| due > now)).count()
    }

    fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.deliveries = Load::default();
        self.replies = Load::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(policy: SlowConsumer) -> OutQueue {
        let config = ServerConfig {
            queue_messages: 3,
            queue_bytes: 10,
            slow_consumer: policy,
            ..ServerConfig::default()
        };
        OutQueue::new(&config, 1)
    }

    fn frame(text: &'static str) -> Message {
        Message::text(text)
    }

    fn drain(queue: &OutQueue) -> Vec<String> {
        let mut texts = Vec::new();
        while let Popped::Frame(frame) = queue.pop() {
            texts.push(frame.into_text().unwrap().to_string());
        }
        texts
    }

    #[test]
    fn replies_and_deliveries_keep_their_order() {
        let queue = queue(SlowConsumer::DropOldest);
        queue.push_delivery(frame("d1"));
        queue.push_reply(frame("r1"));
        queue.push_delivery(frame("d2"));
        assert_eq!(drain(&queue), ["d1", "r1", "d2"]);
        assert_eq!(queue.pop(), Popped::Empty);
    }

    #[test]
    fn the_oldest_delivery_makes_room_and_replies_stay() {
        let queue = queue(SlowConsumer::DropOldest);
        queue.push_reply(frame("r1"));
        for text in ["d1", "d2", "d3"] {
            assert_eq!(queue.push_delivery(frame(text)), Pushed::Queued);
        }
        assert_eq!(queue.push_delivery(frame("d4")), Pushed::DroppedOldest(1));
        assert_eq!(drain(&queue), ["r1", "d2", "d3", "d4"]);
    }

    #[test]
    fn bytes_are_bounded_too_but_one_message_always_fits() {
        let queue = queue(SlowConsumer::DropOldest);
        queue.push_delivery(frame("12345"));
        queue.push_delivery(frame("67890"));
        assert_eq!(queue.push_delivery(frame("a longer one")), Pushed::DroppedOldest(2));
        assert_eq!(drain(&queue), ["a longer one"]);
    }

    #[test]
    fn the_newest_is_dropped() {
        let queue = queue(SlowConsumer::DropNewest);
        for text in ["d1", "d2", "d3"] {
            queue.push_delivery(frame(text));
        }
        assert_eq!(queue.push_delivery(frame("d4")), Pushed::DroppedNewest);
        assert_eq!(drain(&queue), ["d1", "d2", "d3"]);
    }

    #[test]
    fn a_disconnect_throws_everything_away_and_takes_no_more() {
        let queue = queue(SlowConsumer::Disconnect);
        for text in ["d1", "d2", "d3"] {
            queue.push_delivery(frame(text));
        }
        assert_eq!(queue.push_delivery(frame("d4")), Pushed::Disconnected);
        assert_eq!(queue.push_delivery(frame("d5")), Pushed::Closed);
        assert!(queue.kicked());
        assert_eq!(queue.pop(), Popped::Ended(Ending::SlowConsumer));
    }

    /// What three deliveries took of a bounded server's time, by a policy, and what the next is put behind.
    #[test]
    fn what_nobody_gets_takes_no_time_of_a_bounded_server() {
        let behind = |policy, loss| {
            let now = Instant::now();
            let pace = Arc::new(Pace::new(1.0, 0.0, now));
            let config = ServerConfig {
                queue_messages: 3,
                slow_consumer: policy,
                loss,
                ..ServerConfig::default()
            };
            let queue = OutQueue::new(&config, 1).paced(Some(Arc::clone(&pace)));
            for text in ["d1", "d2", "d3", "d4", "d5"] {
                queue.push_delivery(frame(text));
            }
            let done = pace.done_at(now).saturating_duration_since(now);
            done.as_secs_f64().round()
        };
        // Each takes a second; three wait at most, and the next comes behind them.
        assert_eq!(behind(SlowConsumer::DropNewest, 0.0), 4.0);
        assert_eq!(behind(SlowConsumer::DropOldest, 0.0), 4.0);
        assert_eq!(behind(SlowConsumer::Disconnect, 0.0), 1.0);
        assert_eq!(behind(SlowConsumer::DropNewest, 1.0), 1.0);
    }

    #[test]
    fn a_finished_queue_is_drained_first() {
        let queue = queue(SlowConsumer::DropOldest);
        queue.push_delivery(frame("d1"));
        queue.finish();
        assert_eq!(queue.push_delivery(frame("d2")), Pushed::Closed);
        queue.push_reply(frame("r"));
        assert_eq!(queue.pop(), Popped::Frame(frame("d1")));
        assert_eq!(queue.pop(), Popped::Ended(Ending::Shutdown));
    }

    #[test]
    fn too_many_replies_stop_the_reading_and_none_is_dropped() {
        let queue = queue(SlowConsumer::DropOldest);
        for _ in 0..REPLIES_BEFORE_BACKPRESSURE {
            assert!(!queue.backlogged());
            queue.push_reply(frame(""));
        }
        assert!(queue.backlogged());
        queue.pop();
        assert!(!queue.backlogged());
        // The same in bytes.
        queue.push_reply(frame("1234567890"));
        assert!(queue.backlogged());
    }

    #[test]
    fn a_delay_holds_frames_back() {
        let delayed = |delay| {
            let queue = OutQueue::new(&ServerConfig { delay, ..ServerConfig::default() }, 1);
            queue.push_delivery(frame("d1"));
            queue.pop()
        };
        assert!(matches!(delayed(Duration::from_secs(3600)), Popped::NotBefore(_)));
        assert_eq!(delayed(Duration::ZERO), Popped::Frame(frame("d1")));
    }

    #[test]
    fn an_injected_loss_takes_deliveries_and_echoes_but_no_replies() {
        let config = ServerConfig { loss: 1.0, ..ServerConfig::default() };
        let queue = OutQueue::new(&config, 1);
        assert_eq!(queue.push_delivery(frame("d")), Pushed::Lost);
        assert!(!queue.push_echo(frame("e")));
        queue.push_reply(frame("r"));
        assert_eq!(drain(&queue), ["r"]);
    }
}
