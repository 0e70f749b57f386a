//! Starlette under uvicorn: rooms by path, frames relayed as they are.

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("uvicorn") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = Peer::connect(target, "/room-1").await;
        let mut bob = Peer::connect(target, "/room-1").await;
        ann.say("hi").await;
        bob.hears("hi").await;
        ann.hears("hi").await;
        bob.say_bytes(b"\x00\xff").await;
        ann.hears_bytes(b"\x00\xff").await;
        bob.hears_bytes(b"\x00\xff").await;
        [ann, bob]
    })
    .await;
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("uvicorn") else { return };
    let speech = Speech::of("plain", target.url(""));
    hears_everything_and_comes_back(&mut target, &speech).await;
}
