//! What the server used of its machine, over time and in all.

use super::clock::Clock;
use super::markup::{Markup, words};
use super::plot::{Height, Hit, Plot, path};
use super::scale::Scale;
use super::table::Table;
use crate::report::resource_lines::{figures, point_lines};
use crate::report::{Report, ResourcePoint, Resources};
use crate::units::format::{UNKNOWN, number, seconds};

/// Metrics that the server tells itself, with a chart each.
const TAKEN_CHARTS: usize = 8;

/// A figure of a point.
type Of<'a> = &'a dyn Fn(&ResourcePoint) -> Option<f64>;

/// Nothing where nobody was watched.
pub(super) fn section(report: &Report) -> Markup {
    let Some(resources) = &report.resources else {
        return words(
            "p",
            "The server's processes were not looked at: name them with --watch port=8080, or with \
             [target.watch] in the scenario.",
        );
    };
    let clock = Clock::of(report);
    let mut markup = Markup::default();
    if !resources.what.is_empty() {
        markup.add(words("p", &format!("Watched: {}.", resources.what)));
    }
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
    let whole = |n: Option<u64>| n.map(|n| n as f64);
    let charts: [(&str, &str, &str, Of<'_>); 7] = [
        ("CPU", "of the cores it may use", " %", &|point| percent(point.cpu_share)),
        ("Busiest thread", "of one core", " %", &|point| percent(point.thread_cpu_share)),
        ("Waiting for a core", "all threads together, by the time", " %", &|point| {
            percent(point.run_delay_share)
        }),
        ("Held back by its quota", "by the time", " %", &|point| percent(point.throttled_share)),
        ("Memory", "resident", " MiB", &|point| mib(point.rss_bytes)),
        ("Open files", "of the process that has most", "", &|point| whole(point.open_files)),
        ("Accept queue full", "connections, of all listeners of this machine", "", &|point| {
            whole(point.listen_overflows)
        }),
    ];
    for (title, note, unit, of) in charts {
        markup.add(chart(&clock, resources, title, note, unit, of));
    }
    for (at, name) in resources.taken.iter().enumerate().take(TAKEN_CHARTS) {
        let of = |point: &ResourcePoint| point.taken.get(at).copied().flatten();
        markup.add(chart(&clock, resources, name, "told by the server", "", &of));
    }
    let mut table = Table::new("What the server used", &["figure", ">value"]);
    for (name, value) in figures(resources) {
        table.row([name, value]);
    }
    markup.add(table.render());
    markup
}

/// A figure over time; nothing where it is not known, or 0 throughout.
fn chart(
    clock: &Clock<'_>,
    resources: &Resources,
    title: &str,
    note: &str,
    unit: &str,
    of: Of<'_>,
) -> Markup {
    let largest = resources.points.iter().filter_map(of).fold(0.0, f64::max);
    if largest <= 0.0 {
        return Markup::default();
    }
    let scale = Scale::linear(largest, 3);
    // A value for each point, drawn as long as the point lasts: an average has no instant.
    let steps = resources.points.iter().flat_map(|point| {
        let (from_s, to_s) = (point.t_s, point.t_s + point.width_s);
        match of(point) {
            Some(y) => {
                let y = scale.place(y);
                [Some((clock.place(from_s), y)), Some((clock.place(to_s), y))]
            }
            None => [None, None],
        }
    });
    let hits = resources.points.iter().map(|point| {
        let to_s = point.t_s + point.width_s;
        let value = of(point).map_or_else(|| UNKNOWN.to_owned(), |y| number(y) + unit);
        let mut lines = vec![format!("{} to {}: {value}", seconds(point.t_s), seconds(to_s))];
        lines.extend(point_lines(point));
        Hit { from: clock.place(point.t_s), to: clock.place(to_s), lines }
    });
    Plot {
        title: title.to_owned(),
        note: note.to_owned(),
        height: Height::Low,
        y: scale.ticks(3).into_iter().map(|y| (scale.place(y), number(y) + unit)).collect(),
        body: path("s1", steps),
        hits: hits.collect(),
        ..clock.plot()
    }
    .render()
}
