//! What came of two clients' conversation, and what to say of it. Pure: nothing here prints.

use crate::client::DialError;
use crate::protocol::{Protocol, Recipients};
use crate::report::hints::{Several, Trouble};
use crate::units::format::count;

/// What was heard, of both clients together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Own messages heard that should be.
    pub(super) own: u32,
    /// Others' messages heard that should be.
    pub(super) others: u32,
    /// Own messages heard that should not be.
    pub(super) own_unexpected: u32,
    /// Others' messages heard that should not be.
    pub(super) others_unexpected: u32,
    /// Of all of them, those whose payload was changed.
    pub(super) changed: u32,
    /// Further copies.
    pub(super) twice: u32,
    pub(super) acked: u32,
    pub(super) rejected: u32,
    /// The first refusal's words.
    pub(super) refusal: Option<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.own += other.own;
        self.others += other.others;
        self.own_unexpected += other.own_unexpected;
        self.others_unexpected += other.others_unexpected;
        self.changed += other.changed;
        self.twice += other.twice;
        self.acked += other.acked;
        self.rejected += other.rejected;
        if let Some(refusal) = other.refusal {
            self.refusal.get_or_insert(refusal);
        }
    }
}

/// Everything that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether a client was connected and joined.
    pub(super) got_in: bool,
    pub(super) published: u32,
    /// Deliveries, by `recipients`.
    pub(super) owed: u32,
    pub(super) acks_owed: u32,
    /// Whether clients only listened.
    pub(super) feed: bool,
    /// Events heard by clients that only listen.
    pub(super) events: u32,
    /// Of the two, those that heard no event.
    pub(super) unpushed: u32,
    pub(super) tally: Tally,
    /// Who could not leave its room, and why: nothing that was heard depends on it.
    pub(super) unleft: Option<Broke>,
}

/// What was seen beside what was heard, and what it says of a trouble.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// How several messages lay in a frame that is taken for one.
    pub(super) several: Option<Several>,
    /// Whether a sender heard its own message in what looks like an error.
    pub(super) echoed: bool,
}

impl Signs {
    /// What a trouble is really about.
    pub(super) fn behind(self, trouble: Trouble) -> Trouble {
        match (trouble, self.several) {
            (Trouble::OthersMissing | Trouble::OwnCopy | Trouble::Filtered, _) if self.echoed => {
                Trouble::Echoed
            }
            (Trouble::Unacknowledged, Some(several)) => Trouble::Several(several),
            (Trouble::Unheard | Trouble::PartlyHeard | Trouble::Filtered, Some(several))
                if several != Several::Listed =>
            {
                Trouble::Several(several)
            }
            (trouble, _) => trouble,
        }
    }
}

/// What ended it early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broke {
    /// Whom it happened to.
    pub(super) client: u32,
    pub(super) error: DialError,
}

impl Outcome {
    /// The figures in words.
    pub(super) fn sentence(&self, protocol: &Protocol) -> String {
        if self.feed {
            return format!("{} events heard by two clients", count(u64::from(self.events)));
        }
        let tally = &self.tally;
        let heard = tally.own + tally.others;
        let mut parts = vec![format!(
            "{} published, {heard} of {} deliveries heard",
            self.published, self.owed
        )];
        if protocol.acknowledges() {
            parts.push(format!("{} acknowledged", tally.acked));
        }
        let own = match tally.own + tally.own_unexpected {
            0 => "no",
            copies if copies == self.published => "yes",
            _ => "some",
        };
        format!("{}; own copy: {own}", parts.join(", "))
    }

