//! A plain epoll client: one thread, no runtime, raw bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::wire::{Frames, connect, text_frame};
use super::{Args, Job, READ_BYTES, ready};
use crate::Failure;

/// What marks the timer among the sockets.
const TIMER: u64 = u64::MAX;

pub fn run(args: &Args) -> Result<u64, Failure> {
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
    epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
    let mut clients = Vec::with_capacity(args.connections);
    for n in 0..args.connections {
        let stream = connect(args, n)?;
        stream.set_nonblocking(true)?;
        epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, n as u64))?;
        clients.push((stream, Frames::default()));
    }
    ready();
    let frame = text_frame(&args.message()).repeat(args.burst);
    let start = Instant::now();
    let end = start + args.lasts();
    let mut due = Dues { every: args.every(), next: start, sent: 0 };
    if args.job == Job::Echo {
        for (stream, _) in &mut clients {
            stream.write_all(&frame)?;
        }
    }
    let mut events = vec![EpollEvent::empty(); 256];
    let mut buffer = vec![0; READ_BYTES];
    while Instant::now() < end {
        let next = if args.rate > 0.0 { due.next.min(end) } else { end };
        let left = next.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        timer.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
        let happened = epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..happened] {
            if event.data() == TIMER {
                continue; // arming it anew clears it
            }
            let (stream, frames) = &mut clients[event.data() as usize];
            let before = frames.count;
            read(stream, frames, &mut buffer)?;
            if args.job == Job::Echo {
                for _ in before..frames.count {
                    stream.write_all(&frame)?;
                }
            }
        }
        while args.rate > 0.0 && due.is_due() {
            let sender = if args.job == Job::Listen { 0 } else { due.sent % clients.len() };
            clients[sender].0.write_all(&frame)?;
            due.step();
        }
    }
    Ok(match args.job {
        Job::Publish => due.sent as u64,
        _ => clients.iter().map(|(_, frames)| frames.count).sum(),
    })
}

/// What is there by now: one read, unless the buffer was too small for it.
fn read(stream: &mut TcpStream, frames: &mut Frames, buffer: &mut [u8]) -> Result<(), Failure> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(n) => {
                frames.read(&buffer[..n]);
                if n < buffer.len() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// When the next message is due.
struct Dues {
    every: Duration,
    next: Instant,
    sent: usize,
}

impl Dues {
    fn is_due(&self) -> bool {
        self.next <= Instant::now()
    }

    fn step(&mut self) {
        self.next += self.every;
        self.sent += 1;
    }
}
