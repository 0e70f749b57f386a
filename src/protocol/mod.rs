//! How a client speaks to a server: what it writes to get in, join, leave and publish, and what
//! an arriving message means.
//!
//! A [`Protocol`] is what all connections of a cohort have in common, a [`Talk`] one connection's
//! side of it, sans-I/O: frames and instants go in, frames and meanings come out. It never opens a
//! connection, never looks at a clock, and never counts anything.

pub mod capture;
mod described;
pub mod description;
mod entrance;
mod envelope;
pub mod frame;
pub mod framing;
pub mod json;
pub mod matcher;
pub mod mqtt;
mod native;
pub mod number;
pub mod outbox;
pub mod pointer;
mod relay;
mod rules;
pub mod scope;
mod secret;
pub mod send;
mod splitter;
mod talk;
pub mod template;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::CodecKind;
use crate::metric::{Detail, ErrorKind, Step};
use description::Description;
use scope::Variable;

pub use entrance::Entrance;
pub use relay::{Away, Recipients};
pub use rules::Rule;
pub use splitter::Splitter;
pub use talk::{Outgoing, Talk};

/// How one cohort's clients speak. Cheap to clone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Protocol {
    /// uproar's own protocols, which the built-in server speaks.
    Native(ProtocolKind, CodecKind),
    /// One that a file describes.
    Described(Arc<Description>),
    /// MQTT 3.1.1 or 5.
    Mqtt(Arc<mqtt::Options>),
}

