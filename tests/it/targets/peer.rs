//! A client made by hand, for tests that hold what a server does. It knows nothing of uproar.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::target::Target;

/// Far more than anything here takes; reached only by a bug.
const DEADLINE: Duration = Duration::from_secs(20);

/// One connection. Whatever is not heard in time fails the test.
#[derive(Debug)]
pub(super) struct Peer {
    socket: WebSocketStream<TcpStream>,
    /// Frames that begin so come whenever the server likes.
    ignored: Option<&'static str>,
}

impl Peer {
    pub(super) async fn connect(target: &Target, path: &str) -> Self {
        Self::upgrade(&target.url(path), None).await.unwrap()
    }

    /// One that speaks a subprotocol, which the server must accept.
    pub(super) async fn speaking(url: &str, subprotocol: &str) -> Self {
        Self::upgrade(url, Some(subprotocol)).await.unwrap()
    }

    /// The status of an answer that is no upgrade.
    pub(super) async fn refused(target: &Target, path: &str) -> u16 {
        match Self::upgrade(&target.url(path), None).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn upgrade(url: &str, subprotocol: Option<&str>) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        if let Some(name) = subprotocol {
            let name = HeaderValue::from_str(name).unwrap();
            request.headers_mut().insert("Sec-WebSocket-Protocol", name);
        }
        soon("the upgrade", async {
            let authority = request.uri().authority().expect("a host").to_string();
            let stream = TcpStream::connect(authority).await?;
            let (socket, _) = client_async(request, stream).await?;
            Ok(Self { socket, ignored: None })
        })
        .await
    }

    /// Passes over frames that begin so.
    pub(super) fn ignoring(mut self, start: &'static str) -> Self {
        self.ignored = Some(start);
        self
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// The next frame is this text.
    pub(super) async fn hears(&mut self, text: &str) {
        assert_eq!(self.next_text().await, text);
    }

    /// The next frame is this in binary.
    pub(super) async fn hears_bytes(&mut self, bytes: &[u8]) {
        assert_eq!(self.next_bytes().await, bytes);
    }

    /// The next frames are these texts, in whatever order.
    pub(super) async fn hears_in_any_order<const N: usize>(&mut self, mut texts: [&str; N]) {
        let mut heard = Vec::new();
        for _ in 0..N {
            heard.push(self.next_text().await);
        }
        heard.sort();
        texts.sort_unstable();
        assert_eq!(heard, texts);
    }

    /// The next frames are these in binary, in whatever order.
    pub(super) async fn hears_bytes_in_any_order<const N: usize>(&mut self, mut all: [&[u8]; N]) {
        let mut heard = Vec::new();
        for _ in 0..N {
            heard.push(self.next_bytes().await);
        }
        heard.sort();
        all.sort_unstable();
        assert_eq!(heard, all);
    }

    /// The next frame, as JSON behind what stands before it.
    pub(super) async fn hears_json(&mut self, prefix: &str) -> Value {
        let text = self.next_text().await;
        let json = text.strip_prefix(prefix).unwrap_or_else(|| panic!("{prefix}: {text}"));
        serde_json::from_str(json).unwrap()
    }

    pub(super) async fn next_text(&mut self) -> String {
        let message = self.next().await;
        assert!(message.is_text(), "{message:?}");
        message.into_text().unwrap().to_string()
    }

    pub(super) async fn next_bytes(&mut self) -> Vec<u8> {
        let message = self.next().await;
        assert!(message.is_binary(), "{message:?}");
        message.into_data().to_vec()
    }

    /// The next frame of data.
    async fn next(&mut self) -> Message {
        soon("a frame", async {
            loop {
                let message = self.socket.next().await.expect("an open connection").unwrap();
                let ignored = self.ignored.map(str::as_bytes);
                match message {
                    Message::Ping(_) | Message::Pong(_) => {}
                    Message::Text(_) | Message::Binary(_) => {
                        let data = message.clone().into_data();
                        if !ignored.is_some_and(|start| data.starts_with(start)) {
                            return message;
                        }
                    }
                    Message::Close(_) | Message::Frame(_) => panic!("no data: {message:?}"),
                }
            }
        })
        .await
    }

    /// The server closes the connection with this code.
    pub(super) async fn is_closed_with(&mut self, code: u16) {
        let frame = soon("a close frame", async {
            loop {
                match self.socket.next().await.expect("an open connection").unwrap() {
                    Message::Close(frame) => return frame,
                    _ => continue,
                }
            }
        })
        .await;
        assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(code));
    }

    /// The connection ends without a close frame.
    pub(super) async fn is_cut_off(&mut self) {
        let error = soon("the end of the connection", async {
            loop {
                match self.socket.next().await.expect("an error before the end") {
                    Ok(Message::Close(frame)) => panic!("closed in order: {frame:?}"),
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        })
        .await;
        assert!(matches!(error, Error::Io(_) | Error::Protocol(_)), "{error}");
    }
}

/// What two clients say holds, then the server is killed, both are cut off, and after it is back all
/// of it holds again.
pub(super) async fn relays_and_comes_back(
    mut target: Target,
    talk: impl AsyncFn(&Target) -> [Peer; 2],
) {
    let peers = talk(&target).await;
    target.kill();
    for mut peer in peers {
        peer.is_cut_off().await;
    }
    target.start_again();
    talk(&target).await;
}

/// Waits for what must happen.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} never came"),
    }
}
