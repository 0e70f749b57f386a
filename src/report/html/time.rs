//! The run over time: what was sent and delivered, how late, who was up, what went wrong, and the same
//! in a table.

use super::clock::{Clock, per_s, stretch, width_s};
use super::markup::{Markup, words};
use super::plot::{Height, Hit, Plot, path};
use super::scale::{Scale, count_tick, latency_tick};
use super::table::Table;
use crate::metric::Metric;
use crate::report::summary::parts::{cell, heard_by_cohorts};
use crate::report::{Report, SeriesPoint};
use crate::units::format::{UNKNOWN, count, rate, seconds};

pub(super) fn section(report: &Report) -> Markup {
    if report.series.is_empty() {
        return words("p", "The run ended before anything was recorded over time.");
    }
    let clock = Clock::of(report);
    let sends = report.publishes.due > 0 || report.series.iter().any(|point| point.publishes > 0);
    let mut markup = Markup::default();
    markup.add(rates(&clock, "Delivered", "messages received a second", "delivered", |p| {
        p.deliveries
    }));
    if sends {
        markup.add(rates(&clock, "Sent", "messages sent a second", "msg", |p| p.publishes));
    }
    markup.add(latencies(&clock));
    markup.add(counts(&clock, "Clients up", "joined in all their rooms", "s4", |p| p.clients_up));
    if report.series.iter().any(|point| point.errors > 0) {
        markup.add(counts(&clock, "Errors", "of any kind, in each stretch", "s2", |p| p.errors));
    } else {
        markup.add(words("p", &no_errors(report, " at any time")));
    }
    markup.add(values(report));
    markup
}

/// What is said in the place of errors where there are none. A lost message is no error of a
/// connection's, and nothing is fine with it.
pub(super) fn no_errors(report: &Report, when: &str) -> String {
    match report.deliveries.lost {
        Some(lost) if lost > 0 => {
            format!("No connection failed{when}, but {} deliveries were lost.", count(lost))
        }
        _ => format!("No errors{when}."),
    }
}

fn hits(clock: &Clock<'_>, lines: impl Fn(&SeriesPoint) -> Vec<String>) -> Vec<Hit> {
    let report = clock.report;
    let points = report.series.iter().map(|point| {
        let to_s = point.t_s + width_s(report, point);
        let mut all = vec![stretch(point.t_s, to_s, &point.phase)];
        all.extend(lines(point));
        if !point.faults.is_empty() {
            all.push(format!("fault: {}", point.faults.join(", ")));
        }
        Hit { from: clock.place(point.t_s), to: clock.place(to_s), lines: all }
    });
    points.collect()
}

/// A value for each point, drawn as long as the point lasts: an average has no instant.
fn steps(clock: &Clock<'_>, values: &[(f64, f64, Option<f64>)]) -> Vec<Option<(f64, f64)>> {
    let steps = values.iter().flat_map(|&(from_s, to_s, y)| match y {
        Some(y) => [Some((clock.place(from_s), y)), Some((clock.place(to_s), y))],
        None => [None, None],
    });
    steps.collect()
}

fn labels(scale: Scale, unit: &str, wanted: fn(f64) -> bool) -> Vec<(f64, String)> {
    let ticks = scale.ticks(3);
    let to = ticks.iter().copied().fold(0.0, f64::max);
    let ticks = ticks.into_iter().filter(|n| wanted(*n));
    ticks.map(|n| (scale.place(n), count_tick(n, to) + unit)).collect()
}

fn rates(
    clock: &Clock<'_>,
    title: &str,
    note: &str,
    of: &'static str,
    figure: impl Fn(&SeriesPoint) -> u64,
) -> Markup {
    let report = clock.report;
    let known = report.series.iter().map(|point| (point, per_s(report, point, figure(point))));
    let known: Vec<_> = known.collect();
    let largest = known.iter().filter_map(|(_, rate)| *rate).fold(0.0, f64::max);
    let scale = Scale::linear(largest, 3);
    let values: Vec<_> = known
        .iter()
        .map(|(point, rate)| {
            let to_s = point.t_s + width_s(report, point);
            (point.t_s, to_s, rate.map(|rate| scale.place(rate)))
        })
        .collect();
    Plot {
        title: title.to_owned(),
        note: note.to_owned(),
        height: Height::Low,
        y: labels(scale, "/s", |_| true),
        body: path("s1", steps(clock, &values)),
        hits: hits(clock, |point| {
            let per_s = per_s(report, point, figure(point));
            let per_s = per_s.map_or_else(|| UNKNOWN.to_owned(), |per_s| rate(per_s, of));
            vec![per_s, format!("{} in all", count(figure(point)))]
        }),
        ..clock.plot()
    }
    .render()
}

