//! One connection, one task: the handshake, the poll loop, the close. What frames mean is the
//! session's business, what waits to be written the queue's.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::fanout::Member;
use super::http::{self, Asked, Refusal};
use super::metrics::Count;
use super::queue::{Ending, OutQueue, Popped};
use super::session::Session;
use super::state::Shared;

/// tungstenite fills it with zeros before every read: 128 KiB, its default, cost 3 µs a read and
/// as much memory a connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Frames are gathered up to here before they are written without a flush.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// Messages read before other tasks have their turn.
const READ_BUDGET: usize = 64;

/// A peer that doesn't take part in the closing is left after this.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a fresh TCP connection to its end.
pub(super) async fn run(stream: TcpStream, shared: Arc<Shared>, number: u64) {
    let deadline = Instant::now() + shared.config.handshake_timeout;
    let Some(tls) = shared.config.tls.clone() else {
        return serve(stream, shared, number, deadline).await;
    };
    // Boxed, or connections without TLS would be as large.
    let accepted = tokio::select! {
        accepted = timeout_at(deadline, Box::pin(tls.accept(stream))) => accepted,
        () = shared.closing() => return,
    };
    match accepted {
        Ok(Ok(stream)) => Box::pin(serve(stream, shared, number, deadline)).await,
        Ok(Err(_)) | Err(_) => shared.metrics.tls_handshakes_failed.add(1),
    }
}

/// A connection's bytes: TCP's, or those inside TLS.
trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for S {}

async fn serve(mut stream: impl Transport, shared: Arc<Shared>, number: u64, deadline: Instant) {
    let handshake = timeout_at(deadline, shake_hands(&mut stream, &shared, number));
    let opened = tokio::select! {
        // Cancelled halfway it has at most read; the stream is dropped then.
        opened = handshake => opened.ok(),
        () = shared.closing() => return,
    };
    match opened {
        Some(Ok(opened)) => converse(stream, shared, opened).await,
        Some(Err(NotOpened::Answered)) => Box::pin(linger(&mut stream)).await,
        Some(Err(NotOpened::Gone)) | None => shared.metrics.handshakes_failed.add(1),
    }
}

/// A finished handshake.
struct Opened {
    session: Session,
    queue: Arc<OutQueue>,
    /// What the peer sent without waiting for our answer.
    rest: Vec<u8>,
}

enum NotOpened {
    /// With a page or a refusal.
    Answered,
    Gone,
}

async fn shake_hands(
    stream: &mut impl Transport,
    shared: &Arc<Shared>,
    number: u64,
) -> Result<Opened, NotOpened> {
    let metrics = &shared.metrics;
    let refuse = |refusal: Refusal, count: &Count| {
        count.add(1);
        refusal.response()
    };
    let answer = match http::read_head(stream).await {
        Ok(head) => match head.asked() {
            Asked::WebSocket(upgrade) => match shared.slot() {
                Some(slot) => {
                    // A peer that has read the answer must miss nothing that is sent from then
                    // on, so it is counted in before the answer goes out.
                    let queue = OutQueue::new(&shared.config, number);
                    let queue = Arc::new(queue.paced(shared.pace.clone()));
                    let codec = upgrade.codec;
                    let member = Member { connection: number, codec, queue: Arc::clone(&queue) };
                    let session = Session::start(Arc::clone(shared), member, slot);
                    write(stream, &upgrade.response()).await?;
                    return Ok(Opened { session, queue, rest: head.into_rest() });
                }
                None => refuse(Refusal::FULL, &metrics.connections_refused),
            },
            Asked::Health => http::page("ok\n"),
            Asked::Metrics => http::page(&shared.stats().prometheus()),
            Asked::Refused(refusal) => refuse(refusal, &metrics.handshakes_failed),
        },
        Err(error) => match error.refusal() {
            Some(refusal) => refuse(refusal, &metrics.handshakes_failed),
            None => return Err(NotOpened::Gone),
        },
    };
    write(stream, &answer).await?;
    Err(NotOpened::Answered)
}

async fn write(stream: &mut impl Transport, text: &str) -> Result<(), NotOpened> {
    let write = async {
        stream.write_all(text.as_bytes()).await?;
        // TLS may hold some of it.
        stream.flush().await
    };
    write.await.map_err(|_: std::io::Error| NotOpened::Gone)
}

