//! Reads a page of metrics once a second, on a thread of its own: a page that does not answer in time has no
//! figures for that second, and holds up nothing else.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use url::{Position, Url};

use super::page::{Figure, figures};
use crate::secrets::redact_url;

/// The longest page.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_millis(900);

/// A page that answered once.
#[derive(Debug)]
pub(super) struct Scraper {
    url: Url,
    address: SocketAddr,
    take: Vec<String>,
    runtime: Runtime,
}

/// A page that is read whenever it is asked for.
#[derive(Debug)]
pub(super) struct Page {
    ask: Sender<()>,
    latest: Arc<Mutex<Latest>>,
    names: usize,
}

/// What was read, and how it changed.
#[derive(Debug, Default)]
struct Latest {
    /// By the second of a counter, as it is of anything else; taken once.
    fresh: Option<Vec<Option<f64>>>,
    before: Option<(Instant, Vec<Option<Figure>>)>,
}

impl Scraper {
    /// Reads it once.
    pub(super) fn of(url: &str, take: &[String]) -> Result<Self, String> {
        let shown = redact_url(url);
        let wrong = |why: String| format!("the page of metrics {shown}: {why}");
        let url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(80);
        let address = (host, port)
            .to_socket_addrs()
            .map_err(|error| wrong(format!("{host} has no address: {error}")))?
            .next()
            .ok_or_else(|| wrong(format!("{host} has no address")))?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let scraper = Self { url, address, take: take.to_owned(), runtime };
        let text = scraper.read().map_err(&wrong)?;
        let found = figures(&text, take);
        if found.iter().all(Option::is_none) {
            let names = take.join(", ");
            return Err(wrong(format!("none of these is on it: {names}; say what to `take`")));
        }
        Ok(scraper)
    }

    fn read(&self) -> Result<String, String> {
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, get(self.address, &self.url))
                .await
                .map_err(|_| format!("no answer within {} ms", PATIENCE.as_millis()))?
        })
    }

    /// Goes on with it on a thread of its own, until the page is dropped.
    pub(super) fn start(self) -> io::Result<Page> {
        let (ask, asked): (Sender<()>, Receiver<()>) = channel();
        let latest = Arc::<Mutex<Latest>>::default();
        let (shared, names) = (Arc::clone(&latest), self.take.len());
        std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            while asked.recv().is_ok() {
                // One that took longer than a second is asked once for all of them.
                while asked.try_recv().is_ok() {}
                let at = Instant::now();
                let found = self.read().ok().map(|text| figures(&text, &self.take));
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(at, found);
            }
        })?;
        Ok(Page { ask, latest, names })
    }
}

impl Page {
    /// What was read since the last time, and asks for the next. A page that has not answered has nothing.
    pub(super) fn next(&self) -> Vec<Option<f64>> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.fresh.take();
        // It fails only if the thread is gone, and then there are no figures.
        let _ = self.ask.send(());
        fresh.unwrap_or_else(|| vec![None; self.names])
    }
}

impl Latest {
    fn take(&mut self, at: Instant, found: Option<Vec<Option<Figure>>>) {
        let Some(found) = found else {
            // Over a gap no counter has a rate.
            self.before = None;
            return;
        };
        let before = self.before.as_ref();
        let since = |n: usize| {
            let (then, figures) = before?;
            let elapsed_s = at.duration_since(*then).as_secs_f64();
            let figure = figures.get(n).copied().flatten()?;
            (elapsed_s > 0.0).then_some((figure.value, elapsed_s))
        };
        let told = found.iter().enumerate().map(|(n, figure)| match (*figure)? {
            Figure { value, counter: false } => Some(value),
            Figure { value, counter: true } => {
                let (then, elapsed_s) = since(n)?;
                // A counter that fell began anew with its process: its rate is not known.
                (value >= then).then(|| (value - then) / elapsed_s)
            }
        });
        self.fresh = Some(told.collect());
        self.before = Some((at, found));
    }
}

async fn get(address: SocketAddr, url: &Url) -> Result<String, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(address).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| text(&error))?;
    let request = hyper::Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, concat!("uproar/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "text/plain;version=0.0.4")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| text(&error))?;
    let mut exchange = std::pin::pin!(async {
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        if !response.status().is_success() {
            return Err(format!("it answers {}", response.status()));
        }
        let body = Limited::new(response.into_body(), PAGE_BYTES_MAX).collect().await;
        let body = body.map_err(|error| text(&error))?.to_bytes();
        Ok(String::from_utf8_lossy(&body).into_owned())
    });
    tokio::select! {
        biased;
        page = &mut exchange => return page,
        // It ends with its last byte; the answer may not have been read to its end by then.
        _ = connection => {}
    }
    exchange.await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(parts: &[(u64, Option<(f64, f64)>)]) -> Vec<Option<Vec<Option<f64>>>> {
        let (began, mut latest) = (Instant::now(), Latest::default());
        let figures = |(counter, gauge)| {
            vec![
                Some(Figure { value: counter, counter: true }),
                Some(Figure { value: gauge, counter: false }),
                None,
            ]
        };
        let take = |(at_s, found): &(u64, Option<(f64, f64)>)| {
            latest.take(began + Duration::from_secs(*at_s), found.map(figures));
            latest.fresh.take()
        };
        parts.iter().map(take).collect()
    }

    #[test]
    fn counters_are_rates_and_a_gap_or_a_restart_is_unknown() {
        let found = latest(&[
            (0, Some((100.0, 7.0))),
            (1, Some((150.0, 8.0))),
            (3, Some((250.0, 9.0))),
            (4, Some((10.0, 1.0))),
            (5, Some((30.0, 1.0))),
            (6, None),
            (7, Some((90.0, 2.0))),
        ]);
        let rate = |n: usize| found[n].as_ref().map(|figures| figures[0]);
        let gauge = |n: usize| found[n].as_ref().map(|figures| figures[1]);
        assert_eq!((rate(0), gauge(0)), (Some(None), Some(Some(7.0))));
        assert_eq!((rate(1), rate(2)), (Some(Some(50.0)), Some(Some(50.0))));
        assert_eq!((rate(3), gauge(3)), (Some(None), Some(Some(1.0))), "it began anew");
        assert_eq!((rate(4), rate(5), rate(6)), (Some(Some(20.0)), None, Some(None)));
        assert_eq!(found[1].as_ref().unwrap()[2], None);
    }
}
