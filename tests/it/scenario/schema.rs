//! The JSON Schema says what the reader does.

use serde_json::{Value as Json, json};
use uproar::scenario::{builtin, schema};

fn as_json(text: &str) -> Json {
    let value: toml::Value = toml::from_str(text).expect("it is TOML");
    serde_json::to_value(value).expect("TOML without dates is JSON")
}

#[test]
fn the_schema_is_one() {
    jsonschema::meta::validate(&schema()).unwrap();
}

#[test]
fn every_shipped_scenario_is_valid() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for scenario in builtin() {
        let errors: Vec<String> =
            validator.iter_errors(&as_json(scenario.text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", scenario.name);
    }
}

#[test]
fn wrong_files_are_not() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&as_json(super::LEAST)));
    for changes in [
        [("name = \"least\"", "name = \"least\"\nsed = 7")],
        [("rate = \"1/s\"", "rat = \"1/s\"")],
        [("rate = \"1/s\"", "rate = \"1\"")],
        [("duration = \"10s\"", "duration = 10")],
        [("clients = 10", "clients = 0")],
        [("clients = 10\n", "")],
        [("builtin = \"rooms\"", "builtin = \"room\"")],
        [("name = \"people\"", "name = \"my people\"")],
    ] {
        assert!(!validator.is_valid(&as_json(&super::least_with(&changes))), "{changes:?}");
    }
}

/// Every description that an editor shows, with its default.
#[test]
fn descriptions() {
    fn collect(path: &str, schema: &Json, lines: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (key, inner) in properties {
                let path = format!("{path}{key}");
                let about = inner["description"].as_str().unwrap_or("MISSING");
                let default =
                    inner.get("default").map_or_else(String::new, |value| format!(" [{value}]"));
                lines.push(format!("{path}{default}: {about}"));
                collect(&format!("{path}."), inner, lines);
            }
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                collect(path, &schema[inner], lines);
            }
        }
        for inner in schema["anyOf"].as_array().into_iter().flatten() {
            collect(path, inner, lines);
        }
    }
    let mut lines = Vec::new();
    collect("", &schema(), &mut lines);
    assert!(!lines.iter().any(|line| line.contains("MISSING")));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn it_names_itself() {
    assert_eq!(schema()["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
    assert_eq!(schema()["additionalProperties"], json!(false));
}
