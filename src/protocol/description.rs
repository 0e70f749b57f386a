//! What a protocol file says, checked and prepared: steps, templates, matchers. Values only; the
//! conversation they make is in `described`, and reading them from TOML is `scenario`'s.

use std::time::Duration;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::capture::Capture;
use super::framing::Framing;
use super::matcher::Matcher;
use super::pointer::Pointer;
use super::relay::{Away, Recipients};
use super::scope::{Names, Variable};
use super::send::{Piece, Send};
use super::template::Template;

/// How long a step waits that names no time limit of its own.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A whole protocol.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// The file's `name`.
    pub name: String,
    /// The server and version it was run against; empty where nobody did.
    pub verified: String,
    /// What its templates may name.
    pub names: Names,
    /// Params as `[params]` declares them, with their defaults.
    pub params: Vec<(String, String)>,
    /// Params and captures whose values are never shown.
    pub secret: Vec<String>,
    /// What the upgrade asks for, where the URL has no path of its own.
    pub path: Option<Template>,
    /// Added to the URL's query.
    pub query: Vec<(String, Template)>,
    /// Offered in `Sec-WebSocket-Protocol`, in this order.
    pub subprotocols: Vec<Template>,
    /// Sent with the upgrade.
    pub headers: Vec<(String, Template)>,
    /// Who hears a publish.
    pub recipients: Recipients,
    /// What becomes of messages published while a receiver is away.
    pub away: Away,
    /// What stands before the JSON of a message.
    #[serde(with = "super::capture::regex_text::option")]
    pub json_from: Option<Regex>,
    /// How messages lie in frames; `None`: one a frame.
    pub framing: Option<Framing>,
    /// An error reply, at any time.
    pub error: Option<Matcher>,
    /// HTTP before the socket.
    pub logins: Vec<Login>,
    /// After the upgrade, in this order.
    pub connect: Vec<Step>,
    /// After the upgrade of a client that comes back, instead of `connect` and joins.
    pub resume: Vec<Step>,
    /// `None`: a connection is a member of its rooms from its upgrade on.
    pub join: Option<Join>,
    /// `None`: a room can't be left but by closing.
    pub leave: Option<Step>,
    /// `None`: its clients only listen.
    pub publish: Option<Publish>,
    /// What clients do besides publishing.
    pub actions: Vec<Action>,
    /// Which messages deliver.
    pub delivery: Delivery,
    /// Answered at any time, in any state.
    pub replies: Vec<Reply>,
    /// Neither deliveries nor errors.
    pub ignores: Vec<Ignore>,
    /// Who keeps the connection alive, and how.
    pub heartbeat: Option<Heartbeat>,
    /// How a client leaves on purpose.
    pub goodbye: Goodbye,
    /// Captures that may change while a connection lasts, by index: templates that name them are
    /// never folded over them.
    pub changing: Vec<usize>,
}

impl Description {
    /// One that says nothing: connections are open at once and only listen.
    #[must_use]
    pub fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            verified: String::new(),
            names: Names::default(),
            params: Vec::new(),
            secret: Vec::new(),
            path: None,
            query: Vec::new(),
            subprotocols: Vec::new(),
            headers: Vec::new(),
            recipients: Recipients::Room,
            away: Away::Missed,
            json_from: None,
            framing: None,
            error: None,
            logins: Vec::new(),
            connect: Vec::new(),
            resume: Vec::new(),
            join: None,
            leave: None,
            publish: None,
            actions: Vec::new(),
            delivery: Delivery::default(),
            replies: Vec::new(),
            ignores: Vec::new(),
            heartbeat: None,
            goodbye: Goodbye { send: Send::default(), code: 1000 },
            changing: Vec::new(),
        }
    }

    /// Whether a connection is for one room: what it says until it is open names it.
    #[must_use]
    pub fn connects_to_a_room(&self) -> bool {
        self.path.iter().any(names_room) || self.names_room_beside_path()
    }

    /// Whether a connection is for a room that only the path of its URL names.
    #[must_use]
    pub fn names_room_in_path_alone(&self) -> bool {
        self.join.is_none() && self.path.iter().any(names_room) && !self.names_room_beside_path()
    }

    fn names_room_beside_path(&self) -> bool {
        let upgrade = self.query.iter().chain(&self.headers).map(|(_, template)| template);
        let said = self.connect.iter().flat_map(|step| &step.send.0).map(Piece::template);
        upgrade.chain(&self.subprotocols).chain(said).any(names_room)
    }
}

fn names_room(template: &Template) -> bool {
    template.variables().any(|variable| matches!(variable, Variable::Room | Variable::N))
}

/// How often a login is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Each {
    /// Once a run, before the first client.
    Run,
    /// Once a client, before its first connection.
    Client,
    /// Before each connection.
    Connection,
}

