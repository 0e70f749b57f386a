//! The last things a client saw, so that a failure can be told with what was waited for, what came
//! instead, and how near that was.

use std::collections::VecDeque;

use memchr::memmem;
use tokio_tungstenite::tungstenite::Message;

use super::shown::{Hidden, line};
use crate::client::{Exchange, Watch};
use crate::metric::Detail;
use crate::protocol::frame::Frame;
use crate::protocol::matcher::Matcher;
use crate::protocol::scope::Captured;
use crate::protocol::{Incoming, Protocol, Taker, Talk};
use crate::report::escape::escape_terminal;
use crate::report::hints::Several;
use crate::report::summary::wrap;
use crate::stamp::{self, Found, MAGIC};
use crate::units::format::count;

/// Messages remembered that nothing took.
const STRAYS_MAX: usize = 4;
/// Bytes remembered of each.
const STRAY_BYTES_MAX: usize = 2_048;
/// Messages remembered that something else took than what was waited for.
const TAKEN_MAX: usize = 2;
/// What is told of a matcher: one that is longer is cut.
const TOLD_COLUMNS_MAX: usize = 600;
const TOLD_LINES_MAX: usize = 4;
/// Columns of a label.
const LABEL: usize = 14;

/// What one client saw last.
#[derive(Debug)]
pub struct Recent {
    protocol: Protocol,
    room: String,
    /// The client's own number, as in its stamps.
    client: u32,
    began: bool,
    /// Whose answer is waited for, and how it would be known.
    waited: Vec<(Taker, String)>,
    strays: VecDeque<Stray>,
    /// What came since this was waited for, and was taken by something else.
    taken: VecDeque<Stray>,
    pings: u64,
    /// The message that ended it.
    last: Option<Stray>,
    filtered: bool,
    /// How several messages lay in one frame, where the protocol takes a frame for one message.
    several: Option<Several>,
    captured: Captured,
}

/// A message that nothing took, or that should have been a delivery.
#[derive(Debug)]
struct Stray {
    bytes: Vec<u8>,
    is_text: bool,
    why: String,
    nearest: Option<Nearest>,
}

/// The matcher that came nearest to taking a message.
#[derive(Debug)]
struct Nearest {
    what: String,
    /// Each clause in words, and what stood there instead where it doesn't hold.
    clauses: Vec<(String, Option<String>)>,
}

impl Nearest {
    fn failing(&self) -> usize {
        self.clauses.iter().filter(|(_, instead)| instead.is_some()).count()
    }
}

impl Recent {
    pub fn new(protocol: &Protocol, room: &str, client: u32) -> Self {
        Self {
            client,
            protocol: protocol.clone(),
            room: room.to_owned(),
            began: false,
            waited: Vec::new(),
            strays: VecDeque::new(),
            taken: VecDeque::new(),
            pings: 0,
            last: None,
            filtered: false,
            several: None,
            captured: Captured::default(),
        }
    }

    /// Whether its connection was upgraded.
    pub fn began(&self) -> bool {
        self.began
    }

    /// Whether a payload came in a frame that doesn't deliver.
    pub fn filtered(&self) -> bool {
        self.filtered
    }

    /// How several messages lay in one frame, if they did.
    pub fn several(&self) -> Option<Several> {
        self.several
    }

    /// What is waited for, in words, before the message that is read now.
    pub fn waited(&self) -> &[(Taker, String)] {
        &self.waited
    }

    /// Whether something came that was in part what was waited for, or that the file knows.
    pub fn came_near(&self) -> bool {
        if !self.taken.is_empty() {
            return true;
        }
        let mut nearest = self.strays.iter().filter_map(|stray| stray.nearest.as_ref());
        nearest.any(|nearest| (1..nearest.clauses.len()).contains(&nearest.failing()))
    }

    /// Where it was to go.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// What it captured, which may be secret.
    pub fn captured(&self) -> &Captured {
        &self.captured
    }

    /// Takes note of something.
    pub fn note(&mut self, exchange: &Exchange<'_>, talk: Option<&Talk>) {
        let Some(talk) = talk else { return };
        self.captured = talk.captured();
        match exchange {
            Exchange::Upgraded { .. } => self.began = true,
            Exchange::Received(bytes, is_text, taker, incoming) => {
                self.received(bytes, *is_text, *taker, incoming, talk);
                // What was waited for when it failed is what is to be told.
                if let Incoming::Failed(_) = incoming {
                    return;
                }
            }
            Exchange::Control(Message::Ping(_)) => self.pings += 1,
            Exchange::Began
            | Exchange::LoggedIn(..)
            | Exchange::Sent(..)
            | Exchange::Control(_) => {}
        }
        let waited = talk.awaited();
        if waited != self.waited {
            self.taken.clear();
            self.pings = 0;
            self.waited = waited;
        }
    }

