//! A client's socket: TCP, or TLS over it, counted below TLS, so that bytes are those on the wire, and
//! followed above it, where frames are.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::frames::Frames;

/// Bytes of a group of sockets since they were last taken.
#[derive(Debug, Default)]
pub struct Traffic {
    sent: Cell<u64>,
    received: Cell<u64>,
}

impl Traffic {
    /// Bytes sent and received since the last call.
    pub fn take(&self) -> (u64, u64) {
        (self.sent.take(), self.received.take())
    }
}

/// A TCP stream that counts the bytes that pass.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    traffic: Rc<Traffic>,
    /// Whether the last write found no room.
    pushed_back: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, traffic: Rc<Traffic>) -> Self {
        Self { stream, traffic, pushed_back: false }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = (buf.filled().len() - before) as u64;
        self.traffic.received.set(self.traffic.received.get() + read);
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.pushed_back = polled.is_pending();
        if let Poll::Ready(Ok(written)) = &polled {
            self.traffic.sent.set(self.traffic.sent.get() + *written as u64);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[derive(Debug)]
enum Stream {
    Plain(Wire),
    /// Boxed: a TLS session is a kilobyte, and most runs have none.
    Tls(Box<TlsStream<Wire>>),
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    /// `None` before the upgrade: what comes until then are no frames.
    frames: Option<Frames>,
}

impl From<Wire> for Socket {
    fn from(wire: Wire) -> Self {
        Self { stream: Stream::Plain(wire), frames: None }
    }
}

impl From<TlsStream<Wire>> for Socket {
    fn from(stream: TlsStream<Wire>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), frames: None }
    }
}

impl Socket {
    fn wire(&self) -> &Wire {
        match &self.stream {
            Stream::Plain(wire) => wire,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    /// From here on frames come. Of those that were read with the upgrade's answer, what breaks a rule
    /// is cut off.
    pub(super) fn upgraded(&mut self, rest: &mut Vec<u8>) {
        let good = self.frames.insert(Frames::default()).follow(rest);
        rest.truncate(good);
    }

    /// The code of the close frame that was read. The WebSocket library shows another one for those
    /// that RFC 6455 forbids, and for 1014.
    pub(super) fn close_code(&self) -> Option<u16> {
        self.frames.as_ref()?.close_code()
    }

    /// Whether the last write found no room; what is left goes when the kernel has some. TLS takes
    /// what the kernel doesn't, up to 64 KiB, so that only the wire can tell.
    pub(super) fn has_pushed_back(&self) -> bool {
        self.wire().pushed_back
    }

    /// The TCP socket alone, out of the reactor.
    pub(super) fn into_std(self) -> io::Result<std::net::TcpStream> {
        let wire = match self.stream {
            Stream::Plain(wire) => wire,
            Stream::Tls(stream) => stream.into_inner().0,
        };
        wire.stream.into_std()
    }

    /// Makes the drop of this socket send RST instead of FIN.
    pub(super) fn reset_on_drop(&self) -> io::Result<()> {
        self.wire().stream.set_zero_linger()
    }
}

impl AsyncRead for Socket {
    /// What was read before the frame that breaks a rule is passed on; then comes the error.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, frames } = self.get_mut();
        if let Some(rule) = frames.as_ref().and_then(Frames::broken) {
            return Poll::Ready(Err(rule.into()));
        }
        let before = buf.filled().len();
        ready!(match stream {
            Stream::Plain(wire) => Pin::new(wire).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        if let Some(frames) = frames {
            let good = frames.follow(&buf.filled()[before..]);
            if let (0, Some(rule)) = (good, frames.broken()) {
                return Poll::Ready(Err(rule.into()));
            }
            buf.set_filled(before + good);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(wire) => Pin::new(wire).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
