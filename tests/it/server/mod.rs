//! The built-in server over real sockets: every test has its own server on its own port, waits
//! for events under a deadline, and never sleeps.

mod chat;
mod closing;
mod http;
mod limits;
mod modes;
mod slow_consumer;
mod support;
mod tls;
