//! Every file that is made of a report: valid whatever the report holds, and of the same figures.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use proptest::prelude::*;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use uproar::measure::Hist;
use uproar::metric::Metric;
use uproar::report::annotations::to_annotations;
use uproar::report::files::render_all;
use uproar::report::json::{from_json, to_json};
use uproar::report::summary::{Place, Style, render};
use uproar::report::{
    Latency, Reason, Report, SeriesPoint, Severity, SpreadFigures, ThresholdOutcome, ValidityState,
};

use super::{any, samples};

/// `(µs, how often)`: each percentile is the last sample of a value, which three digits hold exactly.
const RECORDED: [(u64, u64); 6] =
    [(200, 5_000), (900, 4_000), (1_100, 500), (1_400, 400), (1_700, 90), (2_000, 10)];

/// A run that recorded those.
fn known() -> Report {
    let mut hist = Hist::default();
    for (us, times) in RECORDED {
        (0..times).for_each(|_| hist.record(us));
    }
    let mut report = samples::passed();
    report.latency = [Metric::Delivery, Metric::Lag]
        .into_iter()
        .map(|metric| (metric, Latency::of_metric(metric, hist.inner())))
        .collect();
    report.thresholds = vec![
        ThresholdOutcome {
            metric: "delivery.p99".to_owned(),
            condition: "< 500us".to_owned(),
            actual: Some(1_400.0),
            actual_text: "1.4 ms".to_owned(),
            passed: false,
            note: None,
            ..ThresholdOutcome::default()
        },
        ThresholdOutcome {
            metric: "lost".to_owned(),
            condition: "== 0".to_owned(),
            actual: Some(0.0),
            actual_text: "0".to_owned(),
            passed: true,
            note: None,
            ..ThresholdOutcome::default()
        },
    ];
    report.series[0].delivery_p50_us = Some(200);
    report.series[0].delivery_p99_us = None;
    samples::decided(report)
}

/// The files that a report has, by name.
fn files(report: &Report) -> BTreeMap<String, String> {
    let texts = render_all(report).into_iter().map(|(name, text)| (name, text.unwrap()));
    texts.filter_map(|(name, text)| Some((name, text?))).collect()
}

/// A report of every shape that renderers have stumbled over, with its name.
fn odd() -> Vec<(&'static str, Report)> {
    let mut one = samples::passed();
    let mut hist = Hist::default();
    hist.record(1);
    one.latency =
        Metric::ALL.into_iter().map(|of| (of, Latency::of_metric(of, hist.inner()))).collect();
    let mut rooms = known();
    let sizes = SpreadFigures { messages: 9, ..SpreadFigures::default() };
    rooms.spread_by_size =
        (0..200).map(|i| SpreadFigures { recipients_from: i, ..sizes.clone() }).collect();
    rooms.plan.rooms = 200;
    let mut formula = samples::hostile();
    formula.series = ["=1+1", "@SUM(A1)", "a,\"b\"\r\nc;d", "\u{1b}[2J", "🎉", "\u{ffff}"]
        .map(|phase| SeriesPoint {
            phase: phase.to_owned(),
            faults: vec![phase.to_owned(); 2],
            ..SeriesPoint::default()
        })
        .to_vec();
    formula.scenario.name = "\u{fffe}</testsuites>::error::%0A".to_owned();
    let mut all = vec![
        ("empty", Report::default()),
        ("one sample", one),
        ("200 rooms", rooms),
        ("formula", samples::decided(formula)),
        ("known", known()),
    ];
    all.extend(samples::all());
    all
}

/// `(name of the element, attributes)` of every element, of a document that is whole.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let mut open = Vec::new();
    let mut all = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}"));
        let (start, empty) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                open.pop().unwrap();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            (key, attribute.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
        });
        all.push((name.clone(), attributes.collect()));
        if !empty {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} left open: {xml}");
    all
}

/// What XML 1.0 can hold, and nothing that moves a cursor.
fn is_plain(c: char) -> bool {
    c == '\n' || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202e}'))
}

