//! The HTTP before the WebSocket: reads one request head, says what it asks for, and writes
//! answers. It neither counts nor opens WebSockets.

use std::io;

use data_encoding::BASE64;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::codec::CodecKind;

/// Bounds what a peer makes us hold before it has said anything of use.
const MAX_HEAD_BYTES: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;
const READ_BYTES: usize = 1024;

/// A request's head, and what came after it.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    end: usize,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    WebSocket(Upgrade),
    Health,
    Metrics,
    /// Nothing we do: the answer.
    Refused(Refusal),
}

/// A good upgrade request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    accept_key: String,
    pub(super) codec: CodecKind,
    /// Whether the codec was offered and must be named in the answer.
    offered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: &'static str,
    header: &'static str,
    text: &'static str,
}

impl Refusal {
    const fn new(status: &'static str, text: &'static str) -> Self {
        Self { status, header: "", text }
    }

    /// All connections are taken.
    pub(super) const FULL: Self = Self::new("503 Service Unavailable", "too many connections\n");

    pub(super) fn response(&self) -> String {
        response(self.status, self.header, self.text)
    }
}

const BAD_REQUEST: Refusal = Refusal::new("400 Bad Request", "not an HTTP/1.1 request\n");
const BAD_KEY: Refusal =
    Refusal::new("400 Bad Request", "Sec-WebSocket-Key must be 16 bytes in base64\n");
const NOT_FOUND: Refusal = Refusal::new("404 Not Found", "there is /healthz and /metrics\n");
const NOT_GET: Refusal =
    Refusal { header: "Allow: GET\r\n", ..Refusal::new("405 Method Not Allowed", "GET only\n") };
const UPGRADE_REQUIRED: Refusal = Refusal {
    header: "Upgrade: websocket\r\n",
    ..Refusal::new("426 Upgrade Required", "this is a WebSocket server\n")
};
const WRONG_VERSION: Refusal = Refusal {
    header: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    ..Refusal::new("426 Upgrade Required", "Sec-WebSocket-Version must be 13\n")
};
const HEAD_TOO_LONG: Refusal =
    Refusal::new("431 Request Header Fields Too Large", "the request head is too long\n");

/// Why there is no head.
#[derive(Debug)]
pub(super) enum HeadError {
    TooLong,
    /// The peer went away, or never said anything: no answer is due.
    Gone,
}

impl HeadError {
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::TooLong => Some(HEAD_TOO_LONG),
            Self::Gone => None,
        }
    }
}

impl From<io::Error> for HeadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads up to the empty line, however many pieces it comes in. The caller bounds the time.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Head, HeadError> {
    let mut bytes = Vec::with_capacity(READ_BYTES);
    loop {
        // The end may straddle two reads by three bytes.
        let searched = bytes.len().saturating_sub(3);
        if bytes.len() == bytes.capacity() {
            bytes.reserve(READ_BYTES);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(HeadError::Gone);
        }
        if let Some(at) = memchr::memmem::find(&bytes[searched..], b"\r\n\r\n") {
            let end = searched + at + 4;
            return if end > MAX_HEAD_BYTES {
                Err(HeadError::TooLong)
            } else {
                Ok(Head { bytes, end })
            };
        }
        if bytes.len() >= MAX_HEAD_BYTES {
            return Err(HeadError::TooLong);
        }
    }
}

impl Head {
    /// What the request asks for.
    pub(super) fn asked(&self) -> Asked {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&self.bytes[..self.end]) {
            Ok(httparse::Status::Complete(_)) => judge(&request),
            Err(httparse::Error::TooManyHeaders) => Asked::Refused(HEAD_TOO_LONG),
            _ => Asked::Refused(BAD_REQUEST),
        }
    }

    /// What the peer sent after the head without waiting for the answer.
    pub(super) fn into_rest(mut self) -> Vec<u8> {
        self.bytes.split_off(self.end)
    }
}

fn judge(request: &httparse::Request<'_, '_>) -> Asked {
    let get = request.method == Some("GET");
    if tokens(request, "Upgrade").any(|token| token.eq_ignore_ascii_case("websocket")) {
        return judge_upgrade(request, get);
    }
    // Without a query, which a health check may carry to defeat caches.
    let path = request.path.unwrap_or_default();
    match path.split('?').next().unwrap_or_default() {
        "/healthz" if get => Asked::Health,
        "/metrics" if get => Asked::Metrics,
        "/healthz" | "/metrics" => Asked::Refused(NOT_GET),
        "/" | "/ws" => Asked::Refused(UPGRADE_REQUIRED),
        _ => Asked::Refused(NOT_FOUND),
    }
}

/// Any path will do: clients are configured for servers that have one.
fn judge_upgrade(request: &httparse::Request<'_, '_>, get: bool) -> Asked {
    let refused = |refusal| Asked::Refused(refusal);
    if !get {
        return refused(NOT_GET);
    }
    let connection =
        tokens(request, "Connection").any(|token| token.eq_ignore_ascii_case("upgrade"));
    if request.version != Some(1) || !connection {
        return refused(BAD_REQUEST);
    }
    if !tokens(request, "Sec-WebSocket-Version").eq(["13"]) {
        return refused(WRONG_VERSION);
    }
    let mut keys = values(request, "Sec-WebSocket-Key");
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return refused(BAD_KEY);
    };
    let decoded = BASE64.decode(key.as_bytes());
    if decoded.map(|nonce| nonce.len()) != Ok(16) {
        return refused(BAD_KEY);
    }
    let offered = tokens(request, "Sec-WebSocket-Protocol").find_map(CodecKind::from_subprotocol);
    Asked::WebSocket(Upgrade {
        accept_key: derive_accept_key(key.as_bytes()),
        codec: offered.unwrap_or(CodecKind::Json),
        offered: offered.is_some(),
    })
}

