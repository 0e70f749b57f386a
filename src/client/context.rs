//! What all clients of a worker share, and what each has of its own across its connections.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::agenda::Agenda;
use super::error::DialError;
use super::mailbox::{HoldUp, Mailbox, Order};
use super::person::{person, secrets};
use super::places::Places;
use super::socket::Traffic;
use super::target::Target;
use crate::machine::clock::Clock;
use crate::measure::{Recorder, Standing};
use crate::plan::Plan;
use crate::protocol::scope::{Captured, Person, RoomName, Setting};
use crate::protocol::{Audience, Protocol, Talk};
use crate::secrets::Secrets;
use crate::stamp::seq;

/// Shared by the clients of one worker, on one thread.
#[derive(Debug)]
pub struct Context {
    /// What is to happen.
    pub plan: Arc<Plan>,
    /// Where to dial.
    pub target: Arc<Target>,
    /// The run's id, in every stamp.
    pub run: u32,
    /// The run's clock.
    pub clock: Clock,
    /// The worker's due times.
    pub agenda: Agenda,
    /// The worker's recorder. Borrowed for single calls only, never across an await.
    pub recorder: RefCell<Recorder>,
    /// By room number; empty for rooms without a name.
    pub room_names: Vec<String>,
    /// By cohort.
    pub protocols: Vec<Protocol>,
    /// By cohort: what its clients' templates may name.
    pub settings: Vec<Arc<Setting>>,
    /// By the author's cohort, whether messages say what people say and can be held against it where
    /// they arrive, and then whether they are written with XML's entities; empty where none do.
    pub compared: Vec<Option<bool>>,
    /// This run's id as text.
    pub run_name: Arc<str>,
    /// A payload's memory, kept for the next one.
    pub payload: RefCell<String>,
    /// Bytes on the sockets, by cohort.
    pub traffic: Vec<Rc<Traffic>>,
    /// Clients that are joined in all their rooms.
    pub up: Cell<u32>,
    /// Whether the schedule has ended, so that nothing new is due.
    pub draining: Cell<bool>,
    /// Whether the run is over, so that everybody is sent home.
    pub ending: Cell<bool>,
    /// Where the clients stand.
    pub standing: Cell<Standing>,
    /// The longest that a client took from its dial until it was joined.
    pub slowest_ready_us: Cell<u64>,
    /// Closed loop: the longest that an answer took.
    pub slowest_answer_us: Cell<u64>,
    /// Sockets of clients that fell silent: open until the worker ends, and out of its reactor,
    /// so that what a server still sends them wakes nobody.
    pub silent: RefCell<Vec<std::net::TcpStream>>,
}

impl Context {
    /// A room as templates name it.
    pub(super) fn room(&self, room: u32) -> RoomName<'_> {
        RoomName { name: &self.room_names[room as usize], n: room }
    }

    /// A client as templates name it.
    pub(super) fn person(&self, client: &Client) -> Person {
        let run = Arc::clone(&self.run_name);
        let setting = Arc::clone(&self.settings[client.cohort]);
        Person { last_id: client.last_id.get(), ..person(&self.plan, client.id, run, setting) }
    }

    /// A connection's side of the client's protocol.
    pub(super) fn talk(&self, client: &Client) -> Talk {
        let protocol = &self.protocols[client.cohort];
        let person = Rc::new(self.person(client));
        let captured = client.captured.borrow().clone();
        Talk::new(protocol, person, captured, self.home(client))
    }

    /// The room that a client's connections are for, where they are for one.
    pub(super) fn home(&self, client: &Client) -> Option<RoomName<'_>> {
        if self.protocols[client.cohort].audience() != Audience::Connected {
            return None;
        }
        self.plan.memberships(client.id).first().map(|membership| self.room(membership.room))
    }

    /// What of a client's own no output may show, with what it has captured so far.
    pub(super) fn secrets(&self, client: &Client, captured: &Captured) -> Secrets {
        secrets(&self.protocols[client.cohort], &self.person(client), captured)
    }

    pub(super) fn failure(
        &self,
        client: &Client,
        error: &DialError,
        secrets: impl FnOnce() -> Secrets,
    ) {
        let DialError { kind, detail, step, ref text } = *error;
        let key = crate::measure::ErrorKey { kind, detail, step, cohort: client.cohort as u16 };
        let example = || secrets().redact(text).into_owned();
        self.recorder.borrow_mut().error(key, self.clock.now_us(), example);
    }
}

