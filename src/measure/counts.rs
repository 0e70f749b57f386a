//! Counters, errors and closes, in a form that adds up over workers and seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::feeds::Numbered;
use crate::metric::{Detail, ErrorKind, Step};

/// Declares a struct of counters that adds up field by field.
macro_rules! counters {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $($(#[$doc])* pub $field: u64,)* }

        impl $name {
            /// Adds another's counts.
            ///
            /// A sum past 2^64 stays there: a server may number two events so that there are as
            /// many between them.
            pub fn merge(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }
        }
    };
}
pub(super) use counters;

counters! {
    /// What workers count themselves, by cohort. What only settling can tell is in
    /// [`Settled`](super::Settled).
    pub struct Counts {
        /// Messages the plan wanted sent, one for each room they go to.
        due,
        /// Messages written.
        sent,
        /// Messages given up: the client was away for too long, or the run ended.
        not_sent,
        /// Those of them that a client's full queue refused.
        held_full,
        /// Messages that the server acknowledged.
        acked,
        /// Messages that the server refused.
        rejected,
        /// Acknowledgements and refusals of no message that waits for one: of an id that none was
        /// published under on that connection, or a further one of the same message.
        acks_unknown,
        /// Actions written.
        actions_sent,
        /// Actions that fell due while their client was away or its socket full.
        actions_not_sent,
        /// Connections begun.
        attempted,
        /// Connections upgraded.
        opened,
        /// Connections that never got as far as joined.
        failed,
        /// Connections lost after they were joined, faults included.
        lost,
        /// Connections joined again after a loss.
        reconnected,
        /// Clients that came up for the first time.
        started,
        /// Clients that joined for the first time.
        joined,
        /// Clients whose attempts are used up.
        gave_up,
        /// Copies of a message that its receiver already had.
        duplicated,
        /// Arrivals after a later message of the same publisher and room.
        reordered,
        /// Payloads cut, changed, or with a stamp that can't be read.
        corrupted,
        /// Arrivals of messages sent before this connection wrote its join.
        replayed,
        /// Arrivals in a room that the client had left, or was never in.
        unexpected,
        /// Arrivals with another run's stamp.
        foreign,
        /// Feed events received, each sequence number once.
        pushed,
        /// Sequence numbers of a feed that were passed over.
        push_lost,
        /// Those of them that came after all, so that they are not lost.
        push_found,
        /// Of `pushed`, those whose sequence number could not be read.
        push_unnumbered,
        /// How often a feed's numbering began anew on a connection.
        push_renumbered,
        /// Numberings of a feed that were forgotten because a connection had too many.
        push_forgotten,
        /// Of `pushed`, those whose time could not be read, or was nowhere near ours.
        push_untimed,
        /// Of `pushed`, those whose time could.
        push_timed,
        /// Of those, the ones whose timestamp lay in the future when they arrived.
        push_future,
        /// Of `push_timed`, those whose timestamp was a whole millisecond.
        push_whole_1ms,
        /// The same of 10 ms.
        push_whole_10ms,
        /// The same of 100 ms.
        push_whole_100ms,
        /// The same of a second.
        push_whole_1s,
        /// Frames that delivered at least one message.
        frames_delivery,
        /// Frames that answered a step: connect, resume, join, leave.
        frames_step,
        /// Frames that acknowledged a message.
        frames_ack,
        /// Frames that asked for a reply.
        frames_reply,
        /// Frames that the protocol says to ignore.
        frames_ignored,
        /// WebSocket pings and pongs received.
        frames_heartbeat,
        /// Feed frames.
        frames_push,
        /// Error replies.
        frames_error,
        /// Frames that nothing explains.
        frames_unmatched,
        /// Bytes written to sockets, handshakes included.
        bytes_sent,
        /// Bytes read from sockets, handshakes included.
        bytes_received,
    }
}

/// Times of a feed from which its clock's step can be told: fewer may be whole seconds by chance.
const TIMES_MIN: u64 = 10;

impl Counts {
    /// Feed events that never came. A number passed over in one second may come in the next, so
    /// only sums over a whole run are meant. At 2^64 it is at least so many.
    #[must_use]
    pub fn pushes_lost(&self) -> u64 {
        if self.push_lost == u64::MAX {
            return u64::MAX;
        };
        self.push_lost.saturating_sub(self.push_found)
    }

    /// Feed events that were to come: those that did and those that never came.
    #[must_use]
    pub fn pushes_expected(&self) -> u64 {
        self.pushed.saturating_add(self.pushes_lost())
    }

    /// Takes in what a feed's number told.
    pub fn number(&mut self, of: &Numbered) {
        self.pushed += of.pushed;
        self.push_lost = self.push_lost.saturating_add(of.lost);
        self.push_found += u64::from(of.found);
        self.duplicated += u64::from(of.duplicated);
        self.reordered += of.reordered;
        self.push_renumbered += u64::from(of.renumbered);
        self.push_forgotten += of.forgotten;
    }

    /// Takes in the time that a feed's server gave an event.
    pub(super) fn time(&mut self, sent_us: u64, is_future: bool) {
        self.push_timed += 1;
        self.push_future += u64::from(is_future);
        let whole = |us| u64::from(sent_us.is_multiple_of(us));
        self.push_whole_1ms += whole(1_000);
        self.push_whole_10ms += whole(10_000);
        self.push_whole_100ms += whole(100_000);
        self.push_whole_1s += whole(1_000_000);
    }

    /// The coarsest step of which all times of a feed were multiples: 1 s, 100, 10 or 1 ms, in
    /// microseconds. `None` where it is finer, or with too few times to tell.
    #[must_use]
    pub fn push_clock_us(&self) -> Option<u64> {
        let steps = [
            (self.push_whole_1s, 1_000_000),
            (self.push_whole_100ms, 100_000),
            (self.push_whole_10ms, 10_000),
            (self.push_whole_1ms, 1_000),
        ];
        let all = |(whole, us): (u64, u64)| (whole == self.push_timed).then_some(us);
        (self.push_timed >= TIMES_MIN).then(|| steps.into_iter().find_map(all))?
    }
}

/// What an error is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorKey {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Which of its kind.
    pub detail: Detail,
    /// While doing what.
    pub step: Step,
    /// Whose cohort, as an index.
    pub cohort: u16,
}

