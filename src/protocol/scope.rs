//! What templates may name, and the values those names have: of a client, of its cohort, of what
//! it captured, and of the one message that is being written or read.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Something that a template names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Variable {
    /// `room`: the room's name.
    Room,
    /// `n`: the room's number in its set.
    N,
    /// `client`: the client's number in the plan.
    Client,
    /// `run`: the run's id as text.
    Run,
    /// `id`: new at every step and publish of a client, over all its connections; the same in what
    /// belongs to it.
    Id,
    /// `payload`: what is published, stamp included.
    Payload,
    /// `seq`: counts the messages of one client.
    Seq,
    /// `now_ms`: Unix time in milliseconds.
    NowMs,
    /// `uuid`: random (version 4), another one wherever it stands.
    Uuid,
    /// `user.COLUMN` of the client's row of data.
    User(String),
    /// `env.NAME`
    Env(String),
    /// `params.NAME`
    Param(String),
    /// `target.http`, `target.ws`, `target.host`
    Target(TargetPart),
    /// A capture by its bare name, as an index into [`Names::captures`].
    Capture(usize),
}

/// A part of the target's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TargetPart {
    /// Scheme `http` or `https`, host and port, no path.
    Http,
    /// Scheme `ws` or `wss`, host and port, no path.
    Ws,
    /// Host, and the port where it isn't the scheme's own.
    Host,
}

impl Variable {
    /// The names that every template knows; a capture can't have one of them.
    pub const FIXED: [&str; 9] =
        ["room", "n", "client", "run", "id", "payload", "seq", "now_ms", "uuid"];

    /// Whether its values hold only letters, digits and `-`, and so need no filter anywhere.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(
            self,
            Self::N | Self::Client | Self::Run | Self::Id | Self::Seq | Self::NowMs | Self::Uuid
        )
    }

    /// Whether it has another value from message to message.
    #[must_use]
    pub(super) fn is_of_a_message(&self) -> bool {
        matches!(self, Self::Id | Self::Payload | Self::Seq | Self::NowMs | Self::Uuid)
    }
}

/// What templates may name besides the fixed variables: params and captures of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Named as `params.NAME`.
    pub params: Vec<String>,
    /// `Variable::Capture(i)` is `captures[i]`.
    pub captures: Vec<String>,
}

/// One client across its connections.
#[derive(Clone, Debug)]
pub struct Person {
    /// The plan's client number.
    pub client: u32,
    /// The run's id as text.
    pub run: Arc<str>,
    /// Its row of the cohort's data, where there is any.
    pub user: Option<Row>,
    /// The last `{{ id }}` that its earlier connections used: each is used once, because a server may
    /// refuse one that it has seen.
    pub last_id: u64,
    /// What it shares with its cohort.
    pub setting: Arc<Setting>,
}

/// One client's row of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Names, shared by all rows.
    pub columns: Arc<[String]>,
    /// One for each column.
    pub values: Vec<String>,
}

impl Row {
    /// The value in the column of that name.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at).map(String::as_str)
    }
}

/// What all clients of a cohort share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Name and value, each name once.
    pub params: Vec<(String, String)>,
    /// Those environment variables that are set.
    pub env: Vec<(String, String)>,
    /// Where the cohort connects to.
    pub target: TargetNames,
}

/// The target's address as templates write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetNames {
    /// See [`TargetPart::Http`].
    pub http: String,
    /// See [`TargetPart::Ws`].
    pub ws: String,
    /// See [`TargetPart::Host`].
    pub host: String,
}

/// What a client captured, one place for each of [`Names::captures`], and what joins captured once
/// more for each room.
///
/// The number of places never changes, there are no more rooms than the client joins, and
/// [`super::capture::Capture`] bounds each text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    places: Vec<Option<Arc<str>>>,
    /// By room and place. Only logins captured anything when this is handed to a worker.
    #[serde(skip)]
    of_rooms: FxHashMap<(u32, usize), Arc<str>>,
}

impl Captured {
    /// `places` captures, none of which has matched yet.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places: vec![None; places], of_rooms: FxHashMap::default() }
    }

    /// What was captured last at that place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&str> {
        self.places.get(at)?.as_deref()
    }

    /// What the join of that room captured at that place, or else what was captured there last.
    #[must_use]
    pub fn get_in(&self, room: Option<RoomName<'_>>, at: usize) -> Option<&str> {
        let of_room = room.and_then(|room| self.of_rooms.get(&(room.n, at)));
        of_room.map(|text| &**text).or_else(|| self.get(at))
    }

    /// Everything that stands in that place, of every room.
    pub fn all(&self, at: usize) -> impl Iterator<Item = &str> {
        let of_rooms = self.of_rooms.iter().filter(move |((_, place), _)| *place == at);
        self.get(at).into_iter().chain(of_rooms.map(|(_, text)| &**text))
    }

    /// Puts `text` in that place. One that doesn't exist is passed over: no template can name it.
    pub fn set(&mut self, at: usize, text: Arc<str>) {
        if let Some(place) = self.places.get_mut(at) {
            *place = Some(text);
        }
    }

    /// Puts `text` in that place, for this room too.
    pub fn set_in(&mut self, room: u32, at: usize, text: Arc<str>) {
        if at < self.places.len() {
            self.of_rooms.insert((room, at), Arc::clone(&text));
        }
        self.set(at, text);
    }

    /// The number of places.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no places.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// The room that a step or a publish is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomName<'a> {
    /// As the server knows it.
    pub name: &'a str,
    /// Its number in its set.
    pub n: u32,
}

