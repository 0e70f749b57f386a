//! A TCP stream that counts the bytes that pass, and that hands over the head of the server's
//! answer in one piece.
//!
//! The WebSocket library takes an answer in more than 64 pieces of under 128 bytes for an attack.
//! A server, or a proxy before it, may write its head byte by byte all the same: it is slow, and
//! how slow is what we measure.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

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

/// The longest head that is waited for. The library refuses a longer one.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How an answer begins that is worth waiting for; anything else is handed over as it comes, and
/// refused at once.
const HEAD_START: &[u8] = b"HTTP/";

/// The beginning of what the server says, until it has all been handed over.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    /// Whether it is complete, or there is no use in waiting for the rest.
    whole: bool,
    /// Bytes handed over.
    taken: usize,
    /// Bytes of the last line so far, its end left out.
    line: usize,
}

impl Head {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.line == 0 => self.whole = true,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        self.bytes.extend_from_slice(bytes);
        let begun = HEAD_START.len().min(self.bytes.len());
        self.whole |= self.bytes[..begun] != HEAD_START[..begun];
        self.whole |= self.bytes.len() > HEAD_BYTES_MAX;
    }

    /// Hands over as much as fits; true when nothing is left.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let end = self.bytes.len().min(self.taken + buf.remaining());
        buf.put_slice(&self.bytes[self.taken..end]);
        self.taken = end;
        end == self.bytes.len()
    }
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    traffic: Rc<Traffic>,
    head: Option<Box<Head>>,
    /// Whether the last write found no room.
    pushed_back: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, traffic: Rc<Traffic>) -> Self {
        Self { stream, traffic, head: Some(Box::default()), pushed_back: false }
    }

    fn poll_received(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = (buf.filled().len() - before) as u64;
        self.traffic.received.set(self.traffic.received.get() + read);
        polled
    }

    /// Reads until the head is whole. An end or an error ends the wait.
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut Head) -> Poll<io::Result<()>> {
        while !head.whole {
            let mut piece = [0; 1024];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(self.poll_received(cx, &mut piece))?;
            if piece.filled().is_empty() {
                head.whole = true;
            }
            head.add(piece.filled());
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the last write found no room; what is left goes when the kernel has some.
    pub(super) fn has_pushed_back(&self) -> bool {
        self.pushed_back
    }

    /// The socket alone, out of the reactor.
    pub(super) fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.stream.into_std()
    }

    /// Makes the drop of this socket send RST instead of FIN.
    pub(super) fn reset_on_drop(&self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut head) = self.head.take() else { return self.poll_received(cx, buf) };
        let polled = self.poll_head(cx, &mut head);
        let done = match &polled {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => head.give(buf),
            Poll::Ready(Err(_)) => true,
        };
        if !done {
            self.head = Some(head);
        }
        polled
    }
}

impl AsyncWrite for Socket {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many bytes a head that comes byte by byte is handed over.
    fn whole_after(bytes: &[u8]) -> Option<usize> {
        let mut head = Head::default();
        bytes.iter().position(|byte| {
            head.add(std::slice::from_ref(byte));
            head.whole
        })
    }

    #[test]
    fn a_head_is_whole_at_its_empty_line_or_when_it_is_none() {
        let ends_at = |text: &str| whole_after(text.as_bytes()).map(|at| at + 1);
        assert_eq!(ends_at("HTTP/1.1 101 X\r\nA: b\r\n\r\nframes"), Some(24));
        assert_eq!(ends_at("HTTP/1.1 101 X\nA: b\n\nframes"), Some(21));
        assert_eq!(ends_at("HTTP/1.1 101 X\r\nA: b\r\n"), None);
        assert_eq!(ends_at("HTTP"), None);
        assert_eq!(ends_at("HTML"), Some(3));
        assert_eq!(ends_at("SSH-2.0"), Some(1));
        let endless = [b"HTTP/1.1 ".to_vec(), vec![b'x'; 2 * HEAD_BYTES_MAX]].concat();
        assert_eq!(whole_after(&endless), Some(HEAD_BYTES_MAX));
    }

    #[test]
    fn a_head_is_given_as_the_reader_has_room_and_nothing_is_lost() {
        let text = b"HTTP/1.1 101 X\r\n\r\nand frames";
        let mut head = Head::default();
        head.add(text);
        let mut given = Vec::new();
        loop {
            let mut room = [0; 5];
            let mut room = ReadBuf::new(&mut room);
            let done = head.give(&mut room);
            given.extend_from_slice(room.filled());
            if done {
                break;
            }
        }
        assert_eq!(given, text);
    }
}
