//! `run --metrics`: answers scrapes while a run goes on. It measures nothing: what it shows comes from
//! the coordinator once a second.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::Failure;
use super::failure::listening_exit;
use crate::measure::Live;
use crate::report::prometheus::{self, Labels, to_prometheus};

const PATH: &str = "/metrics";
/// Whoever asks for more at once waits.
const CONNECTIONS_MAX: usize = 8;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// For a scrape from its first byte to its last.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an accept that failed, for want of open files for example.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the address, before anything else of the run begins.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let refused = |error: io::Error| {
        let message = format!("can't listen on {address} for --metrics: {error}");
        let help = "choose another port, or let the system choose with --metrics 127.0.0.1:0";
        Failure::message(listening_exit(&error), message, help)
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// Where it can be scraped.
pub(super) fn url(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}{PATH}", listener.local_addr()?))
}

/// The listener on this thread's runtime.
pub(super) fn serve(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener)
}

/// Answers until it is dropped.
pub(super) async fn answer_all(
    listener: tokio::net::TcpListener,
    labels: Labels,
    live: watch::Receiver<Live>,
) {
    let labels = Arc::new(labels);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Nobody closes it.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (labels, live) = (Arc::clone(&labels), live.clone());
                tokio::spawn(async move {
                    // A scrape that breaks off is the scraper's to tell.
                    let _ =
                        tokio::time::timeout(SCRAPE_TIMEOUT, answer(stream, labels, live)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn answer(
    stream: TcpStream,
    labels: Arc<Labels>,
    live: watch::Receiver<Live>,
) -> hyper::Result<()> {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = respond(request.method(), request.uri().path(), || {
            to_prometheus(&live.borrow(), &labels)
        });
        async { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SCRAPE_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn respond(method: &Method, path: &str, page: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let (status, text) = match (path == PATH, method) {
        (true, &Method::GET | &Method::HEAD) => (StatusCode::OK, page()),
        (true, _) => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
        (false, _) => (StatusCode::NOT_FOUND, format!("there is {PATH}\n")),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(prometheus::CONTENT_TYPE));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
