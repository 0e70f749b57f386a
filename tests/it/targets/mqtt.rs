//! MQTT 3.1.1 by hand, packet by packet, for the servers that speak it.

use super::peer::Peer;

/// Two clients subscribe to a topic; one publishes with QoS 0, the other with QoS 1.
pub(super) async fn two_talk(url: &str) -> [Peer; 2] {
    let mut ann = enters(url, b"ann").await;
    let mut bob = enters(url, b"bob").await;
    ann.say_bytes(b"\x30\x06\x00\x02r1hi").await;
    bob.hears_bytes(b"\x30\x06\x00\x02r1hi").await;
    ann.hears_bytes(b"\x30\x06\x00\x02r1hi").await;

    // Both subscribed with QoS 0, so only the server answers for it.
    bob.say_bytes(b"\x32\x08\x00\x02r1\x00\x07ho").await;
    ann.hears_bytes(b"\x30\x06\x00\x02r1ho").await;
    let delivery: &[u8] = b"\x30\x06\x00\x02r1ho";
    bob.hears_bytes_in_any_order([delivery, b"\x40\x02\x00\x07"]).await;
    [ann, bob]
}

async fn enters(url: &str, client: &[u8; 3]) -> Peer {
    let mut peer = Peer::speaking(url, "mqtt").await;
    // Level 4, clean session, 60 s of keep alive.
    let connect = [b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03", &client[..]].concat();
    peer.say_bytes(&connect).await;
    peer.hears_bytes(b"\x20\x02\x00\x00").await;
    peer.say_bytes(b"\x82\x07\x00\x01\x00\x02r1\x00").await;
    peer.hears_bytes(b"\x90\x03\x00\x01\x00").await;
    peer
}
