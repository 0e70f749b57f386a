//! RabbitMQ: STOMP 1.2 and MQTT 3.1.1 over WebSocket, on a port each.

use super::load::{Speech, hears_everything_and_comes_back};
use super::mqtt;
use super::peer::Peer;
use super::target::Target;

/// STOMP, MQTT, and two that a node needs for itself.
const PORTS: usize = 4;

/// One after the other on one node, which takes seconds of all processors to start: two clients by
/// hand, and again after each time that it was killed amid a hundred.
#[tokio::test]
async fn the_server_relays_and_clients_hear_everything_and_come_back() {
    let Some(mut target) = Target::start_with_ports("rabbitmq", PORTS) else { return };
    let stomp = Speech { acknowledges: true, ..Speech::of("stomp", target.url("")) };
    let mqtt = Speech {
        params: &["username=guest", "password=guest", "qos=1"],
        acknowledges: true,
        ..Speech::of("mqtt", target.url_at(1, "/ws"))
    };
    let [mut ann, mut bob] = two_talk(&target).await;
    hears_everything_and_comes_back(&mut target, &stomp).await;
    for peer in [&mut ann, &mut bob] {
        peer.is_cut_off().await;
    }
    two_talk(&target).await;
    hears_everything_and_comes_back(&mut target, &mqtt).await;
    two_talk(&target).await;
}

async fn two_talk(target: &Target) -> [Peer; 2] {
    mqtt::two_talk(&target.url_at(1, "/ws")).await;

    let mut ann = enters(target, "s1").await;
    let mut bob = enters(target, "s2").await;
    ann.say("SEND\ndestination:/topic/room-1\nreceipt:p1\n\nhi\0").await;
    let heard = bob.next_text().await;
    is_delivery(&heard, "s2");
    // The receipt and the sender's own copy come in either order.
    let both = [ann.next_text().await, ann.next_text().await];
    let (receipts, copies): (Vec<_>, Vec<_>) =
        both.into_iter().partition(|frame| frame.starts_with("RECEIPT"));
    assert_eq!(receipts, ["RECEIPT\nreceipt-id:p1\n\n\0\n"], "{copies:?}");
    is_delivery(&copies[0], "s1");
    [ann, bob]
}

fn is_delivery(frame: &str, subscription: &str) {
    let start = format!("MESSAGE\nsubscription:{subscription}\n");
    assert!(frame.starts_with(&start), "{frame}");
    // The sender's own header, which is no answer to anybody else.
    assert!(frame.contains("\nreceipt:p1\n"), "{frame}");
    assert!(frame.ends_with("\n\nhi\0\n"), "{frame}");
}

async fn enters(target: &Target, subscription: &str) -> Peer {
    let mut peer = Peer::speaking(&target.url("/ws"), "v12.stomp").await;
    peer.say(
        "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0",
    )
    .await;
    let answer = peer.next_text().await;
    assert!(answer.starts_with("CONNECTED\n"), "{answer}");
    peer.say(&format!("SUBSCRIBE\nid:{subscription}\ndestination:/topic/room-1\nreceipt:j1\n\n\0"))
        .await;
    peer.hears("RECEIPT\nreceipt-id:j1\n\n\0\n").await;
    peer
}
