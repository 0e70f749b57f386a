//! What the command line changes, and what is said of it when it can't.

use std::time::Duration;

use proptest::prelude::*;
use uproar::codec::CodecKind;
use uproar::scenario::{Fault, Load, Overrides, Phase, Size};

use super::{complaint, least_with, reads};

const TWO_COHORTS: &str = r#"format = 1
name = "two"

[target]
builtin = "rooms"

[rooms.lobby]
size = 20

[[cohort]]
name = "talkers"
clients = 100
join = { rooms = "lobby" }
publish = { rate = "2/s" }

[[cohort]]
name = "bots"
clients = 300
join = { rooms = "lobby", per_client = 2 }
publish = { total_rate = "50/s", to = "all" }

[[phase]]
name = "ramp"
duration = "10s"
clients = "0% -> 100%"
measure = false

[[phase]]
name = "steady"
duration = "30s"

[[fault]]
at = "steady + 15s"
kind = "reset"
clients = "30%"

[thresholds]
"delivery.p99" = "< 250ms"
"#;

fn set(pairs: &[(&str, &str)]) -> Overrides {
    let set = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Overrides { set, ..Overrides::default() }
}

#[test]
fn set_reaches_any_key() {
    let scenario = reads(
        TWO_COHORTS,
        &set(&[
            ("seed", "42"),
            ("name", "other"),
            ("target.codec", "binary"),
            ("target.headers.Origin", "https://example.com"),
            ("cohort.talkers.publish.rate", "5/s"),
            ("cohort.talkers.publish.size.min", "64B"),
            ("cohort.talkers.publish.size.p50", "100B"),
            ("cohort.talkers.publish.size.p99", "1KiB"),
            ("cohort.1.clients", "7"),
            ("cohort.bots.reconnect", "false"),
            ("phase.steady.duration", "1m"),
            ("fault.0.at", "20s"),
            ("thresholds.delivery.p99", "< 1s"),
            ("thresholds.\"lost\"", "== 0"),
            ("thresholds.delivery.p99.abort_after", "5s"),
            ("rooms.lobby.size", " 10 "),
        ]),
    );
    assert_eq!(scenario.seed, 42);
    assert_eq!(scenario.name, "other");
    assert_eq!(scenario.target.codec, CodecKind::Binary);
    assert_eq!(scenario.target.headers, [("Origin".to_owned(), "https://example.com".to_owned())]);
    let talkers = scenario.cohorts[0].publish.as_ref().unwrap();
    assert_eq!(talkers.load, Load::Rate(5.0));
    assert_eq!(talkers.size, Size::Spread { min: 64, p50: 100, p99: 1024, max: (16 << 20) - 1 });
    assert_eq!(scenario.cohorts[1].clients, 7);
    assert_eq!(scenario.cohorts[1].reconnect, None);
    assert_eq!(scenario.phases[1].duration, Duration::from_secs(60));
    assert_eq!(scenario.faults[0].phase, None);
    assert_eq!(scenario.faults[0].offset, Duration::from_secs(20));
    let named = scenario.thresholds.iter().filter(|limit| !limit.default);
    let keys: Vec<&str> = named.map(|limit| limit.key.as_str()).collect();
    assert_eq!(keys, ["delivery.p99", "lost"]);
    assert_eq!(scenario.thresholds[0].limit, 1e6);
    assert_eq!(scenario.thresholds[0].abort_after, Some(Duration::from_secs(5)));
}

#[test]
fn options_replace_what_the_file_says() {
    let scenario = reads(
        TWO_COHORTS,
        &Overrides {
            url: Some("ws://127.0.0.1:9000".to_owned()),
            protocol: Some("rooms".to_owned()),
            codec: Some("binary".to_owned()),
            seed: Some(9),
            headers: vec!["X-A: 1".to_owned(), "x-a:  two: three ".to_owned()],
            allow_host: vec!["Chat.Example.com".to_owned(), "10.0.0.1".to_owned()],
            ..Overrides::default()
        },
    );
    assert_eq!(scenario.target.url.as_deref(), Some("ws://127.0.0.1:9000/"));
    assert_eq!(scenario.target.protocol.name(), "rooms");
    assert_eq!(scenario.target.codec, CodecKind::Binary);
    assert_eq!(scenario.cohorts[0].codec, CodecKind::Binary);
    assert_eq!(scenario.seed, 9);
    // Given twice, it is sent twice.
    let twice = ["1", "two: three"].map(|value| ("X-A".to_owned(), value.to_owned()));
    assert_eq!(scenario.target.headers, twice);
    assert_eq!(scenario.target.allow_host, ["chat.example.com", "10.0.0.1"]);
}

#[test]
fn clients_rate_and_duration_keep_proportions() {
    let scenario = reads(
        TWO_COHORTS,
        &Overrides {
            clients: Some(40),
            rate: Some("600/s".to_owned()),
            duration: Some("20s".to_owned()),
            ..Overrides::default()
        },
    );
    // 100 to 300, of 40.
    assert_eq!(scenario.cohorts[0].clients, 10);
    assert_eq!(scenario.cohorts[1].clients, 30);
    // 10 × 2/s + 50/s to each of 2 rooms = 120/s, so five times as much makes 600/s.
    assert_eq!(scenario.cohorts[0].publish.as_ref().unwrap().load, Load::Rate(10.0));
    assert_eq!(scenario.cohorts[1].publish.as_ref().unwrap().load, Load::TotalRate(250.0));
    // 40 s to 20 s.
    assert_eq!(scenario.phases[0].duration, Duration::from_secs(5));
    assert_eq!(scenario.phases[1].duration, Duration::from_secs(15));
    let Fault { phase, offset, .. } = scenario.faults[0];
    assert_eq!((phase, offset), (Some(1), Duration::from_millis(7500)));
}