    fn received(
        &mut self,
        bytes: &[u8],
        is_text: bool,
        taker: Taker,
        incoming: &Incoming<'_>,
        talk: &Talk,
    ) {
        let stamped = memmem::find(bytes, MAGIC.as_bytes()).is_some();
        self.look_for_several(bytes, taker);
        let (why, nearest) = match incoming {
            Incoming::Failed(failure) => {
                let why = match (failure.detail, taker) {
                    (Detail::Capture, _) => "taken, though what it is to hold is missing",
                    (_, Taker::Error) => "taken by `error`",
                    _ => "",
                };
                self.last = Some(kept(bytes, is_text, why.to_owned(), None, talk));
                return;
            }
            Incoming::Step if taker == Taker::Nobody => (String::new(), None),
            Incoming::Data if !stamped => (String::new(), self.nearest(bytes, is_text, talk)),
            Incoming::Unmatched if stamped => {
                ("not taken by [delivery]".to_owned(), self.delivery(bytes, is_text, talk))
            }
            Incoming::Unmatched => (String::new(), self.nearest(bytes, is_text, talk)),
            Incoming::Ignored(at) if stamped => {
                (format!("ignored as {}", self.protocol.ignored(*at)), None)
            }
            Incoming::Reply if stamped => ("taken by a [[reply]]".to_owned(), None),
            Incoming::Heartbeat if stamped => ("taken by [heartbeat]".to_owned(), None),
            // Its own is only repeated there; what another said is a delivery that nobody counts.
            Incoming::Acked(_) | Incoming::Rejected(..) if self.holds_anothers(bytes) => {
                ("taken by `ack`".to_owned(), None)
            }
            _ => {
                // Not the answer that was waited for.
                if !self.waited.is_empty() && !self.waited.iter().any(|(what, _)| *what == taker) {
                    if self.taken.len() == TAKEN_MAX {
                        self.taken.pop_front();
                    }
                    let why = format!("taken as {}", self.taken_as(taker));
                    self.taken.push_back(kept(bytes, is_text, why, None, talk));
                }
                return;
            }
        };
        self.filtered |= stamped;
        if self.strays.len() == STRAYS_MAX {
            self.strays.pop_front();
        }
        self.strays.push_back(kept(bytes, is_text, why, nearest, talk));
    }

    fn holds_anothers(&self, bytes: &[u8]) -> bool {
        let mut holds = false;
        stamp::scan(bytes, |found| {
            if let Found::Intact(stamp) | Found::Corrupted(stamp) = found {
                holds |= stamp.publisher != self.client;
            }
        });
        holds
    }

    fn taken_as(&self, taker: Taker) -> String {
        match taker {
            Taker::Ignore(at) => format!("`{}`, to be ignored", self.protocol.ignored(at)),
            taker => named(taker, &self.room),
        }
    }

    /// Whether a frame holds several messages, where the protocol has it that it holds one.
    fn look_for_several(&mut self, bytes: &[u8], taker: Taker) {
        let Protocol::Described(file) = &self.protocol else { return };
        if file.framing.is_some() || self.several.is_some() {
            return;
        }
        self.several = match taker {
            Taker::Ack => Several::listed(bytes),
            Taker::Nobody | Taker::Delivery => Several::separated(bytes),
            _ => None,
        };
    }

    /// Of what is waited for, the one with the fewest clauses that fail.
    fn nearest(&self, bytes: &[u8], is_text: bool, talk: &Talk) -> Option<Nearest> {
        let each = talk.waiting().into_iter().map(|(what, matcher)| Nearest {
            what: named(what, &self.room),
            clauses: self.explain(matcher, bytes, is_text, talk),
        });
        each.min_by_key(Nearest::failing)
    }

    fn delivery(&self, bytes: &[u8], is_text: bool, talk: &Talk) -> Option<Nearest> {
        let Protocol::Described(file) = &self.protocol else { return None };
        let clauses = self.explain(file.delivery.when.as_ref()?, bytes, is_text, talk);
        Some(Nearest { what: "[delivery] when".to_owned(), clauses })
    }

