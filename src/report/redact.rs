//! Takes secrets out of a whole report, whichever of its texts they got into.

use serde_json::Value;

use super::model::Report;
use crate::secrets::Secrets;

/// The report without them. Names of fields stay as they are.
///
/// # Errors
///
/// When the report has no JSON, which no report that can be written has.
pub fn redact(report: Report, secrets: &Secrets) -> serde_json::Result<Report> {
    if secrets.is_empty() {
        return Ok(report);
    }
    let mut json = serde_json::to_value(report)?;
    clean(&mut json, secrets);
    serde_json::from_value(json)
}

fn is_word(text: &str) -> bool {
    text.len() <= 24 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn clean(value: &mut Value, secrets: &Secrets) {
    match value {
        // A field of a few fixed words, such as a verdict, must stay one of them: a secret that is
        // nothing but such a word is none.
        Value::String(text) if is_word(text) => {}
        Value::String(text) => *text = secrets.redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| clean(field, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
