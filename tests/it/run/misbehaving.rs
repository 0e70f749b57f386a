//! Servers that answer the upgrade wrongly, or hardly at all. No test lives here.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Nothing here waits longer for a client.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it does with a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// Answers the upgrade with this and hangs up.
    Answers(&'static str),
    /// Hangs up on the upgrade without a word.
    HangsUp,
    /// Accepts, and says nothing.
    Silent,
    /// Upgrades, and then says nothing.
    UpgradesOnly,
    /// Upgrades, and sends these bytes as frames.
    UpgradesAndSends(&'static [u8]),
    /// Sends bytes that are no HTTP.
    Babbles,
    /// Is given the connection and the request, and does what it likes.
    Does(fn(TcpStream, &str)),
}

pub(super) struct Misbehaving {
    address: SocketAddr,
    accepted: Receiver<()>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Misbehaving {
    pub(super) fn start(manner: Manner) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), manner)
    }

    pub(super) fn start_on(listener: TcpListener, manner: Manner) -> Self {
        let address = listener.local_addr().unwrap();
        let (accept, accepted) = channel();
        let (stop, connections) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&connections));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                counted.fetch_add(1, Ordering::AcqRel);
                let accept = accept.clone();
                std::thread::spawn(move || serve(stream, manner, &accept));
            }
        });
        Self { address, accepted, connections, stop, acceptor: Some(acceptor) }
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/chat", self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Waits until a client has sent its upgrade.
    pub(super) fn wait_for_client(&self) {
        self.accepted.recv_timeout(PATIENCE).expect("a client");
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Errors are a client that has gone away, which is its right.
fn serve(mut stream: TcpStream, manner: Manner, accepted: &Sender<()>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let Some(request) = read_request(&mut stream) else { return };
    let _ = accepted.send(());
    let answer = match manner {
        Manner::Answers(answer) => answer.to_owned(),
        Manner::HangsUp => return,
        Manner::Does(act) => return act(stream, &request),
        Manner::Silent => String::new(),
        Manner::Babbles => "220 mail.test ESMTP ready\r\n\r\n".to_owned(),
        Manner::UpgradesOnly | Manner::UpgradesAndSends(_) => upgraded(&request),
    };
    let _ = stream.write_all(answer.as_bytes());
    if let Manner::UpgradesAndSends(frames) = manner {
        let _ = stream.write_all(frames);
    }
    if matches!(manner, Manner::Answers(_) | Manner::Babbles) {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    until_it_goes(&mut stream);
}

/// Reads until the client goes.
pub(super) fn until_it_goes(stream: &mut TcpStream) {
    let mut heard = [0; 4096];
    while matches!(stream.read(&mut heard), Ok(1..)) {}
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut heard = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut heard) {
            Ok(length @ 1..) => request.extend_from_slice(&heard[..length]),
            Ok(0) | Err(_) => return None,
        }
    }
    String::from_utf8(request).ok()
}

/// The answer that accepts an upgrade.
pub(super) fn upgraded(request: &str) -> String {
    let header = |wanted: &str| {
        request.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let accept = derive_accept_key(header("Sec-WebSocket-Key").unwrap_or_default().as_bytes());
    let protocol = header("Sec-WebSocket-Protocol")
        .map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"))
        .unwrap_or_default();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    )
}