fn csv_rows(text: &str) -> Vec<csv::StringRecord> {
    assert!(text.ends_with("\r\n"), "{text:?}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
    csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect()
}

/// The histograms of a log, by tag.
fn hlog(text: &str) -> BTreeMap<String, Histogram<u64>> {
    let entries = IntervalLogIterator::new(text.as_bytes()).map(Result::unwrap);
    let intervals = entries.filter_map(|entry| match entry {
        LogEntry::Interval(interval) => {
            let bytes = BASE64.decode(interval.encoded_histogram().as_bytes()).unwrap();
            let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            Some((interval.tag().unwrap().as_str().to_owned(), histogram))
        }
        LogEntry::StartTime(_) | LogEntry::BaseTime(_) => None,
    });
    intervals.collect()
}

/// `(milliseconds, quantile, samples until there)` of each row.
fn hgrm_rows(text: &str) -> Vec<(f64, f64, u64)> {
    let rows = text.lines().skip(2).filter(|line| !line.starts_with('#')).map(|line| {
        let cells: Vec<_> = line.split_whitespace().collect();
        assert!([3, 4].contains(&cells.len()), "{line:?}");
        (cells[0].parse().unwrap(), cells[1].parse().unwrap(), cells[2].parse().unwrap())
    });
    rows.collect()
}

/// Every file of a report is read by what reads such files, and holds nothing that does harm.
fn check(name: &str, report: &Report) {
    let files = files(report);
    for (file, text) in &files {
        let fits = |c: &char| is_plain(*c) || (*c == '\r' && file == "series.csv");
        let bad = text.chars().find(|c| !fits(c));
        // JSON keeps texts as they were, and escapes them itself.
        assert!(file == "report.json" || bad.is_none(), "{name}: {bad:?} in {file}: {text}");
    }
    let junit = elements(&files["junit.xml"]);
    let cases: Vec<_> = junit.iter().filter(|(element, _)| element == "testcase").collect();
    assert_eq!(cases.len(), report.thresholds.len() + 1, "{name}");
    assert!(cases.iter().all(|(_, of)| !of["name"].is_empty()), "{name}");
    let rows = csv_rows(&files["series.csv"]);
    assert_eq!(rows.len(), report.series.len(), "{name}");
    for row in rows {
        assert_eq!(row.len(), 14, "{name}");
        assert!(!row.iter().any(|cell| cell.starts_with(['=', '+', '@', '\t'])), "{name}: {row:?}");
    }
    let with_histogram: Vec<_> =
        report.latency.iter().filter(|(_, of)| of.hdr.is_some() && of.count > 0).collect();
    let log = hlog(&files["latency.hlog"]);
    assert_eq!(log.len(), with_histogram.len(), "{name}");
    for (metric, latency) in with_histogram {
        assert_eq!(log[metric.name()].len(), latency.count, "{name}");
        let rows = hgrm_rows(&files[&format!("{}.hgrm", metric.name())]);
        assert_eq!(rows.last().unwrap().1.to_string(), "1", "{name}");
        assert_eq!(rows.last().unwrap().2, latency.count, "{name}");
    }
    for line in to_annotations(report).lines() {
        assert!(
            line.starts_with("::error title=") || line.starts_with("::warning title="),
            "{name}: {line}"
        );
        assert!(line.chars().all(is_plain), "{name}: {line}");
    }
}

#[test]
fn every_format_of_every_report_is_valid_and_harmless() {
    for (name, report) in odd() {
        check(name, &report);
    }
}

#[test]
fn a_report_read_again_renders_the_same_bytes() {
    for (name, report) in odd() {
        let again = from_json(&to_json(&report).unwrap()).unwrap();
        assert_eq!(files(&again), files(&report), "{name}");
    }
}

#[test]
fn every_format_tells_the_same_figures() {
    let report = known();
    let files = files(&report);
    let json: serde_json::Value = serde_json::from_str(&files["report.json"]).unwrap();
    let delivery = &json["latency"]["delivery"];
    let told =
        ["p50", "p90", "p95", "p99", "p99_9", "max", "count"].map(|of| delivery[of].as_u64());
    assert_eq!(told, [200, 900, 1_100, 1_400, 1_700, 2_000, 10_000].map(Some));
    let log = hlog(&files["latency.hlog"]);
    for metric in ["delivery", "lag"] {
        let histogram = &log[metric];
        for (quantile, us) in [(0.5, 200), (0.9, 900), (0.95, 1_100), (0.99, 1_400), (0.999, 1_700)]
        {
            assert_eq!(histogram.value_at_quantile(quantile), us, "{metric}");
        }
        assert_eq!((histogram.max(), histogram.len()), (2_000, 10_000));
        let hgrm = &files[&format!("{metric}.hgrm")];
        let rows = hgrm_rows(hgrm);
        for (quantile, ms, until) in
            [(0.5, 0.2, 5_000), (0.75, 0.9, 9_000), (0.9, 0.9, 9_000), (1.0, 2.0, 10_000)]
        {
            let row = rows.iter().find(|row| (row.1 - quantile).abs() < 1e-9).unwrap();
            assert!((row.0 - ms).abs() < 1e-9, "{metric}: {row:?}");
            assert_eq!(row.2, until, "{metric}: {row:?}");
        }
        assert!(
            hgrm.contains("#[Max     =        2.000, Total count    =        10000]"),
            "{hgrm}"
        );
        assert!(
            hgrm.contains("#[Buckets =           22, SubBuckets     =         2048]"),
            "{hgrm}"
        );
    }
    // The one line that a person reads, in the words of each.
    let cells = ["0.2 ms", "0.9 ms", "1.4 ms", "1.7 ms", "2.0 ms", "10,000"];
    let markdown = &files["report.md"];
    let row = format!("| delivery, from due | {} |", cells.join(" | "));
    assert!(markdown.contains(&row), "{markdown}");
    assert!(markdown.contains("| **fail** | delivery.p99 | 1.4 ms | \\< 500 us |"), "{markdown}");
    let summary = render(&report, Place::Unnamed, Style::default());
    let line = summary.lines().find(|line| line.starts_with("delivery, from due")).unwrap();
    let shown: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(shown[1..], cells, "{summary}");
    let failure = "delivery.p99 was 1.4 ms, limit 500 us";
    assert!(summary.contains(failure), "{summary}");
    assert!(markdown.contains(failure), "{markdown}");
    let junit = elements(&files["junit.xml"]);
    let failures: Vec<_> = junit.iter().filter(|(name, _)| name == "failure").collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].1["message"], failure);
    let suite = &junit.iter().find(|(name, _)| name == "testsuite").unwrap().1;
    assert_eq!((&*suite["tests"], &*suite["failures"], &*suite["errors"]), ("3", "1", "0"));
    let case = &junit.iter().filter(|(name, _)| name == "testcase").nth(1).unwrap().1;
    assert_eq!((&*case["classname"], &*case["time"]), ("chat-rooms", "40.000"));
    let mut series = csv::Reader::from_reader(files["series.csv"].as_bytes());
    let names = series.headers().unwrap().clone();
    let row = series.records().next().unwrap().unwrap();
    let of = |name| &row[names.iter().position(|column| column == name).unwrap()];
    assert_eq!([of("delivery_p50_us"), of("delivery_p99_us")], ["200", ""]);
    assert_eq!(
        [of("t_s"), of("phase"), of("publishes"), of("deliveries")],
        ["0", "ramp", "52", "104"]
    );
    assert!(to_annotations(&report).contains(failure));
}

