//! mosquitto: MQTT 3.1.1 over WebSocket.

use super::mqtt;
use super::peer::relays_and_comes_back;
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("mosquitto") else { return };
    relays_and_comes_back(target, async |target| mqtt::two_talk(&target.url("/")).await).await;
}
