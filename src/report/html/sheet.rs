//! A page that is no run's report: a verdict and tables, in the look of one.

use super::chart::{self, Chart};
use super::markup::{Markup, classed, words};
use super::page::{Section, page};
use super::table::Table;

/// The page.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// `good`, `bad`, `warn` or `plain`: how the verdict looks.
    pub look: &'static str,
    /// The verdict.
    pub word: String,
    /// What it is about.
    pub title: String,
    /// The verdict in a sentence.
    pub sentence: String,
    /// What stands under it.
    pub parts: Vec<Part>,
}

/// A table under its heading, and remarks under the table.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Above the table.
    pub heading: String,
    /// Pictures, above the table too.
    pub charts: Vec<Chart>,
    /// Names of columns; those of figures begin with `>`.
    pub columns: &'static [&'static str],
    /// Cells, as many as columns.
    pub rows: Vec<Vec<String>>,
    /// Below the table.
    pub remarks: Vec<String>,
}

/// The page as HTML: one file, offline, whatever its texts hold.
#[must_use]
pub fn to_sheet(sheet: &Sheet) -> String {
    let mut head = classed("p", "word", Markup::text(&sheet.word));
    head.add(words("h1", &sheet.title));
    head.add(classed("p", "sentence", Markup::text(&sheet.sentence)));
    let header = Markup::element("header", &[("class", sheet.look)], head);
    let parts = sheet.parts.iter().map(|part| {
        let mut table = Table::new("figures", part.columns);
        for row in &part.rows {
            table.row(row.iter().map(String::as_str));
        }
        let mut body = words("h3", &part.heading);
        body.add(part.charts.iter().map(chart::render).collect());
        body.add(table.render());
        body.add(part.remarks.iter().map(|remark| words("p", remark)).collect());
        body
    });
    let body = parts.collect();
    let sections = vec![Section { id: "figures", title: "Figures", body }];
    page(&format!("{} · {}", sheet.word, sheet.title), header, sections)
}