    /// What is not as the protocol has it, the gravest first. `filtered`: a payload came in a frame
    /// that doesn't deliver.
    pub(super) fn troubles(&self, recipients: Recipients, filtered: bool) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        if self.feed {
            if self.unpushed > 0 {
                troubles.push(Trouble::NothingPushed);
            }
            return troubles;
        }
        let tally = &self.tally;
        let heard = tally.own + tally.others;
        let unexpected = tally.own_unexpected + tally.others_unexpected;
        if tally.rejected > 0 {
            troubles.push(Trouble::Rejected);
        }
        if heard < self.owed {
            let (owns, others) =
                (recipients != Recipients::Others, recipients != Recipients::Sender);
            troubles.push(if filtered && heard == 0 {
                Trouble::Filtered
            } else if heard == 0 && unexpected == 0 {
                Trouble::Unheard
            } else if owns && tally.own == 0 {
                Trouble::OwnCopyMissing
            } else if others && tally.others == 0 {
                Trouble::OthersMissing
            } else {
                Trouble::PartlyHeard
            });
        }
        for (count, trouble) in [
            (tally.own_unexpected, Trouble::OwnCopy),
            (tally.others_unexpected, Trouble::OthersHeard),
            (tally.changed, Trouble::Changed),
            (tally.twice, Trouble::Twice),
            (self.acks_owed.saturating_sub(tally.acked + tally.rejected), Trouble::Unacknowledged),
        ] {
            if count > 0 {
                troubles.push(trouble);
            }
        }
        troubles
    }

    /// What a trouble looks like from here.
    pub(super) fn seen(&self, trouble: Trouble) -> String {
        let tally = &self.tally;
        let times = |n: u32, what: &str| format!("{} {what}", count(u64::from(n)));
        match trouble {
            Trouble::Unheard => "nobody heard anything that was published".to_owned(),
            Trouble::Filtered => {
                "payloads arrived, but none in a frame that counts as a delivery".to_owned()
            }
            Trouble::OwnCopyMissing => "the senders never heard themselves".to_owned(),
            Trouble::OthersMissing => "the senders heard only themselves".to_owned(),
            Trouble::OwnCopy => {
                times(tally.own_unexpected, "messages came back to their own sender")
            }
            Trouble::OthersHeard => {
                times(tally.others_unexpected, "messages reached somebody they are not for")
            }
            Trouble::Changed => times(tally.changed, "payloads arrived changed"),
            Trouble::Twice => times(tally.twice, "messages came again"),
            Trouble::Unacknowledged => {
                let missing = self.acks_owed.saturating_sub(tally.acked + tally.rejected);
                times(missing, "publishes were never acknowledged")
            }
            Trouble::Rejected => {
                let why = tally.refusal.as_deref().unwrap_or_default();
                format!("{}: {why}", times(tally.rejected, "publishes were refused"))
            }
            Trouble::PartlyHeard => {
                let heard = tally.own + tally.others;
                times(self.owed.saturating_sub(heard), "deliveries never came")
            }
            Trouble::NothingPushed => "no event came by itself".to_owned(),
            Trouble::NotProbed => "the room was never heard".to_owned(),
            Trouble::Otherwise => "something else was heard".to_owned(),
            Trouble::Echoed => "the senders heard an error about what they said".to_owned(),
            Trouble::Several(_) => "a frame held several messages".to_owned(),
            Trouble::Failed(kind, ..) => kind.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(owed: u32, tally: Tally) -> Outcome {
        Outcome { got_in: true, published: 6, owed, tally, ..Outcome::default() }
    }

    #[test]
    fn signs_say_what_a_trouble_is_about() {
        use Trouble::{Echoed, OthersMissing, OwnCopy, Unacknowledged, Unheard};
        let none = Signs::default();
        let echoed = Signs { echoed: true, ..none };
        let lines = Several::Separated("\n");
        let separated = Signs { several: Some(lines), ..none };
        let listed = Signs { several: Some(Several::Listed), ..none };
        for (signs, trouble, behind) in [
            (none, OthersMissing, OthersMissing),
            (echoed, OthersMissing, Echoed),
            (echoed, OwnCopy, Echoed),
            (echoed, Trouble::Filtered, Echoed),
            (none, Trouble::Filtered, Trouble::Filtered),
            (echoed, Unheard, Unheard),
            (separated, Unheard, Trouble::Several(lines)),
            (separated, Unacknowledged, Trouble::Several(lines)),
            (listed, Unacknowledged, Trouble::Several(Several::Listed)),
            (listed, Unheard, Unheard),
            (none, Unacknowledged, Unacknowledged),
        ] {
            assert_eq!(signs.behind(trouble), behind, "{signs:?} {trouble:?}");
        }
    }

    #[test]
    fn what_was_heard_says_what_is_wrong() {
        use Recipients::{Nobody, Others, Room, Sender};
        use Trouble::{
            Changed, Filtered, OthersHeard, OthersMissing, OwnCopy, OwnCopyMissing, PartlyHeard,
            Twice, Unheard,
        };
        let none = Tally::default();
        let t = |own, others, own_unexpected, others_unexpected| Tally {
            own,
            others,
            own_unexpected,
            others_unexpected,
            ..Tally::default()
        };
        let table: [(Recipients, u32, Tally, bool, &[Trouble]); 14] = [
            (Room, 12, t(6, 6, 0, 0), false, &[]),
            (Others, 6, t(0, 6, 0, 0), false, &[]),
            (Sender, 6, t(6, 0, 0, 0), false, &[]),
            (Nobody, 0, t(0, 0, 0, 0), false, &[]),
            (Room, 12, none.clone(), false, &[Unheard]),
            (Room, 12, none, true, &[Filtered]),
            (Room, 12, t(0, 6, 0, 0), false, &[OwnCopyMissing]),
            (Room, 12, t(6, 0, 0, 0), false, &[OthersMissing]),
            (Room, 12, t(6, 5, 0, 0), false, &[PartlyHeard]),
            (Others, 6, t(0, 6, 6, 0), false, &[OwnCopy]),
            (Others, 6, t(0, 0, 6, 0), false, &[OthersMissing, OwnCopy]),
            (Sender, 6, t(6, 0, 0, 6), false, &[OthersHeard]),
            (Nobody, 0, t(0, 0, 6, 6), false, &[OwnCopy, OthersHeard]),
            (Room, 12, Tally { changed: 2, twice: 1, ..t(6, 6, 0, 0) }, false, &[Changed, Twice]),
        ];
        for (recipients, owed, tally, filtered, expected) in table {
            let found = outcome(owed, tally.clone()).troubles(recipients, filtered);
            assert_eq!(found, expected, "{recipients:?} {tally:?}");
        }
        let silent = Outcome { acks_owed: 6, ..outcome(12, t(6, 6, 0, 0)) };
        assert_eq!(silent.troubles(Room, false), [Trouble::Unacknowledged]);
        let feed = Outcome { feed: true, events: 3, unpushed: 1, ..Outcome::default() };
        assert_eq!(feed.troubles(Room, false), [Trouble::NothingPushed]);
    }
}
