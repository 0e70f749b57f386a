//! Action Cable under Puma: rooms by subscription, JSON inside a JSON string, pings nobody answers.

use serde_json::{Value, json};

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

const SUBPROTOCOL: &str = "actioncable-v1-json";

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("actioncable") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "room-1").await;
        let mut bob = enters(target, "room-1").await;
        ann.say(
            &json!({
                "command": "message",
                "identifier": identifier("room-1"),
                "data": r#"{"action":"speak","body":"hi"}"#,
            })
            .to_string(),
        )
        .await;
        let delivery = json!({ "identifier": identifier("room-1"), "message": { "body": "hi" } });
        assert_eq!(bob.hears_json("").await, delivery);
        assert_eq!(ann.hears_json("").await, delivery);

        let answer = asks_to_enter(&mut bob, "refused").await;
        assert_eq!(answer["type"], "reject_subscription");
        let mut stranger = Peer::speaking(&target.url("/cable?token=bad"), SUBPROTOCOL).await;
        stranger.hears(r#"{"type":"disconnect","reason":"unauthorized","reconnect":false}"#).await;
        stranger.is_closed_with(1000).await;
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, room: &str) -> Peer {
    let mut peer =
        Peer::speaking(&target.url("/cable"), SUBPROTOCOL).await.ignoring(r#"{"type":"ping""#);
    peer.hears(r#"{"type":"welcome"}"#).await;
    let answer = asks_to_enter(&mut peer, room).await;
    assert_eq!(answer, json!({ "identifier": identifier(room), "type": "confirm_subscription" }));
    peer
}

async fn asks_to_enter(peer: &mut Peer, room: &str) -> Value {
    let command = json!({ "command": "subscribe", "identifier": identifier(room) });
    peer.say(&command.to_string()).await;
    peer.hears_json("").await
}

/// What the server repeats byte for byte, so the order of the keys counts.
fn identifier(room: &str) -> String {
    format!(r#"{{"channel":"RoomChannel","room":"{room}"}}"#)
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("actioncable") else { return };
    let speech = Speech::of("action-cable", target.url("/cable?token=u"));
    hears_everything_and_comes_back(&mut target, &speech).await;
}
