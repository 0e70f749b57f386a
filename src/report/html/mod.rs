//! `report.html`: the whole report as one page that opens offline, prints, and fits a phone.
//!
//! A pure function of the report, whose figures are formatted as in the summary and in Markdown.
//! Charts are SVG that is made here; a small script shows values on hover, and without it they are
//! in tooltips and tables.

mod chart;
mod clock;
mod compared;
mod groups;
mod heat;
mod judged;
mod ledger;
mod markup;
mod page;
mod percentiles;
mod plot;
mod ranges;
mod resources;
mod scale;
mod setting;
mod sheet;
mod table;
mod time;

pub use chart::{Chart, ChartUnit, Dot, DotKind};
pub use sheet::{Part, Sheet, to_sheet};

use super::Report;
use page::{Section, page};

/// The report as HTML.
#[must_use]
pub fn to_html(report: &Report) -> String {
    let section = |id, title, body| Section { id, title, body };
    let sections = vec![
        section("thresholds", "Thresholds", judged::thresholds(report)),
        section("validity", "Validity", judged::validity(report)),
        section("latency", "Latency", percentiles::section(report)),
        section("time", "Over time", time::section(report)),
        section("heat", "Heat map", heat::section(report)),
        section("size", "By number of recipients", compared::by_size(report)),
        section("connecting", "Connecting", compared::connecting(report)),
        section("faults", "Faults and recovery", compared::faults(report)),
        section("cohorts", "Cohorts", groups::cohorts(report)),
        section("phases", "Phases", groups::phases(report)),
        section("messages", "Messages and clients", ledger::messages(report)),
        section("errors", "Errors and closes", ledger::errors(report)),
        section("plan", "Plan", setting::plan(report)),
        section("resources", "What the server used", resources::section(report)),
        section("machine", "Server and machine", setting::machine(report)),
        section("again", "Run it again", setting::again(report)),
    ];
    let title = format!("{} · {}", report.verdict.state.word(), report.scenario.name);
    page(&title, judged::verdict(report), sections)
}