/// Says that nothing more comes and reads until the peer has gone, so that the last answer isn't
/// destroyed by the reset that unread bytes cause.
async fn linger(stream: &mut impl Transport) {
    let reading = async {
        if stream.shutdown().await.is_ok() {
            let mut discarded = [0; 1024];
            while matches!(stream.read(&mut discarded).await, Ok(1..)) {}
        }
    };
    // Whether the peer took its leave in time makes no difference.
    let _ = timeout(CLOSE_TIMEOUT, reading).await;
}

async fn converse(stream: impl Transport, shared: Arc<Shared>, opened: Opened) {
    let Opened { session, queue, rest } = opened;
    let config = websocket_config(shared.config.max_message_bytes);
    // Boxed, as all else that is over soon or comes last: a task keeps room for its largest step as
    // long as it lives, and this was half of what an idle connection cost.
    let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config));
    let socket = Box::pin(socket).await;
    shared.metrics.connections_opened.add(1);
    let mut connection = Connection {
        socket,
        session,
        queue,
        shared,
        unsent: None,
        unflushed: false,
        last_heard: Instant::now(),
        alarm: Alarm::default(),
    };
    let end = poll_fn(|cx| connection.poll(cx)).await;
    Box::pin(connection.close(end)).await;
}

/// # Bounds of the write buffer
/// A frame is handed over only while the last write wasn't blocked, so the buffer holds less than
/// `WRITE_BUFFER_BYTES` and one frame. JSON may write a byte as six (`\u0000`). Pongs to a peer
/// that pings and never reads are what the bound is there for.
fn websocket_config(max_message_bytes: usize) -> WebSocketConfig {
    let longest_frame = max_message_bytes.saturating_mul(6).saturating_add(WRITE_BUFFER_BYTES);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(longest_frame.saturating_add(WRITE_BUFFER_BYTES))
        .max_message_size(Some(max_message_bytes))
        .max_frame_size(Some(max_message_bytes))
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer sent a close frame; tungstenite answers it.
    ClosedByPeer,
    /// The peer is gone without one.
    Lost,
    Shutdown,
    SlowConsumer,
    Idle,
    TooBig,
    NotUtf8,
    BadProtocol,
}

impl End {
    fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooBig,
            Error::Utf8(_) => Self::NotUtf8,
            Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => Self::Lost,
            Error::Protocol(_) => Self::BadProtocol,
            _ => Self::Lost,
        }
    }

    fn close_frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::ClosedByPeer | Self::Lost => return None,
            Self::Shutdown => (CloseCode::Away, "the server is going away"),
            Self::SlowConsumer => (CloseCode::Policy, "too slow a reader"),
            Self::Idle => (CloseCode::Policy, "idle for too long"),
            Self::TooBig => (CloseCode::Size, "message too big"),
            Self::NotUtf8 => (CloseCode::Invalid, "text that is not UTF-8"),
            Self::BadProtocol => (CloseCode::Protocol, "broken WebSocket protocol"),
        };
        Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
    }

    fn count(self, shared: &Shared) {
        let metrics = &shared.metrics;
        let count = match self {
            Self::ClosedByPeer => &metrics.closed_by_peer,
            Self::Lost => &metrics.closed_lost,
            Self::Shutdown => &metrics.closed_shutdown,
            Self::SlowConsumer => &metrics.closed_slow,
            Self::Idle => &metrics.closed_idle,
            Self::TooBig => &metrics.closed_too_big,
            Self::NotUtf8 | Self::BadProtocol => &metrics.closed_protocol,
        };
        count.add(1);
    }
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    session: Session,
    queue: Arc<OutQueue>,
    shared: Arc<Shared>,
    /// Popped, and refused by a write buffer full of pongs.
    unsent: Option<Message>,
    /// Something was handed to the socket and not flushed yet.
    unflushed: bool,
    last_heard: Instant,
    alarm: Alarm,
}

/// Where writing stands.
#[derive(Clone, Copy)]
enum Feeding {
    /// Nothing waits.
    Done,
    /// The peer doesn't read; its socket wakes us.
    Blocked,
    /// The injected delay holds the next frame back.
    NotBefore(Instant),
}

