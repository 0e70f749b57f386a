//! A server for rooms that decides how many messages a write to a member holds: what arrives in one
//! read is much of what receiving costs, and no load decides it exactly.
//!
//! It knows one room, in JSON. Messages are held until there are enough of them, or none has come for
//! a while, and then each member gets them in one write.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};
use uproar::codec::{ClientMessage, CodecKind, ServerMessage};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Messages in a write
    #[arg(long)]
    batch: usize,
}

/// Messages that nobody adds to for so long go out as they are.
const HELD: Duration = Duration::from_millis(300);

type Member = Rc<tokio::sync::Mutex<SplitSink<WebSocketStream<TcpStream>, Message>>>;

#[derive(Default)]
struct Room {
    members: RefCell<Vec<Member>>,
    held: RefCell<Vec<Message>>,
    last: RefCell<Option<Instant>>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(args.batch.max(1)))
}

async fn serve(batch: usize) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}", listener.local_addr()?);
    let room = Rc::<Room>::default();
    spawn_local(flush_leftovers(Rc::clone(&room)));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let room = Rc::clone(&room);
        spawn_local(async move {
            // A client that goes away takes its task with it; the bench sees its count.
            let _ = member(stream, room, batch).await;
        });
    }
}

async fn member(stream: TcpStream, room: Rc<Room>, batch: usize) -> Result<(), Failure> {
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(64 * 1024);
    let ws = accept_async_with_config(stream, Some(config)).await?;
    let (sink, mut frames) = ws.split();
    let sink = Rc::new(tokio::sync::Mutex::new(sink));
    let codec = CodecKind::Json.codec();
    let mut name = String::new();
    let mut joined = false;
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        if frame.is_close() {
            break;
        }
        if !frame.is_text() {
            continue;
        }
        match codec.decode_client(&frame)? {
            ClientMessage::Join { room: at, username } => {
                name = username.into_owned();
                let answer = codec.encode_server(&ServerMessage::Joined { room: at });
                sink.lock().await.send(answer).await?;
                room.members.borrow_mut().push(Rc::clone(&sink));
                joined = true;
            }
            ClientMessage::Message { room: at, content } if joined => {
                let username = name.as_str().into();
                let said = ServerMessage::Message { room: at, username, content, timestamp_ms: 0 };
                room.held.borrow_mut().push(codec.encode_server(&said));
                *room.last.borrow_mut() = Some(Instant::now());
                if room.held.borrow().len() >= batch {
                    flush(&room).await;
                }
            }
            _ => {}
        }
    }
    room.members.borrow_mut().retain(|member| !Rc::ptr_eq(member, &sink));
    // Answers the close frame.
    let _ = sink.lock().await.close().await;
    Ok(())
}

/// Writes what is held to every member, to each in one write.
async fn flush(room: &Room) {
    let held = room.held.take();
    let members = room.members.borrow().clone();
    for member in members {
        let mut member = member.lock().await;
        for message in &held {
            if member.feed(message.clone()).await.is_err() {
                break;
            }
        }
        let _ = member.flush().await;
    }
}

async fn flush_leftovers(room: Rc<Room>) {
    loop {
        let last = room.last.borrow().unwrap_or_else(Instant::now);
        sleep_until(last.max(Instant::now() - HELD) + HELD).await;
        let quiet = room.last.borrow().is_none_or(|last| last.elapsed() >= HELD);
        if quiet && !room.held.borrow().is_empty() {
            flush(&room).await;
        }
    }
}
