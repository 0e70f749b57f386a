//! `series.csv`: the run over time, one row a point, as RFC 4180 has it.
//!
//! What is unknown is empty, never 0. Names of columns end in their unit; those without one are counts.

use csv::{Terminator, WriterBuilder};

use super::error::RenderError;
use super::escape::escape_line;
use super::{Report, SeriesPoint};

pub(super) const SERIES_FILE: &str = "series.csv";

/// Characters of a name, at most.
const NAME: usize = 200;

const COLUMNS: [&str; 14] = [
    "t_s",
    "width_s",
    "unix_ms",
    "phase",
    "clients_up",
    "publishes",
    "deliveries",
    "errors",
    "delivery_p50_us",
    "delivery_p99_us",
    "delivery_from_sent_p50_us",
    "delivery_from_sent_p99_us",
    "lag_p99_us",
    "faults",
];

pub(super) fn to_csv(report: &Report) -> Result<String, RenderError> {
    let failed = |why: &dyn std::fmt::Display| RenderError::Csv(why.to_string());
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| failed(&error))?;
    for point in &report.series {
        writer.write_record(row(point)).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn row(point: &SeriesPoint) -> [String; COLUMNS.len()] {
    let us = |us: Option<u64>| us.map(|us| us.to_string()).unwrap_or_default();
    [
        point.t_s.to_string(),
        point.width_s.to_string(),
        point.unix_ms.to_string(),
        name(&point.phase),
        point.clients_up.to_string(),
        point.publishes.to_string(),
        point.deliveries.to_string(),
        point.errors.to_string(),
        us(point.delivery_p50_us),
        us(point.delivery_p99_us),
        us(point.delivery_from_sent_p50_us),
        us(point.delivery_from_sent_p99_us),
        us(point.lag_p99_us),
        name(&point.faults.join(";")),
    ]
}

/// A spreadsheet takes text that begins so for a formula, and runs it.
fn name(text: &str) -> String {
    let safe = escape_line(text, NAME);
    if safe.starts_with(['=', '+', '-', '@']) { format!("'{safe}") } else { safe }
}
