//! The run over time: what was sent and delivered, how late, who was up, what went wrong; below it
//! the heat map, and what all pictures of time share: the axis, phases, faults.

use super::heat;
use super::markup::{Markup, words};
use super::plot::{Band, Height, Hit, Plot, SIDE, path, short};
use super::scale::{Scale, count_tick, latency_tick, time_ticks};
use super::table::Table;
use crate::report::summary::parts::cell;
use crate::report::{Report, SeriesPoint};
use crate::units::format::{UNKNOWN, count, rate, seconds};

/// Faults that are marked, and phases that are shaded: more would hide what they are about.
const MARKS: usize = 40;
const BANDS: usize = 100;

/// The axis of every picture of time, with phases and faults on it.
pub(super) struct Clock<'a> {
    report: &'a Report,
    pub(super) end_s: f64,
}

impl<'a> Clock<'a> {
    fn of(report: &'a Report) -> Self {
        let last = report.series.last().map_or(0.0, |point| point.t_s + width_s(report, point));
        let end_s = [last, report.run.duration_s].into_iter().filter(|s| s.is_finite());
        Self { report, end_s: end_s.fold(0.0, f64::max) }
    }

    /// 0 to 1.
    pub(super) fn place(&self, s: f64) -> f64 {
        let place = s / self.end_s;
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// An empty picture of that axis.
    pub(super) fn plot(&self) -> Plot {
        let ticks = time_ticks(self.end_s, 8).into_iter();
        Plot {
            x: ticks.map(|(s, label)| (self.place(s), label)).collect(),
            bands: self.bands(),
            marks: self.marks(),
            group: "time",
            ..Plot::default()
        }
    }

    fn bands(&self) -> Vec<Band> {
        let phases = self.report.phases.iter().take(BANDS).enumerate();
        let mut bands: Vec<_> = phases
            .map(|(i, phase)| Band {
                from: self.place(phase.start_s),
                to: self.place(phase.start_s + phase.duration_s),
                label: if phase.measured {
                    phase.name.clone()
                } else {
                    format!("{} (not measured)", phase.name)
                },
                class: match (phase.measured, i % 2) {
                    (false, _) => "unmeasured",
                    (true, 0) => "phase even",
                    (true, _) => "phase odd",
                },
            })
            .collect();
        let lasting = self.report.faults.iter().take(MARKS).filter_map(|fault| {
            let lasts_s = fault.duration_s?;
            let (from, to) = (self.place(fault.at_s), self.place(fault.at_s + lasts_s));
            Some(Band { from, to, label: String::new(), class: "faulty" })
        });
        bands.extend(lasting);
        bands
    }

    fn marks(&self) -> Vec<(f64, String)> {
        let faults = self.report.faults.iter().take(MARKS).enumerate();
        faults.map(|(i, fault)| (self.place(fault.at_s), fault_name(i))).collect()
    }
}

/// What a fault is called where there is room for little: its row in the table of faults.
pub(super) fn fault_name(index: usize) -> String {
    format!("F{}", index + 1)
}

/// Seconds that a point covers: the last one ends with the run.
fn width_s(report: &Report, point: &SeriesPoint) -> f64 {
    let left_s = report.run.duration_s - point.t_s;
    if left_s.is_finite() && left_s > 0.0 { point.width_s.min(left_s) } else { point.width_s }
}

/// So many a second. Unknown in the rest that a run ends with, where a few would make a wild rate.
fn per_s(report: &Report, point: &SeriesPoint, n: u64) -> Option<f64> {
    let width_s = width_s(report, point);
    (width_s > 0.0 && width_s >= point.width_s / 2.0).then(|| n as f64 / width_s)
}

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
        markup.add(words("p", "No errors at any time."));
    }
    markup.add(values(report));
    markup
}

pub(super) fn heat_section(report: &Report) -> Markup {
    heat::picture(report, &Clock::of(report))
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

/// `20 s to 21 s, steady`.
pub(super) fn stretch(from_s: f64, to_s: f64, phase: &str) -> String {
    let phase = if phase.is_empty() { "drain" } else { phase };
    format!("{} to {}, {phase}", seconds(from_s), seconds(to_s))
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
        return words("p", "No second had the samples that a percentile needs.");
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
pub(super) fn folded(title: &'static str, inner: Markup) -> Markup {
    if inner.is_empty() {
        return inner;
    }
    let mut all = words("summary", title);
    all.add(inner);
    Markup::element("details", &[], all)
}

/// A cell of the heat map or a bar, as a piece of a path; all in the square that is drawn in.
pub(super) fn block(from: f64, to: f64, low: f64, high: f64) -> String {
    let [x, right] = [from, to].map(|place| place * SIDE);
    let [top, bottom] = [high, low].map(|place| (1.0 - place) * SIDE);
    format!("M{} {}H{}V{}H{}Z", short(x), short(top), short(right), short(bottom), short(x))
}
