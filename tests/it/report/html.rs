//! `report.html`: valid whatever stands in it, harmless, and of the same figures as the summary.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};
use uproar::measure::{Hist, encode};
use uproar::metric::Metric;
use uproar::report::html::to_html;
use uproar::report::markdown::to_markdown;
use uproar::report::summary::{Place, Style, render};
use uproar::report::{Latency, Report, SeriesPoint};

use super::{any, bounds, samples};

/// What `report.html` may take at most, bytes.
const HTML_MAX: usize = 4_000_000;

/// Everything a page is made of. What a text smuggles in is likely to be none of these.
const ELEMENTS: [&str; 43] = [
    "a",
    "body",
    "caption",
    "circle",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "line",
    "link",
    "main",
    "meta",
    "nav",
    "p",
    "path",
    "pre",
    "rect",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
];

/// Attributes that hold numbers.
const NUMBERS: [&str; 16] = [
    "cx",
    "cy",
    "d",
    "data-x",
    "height",
    "points",
    "r",
    "transform",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
];

/// The page, read as a browser reads it, with what holds for every page checked.
fn page(report: &Report) -> Html {
    let text = to_html(report);
    assert!(text.len() <= HTML_MAX, "{} bytes", text.len());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    let page = Html::parse_document(&text);
    assert_eq!(page.errors, Vec::<String>::new());
    for element in all(&page, "*") {
        let name = element.value().name();
        assert!(name == "ul" || ELEMENTS.contains(&name), "<{name}>");
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            assert!(name != "href" || value.starts_with('#') || value == "data:,", "{value}");
            // Names of faults and phases stand in others, and may be any word.
            if NUMBERS.contains(&name) {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{name}={value}");
            }
        }
    }
    assert_eq!(all(&page, "script").len(), 1);
    page
}

fn all<'a>(page: &'a Html, what: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(what).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

/// The cells of each row of a section's tables, the first names the row.
fn rows(page: &Html, section: &str) -> Vec<Vec<String>> {
    let cells = Selector::parse("th, td").unwrap();
    let rows = all(page, &format!("#{section} tbody tr"));
    rows.into_iter().map(|row| row.select(&cells).map(text).collect()).collect()
}

/// What a person reads, section by section: a line for each row, caption and sentence.
fn words(page: &Html) -> String {
    let mut lines = Vec::new();
    for element in all(page, "h1, h2, h3, p, figcaption, .legend li, dt, dd, tr, pre, svg text") {
        let cells = Selector::parse("th, td").unwrap();
        let line = if element.value().name() == "tr" {
            element.select(&cells).map(text).collect::<Vec<_>>().join(" | ")
        } else {
            text(element)
        };
        let mark = if element.value().name() == "h2" { "\n## " } else { "" };
        lines.push(format!("{mark}{line}").trim_end().to_owned());
    }
    lines.join("\n")
}

/// With histograms and a series, from which the charts are made.
pub(super) fn full() -> Report {
    let mut report = samples::passed();
    report.rules = samples::acknowledged().rules;
    for (metric, us) in [(Metric::Delivery, 800), (Metric::DeliveryFromSent, 500)] {
        let mut hist = Hist::default();
        (1..=20_000_u64).for_each(|n| hist.record(us + 90_000 / n));
        report.latency.insert(metric, Latency::of_metric(metric, hist.inner()));
    }
    report.series = (0..51_u32)
        .map(|second| {
            let mut hist = Hist::with_digits(2);
            (1..=u64::from(second) * 40).for_each(|n| hist.record(700 + 9_000 / n));
            SeriesPoint {
                t_s: f64::from(second),
                width_s: 1.0,
                phase: ["ramp", "steady"][usize::from(second > 9)].to_owned(),
                clients_up: u64::from(second.min(10)) * 100,
                publishes: u64::from(second),
                deliveries: u64::from(second) * 40,
                errors: u64::from(second == 20),
                delivery_p50_us: hist.percentile(50.0),
                delivery_p99_us: (second > 24).then(|| hist.percentile(99.0)).flatten(),
                delivery_hdr: (!hist.is_empty()).then(|| encode(hist.inner())).flatten(),
                ..SeriesPoint::default()
            }
        })
        .collect();
    report
}

fn hostile() -> Report {
    let mut report = samples::hostile();
    let nasty = report.scenario.name.clone();
    report.run.command = vec![nasty.clone()];
    report.run.id.clone_from(&nasty);
    report.scenario.question.clone_from(&nasty);
    report.host.hostname.clone_from(&nasty);
    report.series = full().series;
    for point in &mut report.series {
        point.phase.clone_from(&nasty);
        point.faults = vec![nasty.clone()];
        point.delivery_hdr = Some(nasty.clone());
    }
    report.faults[0].label = Some(nasty.clone());
    report.closes[0].reason = nasty;
    report
}

#[test]
fn every_ending_has_its_page() {
    for (name, report) in samples::all() {
        let page = page(&report);
        assert_eq!(
            text(all(&page, "header .word")[0]).trim_start_matches(|c: char| !c.is_alphanumeric()),
            report.verdict.state.word(),
            "{name}"
        );
    }
    insta::assert_snapshot!("full", words(&page(&full())));
    insta::assert_snapshot!("failed", words(&page(&samples::failed())));
    insta::assert_snapshot!("unreachable", words(&page(&samples::unreachable())));
}

#[test]
fn text_from_outside_stays_text() {
    let page = page(&hostile());
    assert!(all(&page, "b").is_empty());
    // Shown as it is, but for what can't be seen or reorders a line.
    let name = "<b>|\"'`\\n\\u{1b}[31m\\u{9b}2J\\u{202e}@team #1 🎉日本 https://x.example";
    assert_eq!(text(all(&page, "h1")[0]), name);
    assert!(rows(&page, "cohorts").iter().all(|row| row[0] == name));
}

