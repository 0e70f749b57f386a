//! Feeds of servers that count and tell the time in their own ways: what is counted is what they did,
//! and what can't be known is told.

use std::time::{SystemTime, UNIX_EPOCH};

use uproar::metric::Metric;
use uproar::report::{Deliveries, FeedFigures, Report, Severity};

use super::hall::{Event, Hall, Manners, Server};
use super::support::{folder_with, read_report, say};

/// As many clients as each run has.
const CLIENTS: u64 = 2;

const SCENARIO: &str = r#"format = 1
name = "feed"
[target]
url = "ws://127.0.0.1/"
protocol = "./pushed.toml"
drain_timeout = "200ms"
[[cohort]]
name = "watchers"
clients = 2
[[phase]]
name = "watch"
duration = "1s"
"#;

/// Numbers of one sequence.
const NUMBERED: &str = r#"sequence = { at = "/seq" }"#;

/// What a run finds whose server says all it has to say to whoever connects.
fn watch(delivery: &str, manners: Manners) -> Report {
    watch_by(SCENARIO, delivery, manners)
}

fn watch_by(scenario: &str, delivery: &str, manners: Manners) -> Report {
    let server = Server::start(manners);
    let folder = folder_with(scenario);
    let protocol = format!("format = 1\nname = \"pushed\"\n[delivery]\n{delivery}\n");
    std::fs::write(folder.path().join("pushed.toml"), protocol).unwrap();
    let url = format!("target.url={}", server.url());
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    let said = say(folder.path(), &[&fixed[..], &["--set", &url]].concat());
    assert!(matches!(said.code, Some(0 | 1)), "{}", said.all());
    read_report(&folder.path().join("out"))
}

