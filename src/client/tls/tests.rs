//! The client's TLS against servers whose certificates, versions and alerts are wrong in one way.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::*;
use crate::client::failure::io_error;
use crate::client::socket::Traffic;
use crate::metric::{Detail, TlsFault};
use crate::scenario::{Identity, SecretKey};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    issuer_named("an authority")
}

fn issuer_named(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(issuer: &Issuer, params: CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    Identity { chain: vec![certificate.der().to_vec()], key: SecretKey(key.serialize_der()) }
}

fn for_name(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn trusting(issuer: &Issuer) -> scenario::Tls {
    scenario::Tls { roots: vec![issuer.der().to_vec()], ..scenario::Tls::default() }
}

/// What a server does.
enum Server {
    Shows(Identity),
    WantsCertificateOf(Identity, CertificateDer<'static>),
    SpeaksOtherwise(&'static [u8]),
    OnlySpeaks(Identity, &'static [u8]),
}

async fn serve(server: Server, mut stream: TcpStream) {
    let (identity, client_issuer, alpn) = match server {
        Server::Shows(identity) => (identity, None, None),
        Server::WantsCertificateOf(identity, issuer) => (identity, Some(issuer), None),
        Server::OnlySpeaks(identity, alpn) => (identity, None, Some(alpn)),
        Server::SpeaksOtherwise(text) => {
            stream.read_exact(&mut [0]).await.unwrap();
            stream.write_all(text).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            return;
        }
    };
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client_issuer {
        Some(issuer) => {
            let mut roots = RootCertStore::empty();
            roots.add(issuer).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let chain = identity.chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::try_from(identity.key.0).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols.extend(alpn.map(<[u8]>::to_vec));
    // A refused handshake is what the client is to see.
    if let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
        let _ = stream.write_all(b"hello").await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
}

/// What the client heard, and the bytes on its wire.
async fn heard(
    server: Server,
    settings: scenario::Tls,
) -> Result<(Vec<u8>, (u64, u64)), DialError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(server, stream).await;
    });
    let tls = Tls::new("wss://chat.test/", &settings).unwrap();
    // As it would be on the other side of a link.
    let tls: Tls = serde_json::from_str(&serde_json::to_string(&tls).unwrap()).unwrap();
    let traffic = Rc::new(Traffic::default());
    let wire = Wire::new(TcpStream::connect(address).await.unwrap(), Rc::clone(&traffic));
    let conversation = async {
        let mut socket = tls.connect(wire).await?;
        let mut text = Vec::new();
        let read = socket.read_to_end(&mut text).await;
        read.map_err(|error| io_error(&error, Step::Upgrade))?;
        Ok(text)
    };
    let text = tokio::time::timeout(Duration::from_secs(20), conversation).await.unwrap();
    serving.await.unwrap();
    Ok((text?, traffic.take()))
}

#[tokio::test]
async fn a_server_that_is_trusted_is_heard_and_the_wire_is_counted() {
    let issuer = issuer();
    let server = Server::Shows(issued(&issuer, for_name("chat.test")));
    let (text, (sent, received)) = heard(server, trusting(&issuer)).await.unwrap();
    assert_eq!(text, b"hello");
    // A handshake, and each record's own bytes: far more than was said.
    assert!(sent > 200 && received > 500, "{sent} sent, {received} received");
}

#[tokio::test]
async fn insecure_takes_any_certificate() {
    let identity = issued(&issuer(), for_name("elsewhere.test"));
    let settings = scenario::Tls { insecure: true, ..scenario::Tls::default() };
    assert_eq!(heard(Server::Shows(identity), settings).await.unwrap().0, b"hello");
}

/// Such as openssl and servers make for themselves: an authority's or not, for whatever name.
#[tokio::test]
async fn a_certificate_that_is_named_itself_is_trusted_and_no_other() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let own = |name: &str| {
            let mut params = for_name(name);
            params.is_ca = is_ca;
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            Identity {
                chain: vec![certificate.der().to_vec()],
                key: SecretKey(key.serialize_der()),
            }
        };
        let (shown, other) = (own("elsewhere.test"), own("chat.test"));
        let naming = |identity: &Identity| scenario::Tls {
            roots: identity.chain.clone(),
            ..scenario::Tls::default()
        };
        let trusted = heard(Server::Shows(shown.clone()), naming(&shown)).await;
        assert_eq!(trusted.unwrap().0, b"hello", "{is_ca:?}");
        let refused = heard(Server::Shows(shown), naming(&other)).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Tls, "{is_ca:?}");
        assert!(refused.text.contains("--ca"), "{is_ca:?}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_server_name_of_one_s_own_is_the_one_that_counts() {
    let issuer = issuer();
    let server = Server::Shows(issued(&issuer, for_name("elsewhere.test")));
    let settings =
        scenario::Tls { server_name: Some("elsewhere.test".to_owned()), ..trusting(&issuer) };
    assert_eq!(heard(server, settings).await.unwrap().0, b"hello");
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let issuer = issuer();
    let mut client = for_name("client");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let server =
        Server::WantsCertificateOf(issued(&issuer, for_name("chat.test")), issuer.der().clone());
    let settings = scenario::Tls { identity: Some(issued(&issuer, client)), ..trusting(&issuer) };
    assert_eq!(heard(server, settings).await.unwrap().0, b"hello");
}

#[tokio::test]
async fn each_fault_has_its_own_name_and_remedy() {
    let issuer = issuer();
    let good = || issued(&issuer, for_name("chat.test"));
    let valid = |from_year, to_year| {
        let mut params = for_name("chat.test");
        params.not_before = date_time_ymd(from_year, 1, 1);
        params.not_after = date_time_ymd(to_year, 1, 1);
        params
    };
    let (past, future) = (valid(2001, 2002), valid(2100, 2101));
    let mut for_clients = for_name("chat.test");
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let strangers = issuer_named("another authority");
    let ours = issuer.der().clone();
    let no_http = Server::OnlySpeaks(good(), b"h2");
    let table = [
        (
            Server::Shows(issued(&strangers, for_name("chat.test"))),
            Step::Tls,
            TlsFault::UnknownIssuer,
            "--ca",
        ),
        (
            Server::Shows(issued(&issuer, for_name("elsewhere.test"))),
            Step::Tls,
            TlsFault::WrongName,
            "elsewhere.test",
        ),
        (Server::Shows(issued(&issuer, past)), Step::Tls, TlsFault::Expired, "renew"),
        (Server::Shows(issued(&issuer, future)), Step::Tls, TlsFault::NotYetValid, "clock"),
        (Server::Shows(issued(&issuer, for_clients)), Step::Tls, TlsFault::BadCertificate, "anew"),
        // In TLS 1.3 the handshake is over for the client before the server has seen whether it
        // has a certificate.
        (Server::WantsCertificateOf(good(), ours), Step::Upgrade, TlsFault::Alert, "tls.cert"),
        (no_http, Step::Tls, TlsFault::Alert, "HTTP/1.1"),
        (
            Server::SpeaksOtherwise(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Step::Tls,
            TlsFault::NotTls,
            "ws://",
        ),
        // A fatal alert, handshake_failure, as a record of its own.
        (Server::SpeaksOtherwise(b"\x15\x03\x03\0\x02\x02\x28"), Step::Tls, TlsFault::Alert, "40"),
    ];
    for (server, step, fault, remedy) in table {
        let error = heard(server, trusting(&issuer)).await.unwrap_err();
        let found = (error.kind, error.detail, error.step);
        assert_eq!(found, (ErrorKind::Tls, Detail::Tls(fault), step), "{}", error.text);
        assert!(error.text.contains(remedy), "{fault:?}: {}", error.text);
        assert!(error.text.len() <= 240, "would be cut: {}", error.text);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_handshake_is_a_reset() {
    let error = heard(Server::SpeaksOtherwise(b""), trusting(&issuer())).await.unwrap_err();
    assert_eq!((error.kind, error.step), (ErrorKind::Reset, Step::Tls), "{}", error.text);
}

#[test]
fn urls_that_ask_for_tls() {
    for (url, asks) in [
        ("wss://h/", true),
        ("WSS://h/", true),
        ("https://h/", true),
        ("ws://h/", false),
        ("http://h/wss://", false),
        ("wssx://h/", false),
        ("wss", false),
        ("", false),
        ("é", false),
    ] {
        assert_eq!(Tls::is_asked_for_by(url), asks, "{url}");
    }
}

#[test]
fn no_key_is_printed() {
    let identity = issued(&issuer(), for_name("client"));
    let secret = format!("{:?}", identity.key.0);
    let settings =
        scenario::Tls { identity: Some(identity), insecure: true, ..scenario::Tls::default() };
    let tls = Tls::new("wss://chat.test/", &settings).unwrap();
    let printed = format!("{settings:?} {tls:?}");
    assert!(!printed.contains(&secret) && printed.contains("[secret]"), "{printed}");
}
