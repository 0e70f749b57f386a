use std::future::poll_fn;
use std::rc::Rc;
use std::task::Waker;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::*;
use crate::client::socket::{Traffic, Wire};
use crate::codec::CodecKind;
use crate::protocol::scope::{Captured, Person, RoomName};
use crate::protocol::{Outgoing, Protocol, ProtocolKind};

type Peer = WebSocketStream<TcpStream>;

/// A pipe and its other end.
async fn pipe() -> (Pipe, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let wire = Wire::new(near.unwrap(), Rc::new(Traffic::default()));
    // As a run's clients have it: each frame is written as it comes.
    let config = WebSocketConfig::default().write_buffer_size(0).max_write_buffer_size(usize::MAX);
    let ours = WebSocketStream::from_raw_socket(Socket::from(wire), Role::Client, Some(config));
    let theirs = WebSocketStream::from_raw_socket(far.unwrap().0, Role::Server, None);
    (Pipe::new(ours.await), theirs.await)
}

/// A conversation that has to say so many messages of 64 KiB.
fn talk(messages: u32) -> Talk {
    let person = Rc::new(Person {
        client: 0,
        run: "0000000".into(),
        user: None,
        last_id: 0,
        setting: std::sync::Arc::default(),
    });
    let protocol = Protocol::Native(ProtocolKind::Echo, CodecKind::Json);
    let mut talk = Talk::new(&protocol, person, Captured::default(), None);
    let payload = "x".repeat(64 * 1024);
    for seq in 0..messages {
        let (binary, structured) = (false, false);
        let message = Outgoing { payload: &payload, binary, structured, seq, now_ms: 0 };
        talk.publish(RoomName { name: "", n: 0 }, message).unwrap();
    }
    talk
}

#[tokio::test]
async fn what_is_sent_arrives_once_it_is_flushed() {
    let (mut pipe, mut peer) = pipe().await;
    assert!(!pipe.is_unflushed());
    poll_fn(|cx| pipe.poll_ready(cx)).await.unwrap();
    pipe.send(Message::text("one")).unwrap();
    assert!(pipe.is_unflushed());
    poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
    assert!(!pipe.is_unflushed());
    assert_eq!(peer.next().await.unwrap().unwrap(), Message::text("one"));
    peer.send(Message::text("two")).await.unwrap();
    assert_eq!(poll_fn(|cx| pipe.poll_frame(cx)).await.unwrap(), Message::text("two"));
    drop(peer);
    assert!(poll_fn(|cx| pipe.poll_frame(cx)).await.is_err());
}

#[tokio::test]
async fn so_many_pings_are_answered_before_more_is_owed() {
    let (mut pipe, mut peer) = pipe().await;
    for _ in 0..PONGS_MAX {
        peer.send(Message::Ping("a".into())).await.unwrap();
    }
    for read in 0..PONGS_MAX {
        assert!(!pipe.owes_pongs(), "{read}");
        let frame = poll_fn(|cx| pipe.poll_frame(cx)).await.unwrap();
        assert!(frame.is_ping() && pipe.is_unflushed());
    }
    assert!(pipe.owes_pongs());
    poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
    assert!(!pipe.owes_pongs() && !pipe.is_unflushed());
    assert!(peer.next().await.unwrap().unwrap().is_pong());
}

#[tokio::test]
async fn a_conversation_is_written_as_far_as_the_socket_takes_it() {
    let (mut pipe, mut peer) = pipe().await;
    let mut talk = talk(1_000);
    let mut task = Task::from_waker(Waker::noop());
    // The other end reads nothing: neither way waits, and nothing is lost.
    assert!(pipe.poll_say(&mut talk, &mut task).is_pending());
    assert!(talk.holds_frames() && pipe.is_unflushed());
    assert!(pipe.say_some(&mut talk) && !pipe.has_failed());
    assert!(talk.holds_frames() && pipe.is_unflushed());
    let reading = async {
        for _ in 0..1_000 {
            assert!(peer.next().await.unwrap().unwrap().is_text());
        }
    };
    let saying = async {
        poll_fn(|cx| pipe.poll_say(&mut talk, cx)).await.unwrap();
        poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
    };
    tokio::join!(reading, saying);
    assert!(!talk.holds_frames() && !pipe.is_unflushed());
}

#[tokio::test]
async fn what_the_socket_took_at_once_is_gone() {
    let (mut pipe, mut peer) = pipe().await;
    let mut talk = talk(1);
    assert!(pipe.say_some(&mut talk));
    assert!(!talk.holds_frames() && !pipe.is_unflushed());
    assert!(peer.next().await.unwrap().unwrap().is_text());
}

#[tokio::test]
async fn a_write_that_fails_outside_the_task_waits_for_it() {
    let (mut pipe, peer) = pipe().await;
    pipe.send(Message::Close(None)).unwrap();
    let mut talk = talk(2);
    // Nothing may be sent after a close frame.
    assert!(!pipe.say_some(&mut talk) && pipe.has_failed());
    assert!(talk.holds_frames(), "the second was not tried");
    assert!(pipe.take_failure().is_some() && pipe.take_failure().is_none());
    drop(peer);
}

#[tokio::test]
async fn a_reset_is_what_the_other_end_sees() {
    let (pipe, mut peer) = pipe().await;
    pipe.reset_on_drop();
    drop(pipe);
    let error = peer.next().await.unwrap().unwrap_err();
    let reset = matches!(&error, Error::Io(error)
        if error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(reset, "{error:?}");
}