/// Smaller `{{ id }}`s are those of the clients that are sent before the run.
const IDS_BEFORE: u64 = 1_000;

/// One client, across all its connections.
#[derive(Debug)]
pub struct Client {
    /// The plan's number.
    pub id: u32,
    /// Its place among the worker's clients.
    pub local: u32,
    /// Its cohort, as an index.
    pub cohort: usize,
    /// Orders and due messages.
    pub mailbox: Mailbox,
    /// The next sequence number for each room it has published to.
    pub(super) seqs: RefCell<FxHashMap<u32, u32>>,
    /// Whether it ever came up.
    pub started: Cell<bool>,
    /// Whether the plan has it up now. Orders can be lost on the way from one connection to the next;
    /// this can't.
    wanted: Cell<bool>,
    /// Whether it was joined, lost its connection and is not joined again.
    pub(super) not_back: Cell<bool>,
    /// Whether it counts among those that the plan sent home before they could join.
    pub(super) sent_home: Cell<bool>,
    /// Whether it was ever joined.
    pub(super) joined_once: Cell<bool>,
    /// Closed loop: which of its messages are on their way.
    pub(super) places: RefCell<Option<Box<Places>>>,
    /// Whether its attempts are used up.
    pub gave_up: Cell<bool>,
    /// Whether it has done the logins that are done once.
    pub(super) logged_in: Cell<bool>,
    /// What its logins and earlier connections captured.
    pub(super) captured: RefCell<Captured>,
    /// The last `{{ id }}` of its earlier connections.
    pub(super) last_id: Cell<u64>,
    /// A fault that holds up what it hears, until something sent after it was heard.
    pub(super) held_up: Cell<Option<HoldUp>>,
}

impl Client {
    /// A client that was never up.
    #[must_use]
    pub fn new(id: u32, local: u32, cohort: usize) -> Self {
        Self {
            id,
            local,
            cohort,
            mailbox: Mailbox::default(),
            seqs: RefCell::default(),
            started: Cell::new(false),
            wanted: Cell::new(false),
            not_back: Cell::new(false),
            sent_home: Cell::new(false),
            joined_once: Cell::new(false),
            places: RefCell::default(),
            gave_up: Cell::new(false),
            logged_in: Cell::new(false),
            captured: RefCell::default(),
            last_id: Cell::new(IDS_BEFORE),
            held_up: Cell::new(None),
        }
    }

    /// The plan has it up from now on.
    pub fn call_up(&self) {
        self.wanted.set(true);
    }

    /// The plan has it up no longer.
    pub fn call_off(&self) {
        self.wanted.set(false);
        self.mailbox.order(Order::Stop);
    }

    /// Begins a window; false if that is over already, because the one before took so long to close.
    /// What was ordered until now was for connections that are gone.
    pub(super) fn begin(&self) -> bool {
        self.mailbox.clear_orders();
        self.gave_up.set(false);
        self.wanted.get()
    }

    /// What was captured before its first connection.
    pub fn keep(&self, captured: Captured) {
        self.captured.replace(captured);
    }

    /// Gives it the places of a closed loop.
    pub fn close_loop(&self, in_flight: u32, answer_within_us: u64) {
        self.places.replace(Some(Box::new(Places::new(in_flight, answer_within_us))));
    }

    /// What a closed loop's places say; `None` where messages are due by a rate.
    pub(super) fn with_places<T>(&self, ask: impl FnOnce(&mut Places) -> T) -> Option<T> {
        self.places.borrow_mut().as_deref_mut().map(ask)
    }

    /// Closed loop: a message that was scheduled or waited will not be sent.
    pub fn abandon_scheduled(&self) {
        self.with_places(Places::drop_scheduled);
    }

    /// Closed loop: the schedule is over.
    pub fn load_ended(&self, now_us: u64) {
        self.with_places(|places| places.load_ended(now_us));
    }

    /// Closed loop: whether it spent most of its time waiting for answers that never came.
    pub fn stood_still(&self) -> bool {
        self.with_places(|places| places.stood_still()).unwrap_or(false)
    }

    /// The next sequence number for a room.
    pub(super) fn next_seq(&self, room: u32) -> u32 {
        let mut seqs = self.seqs.borrow_mut();
        let next = seqs.entry(room).or_default();
        let this = *next;
        *next = seq::next(this);
        this
    }
}
