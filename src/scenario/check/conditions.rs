//! uproar's own conditions, which hold beside the scenario's thresholds: a run is not passed whose
//! load never happened, or whose figures are those of a few survivors.
//!
//! A scenario that names one of them, as a count or as a share, puts its own limit in its place;
//! `"off"` leaves it out.

use super::super::model::{Cohort, Comparison, Load, Subject, Threshold};
use crate::metric::{Counter, Share};
use crate::protocol::Audience;

/// Of which scenarios a condition can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Every,
    /// Those whose clients publish.
    Publishing,
    /// Those whose clients publish or hear a feed.
    Hearing,
    /// Those with a closed loop.
    Closed,
}

/// One condition, as it would be written.
struct Own {
    subject: Subject,
    key: &'static str,
    condition: &'static str,
    comparison: Comparison,
    limit: f64,
    of: Of,
}

const fn none(counter: Counter, key: &'static str, of: Of) -> Own {
    let (subject, comparison) = (Subject::Count(counter), Comparison::Equal);
    Own { subject, key, condition: "== 0", comparison, limit: 0.0, of }
}

const fn under(share: Share, key: &'static str, condition: &'static str, limit: f64) -> Own {
    let (subject, comparison) = (Subject::Share(share), Comparison::Less);
    Own { subject, key, condition, comparison, limit, of: Of::Publishing }
}

/// In the order in which reports show them. docs/measuring.md has a table of them.
const OWN: [Own; 9] = [
    none(Counter::ClientsNeverJoined, "clients.never_joined", Of::Every),
    none(Counter::ClientsNotBack, "clients.not_back", Of::Every),
    none(Counter::ClientsStoodStill, "clients.stood_still", Of::Closed),
    // As many as make an outage.
    Own { of: Of::Every, ..under(Share::Broken, "connections.broken.share", "< 10%", 0.1) },
    Own {
        subject: Subject::Count(Counter::Delivered),
        key: "delivered",
        condition: "> 0",
        comparison: Comparison::Greater,
        limit: 0.0,
        of: Of::Hearing,
    },
    Own { of: Of::Hearing, ..under(Share::Lost, "lost.share", "< 1%", 0.01) },
    under(Share::Unfinished, "unfinished.share", "< 1%", 0.01),
    under(Share::Uncertain, "uncertain.share", "< 5%", 0.05),
    under(Share::NotSent, "not_sent.share", "< 1%", 0.01),
];

/// What stands in the place of a condition, in a scenario that wants none.
pub(super) const OFF: &str = "off";

/// The counter that a figure is of: as a count and as a share it is the same condition.
fn counter(subject: Subject) -> Option<Counter> {
    match subject {
        Subject::Count(counter) => Some(counter),
        Subject::Share(share) => Some(share.counter()),
        Subject::Latency(..)
        | Subject::Rate(_)
        | Subject::Recovery(_)
        | Subject::Resource(_)
        | Subject::Taken(..) => None,
    }
}

/// Whether there is a condition on that figure.
pub(super) fn is_own(subject: Subject) -> bool {
    let of = counter(subject);
    of.is_some() && OWN.iter().any(|own| counter(own.subject) == of)
}

/// The names of all of them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.key)
}

/// The conditions that stand beside `named`: the scenario's thresholds on whole runs, and what it
/// switched off.
pub(super) fn beside(named: &[Subject], cohorts: &[Cohort]) -> Vec<Threshold> {
    let publishes = cohorts.iter().any(|cohort| cohort.publish.is_some());
    let load = |cohort: &Cohort| cohort.publish.as_ref().map(|publish| publish.load);
    let closed = cohorts.iter().any(|cohort| matches!(load(cohort), Some(Load::Closed { .. })));
    let feed = cohorts.iter().any(|cohort| cohort.protocol.audience() == Audience::Feed);
    let asked = |own: &&Own| match own.of {
        Of::Every => true,
        Of::Publishing => publishes,
        Of::Hearing => publishes || feed,
        Of::Closed => closed,
    };
    let free = |own: &&Own| !named.iter().any(|subject| counter(*subject) == counter(own.subject));
    let threshold = |own: &Own| Threshold {
        key: own.key.to_owned(),
        condition: own.condition.to_owned(),
        cohort: None,
        phase: None,
        subject: own.subject,
        comparison: own.comparison,
        limit: own.limit,
        // Where there is nothing to take a share of, nothing went wrong.
        if_any: matches!(own.subject, Subject::Share(_)),
        abort_after: None,
        default: true,
    };
    OWN.iter().filter(asked).filter(free).map(threshold).collect()
}
