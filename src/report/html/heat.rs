//! Latency over time as a heat map: a column a stretch of time, a row a stretch of latency, dark
//! where most of that moment's deliveries were. It shows what percentiles hide: two groups of
//! clients, or one in a thousand that waits a second.

use hdrhistogram::Histogram;

use super::clock::{Clock, stretch};
use super::markup::{Markup, words};
use super::plot::{Hit, Plot, SIDE, short};
use super::scale::{Scale, latency_tick};
use crate::measure::{decode, percentile_has_enough, value_at};
use crate::report::Report;
use crate::report::summary::parts::cell;
use crate::units::format::{count, duration_us};

/// Columns, at most: neighbours are added up past it.
const COLUMNS: usize = 150;
/// Rows, about.
const ROWS: usize = 36;
/// Shares of a column's deliveries from which a cell is so dark, lightest first. Whatever is there
/// at all is seen.
const LEVELS: [(f64, &str, &str); 5] = [
    (0.0, "h1", "under 0.1 %"),
    (0.001, "h2", "0.1 % to 1 %"),
    (0.01, "h3", "1 % to 5 %"),
    (0.05, "h4", "5 % to 20 %"),
    (0.2, "h5", "20 % or more"),
];

struct Column {
    from_s: f64,
    to_s: f64,
    phase: String,
    histogram: Histogram<u64>,
}

pub(super) fn section(report: &Report) -> Markup {
    let clock = Clock::of(report);
    let columns = columns(report);
    let filled = || columns.iter().filter(|column| !column.histogram.is_empty());
    let smallest = filled().map(|column| column.histogram.min_nz()).min();
    let largest = filled().map(|column| column.histogram.max()).max();
    let (Some(smallest), Some(largest)) = (smallest, largest) else {
        return words("p", "No latencies were kept over time.");
    };
    let y = Scale::log(smallest, largest);
    let edges = edges(y);
    let mut levels = LEVELS.map(|_| String::new());
    for column in filled() {
        let (from, to) = (clock.place(column.from_s), clock.place(column.to_s));
        for (row, samples) in rows(&column.histogram, &edges).into_iter().enumerate() {
            if samples == 0 {
                continue;
            }
            let share = samples as f64 / column.histogram.len() as f64;
            let level = LEVELS.iter().rposition(|(least, ..)| share >= *least).unwrap_or(0);
            let row = row as f64 / edges.len() as f64;
            levels[level].push_str(&block(from, to, row, row + 1.0 / edges.len() as f64));
        }
    }
    let body =
        LEVELS.iter().zip(&levels).filter(|(_, d)| !d.is_empty()).map(|((_, class, _), d)| {
            Markup::element("path", &[("class", *class), ("d", d.as_str())], Markup::default())
        });
    let hits = columns.iter().map(|column| Hit {
        from: clock.place(column.from_s),
        to: clock.place(column.to_s),
        lines: values(column),
    });
    Plot {
        title: "Deliveries by latency".to_owned(),
        note: "from due (log scale), by the second they arrived in; \
               colors: the share of that moment's deliveries"
            .to_owned(),
        y: y.ticks(6).into_iter().map(|us| (y.place(us), latency_tick(us))).collect(),
        legend: LEVELS.iter().map(|(_, class, name)| (*class, (*name).to_owned())).collect(),
        body: body.collect(),
        hits: hits.collect(),
        ..clock.plot()
    }
    .render()
}

fn columns(report: &Report) -> Vec<Column> {
    let together = report.series.len().div_ceil(COLUMNS).max(1);
    let columns = report.series.chunks(together).filter_map(|points| {
        let (first, last) = (points.first()?, points.last()?);
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 2).ok()?;
        let all = points.iter().filter_map(|point| decode(point.delivery_hdr.as_deref()?));
        for one in all {
            // Up to an hour each, so it fits.
            histogram.add(one).ok()?;
        }
        let end_s = last.t_s + last.width_s;
        Some(Column { from_s: first.t_s, to_s: end_s, phase: first.phase.clone(), histogram })
    });
    columns.collect()
}

/// The upper end of each row, microseconds, evenly spread over the axis.
fn edges(y: Scale) -> Vec<f64> {
    let Scale::Log { from, to } = y else { return Vec::new() };
    (1..=ROWS).map(|row| from * (to / from).powf(row as f64 / ROWS as f64)).collect()
}

/// Samples in each row.
fn rows(histogram: &Histogram<u64>, edges: &[f64]) -> Vec<u64> {
    let mut rows = vec![0_u64; edges.len()];
    for value in histogram.iter_recorded() {
        // The middle of what the histogram can't tell apart.
        let us = histogram.median_equivalent(value.value_iterated_to()) as f64;
        let row = edges.partition_point(|edge| *edge < us).min(edges.len().saturating_sub(1));
        if let Some(row) = rows.get_mut(row) {
            *row = row.saturating_add(value.count_at_value());
        }
    }
    rows
}

/// A cell, as a piece of a path in the square that is drawn in.
fn block(from: f64, to: f64, low: f64, high: f64) -> String {
    let [x, right] = [from, to].map(|place| place * SIDE);
    let [top, bottom] = [high, low].map(|place| (1.0 - place) * SIDE);
    format!("M{} {}H{}V{}H{}Z", short(x), short(top), short(right), short(bottom), short(x))
}

fn values(column: &Column) -> Vec<String> {
    let histogram = &column.histogram;
    let mut lines = vec![stretch(column.from_s, column.to_s, &column.phase)];
    lines.push(format!("{} deliveries", count(histogram.len())));
    if histogram.is_empty() {
        return lines;
    }
    for (percentile, name) in [(50.0, "p50"), (99.0, "p99")] {
        let enough = percentile_has_enough(percentile, histogram.len());
        let us = enough.then(|| value_at(histogram, percentile));
        lines.push(format!("{name}: {}", cell(us)));
    }
    lines.push(format!("slowest: {}", duration_us(histogram.max())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_one_row() {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 2).unwrap();
        (1..2_000).for_each(|n| histogram.record(n * n).unwrap());
        let edges = edges(Scale::log(histogram.min_nz(), histogram.max()));
        let rows = rows(&histogram, &edges);
        assert_eq!(rows.iter().sum::<u64>(), histogram.len());
        assert!(rows[0] > 0 && rows.len() == ROWS);
        // 1 µs to 5 s is 6.7 decades: 1 ms is 3 of them up.
        let below = rows.iter().take(ROWS * 3 / 6).sum::<u64>();
        assert!((20..60).contains(&below), "{below}");
    }

    #[test]
    fn one_in_a_hundred_thousand_is_seen() {
        assert_eq!(LEVELS[0].0, 0.0);
        assert!(LEVELS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
