//! A client as templates name it, and what of it no output may show: made here for sessions, logins and
//! guests alike.

use std::sync::Arc;

use crate::plan::Plan;
use crate::protocol::Protocol;
use crate::protocol::scope::{Captured, Person, Setting};
use crate::secrets::Secrets;

/// A client of the plan, before its first connection. `run` is the run's id as text, `setting` what it
/// shares with its cohort.
#[must_use]
pub fn person(plan: &Plan, client: u32, run: Arc<str>, setting: Arc<Setting>) -> Person {
    Person { client, run, user: plan.user(client), last_id: 0, setting }
}

/// Its values that a server may repeat: those it was given, and those it captured.
pub(super) fn secrets(protocol: &Protocol, person: &Person, captured: &Captured) -> Secrets {
    Secrets::new(protocol.secrets(person, captured))
}
