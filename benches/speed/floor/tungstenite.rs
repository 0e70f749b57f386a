//! tokio-tungstenite alone: a task a connection, its buffers as small as uproar's.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Args, Job, READ_BYTES, ready};
use crate::Failure;

type Socket = WebSocketStream<TcpStream>;

pub fn run(args: &Args) -> Result<u64, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(work(args))
}

/// All at once, as uproar has it: as many tasks as connections.
async fn connect_all(args: &Args) -> Result<Vec<Socket>, Failure> {
    let args = Rc::new(args.clone());
    // A listener's backlog has an end, past which the kernel waits a second before it asks again.
    let at_once = Rc::new(Semaphore::new(1_000));
    let tasks: Vec<_> = (0..args.connections)
        .map(|n| {
            let (args, at_once) = (Rc::clone(&args), Rc::clone(&at_once));
            spawn_local(async move {
                let _place = at_once.acquire().await.ok();
                connect(&args, n).await.map_err(|error| error.to_string())
            })
        })
        .collect();
    let mut sockets = Vec::with_capacity(tasks.len());
    for task in tasks {
        sockets.push(task.await??);
    }
    Ok(sockets)
}

async fn connect(args: &Args, n: usize) -> Result<Socket, Failure> {
    let stream = TcpStream::connect(&args.at).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BYTES).write_buffer_size(0);
    let (mut ws, _) =
        client_async_with_config(format!("ws://{}/", args.at), stream, Some(config)).await?;
    if let Some(greeting) = args.greeting(n) {
        ws.send(Message::text(greeting)).await?;
        ws.next().await.ok_or("the server closed the connection")??;
    }
    Ok(ws)
}

async fn work(args: &Args) -> Result<u64, Failure> {
    let sockets = connect_all(args).await?;
    ready();
    let count = Rc::new(Cell::new(0));
    let message = Message::text(args.message());
    let start = Instant::now();
    for (n, ws) in sockets.into_iter().enumerate() {
        let client = Client { count: Rc::clone(&count), message: message.clone() };
        let burst = args.burst;
        let every = args.every();
        let first = start + every * u32::try_from(n)?;
        let round = every * u32::try_from(args.connections)?;
        match args.job {
            Job::Echo => drop(spawn_local(client.echo(ws))),
            Job::Listen if n == 0 => drop(spawn_local(client.talk(ws, start, every, burst))),
            Job::Idle | Job::Listen => drop(spawn_local(client.listen(ws))),
            Job::Open => drop(spawn_local(client.talk(ws, first, round, burst))),
            Job::Publish => drop(spawn_local(client.publish(ws, first, round))),
        }
    }
    sleep(args.lasts()).await;
    Ok(count.get())
}

struct Client {
    count: Rc<Cell<u64>>,
    message: Message,
}

impl Client {
    fn count_one(&self) {
        self.count.set(self.count.get() + 1);
    }

    async fn echo(self, mut ws: Socket) {
        while ws.send(self.message.clone()).await.is_ok() {
            let Some(Ok(_)) = ws.next().await else { return };
            self.count_one();
        }
    }

    async fn listen(self, mut ws: Socket) {
        while let Some(Ok(_)) = ws.next().await {
            self.count_one();
        }
    }

    async fn talk(self, mut ws: Socket, first: Instant, every: Duration, burst: usize) {
        let mut due = first;
        loop {
            tokio::select! {
                () = sleep_until(due) => {
                    for _ in 0..burst {
                        if ws.feed(self.message.clone()).await.is_err() {
                            return;
                        }
                    }
                    let _ = ws.flush().await;
                    due += every;
                }
                read = ws.next() => {
                    let Some(Ok(_)) = read else { return };
                    self.count_one();
                }
            }
        }
    }

    async fn publish(self, mut ws: Socket, first: Instant, every: Duration) {
        let mut due = first;
        loop {
            sleep_until(due).await;
            if ws.send(self.message.clone()).await.is_err() {
                return;
            }
            self.count_one();
            due += every;
        }
    }
}