fn counts(
    clock: &Clock<'_>,
    title: &str,
    note: &str,
    class: &'static str,
    figure: impl Fn(&SeriesPoint) -> u64,
) -> Markup {
    let report = clock.report;
    let largest = report.series.iter().map(&figure).max().unwrap_or(0);
    let scale = Scale::linear(largest as f64, 3);
    let values: Vec<_> = report
        .series
        .iter()
        .map(|point| {
            let to_s = point.t_s + width_s(report, point);
            (point.t_s, to_s, Some(scale.place(figure(point) as f64)))
        })
        .collect();
    Plot {
        title: title.to_owned(),
        note: note.to_owned(),
        height: Height::Low,
        y: labels(scale, "", |n| n.fract() == 0.0),
        body: path(class, steps(clock, &values)),
        hits: hits(clock, |point| vec![format!("{}: {}", title, count(figure(point)))]),
        ..clock.plot()
    }
    .render()
}

type Figure = fn(&SeriesPoint) -> Option<u64>;

/// Class, name, figure in microseconds. Slowest first, so that the legend is as the lines are.
const LATENCIES: [(&str, &str, Figure); 4] = [
    ("s1", "p99 from due", |point| point.delivery_p99_us),
    ("s2", "p99 from sent", |point| point.delivery_from_sent_p99_us),
    ("s4", "p50 from due", |point| point.delivery_p50_us),
    ("s3", "p99 of lag (uproar's own lateness)", |point| point.lag_p99_us),
];

fn latencies(clock: &Clock<'_>) -> Markup {
    let report = clock.report;
    let all = LATENCIES.iter().flat_map(|(.., of)| report.series.iter().filter_map(of));
    let (smallest, largest) =
        all.fold((u64::MAX, 0), |(low, high), us| (low.min(us), high.max(us)));
    if largest == 0 {
        return words(
            "p",
            match heard_by_cohorts(report) {
                Metric::Push => "What a feed pushes has no latency over time in a report.",
                _ => "No second had the samples that a percentile needs.",
            },
        );
    }
    let scale = Scale::log(smallest, largest);
    let shown = LATENCIES.iter().filter(|(.., of)| report.series.iter().any(|p| of(p).is_some()));
    let mut body = Markup::default();
    for (class, _, of) in shown.clone() {
        let points = report.series.iter().map(|point| {
            let middle_s = point.t_s + width_s(report, point) / 2.0;
            Some((clock.place(middle_s), scale.place(of(point)? as f64)))
        });
        body.add(path(class, points));
    }
    Plot {
        title: "Latency".to_owned(),
        note: "delivery by the second it arrived in (log scale); a gap has too few samples"
            .to_owned(),
        y: scale.ticks(6).into_iter().map(|us| (scale.place(us), latency_tick(us))).collect(),
        legend: shown.clone().map(|(class, name, _)| (*class, (*name).to_owned())).collect(),
        body,
        hits: hits(clock, |point| {
            let lines =
                LATENCIES.iter().map(|(_, name, of)| format!("{name}: {}", cell(of(point))));
            lines.collect()
        }),
        ..clock.plot()
    }
    .render()
}

/// The same figures for those who see or hover nothing.
fn values(report: &Report) -> Markup {
    let columns = [
        ">from",
        ">to",
        "phase",
        ">sent",
        ">delivered",
        ">p50 from due",
        ">p99 from due",
        ">p50 from sent",
        ">p99 from sent",
        ">lag p99",
        ">clients up",
        ">errors",
        "faults",
    ];
    let mut table = Table::new("Values over time", &columns).most(600);
    for point in &report.series {
        let per_s = |n, of| {
            per_s(report, point, n).map_or_else(|| UNKNOWN.to_owned(), |per_s| rate(per_s, of))
        };
        table.row([
            seconds(point.t_s),
            seconds(point.t_s + width_s(report, point)),
            if point.phase.is_empty() { "drain".to_owned() } else { point.phase.clone() },
            per_s(point.publishes, "msg"),
            per_s(point.deliveries, "delivered"),
            cell(point.delivery_p50_us),
            cell(point.delivery_p99_us),
            cell(point.delivery_from_sent_p50_us),
            cell(point.delivery_from_sent_p99_us),
            cell(point.lag_p99_us),
            count(point.clients_up),
            count(point.errors),
            point.faults.join(", "),
        ]);
    }
    folded("Values over time", table.render())
}

/// Something long, closed until asked for.
fn folded(title: &'static str, inner: Markup) -> Markup {
    if inner.is_empty() {
        return inner;
    }
    let mut all = words("summary", title);
    all.add(inner);
    Markup::element("details", &[], all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Deliveries;

    #[test]
    fn a_run_with_losses_never_seems_to_be_without_fault() {
        let lost = |lost| {
            let deliveries = Deliveries { lost, ..Deliveries::default() };
            no_errors(&Report { deliveries, ..Report::default() }, " at any time")
        };
        assert_eq!(lost(Some(0)), "No errors at any time.");
        assert_eq!(lost(None), "No errors at any time.");
        let said = "No connection failed at any time, but 1,200 deliveries were lost.";
        assert_eq!(lost(Some(1_200)), said);
    }
}
