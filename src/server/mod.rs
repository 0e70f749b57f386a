//! The built-in reference server: chat rooms, echo, broadcast and feed over WebSocket.
//!
//! It uses the codecs and nothing of the load generator. A connection is one task that owns its
//! socket; others reach it only through its bounded queue. Locks, each a `std` one that is never
//! held across an await: the room map alone; a room, then a queue; everyone's list, then a queue.

mod config;
mod connection;
mod fanout;
mod faults;
mod feed;
mod http;
mod metrics;
mod pace;
mod queue;
mod rooms;
mod session;
mod state;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use config::{ServerConfig, SlowConsumer};
pub use metrics::ServerStats;
pub use tls::ServerTls;

use state::Shared;

/// Ten thousand clients come at once; the kernel cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Sockets beyond the connection limit: for health checks, metrics, and refusals in the making.
const SPARE_SOCKETS: usize = 64;

/// How long accepting rests when the system has no more files or memory for a socket. Otherwise
/// the waiting connection would make the loop spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener for [`serve`]. Must be called within a tokio runtime.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server gets its port back from connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves until `shutdown` resolves, then closes every connection with 1001 within
/// `config.drain_timeout`, and says what was counted.
///
/// Dropping the future ends all connections at once.
///
/// # Errors
/// A configuration that makes no sense, or a listener that can't accept any more. A single
/// connection's failure, or want of open files, is counted and survived.
pub async fn serve(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<ServerStats> {
    config.check()?;
    let max_sockets = config.max_connections.saturating_add(SPARE_SOCKETS);
    let feeds = config.mode == crate::protocol::ProtocolKind::Feed;
    let shared = Arc::new(Shared::new(config));
    // Aborted when dropped.
    let mut background = JoinSet::new();
    if feeds {
        background.spawn(feed::run(Arc::clone(&shared)));
    }
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut number = 0_u64;
    loop {
        // Each branch is cancel-safe.
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => note_end(&ended, &shared),
            accepted = listener.accept() => match accepted {
                Ok(_) if connections.len() >= max_sockets => {
                    shared.metrics.connections_refused.add(1);
                }
                Ok((stream, _)) => {
                    set_up(&stream, &shared.config);
                    number += 1;
                    connections.spawn(connection::run(stream, Arc::clone(&shared), number));
                }
                Err(error) if fatal(&error) => return Err(error),
                Err(_) => {
                    shared.metrics.accept_errors.add(1);
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(background);
    shared.close_all();
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            note_end(&ended, &shared);
        }
    };
    // Those that aren't done in time are aborted.
    let _ = timeout(shared.config.drain_timeout, drained).await;
    connections.shutdown().await;
    Ok(shared.stats())
}

/// A refused option costs speed, not correctness, and a peer that is gone refuses all of them.
fn set_up(stream: &TcpStream, config: &ServerConfig) {
    let _ = stream.set_nodelay(true);
    if let Some(bytes) = config.send_buffer_bytes {
        // The system takes a C `int`, and of 4 GiB nothing would be left.
        let bytes = bytes.min(i32::MAX as usize);
        let _ = SockRef::from(stream).set_send_buffer_size(bytes);
    }
}

fn note_end(ended: &Result<(), tokio::task::JoinError>, shared: &Shared) {
    if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
        shared.metrics.panics.add(1);
    }
}

/// Whether the listener itself is broken. Everything else passes: a peer that hung up while it
/// waited, or a limit that other connections' ends relieve.
fn fatal(error: &io::Error) -> bool {
    let broken = [Errno::EBADF, Errno::EINVAL, Errno::ENOTSOCK, Errno::EOPNOTSUPP];
    broken.iter().any(|errno| error.raw_os_error() == Some(*errno as i32))
}

/// A connection that panicked must not take the others with it: what it guarded is counters and
/// lists, none of which is left half-changed by anything that can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