impl Protocol {
    /// The name in reports and on the command line.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Native(kind, _) => kind.name(),
            Self::Described(file) => &file.name,
            Self::Mqtt(_) => "mqtt",
        }
    }

    /// What the client offers in `Sec-WebSocket-Protocol` by itself.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'static str> {
        match self {
            Self::Native(ProtocolKind::Rooms | ProtocolKind::Feed, codec) => {
                Some(codec.subprotocol())
            }
            Self::Mqtt(_) => Some("mqtt"),
            Self::Native(..) | Self::Described(_) => None,
        }
    }

    /// Whether rooms are joined by a message; else a connection is a member once it is open.
    #[must_use]
    pub fn joins(&self) -> bool {
        self.audience() == Audience::Joined
    }

    /// Who hears what, by which act.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match self {
            Self::Native(ProtocolKind::Rooms, _) => Audience::Joined,
            Self::Native(ProtocolKind::Echo, _) => Audience::Alone,
            Self::Native(ProtocolKind::Broadcast, _) => Audience::Everyone,
            Self::Native(ProtocolKind::Feed, _) => Audience::Feed,
            Self::Described(file) if file.join.is_some() => Audience::Joined,
            Self::Described(file) if file.connects_to_a_room() => Audience::Connected,
            Self::Described(file) if file.publish.is_none() => Audience::Feed,
            Self::Described(file) => match file.recipients {
                Recipients::Sender => Audience::Alone,
                Recipients::Room | Recipients::Others | Recipients::Nobody => Audience::Everyone,
            },
            Self::Mqtt(_) => Audience::Joined,
        }
    }

    /// Whether joins are known by marked messages, which every member hears.
    #[must_use]
    pub fn probes(&self) -> bool {
        let Self::Described(file) = self else { return false };
        file.join.as_ref().is_some_and(|join| matches!(join.known, description::Known::Probe))
    }

    /// Whether clients can publish at all.
    #[must_use]
    pub fn publishes(&self) -> bool {
        match self {
            Self::Native(kind, _) => *kind != ProtocolKind::Feed,
            Self::Described(file) => file.publish.is_some(),
            Self::Mqtt(_) => true,
        }
    }

    /// Whether events that nobody stamped have numbers that count up.
    #[must_use]
    pub fn numbers_events(&self) -> bool {
        match self {
            Self::Native(kind, _) => *kind == ProtocolKind::Feed,
            Self::Described(file) => file.delivery.sequence.is_some(),
            Self::Mqtt(_) => false,
        }
    }

    /// Whether the server confirms what is published.
    #[must_use]
    pub fn acknowledges(&self) -> bool {
        match self {
            Self::Native(..) => false,
            Self::Described(file) => {
                file.publish.as_ref().is_some_and(|publish| publish.ack.is_some())
            }
            Self::Mqtt(options) => options.qos == mqtt::Qos::AtLeastOnce,
        }
    }

    /// Who hears a publish.
    #[must_use]
    pub fn recipients(&self) -> Recipients {
        match self {
            Self::Native(ProtocolKind::Echo, _) => Recipients::Sender,
            Self::Native(..) | Self::Mqtt(_) => Recipients::Room,
            Self::Described(file) => file.recipients,
        }
    }

    /// What becomes of messages published while a receiver is away.
    #[must_use]
    pub fn away(&self) -> Away {
        match self {
            Self::Native(..) => Away::Missed,
            Self::Described(file) => file.away,
            Self::Mqtt(options) => options.away(),
        }
    }

    /// What the n-th action is called; what clients do besides publishing.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<usize> {
        self.actions().position(|known| known == name)
    }

    /// What clients can do besides publishing, by name.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        let actions = match self {
            Self::Native(..) | Self::Mqtt(_) => &[][..],
            Self::Described(file) => &file.actions,
        };
        actions.iter().map(|action| action.name.as_str())
    }

    /// The longest content that the server takes, in bytes before anything is escaped.
    #[must_use]
    pub fn max_size(&self) -> Option<u32> {
        let Self::Described(file) = self else { return None };
        file.publish.as_ref()?.max_size
    }

    /// How a message's text stands in a frame, where that can be told from its template.
    #[must_use]
    pub fn writing(&self) -> Writing {
        let Self::Described(file) = self else { return Writing::Plain };
        let publish = file.publish.iter();
        let sends = publish.flat_map(|publish| [Some(&publish.send), publish.binary.as_ref()]);
        let slots = sends
            .flatten()
            .flat_map(|send| &send.0)
            .flat_map(|piece| piece.template().slots())
            .filter(|slot| *slot.variable() == Variable::Payload);
        let mut writing = Writing::Plain;
        for filter in slots.flat_map(template::Slot::filters) {
            match filter {
                template::Filter::Json | template::Filter::Json2 => {}
                template::Filter::Xml => writing = Writing::Xml,
                // A length beside the content changes nothing of it.
                filter if filter.gives_length() => {}
                _ => return Writing::Unknown,
            }
        }
        writing
    }

    /// What the n-th rule of what is ignored is called.
    #[must_use]
    pub fn ignored(&self, at: usize) -> &str {
        match self {
            Self::Native(..) | Self::Mqtt(_) => "",
            Self::Described(file) => file.ignores.get(at).map_or("", |ignore| &ignore.name),
        }
    }

    /// Takes frames apart where a frame is not one message; one for each connection. `max_bytes`
    /// is the largest message a server may send.
    #[must_use]
    pub fn splitter(&self, max_bytes: usize) -> Option<Splitter> {
        match self {
            Self::Native(..) => None,
            Self::Described(file) => {
                let framing = file.framing.as_ref()?;
                Some(Splitter::Separated(Box::new(framing::Splitter::new(framing))))
            }
            Self::Mqtt(_) => Some(Splitter::Packets(mqtt::Packets::new(max_bytes))),
        }
    }
}

/// How a message's text stands in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As it is, or as JSON writes it.
    Plain,
    /// With the entities of XML.
    Xml,
    /// In a way that can't be read back.
    Unknown,
}

/// Which rooms there are, and what makes a client a member of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Rooms are joined and left by messages; a connection can be in several.
    Joined,
    /// A connection is for one room from its upgrade on: the path, the query or a step names it.
    Connected,
    /// There are no rooms: everyone hears only itself.
    Alone,
    /// There are no rooms: everyone hears everyone.
    Everyone,
    /// There are no rooms, and nobody publishes: the server pushes to everyone.
    Feed,
}

