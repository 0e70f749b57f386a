//! Where the time goes: by how many heard a message, by the steps of connecting, by fault.

use super::clock::fault_name;
use super::markup::{Markup, words};
use super::ranges::{self, Row};
use super::scale::{Scale, latency_tick};
use super::table::Table;
use crate::metric::Metric;
use crate::report::summary::parts::{cell, fault_line, recipients};
use crate::report::{FaultOutcome, Latency, Report};
use crate::units::format::{UNKNOWN, count, counted, duration_us, seconds};

/// Rows of a picture of faults, at most; the table below has more.
const FAULTS: usize = 20;

/// In the order in which a client goes through them; the two that hold others come last.
const STEPS: [Metric; 9] = [
    Metric::ConnectLookup,
    Metric::Login,
    Metric::ConnectTcp,
    Metric::ConnectTls,
    Metric::ConnectUpgrade,
    Metric::Join,
    Metric::Connect,
    Metric::Ready,
    Metric::WsPing,
];

/// Three figures in microseconds for each name, on one logarithmic axis.
fn picture(
    title: &str,
    note: &str,
    names: [&str; 3],
    rows: &[(String, [Option<u64>; 3])],
) -> Markup {
    let all = || rows.iter().flat_map(|(_, figures)| figures.iter().flatten().copied());
    let (Some(smallest), Some(largest)) = (all().min(), all().max()) else {
        return Markup::default();
    };
    let scale = Scale::log(smallest, largest);
    let ticks: Vec<_> =
        scale.ticks(5).into_iter().map(|us| (scale.place(us), latency_tick(us))).collect();
    let rows = rows.iter().map(|(name, figures)| Row {
        name: name.clone(),
        dots: figures
            .iter()
            .map(|us| us.map(|us| (scale.place(us as f64), duration_us(us))))
            .collect(),
    });
    ranges::render(title, note, names, &ticks, &rows.collect::<Vec<_>>())
}

pub(super) fn by_size(report: &Report) -> Markup {
    let columns = [
        ">heard by",
        ">messages",
        ">first p50",
        ">first p99",
        ">last p50",
        ">last p99",
        ">first to last p50",
        ">first to last p99",
    ];
    let mut table = Table::new("First and last recipients by how many heard a message", &columns);
    for of in &report.spread_by_size {
        table.row([
            recipients(of),
            count(of.messages),
            cell(of.first.p50),
            cell(of.first.p99),
            cell(of.last.p50),
            cell(of.last.p99),
            cell(of.spread.p50),
            cell(of.spread.p99),
        ]);
    }
    let rows = report.spread_by_size.iter().map(|of| {
        let name = format!("{} recipients", recipients(of));
        (name, [of.first.p50, of.last.p50, of.last.p99])
    });
    let rows: Vec<_> = rows.collect();
    let mut markup = picture(
        "From sent to the first and the last recipient",
        "by how many heard a message (log scale)",
        ["first, p50", "last, p50", "last, p99"],
        &rows,
    );
    if rows.is_empty() {
        return words("p", "No message that carries a stamp was heard by two or more.");
    }
    markup.add(words(
        "p",
        "If the last recipient waits longer the more there are and the first does not, it is the \
         server walking its list.",
    ));
    markup.add(table.render());
    markup
}

pub(super) fn connecting(report: &Report) -> Markup {
    let columns = ["step", ">p50", ">p90", ">p99", ">max", ">samples", "what it is"];
    let mut table = Table::new("Steps of connecting", &columns);
    let mut rows = Vec::new();
    for metric in STEPS {
        let Some(latency) = report.latency.get(&metric).filter(|latency| latency.count > 0) else {
            continue;
        };
        let Latency { count: samples, p50, p90, p99, max, .. } = latency;
        let figures = [cell(*p50), cell(*p90), cell(*p99), cell(*max), count(*samples)];
        let name = metric.label().to_owned();
        let cells = [vec![name.clone()], figures.to_vec(), vec![metric.meaning().to_owned()]];
        table.row(cells.concat());
        rows.push((name, [*p50, *p99, *max]));
    }
    if rows.is_empty() {
        return words("p", "Nobody connected.");
    }
    let mut markup = picture(
        "Connecting, step by step",
        "connections that succeeded, returns included (log scale)",
        ["p50", "p99", "slowest"],
        &rows,
    );
    markup.add(table.render());
    markup
}

pub(super) fn faults(report: &Report) -> Markup {
    if report.faults.is_empty() {
        return words("p", "No fault was planned, and no outage was seen.");
    }
    let mut markup = recovery(&report.faults);
    let columns = [
        "mark",
        "fault",
        ">at",
        ">hit",
        ">back",
        ">50 % back after",
        ">99 % back after",
        ">all back after",
        ">missed while away",
        ">lost",
        "in words",
    ];
    let mut table = Table::new("Faults", &columns);
    for (i, fault) in report.faults.iter().enumerate() {
        let unknown = || UNKNOWN.to_owned();
        let after = |s: Option<f64>| s.map_or_else(unknown, seconds);
        let n = |n: Option<u64>| n.map_or_else(unknown, count);
        table.row([
            fault_name(i),
            named(fault),
            seconds(fault.at_s),
            counted(fault.hit, "client"),
            counted(fault.back, "client"),
            after(fault.to_50_s),
            after(fault.to_99_s),
            after(fault.to_all_s),
            n(fault.missed_away),
            n(fault.lost),
            fault_line(fault),
        ]);
    }
    markup.add(table.render());
    markup
}

fn named(fault: &FaultOutcome) -> String {
    let label = fault.label.as_ref().map(|label| format!(" {label:?}"));
    format!("{}{}", fault.kind, label.unwrap_or_default())
}

fn recovery(faults: &[FaultOutcome]) -> Markup {
    let times = |fault: &FaultOutcome| [fault.to_50_s, fault.to_99_s, fault.to_all_s];
    let shown = faults.iter().take(FAULTS).enumerate().filter(|(_, fault)| fault.hit > 0);
    let shown: Vec<_> = shown.collect();
    let longest = shown.iter().flat_map(|(_, fault)| times(fault)).flatten().fold(0.0, f64::max);
    if longest <= 0.0 {
        return Markup::default();
    }
    let scale = Scale::linear(longest, 4);
    let ticks: Vec<_> = scale.ticks(4).into_iter().map(|s| (scale.place(s), seconds(s))).collect();
    let rows = shown.iter().map(|(i, fault)| Row {
        name: format!("{} {}", fault_name(*i), named(fault)),
        dots: times(fault).map(|s| s.map(|s| (scale.place(s), seconds(s)))).into(),
    });
    ranges::render(
        "Time to recover",
        "from a client's own failure until it was back; a dot that is missing was never reached",
        ["50 % back", "99 % back", "all back"],
        &ticks,
        &rows.collect::<Vec<_>>(),
    )
}
