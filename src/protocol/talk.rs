//! One connection's side of a protocol, whichever it is.

use std::rc::Rc;

use tokio_tungstenite::tungstenite::Message;

use super::described;
use super::frame::Frame;
use super::matcher::Matcher;
use super::mqtt;
use super::native;
use super::scope::{Captured, Person, RoomName};
use super::{Failure, Incoming, Protocol, Taker};

/// A message to be published.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// What it says, stamp included.
    pub payload: &'a str,
    /// Whether it belongs to the binary share.
    pub binary: bool,
    /// Whether the payload is the text of a structured message. Only the `rooms` protocol has them.
    pub structured: bool,
    /// Its number, by publisher and room.
    pub seq: u32,
    /// Unix time.
    pub now_ms: u64,
}

/// One connection's side of a protocol.
#[derive(Debug)]
pub enum Talk {
    /// uproar's own.
    Native(native::Talk),
    /// What a file describes.
    Described(Box<described::Talk>),
    /// MQTT.
    Mqtt(Box<mqtt::Talk>),
}

macro_rules! each {
    ($talk:expr, $inner:ident => $body:expr) => {
        match $talk {
            Self::Native($inner) => $body,
            Self::Described($inner) => $body,
            Self::Mqtt($inner) => $body,
        }
    };
}

impl Talk {
    /// A connection that is about to begin. `captured` is what earlier connections of this client
    /// and its logins captured, `home` the room it is for, where it is for one.
    #[must_use]
    pub fn new(
        protocol: &Protocol,
        person: Rc<Person>,
        captured: Captured,
        home: Option<RoomName<'_>>,
    ) -> Self {
        match protocol {
            Protocol::Native(kind, codec) => {
                Self::Native(native::Talk::new(*kind, *codec, &person))
            }
            Protocol::Described(file) => {
                Self::Described(Box::new(described::Talk::new(file, person, captured, home)))
            }
            Protocol::Mqtt(options) => Self::Mqtt(Box::new(mqtt::Talk::new(options, person))),
        }
    }