/// A request over HTTP before the socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// How often.
    pub each: Each,
    /// GET, POST, ...
    pub method: String,
    /// An absolute URL.
    pub url: Template,
    /// Its headers.
    pub headers: Vec<(String, Template)>,
    /// Its body; `None` sends none.
    pub body: Option<Template>,
    /// The status that lets the client in; `None`: any of 200 to 299.
    pub status: Option<u16>,
    /// What the answer must match besides.
    pub expect: Option<Matcher>,
    /// What is taken from the answer. Each must be there.
    pub captures: Vec<Capture>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// Something said, and what is waited for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What is sent; nothing where the server speaks first.
    pub send: Send,
    /// The answer; `None`: none is waited for.
    pub expect: Option<Matcher>,
    /// An answer that ends the step at once.
    pub fail: Option<Matcher>,
    /// What is taken from the answer. Each must be there.
    pub captures: Vec<Capture>,
    /// How long the answer may take; `None`: as long as the target's join timeout allows.
    pub timeout: Option<Duration>,
}

/// How a room is joined.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Join {
    /// What is sent.
    pub send: Send,
    /// How the client knows that it is in.
    pub known: Known,
    /// An answer that refuses the join.
    pub fail: Option<Matcher>,
    /// What is taken from the answer.
    pub captures: Vec<Capture>,
}

/// How a client knows that it has joined.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Known {
    /// The server answers the join.
    Answer(Matcher),
    /// It is silent, but answers what is sent behind it.
    Barrier(Send, Matcher),
    /// It is silent; the client hears a marked message of its own.
    Probe,
    /// It is silent, and so long is trusted to be enough.
    Settle(Duration),
}

/// How a message is published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publish {
    /// As text, or whatever the protocol has by default.
    pub send: Send,
    /// How messages of the binary share go; `None`: it has none.
    pub binary: Option<Send>,
    /// How the server confirms that it has one.
    pub ack: Option<Ack>,
    /// The longest content that the server takes, in bytes; `None`: any.
    pub max_size: Option<u32>,
}

/// Something clients say that nobody waits for, such as that somebody is typing. It is counted and
/// not timed: it carries no stamp.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What scenarios call it.
    pub name: String,
    /// What is sent.
    pub send: Send,
}

/// An acknowledgement, correlated by the publish's `id`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// Which messages acknowledge.
    pub when: Matcher,
    /// Where the acknowledged publish's id stands.
    pub id: Capture,
    /// Which messages refuse one; the id stands in the same place.
    pub fail: Option<Matcher>,
}

/// Which messages deliver, and what is known of those that nobody stamped.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Delivery {
    /// Only these deliver; `None`: every message with a stamp that nothing else took.
    pub when: Option<Matcher>,
    /// What names an unstamped event: the same at all its receivers.
    pub key: Option<Capture>,
    /// Numbers that count up without gaps.
    pub sequence: Option<Sequence>,
    /// When the server sent an unstamped event.
    pub sent_at: Option<SentAt>,
    /// What is taken from each delivery that has it, such as the last id to resume behind.
    pub captures: Vec<Capture>,
}

/// Numbers of unstamped events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sequence {
    /// Where the number stands.
    pub at: Capture,
    /// What it counts within, such as a channel; `None`: the connection.
    pub per: Option<Capture>,
}

/// The server's own clock in an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentAt {
    /// Where it stands.
    pub at: Capture,
    /// Its unit.
    pub unit: TimeUnit,
}

/// The unit of a timestamp since 1970, or a date as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    Seconds,
    Millis,
    Micros,
    /// RFC 3339.
    Date,
}

/// Something the server asks at any time, and the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// What is asked.
    pub when: Matcher,
    /// What is taken from it.
    pub captures: Vec<Capture>,
    /// The answer; nothing where it is only to be remembered.
    pub send: Send,
}

/// Messages that say nothing of interest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ignore {
    /// What reports call them.
    pub name: String,
    /// Which.
    pub when: Matcher,
}

/// Who keeps the connection alive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Heartbeat {
    /// The client asks and the server answers.
    Client {
        /// What is asked.
        send: Send,
        /// The answer; `None`: none comes.
        expect: Option<Matcher>,
        /// A duration, such as "25s".
        every: Template,
        /// How long the answer may take.
        timeout: Duration,
    },
    /// The server must be heard at least so often: a sum of durations such as "25000ms + 5s".
    Server {
        /// How often.
        within: Template,
    },
}

/// How a client leaves on purpose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goodbye {
    /// What is said before the close frame.
    pub send: Send,
    /// The close frame's code.
    pub code: u16,
}

/// What a pointer-only capture without a place to go is called.
pub(super) fn unnamed(source: super::capture::Source) -> Capture {
    Capture { into: usize::MAX, name: String::new(), source }
}

/// Where an id or a number stands, when it is written as a pointer alone.
#[must_use]
pub fn at_pointer(pointer: Pointer) -> Capture {
    unnamed(super::capture::Source::Pointer(pointer))
}
