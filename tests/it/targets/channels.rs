//! Django Channels under daphne: rooms by path, a message in JSON that comes back reformatted.

use super::load::{Speech, hears_everything_and_comes_back};
use super::peer::{Peer, relays_and_comes_back};
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("channels") else { return };
    relays_and_comes_back(target, async |target| {
        let mut ann = Peer::connect(target, "/ws/room-1/").await;
        let mut bob = Peer::connect(target, "/ws/room-1/").await;
        ann.say(r#"{"message":"hi"}"#).await;
        bob.hears(r#"{"message": "hi"}"#).await;
        ann.hears(r#"{"message": "hi"}"#).await;
        assert_eq!(Peer::refused(target, "/ws/refused/").await, 403);
        [ann, bob]
    })
    .await;
}

#[tokio::test]
async fn clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start("channels") else { return };
    let speech = Speech::of("channels", target.url(""));
    hears_everything_and_comes_back(&mut target, &speech).await;
}
