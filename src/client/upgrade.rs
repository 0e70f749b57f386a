//! The WebSocket handshake over a connected socket (RFC 6455, 4.1): the request, the answer, and
//! whether the answer holds.
//!
//! The WebSocket library builds the request and parses the answer, but does not judge it: it
//! refuses servers that choose none of the subprotocols they were offered, which RFC 6455 allows
//! and many do; it takes a head in more than 64 pieces of under 128 bytes for an attack, where a
//! server, or a proxy before it, may write its head byte by byte: it is slow, and how slow is what
//! we measure; and it takes an interim answer (RFC 9110, 15.2) for the answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response, generate_request};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
    USER_AGENT,
};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::error::DialError;
use super::socket::Socket;
use crate::metric::{ErrorKind, Step};

/// What one client says in its upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The whole URL, `ws://` or `wss://`. Host and port are the target's: where to dial is not
    /// read from here.
    pub url: String,
    /// They replace what would be sent otherwise; a name given twice is sent twice.
    pub headers: Vec<(String, String)>,
    /// Offered in this order. The server may choose one of them, or none.
    pub subprotocols: Vec<String>,
}

impl Upgrade {
    /// The request.
    ///
    /// # Errors
    ///
    /// When the URL, a header or a subprotocol can't be sent.
    pub(super) fn request(&self, user_agent: &str) -> Result<Request, DialError> {
        let wrong = |text: String| DialError::new(ErrorKind::BadHandshake, Step::Upgrade, text);
        let mut request =
            self.url.as_str().into_client_request().map_err(|error| wrong(error.to_string()))?;
        let agent = HeaderValue::from_str(user_agent)
            .map_err(|_| wrong("the User-Agent can't be sent".to_owned()))?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, agent);
        if !self.subprotocols.is_empty() {
            let offered = HeaderValue::from_str(&self.subprotocols.join(", "))
                .map_err(|_| wrong("a subprotocol can't be sent".to_owned()))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
        }
        replace_headers(headers, &self.headers).map_err(wrong)?;
        Ok(request)
    }
}

/// What the user gives replaces what would be sent otherwise, such as Host; a name that is given
/// twice is sent twice. `Err` says which can't be sent.
pub(super) fn replace_headers(
    headers: &mut HeaderMap,
    given: &[(String, String)],
) -> Result<(), String> {
    let mut parsed = Vec::with_capacity(given.len());
    for (name, value) in given {
        let name: HeaderName = name.parse().map_err(|_| format!("bad header name {name}"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of the header {name} can't be sent"))?;
        parsed.push((name, value));
    }
    for (name, _) in &parsed {
        headers.remove(name);
    }
    for (name, value) in parsed {
        headers.append(name, value);
    }
    Ok(())
}

/// Shakes hands; gives the connection and the subprotocol that the server chose.
pub(super) async fn shake_hands(
    mut socket: Socket,
    request: Request,
    offered: &[String],
    config: WebSocketConfig,
) -> Result<(WebSocketStream<Socket>, Option<String>), Error> {
    let (bytes, key) = generate_request(request)?;
    socket.write_all(&bytes).await?;
    socket.flush().await?;
    let (response, mut rest) = read_answer(&mut socket).await?;
    let chosen = match judge(&response, &derive_accept_key(key.as_bytes()), offered) {
        Err(Error::Http(mut refusal)) => {
            *refusal.body_mut() = Some(rest);
            return Err(Error::Http(refusal));
        }
        judged => judged?,
    };
    socket.upgraded(&mut rest);
    let ws = WebSocketStream::from_partially_read(socket, rest, Role::Client, Some(config)).await;
    Ok((ws, chosen))
}

/// The longest head that is read, with all interim answers before it.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;
const READ_BYTES: usize = 1024;
/// How an answer begins that is worth waiting for; anything else is looked at as it comes, and
/// refused at once.
const HEAD_START: &[u8] = b"HTTP/";
/// The version that opens a WebSocket, and the one before.
const HTTP: &[u8] = b"HTTP/1.1 ";
const OLD: &[u8] = b"HTTP/1.0 ";

/// The head of the answer and what came after it. Interim answers, such as 103, are passed over: they
/// are a head each, without a body, and the answer follows.
async fn read_answer(socket: &mut Socket) -> Result<(Response, Vec<u8>), Error> {
    let mut head = Head::default();
    let mut passed_over = 0;
    loop {
        if head.whole {
            // The parser takes no other version, and a refusal may have any.
            let is_old = head.bytes.starts_with(OLD);
            if is_old {
                head.bytes[..HTTP.len()].copy_from_slice(HTTP);
            }
            let Some((size, response)) = Response::try_parse(&head.bytes)? else {
                // Empty lines before it, which the parser would skip for as long as they come.
                return Err(Error::Protocol(httparse::Error::Version.into()));
            };
            if is_old && response.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Error::Protocol(ProtocolError::WrongHttpVersion));
            }
            let rest = head.bytes.split_off(size);
            if !is_interim(response.status()) {
                return Ok((response, rest));
            }
            passed_over += size;
            head = Head { bytes: rest, ..Head::default() };
            head.look(0);
            continue;
        }
        if passed_over + head.bytes.len() > HEAD_BYTES_MAX {
            return Err(Error::AttackAttempt);
        }
        let seen = head.bytes.len();
        if head.bytes.capacity() == seen {
            head.bytes.reserve(READ_BYTES);
        }
        if socket.read_buf(&mut head.bytes).await? == 0 {
            return Err(Error::Protocol(ProtocolError::HandshakeIncomplete));
        }
        head.look(seen);
    }
}

