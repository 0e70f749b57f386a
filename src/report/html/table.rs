//! Tables: a head, rows of the same number of cells, figures to the right, a bound on the rows.

use super::markup::{Markup, classed, words};
use crate::units::format::count;

/// Rows of a table, at most.
const ROWS: usize = 250;
/// Characters of a text that stays on one line.
const SHORT: usize = 26;

/// A table in the making. A column whose head begins with `>` holds figures.
#[derive(Debug)]
pub(super) struct Table {
    caption: &'static str,
    columns: Vec<(String, bool)>,
    rows: Markup,
    count: usize,
    most: usize,
}

impl Table {
    /// The caption is for those who don't see what stands around the table.
    pub(super) fn new(caption: &'static str, columns: &[&str]) -> Self {
        let columns = columns
            .iter()
            .map(|name| match name.strip_prefix('>') {
                Some(name) => (name.to_owned(), true),
                None => ((*name).to_owned(), false),
            })
            .collect();
        Self { caption, columns, rows: Markup::default(), count: 0, most: ROWS }
    }

    /// Takes so many rows instead of 250.
    pub(super) fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Cells of any text; the first names the row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.marked_row("", cells.into_iter().map(|cell| Markup::text(&cell.into())));
    }

    /// Cells of markup, in a row of a class.
    pub(super) fn marked_row(&mut self, class: &str, cells: impl IntoIterator<Item = Markup>) {
        self.count += 1;
        if self.count > self.most {
            return;
        }
        let cells = cells.into_iter().zip(&self.columns).enumerate().map(|(i, (cell, column))| {
            let class = match cell.width() {
                _ if column.1 => "n",
                0..=SHORT => "w",
                _ => "l",
            };
            match i {
                0 => Markup::element("th", &[("scope", "row"), ("class", class)], cell),
                _ => classed("td", class, cell),
            }
        });
        let attributes: &[_] = if class.is_empty() { &[] } else { &[("class", class)] };
        self.rows.add(Markup::element("tr", attributes, cells.collect()));
    }

    /// The table in a box that scrolls by itself; nothing if it has no row.
    pub(super) fn render(self) -> Markup {
        if self.count == 0 {
            return Markup::default();
        }
        let head = self.columns.iter().map(|(name, figures)| {
            let class = if *figures { "n" } else { "" };
            Markup::element("th", &[("scope", "col"), ("class", class)], Markup::text(name))
        });
        let head = Markup::element("tr", &[], head.collect());
        let mut table = classed("caption", "hidden", Markup::text(self.caption));
        table.add(Markup::element("thead", &[], head));
        table.add(Markup::element("tbody", &[], self.rows));
        let table = Markup::element("table", &[], table);
        let attributes = [
            ("class", "scroll"),
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", self.caption),
        ];
        let mut markup = Markup::element("div", &attributes, table);
        if self.count > self.most {
            let left_out = count((self.count - self.most) as u64);
            markup.add(words("p", &format!("... and {left_out} more in report.json")));
        }
        markup
    }
}

/// Names and what they are, one a row.
pub(super) fn facts(rows: &[(&'static str, String)]) -> Markup {
    let rows = rows.iter().filter(|(_, what)| !what.is_empty()).map(|(name, what)| {
        let mut row = words("dt", name);
        row.add(words("dd", what));
        row
    });
    classed("dl", "facts", rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_past_the_bound_are_counted() {
        let mut table = Table::new("Things", &["thing", ">n"]).most(2);
        (0..5).for_each(|n| table.row([format!("<{n}>"), n.to_string()]));
        let text = table.render().into_string();
        assert_eq!(text.matches("<tr>").count(), 3, "{text}");
        assert!(text.contains("... and 3 more in report.json"), "{text}");
        assert!(
            text.contains("<th scope=\"row\" class=\"w\">&lt;1&gt;</th><td class=\"n\">1</td>")
        );
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert!(Table::new("Things", &["thing"]).render().is_empty());
    }
}
