//! A session's WebSocket: what was written and may wait in our buffer, and for how much of that the peer
//! has asked.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use futures_util::{Sink, Stream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::socket::Socket;
use crate::protocol::Talk;

/// Pongs that wait to be written before nothing further is read.
pub(super) const PONGS_MAX: u32 = 64;

#[derive(Debug)]
pub(super) struct Pipe {
    ws: WebSocketStream<Socket>,
    /// Something may wait in the write buffer.
    unflushed: bool,
    /// Pongs that may wait in it.
    pongs: u32,
    /// A write from outside the session's own task that failed.
    failure: Option<Error>,
}

impl Pipe {
    pub(super) fn new(ws: WebSocketStream<Socket>) -> Self {
        Self { ws, unflushed: false, pongs: 0, failure: None }
    }

    /// The next frame.
    pub(super) fn poll_frame(&mut self, cx: &mut Task<'_>) -> Poll<Result<Message, Error>> {
        let frame = ready!(Pin::new(&mut self.ws).poll_next(cx));
        if let Some(Ok(Message::Ping(_))) = &frame {
            // The library has queued the pong.
            self.unflushed = true;
            self.pongs += 1;
        }
        Poll::Ready(frame.unwrap_or(Err(Error::ConnectionClosed)))
    }

    /// The code of the close frame that came, as it was sent.
    pub(super) fn close_code(&self) -> Option<u16> {
        self.ws.get_ref().close_code()
    }

    /// Whether the peer has to take some of the pongs it asked for before it is read again.
    pub(super) fn owes_pongs(&self) -> bool {
        self.pongs >= PONGS_MAX
    }

    /// Whether something may wait in the write buffer.
    pub(super) fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Waits until a frame may be written.
    pub(super) fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.ws).poll_ready(cx)
    }

    /// Writes a frame, without waiting.
    pub(super) fn send(&mut self, frame: Message) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.ws).start_send(frame)
    }

    /// Waits until nothing is left in the write buffer.
    pub(super) fn poll_flush(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Error>> {
        if self.unflushed {
            ready!(Pin::new(&mut self.ws).poll_flush(cx))?;
            self.unflushed = false;
            self.pongs = 0;
        }
        Poll::Ready(Ok(()))
    }

    /// Has the socket take what it takes at once; whether that was all.
    pub(super) fn flush_once(&mut self, cx: &mut Task<'_>) -> bool {
        Pin::new(&mut self.ws).poll_flush(cx).is_ready()
    }

    /// Writes what a conversation has to say, as far as the socket takes it.
    pub(super) fn poll_say(
        &mut self,
        talk: &mut Talk,
        cx: &mut Task<'_>,
    ) -> Poll<Result<(), Error>> {
        while talk.holds_frames() {
            ready!(self.poll_ready(cx))?;
            if let Some(frame) = talk.take_frame() {
                self.send(frame)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The same from outside the session's own task, until the socket takes no more: what it took is
    /// gone, and the rest waits for the task. A failure is for the task to find; false if there is one.
    pub(super) fn say_some(&mut self, talk: &mut Talk) -> bool {
        while !self.ws.get_ref().has_pushed_back()
            && let Some(frame) = talk.take_frame()
        {
            if let Err(error) = self.send(frame) {
                self.failure = Some(error);
                break;
            }
        }
        self.unflushed = self.ws.get_ref().has_pushed_back();
        self.failure.is_none()
    }

    /// The same at once: on the way out.
    pub(super) fn say(&mut self, talk: &mut Talk) -> Result<(), Error> {
        while let Some(frame) = talk.take_frame() {
            self.send(frame)?;
        }
        Ok(())
    }

    /// Whether a write has failed that nobody has been told of.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Has its end be a reset.
    pub(super) fn reset_on_drop(&self) {
        // Should it fail, the drop sends FIN: the server sees an end all the same.
        let _ = self.ws.get_ref().reset_on_drop();
    }

    /// The socket alone, out of the reactor.
    pub(super) fn into_std(self) -> std::io::Result<std::net::TcpStream> {
        self.ws.into_inner().into_std()
    }
}

#[cfg(test)]
mod tests;
