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
