//! One simulated client: connecting, joining, active, away, draining. It knows a protocol and
//! records what it sees; it knows neither reports nor other clients.

mod agenda;
mod backoff;
mod context;
mod dial;
mod life;
mod mailbox;
mod ping;
mod preflight;
mod session;
mod socket;
mod stays;

pub use agenda::{Agenda, Event};
pub use backoff::Backoff;
pub use context::{Client, Context};
pub use dial::{DialError, Target};
pub use life::live;
pub use mailbox::{Held, HoldUp, Mailbox, Order, Taken};
pub use preflight::{Preflight, preflight};
