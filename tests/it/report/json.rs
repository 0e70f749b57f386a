//! `report.json`: what is written is read again, under the names that are documented.

use uproar::metric::Metric;
use uproar::report::json::{from_json, to_json};
use uproar::report::{MachineUse, Report};

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

#[test]
fn every_sample_obeys_the_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Report)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, report) in samples::all() {
        let json = serde_json::to_value(&report).unwrap();
        if let Err(error) = validator.validate(&json) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
    }
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