#[test]
fn what_cannot_be_set() {
    let cases: &[&[(&str, &str)]] = &[
        &[("cohort.talker.publish.rate", "5/s")],
        &[("phase.9.duration", "5s")],
        &[("fault.1.at", "5s")],
        &[("cohort.talkers.publish.rat", "5/s")],
        &[("cohort.talkers.publish.rate", "5")],
        &[("cohort.talkers.publish.size", "16")],
        &[("cohort.talkers.clients", "0")],
        &[("cohort.talkers.clients.x", "0")],
        &[("seed", "-1")],
        &[("seed", "")],
        &[("no such key", "1")],
        &[("", "1")],
        &[("tagret.codec", "json")],
        &[("target.tls.insecure", "true")],
        &[("target.tls.insecure", "perhaps")],
        &[("thresholds.delivery.p9x", "< 1s")],
        &[("target.codec", "xml"), ("phase.steady.duration", "1 day")],
    ];
    let said: String = cases.iter().map(|case| complaint(TWO_COHORTS, &set(case))).collect();
    snapshot!(said);
}

#[test]
fn a_url_needs_a_protocol() {
    let url = Overrides { url: Some("ws://chat.test/ws".to_owned()), ..Overrides::default() };
    snapshot!(complaint(TWO_COHORTS, &url));
    let http = Overrides {
        url: Some("http://chat.test/ws".to_owned()),
        protocol: Some("rooms".to_owned()),
        ..Overrides::default()
    };
    snapshot!("url_is_http", complaint(TWO_COHORTS, &http));
    let alone = Overrides { protocol: Some("echo".to_owned()), ..Overrides::default() };
    snapshot!("protocol_alone", complaint(TWO_COHORTS, &alone));
}

#[test]
fn options_that_do_not_fit() {
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        Overrides { clients: Some(1), ..Overrides::default() },
        Overrides { clients: Some(2_000_000), ..Overrides::default() },
        Overrides { clients: Some(2), ..Overrides::default() },
        Overrides { rate: some("5"), ..Overrides::default() },
        Overrides { rate: some("0/s"), ..Overrides::default() },
        Overrides { duration: some("0s"), ..Overrides::default() },
        Overrides { duration: some("73h"), ..Overrides::default() },
        Overrides { duration: some("soon"), ..Overrides::default() },
        Overrides { codec: some("xml"), ..Overrides::default() },
        Overrides { headers: vec!["Origin".to_owned()], ..Overrides::default() },
        Overrides { allow_host: vec!["http://x".to_owned()], ..Overrides::default() },
        Overrides { seed: Some(u64::MAX), ..Overrides::default() },
    ];
    let said: String = cases.iter().map(|case| complaint(TWO_COHORTS, case)).collect();
    snapshot!(said);
    let silent = least_with(&[("publish = { rate = \"1/s\" }", "")]);
    let rate = Overrides { rate: some("5/s"), ..Overrides::default() };
    snapshot!("no_rate_to_scale", complaint(&silent, &rate));
}

/// 1/10^300 a second and a million: their quotient is larger than a number can be.
#[test]
fn the_rarest_message_can_be_made_frequent() {
    let tiny = format!("rate = \"0.{}1/s\"", "0".repeat(320));
    let text = least_with(&[("rate = \"1/s\"", &tiny)]);
    let often = Overrides { rate: Some("1000000/s".to_owned()), ..Overrides::default() };
    let scenario = reads(&text, &often);
    let Some(Load::Rate(rate)) = scenario.cohorts[0].publish.as_ref().map(|publish| publish.load)
    else {
        panic!("{scenario:?}")
    };
    assert!((rate / 100_000.0 - 1.0).abs() < 0.1, "{rate}");
}

proptest! {
    // Fewer than 12 have one room, and each bot joins two.
    #[test]
    fn clients_and_duration_add_up(clients in 12u32..200_000, us in 10u64..100_000_000_000) {
        let scenario = reads(TWO_COHORTS, &Overrides {
            clients: Some(clients),
            duration: Some(format!("{us}us")),
            ..Overrides::default()
        });
        prop_assert_eq!(scenario.cohorts.iter().map(|cohort| cohort.clients).sum::<u32>(), clients);
        let total: Duration = scenario.phases.iter().map(|phase| phase.duration).sum();
        prop_assert_eq!(total, Duration::from_micros(us));
        // A plan is made of microseconds: less than one would be lost.
        let whole = |phase: &Phase| phase.duration.subsec_nanos().is_multiple_of(1_000);
        prop_assert!(scenario.phases.iter().all(whole));
    }

    #[test]
    fn no_override_panics(key in "\\PC{0,20}|(cohort|phase|fault|target|thresholds)(\\.[a-z0-9\"]{0,8}){0,4}", value in "\\PC{0,20}") {
        let overrides = set(&[(&key, &value)]);
        let _ = uproar::scenario::read(&super::source(TWO_COHORTS), &overrides);
    }
}