/// Whether another answer follows this one. 101 is the last of its kind: from there on it is frames.
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// The beginning of what the server says.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    /// Whether it is complete, or there is no use in waiting for the rest.
    whole: bool,
    /// Bytes of the last line so far, its end left out.
    line: usize,
}

impl Head {
    /// Looks at the bytes that came since there were `seen`, as far as its end.
    fn look(&mut self, seen: usize) {
        for byte in &self.bytes[seen..] {
            if self.whole {
                break;
            }
            match byte {
                b'\n' if self.line == 0 => self.whole = true,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        let begun = HEAD_START.len().min(self.bytes.len());
        self.whole |= self.bytes[..begun] != HEAD_START[..begun];
    }
}

/// Whether the answer opens a WebSocket (RFC 6455, 4.1); gives the subprotocol it chose.
fn judge(
    response: &Response,
    accept_key: &str,
    offered: &[String],
) -> Result<Option<String>, Error> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Http(Box::new(response.clone())));
    }
    let headers = response.headers();
    let wrong = |error| Err(Error::Protocol(error));
    if !has_token(headers, &UPGRADE, "websocket") {
        return wrong(ProtocolError::MissingUpgradeWebSocketHeader);
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return wrong(ProtocolError::MissingConnectionUpgradeHeader);
    }
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|key| key != accept_key) {
        return wrong(ProtocolError::SecWebSocketAcceptKeyMismatch);
    }
    // None is ever offered.
    if headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().any(|value| !value.is_empty()) {
        return wrong(ProtocolError::InvalidHeader(Box::new(SEC_WEBSOCKET_EXTENSIONS)));
    }
    let mut chosen = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let not_ours = |error| wrong(ProtocolError::SecWebSocketSubProtocolError(error));
    match (chosen.next(), chosen.next()) {
        (None, _) => Ok(None),
        (Some(_), _) if offered.is_empty() => {
            not_ours(SubProtocolError::ServerSentSubProtocolNoneRequested)
        }
        (Some(chosen), None) => {
            let chosen = chosen.to_str()?;
            if offered.iter().any(|name| name == chosen) {
                Ok(Some(chosen.to_owned()))
            } else {
                not_ours(SubProtocolError::InvalidSubProtocol)
            }
        }
        (Some(_), Some(_)) => not_ours(SubProtocolError::InvalidSubProtocol),
    }
}

