//! One connection's side of a protocol that a file describes.
//!
//! `steps` gets the connection and its rooms ready, `reading` says what a message means,
//! `sending` publishes, and `time` keeps limits and heartbeats. All of it is sans-I/O.

mod reading;
mod sending;
mod steps;
#[cfg(test)]
mod tests;
mod time;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::description::Description;
use super::frame::Frame;
use super::matcher::Matcher;
use super::outbox::Outbox;
use super::scope::{Captured, Person, RoomName, Scope};
use super::send::Send;
use super::template::Missing;
use super::{Failure, Taker};
use crate::metric::{ErrorKind, Step};

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The n-th step of `connect` waits.
    Connecting(usize),
    /// The n-th step of `resume` waits.
    Resuming(usize),
    /// Rooms can be joined.
    Open,
}

/// Something that is waited for.
#[derive(Clone, Debug)]
struct Wait {
    what: Taker,
    /// The room it is about, where it is about one.
    room: Option<u32>,
    /// The id that stood in what was sent.
    id: u64,
    /// `None`: nothing is said; only time passes.
    expect: Option<Matcher>,
    fail: Option<Matcher>,
    deadline_us: u64,
}

/// A room's publish, with everything spliced that doesn't change from message to message.
#[derive(Debug)]
struct Prepared {
    send: Send,
    binary: Option<Send>,
}

/// One connection's side.
#[derive(Debug)]
pub struct Talk {
    file: Arc<Description>,
    person: Rc<Person>,
    captured: Captured,
    stage: Stage,
    /// Counts up: the last `{{ id }}`.
    id: u64,
    waits: Vec<Wait>,
    /// The room the connection is for, where it is for one.
    home: Option<(Box<str>, u32)>,
    /// By the room's number; made when something is first said there.
    prepared: FxHashMap<u32, Prepared>,
    beat: time::Beat,
    pub(super) out: Outbox,
    pub(super) taker: Taker,
}

impl Talk {
    pub(super) fn new(
        file: &Arc<Description>,
        person: Rc<Person>,
        captured: Captured,
        home: Option<RoomName<'_>>,
    ) -> Self {
        let places = file.names.captures.len();
        let captured = if captured.len() == places { captured } else { Captured::new(places) };
        Self {
            file: Arc::clone(file),
            captured,
            home: home.map(|room| (room.name.into(), room.n)),
            stage: Stage::Connecting(0),
            id: person.last_id,
            waits: Vec::new(),
            prepared: FxHashMap::default(),
            beat: time::Beat::default(),
            out: Outbox::default(),
            taker: Taker::Nobody,
            person,
        }
    }

    pub(super) fn last_id(&self) -> u64 {
        self.id
    }

    pub(super) fn captured(&self) -> &Captured {
        &self.captured
    }

    /// What templates may name now.
    fn scope<'a>(&'a self, room: Option<RoomName<'a>>, id: Option<u64>) -> Scope<'a> {
        Scope {
            person: &self.person,
            captured: &self.captured,
            room: room.or_else(|| self.home.as_ref().map(|(name, n)| RoomName { name, n: *n })),
            id,
            payload: None,
            seq: None,
            now_ms: None,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.id += 1;
        self.id
    }

    /// Queues what is to be said.
    fn say(&mut self, send: &Send, room: Option<RoomName<'_>>, id: u64) -> Result<(), Missing> {
        // Moved out and back: the scope borrows the talk.
        let mut out = std::mem::take(&mut self.out);
        let said = send.frames(&self.scope(room, Some(id)), &mut out);
        self.out = out;
        said
    }

    pub(super) fn waiting(&self) -> Vec<(Taker, &Matcher)> {
        self.waits.iter().filter_map(|wait| Some((wait.what, wait.expect.as_ref()?))).collect()
    }

    pub(super) fn explain(
        &self,
        matcher: &Matcher,
        frame: &Frame<'_>,
    ) -> Vec<(String, Option<String>)> {
        let id = self.waits.iter().find(|wait| wait.expect.as_ref() == Some(matcher));
        matcher.explain(frame, &self.scope(None, id.map(|wait| wait.id)))
    }
}

/// In which step something failed.
fn step_of(what: Taker) -> Step {
    match what {
        Taker::Connect(_) => Step::Connect,
        Taker::Resume(_) => Step::Resume,
        Taker::Join(_) => Step::Join,
        Taker::Leave(_) => Step::Leave,
        _ => Step::Active,
    }
}

/// Something was to be said that names a value there isn't.
fn unsaid(what: Taker, missing: &Missing) -> Failure {
    Failure::new(step_of(what), ErrorKind::MissingValue, missing.to_string())
}
