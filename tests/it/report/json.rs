//! `report.json`: what is written is read again, under the names that are documented.

use std::path::Path;

use serde_json::Value;
use uproar::metric::Metric;
use uproar::report::MachineUse;
use uproar::report::json::{from_json, to_json};
use uproar::report::schema::SCHEMA;

use super::samples;

#[test]
fn what_is_written_is_read_again() {
    for (name, report) in samples::all() {
        let text = to_json(&report).unwrap();
        assert_eq!(from_json(&text).unwrap(), report, "{name}");
    }
}

#[test]
fn the_names_are_the_documented_ones() {
    insta::assert_json_snapshot!("report", samples::passed());
}

/// Holds a report against the schema that is published, and for this once to no field that the
/// schema doesn't know.
pub(crate) fn obeys_the_schema(name: &str, json: &Value) {
    let mut schema = serde_json::from_str(SCHEMA).unwrap();
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    if let Err(error) = validator.validate(json) {
        panic!("{name}: {error} at {}", error.instance_path());
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_sample_obeys_the_schema() {
    for (name, report) in samples::all() {
        obeys_the_schema(name, &serde_json::to_value(&report).unwrap());
    }
    let forged = serde_json::json!({ "schema_version": 1 });
    assert!(std::panic::catch_unwind(|| obeys_the_schema("forged", &forged)).is_err());
}

/// A real run's, in the repository and not in the package.
#[test]
fn the_sample_in_the_repository_obeys_the_schema_and_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample/report.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(!path.parent().unwrap().exists(), "the sample has no report.json");
        return;
    };
    obeys_the_schema("sample", &serde_json::from_str(&text).unwrap());
    assert!(from_json(&text).unwrap().latency[&Metric::Delivery].histogram().unwrap().is_some());
}

/// Later builds add fields; reports that were written before must stay readable.
#[test]
fn a_report_without_the_newer_fields_is_read() {
    let report = samples::passed();
    let mut json = serde_json::to_value(&report).unwrap();
    let delivery = json["latency"]["delivery"].as_object_mut().unwrap();
    assert!(delivery.remove("meaning").is_some());
    for newer in ["spread_by_size", "machine", "examples"] {
        assert!(json.as_object_mut().unwrap().remove(newer).is_some());
    }
    for (of, newer) in
        [("publishes", ["acked", "rejected", "unacked"]), ("frames", ["ack", "reply", "ignored"])]
    {
        for newer in newer {
            assert!(json[of].as_object_mut().unwrap().remove(newer).is_some());
        }
    }
    assert!(json["deliveries"].as_object_mut().unwrap().remove("acked_lost").is_some());
    let read = from_json(&json.to_string()).unwrap();
    assert_eq!(read.latency[&Metric::Delivery].meaning, None);
    assert_eq!(read.spread_by_size, []);
    assert_eq!(read.machine, MachineUse::default());
    assert_eq!(read.examples, []);
    assert_eq!((read.publishes, read.frames), (report.publishes, report.frames));
    assert_eq!(read.deliveries, report.deliveries);
}
