//! One simulated client: connecting, joining, active, away, draining. It knows a protocol and
//! records what it sees; it knows neither reports nor other clients.

mod addresses;
mod agenda;
mod backoff;
mod context;
mod dial;
mod failure;
mod guest;
mod life;
mod lookup;
mod mailbox;
mod ping;
mod preflight;
mod session;
mod socket;
mod stays;
mod tcp;

pub use addresses::prefer_family;
pub use agenda::{Agenda, Event};
pub use backoff::Backoff;
pub use context::{Client, Context};
pub use dial::{DialError, Target};
pub use guest::{Exchange, Guest, Told, Unseen, Visit, Watch};
pub use life::live;
pub use lookup::{Lookup, host_of, look_up};
pub use mailbox::{Held, HoldUp, Mailbox, Order, Taken};
pub use preflight::preflight;
