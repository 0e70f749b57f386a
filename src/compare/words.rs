//! Figures of a comparison in words, the same in its verdict and in each of its renderings.

use super::model::{Row, Spread, Tally};
use crate::units::format::{duration_us, number, percent};

/// `+33.9 %`.
pub(super) fn signed(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}

/// One value.
pub(super) fn value(value: f64, is_time: bool) -> String {
    // Three digits: a comparison is about small differences.
    match is_time {
        true if value < 10.0 => format!("{value:.2} us"),
        true if value < 1_000.0 => format!("{value:.0} us"),
        true if value < 100_000.0 => format!("{:.2} ms", value / 1_000.0),
        true => duration_us(value.round() as u64),
        false => number(value),
    }
}

/// `751 (30 %)`, or 0.
pub(super) fn tally(of: Tally) -> String {
    if of.count > 0.0 {
        format!("{} ({})", number(of.count), percent(of.share))
    } else {
        "0".to_owned()
    }
}

/// `302 us ±3 %`: the median, and half of how far the smallest and the largest lie apart. Of what must
/// be 0: all runs together.
pub(super) fn spread(of: Option<&Spread>, is_time: bool) -> String {
    let Some(of) = of else { return "-".to_owned() };
    if let Some(together) = of.tally {
        return tally(together);
    }
    if of.runs == 1 {
        return value(of.median, is_time);
    }
    format!("{} ±{:.0} %", value(of.median, is_time), of.relative() * 50.0)
}

/// What became of a figure: `delivery.p50 is 405 us, was 302 us (+33.9 %)`.
pub(super) fn told(row: &Row) -> String {
    let (Some(base), Some(new)) = (&row.base, &row.new) else {
        return format!("{} is gone: no run of the new side has it", row.figure);
    };
    if let (Some(was), Some(is)) = (base.tally, new.tally) {
        let (count, of) = (number(is.count), number(is.of));
        let (share, before) = (percent(is.share), tally(was));
        return format!("{} is {count} of {of} ({share}), was {before}", row.figure);
    }
    let change = row.change.map(|change| format!(" ({})", signed(change)));
    format!(
        "{} is {}, was {}{}",
        row.figure,
        value(new.median, row.is_time),
        value(base.median, row.is_time),
        change.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::model::{Kind, State};

    #[test]
    fn values_have_three_digits_or_so() {
        for (found, expected) in [
            (value(9.994, true), "9.99 us"),
            (value(10.0, true), "10 us"),
            (value(999.4, true), "999 us"),
            (value(1_000.0, true), "1.00 ms"),
            (value(99_994.0, true), "99.99 ms"),
            (value(100_000.0, true), "100 ms"),
            (value(2_500_000.4, true), "2.50 s"),
            (value(1_000.0, false), "1,000"),
            (signed(0.339), "+33.9 %"),
            (signed(-0.05), "-5.0 %"),
        ] {
            assert_eq!(found, expected);
        }
    }

    fn of(runs: usize, min: f64, median: f64, max: f64, tally: Option<Tally>) -> Spread {
        Spread { runs, min, median, max, tally }
    }

    fn tallied(count: f64, of: f64) -> Tally {
        Tally { count, of, share: if count > 0.0 { count / of } else { 0.0 } }
    }

    #[test]
    fn a_spread_is_a_median_with_half_its_range_or_all_runs_together() {
        let all = |count| of(5, 0.0, 0.0, count, Some(tallied(count, 2_500.0)));
        for (spread_of, expected) in [
            (None, "-"),
            // From 280 to 320: 13.3 % of the median, and half of that.
            (Some(of(5, 280.0, 300.0, 320.0, None)), "300 us ±7 %"),
            (Some(of(2, 300.0, 300.0, 300.0, None)), "300 us ±0 %"),
            (Some(of(1, 300.0, 300.0, 300.0, None)), "300 us"),
            (Some(all(0.0)), "0"),
            (Some(all(750.0)), "750 (30 %)"),
        ] {
            assert_eq!(spread(spread_of.as_ref(), true), expected);
        }
    }

    #[test]
    fn what_became_of_a_figure_is_a_sentence() {
        let row = |base, new, change| Row {
            figure: "x".to_owned(),
            kind: Kind::Decides,
            is_time: true,
            tolerance: None,
            base,
            new,
            change,
            p: None,
            state: State::Worse,
        };
        let one = |us| Some(of(1, us, us, us, None));
        let all = |count| Some(of(5, 0.0, 0.0, count, Some(tallied(count, 100.0))));
        for (row, expected) in [
            (row(one(300.0), one(402.0), Some(0.34)), "x is 402 us, was 300 us (+34.0 %)"),
            (row(one(0.0), one(402.0), None), "x is 402 us, was 0.00 us"),
            (row(one(300.0), None, None), "x is gone: no run of the new side has it"),
            (row(all(0.0), all(3.0), None), "x is 3 of 100 (3 %), was 0"),
            (row(all(2.0), all(3.0), None), "x is 3 of 100 (3 %), was 2 (2 %)"),
        ] {
            assert_eq!(told(&row), expected);
        }
    }
}
