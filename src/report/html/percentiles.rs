//! Latencies by percentile, as HdrHistogram's own plots show them: each step to the right is ten
//! times rarer. Delivery from due and from sent are in one picture, because their difference tells
//! whether the server or the wait before it was slow.

use hdrhistogram::Histogram;

use super::markup::{Markup, words};
use super::plot::{Hit, Plot, path};
use super::scale::{Scale, latency_tick};
use super::table::Table;
use crate::measure::{decode, percentile_has_enough, value_at};
use crate::metric::Metric;
use crate::report::summary::parts::{cell, shown_latencies};
use crate::report::{Latency, Report};
use crate::units::format::{UNKNOWN, count, duration_us};

/// Points for each power of ten of rarity.
const POINTS: u32 = 24;
/// A trillion samples: no run has as many.
const DECADES_MAX: f64 = 12.0;
/// Percentiles that an axis and the values name.
const NAMED: [f64; 9] = [0.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999, 99.9999];

struct Curve {
    class: &'static str,
    name: &'static str,
    histogram: Histogram<u64>,
}

pub(super) fn section(report: &Report) -> Markup {
    let mut markup = picture(report);
    markup.add(table(report));
    if markup.is_empty() {
        return words("p", "No latency was measured.");
    }
    markup
}

fn picture(report: &Report) -> Markup {
    let curves = curves(report);
    let samples = curves.iter().map(|curve| curve.histogram.len()).max().unwrap_or(0);
    if samples == 0 {
        return Markup::default();
    }
    let decades = (samples as f64).log10().clamp(1.0, DECADES_MAX);
    let place = |percentile: f64| (decades_of(percentile) / decades).clamp(0.0, 1.0);
    let smallest = curves.iter().map(|curve| curve.histogram.min()).min().unwrap_or(1);
    let largest = curves.iter().map(|curve| curve.histogram.max()).max().unwrap_or(1);
    let y = Scale::log(smallest, largest);
    let percentiles = percentiles(decades);

    let mut body = Markup::default();
    for curve in &curves {
        let points = percentiles.iter().map(|&percentile| {
            let us = told(curve, percentile)?;
            Some((place(percentile), y.place(us as f64), is_sure(curve, percentile)))
        });
        let points: Vec<_> = points.collect();
        let sure = points.iter().filter(|point| point.is_some_and(|(.., sure)| sure)).count();
        let line = |part: &[Option<(f64, f64, bool)>]| {
            part.iter().map(|point| point.map(|(x, y, _)| (x, y))).collect::<Vec<_>>()
        };
        // The last sure point begins the unsure part, so that the line has no gap.
        body.add(path(curve.class, line(&points[..sure])));
        let unsure = format!("{} unsure", curve.class);
        body.add(path(&unsure, line(&points[sure.saturating_sub(1)..])));
    }
    let hits = percentiles.iter().enumerate().map(|(i, &percentile)| {
        let here = place(percentile);
        let before = i.checked_sub(1).map_or(here, |i| place(percentiles[i]));
        let after = percentiles.get(i + 1).map_or(here, |next| place(*next));
        Hit {
            from: f64::midpoint(before, here),
            to: f64::midpoint(here, after),
            lines: values(&curves, percentile),
        }
    });
    Plot {
        title: "Percentiles".to_owned(),
        note: "latency (log scale) that this share did not exceed; \
               dotted where fewer than ten samples were slower"
            .to_owned(),
        x: NAMED
            .into_iter()
            // Beside 50 and 90 these have no room on a phone.
            .filter(|percentile| ![0.0, 95.0].contains(percentile))
            .filter(|percentile| decades_of(*percentile) <= decades)
            .map(|percentile| (place(percentile), percentile.to_string()))
            .collect(),
        x_title: "percentile",
        y: y.ticks(6).into_iter().map(|us| (y.place(us), latency_tick(us))).collect(),
        legend: curves.iter().map(|curve| (curve.class, curve.name.to_owned())).collect(),
        hits: hits.collect(),
        body,
        ..Plot::default()
    }
    .render()
}

fn curves(report: &Report) -> Vec<Curve> {
    let of = |class, metric: Metric| {
        let histogram = decode(report.latency.get(&metric)?.hdr.as_deref()?)?;
        (!histogram.is_empty()).then(|| Curve { class, name: metric.label(), histogram })
    };
    let deliveries = [("s1", Metric::Delivery), ("s2", Metric::DeliveryFromSent)];
    let all = deliveries.into_iter().chain([("s1", Metric::Push)]);
    all.filter_map(|(class, metric)| of(class, metric)).collect()
}

