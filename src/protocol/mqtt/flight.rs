//! Packet identifiers: which are in use, and for what.

use rustc_hash::FxHashMap;

use crate::protocol::Taker;

/// Publishes that wait for their PUBACK, and subscriptions that wait for theirs.
///
/// At most 65,535 of both together: there are no more identifiers.
#[derive(Debug)]
pub(super) struct Flight {
    /// The number a publish has with us, by its packet identifier.
    publishes: FxHashMap<u16, u64>,
    steps: Vec<Asked>,
    /// The server's Receive Maximum.
    publishes_max: u16,
    last: u16,
}

/// A SUBSCRIBE or an UNSUBSCRIBE.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) packet_id: u16,
    /// `Join` or `Leave`.
    pub(super) what: Taker,
    pub(super) topic: String,
}

impl Flight {
    pub(super) fn new() -> Self {
        let (publishes, steps) = (FxHashMap::default(), Vec::new());
        Self { publishes, steps, publishes_max: u16::MAX, last: 0 }
    }

    pub(super) fn limit_publishes(&mut self, max: u16) {
        self.publishes_max = max;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.publishes.is_empty()
    }

    /// Whether so many may be published now.
    pub(super) fn can_publish(&self, publishes: usize) -> bool {
        let publishes = self.publishes.len() + publishes;
        let identifiers = usize::from(u16::MAX);
        publishes <= usize::from(self.publishes_max) && publishes + self.steps.len() <= identifiers
    }

    /// The next identifier that isn't in use. They go round, so that one that was just given back
    /// is the last to be used again, and a late answer meets nobody else's question.
    fn claim(&mut self) -> Option<u16> {
        for _ in 0..u16::MAX {
            self.last = self.last.checked_add(1).unwrap_or(1);
            let last = self.last;
            let asked = self.steps.iter().any(|step| step.packet_id == last);
            if !asked && !self.publishes.contains_key(&last) {
                return Some(last);
            }
        }
        None
    }

    /// An identifier for the publish that is `id` with us; `None` when the server takes no more.
    pub(super) fn publish(&mut self, id: u64) -> Option<u16> {
        let packet_id = self.can_publish(1).then(|| self.claim())??;
        self.publishes.insert(packet_id, id);
        Some(packet_id)
    }

    pub(super) fn ask(&mut self, what: Taker, topic: &str) -> Option<u16> {
        let packet_id = self.claim()?;
        self.steps.push(Asked { packet_id, what, topic: topic.to_owned() });
        Some(packet_id)
    }

    /// The number of the publish that is acknowledged, whose identifier is free again.
    pub(super) fn acked(&mut self, packet_id: u16) -> Option<u64> {
        self.publishes.remove(&packet_id)
    }

    /// What was asked under this identifier, which is free again.
    pub(super) fn answered(&mut self, packet_id: u16, is_join: bool) -> Option<Asked> {
        let matches = |step: &Asked| {
            step.packet_id == packet_id && matches!(step.what, Taker::Join(_)) == is_join
        };
        let at = self.steps.iter().position(matches)?;
        Some(self.steps.swap_remove(at))
    }

    pub(super) fn asked(&self) -> &[Asked] {
        &self.steps
    }
}
