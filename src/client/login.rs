//! HTTP before the socket: one request, on a connection of its own that is dialled like any other.
//!
//! Redirects are not followed, and what an answer means is the caller's to say: its status is data.

use std::borrow::Cow;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use url::{Position, Url};

use super::error::DialError;
use super::failure::io_error;
use super::socket::{Socket, Traffic, Wire};
use super::target::Target;
use super::tcp::connect;
use super::tls::Tls;
use super::upgrade::replace_headers;
use crate::metric::{ErrorKind, Step};
use crate::units::format::bytes;

/// The longest body that an answer may have.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest head. The library's own bound on headers is 100.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A request, with its templates filled.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// Absolute, `http://` or `https://`; of the target's host or one of its `login_hosts`.
    pub url: &'a str,
    /// They replace what would be sent otherwise; a name given twice is sent twice.
    pub headers: &'a [(String, String)],
    /// Empty for none. One that begins with `{` or `[` is sent as `application/json` unless a
    /// header says otherwise.
    pub body: &'a [u8],
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in the server's order. Bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// At most 1 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads its answer, all within `limit`. `client` decides which addresses it
/// dials, as for its socket.
///
/// # Errors
///
/// When there is no whole answer; its step is always `login`.
pub async fn request(
    target: &Target,
    client: u32,
    request: &Request<'_>,
    limit: Duration,
    traffic: &Rc<Traffic>,
) -> Result<Answer, DialError> {
    let exchange = exchange(target, client, request, Instant::now() + limit, traffic);
    match tokio::time::timeout(limit, exchange).await {
        Ok(done) => done.map_err(|error| DialError { step: Step::Login, ..error }),
        Err(_) => Err(DialError::timed_out(Step::Login, limit)),
    }
}

fn wrong(text: impl Into<String>) -> DialError {
    DialError::new(ErrorKind::BadHandshake, Step::Login, text)
}

async fn exchange(
    target: &Target,
    client: u32,
    request: &Request<'_>,
    deadline: Instant,
    traffic: &Rc<Traffic>,
) -> Result<Answer, DialError> {
    let url = Url::parse(request.url)
        .map_err(|error| wrong(format!("the URL to log in at can't be read: {error}")))?;
    let prepared = prepare(target, request, &url)?;
    let place = place(target, &url)?;
    let (stream, _) = connect(&place, client, None, deadline).await?;
    let wire = Wire::new(stream, Rc::clone(traffic));
    let socket = if url.scheme() == "https" {
        let tls = Tls::of(target.tls.as_ref())?;
        let host = url.host_str().unwrap_or_default();
        if same_host(target, host) {
            tls.connect(wire).await
        } else {
            tls.connect_to(host, wire).await
        }?
    } else {
        Socket::from(wire)
    };
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(socket))
        .await
        .map_err(|error| classify(&error))?;
    let mut exchange = pin!(async {
        let response = sender.send_request(prepared).await.map_err(|error| classify(&error))?;
        read(response).await
    });
    tokio::select! {
        biased;
        answer = &mut exchange => return answer,
        // It ends with its last byte; the answer may not have been read to its end by then.
        _ = connection => {}
    }
    exchange.await
}

fn same_host(target: &Target, host: &str) -> bool {
    super::lookup::host_of(&target.url).eq_ignore_ascii_case(host)
}

/// The target with the addresses of a URL's host and port. Hosts are looked up once a run: a lookup
/// for each login would measure the resolver.
fn place<'a>(target: &'a Target, url: &Url) -> Result<Cow<'a, Target>, DialError> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let addresses: Vec<SocketAddr> = if same_host(target, host) {
        target.addresses.iter().map(|address| SocketAddr::new(address.ip(), port)).collect()
    } else {
        let known = target.login_hosts.iter().find(|known| known.name.eq_ignore_ascii_case(host));
        let known = known.ok_or_else(|| {
            let text = format!("the host {host} was not looked up before the run");
            DialError::new(ErrorKind::LookupFailed, Step::Login, text)
        })?;
        known.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect()
    };
    if addresses == target.addresses {
        return Ok(Cow::Borrowed(target));
    }
    Ok(Cow::Owned(Target { addresses, ..target.clone() }))
}

fn prepare(
    target: &Target,
    request: &Request<'_>,
    url: &Url,
) -> Result<hyper::Request<Full<Bytes>>, DialError> {
    if !matches!(url.scheme(), "http" | "https") {
        let text =
            format!("`{}://` is no URL to log in at: write http:// or https://", url.scheme());
        return Err(wrong(text));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let text = "a user name in the URL is not sent: write it as an Authorization header";
        return Err(wrong(text));
    }
    let cannot = |what: &str| wrong(format!("the {what} can't be sent"));
    let origin = &url[Position::BeforePath..Position::AfterQuery];
    let mut prepared = hyper::Request::new(Full::new(Bytes::copy_from_slice(request.body)));
    *prepared.method_mut() =
        Method::from_bytes(request.method.as_bytes()).map_err(|_| cannot("method"))?;
    *prepared.uri_mut() = origin.parse::<Uri>().map_err(|_| cannot("path"))?;
    let headers = prepared.headers_mut();
    let host = &url[Position::BeforeHost..Position::AfterPort];
    headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| cannot("host"))?);
    let agent = HeaderValue::from_str(&target.user_agent).map_err(|_| cannot("User-Agent"))?;
    headers.insert(USER_AGENT, agent);
    if let Some(b'{' | b'[') = request.body.trim_ascii_start().first() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    replace_headers(headers, request.headers).map_err(wrong)?;
    if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
        return Err(wrong("the length of a body is set by the request itself: remove the header"));
    }
    Ok(prepared)
}

async fn read(response: hyper::Response<Incoming>) -> Result<Answer, DialError> {
    let (head, body) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let text = format!("its answer is over {}", bytes(BODY_BYTES_MAX as u64));
            return DialError::new(ErrorKind::Oversize, Step::Login, text);
        }
        match error.downcast_ref::<hyper::Error>() {
            Some(error) => classify(error),
            None => DialError::new(ErrorKind::Io, Step::Login, error.to_string()),
        }
    })?;
    Ok(Answer { status: head.status.as_u16(), headers, body: body.to_bytes().to_vec() })
}

/// Places an error of the HTTP library in the taxonomy.
fn classify(error: &hyper::Error) -> DialError {
    if let Some(source) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        return io_error(source, Step::Login);
    }
    if error.is_parse() {
        return wrong(format!("its answer is not HTTP/1.1 ({error})"));
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        let text = "the connection ended before the answer did";
        return DialError::new(ErrorKind::Reset, Step::Login, text);
    }
    DialError::new(ErrorKind::Io, Step::Login, error.to_string())
}

#[cfg(test)]
mod tests;
