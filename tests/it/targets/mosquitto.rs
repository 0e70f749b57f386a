//! mosquitto: MQTT 3.1.1 over WebSocket.

use super::load::{Speech, hears_everything_and_comes_back, replays_on_return};
use super::mqtt;
use super::peer::relays_and_comes_back;
use super::target::Target;

#[tokio::test]
async fn the_server_relays_and_comes_back() {
    let Some(target) = Target::start("mosquitto") else { return };
    relays_and_comes_back(target, async |target| mqtt::two_talk(&target.url("/")).await).await;
}

#[tokio::test]
async fn clients_hear_everything_and_come_back_at_qos_0() {
    let Some(mut target) = Target::start("mosquitto") else { return };
    let speech = Speech::of("mqtt", target.url("/"));
    hears_everything_and_comes_back(&mut target, &speech).await;
}

#[tokio::test]
async fn clients_hear_everything_and_come_back_at_qos_1_of_mqtt_5() {
    let Some(mut target) = Target::start("mosquitto") else { return };
    let speech = Speech {
        params: &["qos=1", "version=5"],
        acknowledges: true,
        ..Speech::of("mqtt", target.url("/"))
    };
    hears_everything_and_comes_back(&mut target, &speech).await;
}

#[tokio::test]
async fn clients_hear_everything_and_come_back_at_qos_1() {
    let Some(mut target) = Target::start("mosquitto") else { return };
    let speech =
        Speech { params: &["qos=1"], acknowledges: true, ..Speech::of("mqtt", target.url("/")) };
    hears_everything_and_comes_back(&mut target, &speech).await;
}

#[tokio::test]
async fn a_session_that_is_kept_replays_what_its_client_missed() {
    let kept: [&[&str]; 2] = [
        &["qos=1", "version=5", "clean_start=false", "session_expiry=60"],
        // Its server decides for how long.
        &["qos=1", "version=3.1.1", "clean_start=false"],
    ];
    for params in kept {
        let Some(target) = Target::start("mosquitto") else { return };
        let speech = Speech { params, acknowledges: true, ..Speech::of("mqtt", target.url("/")) };
        replays_on_return(&speech).await;
    }
}