/// Whether a list of tokens, in one line or several, has one of them (RFC 9110, 5.6.1).
fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many bytes a head that comes byte by byte is parsed.
    fn whole_after(text: &str) -> Option<usize> {
        let mut head = Head::default();
        let at = text.bytes().position(|byte| {
            head.bytes.push(byte);
            head.look(head.bytes.len() - 1);
            head.whole
        });
        at.map(|at| at + 1)
    }

    #[test]
    fn a_head_is_whole_at_its_empty_line_or_when_it_is_none() {
        let table = [
            ("HTTP/1.1 101 X\r\nA: b\r\n\r\nframes", Some(24)),
            ("HTTP/1.1 101 X\nA: b\n\nframes", Some(21)),
            ("HTTP/1.1 101 X\r\nA: b\r\n", None),
            ("HTTP", None),
            ("HTML", Some(3)),
            ("SSH-2.0", Some(1)),
        ];
        for (text, at) in table {
            assert_eq!(whole_after(text), at, "{text}");
        }
    }

    const KEY: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn judged(lines: &str, offered: &[&str]) -> Result<Option<String>, String> {
        judged_whole(&format!("Upgrade: WebSocket\r\nConnection: upgrade\r\n{lines}"), offered)
    }

    fn judged_whole(lines: &str, offered: &[&str]) -> Result<Option<String>, String> {
        let offered: Vec<String> = offered.iter().map(|&name| name.to_owned()).collect();
        let head = format!("HTTP/1.1 101 X\r\nSec-WebSocket-Accept: {KEY}\r\n{lines}\r\n");
        let (_, response) = Response::try_parse(head.as_bytes()).unwrap().unwrap();
        judge(&response, KEY, &offered).map_err(|error| error.to_string())
    }

    /// RFC 6455, 4.1, 3 and 4: a header that has the token, whatever else it has.
    #[test]
    fn what_switches_protocols_is_a_token_of_a_list() {
        let upgrade = "Upgrade: websocket\r\n";
        for lines in [
            "Connection: keep-alive, Upgrade\r\n",
            "Connection: Upgrade,keep-alive\r\n",
            "Connection: keep-alive\r\nConnection: upgrade\r\n",
            "Connection:   UPGRADE  \r\n",
        ] {
            assert_eq!(judged_whole(&format!("{upgrade}{lines}"), &[]), Ok(None), "{lines}");
        }
        let connection = "Connection: Upgrade\r\n";
        assert_eq!(
            judged_whole(&format!("Upgrade: h2c, WebSocket\r\n{connection}"), &[]),
            Ok(None)
        );
        for lines in [
            upgrade.to_owned(),
            format!("{upgrade}Connection: keep-alive\r\n"),
            format!("{upgrade}Connection: keep-alive Upgrade\r\n"),
            format!("{upgrade}Connection: Upgraded\r\n"),
            connection.to_owned(),
            format!("Upgrade: h2c\r\n{connection}"),
        ] {
            assert!(judged_whole(&lines, &[]).is_err(), "{lines}");
        }
    }

    #[test]
    fn an_extension_was_not_offered() {
        for lines in ["permessage-deflate", "permessage-deflate; server_no_context_takeover", "x"] {
            let judged = judged(&format!("Sec-WebSocket-Extensions: {lines}\r\n"), &[]);
            assert!(judged.unwrap_err().contains("sec-websocket-extensions"), "{lines}");
        }
        assert_eq!(judged("Sec-WebSocket-Extensions:\r\n", &[]), Ok(None), "none chosen");
    }

    #[test]
    fn a_subprotocol_is_one_that_was_offered_or_none() {
        let chosen = |name: &str| format!("Sec-WebSocket-Protocol: {name}\r\n");
        let some = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(judged("", &[]), Ok(None));
        assert_eq!(judged("", &["mqtt", "b"]), Ok(None), "servers that ignore the offer");
        assert_eq!(judged(&chosen("b"), &["mqtt", "b"]), some("b"));
        for (lines, offered) in [
            (chosen("mqtt"), &[][..]),
            (chosen("c"), &["mqtt", "b"]),
            (chosen("B"), &["mqtt", "b"]),
            (chosen("mqtt, b"), &["mqtt", "b"]),
            (chosen("mqtt") + &chosen("b"), &["mqtt", "b"]),
        ] {
            let error = judged(&lines, offered).unwrap_err();
            assert!(error.contains("SubProtocol"), "{lines}: {error}");
        }
    }

    #[test]
    fn what_a_user_gives_replaces_and_may_be_several() {
        let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let upgrade = Upgrade {
            url: "wss://h.test/ws?a=b".to_owned(),
            headers: vec![
                given("Host", "elsewhere"),
                given("Cookie", "a=1"),
                given("cookie", "b=2"),
                given("user-agent", "mine"),
            ],
            subprotocols: vec!["own".to_owned(), "x".to_owned()],
        };
        let request = upgrade.request("uproar").unwrap();
        let all = |name: &str| {
            let values = request.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(all("host"), ["elsewhere"]);
        assert_eq!(all("cookie"), ["a=1", "b=2"]);
        assert_eq!(all("user-agent"), ["mine"]);
        assert_eq!(all("sec-websocket-protocol"), ["own, x"]);
    }

    #[test]
    fn what_cannot_be_sent_is_an_error_and_no_panic() {
        let upgrade = |url: &str, header: (&str, &str), subprotocol: &str| Upgrade {
            url: url.to_owned(),
            headers: vec![(header.0.to_owned(), header.1.to_owned())],
            subprotocols: vec![subprotocol.to_owned()],
        };
        for (url, header, subprotocol) in [
            ("ws://h.test/\n", ("a", "b"), "c"),
            ("ws://h.test/", ("a b", "c"), "d"),
            ("ws://h.test/", ("a", "b\r\nc: d"), "e"),
            ("ws://h.test/", ("a", "b"), "c\r\nd: e"),
        ] {
            let error = upgrade(url, header, subprotocol).request("uproar").unwrap_err();
            assert_eq!((error.kind, error.step), (ErrorKind::BadHandshake, Step::Upgrade));
        }
    }
}