/// The values that names have at one place; `None` where there is no such value.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Whose message it is.
    pub person: &'a Person,
    /// What that client captured so far.
    pub captured: &'a Captured,
    /// The room it is about.
    pub room: Option<RoomName<'a>>,
    /// The step's or the publish's.
    pub id: Option<u64>,
    /// What is published.
    pub payload: Option<&'a [u8]>,
    /// The message's number.
    pub seq: Option<u32>,
    /// Unix time in milliseconds.
    pub now_ms: Option<u64>,
}

impl<'a> Scope<'a> {
    /// What is known of a client when no message is at hand.
    #[must_use]
    pub fn of(person: &'a Person, captured: &'a Captured) -> Self {
        Self { person, captured, room: None, id: None, payload: None, seq: None, now_ms: None }
    }

    /// The variable's value.
    pub(super) fn value(&self, variable: &Variable) -> Option<Value<'a>> {
        let setting = &self.person.setting;
        let text = |text: &'a str| Value::Borrowed(text.as_bytes());
        Some(match variable {
            Variable::Room => text(self.room?.name),
            Variable::N => Value::Number(u64::from(self.room?.n)),
            Variable::Client => Value::Number(u64::from(self.person.client)),
            Variable::Run => text(&self.person.run),
            Variable::Id => Value::Number(self.id?),
            Variable::Payload => Value::Borrowed(self.payload?),
            Variable::Seq => Value::Number(u64::from(self.seq?)),
            Variable::NowMs => Value::Number(self.now_ms?),
            Variable::Uuid => Value::Uuid(rand::random()),
            Variable::User(column) => text(self.person.user.as_ref()?.get(column)?),
            Variable::Env(name) => text(named(&setting.env, name)?),
            Variable::Param(name) => text(named(&setting.params, name)?),
            Variable::Target(TargetPart::Http) => text(&setting.target.http),
            Variable::Target(TargetPart::Ws) => text(&setting.target.ws),
            Variable::Target(TargetPart::Host) => text(&setting.target.host),
            Variable::Capture(at) => text(self.captured.get_in(self.room, *at)?),
        })
    }

    /// The value's length in bytes; 0 where there is none.
    pub(super) fn length(&self, variable: &Variable) -> usize {
        match variable {
            // Another one each time, and drawing it is what costs.
            Variable::Uuid => UUID_LEN,
            _ => self.value(variable).map_or(0, |value| value.length()),
        }
    }

    /// Why the variable, which the file calls `name`, has no value.
    pub(super) fn why_missing(&self, variable: &Variable, name: &str) -> String {
        match variable {
            Variable::Room | Variable::N => format!("there is no room for `{name}` here"),
            Variable::Id => "there is no `id` here: a step and a publish have one".to_owned(),
            Variable::Payload => "there is no `payload` here: only a publish has one".to_owned(),
            Variable::Seq => "there is no `seq` here: only a publish has one".to_owned(),
            Variable::User(_) if self.person.user.is_none() => {
                format!("there is no `{name}`: the cohort has no data")
            }
            Variable::User(column) => format!("the user has no column `{column}`"),
            Variable::Env(variable) => format!("the environment variable `{variable}` is not set"),
            Variable::Param(param) => format!("the param `{param}` is not set"),
            Variable::Capture(_) => format!("the capture `{name}` never matched"),
            _ => format!("there is no `{name}` here"),
        }
    }
}

fn named<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Of a UUID as text.
const UUID_LEN: usize = 36;

/// A variable's value, which becomes text only where that is written: publishing looks each up
/// twice, once for the length.
pub(super) enum Value<'a> {
    Borrowed(&'a [u8]),
    Number(u64),
    /// Random bits that are not a UUID yet.
    Uuid(u128),
}

impl Value<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Borrowed(bytes) => bytes.len(),
            Self::Number(number) => number.checked_ilog10().map_or(1, |log| log as usize + 1),
            Self::Uuid(_) => UUID_LEN,
        }
    }

    /// Lends its bytes to `borrow`.
    pub(super) fn with<T>(&self, borrow: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Borrowed(bytes) => borrow(bytes),
            Self::Number(number) => borrow(itoa::Buffer::new().format(*number).as_bytes()),
            Self::Uuid(random) => borrow(uuid(*random).as_bytes()),
        }
    }
}

/// Version 4, variant 1 (RFC 9562).
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4_and_variant_1() {
        for (random, uuid) in [
            (0, "00000000-0000-4000-8000-000000000000"),
            (u128::MAX, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        ] {
            assert_eq!(super::uuid(random), uuid);
            assert_eq!(Value::Uuid(random).length(), uuid.len());
        }
    }

    #[test]
    fn a_numbers_length_is_that_of_its_digits() {
        for number in [0, 1, 9, 10, 99, 100, u64::MAX - 1, u64::MAX] {
            let value = Value::Number(number);
            assert_eq!(value.length(), value.with(<[u8]>::len), "{number}");
            assert_eq!(value.length(), number.to_string().len(), "{number}");
        }
    }

    #[test]
    fn a_capture_keeps_its_place_and_no_other() {
        let mut captured = Captured::new(2);
        captured.set(1, "second".into());
        captured.set(2, "nobody can name it".into());
        assert_eq!((captured.get(0), captured.get(1)), (None, Some("second")));
        assert_eq!((captured.get(2), captured.len()), (None, 2));
    }

    #[test]
    fn what_joins_capture_is_kept_for_each_room() {
        let mut captured = Captured::new(1);
        captured.set_in(3, 0, "three".into());
        captured.set_in(4, 0, "four".into());
        let of = |n| captured.get_in(Some(RoomName { name: "", n }), 0);
        assert_eq!((of(3), of(4)), (Some("three"), Some("four")));
        // Where no room is meant, or none of these: the last one.
        assert_eq!((of(5), captured.get_in(None, 0)), (Some("four"), Some("four")));
        let mut all: Vec<_> = captured.all(0).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, ["four", "three"]);
    }
}
