//! `[[cohort]] data`: users from a CSV file or from JSON lines.

use std::path::Path;

use serde::de::IgnoredAny;

use super::super::keys::At;
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Data, Order, Scenario};
use super::super::unions;
use super::super::users::{Builder, Users};
use super::file;
use crate::protocol::json::{Json, Text};
use crate::units::format::counted;

/// Most rows: as many as a run has clients.
const MOST_ROWS: usize = 1_000_000;
/// Largest file.
const LARGEST: u64 = 64 << 20;
/// Most columns: the rows of a table with more are not users.
const MOST_COLUMNS: usize = 256;

/// Refuses clients that no row is left for, where each is to have its own.
///
/// Runs once clients are scaled. `span` gives the place to point at for the cohort of an index.
pub(in crate::scenario) fn enough(
    scenario: &Scenario,
    span: impl Fn(usize) -> Span,
    mistakes: &mut Mistakes,
) {
    for (index, cohort) in scenario.cohorts.iter().enumerate() {
        let Some(Data { users, order: Order::Once }) = &cohort.data else { continue };
        if (cohort.clients as usize) > users.len() {
            mistakes
                .add(
                    &span(index),
                    format!(
                        "`{}` has {}, but its data only {}",
                        cohort.name,
                        counted(cohort.clients.into(), "client"),
                        counted(users.len() as u64, "row")
                    ),
                )
                .label("each row once")
                .help(
                    "add rows, lower `clients`, or use `order = \"in-order\"`, which begins anew",
                );
        }
    }
}

/// Why a file can't be used, and what to do.
struct Unusable {
    why: String,
    help: String,
}

impl Unusable {
    fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: why.into(), help: help.into() }
    }
}

pub(super) fn data(
    raw: &unions::Data,
    folder: Option<&Path>,
    mistakes: &mut Mistakes,
) -> Option<Data> {
    let At { value: file, span } = raw.file.written()?;
    match read(file, folder) {
        Ok(users) => Some(Data { users, order: raw.order.get()?.0 }),
        Err(Unusable { why, help }) => {
            mistakes.add(span, why).label("this file").help(help);
            None
        }
    }
}

fn read(name: &str, folder: Option<&Path>) -> Result<Users, Unusable> {
    let folder = folder
        .ok_or_else(|| Unusable::new(format!("`{name}` can't be read from here"), "remove it"))?;
    let path = folder.join(name);
    let shown = path.display();
    let text = file::text(&path, LARGEST).map_err(|why| {
        Unusable::new(
            format!("can't read the users in `{shown}`: {why}"),
            "the path is relative to the scenario file",
        )
    })?;
    let users = match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => from_csv(&text),
        Some("jsonl" | "ndjson") => from_json_lines(&text),
        _ => Err(Unusable::new(
            "is neither .csv nor .jsonl",
            "name it by what it is: users.csv with a head row, or users.jsonl with one object a \
             line",
        )),
    };
    users.map_err(|Unusable { why, help }| Unusable { why: format!("`{shown}` {why}"), help })
}

const AN_EXAMPLE: &str = "write a head row and a row a user: \"name,token\", then \"ann,t1\"";

/// The line of a quote that opens a cell and never closes: what reads CSV takes all that follows for that
/// one cell (RFC 4180, 2.5 to 2.7).
fn open_quote(text: &str) -> Option<usize> {
    let (mut line, mut opened, mut cell_begins) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += usize::from(byte == b'\n');
        match (opened, byte) {
            (Some(_), b'"') if bytes.next_if_eq(&b'"').is_none() => opened = None,
            (Some(_), _) => {}
            (None, b'"') if cell_begins => (opened, cell_begins) = (Some(line), false),
            (None, _) => cell_begins = matches!(byte, b',' | b'\n' | b'\r'),
        }
    }
    opened
}

fn from_csv(text: &str) -> Result<Users, Unusable> {
    if let Some(line) = open_quote(text) {
        return Err(Unusable::new(
            format!("has a quote in line {line} that never closes"),
            "close the cell with another quote; inside a quoted cell a quote is written twice",
        ));
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let broken = |error: csv::Error| Unusable::new(format!("is no CSV: {error}"), AN_EXAMPLE);
    let head = reader.headers().map_err(broken)?;
    let columns: Vec<String> = head.iter().map(|name| name.trim().to_owned()).collect();
    if columns.iter().all(String::is_empty) {
        return Err(Unusable::new("is empty", AN_EXAMPLE));
    }
    let mut users = Users::builder(named(columns)?);
    let width = users.columns().len();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        if record.len() != width {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(Unusable::new(
                format!(
                    "has {} in row {}, line {line}, but {width} columns",
                    counted(record.len() as u64, "cell"),
                    users.rows() + 1
                ),
                "each row has as many cells as the head; a comma inside a cell needs quotes around \
                 the cell",
            ));
        }
        one_more(&users)?;
        record.iter().for_each(|cell| users.cell(cell));
    }
    finish(users)
}

