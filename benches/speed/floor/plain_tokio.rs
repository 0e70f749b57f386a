//! A bare tokio client: a task a connection, raw bytes.

use std::cell::Cell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use super::wire::{Frames, connect, text_frame};
use super::{Args, Job, READ_BYTES, ready};
use crate::Failure;

pub fn run(args: &Args) -> Result<u64, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(work(args))
}

async fn work(args: &Args) -> Result<u64, Failure> {
    let mut streams = Vec::with_capacity(args.connections);
    for n in 0..args.connections {
        let stream = connect(args, n)?;
        stream.set_nonblocking(true)?;
        streams.push(TcpStream::from_std(stream)?);
    }
    ready();
    let count = Rc::new(Cell::new(0));
    let frame = Rc::new(text_frame(&args.message()).repeat(args.burst));
    let start = Instant::now();
    for (n, stream) in streams.into_iter().enumerate() {
        let client = Client { count: Rc::clone(&count), frame: Rc::clone(&frame) };
        match args.job {
            Job::Echo => drop::<JoinHandle<_>>(spawn_local(client.echo(stream))),
            Job::Listen if n > 0 => drop(spawn_local(client.listen(stream))),
            Job::Idle => drop(spawn_local(client.wait(stream))),
            // One of many in turn, or the only one of those in a room.
            Job::Open | Job::Publish | Job::Listen => {
                let talkers = if args.job == Job::Listen { 1 } else { args.connections };
                let every = args.every();
                let first = start + every * u32::try_from(n)?;
                spawn_local(client.talk(stream, first, every * u32::try_from(talkers)?));
            }
        }
    }
    sleep(args.lasts()).await;
    Ok(count.get())
}

struct Client {
    count: Rc<Cell<u64>>,
    frame: Rc<Vec<u8>>,
}

impl Client {
    async fn echo(self, mut stream: TcpStream) {
        let mut frames = Frames::default();
        let mut buffer = vec![0; READ_BYTES];
        while stream.write_all(&self.frame).await.is_ok() {
            let before = frames.count;
            while frames.count == before {
                let Ok(1..) = self.read(&mut stream, &mut frames, &mut buffer).await else {
                    return;
                };
            }
        }
    }

    async fn listen(self, mut stream: TcpStream) {
        let mut frames = Frames::default();
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(1..) = self.read(&mut stream, &mut frames, &mut buffer).await {}
    }

    /// Without a buffer, until there is something to read.
    async fn wait(self, stream: TcpStream) {
        let _ = stream.readable().await;
    }

    async fn talk(self, mut stream: TcpStream, first: Instant, every: std::time::Duration) {
        let mut frames = Frames::default();
        let mut buffer = vec![0; READ_BYTES];
        let mut due = first;
        loop {
            tokio::select! {
                () = sleep_until(due) => {
                    if stream.write_all(&self.frame).await.is_err() {
                        return;
                    }
                    due += every;
                }
                read = stream.read(&mut buffer) => match read {
                    Ok(n @ 1..) => self.count_in(&mut frames, &buffer[..n]),
                    _ => return,
                }
            }
        }
    }

    async fn read(
        &self,
        stream: &mut TcpStream,
        frames: &mut Frames,
        buffer: &mut [u8],
    ) -> std::io::Result<usize> {
        let n = stream.read(buffer).await?;
        self.count_in(frames, &buffer[..n]);
        Ok(n)
    }

    fn count_in(&self, frames: &mut Frames, bytes: &[u8]) {
        let before = frames.count;
        frames.read(bytes);
        self.count.set(self.count.get() + frames.count - before);
    }
}
