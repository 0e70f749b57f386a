//! Reports that nobody's run wrote: whatever `report.json` says, it is refused or rendered.

use serde_json::{Value, json};
use uproar::report::files::fuzz;
use uproar::report::json::from_json;

use super::samples;

/// Far more than any run counts, and less than any.
fn extremes() -> [Value; 4] {
    [json!(u64::MAX), json!(0), json!(1e300), json!(-1.5)]
}

/// Every number of a value, by its path.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Object(fields) => {
            for (key, field) in fields {
                numbers(field, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                numbers(item, &format!("{path}/{at}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn any_number_in_a_report_is_rendered_or_refused() {
    let mut read = 0;
    for report in [samples::acknowledged(), samples::feed(), samples::interrupted()] {
        let whole = serde_json::to_value(&report).unwrap();
        let mut paths = Vec::new();
        numbers(&whole, "", &mut paths);
        assert!(paths.len() > 100);
        for extreme in extremes() {
            let mut all = whole.clone();
            for path in paths.iter().filter(|path| *path != "/schema_version") {
                let mut one = whole.clone();
                for changed in [&mut one, &mut all] {
                    let mut tried = changed.clone();
                    *tried.pointer_mut(path).unwrap() = extreme.clone();
                    // What has not even the type is refused, and hides what else there is.
                    if from_json(&tried.to_string()).is_ok() {
                        *changed = tried;
                        read += 1;
                    }
                }
                fuzz(one.to_string().as_bytes());
            }
            fuzz(all.to_string().as_bytes());
        }
    }
    assert!(read > 1_000, "only {read} were read");
}
