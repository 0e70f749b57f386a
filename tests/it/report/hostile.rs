//! Reports that nobody's run wrote: whatever `report.json` says, it is refused or rendered.

use serde_json::{Value, json};
use uproar::compare::{
    Gate, Options, Runs, compare, default_gates, series, series_to_text, to_annotations,
    to_markdown, to_text,
};
use uproar::gate::{Figure, Tolerance};
use uproar::report::files::fuzz;
use uproar::report::json::from_json;
use uproar::report::{Exit, Report};

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

/// Whatever is compared with what, there is an answer.
fn compared(report: &Report, changed: &Value) {
    let Ok(changed) = from_json(&changed.to_string()) else { return };
    let runs = |reports: &[&Report]| Runs {
        reports: reports.iter().map(|report| (*report).clone()).collect(),
        ..Runs::default()
    };
    let options = Options { any_plan: true, any_host: true, ..Options::default() };
    for (base, new) in [(&[report][..], &[&changed][..]), (&[&changed], &[report, &changed])] {
        let (base, new) = (runs(base), runs(new));
        let mut gates = default_gates(&base.reports);
        // By name, what costs of a delivery are made of.
        gates.extend(["bytes", "generator.cpu", "errors"].map(|name| {
            let figure = Figure::parse(name).unwrap();
            Gate { tolerance: Tolerance::parse("10%", figure.unit()).unwrap(), figure }
        }));
        if let Ok(comparison) = compare(&base, &new, &gates, options) {
            let _ = (to_text(&comparison), to_markdown(&comparison), to_annotations(&comparison));
        }
        let _ = series_to_text(&series(&new, &gates, Exit::Passed, Vec::new()));
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
                if extreme == json!(u64::MAX) {
                    compared(&report, &one);
                }
            }
            fuzz(all.to_string().as_bytes());
            compared(&report, &all);
        }
    }
    assert!(read > 1_000, "only {read} were read");
}
