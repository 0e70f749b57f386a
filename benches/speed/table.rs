//! Rows of the table, in Markdown, as they are measured.

use crate::figures::Middle;

pub fn head() {
    println!("| work | side | what it costs | beside the floor |");
    println!("| --- | --- | --- | --- |");
}

/// A side's cost in `unit`, and how often the floor's cost it is.
pub fn row(work: &str, side: &str, unit: &str, cost: Option<Middle>, ratio: Option<Middle>) {
    let shown = |middle: Option<Middle>, unit: &str| match middle {
        Some(Middle { median, least, most }) => {
            format!("{}{unit} ({} to {})", figure(median), figure(least), figure(most))
        }
        None => String::new(),
    };
    println!("| {work} | {side} | {} | {} |", shown(cost, &format!(" {unit}")), shown(ratio, " x"));
}

/// Three digits, or all before the point.
pub fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
