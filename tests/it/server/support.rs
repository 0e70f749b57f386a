//! A server, clients that speak its protocol, and a deadline for everything. No test lives here.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uproar::codec::{ClientMessage, CodecKind, Content, ServerMessage};
use uproar::server::{ServerConfig, ServerStats};

/// Far more than anything here takes; reached only by a bug.
const DEADLINE: Duration = Duration::from_secs(20);

/// Set, it no longer grows to megabytes. Under a loopback segment (64 KiB) every read would end in
/// a wait for the kernel's timers.
const RECEIVE_BUFFER_BYTES: u32 = 128 * 1024;

/// Waits for what must happen.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} never happened"),
    }
}

pub(super) struct Server {
    pub(super) addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<ServerStats>>,
}

impl Server {
    pub(super) async fn start(config: ServerConfig) -> Self {
        let listener = uproar::server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(uproar::server::serve(listener, config, async {
            let _ = stopped.await;
        }));
        Self { addr, stop, task }
    }

    pub(super) async fn with_defaults() -> Self {
        Self::start(ServerConfig::default()).await
    }

    pub(super) async fn client(&self, codec: CodecKind) -> Client {
        self.try_client(codec).await.expect("an open connection")
    }

    pub(super) async fn try_client(&self, codec: CodecKind) -> Result<Client, Error> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        // Two writes in a row would wait 40 ms for each other.
        stream.set_nodelay(true).unwrap();
        upgrade(stream, codec).await
    }

    /// One whose kernel takes in little while nobody reads.
    pub(super) async fn small_client(&self, codec: CodecKind) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
        let stream = socket.connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        upgrade(stream, codec).await.expect("an open connection")
    }

    pub(super) fn shut_down(self) -> JoinHandle<std::io::Result<ServerStats>> {
        self.stop.send(()).expect("the server still runs");
        self.task
    }

    pub(super) async fn stop(self) -> ServerStats {
        let stats = soon("the server's end", self.shut_down()).await.unwrap().unwrap();
        assert_eq!(stats.panics, 0);
        stats
    }

    /// Sends bytes, and reads until the server closes.
    pub(super) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        soon("the answer's end", stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    pub(super) async fn metric(&self, name: &str) -> u64 {
        let page = self.exchange(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let prefix = format!("uproar_server_{name} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    /// Asks until the metric has the value: some things happen after their connection's end.
    pub(super) async fn metric_becomes(&self, name: &str, value: u64) {
        soon(name, async { while self.metric(name).await != value {} }).await;
    }
}

/// Over whatever carries the bytes.
pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    codec: CodecKind,
) -> Result<Client<S>, Error> {
    let mut request = "ws://localhost/ws".into_client_request().unwrap();
    let protocol = codec.subprotocol().parse().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let (socket, _) = soon("the upgrade", client_async(request, stream)).await?;
    Ok(Client { socket, codec })
}

pub(super) struct Client<S = TcpStream> {
    pub(super) socket: WebSocketStream<S>,
    codec: CodecKind,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) async fn say(&mut self, message: &ClientMessage<'_>) {
        self.send(self.codec.codec().encode_client(message)).await;
    }

    pub(super) async fn send(&mut self, frame: Message) {
        soon("a write", self.socket.send(frame)).await.unwrap();
    }

    pub(super) async fn ask_to_join(&mut self, room: &str, username: &str) {
        self.say(&ClientMessage::Join { room: room.into(), username: username.into() }).await;
    }

    pub(super) async fn join(&mut self, room: &str, username: &str) {
        self.ask_to_join(room, username).await;
        assert_eq!(self.hear().await, format!("joined {room}"));
    }

    pub(super) async fn leave(&mut self, room: &str) {
        self.say(&ClientMessage::Leave { room: room.into() }).await;
    }

    pub(super) async fn publish(&mut self, room: &str, text: &str) {
        let content = Content::Text(text.into());
        self.say(&ClientMessage::Message { room: room.into(), content }).await;
    }

    pub(super) async fn publish_bytes(&mut self, room: &str, bytes: &[u8]) {
        let content = Content::Binary(bytes.into());
        self.say(&ClientMessage::Message { room: room.into(), content }).await;
    }

    /// Everything this client sent before has been taken once the answer is here, and everything
    /// the server said before has been heard.
    pub(super) async fn ping(&mut self) {
        self.say(&ClientMessage::Ping).await;
        assert_eq!(self.hear().await, "pong");
    }

    pub(super) async fn frame(&mut self) -> Message {
        loop {
            let frame = soon("a frame", self.socket.next()).await.expect("an open connection");
            match frame.expect("a frame") {
                Message::Ping(_) | Message::Pong(_) => {}
                frame => return frame,
            }
        }
    }

    /// The next message, in words.
    pub(super) async fn hear(&mut self) -> String {
        let frame = self.frame().await;
        match self.codec.codec().decode_server(&frame) {
            Ok(message) => in_words(&message),
            Err(error) => panic!("{frame:?}: {error}"),
        }
    }

    /// The next message, which must be of a feed.
    pub(super) async fn event(&mut self) -> (u64, f64) {
        let frame = self.frame().await;
        match self.codec.codec().decode_server(&frame) {
            Ok(ServerMessage::Feed { seq, value, timestamp_ms: 1.. }) => (seq, value),
            other => panic!("{other:?}"),
        }
    }

    /// The server's close code; what comes before it is skipped.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            match soon("a close", self.socket.next()).await {
                Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => return code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }
}

impl Client {
    /// Ends the connection with a TCP reset.
    pub(super) fn reset(self) {
        let stream = self.socket.get_ref();
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn in_words(message: &ServerMessage<'_>) -> String {
    match message {
        ServerMessage::Joined { room } => format!("joined {room}"),
        ServerMessage::Left { room } => format!("left {room}"),
        ServerMessage::Message { room, username, content: Content::Text(text), .. } => {
            format!("{room} {username}: {text}")
        }
        ServerMessage::Message { room, username, content: Content::Binary(bytes), .. } => {
            format!("{room} {username}: {bytes:02x?}")
        }
        ServerMessage::Message { room, username, content: Content::Post(post), .. } => {
            format!("{room} {username}: {post:?}")
        }
        ServerMessage::Pong => "pong".to_owned(),
        ServerMessage::Error { reason } => format!("error: {reason}"),
        ServerMessage::Feed { seq, .. } => format!("event {seq}"),
    }
}
