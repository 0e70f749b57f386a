//! graphql-ws: rooms by subscription, which nobody confirms, and messages by mutation.

use serde_json::json;

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

const SUBPROTOCOL: &str = "graphql-transport-ws";

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("graphql_ws") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "room-1").await;
        let mut bob = enters(target, "room-1").await;
        ann.say(
            &json!({
                "id": "2",
                "type": "subscribe",
                "payload": {
                    "query": "mutation($r:String!,$b:String!){send(room:$r,body:$b)}",
                    "variables": { "r": "room-1", "b": "hi" },
                },
            })
            .to_string(),
        )
        .await;
        let delivery = r#"{"id":"room-1","type":"next","payload":{"data":{"message":"hi"}}}"#;
        bob.hears(delivery).await;
        // In the order of the server's own tasks.
        ann.hears_in_any_order([
            delivery,
            r#"{"id":"2","type":"next","payload":{"data":{"send":true}}}"#,
            r#"{"id":"2","type":"complete"}"#,
        ])
        .await;

        let mut stranger = Peer::speaking(&target.url("/graphql"), SUBPROTOCOL).await;
        stranger.say(r#"{"type":"connection_init","payload":{"token":"bad"}}"#).await;
        stranger.is_closed_with(4403).await;
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, room: &str) -> Peer {
    let mut peer = Peer::speaking(&target.url("/graphql"), SUBPROTOCOL).await;
    peer.say(r#"{"type":"connection_init"}"#).await;
    peer.hears(r#"{"type":"connection_ack"}"#).await;
    peer.say(
        &json!({
            "id": room,
            "type": "subscribe",
            "payload": {
                "query": "subscription($r:String!){message(room:$r)}",
                "variables": { "r": room },
            },
        })
        .to_string(),
    )
    .await;
    // What was said before is done when this is answered.
    peer.say(r#"{"type":"ping"}"#).await;
    peer.hears(r#"{"type":"pong"}"#).await;
    peer
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("graphql_ws") else { return };
    let speech =
        Speech { acknowledges: true, ..Speech::of("graphql-transport-ws", target.url("")) };
    hears_everything_and_comes_back(&mut target, &speech).await;
}