/// Says an event for each number.
fn push(hall: &Hall, client: u64, event: &Event<'_>, numbers: impl IntoIterator<Item = u64>) {
    if let Event::Connected = event {
        for seq in numbers {
            // Every third is written as text.
            let seq = if seq % 3 == 0 { format!("\"{seq}\"") } else { seq.to_string() };
            hall.say(client, format!(r#"{{"seq":{seq}}}"#));
        }
    }
}

/// What all clients find, if each finds this.
fn each(delivered: u64, lost: u64, duplicated: u64, reordered: u64) -> Deliveries {
    Deliveries {
        expected: Some(CLIENTS * (delivered + lost)),
        delivered: CLIENTS * delivered,
        lost: Some(CLIENTS * lost),
        duplicated: Some(CLIENTS * duplicated),
        reordered: Some(CLIENTS * reordered),
        ..Deliveries::default()
    }
}

/// How grave it is that the run says this of itself.
fn told(report: &Report, what: &str) -> Option<(Severity, String)> {
    let reason = report.validity.reasons.iter().find(|reason| reason.what.contains(what))?;
    Some((reason.severity, reason.measured.clone()))
}

fn over_two_to_the_32(hall: &mut Hall, client: u64, event: Event<'_>) {
    push(hall, client, &event, (1..=21).filter(|n| n % 5 != 0).map(|n| 4_294_967_290 + n));
}

fn with_a_wide_gap(hall: &mut Hall, client: u64, event: Event<'_>) {
    push(hall, client, &event, (1..=20).map(|n| if n < 5 { n } else { n + 1_000_000_000_000 }));
}

fn with_a_gap_of_two_to_the_32(hall: &mut Hall, client: u64, event: Event<'_>) {
    push(hall, client, &event, (1..=20).map(|n| if n < 5 { n } else { n + (1 << 32) }));
}

fn all_there_is(hall: &mut Hall, client: u64, event: Event<'_>) {
    push(hall, client, &event, [0, 1, u64::MAX]);
}

fn of_16_bits(hall: &mut Hall, client: u64, event: Event<'_>) {
    push(hall, client, &event, (65_436..65_536).chain((0..50).filter(|n| *n != 20)));
}

#[test]
fn sequence_numbers_are_exact_over_any_gap() {
    let report = watch(NUMBERED, over_two_to_the_32);
    assert_eq!(report.deliveries, each(17, 4, 0, 0));
    assert_eq!(report.feed, Some(FeedFigures::default()));
    assert_eq!(watch(NUMBERED, with_a_wide_gap).deliveries, each(20, 1_000_000_000_000, 0, 0));
    assert_eq!(watch(NUMBERED, with_a_gap_of_two_to_the_32).deliveries, each(20, 1 << 32, 0, 0));
    // Twice as many are more than 64 bits hold: the sum stays at its end.
    let deliveries = watch(NUMBERED, all_there_is).deliveries;
    assert_eq!((deliveries.delivered, deliveries.lost), (6, Some(u64::MAX)));
}

#[test]
fn numbers_that_begin_anew_are_told_and_lose_nothing() {
    let report = watch(NUMBERED, of_16_bits);
    assert_eq!(report.deliveries, each(149, 1, 0, 0));
    let feed = FeedFigures { renumbered: CLIENTS, ..FeedFigures::default() };
    assert_eq!(report.feed, Some(feed));
    let reason = told(&report, "a feed's numbers began anew");
    assert_eq!(reason, Some((Severity::Note, "2 of 298 events".to_owned())));
}

fn unreadable(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for number in ["1", "1.0", "2", "-1", "\"1700000000001-0\"", "18446744073709551616", "null"]
        {
            hall.say(client, format!(r#"{{"type":"tick","seq":{number}}}"#));
        }
        hall.say(client, r#"{"type":"tick"}"#);
        hall.say(client, r#"{"type":"tick","seq":4}"#);
    }
}

#[test]
fn numbers_that_can_not_be_read_are_counted_and_told() {
    let report =
        watch(&format!("when = {{ json = {{ \"/type\" = \"tick\" }} }}\n{NUMBERED}"), unreadable);
    assert_eq!(report.deliveries, each(8, 1, 1, 0));
    let feed = FeedFigures { unnumbered: CLIENTS * 5, ..FeedFigures::default() };
    assert_eq!(report.feed, Some(feed));
    let reason = told(&report, "sequence numbers of a feed could not be read");
    assert_eq!(reason, Some((Severity::Suspect, "10 of 16 events".to_owned())));
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn in_seconds(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for seq in 1..=20 {
            hall.say(client, format!(r#"{{"seq":{seq},"at":{}}}"#, unix_ms() / 1_000));
        }
    }
}

fn in_milliseconds_of_whole_seconds(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for seq in 1..=20 {
            hall.say(client, format!(r#"{{"seq":{seq},"at":{}000}}"#, unix_ms() / 1_000));
        }
    }
}

fn of_all_kinds(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for (seq, at) in (1..).zip(["null", "\"noon\"", "-1", "{}", "1e400"]) {
            hall.say(client, format!(r#"{{"seq":{seq},"at":{at}}}"#));
        }
        hall.say(client, r#"{"seq":6}"#);
        hall.say(client, format!(r#"{{"seq":7,"at":{}.25}}"#, unix_ms()));
        hall.say(client, format!(r#"{{"seq":8,"at":"{}"}}"#, unix_ms()));
    }
}

#[test]
fn times_that_can_not_be_read_are_counted_and_told() {
    let timed = |unit: &str| format!("{NUMBERED}\nsent_at = {{ at = \"/at\", unit = \"{unit}\" }}");
    let report = watch(&timed("ms"), of_all_kinds);
    assert_eq!(report.deliveries, each(8, 0, 0, 0));
    let feed = FeedFigures { untimed: CLIENTS * 6, ..FeedFigures::default() };
    assert_eq!(report.feed, Some(feed));
    assert_eq!(report.latency[&Metric::Push].count, CLIENTS * 2);
    let reason = told(&report, "times of a feed could not be read");
    assert_eq!(reason, Some((Severity::Suspect, "12 of 16 events".to_owned())));
    // Another unit is decades away, and no latency.
    for (unit, manners) in [("ms", in_seconds as Manners), ("s", in_milliseconds_of_whole_seconds)]
    {
        let report = watch(&timed(unit), manners);
        assert_eq!(report.feed.map(|feed| feed.untimed), Some(CLIENTS * 20), "{unit}");
        assert!(!report.latency.contains_key(&Metric::Push), "{unit}");
        assert!(told(&report, "in another unit").is_some(), "{:?}", report.validity);
    }
}

#[test]
fn a_clock_in_whole_seconds_is_told_whatever_its_unit() {
    for (unit, manners) in [("s", in_seconds as Manners), ("ms", in_milliseconds_of_whole_seconds)]
    {
        let delivery = format!("{NUMBERED}\nsent_at = {{ at = \"/at\", unit = \"{unit}\" }}");
        let report = watch(&delivery, manners);
        let feed = FeedFigures { clock_step_us: Some(1_000_000), ..FeedFigures::default() };
        assert_eq!(report.feed, Some(feed));
        let reason = told(&report, "a clock too coarse for `push`");
        assert!(matches!(reason, Some((Severity::Suspect, _))), "{:?}", report.validity);
    }
}

fn with_ever_new_channels(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for n in 0..5_000 {
            hall.say(client, format!(r#"{{"channel":"c{n}","seq":1}}"#));
        }
        // One of the first goes on where it can't be known any more, one of the last where it is.
        hall.say(client, r#"{"channel":"c1","seq":9}"#);
        hall.say(client, r#"{"channel":"c4999","seq":4}"#);
    }
}

#[test]
fn numberings_without_end_are_forgotten_and_told() {
    let delivery = r#"sequence = { at = "/seq", per = "/channel" }"#;
    let report = watch(delivery, with_ever_new_channels);
    assert_eq!(report.deliveries, each(5_002, 2, 0, 0));
    let feed = FeedFigures { forgotten: CLIENTS * 2_000, ..FeedFigures::default() };
    assert_eq!(report.feed, Some(feed));
    let reason = told(&report, "more numberings than are told apart");
    assert!(matches!(reason, Some((Severity::Suspect, _))), "{:?}", report.validity);
    let limit = &report.limits_hit[0];
    assert!(limit.limit.contains("2,000 numberings"), "{limit:?}");
    assert_eq!(limit.count, CLIENTS * 2_000);
}

fn with_a_key(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for id in [1, 2, 2, 4] {
            hall.say(client, format!(r#"{{"id":{id}}}"#));
        }
    }
}

#[test]
fn what_was_lost_of_a_feed_without_numbers_is_unknown_and_not_0() {
    let report = watch(r#"key = "/id""#, with_a_key);
    let delivered = CLIENTS * 4;
    assert_eq!(report.deliveries, Deliveries { delivered, ..Deliveries::default() });
    let asked = format!("{SCENARIO}[thresholds]\n\"lost\" = \"== 0\"\n");
    let report = watch_by(&asked, r#"key = "/id""#, with_a_key);
    let threshold = &report.thresholds[0];
    assert_eq!((threshold.actual, threshold.passed), (None, false));
    assert_eq!(threshold.note.as_deref(), Some("the feed has no sequence numbers"));
    assert_eq!(report.run.exit_code, 1);
}

fn with_half_a_pair(hall: &mut Hall, client: u64, event: Event<'_>) {
    if let Event::Connected = event {
        for seq in [1, 2, 4] {
            hall.say(client, format!(r#"{{"name":"\ud83d","seq":{seq},"\udc00":1.10}}"#));
        }
    }
}

#[test]
fn half_a_surrogate_pair_spoils_its_own_string_only() {
    let delivery = format!("when = {{ json = {{ \"/seq\" = [1, 2, 4] }} }}\n{NUMBERED}");
    let report = watch(&delivery, with_half_a_pair);
    assert_eq!(report.deliveries, each(3, 1, 0, 0));
    assert_eq!(report.frames.unmatched, 0);
}
