//! Logging in at servers whose answers are known byte by byte.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::client::LoginHost;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
enum Does {
    Answers(&'static str),
    /// The same piece without end.
    NeverEnds(&'static str, &'static [u8]),
    FallsSilent,
    Resets,
}

/// A server of one request; its task gives what was asked.
struct Server {
    url: String,
    target: Target,
    asked: JoinHandle<String>,
}

fn target(address: SocketAddr, tls: Option<Tls>) -> Target {
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    Target {
        url: format!("{scheme}://chat.test:{}/", address.port()),
        addresses: vec![address],
        user_agent: "uproar/test run=1".to_owned(),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls,
        login_hosts: Vec::new(),
        source_addresses: Vec::new(),
        connect_timeout: PATIENCE,
        message_bytes_max: 1 << 20,
        read_buffer_bytes: 1024,
    }
}

async fn start(does: Does) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Does::Resets = does {
            return reset(stream).await;
        }
        serve(stream, does).await
    });
    let url = format!("http://chat.test:{}", address.port());
    Server { url, target: target(address, None), asked }
}

async fn reset(mut stream: TcpStream) -> String {
    stream.read_exact(&mut [0]).await.unwrap();
    stream.set_zero_linger().unwrap();
    String::new()
}

/// Reads a request to the end of its body, and does what it is to do.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, does: Does) -> String {
    let mut asked = Vec::new();
    loop {
        stream.read_buf(&mut asked).await.unwrap();
        let text = String::from_utf8_lossy(&asked).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_none_or(|length| body.len() == length.parse::<usize>().unwrap()) {
            break;
        }
    }
    let asked = String::from_utf8(asked).unwrap();
    match does {
        Does::Answers(text) => {
            stream.write_all(text.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
        Does::NeverEnds(head, piece) => {
            stream.write_all(head.as_bytes()).await.unwrap();
            // Until the client has had enough.
            while stream.write_all(piece).await.is_ok() {}
        }
        Does::FallsSilent | Does::Resets => {
            // Until the client has gone.
            let _ = stream.read_buf(&mut Vec::new()).await;
        }
    }
    asked
}

async fn log_in(
    server: &Server,
    method: &str,
    headers: &[(&str, &str)],
    body: &str,
    limit: Duration,
) -> Result<Answer, DialError> {
    let headers: Vec<_> =
        headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let url = format!("{}/api/login?a=b%20c", server.url);
    let asks = Request { method, url: &url, headers: &headers, body: body.as_bytes() };
    let traffic = Rc::new(Traffic::default());
    let answer = request(&server.target, 0, &asks, limit, &traffic).await;
    if answer.is_ok() {
        let (sent, received) = traffic.take();
        assert!(sent > 0 && received > 0);
    }
    answer
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=1\r\n\
                  Set-Cookie: b=2\r\nContent-Length: 13\r\n\r\n{\"token\":\"x\"}";

#[tokio::test]
async fn a_request_is_what_was_asked_for_and_its_answer_data() {
    let server = start(Does::Answers(OK)).await;
    let headers = [("X-Twice", "1"), ("x-twice", "2"), ("Cookie", "c=3")];
    let answer = log_in(&server, "POST", &headers, r#" {"user":"a"}"#, PATIENCE).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &br#"{"token":"x"}"#[..]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a=1", "b=2"]);

    let port = server.target.addresses[0].port();
    let asked = server.asked.await.unwrap();
    assert!(asked.starts_with("POST /api/login?a=b%20c HTTP/1.1\r\n"), "{asked}");
    for line in [
        &format!("host: chat.test:{port}"),
        "user-agent: uproar/test run=1",
        "content-type: application/json",
        "content-length: 13",
        "x-twice: 1",
        "x-twice: 2",
        "cookie: c=3",
    ] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line} is not in {asked}");
    }
    assert!(asked.ends_with("\r\n\r\n {\"user\":\"a\"}"), "{asked}");
}

#[tokio::test]
async fn a_form_has_the_type_that_its_header_says_and_nothing_is_guessed() {
    for (headers, body, expected) in [
        (&[("Content-Type", "application/x-www-form-urlencoded")][..], "a=b", Some("form")),
        (&[("content-type", "text/plain")], "[1]", Some("text/plain")),
        (&[], "a=b", None),
        (&[], "", None),
    ] {
        let server = start(Does::Answers(OK)).await;
        log_in(&server, "POST", headers, body, PATIENCE).await.unwrap();
        let asked = server.asked.await.unwrap();
        let line = asked.lines().find(|line| line.starts_with("content-type: "));
        match expected {
            Some(expected) => assert!(line.unwrap().contains(expected), "{asked}"),
            None => assert_eq!(line, None, "{asked}"),
        }
    }
}

#[tokio::test]
async fn bodies_may_come_in_chunks_or_end_with_the_connection() {
    for (text, body) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "abcde",
        ),
        ("HTTP/1.1 201 Created\r\n\r\nto the end", "to the end"),
        ("HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", "no"),
    ] {
        let server = start(Does::Answers(text)).await;
        let answer = log_in(&server, "GET", &[], "", PATIENCE).await.unwrap();
        assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{text}");
        assert!(text.contains(&format!(" {} ", answer.status)), "{text}: {}", answer.status);
        if answer.status == 302 {
            assert_eq!(answer.headers[0].1, "http://elsewhere.test/", "not followed");
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_step_login() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNK: &[u8] = b"8\r\nabcdefgh\r\n";
    let short = Duration::from_millis(300);
    for (name, does, limit, kind) in [
        ("silence", Does::FallsSilent, short, ErrorKind::TimedOut),
        ("a body without end", Does::NeverEnds(CHUNKED, CHUNK), PATIENCE, ErrorKind::Oversize),
        (
            "a head without end",
            Does::NeverEnds("HTTP/1.1 200 OK\r\nA: ", &[b'a'; 1000]),
            PATIENCE,
            ErrorKind::BadHandshake,
        ),
        ("a reset", Does::Resets, PATIENCE, ErrorKind::Reset),
        ("no answer", Does::Answers(""), PATIENCE, ErrorKind::Reset),
        ("half a head", Does::Answers("HTTP/1.1 200 OK\r\nA"), PATIENCE, ErrorKind::Reset),
        (
            "half a body",
            Does::Answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
            PATIENCE,
            ErrorKind::Reset,
        ),
        ("no HTTP", Does::Answers("SSH-2.0-x\r\n\r\n"), PATIENCE, ErrorKind::BadHandshake),
    ] {
        let server = start(does).await;
        let error = log_in(&server, "GET", &[], "", limit).await.unwrap_err();
        assert_eq!((error.kind, error.step), (kind, Step::Login), "{name}: {}", error.text);
        server.asked.abort();
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_and_no_panic() {
    let server = start(Does::FallsSilent).await;
    let base = server.url.clone();
    for (method, url, header) in [
        ("GET", "no url".to_owned(), None),
        ("GET", "ftp://chat.test/".to_owned(), None),
        ("GET", base.replace("//", "//user:secret@"), None),
        ("G T", base.clone(), None),
        ("GET", base.clone(), Some(("Content-Length", "7"))),
        ("GET", base.clone(), Some(("A", "b\r\nC: d"))),
        ("GET", base.clone(), Some(("A B", "c"))),
    ] {
        let headers: Vec<_> =
            header.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let asks = Request { method, url: &url, headers: &headers, body: b"" };
        let traffic = Rc::new(Traffic::default());
        let error = request(&server.target, 0, &asks, PATIENCE, &traffic).await.unwrap_err();
        assert_eq!((error.kind, error.step), (ErrorKind::BadHandshake, Step::Login), "{url}");
        assert!(!error.text.contains("secret"), "{}", error.text);
        assert_eq!(traffic.take(), (0, 0), "nothing was dialled");
    }
    server.asked.abort();
}

#[tokio::test]
async fn another_host_is_dialled_only_if_it_was_looked_up() {
    let mut server = start(Does::Answers(OK)).await;
    let address = server.target.addresses[0];
    server.url = format!("http://auth.test:{}", address.port());
    server.target.addresses = vec!["192.0.2.1:1".parse().unwrap()];
    let error = log_in(&server, "GET", &[], "", PATIENCE).await.unwrap_err();
    assert_eq!((error.kind, error.step), (ErrorKind::LookupFailed, Step::Login));
    let name = "auth.test".to_owned();
    server.target.login_hosts.push(LoginHost { name, addresses: vec![address.ip()] });
    assert_eq!(log_in(&server, "GET", &[], "", PATIENCE).await.unwrap().status, 200);
    assert!(server.asked.await.unwrap().contains("\r\nhost: auth.test:"));
}

#[tokio::test]
async fn logging_in_over_tls() {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    let names = vec!["chat.test".to_owned()];
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(stream) = acceptor.accept(stream).await else { return String::new() };
        serve(stream, Does::Answers(OK)).await
    });
    let settings = crate::scenario::Tls {
        roots: vec![cert.der().to_vec()],
        ..crate::scenario::Tls::default()
    };
    let tls = Tls::new("wss://chat.test/", &settings).unwrap();
    let url = format!("https://chat.test:{}", address.port());
    let server = Server { url, target: target(address, Some(tls)), asked };
    let answer = log_in(&server, "POST", &[], "[]", PATIENCE).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &br#"{"token":"x"}"#[..]));
    assert!(server.asked.await.unwrap().contains("content-length: 2"));
}
