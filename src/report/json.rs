//! `report.json`: the report as text, and back.
//!
//! The only format that is read again; the others are made from it.

use serde::Deserialize;
use thiserror::Error;

use super::{Report, SCHEMA_VERSION};

/// Why a text is no report that this build can read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not JSON, or JSON without a `schema_version`.
    #[error("this is not a report.json: {0}")]
    NotAReport(#[source] serde_json::Error),
    /// Of another version of the schema.
    #[error(
        "this report has schema version {found}, and this build of uproar reads version \
         {SCHEMA_VERSION}: use the uproar that wrote it, or run again"
    )]
    Version {
        /// What the file says.
        found: u32,
    },
    /// The right version, but a field is missing or of another type.
    #[error("this report.json is damaged: {0}")]
    Damaged(#[source] serde_json::Error),
}

/// The report as JSON, indented, with a newline at the end. JSON has no NaN and no infinity: they
/// become `null`, which only an optional field reads back.
///
/// # Errors
///
/// When the serialiser fails, which no type in a report gives it a reason to.
pub fn to_json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Reads a report. The version is looked at first, so that another one is named as such and not
/// as the first field that differs. Fields of a later build are ignored.
///
/// # Errors
///
/// When the text is no report of this schema version.
pub fn from_json(text: &str) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let Version { schema_version: found } =
        serde_json::from_str(text).map_err(ReadError::NotAReport)?;
    if found != SCHEMA_VERSION {
        return Err(ReadError::Version { found });
    }
    serde_json::from_str(text).map_err(ReadError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named() {
        let error = from_json(r#"{"schema_version": 2, "all": "else"}"#).unwrap_err();
        assert!(matches!(error, ReadError::Version { found: 2 }));
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }

    #[test]
    fn what_is_no_report_is_told_from_what_is_a_damaged_one() {
        assert!(matches!(from_json("<html>"), Err(ReadError::NotAReport(_))));
        assert!(matches!(from_json("{}"), Err(ReadError::NotAReport(_))));
        assert!(matches!(from_json(r#"{"schema_version":1}"#), Err(ReadError::Damaged(_))));
    }

    #[test]
    fn later_fields_are_ignored() {
        let mut json = serde_json::to_value(Report::default()).unwrap();
        json["something_new"] = serde_json::json!(1);
        assert_eq!(from_json(&json.to_string()).unwrap(), Report::default());
    }
}