#[test]
fn the_order_is_that_of_what_matters() {
    let ids: Vec<_> = all(&page(&full()), "section")
        .iter()
        .filter_map(|s| s.value().id())
        .map(str::to_owned)
        .collect();
    let order = [
        "thresholds",
        "validity",
        "latency",
        "time",
        "heat",
        "size",
        "connecting",
        "faults",
        "cohorts",
        "phases",
        "messages",
        "errors",
        "plan",
        "resources",
        "machine",
        "again",
    ];
    assert_eq!(ids, order);
}

#[test]
fn an_empty_run_has_nothing_and_no_zero_for_unknown() {
    let page = page(&Report::default());
    let tiles: Vec<_> = all(&page, ".tiles dd").into_iter().map(text).collect();
    assert_eq!(tiles, ["-", "-", "-", "0", "-"]);
    assert!(all(&page, "svg.chart").is_empty());
    insta::assert_snapshot!("empty", words(&page));
}

#[test]
fn one_sample_is_a_dot_and_its_percentiles_are_unknown() {
    let mut hist = Hist::default();
    hist.record(1_234);
    let mut second = Hist::with_digits(2);
    second.record(1_234);
    let mut report = samples::passed();
    report.latency = [Metric::Delivery, Metric::DeliveryFromSent]
        .map(|metric| (metric, Latency::of_metric(metric, hist.inner())))
        .into();
    report.series = vec![SeriesPoint {
        width_s: 1.0,
        deliveries: 1,
        delivery_hdr: encode(second.inner()),
        ..SeriesPoint::default()
    }];
    let page = page(&report);
    let row = &rows(&page, "latency")[0];
    assert_eq!(row[1..6], ["-"; 5], "{row:?}");
    assert_eq!([&row[6], &row[8], &row[9]], ["1.2 ms", "1.2 ms", "1"]);
    assert_eq!(all(&page, "#heat path.h5").len(), 2, "one cell, and its legend");
}

#[test]
fn figures_are_those_of_the_summary_and_of_markdown() {
    for (name, report) in samples::all() {
        if name == "huge" || name == "hostile" {
            continue;
        }
        let page = page(&report);
        let markdown = to_markdown(&report);
        let latencies = rows(&page, "latency");
        for row in &latencies {
            let [label, p50, p90, _, p99, p99_9, _, _, max, samples, meaning] = &row[..] else {
                panic!("{row:?}")
            };
            let cells = [label, p50, p90, p99, p99_9, max, samples, meaning].map(String::as_str);
            let line = format!("| {} |", cells.join(" | "));
            assert!(markdown.contains(&line), "{name}: {line} in\n{markdown}");
        }
        assert_eq!(latencies.len(), report.latency.len(), "{name}");
        let thresholds: BTreeSet<_> =
            rows(&page, "thresholds").into_iter().map(|row| row[1..4].to_vec()).collect();
        for threshold in &report.thresholds {
            assert!(
                thresholds
                    .iter()
                    .any(|row| row[0] == threshold.metric && row[1] == threshold.actual_text),
                "{name}"
            );
        }
        let summary = render(&report, Place::Unnamed, Style::default());
        let facts = all(&page, "#messages dd").into_iter().map(text).collect::<Vec<_>>().join("\n");
        for label in ["publishes   ", "deliveries  "] {
            if let Some(line) = summary.lines().find_map(|line| line.strip_prefix(label)) {
                assert!(facts.contains(line), "{name}: {line} in {facts}");
            }
        }
    }
}

/// Of values that are known: the k-th of 20,000 is 800 µs + 90 ms / (20,001 - k).
#[test]
fn a_curve_goes_through_the_percentiles_of_the_table() {
    let page = page(&full());
    let hits: Vec<_> = all(&page, "#latency .hit").into_iter().map(text).collect();
    let row = &rows(&page, "latency")[0];
    assert_eq!(row[0], "delivery, from due");
    let columns = [(1, "50 %"), (2, "90 %"), (3, "95 %"), (4, "99 %"), (5, "99.9 %")];
    for (column, percentile) in columns {
        let start = format!("{percentile} took at most\n");
        let hit = hits.iter().find(|hit| hit.starts_with(&start)).unwrap();
        let line = format!("\ndelivery, from due: {}", row[column]);
        assert!(hit.contains(&line), "{hit}");
    }
    assert_eq!(row[4], "1.2 ms", "800 + 90,000 / 201 µs");
    let last = hits.last().unwrap();
    assert!(last.contains("fewer than ten slower samples"), "{last}");
}

#[test]
fn points_in_time_show_rates_by_how_long_they_lasted() {
    let page = page(&full());
    let rows = rows(&page, "time");
    assert_eq!(rows.len(), 51);
    // 40 deliveries in its place in line each second.
    assert_eq!(
        rows[7][..6],
        ["7 s", "8 s", "ramp", "7 msg/s", "280 delivered/s", rows[7][5].as_str()]
    );
    // The run took 50.5 s: what came in the last half second came at twice the rate.
    assert_eq!(rows[50][..5], ["50 s", "50.5 s", "steady", "100 msg/s", "4,000 delivered/s"]);
    assert_eq!(rows[0][5..9], ["-"; 4]);
}

#[test]
fn a_large_report_stays_under_4_mb() {
    let mut report = bounds::large();
    report.plan.rooms = 200;
    report.run.duration_s = 600.0;
    page(&report);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_is_a_valid_page(report in any::report()) {
        page(&report);
    }
}
