//! Socket.IO: rooms by events, each acknowledged under its id, binary in two frames.

use serde_json::json;

use super::load::{Speech, hears_everything_and_comes_back, replays_on_return};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("socketio") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "room-1").await;
        let mut bob = enters(target, "room-1").await;
        ann.say(r#"4217["msg","room-1","hi"]"#).await;
        bob.hears(r#"42["msg","hi"]"#).await;
        ann.hears(r#"42["msg","hi"]"#).await;
        ann.hears(r#"4317["stored"]"#).await;

        bob.say(r#"451-18["msg","room-1",{"_placeholder":true,"num":0}]"#).await;
        bob.say_bytes(b"\x00\xff").await;
        for peer in [&mut ann, &mut bob] {
            peer.hears(r#"451-["msg",{"_placeholder":true,"num":0}]"#).await;
            peer.hears_bytes(b"\x00\xff").await;
        }
        bob.hears(r#"4318["stored"]"#).await;

        bob.say(r#"4219["join","refused"]"#).await;
        bob.hears(r#"4319[{"ok":false,"room":"refused"}]"#).await;

        let mut stranger = Peer::connect(target, PATH).await;
        stranger.hears_json("0").await;
        stranger.say(r#"40{"token":"bad"}"#).await;
        stranger.hears(r#"44{"message":"unauthorized"}"#).await;
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, room: &str) -> Peer {
    let mut peer = Peer::connect(target, PATH).await;
    let greeting = peer.hears_json("0").await;
    assert_eq!(greeting["pingInterval"], 25_000);
    peer.say("40").await;
    assert!(peer.hears_json("40").await["sid"].is_string());
    peer.say(&format!(r#"423["join","{room}"]"#)).await;
    assert_eq!(peer.hears_json("433").await, json!([{ "ok": true, "room": room }]));
    peer
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("socketio") else { return };
    let speech = Speech { acknowledges: true, ..Speech::of("socket.io", target.url("")) };
    hears_everything_and_comes_back(&mut target, &speech).await;
}

/// A client resumes by its private id and the offset of the last event it heard, both of which it
/// captured.
#[tokio::test]
async fn a_resumed_client_hears_what_it_missed() {
    let Some(target) = Target::start("socketio_recovery") else { return };
    let protocol = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/targets/socketio_recovery.toml");
    let speech = Speech { acknowledges: true, ..Speech::of(protocol, target.url("")) };
    replays_on_return(&speech).await;
}
