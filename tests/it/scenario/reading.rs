//! What is read from a file in which every key stands, and what from one with none but the
//! required.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use uproar::codec::CodecKind;
use uproar::metric::{Counter, Metric};
use uproar::scenario::{
    Arrivals, Body, Churn, Comparison, FaultKind, Jitter, Join, Load, Milestone, Overrides, Pick,
    Publish, Ramp, Read, Reconnect, RoomCount, RoomSet, Size, Stat, Subject, To, WhileAway, WsPing,
    fuzz,
};

use super::{LEAST, complaint, least_with, reads};

/// The largest content of a message.
const MAX_PAYLOAD: u32 = (16 << 20) - 1;

const EVERYTHING: &str = r#"
format = 1
name = "everything"
question = "Is every key read?"
seed = 12

[target]
url = "ws://chat.test:8080/ws"
protocol = "rooms"
codec = "binary"
connect_timeout = "11s"
join_timeout = "12s"
drain_timeout = "13s"
headers = { Origin = "https://chat.test" }
source_addresses = ["127.0.0.2", "::1"]
allow_host = ["chat.test"]

[rooms.sized]
size = 5
name = "s-{{ n }}"

[rooms.counted]
count = 7

[[cohort]]
name = "first"
clients = 30
codec = "json"

[cohort.join]
rooms = "sized"
per_client = 2
pick = "zipf"
exponent = 1.5

[cohort.publish]
rate = "30/min"
to = "counted"
arrivals = "constant"
size = { min = "60B", p50 = "100B", p99 = "1KiB" }
binary = "25%"

[cohort.reconnect]
first = "2s"
factor = 3
max = "20s"
jitter = "decorrelated"
attempts = 4
while_away = "skip"

[cohort.ws_ping]
every = "20s"
timeout = "6s"

[cohort.churn]
connections = "60%/min"
rooms = "1%/s"
stay_away = "3s"

[cohort.read]
rate = "120/min"
buffer = "32KiB"

[[cohort]]
name = "second"
clients = 20
reconnect = false
join = { rooms = "counted", pick = "random" }
publish = { in_flight = 3, think = "10ms" }

[[cohort]]
name = "third"
clients = 10
reconnect = true
join = { rooms = "counted" }
publish = { total_rate = "5/s", to = "all" }

[[phase]]
name = "up"
duration = "10s"
clients = "0% -> 100%"
rate = "50%"
steps = 5
measure = false

[[phase]]
name = "on"
duration = "1m"

[[fault]]
at = "on + 1s"
kind = "close"
code = 4000
clients = "10%"

[[fault]]
at = "20s"
kind = "reset"
clients = "100%"

[[fault]]
at = "on"
kind = "close"
clients = "1%"

[[fault]]
at = "on + 2s"
kind = "half-open"
clients = "5%"
label = "tunnel"

[[fault]]
at = "on + 3s"
kind = "stall"
clients = "6%"
duration = "1500ms"

[[fault]]
at = "on + 4s"
kind = "mark"
label = "deploy"

[thresholds]
"cohort.first.phase.on.delivery.p99.9" = "< 250ms"
"reconnect.p95" = { is = "<= 5s, if any", abort_after = "4s" }
"cohort.second.lost" = "== 0"
connect.p99_9 = "< 1.5ms"
publishes.not_sent = "< 1_000"
lag.count = "> 100"
"clients.never_joined" = "< 5"
"recovery.to_99" = "< 10s, if any"
"#;

