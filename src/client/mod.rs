//! One simulated client: connecting, joining, active, away, draining. It knows a protocol and
//! records what it sees; it knows neither reports nor other clients.

mod addresses;
mod agenda;
mod backoff;
mod context;
mod dial;
mod entry;
mod failure;
mod guest;
mod hearing;
mod life;
mod location;
mod login;
mod lookup;
mod mailbox;
mod person;
mod ping;
mod places;
mod preflight;
mod session;
mod setting;
mod socket;
mod standing;
mod stays;
mod tcp;
mod tls;
mod upgrade;

pub use addresses::prefer_family;
pub use agenda::{Agenda, Event};
pub use backoff::Backoff;
pub use context::{Client, Context};
pub use dial::{DialError, LoginHost, Target, message_bytes_max};
pub use entry::log_in;
pub use guest::{Exchange, Guest, Said, Told, Visit, Watch};
pub use life::{bury, live};
pub use location::{joined, names_of};
pub use login::{Answer, Request, request};
pub use lookup::{Lookup, host_of, look_up};
pub use mailbox::{Held, HoldUp, Mailbox, Order, Taken};
pub use person::person;
pub use preflight::preflight;
pub use setting::setting;
pub use socket::Traffic;
pub use tls::{Tls, TlsError};
pub use upgrade::Upgrade;
