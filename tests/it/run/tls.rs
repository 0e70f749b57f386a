//! Whole runs over TLS: what they measure, what they refuse, and what they say.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uproar::metric::{ErrorKind, Metric, Step};
use uproar::report::{FaultOutcome, Latency};
use uproar::server::ServerConfig;

use super::support::{Said, folder_with, read_report, run, say, uproar};

const CLIENTS: u64 = 10;

fn scenario(target: &str, more: &str) -> String {
    format!(
        r#"
        [target]
        builtin = "rooms"
        {target}
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "people"
        clients = {CLIENTS}
        join = {{ rooms = "lobby" }}
        publish = {{ rate = "5/s" }}
        [[phase]]
        name = "steady"
        duration = "1s"
        {more}
        "#
    )
}

/// A server over TLS that begins each handshake late.
struct Late {
    url: String,
    folder: TempDir,
    _runtime: tokio::runtime::Runtime,
}

fn late(by: Duration) -> Late {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config =
        tokio_rustls::rustls::ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = runtime.block_on(async {
        let behind = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let behind_at = behind.local_addr().unwrap();
        let config = ServerConfig::default();
        tokio::spawn(uproar::server::serve(behind, config, std::future::pending()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    stream.set_nodelay(true).unwrap();
                    tokio::time::sleep(by).await;
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(behind_at).await.unwrap();
                    behind.set_nodelay(true).unwrap();
                    // It ends when either side does.
                    let _ = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        address
    });
    Late { url: format!("wss://{address}/"), folder, _runtime: runtime }
}

const LATE_MS: u64 = 150;
/// What a loaded machine, and a handshake in a debug build, may add.
const MORE_MS: u64 = 2_000;

#[test]
fn a_handshake_has_its_own_time_and_each_connection_one_in_full() {
    let server = late(Duration::from_millis(LATE_MS));
    let ca = server.folder.path().join("ca.pem").to_string_lossy().into_owned();
    let arguments = ["--url", &server.url, "--protocol", "rooms", "--ca", &ca];
    let ran = run(&scenario("", ""), &arguments);
    let of = |metric: Metric| -> &Latency { &ran.report.latency[&metric] };
    let parts = [Metric::ConnectTcp, Metric::ConnectTls, Metric::ConnectUpgrade];
    for metric in [Metric::Connect].into_iter().chain(parts) {
        assert_eq!(of(metric).count, CLIENTS, "{}", metric.name());
    }
    let tls = of(Metric::ConnectTls);
    let (least, most) = (LATE_MS * 1_000, (LATE_MS + MORE_MS) * 1_000);
    // A histogram tells three digits; and a server may accept before a loaded machine lets the client
    // see that it is connected.
    assert!(tls.min.unwrap() + 20_000 >= least, "{tls:?}");
    assert!(tls.max.unwrap() <= most, "{tls:?}");
    assert!(of(Metric::ConnectTcp).max.unwrap() < least, "{:?}", of(Metric::ConnectTcp));
    let mean = |metric| of(metric).mean.unwrap();
    let apart = (mean(Metric::Connect) - parts.map(mean).iter().sum::<f64>()).abs();
    assert!(apart < 2_000.0, "connect is {apart} us from its parts");
    assert!(
        ran.said.stdout.contains("PASSED") || ran.said.stdout.contains("UNJUDGED"),
        "{}",
        ran.said.all()
    );
    assert_eq!(ran.report.deliveries.lost, Some(0));
    assert!(ran.report.deliveries.delivered > 0);
    let notes = &ran.report.validity.reasons;
    assert!(notes.iter().all(|note| !note.what.contains("certificates")), "{notes:?}");
}

#[test]
fn without_tls_nothing_is_said_of_it() {
    let ran = run(&scenario("", ""), &[]);
    assert_eq!(ran.report.latency.get(&Metric::ConnectTls).map_or(0, |tls| tls.count), 0);
    assert!(!ran.said.stdout.contains("TLS"), "{}", ran.said.all());
}

/// `uproar serve` over TLS. Ends with the test.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut child = uproar(folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--threads", "1"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").expect("an address").to_owned();
        assert!(url.starts_with("wss://127.0.0.1:"), "{url}");
        (Self { child, url }, stdout)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn run_in(folder: &Path, arguments: &[&str]) -> Said {
    let fixed = ["run", "scenario.toml", "--quiet", "--allow-invalid", "--out", "out"];
    say(folder, &[&fixed, arguments].concat())
}

fn folder(more: &str) -> TempDir {
    folder_with(&format!("format = 1\nname = \"test\"\n{}", scenario("", more)))
}

#[test]
fn connections_are_cut_fall_silent_and_come_back_and_nothing_is_lost() {
    let more = r#"
        [[phase]]
        name = "faults"
        duration = "3s"
        [[cohort]]
        name = "large"
        clients = 4
        join = { rooms = "lobby" }
        publish = { rate = "4/s", size = "200KiB" }
        reconnect = { first = "100ms", jitter = "none" }
        [[fault]]
        at = "1s"
        kind = "reset"
        clients = "30%"
        [[fault]]
        at = "2s"
        kind = "half-open"
        clients = "30%"
    "#;
    let folder = folder(more);
    let arguments = ["--tls-self-signed", "--tls-ca-out", "ca.pem", "--max-message", "1MiB"];
    let (server, _stdout) = Serving::start(folder.path(), &arguments);
    let arguments = ["--url", &server.url, "--protocol", "rooms", "--ca", "ca.pem"];
    let said = run_in(folder.path(), &arguments);
    assert_eq!(said.code, Some(0), "{}", said.all());
    let report = read_report(&folder.path().join("out"));
    assert_eq!(report.clients.joined, CLIENTS + 4);
    let [reset, half_open]: [&FaultOutcome; 2] = [&report.faults[0], &report.faults[1]];
    assert!(reset.hit >= 4 && half_open.hit >= 4, "{reset:?} {half_open:?}");
    assert_eq!((reset.back, half_open.back), (reset.hit, half_open.hit));
    let deliveries = &report.deliveries;
    assert_eq!((deliveries.lost, deliveries.corrupted), (Some(0), Some(0)), "{deliveries:?}");
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    // Large messages are on the wire as they are, and a little more.
    assert!(report.bytes.sent > 200 * 1024 * 4 * 10, "{:?}", report.bytes);
    let again = report.connections.opened;
    let tls = report.latency[&Metric::ConnectTls].count;
    assert_eq!(tls, again, "each connection shakes hands");
}

#[test]
fn insecure_is_warned_of_and_noted_and_without_it_nobody_gets_in() {
    let folder = folder("");
    let (server, mut stdout) = Serving::start(folder.path(), &["--tls-self-signed"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "-----BEGIN CERTIFICATE-----\n", "printed where no file is named");

    let target = ["--url", &server.url, "--protocol", "rooms"];
    let said = run_in(folder.path(), &[&target[..], &["--insecure"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(said.stderr.contains("warning: TLS certificates are not checked"), "{}", said.all());
    // A busy machine fills the summary with reasons of its own.
    let report = std::fs::read_to_string(folder.path().join("out/report.json")).unwrap();
    assert!(report.contains("TLS certificates were not checked"), "{report}");

    // Whoever ran the tests may trust nobody at all; here it is this one.
    let other = generate_simple_self_signed(["other.test".to_owned()]).unwrap().cert.pem();
    std::fs::write(folder.path().join("other.pem"), other).unwrap();
    let said = run_in(folder.path(), &[&target[..], &["--ca", "other.pem"]].concat());
    assert_eq!(said.code, Some(4), "{}", said.all());
    let text = said.stderr.replace("\n  │ ", " ");
    assert!(text.contains("UNREACHABLE") && text.contains("unknown issuer"), "{text}");
    assert!(text.contains("--insecure"), "{text}");
}

#[test]
fn a_machine_that_trusts_nobody_says_so() {
    let folder = folder("");
    std::fs::write(folder.path().join("none.pem"), "").unwrap();
    let mut command = uproar(folder.path());
    command.env("SSL_CERT_FILE", "none.pem").env_remove("SSL_CERT_DIR");
    let url = ["--url", "wss://127.0.0.1:9/", "--protocol", "rooms"];
    let output = command.args(["run", "scenario.toml", "--quiet"]).args(url).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("trusts no certificate authority") && text.contains("--ca"), "{text}");
}

#[test]
fn a_handshake_that_is_never_answered_times_out_in_its_own_step() {
    // The kernel accepts for it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let arguments = ["--url", &url, "--protocol", "rooms", "--no-preflight"];
    let CertifiedKey { cert, .. } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, cert.pem()).unwrap();
    let ca = ca.to_string_lossy().into_owned();
    let ran = run(
        &scenario("connect_timeout = \"300ms\"", ""),
        &[&arguments[..], &["--ca", &ca]].concat(),
    );
    let error = &ran.report.errors[0];
    assert_eq!((error.kind, error.step), (ErrorKind::TimedOut, Step::Tls), "{error:?}");
    assert_eq!(error.example, "the TLS handshake took longer than 300ms");
    assert_eq!(ran.report.run.exit_code, 4);
}

#[test]
fn a_server_s_certificate_may_come_from_files_and_wrong_ones_are_refused() {
    let folder = folder("");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    file("cert.pem", cert.pem());
    file("key.pem", signing_key.serialize_pem());
    file("other.pem", rcgen::KeyPair::generate().unwrap().serialize_pem());
    {
        let files = ["--cert", "cert.pem", "--key", "key.pem"];
        let (server, _stdout) = Serving::start(folder.path(), &files);
        let arguments = ["--url", &server.url, "--protocol", "rooms", "--ca", "cert.pem"];
        let said = run_in(folder.path(), &arguments);
        assert_eq!(said.code, Some(0), "{}", said.all());
    }
    for (arguments, why) in [
        (&["--cert", "none.pem", "--key", "key.pem"][..], "can't read the certificate"),
        (&["--cert", "cert.pem", "--key", "other.pem"], "does not fit"),
        (&["--cert", "cert.pem", "--key", "cert.pem"], "has no private key"),
        (&["--cert", "cert.pem"], "--key"),
        (&["--tls-self-signed", "--cert", "cert.pem", "--key", "key.pem"], "cannot be used"),
        (&["--tls-ca-out", "ca.pem"], "--tls-self-signed"),
    ] {
        let said = say(folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(said.code, Some(2), "{}", said.all());
        assert!(said.stderr.contains(why), "{why}: {}", said.all());
    }
}
