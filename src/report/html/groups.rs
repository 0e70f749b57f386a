//! The run's parts side by side: cohorts and phases.

use super::markup::{Markup, words};
use super::table::Table;
use crate::report::summary::parts::{cell, cohort_row, heard_by_cohorts};
use crate::report::{Latency, Report};
use crate::units::format::{UNKNOWN, count, rate, seconds};

pub(super) fn cohorts(report: &Report) -> Markup {
    let heard = heard_by_cohorts(report).name();
    let columns = [
        "cohort",
        ">clients",
        "codec",
        ">delivered",
        ">lost",
        &format!(">{heard} p50"),
        &format!(">{heard} p99"),
        ">reconnect p99",
    ];
    let mut table = Table::new("Cohorts", &columns);
    for cohort in &report.cohorts {
        let row = cohort_row(report, cohort);
        table.row([
            cohort.name.clone(),
            row.clients,
            cohort.codec.clone(),
            row.delivered,
            row.lost,
            row.p50,
            row.p99,
            row.reconnect_p99,
        ]);
    }
    if report.cohorts.is_empty() {
        return words("p", "No cohort was there.");
    }
    table.render()
}

pub(super) fn phases(report: &Report) -> Markup {
    let columns = [
        "phase",
        ">start",
        ">length",
        "measured",
        ">sent",
        ">delivered",
        ">p50 from due",
        ">p99 from due",
        ">p99 from sent",
        ">lost",
        ">missed while away",
    ];
    let mut table = Table::new("Phases", &columns);
    for phase in &report.phases {
        let of = |latency: &Option<Latency>, figure: fn(&Latency) -> Option<u64>| {
            cell(latency.as_ref().and_then(figure))
        };
        let n = |n: Option<u64>| n.map_or_else(|| UNKNOWN.to_owned(), count);
        table.row([
            phase.name.clone(),
            seconds(phase.start_s),
            seconds(phase.duration_s),
            if phase.measured { "yes" } else { "no" }.to_owned(),
            rate(phase.publishes_per_s, "msg"),
            rate(phase.deliveries_per_s, "delivered"),
            of(&phase.delivery, |latency| latency.p50),
            of(&phase.delivery, |latency| latency.p99),
            of(&phase.delivery_from_sent, |latency| latency.p99),
            n(phase.deliveries.lost),
            n(phase.deliveries.missed_away),
        ]);
    }
    if report.phases.is_empty() {
        return words("p", "The run ended before its first phase.");
    }
    table.render()
}