fn from_json_lines(text: &str) -> Result<Users, Unusable> {
    const HELP: &str =
        "each line is an object with the same keys: {\"name\":\"ann\",\"token\":\"t1\"}";
    let mut users: Option<Builder> = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let object = match Json::parse(line.as_bytes()) {
            Some(Json::Object(object)) => object,
            Some(_) => return Err(Unusable::new(format!("has no object in line {number}"), HELP)),
            None => {
                // Its own line is that within this one.
                let error = serde_json::from_str::<IgnoredAny>(line).err();
                let error = error.map_or("nested too deeply".to_owned(), |error| error.to_string());
                let what = error.split(" at line ").next().unwrap_or_default();
                return Err(Unusable::new(format!("is no JSON in line {number}: {what}"), HELP));
            }
        };
        let no_unicode = |what: &str| {
            Unusable::new(
                format!("has a {what} in line {number} that is no Unicode"),
                "half of a surrogate pair, such as \\ud83d alone, is no character",
            )
        };
        let mut cells = Vec::with_capacity(object.len());
        for (key, value) in &object {
            let Text::Whole(key) = key else { return Err(no_unicode("key")) };
            cells.push((&**key, value));
        }
        if users.is_none() {
            let columns = cells.iter().map(|(key, _)| (*key).to_owned()).collect();
            users = Some(Users::builder(named(columns)?));
        }
        let Some(users) = &mut users else { continue };
        one_more(users)?;
        let is_known = |key: &str| users.columns().iter().any(|column| column == key);
        if let Some((key, _)) = cells.iter().find(|(key, _)| !is_known(key)) {
            let key = key.escape_debug();
            return Err(Unusable::new(
                format!("has the key `{key}` in line {number} and not in the first line"),
                HELP,
            ));
        }
        for column in users.columns().to_vec() {
            let Some((_, value)) = cells.iter().rev().find(|(key, _)| *key == column) else {
                let column = column.escape_debug();
                return Err(Unusable::new(format!("has no `{column}` in line {number}"), HELP));
            };
            match (value, value.text()) {
                (Json::Null, _) => users.cell(""),
                (_, Some(text)) => users.cell(&text),
                (_, None) => return Err(no_unicode("value")),
            }
        }
    }
    match users {
        Some(users) => finish(users),
        None => Err(Unusable::new("is empty", HELP)),
    }
}

/// Columns, if templates can tell them apart.
fn named(columns: Vec<String>) -> Result<Vec<String>, Unusable> {
    if columns.is_empty() {
        return Err(Unusable::new("has no columns", AN_EXAMPLE));
    }
    if columns.len() > MOST_COLUMNS {
        let why = format!("has {} columns", columns.len());
        return Err(Unusable::new(why, "users have at most 256"));
    }
    for (at, name) in columns.iter().enumerate() {
        let is_word = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !is_word {
            return Err(Unusable::new(
                format!("calls column {} `{}`", at + 1, name.escape_debug()),
                "a column's name is letters, digits, `_` and `-`, so that a template can name it: \
                 is there a head row?",
            ));
        }
        if columns[..at].contains(name) {
            let why = format!("has two columns named `{name}`");
            return Err(Unusable::new(why, "give each column a name of its own"));
        }
    }
    Ok(columns)
}

fn one_more(users: &Builder) -> Result<(), Unusable> {
    if users.rows() < MOST_ROWS {
        return Ok(());
    }
    Err(Unusable::new("has more than 1,000,000 rows", "a run has at most as many clients"))
}

fn finish(users: Builder) -> Result<Users, Unusable> {
    if users.rows() == 0 {
        return Err(Unusable::new("has a head row but no users", AN_EXAMPLE));
    }
    Ok(users.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_never_closes_is_told_with_its_line() {
        for (text, line) in [
            ("name,token\nann,t1\n", None),
            ("name,token\n\"ann\",\"t,1\"\n", None),
            ("name\n\"a \"\"quoted\"\" word\"\n", None),
            ("name\n\"two\nlines\"\n", None),
            ("name\nan\"n\n", None), // no cell begins with it
            ("name\n\"ann\" \"x\n", None),
            ("name\n\"\"\n", None),
            ("name\n\"ann", Some(2)),
            ("name,token\nann,\"t1\nbob,t2\ncarl,t3\n", Some(2)),
            ("name\r\n\"a\"\r\n\"b\r\n", Some(3)),
            ("name\n\"two\nlines\"\n\"ann\n", Some(4)),
            ("name\n\"ann\"\"\n", Some(2)),
            ("\"", Some(1)),
        ] {
            assert_eq!(open_quote(text), line, "{text:?}");
            let refused = from_csv(text).err().is_some_and(|why| why.why.contains("never closes"));
            assert_eq!(refused, line.is_some(), "{text:?}");
        }
    }
}