#[test]
fn every_key_is_read() {
    let scenario = reads(EVERYTHING, &Overrides::default());
    assert_eq!(scenario.name, "everything");
    assert_eq!(scenario.question, "Is every key read?");
    assert_eq!(scenario.seed, 12);

    let target = &scenario.target;
    assert_eq!(target.url.as_deref(), Some("ws://chat.test:8080/ws"));
    assert_eq!(target.protocol.name(), "rooms");
    assert_eq!(target.codec, CodecKind::Binary);
    assert_eq!(target.connect_timeout, Duration::from_secs(11));
    assert_eq!(target.join_timeout, Duration::from_secs(12));
    assert_eq!(target.drain_timeout, Duration::from_secs(13));
    assert_eq!(target.headers, [("Origin".to_owned(), "https://chat.test".to_owned())]);
    let addresses = ["127.0.0.2", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
    assert_eq!(target.source_addresses, addresses);
    assert_eq!(target.allow_host, ["chat.test"]);

    assert_eq!(
        scenario.room_sets,
        [
            RoomSet {
                name: "sized".to_owned(),
                rooms: RoomCount::Size(5),
                name_template: "s-{{ n }}".to_owned(),
            },
            RoomSet {
                name: "counted".to_owned(),
                rooms: RoomCount::Count(7),
                name_template: "uproar-{{ run }}-{{ n }}".to_owned(),
            },
        ]
    );

    let [first, second, third] = &scenario.cohorts[..] else { panic!("three cohorts") };
    assert_eq!((first.name.as_str(), first.clients, first.codec), ("first", 30, CodecKind::Json));
    assert_eq!(
        first.join,
        Some(Join { set: 0, per_client: 2, pick: Pick::Zipf { exponent: 1.5 } })
    );
    assert_eq!(
        first.publish,
        Some(Publish {
            load: Load::Rate(0.5),
            to: To::Set(1),
            arrivals: Arrivals::Constant,
            size: Size::Spread { min: 60, p50: 100, p99: 1024, max: MAX_PAYLOAD },
            binary: 0.25,
            texts: None,
            body: Body::Plain,
        })
    );
    assert_eq!(
        first.reconnect,
        Some(Reconnect {
            first: Duration::from_secs(2),
            factor: 3.0,
            max: Duration::from_secs(20),
            jitter: Jitter::Decorrelated,
            attempts: 4,
            while_away: WhileAway::Skip,
        })
    );
    assert_eq!(
        first.ws_ping,
        Some(WsPing { every: Duration::from_secs(20), timeout: Duration::from_secs(6) })
    );
    assert_eq!(
        first.churn,
        Some(Churn {
            connections_per_s: 0.01,
            rooms_per_s: 0.01,
            stay_away: Duration::from_secs(3),
        })
    );
    assert_eq!(first.read, Some(Read { rate_per_s: 2.0, buffer_bytes: Some(32 << 10) }));
    assert_eq!(second.read, None);
    assert_eq!(second.codec, CodecKind::Binary);
    assert_eq!(second.reconnect, None);
    assert_eq!(second.join, Some(Join { set: 1, per_client: 1, pick: Pick::Random }));
    let closed = Load::Closed {
        in_flight: 3,
        think: Duration::from_millis(10),
        answer_within: Duration::from_secs(10),
    };
    assert_eq!(second.publish.as_ref().unwrap().load, closed);
    assert!(third.reconnect.is_some());
    let publish = third.publish.as_ref().unwrap();
    assert_eq!((publish.load, publish.to), (Load::TotalRate(5.0), To::All));

    let [up, on] = &scenario.phases[..] else { panic!("two phases") };
    assert_eq!((up.name.as_str(), up.duration, up.measure), ("up", Duration::from_secs(10), false));
    assert_eq!(up.clients, Ramp { from: 0.0, to: 1.0, steps: Some(5) });
    assert_eq!(up.rate, Ramp { from: 0.5, to: 0.5, steps: None });
    assert_eq!((on.duration, on.measure), (Duration::from_secs(60), true));
    assert_eq!(on.clients, Ramp { from: 1.0, to: 1.0, steps: None });

    let faults: Vec<_> = scenario
        .faults
        .iter()
        .map(|fault| (fault.phase, fault.offset.as_secs(), fault.kind, fault.clients))
        .collect();
    assert_eq!(
        faults,
        [
            (Some(1), 1, FaultKind::Close { code: 4000 }, 0.1),
            (None, 20, FaultKind::Reset, 1.0),
            (Some(1), 0, FaultKind::Close { code: 1000 }, 0.01),
            (Some(1), 2, FaultKind::HalfOpen, 0.05),
            (Some(1), 3, FaultKind::Stall { duration: Duration::from_millis(1_500) }, 0.06),
            (Some(1), 4, FaultKind::Mark { within: Duration::from_secs(10) }, 0.0),
        ]
    );
    let labels: Vec<_> = scenario.faults.iter().map(|fault| fault.label.as_deref()).collect();
    assert_eq!(labels, [None, None, None, Some("tunnel"), None, Some("deploy")]);

    let limits: Vec<_> = scenario
        .thresholds
        .iter()
        .filter(|t| !t.default)
        .map(|t| (t.key.as_str(), t.cohort, t.phase, t.subject, t.comparison, t.limit, t.if_any))
        .collect();
    let p = |metric, percentile| Subject::Latency(metric, Stat::Percentile(percentile));
    assert_eq!(
        limits,
        [
            (
                "cohort.first.phase.on.delivery.p99.9",
                Some(0),
                Some(1),
                p(Metric::Delivery, 99.9),
                Comparison::Less,
                250_000.0,
                false
            ),
            (
                "reconnect.p95",
                None,
                None,
                p(Metric::Reconnect, 95.0),
                Comparison::LessOrEqual,
                5e6,
                true
            ),
            (
                "cohort.second.lost",
                Some(1),
                None,
                Subject::Count(Counter::Lost),
                Comparison::Equal,
                0.0,
                false
            ),
            (
                "connect.p99_9",
                None,
                None,
                p(Metric::Connect, 99.9),
                Comparison::Less,
                1500.0,
                false
            ),
            (
                "publishes.not_sent",
                None,
                None,
                Subject::Count(Counter::PublishesNotSent),
                Comparison::Less,
                1000.0,
                false
            ),
            (
                "lag.count",
                None,
                None,
                Subject::Latency(Metric::Lag, Stat::Count),
                Comparison::Greater,
                100.0,
                false
            ),
            (
                "clients.never_joined",
                None,
                None,
                Subject::Count(Counter::ClientsNeverJoined),
                Comparison::Less,
                5.0,
                false
            ),
            (
                "recovery.to_99",
                None,
                None,
                Subject::Recovery(Milestone::To99),
                Comparison::Less,
                10e6,
                true
            ),
        ]
    );
    assert_eq!(scenario.thresholds[1].condition, "<= 5s");
    assert_eq!(scenario.thresholds[1].abort_after, Some(Duration::from_secs(4)));
}

#[test]
fn faults_of_the_server_have_their_defaults_and_stretch_with_the_run() {
    let fault = |rest: &str| format!("\n[[fault]]\nat = {rest}\n");
    let faults = [
        "\"1s\"\nkind = \"freeze\"\nduration = \"500ms\"",
        "\"2s\"\nkind = \"restart\"",
        "\"4s\"\nkind = \"kill\"\nduration = \"1s\"",
        "\"6s\"\nkind = \"kill\"",
    ];
    let text = format!("{LEAST}{}", faults.map(fault).concat());
    let kinds = |overrides: &Overrides| {
        reads(&text, overrides).faults.iter().map(|fault| fault.kind).collect::<Vec<_>>()
    };
    let expected = |times: u32| {
        let of = |ms: u64| Duration::from_millis(ms) * times;
        [
            FaultKind::Freeze { duration: of(500) },
            FaultKind::Restart { down: of(1_000) },
            FaultKind::Kill { down: Some(of(1_000)) },
            FaultKind::Kill { down: None },
        ]
    };
    assert_eq!(kinds(&Overrides::default()), expected(1));
    let twice = Overrides { duration: Some("20s".to_owned()), ..Overrides::default() };
    assert_eq!(kinds(&twice), expected(2));
}

#[test]
fn defaults_are_those_documented() {
    let scenario = reads(LEAST, &Overrides::default());
    assert_eq!(scenario.question, "");
    assert_eq!(scenario.seed, 0);
    assert_eq!(scenario.target.url, None);
    assert_eq!(scenario.target.codec, CodecKind::Json);
    assert_eq!(scenario.target.connect_timeout, Duration::from_secs(10));
    assert_eq!(scenario.target.join_timeout, Duration::from_secs(10));
    assert_eq!(scenario.target.drain_timeout, Duration::from_secs(5));
    let cohort = &scenario.cohorts[0];
    assert_eq!(cohort.join, Some(Join { set: 0, per_client: 1, pick: Pick::Even }));
    assert_eq!(
        cohort.publish,
        Some(Publish {
            load: Load::Rate(1.0),
            to: To::One,
            arrivals: Arrivals::Poisson,
            size: Size::Fixed(128),
            binary: 0.0,
            texts: None,
            body: Body::Plain,
        })
    );
    let reconnect = Reconnect {
        first: Duration::from_secs(1),
        factor: 2.0,
        max: Duration::from_secs(10),
        jitter: Jitter::Full,
        attempts: 10,
        while_away: WhileAway::Queue,
    };
    assert_eq!(cohort.reconnect, Some(reconnect));
    assert_eq!((cohort.ws_ping, cohort.churn), (None, None));
    assert!(scenario.phases[0].measure);
    // Where none is written, there are uproar's own.
    assert!(scenario.thresholds.iter().all(|threshold| threshold.default));
    assert_eq!(scenario.thresholds[0].key, "clients.never_joined");
    assert_eq!(scenario.thresholds[0].condition, "== 0");

    let tables = least_with(&[(
        "publish =",
        "reconnect = {}\nws_ping = {}\nchurn = { rooms = \"1%/min\" }\npublish =",
    )]);
    let cohort = reads(&tables, &Overrides::default()).cohorts.remove(0);
    assert_eq!(cohort.reconnect, Some(reconnect));
    let ping = WsPing { every: Duration::from_secs(15), timeout: Duration::from_secs(5) };
    assert_eq!(cohort.ws_ping, Some(ping));
    assert_eq!(cohort.churn.unwrap().stay_away, Duration::from_secs(2));
    // The mark's size is a default in the file's terms; both must be the same number.
    let spread = least_with(&[("\"1/s\"", "\"1/s\", size = { p50 = \"64B\", p99 = \"1KiB\" }")]);
    let publish = reads(&spread, &Overrides::default()).cohorts.remove(0).publish.unwrap();
    let min = u32::try_from(uproar::stamp::MIN_PAYLOAD).unwrap();
    assert_eq!(publish.size, Size::Spread { min, p50: 64, p99: 1024, max: MAX_PAYLOAD });
}

/// The scenario that documentation shows, with a spike and a threshold that ends the run.
#[test]
fn the_documented_example_is_read() {
    let text = r#"
format = 1
name = "chat-rooms"
question = "How late are messages, and is anything lost?"
seed = 7

[target]
builtin = "rooms"
codec = "json"
connect_timeout = "10s"
join_timeout = "10s"

[rooms.lobby]
size = 20
name = "uproar-{{ run }}-{{ n }}"

[[cohort]]
name = "talkers"
clients = 1000
[cohort.join]
rooms = "lobby"
per_client = 1
pick = "even"
[cohort.publish]
rate = "1/s"
to = "one"
arrivals = "poisson"
size = "128B"
binary = "20%"
[cohort.reconnect]
first = "1s"
factor = 2.0
max = "10s"
jitter = "full"
attempts = 10
while_away = "queue"

[[phase]]
name = "ramp"
duration = "10s"
clients = "0% -> 100%"
measure = false

[[phase]]
name = "steady"
duration = "30s"

[[phase]]
name = "spike"
duration = "10s"
rate = "300%"

[[fault]]
at = "steady + 10s"
kind = "reset"
clients = "30%"

[thresholds]
"delivery.p99" = "< 250ms"
"lost" = "== 0"
"reconnect.p95" = "< 5s, if any"
"phase.spike.delivery.p99" = { is = "< 500ms", abort_after = "5s" }
"#;
    let scenario = reads(text, &Overrides::default());
    assert_eq!(scenario.phases[2].rate, Ramp { from: 3.0, to: 3.0, steps: None });
    let spike = &scenario.thresholds[3];
    assert_eq!((spike.phase, spike.limit), (Some(2), 500_000.0));
    assert_eq!(spike.abort_after, Some(Duration::from_secs(5)));
    // Spelt out, the defaults change nothing.
    let short = text.replace("name = \"uproar-{{ run }}-{{ n }}\"\n", "");
    let (start, end) = (short.find("[cohort.reconnect]"), short.find("[[phase]]"));
    let short = format!("{}{}", &short[..start.unwrap()], &short[end.unwrap()..]);
    let short = reads(&short, &Overrides::default());
    assert_eq!(short.cohorts[0].reconnect, scenario.cohorts[0].reconnect);
    assert_eq!(short.room_sets, scenario.room_sets);
}

#[test]
fn a_cohort_may_publish_to_rooms_it_does_not_join() {
    let text = least_with(&[(
        "[[phase]]",
        "[[cohort]]\nname = \"bot\"\nclients = 1\npublish = { rate = \"1/s\", to = \"lobby\" }\n\n[[phase]]",
    )]);
    let scenario = reads(&text, &Overrides::default());
    assert_eq!(scenario.cohorts[1].join, None);
    assert_eq!(scenario.cohorts[1].publish.as_ref().unwrap().to, To::Set(0));
}

#[test]
fn what_stands_before_the_at_of_a_url_is_not_shown() {
    let url = "builtin = \"rooms\"\nzebra = 1 # not ws://me:pässword@chat.test/";
    let text = least_with(&[("builtin = \"rooms\"", url)]);
    let said = complaint(&text, &Overrides::default());
    assert!(said.contains("unknown key `zebra`") && said.contains("@chat.test"), "{said}");
    assert!(!said.contains("ssword"), "{said}");
}

#[test]
fn depth_is_bounded() {
    for text in [
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}1{}", "{ a = ".repeat(10_000), "}".repeat(10_000)),
        format!("{}x = 1", "a.".repeat(100_000)),
        format!("[thresholds]\n{}x = \"< 1\"", "a.".repeat(100_000)),
        format!("[{}x]", "a.".repeat(100_000)),
    ] {
        fuzz(text.as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&bytes);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(at in 0usize..2500, cut in 0usize..40, put in "\\PC{0,8}") {
        // All of it is ASCII, so every byte is a place to cut.
        let start = at.min(EVERYTHING.len());
        let end = (start + cut).min(EVERYTHING.len());
        let text = format!("{}{put}{}", &EVERYTHING[..start], &EVERYTHING[end..]);
        fuzz(text.as_bytes());
    }
}
