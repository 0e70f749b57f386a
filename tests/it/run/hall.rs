//! A small chat server whose words are a test's: it keeps rooms and sends what it is told to. No test
//! lives here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::support::folder_with;

/// How it is spoken to, as a file for `protocol = "./hall.toml"`: rooms by name, messages as JSON.
pub(super) const PROTOCOL: &str = r#"format = 1
name = "hall"
[join]
send = '{"join":"{{ room | json }}"}'
expect = { json = { "/joined" = "{{ room }}" } }
[publish]
send = '{"to":"{{ room | json }}","body":"{{ payload | json }}"}'
"#;

/// A folder with a scenario, and that file beside it.
pub(super) fn folder_beside_hall(scenario: &str) -> TempDir {
    let folder = folder_with(scenario);
    std::fs::write(folder.path().join("hall.toml"), PROTOCOL).unwrap();
    folder
}

/// What a client says by [`PROTOCOL`].
pub(super) enum Words {
    Join(String),
    /// To a room, and the body as JSON.
    Say(String, serde_json::Value),
}

/// What was said, if it is of [`PROTOCOL`].
pub(super) fn words(event: &Event<'_>) -> Option<Words> {
    let Event::Said(text) = event else { return None };
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(room) = json["join"].as_str() {
        return Some(Words::Join(room.to_owned()));
    }
    json["to"].as_str().map(|room| Words::Say(room.to_owned(), json["body"].clone()))
}

/// What happens to a connection.
pub(super) enum Event<'a> {
    Connected,
    Said(&'a str),
    Gone,
}

/// What the server does about it.
pub(super) type Manners = fn(&mut Hall, u64, Event<'_>);

/// Everyone who is there.
#[derive(Default)]
pub(super) struct Hall {
    connections: BTreeMap<u64, UnboundedSender<Message>>,
    rooms: BTreeMap<String, Vec<u64>>,
    /// Whatever the manners keep count of.
    pub(super) count: u64,
    /// What they keep of what was said.
    pub(super) kept: Vec<String>,
}

impl Hall {
    pub(super) fn say(&self, client: u64, text: impl Into<String>) {
        self.send(client, Message::text(text.into()));
    }

    pub(super) fn send(&self, client: u64, message: Message) {
        if let Some(connection) = self.connections.get(&client) {
            // One that goes away just now hears no more.
            let _ = connection.send(message);
        }
    }

    pub(super) fn close(&self, client: u64, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        self.send(client, Message::Close(Some(frame)));
    }

    pub(super) fn close_all(&self, code: u16, reason: &str) {
        for client in self.connections.keys() {
            self.close(*client, code, reason);
        }
    }

    pub(super) fn join(&mut self, client: u64, room: &str) {
        let members = self.rooms.entry(room.to_owned()).or_default();
        if !members.contains(&client) {
            members.push(client);
        }
    }

    /// Lets a client in, and says so.
    pub(super) fn let_in(&mut self, client: u64, room: &str) {
        self.join(client, room);
        self.say(client, format!(r#"{{"joined":"{room}"}}"#));
    }

    /// Says it to everyone in a room.
    pub(super) fn pass_on(&self, room: &str, body: &serde_json::Value) {
        for member in self.members(room) {
            self.say(member, format!(r#"{{"body":{body}}}"#));
        }
    }

    pub(super) fn leave(&mut self, client: u64, room: &str) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.retain(|member| *member != client);
        }
    }

    pub(super) fn leave_all(&mut self, client: u64) {
        for members in self.rooms.values_mut() {
            members.retain(|member| *member != client);
        }
    }

    pub(super) fn members(&self, room: &str) -> Vec<u64> {
        self.rooms.get(room).cloned().unwrap_or_default()
    }
}

/// The server, for as long as it is held.
pub(super) struct Server {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    pub(super) fn start(manners: Manners) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let hall = Arc::new(Mutex::new(Hall::default()));
        runtime.spawn(async move {
            for client in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, client, manners, Arc::clone(&hall)));
            }
        });
        Self { address, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/chat", self.address)
    }

    /// What was said, without the port, which the system chose.
    pub(super) fn unported(&self, text: &str) -> String {
        text.replace(&format!(":{}", self.address.port()), ":[port]")
    }
}

/// Errors are a client that has gone away, which is its right.
async fn serve(stream: TcpStream, client: u64, manners: Manners, hall: Arc<Mutex<Hall>>) {
    let Ok(mut ws) = accept_hdr_async(stream, take_subprotocol).await else { return };
    let (sender, mut queue): (_, UnboundedReceiver<Message>) = unbounded_channel();
    let tell = |event: Event<'_>| manners(&mut hall.lock().unwrap(), client, event);
    hall.lock().unwrap().connections.insert(client, sender);
    tell(Event::Connected);
    loop {
        tokio::select! {
            Some(message) = queue.recv() => {
                if ws.send(message).await.is_err() {
                    break;
                }
            }
            message = ws.next() => match message {
                Some(Ok(Message::Text(text))) => tell(Event::Said(&text)),
                Some(Ok(Message::Binary(bytes))) => {
                    tell(Event::Said(&String::from_utf8_lossy(&bytes)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }
    tell(Event::Gone);
    let mut hall = hall.lock().unwrap();
    hall.connections.remove(&client);
    hall.leave_all(client);
}

#[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn take_subprotocol(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    const NAME: &str = "Sec-WebSocket-Protocol";
    if let Some(offered) = request.headers().get(NAME) {
        response.headers_mut().insert(NAME, offered.clone());
    }
    Ok(response)
}