/// How many powers of ten rarer than everything what lies above a percentile is.
fn decades_of(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

/// Evenly spread over the axis, and those with a name exactly.
fn percentiles(decades: f64) -> Vec<f64> {
    let last = (decades * f64::from(POINTS)).floor() as u32;
    let even = (0..=last).map(|n| 100.0 * (1.0 - 10_f64.powf(-f64::from(n) / f64::from(POINTS))));
    let named = NAMED.into_iter().filter(|percentile| decades_of(*percentile) <= decades);
    let mut all: Vec<f64> = even.chain(named).collect();
    all.sort_by(f64::total_cmp);
    // What 1 - 10^-n comes to differs from the name in its last bits.
    all.dedup_by(|next, kept| {
        let same = (decades_of(*next) - decades_of(*kept)).abs() < 1e-6;
        if same && NAMED.contains(next) {
            *kept = *next;
        }
        same
    });
    all
}

/// The value at a percentile, as far as there is a sample for it.
fn told(curve: &Curve, percentile: f64) -> Option<u64> {
    let any_above = decades_of(percentile) <= (curve.histogram.len() as f64).log10() + 1e-9;
    any_above.then(|| value_at(&curve.histogram, percentile))
}

fn is_sure(curve: &Curve, percentile: f64) -> bool {
    percentile_has_enough(percentile, curve.histogram.len())
}

fn values(curves: &[Curve], percentile: f64) -> Vec<String> {
    let mut lines = vec![format!("{} took at most", share(percentile))];
    for curve in curves {
        let value = told(curve, percentile).map_or_else(|| UNKNOWN.to_owned(), duration_us);
        let few = if is_sure(curve, percentile) { "" } else { " (fewer than ten slower samples)" };
        lines.push(format!("{}: {value}{few}", curve.name));
    }
    lines
}

/// `99.95 %`, with as many decimals as tell it from the next one.
fn share(percentile: f64) -> String {
    if NAMED.contains(&percentile) {
        return format!("{percentile} %");
    }
    let decimals = decades_of(percentile).floor().clamp(0.0, 14.0) as usize;
    format!("{percentile:.decimals$} %")
}

fn table(report: &Report) -> Markup {
    let columns = [
        "latency",
        ">p50",
        ">p90",
        ">p95",
        ">p99",
        ">p99.9",
        ">min",
        ">mean",
        ">max",
        ">samples",
        "what it is",
    ];
    let mut table = Table::new("Latencies of the measured phases", &columns);
    for (metric, latency) in shown_latencies(report) {
        let Latency { count: samples, min, mean, p50, p90, p95, p99, p99_9, max, .. } = latency;
        let mean = mean.filter(|mean| mean.is_finite() && *mean >= 0.0);
        let cells = [
            metric.label().to_owned(),
            cell(*p50),
            cell(*p90),
            cell(*p95),
            cell(*p99),
            cell(*p99_9),
            cell(*min),
            cell(mean.map(|mean| mean.round() as u64)),
            cell(*max),
            count(*samples),
            metric.meaning().to_owned(),
        ];
        table.row(cells);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_gives_each_power_of_ten_the_same_room_and_names_are_exact() {
        let all = percentiles(4.0);
        for named in [0.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99] {
            assert!(all.contains(&named), "{named} in {all:?}");
        }
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((decades_of(99.9) - 3.0).abs() < 1e-9);
        assert!(all.len() < 110, "{}", all.len());
    }

    #[test]
    fn a_curve_ends_where_its_samples_do() {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        (1..=1_000).for_each(|us| histogram.record(us).unwrap());
        let curve = Curve { class: "s1", name: "any", histogram };
        assert_eq!(told(&curve, 50.0), Some(500));
        assert_eq!(told(&curve, 90.0), Some(900));
        assert!(told(&curve, 99.9).is_some());
        assert_eq!(told(&curve, 99.99), None);
        assert!(is_sure(&curve, 99.0) && !is_sure(&curve, 99.1));
    }

    #[test]
    fn shares_keep_what_tells_them_apart() {
        let table = [
            (0.0, "0 %"),
            (12.3, "12 %"),
            (90.12, "90.1 %"),
            (99.953, "99.953 %"),
            (99.99, "99.99 %"),
        ];
        for (percentile, text) in table {
            assert_eq!(share(percentile), text);
        }
    }
}
