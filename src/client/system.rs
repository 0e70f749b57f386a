//! What the system says went wrong with a socket, placed in the closed taxonomy.

use std::io;

use nix::libc;

use super::error::DialError;
use crate::metric::{ErrorKind, LocalLimit, Step};

/// Places an error of the system in the taxonomy.
pub(super) fn system_error(error: &io::Error, step: Step) -> DialError {
    use io::ErrorKind as Io;
    let kind = match (error.kind(), error.raw_os_error()) {
        (_, Some(libc::EMFILE | libc::ENFILE)) => {
            let text = "no file descriptor left: raise the open-file limit (ulimit -n)";
            return DialError::local_limit(LocalLimit::OpenFiles, step, text);
        }
        (_, Some(libc::EADDRNOTAVAIL)) => {
            let text = "no local port left: give the target more source_addresses";
            return DialError::local_limit(LocalLimit::Ports, step, text);
        }
        (_, Some(libc::ENOBUFS | libc::ENOMEM)) => {
            let text = format!("no memory left for a socket: {error}");
            return DialError::local_limit(LocalLimit::Memory, step, text);
        }
        (Io::ConnectionRefused, _) => ErrorKind::Refused,
        (Io::TimedOut, _) => ErrorKind::TimedOut,
        (Io::ConnectionReset | Io::BrokenPipe | Io::UnexpectedEof | Io::ConnectionAborted, _) => {
            ErrorKind::Reset
        }
        _ => ErrorKind::Io,
    };
    DialError::new(kind, step, error.to_string())
}
