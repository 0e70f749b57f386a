//! Hosts with several addresses, and addresses of IPv6: where clients go, counted by the servers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uproar::client::{Exchange, Target, Visit, Watch, prefer_family, preflight};
use uproar::codec::CodecKind;
use uproar::coordinator::{Outcome, Run, Stop};
use uproar::metric::Metric;
use uproar::plan::Plan;
use uproar::protocol::scope::{Captured, Person};
use uproar::protocol::{Protocol, ProtocolKind, Talk};
use uproar::scenario::{Source, read};
use uproar::server::ServerConfig;

use super::misbehaving::{Manner, Misbehaving, until_it_goes, upgraded};
use super::support::{blackhole, run};

/// Says so and gives `false` where this machine has no IPv6.
fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        eprintln!("skipped: this machine has no IPv6");
    }
    has
}

/// Two servers on one port of two addresses.
fn servers(one: impl Into<IpAddr>, other: impl Into<IpAddr>) -> [Misbehaving; 2] {
    let (one, other) = (one.into(), other.into());
    for _ in 0..100 {
        let first = TcpListener::bind((one, 0)).unwrap();
        // Somebody may have that port on the other address.
        if let Ok(second) = TcpListener::bind((other, first.local_addr().unwrap().port())) {
            return [first, second].map(|it| Misbehaving::start_on(it, Manner::UpgradesOnly));
        }
    }
    panic!("no port is free on both {one} and {other}");
}

fn target(addresses: &[SocketAddr], connect_timeout: Duration) -> Target {
    Target {
        url: "ws://several.test/".to_owned(),
        addresses: addresses.to_vec(),
        user_agent: "uproar/test".to_owned(),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls: None,
        login_hosts: Vec::new(),
        source_addresses: Vec::new(),
        connect_timeout,
        message_bytes_max: 1 << 20,
        read_buffer_bytes: 1024,
    }
}

/// Far more than a handshake takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients that only connect, for two seconds.
async fn connect(clients: u32, target: Target) -> Outcome {
    let text = format!(
        r#"
        format = 1
        name = "addresses"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "people"
        clients = {clients}
        reconnect = false
        [[phase]]
        name = "steady"
        duration = "2s"
        "#
    );
    let scenario = read(&Source { name: "test".to_owned(), text }, &Default::default()).unwrap();
    let run = Run {
        watcher: None,
        logged_in: Vec::new(),
        plan: Arc::new(Plan::new(scenario)),
        target: Arc::new(target),
        run: 7,
        workers: 2,
        cores: Vec::new(),
        strangers_host: false,
        lookup_us: Some(4_711),
        live: None,
    };
    let (progress, _watched) = watch::channel(Default::default());
    let (_asks, stop) = watch::channel(Stop::default());
    uproar::coordinator::run(run, None, progress, stop).await.unwrap()
}

#[tokio::test]
async fn clients_spread_over_the_addresses_of_one_family() {
    let servers = servers([127, 0, 0, 1], [127, 0, 0, 2]);
    let addresses = servers.each_ref().map(Misbehaving::address);
    let outcome = connect(10, target(&addresses, PATIENCE)).await;
    assert_eq!(servers.each_ref().map(Misbehaving::connections), [5, 5]);
    assert_eq!((outcome.totals.counts(None).joined, outcome.totals.errors.total()), (10, 0));
    let lookup = outcome.totals.latency(Metric::ConnectLookup, None, None);
    assert_eq!((lookup.len(), lookup.inner().max() / 10), (1, 471));
}

