//! As much of RFC 6455 as a client needs that knows what it will be told: an upgrade, frames to send
//! made once, and the number of frames in what was read.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::Args;
use crate::Failure;

/// Connects, upgrades and joins, one step after the other.
pub fn connect(args: &Args, connection: usize) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect(&args.at)?;
    stream.set_nodelay(true)?;
    // The key and its answer are RFC 6455's own example; nobody here checks the answer.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        args.at
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.extend(byte);
    }
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Err(String::from_utf8_lossy(&answer).into_owned().into());
    }
    if let Some(greeting) = args.greeting(connection) {
        stream.write_all(&text_frame(&greeting))?;
        let mut frames = Frames::default();
        let mut buffer = [0; 512];
        while frames.count == 0 {
            match stream.read(&mut buffer)? {
                0 => return Err("the server closed the connection".into()),
                n => frames.read(&buffer[..n]),
            }
        }
    }
    Ok(stream)
}

/// A text frame as a client sends it (RFC 6455, 5.2). Its mask is zero, which leaves the text as it is.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// Counts the frames of a stream, however it is cut into reads.
#[derive(Debug, Default)]
pub struct Frames {
    /// Those whose last byte was read.
    pub count: u64,
    /// Bytes of the present frame's header that came so far.
    header: Vec<u8>,
    /// Bytes of its payload that have not come.
    missing: Option<usize>,
}

impl Frames {
    pub fn read(&mut self, mut bytes: &[u8]) {
        loop {
            if let Some(missing) = self.missing {
                let taken = missing.min(bytes.len());
                bytes = &bytes[taken..];
                if taken < missing {
                    self.missing = Some(missing - taken);
                    return;
                }
                self.missing = None;
                self.count += 1;
            }
            let Some((&first, rest)) = bytes.split_first() else { return };
            // Whole headers are read where they lie; one in two reads is put together.
            if self.header.is_empty()
                && let Some((length, size)) = header(bytes)
            {
                self.missing = Some(length);
                bytes = &bytes[size..];
                continue;
            }
            self.header.push(first);
            bytes = rest;
            if let Some((length, _)) = header(&self.header) {
                self.header.clear();
                self.missing = Some(length);
            }
        }
    }
}

/// Payload length and size of an unmasked frame's header, if all of it is here.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.get(1)? & 0x7f {
        126 => Some((u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into(), 4)),
        127 => {
            let length = u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
            Some((usize::try_from(length).ok()?, 10))
        }
        length => Some((length.into(), 2)),
    }
}
