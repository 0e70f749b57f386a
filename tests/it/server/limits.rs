//! Every bound is held, is told to whom it concerns, and is relieved when it can be.

use tokio_tungstenite::tungstenite::{Error, Message};
use uproar::codec::CodecKind::{Binary, Json};
use uproar::server::ServerConfig;

use super::support::{Server, soon};

#[tokio::test]
async fn one_connection_too_many_is_answered_503_until_another_ends() {
    let server = Server::start(ServerConfig { max_connections: 1, ..Default::default() }).await;
    let first = server.client(Json).await;
    match server.try_client(Json).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        _ => panic!("a second connection"),
    }
    // The pages are there all the same.
    assert_eq!(server.metric("connections_refused_total").await, 1);
    drop(first);
    soon("a free place", async { while server.try_client(Json).await.is_err() {} }).await;
}

#[tokio::test]
async fn rooms_are_bounded_in_all_and_by_connection() {
    let config = ServerConfig { max_rooms: 2, max_rooms_per_connection: 1, ..Default::default() };
    let server = Server::start(config).await;
    let mut first = server.client(Json).await;
    let mut second = server.client(Binary).await;
    let mut third = server.client(Json).await;
    first.join("r1", "1").await;
    first.ask_to_join("r2", "1").await;
    assert_eq!(first.hear().await, "error: this connection is in too many rooms");
    second.join("r2", "2").await;
    third.ask_to_join("r3", "3").await;
    assert_eq!(third.hear().await, "error: the server has too many rooms");
    first.leave("r1").await;
    assert_eq!(first.hear().await, "left r1");
    third.join("r3", "3").await;
}

#[tokio::test]
async fn names_are_bounded() {
    let config =
        ServerConfig { max_room_name_bytes: 2, max_username_bytes: 2, ..Default::default() };
    let server = Server::start(config).await;
    let mut client = server.client(Json).await;
    for (room, username, answer) in [
        ("", "u", "error: the room is empty"),
        ("123", "u", "error: the room is longer than 2 bytes"),
        ("r", "123", "error: the username is longer than 2 bytes"),
        ("12", "12", "joined 12"),
    ] {
        client.ask_to_join(room, username).await;
        assert_eq!(client.hear().await, answer);
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_closed_with_1009() {
    let server = Server::start(ServerConfig { max_message_bytes: 100, ..Default::default() }).await;
    let mut client = server.client(Binary).await;
    client.join("r", "c").await;
    client.send(Message::binary(vec![0; 100])).await;
    assert_eq!(client.hear().await, "error: unknown message type 0x00");
    client.send(Message::binary(vec![0; 101])).await;
    assert_eq!(client.close_code().await, 1009);
    server.metric_becomes("rooms", 0).await;
    assert_eq!(server.metric(r#"connections_closed_total{by="too_big"}"#).await, 1);
}

#[tokio::test]
async fn a_configuration_without_sense_is_refused() {
    let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let config = ServerConfig { queue_messages: 0, ..Default::default() };
    let error = uproar::server::serve(listener, config, std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