#[tokio::test]
async fn the_other_family_is_for_when_the_first_one_fails() {
    if !has_ipv6() {
        return;
    }
    let [six, four] = servers(Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
    let addresses = [six.address(), four.address()];
    connect(10, target(&addresses, PATIENCE)).await;
    assert_eq!((six.connections(), four.connections()), (10, 0));
    drop(six);
    let outcome = connect(10, target(&addresses, PATIENCE)).await;
    assert_eq!(four.connections(), 10);
    assert_eq!((outcome.totals.counts(None).joined, outcome.totals.errors.total()), (10, 0));
}

/// Half of the clients begin at the dead one, and give it half of their time.
#[tokio::test]
async fn a_dead_address_takes_its_share_of_the_time_and_no_more() {
    let (_full, _filling, dead) = blackhole([127, 0, 0, 1]);
    let alive = Misbehaving::start(Manner::UpgradesOnly);
    let limit = Duration::from_secs(2);
    let outcome = connect(6, target(&[dead, alive.address()], limit)).await;
    assert_eq!((outcome.totals.counts(None).joined, outcome.totals.errors.total()), (6, 0));
    assert_eq!(alive.connections(), 6);
    let tcp = outcome.totals.latency(Metric::ConnectTcp, None, None);
    let (min, max) = (tcp.inner().min(), tcp.inner().max());
    assert!(min < 1_000_000 && (1_000_000..2_000_000).contains(&max), "{min}-{max} us");
    let waited = tcp.inner().count_between(1_000_000, 2_000_000);
    assert_eq!(waited, 3, "{min}-{max} us");
}

/// As with a server on 127.0.0.1 behind a name that is `::1` first.
#[tokio::test]
async fn after_preflight_nobody_tries_the_family_that_did_not_answer() {
    if !has_ipv6() {
        return;
    }
    let (_full, _filling, dead) = blackhole(Ipv6Addr::LOCALHOST);
    let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let alive = listener.local_addr().unwrap();
    let config = ServerConfig { mode: ProtocolKind::Echo, ..ServerConfig::default() };
    let server = tokio::spawn(uproar::server::serve(listener, config, std::future::pending()));
    let mut target = target(&[dead, alive], Duration::from_secs(4));
    let first = Visit {
        target: &target,
        protocol: &Protocol::Native(ProtocolKind::Echo, CodecKind::Json),
        person: Person {
            client: 0,
            run: "7".into(),
            user: None,
            last_id: 0,
            setting: Arc::default(),
        },
        captured: Captured::default(),
        run: 7,
        room: String::new(),
        limit: PATIENCE,
    };
    let answered = preflight(first, [&mut Unseen, &mut Unseen]).await.unwrap();
    assert_eq!(answered, alive);
    prefer_family(&mut target.addresses, answered);
    let outcome = connect(10, target).await;
    server.abort();
    assert_eq!((outcome.totals.counts(None).joined, outcome.totals.errors.total()), (10, 0));
    // The other family's share would have been two seconds.
    let tcp = outcome.totals.latency(Metric::ConnectTcp, None, None).inner().max();
    assert!(tcp < 2_000_000, "{tcp} us");
}

/// Nobody looks on.
struct Unseen;

impl Watch for Unseen {
    fn see(&mut self, _: u64, _: Exchange<'_>, _: Option<&Talk>) {}
}

const TWENTY: &str = r#"
    [target]
    builtin = "echo"
    [[cohort]]
    name = "callers"
    clients = 20
    publish = { rate = "5/s" }
    [[phase]]
    name = "steady"
    duration = "1s"
"#;

/// For a server that answers nothing.
const SILENT: [&str; 5] =
    ["--protocol", "echo", "--no-preflight", "--set", "target.drain_timeout=100ms"];

/// More clients than a stranger's host would get, and a note that this machine is the server's too.
#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_address_in_the_url_works_from_end_to_end() {
    if !has_ipv6() {
        return;
    }
    let listener = uproar::server::bind((Ipv6Addr::LOCALHOST, 0).into()).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let config = ServerConfig { mode: ProtocolKind::Echo, ..ServerConfig::default() };
    let server = tokio::spawn(uproar::server::serve(listener, config, std::future::pending()));
    let told = url.clone();
    let ran =
        tokio::task::spawn_blocking(move || run(TWENTY, &["--url", &url, "--protocol", "echo"]));
    let report = ran.await.unwrap().report;
    server.abort();
    assert_eq!((report.clients.joined, report.errors.len()), (20, 0));
    assert_eq!(report.deliveries.lost, Some(0));
    assert!(report.deliveries.delivered > 0);
    assert_eq!(report.target.url, told);
    let same_host = |reason: &uproar::report::Reason| reason.what.contains("share this machine");
    assert!(report.validity.reasons.iter().any(same_host), "{:?}", report.validity);
    assert!(!report.latency.contains_key(&Metric::ConnectLookup), "an address is not looked up");
}

#[test]
fn the_host_header_has_an_ipv6_address_in_brackets() {
    if !has_ipv6() {
        return;
    }
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let server = Misbehaving::start_on(
        listener,
        Manner::Does(|mut stream, request| {
            use std::io::Write as _;
            let host = format!("\r\nHost: {}\r\n", stream.local_addr().unwrap());
            assert!(host.contains("[::1]:"), "{host}");
            if request.contains(&host) {
                let _ = stream.write_all(upgraded(request).as_bytes());
                until_it_goes(&mut stream);
            }
        }),
    );
    let report = run(TWENTY, &[&SILENT[..], &["--url", &server.url()]].concat()).report;
    assert_eq!((report.clients.joined, report.errors.len()), (20, 0));
}

#[test]
fn a_name_is_looked_up_once_a_run_whatever_the_number_of_clients() {
    let server = Misbehaving::start(Manner::UpgradesOnly);
    let url = format!("ws://localhost:{}/", server.port());
    let report = run(TWENTY, &[&SILENT[..], &["--url", &url]].concat()).report;
    let lookup = &report.latency[&Metric::ConnectLookup];
    assert_eq!(lookup.count, 1);
    assert_eq!((lookup.p50, lookup.p99), (None, None));
    // One sample, as three digits tell it.
    let (min, max) = (lookup.min.unwrap(), lookup.max.unwrap());
    assert!(lookup.mean.is_some() && max - min <= max / 1_000, "{min}-{max} us");
    assert_eq!(report.latency[&Metric::Connect].count, 20);
    assert!(!report.cohorts[0].latency.contains_key(&Metric::ConnectLookup));
}