/// A header's values, of every line that has that name. One that isn't ASCII is none of ours.
fn values<'r>(
    request: &'r httparse::Request<'_, '_>,
    name: &'static str,
) -> impl Iterator<Item = &'r str> {
    request
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .map(str::trim)
}

/// The elements of a header that is a comma-separated list.
fn tokens<'r>(
    request: &'r httparse::Request<'_, '_>,
    name: &'static str,
) -> impl Iterator<Item = &'r str> {
    values(request, name).flat_map(|value| value.split(',')).map(str::trim)
}

impl Upgrade {
    pub(super) fn response(&self) -> String {
        let protocol = if self.offered {
            format!("Sec-WebSocket-Protocol: {}\r\n", self.codec.subprotocol())
        } else {
            String::new()
        };
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{protocol}\r\n",
            self.accept_key
        )
    }
}

/// A page; the connection ends with it.
pub(super) fn page(text: &str) -> String {
    response("200 OK", "", text)
}

fn response(status: &str, header: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{header}Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "Host: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n";
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

    fn asked(head: &str) -> Asked {
        Head { bytes: head.as_bytes().to_vec(), end: head.len() }.asked()
    }

    fn upgrade(headers: &[&str]) -> Asked {
        asked(&format!("GET /any HTTP/1.1\r\n{UPGRADE}{}\r\n", headers.concat()))
    }

    #[test]
    fn a_good_upgrade_is_answered_with_the_key_of_rfc_6455() {
        let Asked::WebSocket(upgrade) = upgrade(&[KEY, VERSION]) else { panic!("refused") };
        assert_eq!(upgrade.codec, CodecKind::Json);
        let response = upgrade.response();
        assert!(response.starts_with("HTTP/1.1 101 "));
        assert!(response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(!response.contains("Sec-WebSocket-Protocol"));
    }

    #[test]
    fn the_first_known_subprotocol_wins_over_several_lines() {
        let offers = "Sec-WebSocket-Protocol: graphql-ws\r\n\
                      Sec-WebSocket-Protocol: mqtt , uproar.binary, uproar.json\r\n";
        let Asked::WebSocket(upgrade) = upgrade(&[KEY, VERSION, offers]) else { panic!("refused") };
        assert_eq!(upgrade.codec, CodecKind::Binary);
        assert!(upgrade.response().contains("\r\nSec-WebSocket-Protocol: uproar.binary\r\n"));
    }

    #[test]
    fn bad_upgrades_are_refused_each_for_its_reason() {
        assert_eq!(upgrade(&[KEY]), Asked::Refused(WRONG_VERSION));
        assert_eq!(upgrade(&[KEY, "Sec-WebSocket-Version: 8\r\n"]), Asked::Refused(WRONG_VERSION));
        assert_eq!(upgrade(&[VERSION]), Asked::Refused(BAD_KEY));
        assert_eq!(upgrade(&[VERSION, "Sec-WebSocket-Key: short\r\n"]), Asked::Refused(BAD_KEY));
        assert_eq!(upgrade(&[VERSION, KEY, KEY]), Asked::Refused(BAD_KEY));
        let no_connection = format!("GET / HTTP/1.1\r\nUpgrade: websocket\r\n{KEY}{VERSION}\r\n");
        assert_eq!(asked(&no_connection), Asked::Refused(BAD_REQUEST));
        let post = format!("POST / HTTP/1.1\r\n{UPGRADE}{KEY}{VERSION}\r\n");
        assert_eq!(asked(&post), Asked::Refused(NOT_GET));
        let old = format!("GET / HTTP/1.0\r\n{UPGRADE}{KEY}{VERSION}\r\n");
        assert_eq!(asked(&old), Asked::Refused(BAD_REQUEST));
        assert!(WRONG_VERSION.response().contains("\r\nSec-WebSocket-Version: 13\r\n"));
    }

    #[test]
    fn pages_and_other_paths() {
        assert_eq!(asked("GET /healthz HTTP/1.1\r\n\r\n"), Asked::Health);
        assert_eq!(asked("GET /metrics?x HTTP/1.0\r\n\r\n"), Asked::Metrics);
        assert_eq!(asked("PUT /metrics HTTP/1.1\r\n\r\n"), Asked::Refused(NOT_GET));
        assert_eq!(asked("GET / HTTP/1.1\r\n\r\n"), Asked::Refused(UPGRADE_REQUIRED));
        assert_eq!(asked("GET /else HTTP/1.1\r\n\r\n"), Asked::Refused(NOT_FOUND));
        assert_eq!(asked("nonsense\r\n\r\n"), Asked::Refused(BAD_REQUEST));
        let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(asked(&format!("GET / HTTP/1.1\r\n{many}\r\n")), Asked::Refused(HEAD_TOO_LONG));
    }

    #[tokio::test]
    async fn a_head_ends_at_the_empty_line_and_the_rest_is_kept() {
        let mut stream = &b"GET / HTTP/1.1\r\n\r\n\x81\x80rest"[..];
        let head = read_head(&mut stream).await.unwrap();
        assert_eq!(head.into_rest(), b"\x81\x80rest");
    }

    #[tokio::test]
    async fn a_head_is_bounded_and_must_end() {
        let long = vec![b'a'; 2 * MAX_HEAD_BYTES];
        assert!(matches!(read_head(&mut &long[..]).await, Err(HeadError::TooLong)));
        assert!(matches!(read_head(&mut &b"GET /"[..]).await, Err(HeadError::Gone)));
    }
}