#[test]
fn every_ending_has_its_junit_and_its_annotations() {
    for (name, report) in [
        ("passed", samples::passed()),
        ("failed", samples::failed()),
        ("invalid", samples::invalid()),
        ("unreachable", samples::unreachable()),
        ("interrupted", samples::interrupted()),
        ("hostile", samples::hostile()),
    ] {
        let files = files(&report);
        let told = format!("{}--- annotations\n{}", files["junit.xml"], to_annotations(&report));
        insta::assert_snapshot!(name, told);
    }
    assert_eq!(to_annotations(&samples::passed()), "");
}

#[test]
fn the_text_formats_look_as_their_tools_expect() {
    let files = files(&known());
    // The base64 is DEFLATE's to choose.
    let log = files["latency.hlog"].lines().map(|line| line.split(",HIST").next().unwrap());
    insta::assert_snapshot!("hlog", log.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("hgrm", files["delivery.hgrm"]);
    insta::assert_snapshot!("series", files["series.csv"].replace("\r\n", "\n"));
}

#[test]
fn no_more_annotations_than_github_shows() {
    let mut report = samples::failed();
    report.thresholds = vec![report.thresholds[0].clone(); 11];
    let reason = |severity| Reason {
        severity,
        what: "slow\n::error::forged".to_owned(),
        measured: String::new(),
        limit: String::new(),
        remedy: String::new(),
    };
    report.validity.state = ValidityState::Suspect;
    report.validity.reasons = vec![reason(Severity::Suspect); 10];
    report.validity.reasons.push(reason(Severity::Note));
    let told = to_annotations(&samples::decided(report));
    let of = |level: &str| told.lines().filter(|line| line.starts_with(level)).count();
    assert_eq!((of("::error "), of("::warning "), told.lines().count()), (10, 10, 20), "{told}");
    assert!(told.contains("::error title=uproar::2 more are in the report\n"), "{told}");
    assert!(told.contains("::slow\\n::error::forged\n"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_has_valid_files(report in any::report()) {
        check("any", &report);
        let again = from_json(&to_json(&report).unwrap()).unwrap();
        prop_assert_eq!(files(&again), files(&report));
    }
}
