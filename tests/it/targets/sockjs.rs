//! SockJS: rooms by path, messages in an array, one frame each on the way back.

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("sockjs") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = enters(target, "/chat/room-1/000/ann/websocket").await;
        let mut bob = enters(target, "/chat/room-1/000/bob/websocket").await;
        ann.say(r#"["hi","there"]"#).await;
        for peer in [&mut ann, &mut bob] {
            peer.hears(r#"a["hi"]"#).await;
            peer.hears(r#"a["there"]"#).await;
        }
        let mut raw = Peer::connect(target, "/chat/room-1/websocket").await;
        bob.say(r#"["again"]"#).await;
        ann.hears(r#"a["again"]"#).await;
        bob.hears(r#"a["again"]"#).await;
        raw.hears("again").await;

        let mut stranger = enters(target, "/chat/room-2/000/eve/websocket").await;
        stranger.say("no array").await;
        stranger.is_closed_with(3000).await;
        [ann, bob]
    })
    .await;
}

async fn enters(target: &Target, path: &str) -> Peer {
    let mut peer = Peer::connect(target, path).await;
    peer.hears("o").await;
    peer
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("sockjs") else { return };
    let speech = Speech::of("sockjs", target.url(""));
    hears_everything_and_comes_back(&mut target, &speech).await;
}