/// What an arrived message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Nothing took it: whatever stamps it holds are deliveries.
    Data,
    /// It may not deliver, and nothing else took it.
    Unmatched,
    /// An event of a feed that nobody stamped.
    Event(Event),
    /// The connection is set up: rooms can be joined.
    Open,
    /// The server took the client back, with all its rooms.
    Resumed,
    /// A step went on.
    Step,
    /// The n-th of the connection's rooms is joined.
    Joined(usize),
    /// The n-th of the connection's rooms is left.
    Left(usize),
    /// A marked message to the n-th room is to be published, to hear when it is joined.
    Probe(usize),
    /// The server has the publish of this id.
    Acked(u64),
    /// The server refuses the publish of this id.
    Rejected(u64, Cow<'a, str>),
    /// A question that was answered.
    Reply,
    /// Of no interest, by the rule's index.
    Ignored(usize),
    /// Part of keeping the connection alive.
    Heartbeat,
    /// An error reply that no step was waiting behind.
    Error(Cow<'a, str>),
    /// The conversation can't go on.
    Failed(Failure),
}

/// An event of a feed that nobody stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The same at all its receivers; `None` where it has none.
    pub key: Option<u64>,
    /// What it is counted within, and its number there.
    pub sequence: Told<(u64, u64)>,
    /// When the server sent it.
    pub sent: Told<SentUnix>,
}

/// What an event says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told<T> {
    /// The protocol has no place for it.
    #[default]
    Nothing,
    /// It is not in its place, or can't be read there.
    Unreadable,
    /// This.
    Is(T),
}

impl<T> Told<T> {
    /// What was read where there is a place for it.
    fn read(place: bool, read: Option<T>) -> Self {
        match read {
            Some(read) => Self::Is(read),
            None if place => Self::Unreadable,
            None => Self::Nothing,
        }
    }
}

/// An instant by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentUnix {
    /// Unix time in microseconds.
    pub unix_us: u64,
    /// What it was rounded down to, in microseconds; at least 1.
    pub resolution_us: u64,
}

/// Why a conversation can't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which step.
    pub step: Step,
    /// `TimedOut`, `ServerError`, `HeartbeatLost` or `ProtocolViolation`.
    pub kind: ErrorKind,
    /// Which of its kind.
    pub detail: Detail,
    /// For a person; may quote the server.
    pub text: String,
}

impl Failure {
    /// One of which the kind says it all.
    #[must_use]
    pub fn new(step: Step, kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { step, kind, detail: Detail::None, text: text.into() }
    }
}

/// The beginning of what a server said, in quotes, for a message to a person.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    const QUOTED_BYTES: usize = 160;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTED_BYTES)]);
    let more = if bytes.len() > QUOTED_BYTES { "…" } else { "" };
    format!("{text:?}{more}")
}

/// What took a message, for whoever shows a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Taker {
    /// The n-th step of `connect`.
    Connect(usize),
    /// The n-th step of `resume`.
    Resume(usize),
    /// The join of the n-th room.
    Join(usize),
    /// The leave of the n-th room.
    Leave(usize),
    /// The acknowledgement of a publish.
    Ack,
    /// The n-th reply.
    Reply(usize),
    /// The heartbeat.
    Heartbeat,
    /// The error rule.
    Error,
    /// The n-th ignore.
    Ignore(usize),
    /// `delivery`: its stamps are deliveries.
    Delivery,
    /// Nothing.
    #[default]
    Nobody,
}

/// The protocols that are built in, named as the built-in server's modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolKind {
    /// uproar's own chat protocol: rooms that are joined and left.
    Rooms,
    /// Every frame comes back as it is, to its sender only.
    Echo,
    /// Every frame goes as it is to everyone connected, the sender too.
    Broadcast,
    /// The server pushes numbered events; clients only listen.
    Feed,
}

impl ProtocolKind {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Rooms, Self::Echo, Self::Broadcast, Self::Feed];

    /// The name used in scenario files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Feed => "feed",
        }
    }

    /// The protocol of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
