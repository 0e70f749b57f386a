//! SocketCluster: rooms are channels, each call is answered under its id.

use serde_json::json;

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("socketcluster") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "room-1").await;
        let mut bob = enters(target, "room-1").await;
        ann.say(r##"{"event":"#publish","data":{"channel":"room-1","data":"hi"},"cid":3}"##).await;
        let delivery = r##"{"event":"#publish","data":{"channel":"room-1","data":"hi"}}"##;
        bob.hears(delivery).await;
        ann.hears_in_any_order([delivery, r#"{"rid":3}"#]).await;

        ann.say(r##"{"event":"#publish","data":{},"cid":4}"##).await;
        let answer = ann.hears_json("").await;
        assert_eq!(answer["rid"], 4);
        assert!(answer["error"]["message"].is_string(), "{answer}");
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, room: &str) -> Peer {
    let mut peer = Peer::connect(target, "/socketcluster/").await;
    peer.say(r##"{"event":"#handshake","data":{"authToken":null},"cid":1}"##).await;
    let answer = peer.hears_json("").await;
    assert_eq!(answer["rid"], 1);
    assert_eq!(answer["data"]["pingTimeout"], 30_000);
    peer.say(&json!({ "event": "#subscribe", "data": { "channel": room }, "cid": 2 }).to_string())
        .await;
    assert_eq!(peer.hears_json("").await, json!({ "rid": 2 }));
    peer
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("socketcluster") else { return };
    let speech = Speech { acknowledges: true, ..Speech::of("socketcluster", target.url("")) };
    hears_everything_and_comes_back(&mut target, &speech).await;
}
