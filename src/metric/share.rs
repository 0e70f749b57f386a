//! Names of counters told as a share of something, and of counts told by the second.
//!
//! A count alone says little over millions of messages: `lost == 0` is a lottery there, and
//! `lost.share < 0.01%` is not. Names only, as everywhere under `metric`.

use serde::{Deserialize, Serialize};

use super::Counter;

/// A counter as a share of all that it could have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    Lost,
    AckedLost,
    Duplicated,
    Reordered,
    Corrupted,
    Uncertain,
    CutOff,
    Unfinished,
    NotSent,
    NeverJoined,
    NotBack,
    StoodStill,
    Broken,
}

/// What a share is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Deliveries that were expected: delivered plus lost.
    Expected,
    /// Deliveries.
    Delivered,
    /// Everything that was settled for a member: expected, plus what can't be known and
    /// what was still on its way when the plan or the run's end cut it off.
    Settled,
    /// Messages that fell due.
    Due,
    /// Clients that came up.
    Clients,
    /// The same, each of which may count several times.
    PerClient,
}

impl Whole {
    /// Its things, in the plural.
    #[must_use]
    pub const fn things(self) -> &'static str {
        match self {
            Self::Expected | Self::Delivered | Self::Settled => "deliveries",
            Self::Due => "messages",
            Self::Clients | Self::PerClient => "clients",
        }
    }
}

impl Share {
    /// Every share with the name a threshold uses.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Lost, "lost.share"),
        (Self::AckedLost, "acked_lost.share"),
        (Self::Duplicated, "duplicated.share"),
        (Self::Reordered, "reordered.share"),
        (Self::Corrupted, "corrupted.share"),
        (Self::Uncertain, "uncertain.share"),
        (Self::CutOff, "cut_off.share"),
        (Self::Unfinished, "unfinished.share"),
        (Self::NotSent, "not_sent.share"),
        (Self::NeverJoined, "clients.never_joined.share"),
        (Self::NotBack, "clients.not_back.share"),
        (Self::StoodStill, "clients.stood_still.share"),
        (Self::Broken, "connections.broken.share"),
    ];

    /// The share of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(share, _)| share)
    }

    /// The share that a counter is told as, if it is.
    #[must_use]
    pub fn of(counter: Counter) -> Option<Self> {
        Self::ALL.into_iter().map(|(share, _)| share).find(|share| share.counter() == counter)
    }

    /// What is counted.
    #[must_use]
    pub const fn counter(self) -> Counter {
        match self {
            Self::Lost => Counter::Lost,
            Self::AckedLost => Counter::AckedLost,
            Self::Duplicated => Counter::Duplicated,
            Self::Reordered => Counter::Reordered,
            Self::Corrupted => Counter::Corrupted,
            Self::Uncertain => Counter::Uncertain,
            Self::CutOff => Counter::CutOff,
            Self::Unfinished => Counter::Unfinished,
            Self::NotSent => Counter::PublishesNotSent,
            Self::NeverJoined => Counter::ClientsNeverJoined,
            Self::NotBack => Counter::ClientsNotBack,
            Self::StoodStill => Counter::ClientsStoodStill,
            Self::Broken => Counter::ConnectionsBroken,
        }
    }

    /// What it is a share of.
    #[must_use]
    pub const fn whole(self) -> Whole {
        match self {
            Self::Lost | Self::AckedLost => Whole::Expected,
            Self::Duplicated | Self::Reordered | Self::Corrupted => Whole::Delivered,
            Self::Uncertain | Self::CutOff | Self::Unfinished => Whole::Settled,
            Self::NotSent => Whole::Due,
            Self::NeverJoined | Self::NotBack | Self::StoodStill => Whole::Clients,
            Self::Broken => Whole::PerClient,
        }
    }

    /// Whether what is counted is a part of the whole, so that the share is 100 % at most. A
    /// message may come twice over, a changed one may be nobody's delivery, and a client may lose one
    /// connection after another.
    #[must_use]
    pub const fn is_part(self) -> bool {
        !matches!(self.whole(), Whole::Delivered | Whole::PerClient)
    }
}

/// A count by the second, over the phases that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Messages that arrived, one for each recipient.
    Delivered,
    /// Messages written.
    Sent,
}

impl Rate {
    /// Every rate with the name a threshold uses.
    pub const ALL: [(Self, &'static str); 2] =
        [(Self::Delivered, "delivered.rate"), (Self::Sent, "sent.rate")];

    /// The rate of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(rate, _)| rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_are_those_of_their_counters() {
        for (share, name) in Share::ALL {
            assert_eq!(Share::from_name(name), Some(share));
            assert_eq!(Share::of(share.counter()), Some(share));
            let counter = Counter::ALL.into_iter().find(|(known, _)| *known == share.counter());
            let counter = counter.map_or("", |(_, name)| name);
            let short = counter.strip_prefix("publishes.").unwrap_or(counter);
            assert_eq!(name, format!("{short}.share"));
        }
        for (rate, name) in Rate::ALL {
            assert_eq!(Rate::from_name(name), Some(rate));
        }
    }
}
