//! `run --metrics`: what a scrape sees while a run goes on.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::support::{DEADLINE, Running, becomes_true, folder_with, read_report, say};

const SCENARIO: &str = r#"
format = 1
name = "watched"
[target]
builtin = "rooms"
[rooms.lobby]
size = 5
[[cohort]]
name = "talkers"
clients = 10
join = { rooms = "lobby" }
publish = { rate = "20/s" }
[[phase]]
name = "only"
duration = "5s"
[thresholds]
"publishes.sent" = "< 5"
"delivery.p99" = "< 1h"
"#;

/// The answer to one request, head and body.
fn ask(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Every sample of a page by name and labels, each line held to the exposition format.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let mut helped = "";
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').unwrap().0;
        } else if let Some(line) = line.strip_prefix("# TYPE ") {
            let (name, kind) = line.split_once(' ').unwrap();
            assert_eq!(name, helped);
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert!(types.insert(name, kind).is_none(), "{name} twice");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let known = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.starts_with("uproar_") && name.chars().all(known), "{line}");
            let of =
                |suffix| name.strip_suffix(suffix).filter(|of| types.get(of) == Some(&"summary"));
            let family = of("_sum").or(of("_count")).unwrap_or(name);
            assert_eq!(family, helped, "{line}");
            assert_eq!(types[family] == "counter", name.ends_with("_total"), "{line}");
            let labels = series[name.len()..].trim_start_matches('{').trim_end_matches('}');
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (key, value) = label.split_once("=\"").unwrap();
                assert!(
                    key.chars().all(known) && !value.trim_end_matches('"').contains('"'),
                    "{line}"
                );
            }
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

#[test]
fn a_scrape_shows_the_run_as_it_goes_on() {
    let folder = folder_with(SCENARIO);
    let arguments =
        ["run", "scenario.toml", "--allow-invalid", "--out", "out", "--metrics", "127.0.0.1:0"];
    let mut run = Running::start(folder.path(), &arguments);
    let line = run.wait_for_line("metrics: http://");
    let address = line.trim().trim_start_matches("metrics: http://").trim_end_matches("/metrics");
    // Some clients are there before the first figures are.
    let mut first = BTreeMap::new();
    becomes_true("figures of all clients", DEADLINE, || {
        let (head, page) = ask(address, "GET /metrics");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        first = samples(&page);
        first.get("uproar_clients_up") == Some(&10.0)
            && first.contains_key("uproar_delivery_seconds{quantile=\"0.99\"}")
    });
    assert_eq!(first["uproar_phase{phase=\"only\"}"], 1.0);
    assert_eq!(
        first["uproar_threshold_holds{threshold=\"publishes.sent\",condition=\"< 5\"}"],
        0.0
    );
    assert_eq!(first["uproar_threshold_holds{threshold=\"delivery.p99\",condition=\"< 1h\"}"], 1.0);
    assert!(first["uproar_delivery_seconds_count"] >= 1_000.0, "p99 needs as many");
    let mut later = BTreeMap::new();
    becomes_true("a later second", DEADLINE, || {
        later = samples(&ask(address, "GET /metrics?again").1);
        later["uproar_elapsed_seconds"] > first["uproar_elapsed_seconds"]
    });
    for (series, value) in &first {
        let grows = series.ends_with("_total") || series.ends_with("_count");
        assert!(!grows || later[series] >= *value, "{series} shrank");
    }
    assert!(ask(address, "GET /").0.starts_with("HTTP/1.1 404 "));
    assert!(ask(address, "POST /metrics").0.starts_with("HTTP/1.1 405 "));
    assert_eq!(run.ends_within(DEADLINE).code(), Some(1));
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
    // What was shown was on its way to what is told, in other units.
    let report = read_report(&folder.path().join("out"));
    assert!(later["uproar_publishes_sent_total"] <= report.publishes.sent as f64);
    let delivery = &report.latency[&uproar::metric::Metric::Delivery];
    assert!(later["uproar_delivery_seconds_count"] <= delivery.count as f64);
    let most_s = delivery.max.unwrap() as f64 / 1e6;
    let told: Vec<_> =
        later.iter().filter(|(of, _)| of.starts_with("uproar_delivery_seconds{")).collect();
    assert!(told.len() >= 4 && told.iter().all(|(_, s)| (0.0..=most_s).contains(*s)), "{told:?}");
}

#[test]
fn an_address_that_is_taken_ends_it_before_it_begins() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder_with(SCENARIO);
    let said = say(folder.path(), &["run", "scenario.toml", "--out", "out", "--metrics", &address]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.all());
    let why = format!("can't listen on {address} for --metrics: ");
    assert!(said.stderr.contains(&why), "{}", said.all());
    assert!(!folder.path().join("out").exists());
    let said = say(folder.path(), &["run", "scenario.toml", "--metrics", "nowhere"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
}