impl<S: Transport> Connection<S> {
    /// Reads and writes until the connection has to end.
    ///
    /// Frames are handed to the socket as soon as they are there, so that an answer precedes the
    /// answer to a close frame that came right behind its question; but they are flushed once,
    /// after everything that could be read has been: ten frames in one write cost a receiver a
    /// tenth of ten writes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.queue.register(cx.waker());
        // Checked by itself, because a task that is stuck in a write pops nothing.
        if self.queue.kicked() {
            return Poll::Ready(End::SlowConsumer);
        }
        let stalled = self.shared.stalls.and_then(|stalls| stalls.until(Instant::now()));
        if let Some(until) = stalled {
            return self.wait_until(until, cx);
        }
        let turn = self.turn(cx);
        self.session.count_io();
        match turn {
            Ok(poll) => poll,
            Err(end) => Poll::Ready(end),
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<Poll<End>, End> {
        let mut budget = READ_BUDGET;
        let (feeding, backlogged) = loop {
            let feeding = self.feed(cx)?;
            if self.queue.backlogged() {
                break (feeding, true);
            }
            if budget == 0 {
                cx.waker().wake_by_ref();
                break (feeding, false);
            }
            budget -= 1;
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => break (feeding, false),
                Poll::Ready(Some(Ok(message))) => self.receive(message)?,
                Poll::Ready(Some(Err(error))) => return Err(End::of(&error)),
                Poll::Ready(None) => return Err(End::Lost),
            }
        };
        let flushed = !self.unflushed || self.flush(cx)?;
        // Not being read, this connection is woken by its writes alone; this one is through.
        if backlogged && flushed && !matches!(feeding, Feeding::NotBefore(_)) {
            cx.waker().wake_by_ref();
        }
        let held = match feeding {
            Feeding::NotBefore(at) => Some(at),
            Feeding::Done | Feeding::Blocked => None,
        };
        let idle = self.shared.config.idle_timeout.map(|limit| self.last_heard + limit);
        if idle.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(End::Idle);
        }
        Ok(match held.into_iter().chain(idle).min() {
            Some(at) => self.wait_until(at, cx),
            None => Poll::Pending,
        })
    }

    fn receive(&mut self, message: Message) -> Result<(), End> {
        if self.shared.config.idle_timeout.is_some() {
            self.last_heard = Instant::now();
        }
        match message {
            Message::Text(_) | Message::Binary(_) => self.session.receive(message),
            Message::Close(_) => return Err(End::ClosedByPeer),
            // tungstenite answers pings itself.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    /// Hands everything that waits to the socket, without flushing.
    fn feed(&mut self, cx: &mut Context<'_>) -> Result<Feeding, End> {
        loop {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Pending => return Ok(Feeding::Blocked),
                Poll::Ready(ready) => ready.map_err(|error| End::of(&error))?,
            }
            let frame = match self.unsent.take() {
                Some(frame) => frame,
                None => match self.queue.pop() {
                    Popped::Frame(frame) => {
                        self.session.sent(frame.len());
                        frame
                    }
                    Popped::NotBefore(at) => return Ok(Feeding::NotBefore(at)),
                    Popped::Empty => return Ok(Feeding::Done),
                    Popped::Ended(Ending::Shutdown) => return Err(End::Shutdown),
                    Popped::Ended(Ending::SlowConsumer) => return Err(End::SlowConsumer),
                },
            };
            match Pin::new(&mut self.socket).start_send(frame) {
                Ok(()) => self.unflushed = true,
                Err(Error::WriteBufferFull(frame)) => {
                    self.unsent = Some(*frame);
                    if !self.flush(cx)? {
                        return Ok(Feeding::Blocked);
                    }
                }
                Err(error) => return Err(End::of(&error)),
            }
        }
    }

    /// False when the peer doesn't read; its socket wakes us.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(End::of(&error)),
            Poll::Pending => Ok(false),
        }
    }

    fn wait_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<End> {
        ready!(self.alarm.poll(at, cx));
        // Due already: what waited for it is done in another turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Leaves all rooms at once, then takes leave of the peer in bounded time.
    async fn close(self, end: End) {
        let Self { mut socket, session, shared, .. } = self;
        drop(session);
        end.count(&shared);
        if end == End::Lost {
            return;
        }
        let leave = async {
            match end.close_frame() {
                Some(frame) => {
                    socket.send(Message::Close(Some(frame))).await?;
                    // The peer's own close frame; after an error in reading, nothing.
                    while let Some(message) = socket.next().await {
                        message?;
                    }
                }
                None => socket.flush().await?,
            }
            Ok::<(), Error>(())
        };
        // A peer that can't be told has been left all the same.
        if let Ok(Ok(())) = timeout(CLOSE_TIMEOUT, leave).await {
            linger(socket.get_mut()).await;
        }
    }
}

/// One timer for whatever comes first. Made when it is first needed: most connections never do.
#[derive(Debug, Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready once `at` has come. One that is set for earlier is left: it wakes too early, which
    /// is cheaper than moving the timer with every message.
    fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.is_elapsed() || at < sleep.deadline() {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}