    /// Begins, after the upgrade: queues what is said first. `back`: the client was joined before.
    /// Gives `Open` where nothing has to be said before rooms can be joined.
    pub fn begin(&mut self, back: bool, now_us: u64) -> Incoming<'static> {
        match self {
            Self::Native(_) => Incoming::Open,
            Self::Described(talk) => talk.begin(back, now_us),
            Self::Mqtt(talk) => talk.begin(back, now_us),
        }
    }

    /// Whether it asks the server to take the client back, with all its rooms: what the client missed
    /// may come before the answer does.
    #[must_use]
    pub fn is_resuming(&self) -> bool {
        match self {
            Self::Native(_) | Self::Mqtt(_) => false,
            Self::Described(talk) => talk.is_resuming(),
        }
    }

    /// The next frame to be written. Whatever is queued is to be written before anything new.
    pub fn take_frame(&mut self) -> Option<Message> {
        each!(self, talk => talk.out.pop_front())
    }

    /// Whether so much is queued that nothing further is to be read before some of it is written: each
    /// message may ask for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        each!(self, talk => talk.out.is_full())
    }

    /// Whether one message asked for more replies than any may.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        each!(self, talk => talk.out.is_overfull())
    }

    /// Whether frames are queued.
    #[must_use]
    pub fn holds_frames(&self) -> bool {
        !each!(self, talk => talk.out.is_empty())
    }

    /// Asks to hear the n-th of the connection's rooms. Only when open.
    ///
    /// # Errors
    ///
    /// When what is to be said names a value that there isn't.
    pub fn join(&mut self, at: usize, room: RoomName<'_>, now_us: u64) -> Result<(), Failure> {
        match self {
            Self::Native(talk) => talk.join(at, room),
            Self::Described(talk) => talk.join(at, room, now_us)?,
            Self::Mqtt(talk) => talk.join(at, room, now_us)?,
        }
        Ok(())
    }

    /// Asks to hear the n-th room no longer; false if the protocol can't.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn leave(&mut self, at: usize, room: RoomName<'_>, now_us: u64) -> Result<bool, Failure> {
        match self {
            Self::Native(talk) => Ok(talk.leave(at, room)),
            Self::Described(talk) => talk.leave(at, room, now_us),
            Self::Mqtt(talk) => talk.leave(at, room, now_us),
        }
    }

    /// Says something in a room. Gives the id that an acknowledgement will bring back.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn publish(
        &mut self,
        room: RoomName<'_>,
        message: Outgoing<'_>,
    ) -> Result<Option<u64>, Failure> {
        match self {
            Self::Native(talk) => {
                talk.publish(room, message);
                Ok(None)
            }
            Self::Described(talk) => talk.publish(room, message),
            Self::Mqtt(talk) => talk.publish(room, message),
        }
    }

    /// Does the n-th of the protocol's actions, in a room where there are rooms.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn act(&mut self, action: usize, room: Option<RoomName<'_>>) -> Result<(), Failure> {
        match self {
            Self::Described(talk) => talk.act(action, room),
            Self::Native(_) | Self::Mqtt(_) => Ok(()),
        }
    }

    /// Whether the server takes so many publishes now; a client whose server does not holds its
    /// messages until an acknowledgement was read.
    #[must_use]
    pub fn can_publish(&self, publishes: usize) -> bool {
        match self {
            Self::Native(_) | Self::Described(_) => true,
            Self::Mqtt(talk) => talk.can_publish(publishes),
        }
    }

    /// What a frame means that arrived, where a frame is one message.
    pub fn read<'a>(&mut self, frame: &'a Message, now_us: u64) -> Incoming<'a> {
        match (self, frame) {
            (Self::Native(talk), frame) => talk.read(frame),
            (Self::Described(talk), Message::Text(text)) => {
                talk.read(text.as_bytes(), true, now_us)
            }
            (Self::Described(talk), Message::Binary(bytes)) => talk.read(bytes, false, now_us),
            (Self::Mqtt(talk), Message::Text(text)) => talk.read(text.as_bytes(), true, now_us),
            (Self::Mqtt(talk), Message::Binary(bytes)) => talk.read(bytes, false, now_us),
            _ => Incoming::Unmatched,
        }
    }

    /// What a message means that was taken out of frames.
    pub fn read_part<'a>(&mut self, bytes: &'a [u8], is_text: bool, now_us: u64) -> Incoming<'a> {
        match self {
            Self::Native(_) => Incoming::Data,
            Self::Described(talk) => talk.read(bytes, is_text, now_us),
            Self::Mqtt(talk) => talk.read(bytes, is_text, now_us),
        }
    }

    /// What the time that passed has brought about; to be called until it gives `None`.
    pub fn tick(&mut self, now_us: u64) -> Option<Incoming<'static>> {
        match self {
            Self::Native(_) => None,
            Self::Described(talk) => talk.tick(now_us),
            Self::Mqtt(talk) => talk.tick(now_us),
        }
    }

    /// When [`tick`](Self::tick) next has something to do.
    #[must_use]
    pub fn deadline_us(&self) -> Option<u64> {
        match self {
            Self::Native(_) => None,
            Self::Described(talk) => talk.deadline_us(),
            Self::Mqtt(talk) => talk.deadline_us(),
        }
    }

    /// A marked message to the n-th room was heard; true if that was waited for: it is joined.
    pub fn probed(&mut self, at: usize) -> bool {
        match self {
            Self::Native(_) | Self::Mqtt(_) => false,
            Self::Described(talk) => talk.probed(at),
        }
    }

    /// Nothing could be read for a while, and that was nobody's fault: whoever had to be heard
    /// from begins anew.
    pub fn forgive(&mut self, now_us: u64) {
        match self {
            Self::Native(_) => {}
            Self::Described(talk) => talk.forgive(now_us),
            Self::Mqtt(talk) => talk.forgive(now_us),
        }
    }

    /// Leaves on purpose: queues what is said, and gives the code of the close frame.
    pub fn goodbye(&mut self) -> u16 {
        match self {
            Self::Native(_) => 1000,
            Self::Described(talk) => talk.goodbye(),
            Self::Mqtt(talk) => talk.goodbye(),
        }
    }

    /// What took the last message that was read.
    #[must_use]
    pub fn taker(&self) -> Taker {
        each!(self, talk => talk.taker)
    }

    /// What is waited for, in words.
    #[must_use]
    pub fn awaited(&self) -> Vec<(Taker, String)> {
        match self {
            Self::Native(_) => Vec::new(),
            Self::Described(talk) => {
                let waiting = talk.waiting().into_iter();
                waiting.map(|(what, matcher)| (what, matcher.describe())).collect()
            }
            Self::Mqtt(talk) => talk.awaited(),
        }
    }

    /// A message in words, sent or received, where its bytes say nothing to people.
    #[must_use]
    pub fn describe(&self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Native(_) | Self::Described(_) => None,
            Self::Mqtt(_) => Some(mqtt::describe(bytes)),
        }
    }

    /// What is waited for, and how it would be known, where a matcher knows it.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Taker, &Matcher)> {
        match self {
            Self::Native(_) | Self::Mqtt(_) => Vec::new(),
            Self::Described(talk) => talk.waiting(),
        }
    }

    /// Of each condition of a matcher that is waited for, whether it holds for a message.
    #[must_use]
    pub fn explain(&self, matcher: &Matcher, frame: &Frame<'_>) -> Vec<(String, Option<String>)> {
        match self {
            Self::Native(_) | Self::Mqtt(_) => Vec::new(),
            Self::Described(talk) => talk.explain(matcher, frame),
        }
    }

    /// Every rule that would take a message now, in the order in which they are asked, and why: the
    /// first of them is what took it, unless that was what a step waited for.
    #[must_use]
    pub fn takers(&self, bytes: &[u8], is_text: bool) -> Vec<(Taker, String)> {
        match self {
            Self::Native(_) | Self::Mqtt(_) => Vec::new(),
            Self::Described(talk) => talk.takers(bytes, is_text),
        }
    }

    /// The last `{{ id }}`, for the client's next connection.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        match self {
            Self::Native(_) | Self::Mqtt(_) => 0,
            Self::Described(talk) => talk.last_id(),
        }
    }

    /// What was captured, for the client's next connection.
    #[must_use]
    pub fn captured(&self) -> Captured {
        match self {
            Self::Native(_) | Self::Mqtt(_) => Captured::default(),
            Self::Described(talk) => talk.captured().clone(),
        }
    }
}