    fn explain(
        &self,
        matcher: &Matcher,
        bytes: &[u8],
        is_text: bool,
        talk: &Talk,
    ) -> Vec<(String, Option<String>)> {
        let json_from = match &self.protocol {
            Protocol::Described(file) => file.json_from.as_ref(),
            Protocol::Native(..) | Protocol::Mqtt(_) => None,
        };
        talk.explain(matcher, &Frame::new(bytes, is_text, json_from))
    }

    /// What was waited for, what came instead, and the nearest matcher, in lines; none where
    /// nothing is known that the error doesn't say.
    pub fn lines(&self, hidden: &Hidden, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut push = |label: &str, text: &str| {
            let text = escape_terminal(&hidden.mask_text(text), TOLD_COLUMNS_MAX);
            for (at, line) in wrap(&text, width - LABEL, TOLD_LINES_MAX).iter().enumerate() {
                let label = if at == 0 { label } else { "" };
                lines.push(format!("{label:LABEL$}{line}"));
            }
        };
        for (at, (what, matcher)) in self.waited.iter().enumerate() {
            let label = if at == 0 { "waited for" } else { "" };
            push(label, &format!("{}: {matcher}", named(*what, &self.room)));
        }
        let label = if self.last.is_some() { "came" } else { "came instead" };
        let strays = self.strays.iter().chain(&self.last);
        let none = self.strays.is_empty() && self.last.is_none();
        // What something else took is told where nothing is nearer.
        let came = strays.chain(self.taken.iter().filter(|_| none));
        let mut some = false;
        for stray in came {
            let label = if some { "" } else { label };
            some = true;
            let why = if stray.why.is_empty() { String::new() } else { format!("{}: ", stray.why) };
            let room = width.saturating_sub(LABEL + why.chars().count());
            let shown = line(&stray.bytes, stray.is_text, hidden, room);
            push(label, &format!("{why}{shown}"));
        }
        match self.pings {
            _ if some || self.waited.is_empty() => {}
            0 => push(label, "nothing"),
            1 => push(label, "nothing but a ping"),
            pings => push(label, &format!("nothing but {} pings", count(pings))),
        }
        // The last of the nearest: the earlier ones may have been said before it was asked.
        let nearest = self.strays.iter().rev().filter_map(|stray| stray.nearest.as_ref());
        if let Some(nearest) = nearest.min_by_key(|nearest| nearest.failing()) {
            for (at, (clause, instead)) in nearest.clauses.iter().enumerate() {
                let label = if at == 0 { "nearest" } else { "" };
                let what = if at == 0 { format!("{}: ", nearest.what) } else { String::new() };
                push(
                    label,
                    &match instead {
                        None => format!("{what}{clause} holds"),
                        Some(instead) => format!("{what}{clause} does not: there is {instead}"),
                    },
                );
            }
        }
        lines
    }
}

impl Watch for Recent {
    fn see(&mut self, _: u64, exchange: Exchange<'_>, talk: Option<&Talk>) {
        self.note(&exchange, talk);
    }
}

/// What is remembered of a message.
fn kept(bytes: &[u8], is_text: bool, why: String, nearest: Option<Nearest>, talk: &Talk) -> Stray {
    let (bytes, is_text) = match talk.describe(bytes) {
        Some(words) => (words.into_bytes(), true),
        None => (bytes[..bytes.len().min(STRAY_BYTES_MAX)].to_vec(), is_text),
    };
    Stray { bytes, is_text, why, nearest }
}

/// Something that takes a message, by its name in the protocol file.
pub fn named(taker: Taker, room: &str) -> String {
    match taker {
        Taker::Connect(at) => format!("connect {}", at + 1),
        Taker::Resume(at) => format!("resume {}", at + 1),
        Taker::Join(_) => format!("join {room}"),
        Taker::Leave(_) => format!("leave {room}"),
        Taker::Ack => "ack".to_owned(),
        Taker::Reply(at) => format!("reply {}", at + 1),
        Taker::Heartbeat => "heartbeat".to_owned(),
        Taker::Error => "error".to_owned(),
        Taker::Ignore(at) => format!("ignore {}", at + 1),
        Taker::Delivery => "delivery".to_owned(),
        Taker::Nobody => "unmatched".to_owned(),
    }
}
