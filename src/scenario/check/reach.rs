//! Which limits a figure can reach: a condition that always holds decides nothing, and one that
//! never does fails every run.

use super::super::model::{Comparison, Stat, Subject};
use crate::metric::{Resource, Share};

/// Histograms tell latencies from 1 µs to 1 h; what is shorter or longer counts as that.
const LATENCY_US: (f64, f64) = (1.0, 3_600_000_000.0);

/// On which sides of a limit a figure can lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The condition can hold, and can fail.
    Both,
    /// It can't fail.
    Always,
    /// It can't hold.
    Never,
}

/// The smallest and the largest that a figure can be.
fn range(subject: Subject) -> (f64, f64) {
    match subject {
        Subject::Latency(_, Stat::Count) => (0.0, f64::INFINITY),
        Subject::Latency(..) => LATENCY_US,
        Subject::Share(share) if share.is_part() => (0.0, 1.0),
        // Memory may shrink, and a gauge be anything.
        Subject::Resource(Resource::RssGrowth) | Subject::Taken(..) => {
            (f64::NEG_INFINITY, f64::INFINITY)
        }
        Subject::Count(_)
        | Subject::Share(_)
        | Subject::Rate(_)
        | Subject::Recovery(_)
        | Subject::Resource(_) => (0.0, f64::INFINITY),
    }
}

/// Whether the figure's range lies on both sides of the limit.
pub(super) fn of(subject: Subject, comparison: Comparison, limit: f64) -> Reach {
    let (least, most) = range(subject);
    let (can_hold, can_fail) = match comparison {
        Comparison::Less => (least < limit, most >= limit),
        Comparison::LessOrEqual => (least <= limit, most > limit),
        Comparison::Equal => ((least..=most).contains(&limit), true),
        Comparison::GreaterOrEqual => (most >= limit, least < limit),
        Comparison::Greater => (most > limit, least <= limit),
    };
    match (can_hold, can_fail) {
        (true, true) => Reach::Both,
        (true, false) => Reach::Always,
        (false, _) => Reach::Never,
    }
}

/// The range in words.
pub(super) fn why(subject: Subject) -> &'static str {
    match subject {
        Subject::Latency(_, Stat::Count) | Subject::Count(_) => "a count is 0 or more",
        Subject::Latency(..) => "latencies are told from 1 us to 1 h",
        Subject::Share(Share::Duplicated | Share::Reordered | Share::Corrupted) => {
            "this share is 0 % or more"
        }
        Subject::Share(_) => "a share is 0 % to 100 %",
        Subject::Rate(_) => "a rate is 0 or more",
        Subject::Recovery(_) => "a time is 0 or more",
        Subject::Resource(_) | Subject::Taken(..) => "what is used is 0 or more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Counter, Metric, Rate};
    use crate::scenario::Milestone;

    #[test]
    fn limits_that_no_figure_can_pass_or_miss_in_a_table() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        use Reach::{Always, Both, Never};
        let lost = Subject::Count(Counter::Lost);
        let share = Subject::Share(Share::Lost);
        let copies = Subject::Share(Share::Duplicated);
        let rate = Subject::Rate(Rate::Delivered);
        let p99 = Subject::Latency(Metric::Delivery, Stat::Percentile(99.0));
        let samples = Subject::Latency(Metric::Delivery, Stat::Count);
        let recovery = Subject::Recovery(Milestone::ToAll);
        let table = [
            (lost, Less, 0.0, Never),
            (lost, LessOrEqual, 0.0, Both),
            (lost, Equal, 0.0, Both),
            (lost, GreaterOrEqual, 0.0, Always),
            (lost, Greater, 0.0, Both),
            (share, Less, 0.0, Never),
            (share, Less, 1.0, Both),
            (share, LessOrEqual, 1.0, Always),
            (share, Less, 1.5, Always),
            (share, Greater, 1.0, Never),
            (share, GreaterOrEqual, 1.0, Both),
            (share, Equal, 2.0, Never),
            (copies, Greater, 1.0, Both),
            (rate, Less, 0.0, Never),
            (rate, GreaterOrEqual, 0.0, Always),
            (rate, Greater, 1e9, Both),
            (p99, Less, 1.0, Never),
            (p99, Less, 2.0, Both),
            (p99, LessOrEqual, 3_600_000_000.0, Always),
            (p99, Less, 3_600_000_000.0, Both),
            (p99, Less, 7_200_000_000.0, Always),
            (p99, Equal, 0.0, Never),
            (samples, GreaterOrEqual, 0.0, Always),
            (samples, Greater, 0.0, Both),
            (recovery, Less, 0.0, Never),
            (recovery, Less, 7_200_000_000.0, Both),
        ];
        for (subject, comparison, limit, reach) in table {
            assert_eq!(of(subject, comparison, limit), reach, "{subject:?} {comparison:?} {limit}");
        }
    }
}