/// How often, when, and one example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// How often.
    pub count: u64,
    /// First seen, since the run's start.
    pub first_us: u64,
    /// Last seen.
    pub last_us: u64,
    /// The first one's text, at most [`EXAMPLE_MAX`] characters.
    pub example: String,
}

/// The longest example kept, in characters.
pub const EXAMPLE_MAX: usize = 240;

/// Details told apart in all, the first that are seen; further ones are counted under kind, step and
/// cohort alone. A server may close each connection with a code of its own.
const DETAILS_MAX: usize = 64;

/// Errors by key: bounded, because the taxonomy is closed and details have a bound of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    entries: Vec<(ErrorKey, ErrorEntry)>,
}

impl Errors {
    /// Counts one error.
    pub fn record(&mut self, key: ErrorKey, at_us: u64, example: impl FnOnce() -> String) {
        let key = self.bounded(key);
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, entry)) => {
                entry.count += 1;
                entry.first_us = entry.first_us.min(at_us);
                entry.last_us = entry.last_us.max(at_us);
            }
            None => {
                let example = example().chars().take(EXAMPLE_MAX).collect();
                let entry = ErrorEntry { count: 1, first_us: at_us, last_us: at_us, example };
                self.entries.push((key, entry));
            }
        }
    }

    /// Adds another's errors.
    pub fn merge(&mut self, other: &Self) {
        for (key, new) in &other.entries {
            let key = self.bounded(*key);
            match self.entries.iter_mut().find(|(known, _)| *known == key) {
                Some((_, entry)) => {
                    if new.first_us < entry.first_us {
                        entry.first_us = new.first_us;
                        entry.example.clone_from(&new.example);
                    }
                    entry.count += new.count;
                    entry.last_us = entry.last_us.max(new.last_us);
                }
                None => self.entries.push((key, new.clone())),
            }
        }
    }

    /// The key itself, or without its detail where there are too many to tell apart.
    fn bounded(&self, key: ErrorKey) -> ErrorKey {
        let mut detailed = self.entries.iter().filter(|(known, _)| known.detail != Detail::None);
        let known = key.detail == Detail::None || detailed.clone().any(|(known, _)| *known == key);
        if known || detailed.nth(DETAILS_MAX - 1).is_none() {
            return key;
        }
        ErrorKey { detail: Detail::None, ..key }
    }

    /// All of them, the most frequent first.
    #[must_use]
    pub fn sorted(&self) -> Vec<(ErrorKey, ErrorEntry)> {
        let mut sorted = self.entries.clone();
        sorted.sort_by_key(|(key, entry)| (std::cmp::Reverse(entry.count), *key));
        sorted
    }

    /// How many errors in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries.iter().map(|(_, entry)| entry.count).sum()
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CloseKey {
    /// The close code; 1006 where there was no close frame, 1005 where it had no code.
    pub code: u16,
    /// The close frame's reason, shortened.
    pub reason: String,
    /// Whether the client ended it.
    pub by_client: bool,
}

/// Ends of connections by code and reason. A server may send any reason, so kinds are bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closes {
    #[serde(with = "close_pairs")]
    kinds: BTreeMap<CloseKey, u64>,
}

/// Kinds told apart; further reasons are counted under their code alone.
const CLOSE_KINDS_MAX: usize = 64;
const REASON_MAX: usize = 123;

impl Closes {
    /// Counts one end.
    pub fn record(&mut self, code: u16, reason: &str, by_client: bool) {
        let reason = reason.chars().take(REASON_MAX).collect();
        self.add(CloseKey { code, reason, by_client }, 1);
    }

    fn add(&mut self, mut key: CloseKey, count: u64) {
        if self.kinds.len() >= CLOSE_KINDS_MAX && !self.kinds.contains_key(&key) {
            key.reason = String::from("(other reasons)");
        }
        *self.kinds.entry(key).or_default() += count;
    }

    /// Adds another's ends.
    pub fn merge(&mut self, other: &Self) {
        for (key, count) in &other.kinds {
            self.add(key.clone(), *count);
        }
    }

    /// Every kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&CloseKey, u64)> {
        self.kinds.iter().map(|(key, count)| (key, *count))
    }
}

mod close_pairs {
    use super::{BTreeMap, CloseKey};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        kinds: &BTreeMap<CloseKey, u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        kinds.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<CloseKey, u64>, D::Error> {
        Ok(Vec::<(CloseKey, u64)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
