//! `[[cohort]]`: who joins what, publishes what, and comes back how.

use std::path::Path;

use super::super::keys::{At, Field, join, list};
use super::super::mistake::Mistakes;
use super::super::model::{
    Act, Arrivals, Churn, Cohort, Data, Join, Load, Pick, Publish, Read, Reconnect, Target, To,
    WsPing,
};
use super::super::raw::{self, PickName};
use super::super::suggest::did_you_mean;
use super::super::unions::ReconnectOr;
use super::super::values::Rate;
use super::content::Content;
use super::protocol::Resolved;
use super::spoken::Spoken;
use super::target::with_codec;
use super::{
    MAX_CLIENTS, MAX_RATE, Names, OneOf, data, exactly_one, has_rooms, in_range, no_rooms,
    not_zero, protocol,
};
use crate::codec::CodecKind;
use crate::protocol::{Audience, Protocol, Recipients};

pub(super) fn cohorts(
    file: &raw::File,
    target: &Target,
    spoken: &Spoken,
    replaced: bool,
    folder: Option<&Path>,
    mistakes: &mut Mistakes,
) -> Vec<Cohort> {
    let Some(list) = file.cohort.written() else { return Vec::new() };
    if list.value.0.is_empty() {
        mistakes
            .missing(&list.span, "there is no cohort")
            .help("a run needs clients: add a `[[cohort]]`");
    }
    // For its check that names differ.
    let _ = Names::of("cohort", &list.value.0, |cohort| &cohort.name, mistakes);
    let sets = set_names(file);
    let cohorts: Vec<Cohort> = list
        .value
        .0
        .iter()
        .enumerate()
        .map(|(index, at)| {
            let path = path(index, &at.value);
            let raw = &at.value;
            let resolved = spoken.of_cohort(index);
            let codec = raw.codec.get().map_or(target.codec, |choice| choice.0);
            let known = resolved.map(|resolved| resolved.protocol.clone());
            let protocol = with_codec(known, codec);
            let target = file.target.get();
            let replaced = replaced && raw.protocol.is_absent();
            let sets = &sets;
            Check { raw, path, sets, target, folder, resolved, protocol, codec, replaced }
                .cohort(mistakes)
        })
        .collect();
    let clients: u64 = cohorts.iter().map(|cohort| u64::from(cohort.clients)).sum();
    if clients > u64::from(MAX_CLIENTS) {
        mistakes
            .add(&list.span, format!("the cohorts have {clients} clients together"))
            .help("a run has at most 1,000,000 clients");
    }
    cohorts
}

/// The names of the sets of rooms.
fn set_names(file: &raw::File) -> Names<'_> {
    let names = match &file.rooms {
        // Nothing is known of them, so nothing is unknown.
        Field::Broken => vec![None],
        rooms => rooms
            .get()
            .map(|sets| sets.0.iter().map(|(name, _)| Some(name.value.as_str())).collect())
            .unwrap_or_default(),
    };
    Names { names }
}

/// How a cohort is addressed, for messages.
fn path(index: usize, raw: &raw::Cohort) -> String {
    let name = raw.name.get().map_or_else(|| index.to_string(), |name| name.0.clone());
    join("cohort", &name)
}

/// One cohort, and what it may refer to.
struct Check<'a> {
    raw: &'a raw::Cohort,
    /// How it is addressed, for messages.
    path: String,
    sets: &'a Names<'a>,
    target: Option<&'a raw::Target>,
    /// Where files that it names are.
    folder: Option<&'a Path>,
    /// Where the protocol could not be read, nothing is said of what it allows.
    resolved: Option<&'a Resolved>,
    protocol: Protocol,
    codec: CodecKind,
    /// Whether the command line gave the protocol: the file was written for another one.
    replaced: bool,
}

impl Check<'_> {
    fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    fn cohort(&self, mistakes: &mut Mistakes) -> Cohort {
        let raw = self.raw;
        let join = raw.join.written().and_then(|at| self.join(at, mistakes));
        if raw.join.is_absent() && self.protocol.audience() == Audience::Connected {
            let name = self.protocol.name();
            mistakes
                .missing(&raw.span, format!("`{}` joins no room", self.path))
                .label("in this cohort")
                .help(format!(
                    "a connection of `{name}` is for a room, which its path, query or first words \
                     name: add `join = {{ rooms = \"...\" }}`"
                ));
        }
        let publish = raw.publish.written().map(|at| self.publish(at, join.as_ref(), mistakes));
        if let (Protocol::Described(_) | Protocol::Mqtt(_), Some(codec)) =
            (&self.protocol, raw.codec.written())
        {
            let message = format!("`{}` is of uproar's own protocols", self.at("codec"));
            mistakes
                .idle(&codec.span, self.replaced, message)
                .label("not with this protocol")
                .help(format!("`{}` has none: remove it", self.protocol.name()));
        }
        let no_params = Field::Absent;
        let target_params = self.target.map_or(&no_params, |target| &target.params);
        let params = self
            .resolved
            .map(|resolved| protocol::params(resolved, target_params, &raw.params))
            .unwrap_or_default();
        let data = self.data(mistakes);
        let actions = self.actions(mistakes);
        Cohort {
            name: raw.name.value().0,
            clients: raw.clients.value().get(),
            publish,
            actions,
            reconnect: self.reconnect(mistakes),
            ws_ping: raw.ws_ping.written().map(|at| self.ws_ping(&at.value, mistakes)),
            churn: raw.churn.written().map(|at| self.churn(&at.value, mistakes)),
            read: raw.read.written().map(|at| self.read(&at.value, mistakes)),
            codec: self.codec,
            protocol: self.protocol.clone(),
            params,
            data,
            join,
        }
    }

    fn join(&self, at: &At<raw::JoinRooms>, mistakes: &mut Mistakes) -> Option<Join> {
        let raw = &at.value;
        if !has_rooms(&self.protocol) {
            mistakes
                .unable(&at.span, no_rooms(&self.protocol))
                .label("nothing to join")
                .help(format!("remove `{}`", self.at("join")));
            return None;
        }
        let pick = match raw.pick.value().0 {
            PickName::Even => Pick::Even,
            PickName::Random => Pick::Random,
            PickName::Zipf => Pick::Zipf { exponent: raw.exponent.value() },
        };
        if let Some(exponent) = raw.exponent.written() {
            let path = self.at("join.exponent");
            if !matches!(pick, Pick::Zipf { .. }) && !matches!(raw.pick, Field::Broken) {
                mistakes
                    .add(&exponent.span, format!("`{path}` means nothing without zipf"))
                    .label("unused")
                    .help("add `pick = \"zipf\"`, or remove it");
            } else {
                let range = (f64::MIN_POSITIVE, 10.0);
                let words = "over 0 and at most 10";
                in_range(&path, exponent.value, range, words, &exponent.span, mistakes);
            }
        }
        if let Some(per_client) = raw.per_client.written()
            && self.protocol.audience() == Audience::Connected
            && per_client.value.get() > 1
        {
            let name = self.protocol.name();
            mistakes
                .add(&per_client.span, format!("a connection of `{name}` is for one room"))
                .label("more than one")
                .help("its path, query or first words name the room: more rooms are more clients");
        }
        let name = raw.rooms.written()?;
        let Some(set) = self.sets.position(&name.value) else {
            self.sets.unknown("set of rooms", &name.value, &name.span, mistakes);
            return None;
        };
        Some(Join { set, per_client: raw.per_client.value().get(), pick })
    }

    fn publish(
        &self,
        at: &At<raw::Publish>,
        join: Option<&Join>,
        mistakes: &mut Mistakes,
    ) -> Publish {
        let raw = &at.value;
        if !self.protocol.publishes() {
            let name = self.protocol.name();
            mistakes
                .unable(
                    &at.span,
                    format!("`{name}` takes no messages: the server pushes, clients listen"),
                )
                .label("nothing to publish to")
                .help(format!("remove `{}`", self.at("publish")));
        }
        let load = self.load(raw, mistakes);
        let to = self.to(at, join, &load, mistakes);
        let binary = raw.binary.value().0;
        if let (Some(share), Protocol::Described(file)) = (raw.binary.written(), &self.protocol)
            && binary > 0.0
            && file.publish.as_ref().is_some_and(|publish| publish.binary.is_none())
        {
            let name = &file.name;
            let message = format!("the protocol `{name}` has no binary messages: all are text");
            mistakes
                .idle(&share.span, self.replaced, message)
                .label("binary messages")
                .help("add `[publish.binary]` to the protocol file, or remove it");
        }
        in_range(
            &self.at("publish.binary"),
            binary,
            (0.0, 1.0),
            "from 0% to 100%",
            raw.binary.span_or(&raw.span),
            mistakes,
        );
        let (path, protocol) = (self.at("publish"), &self.protocol);
        let (replaced, known) = (self.replaced, self.resolved.is_some());
        let content = Content { raw, path, protocol, folder: self.folder, replaced, known };
        let (size, texts, body) = content.check(mistakes);
        Publish {
            load,
            to,
            arrivals: raw.arrivals.get().map_or(Arrivals::Poisson, |choice| choice.0),
            size,
            binary,
            texts,
            body,
        }
    }

    /// What its clients do besides publishing, by the names that the protocol has for it.
    fn actions(&self, mistakes: &mut Mistakes) -> Vec<Act> {
        let Some(actions) = self.raw.actions.get() else { return Vec::new() };
        let mut acts = Vec::new();
        for (name, rate) in &actions.0 {
            let path = self.at(&join("actions", &name.value));
            let Some(action) = self.protocol.action(&name.value) else {
                if self.resolved.is_some() {
                    self.unknown_action(name, mistakes);
                }
                continue;
            };
            let Some(Rate(rate_per_s)) = *rate else { continue };
            let range = (f64::MIN_POSITIVE, MAX_RATE);
            let words = "over 0/s and at most 1,000,000/s";
            in_range(&path, rate_per_s, range, words, &name.span, mistakes);
            acts.push(Act { action, rate_per_s });
        }
        acts
    }

    fn unknown_action(&self, name: &At<String>, mistakes: &mut Mistakes) {
        let known: Vec<&str> = self.protocol.actions().collect();
        let protocol = self.protocol.name();
        let help = if known.is_empty() {
            "a protocol file declares them as `[[action]]`; uproar's own protocols have none"
                .to_owned()
        } else {
            let guess = did_you_mean(&name.value, known.iter().copied());
            format!("{guess}It has {}", list(known.iter().copied()))
        };
        let message = format!("`{protocol}` has no action `{}`", name.value.escape_debug());
        mistakes.idle(&name.span, self.replaced, message).label("unknown action").help(help);
    }

    fn load(&self, raw: &raw::Publish, mistakes: &mut Mistakes) -> Load {
        let group = [
            OneOf::new("rate", &raw.rate),
            OneOf::new("total_rate", &raw.total_rate),
            OneOf::new("in_flight", &raw.in_flight),
        ];
        exactly_one(&self.at("publish"), &raw.span, &group, mistakes);
        for (key, field) in [("rate", &raw.rate), ("total_rate", &raw.total_rate)] {
            self.rate_range(key, field, mistakes);
        }
        let closed = !raw.in_flight.is_absent();
        for (key, field) in [("think", &raw.think), ("answer_within", &raw.answer_within)] {
            if let Some(at) = field.written()
                && !closed
            {
                let path = self.at(&join("publish", key));
                mistakes
                    .add(&at.span, format!("`{path}` needs `in_flight`"))
                    .label("unused")
                    .help("with a rate, messages are due whatever the server does; remove it");
            }
        }
        not_zero(&self.at("publish.answer_within"), &raw.answer_within, mistakes);
        if let Some(arrivals) = raw.arrivals.written()
            && closed
        {
            mistakes
                .add(&arrivals.span, format!("`{}` needs a rate", self.at("publish.arrivals")))
                .label("unused")
                .help("with `in_flight`, the server decides when messages are sent; remove it");
        }
        if let Some(in_flight) = raw.in_flight.get() {
            let (think, answer_within) = (raw.think.value(), raw.answer_within.value());
            Load::Closed { in_flight: in_flight.get(), think, answer_within }
        } else if let Some(total) = raw.total_rate.get() {
            Load::TotalRate(total.0)
        } else {
            Load::Rate(raw.rate.value().0)
        }
    }

    fn rate_range(&self, key: &str, field: &Field<Rate>, mistakes: &mut Mistakes) {
        let Some(at) = field.written() else { return };
        let path = self.at(&join("publish", key));
        if at.value.0 <= 0.0 {
            mistakes
                .add(&at.span, format!("`{path}` must be over 0"))
                .label("never")
                .help("a cohort that only listens has no `publish` at all");
        } else {
            let range = (0.0, MAX_RATE);
            in_range(&path, at.value.0, range, "at most 1,000,000/s", &at.span, mistakes);
        }
    }

    fn to(
        &self,
        at: &At<raw::Publish>,
        join: Option<&Join>,
        load: &Load,
        mistakes: &mut Mistakes,
    ) -> To {
        let raw = &at.value;
        self.answered(at, load, mistakes);
        let word = raw.to.value();
        let span = raw.to.span_or(&at.span);
        if !has_rooms(&self.protocol) {
            if let Some(to) = raw.to.written()
                && to.value != "one"
            {
                mistakes
                    .unable(&to.span, no_rooms(&self.protocol))
                    .label("no rooms here")
                    .help(format!("remove `{}`", self.at("publish.to")));
            }
            return To::One;
        }
        let to = match word.as_str() {
            "one" => To::One,
            "all" => To::All,
            name => match self.sets.position(name) {
                Some(set) => To::Set(set),
                None => {
                    self.sets.unknown("set of rooms", name, span, mistakes);
                    return To::One;
                }
            },
        };
        let joins = join.is_some() || !self.raw.join.is_absent();
        if matches!(to, To::Set(_)) && self.protocol.audience() == Audience::Connected {
            let name = self.protocol.name();
            mistakes
                .add(
                    span,
                    format!("a connection of `{name}` is for one room, and talks to no other"),
                )
                .label("another set of rooms")
                .help("remove `to`");
        }
        if !matches!(to, To::Set(_)) && !joins && self.resolved.is_some() {
            mistakes
                .add(span, format!("`{}` joins no rooms, so it has none to publish to", self.path))
                .label(format!("to {word} of no rooms"))
                .help(
                    "add `join = { rooms = \"...\" }`, or publish to a set without joining: \
                     `to = \"...\"` with its name",
                );
        }
        if matches!(load, Load::Closed { .. }) && to != To::One {
            let why = match to {
                To::All => "which would be several messages on their way at once",
                _ => "from which a client's own messages need not come back",
            };
            mistakes
                .add(span, format!("`in_flight` can't be used with `to = \"{word}\"`, {why}"))
                .label("with in_flight")
                .help("use `to = \"one\"`, or a `rate`");
        }
        to
    }

    /// Whether a closed loop hears of its messages again.
    fn answered(&self, at: &At<raw::Publish>, load: &Load, mistakes: &mut Mistakes) {
        let protocol = &self.protocol;
        let hears_itself = matches!(protocol.recipients(), Recipients::Room | Recipients::Sender);
        let is_answered = hears_itself || protocol.acknowledges();
        if matches!(load, Load::Closed { .. }) && !is_answered && self.resolved.is_some() {
            let span = at.value.in_flight.span_or(&at.span);
            let name = protocol.name();
            mistakes
                .unable(span, format!("a client of `{name}` never hears of its own messages again"))
                .label("waits for an answer")
                .help(
                    "`in_flight` counts messages until their own copy or their acknowledgement comes: \
                     add `ack` to the protocol's `[publish]`, or use a `rate`",
                );
        }
    }

    /// Its users, and whether templates name no other columns than theirs.
    fn data(&self, mistakes: &mut Mistakes) -> Option<Data> {
        let raw = &self.raw.data;
        let data = raw.written().and_then(|at| data::data(&at.value.0, self.folder, mistakes));
        let named = self.resolved.map_or(&[][..], |resolved| &resolved.uses.columns);
        for (column, span) in named {
            match &data {
                // Why there is none was said.
                None if !raw.is_absent() => {}
                None => {
                    mistakes
                        .add(span, format!("`{}` has no users to take this from", self.path))
                        .label("a column of the cohort's data")
                        .help("add `data = \"users.csv\"` to the cohort: a file with a row a user");
                }
                Some(data) => {
                    let known = || data.users.columns().iter().map(String::as_str);
                    if !known().any(|known| known == column) {
                        mistakes
                            .add(
                                span,
                                format!("the users of `{}` have no column `{column}`", self.path),
                            )
                            .label("unknown column")
                            .help(format!(
                                "{}Columns there: {}",
                                did_you_mean(column, known()),
                                list(known())
                            ));
                    }
                }
            }
        }
        if let (Some(at), Some(_), true) = (raw.written(), &data, named.is_empty()) {
            mistakes
                .warn(&at.span, format!("nothing names the users of `{}`", self.path))
                .label("unused")
                .help("a protocol file names a column as `{{ user.COLUMN }}`");
        }
        data
    }

    fn reconnect(&self, mistakes: &mut Mistakes) -> Option<Reconnect> {
        let raw = match self.raw.reconnect.get()? {
            ReconnectOr::Off => return None,
            ReconnectOr::Table(table) => table,
        };
        let path = |key: &str| self.at(&join("reconnect", key));
        not_zero(&path("first"), &raw.first, mistakes);
        if let Some(factor) = raw.factor.written() {
            let range = (1.0, 100.0);
            in_range(&path("factor"), factor.value, range, "from 1 to 100", &factor.span, mistakes);
        }
        let (first, max) = (raw.first.value(), raw.max.value());
        let broken = matches!(raw.first, Field::Broken) || matches!(raw.max, Field::Broken);
        if max < first && !broken {
            let span = raw.max.written().map_or(raw.first.span_or(&raw.span), |at| &at.span);
            mistakes
                .add(span, format!("`{}` is shorter than `first`", path("max")))
                .label("max is the longest delay")
                .help("raise `max` or lower `first`");
        }
        Some(Reconnect {
            first,
            factor: raw.factor.value(),
            max,
            jitter: raw.jitter.value().0,
            attempts: raw.attempts.value().get(),
            while_away: raw.while_away.value().0,
        })
    }

    fn ws_ping(&self, raw: &raw::WsPing, mistakes: &mut Mistakes) -> WsPing {
        not_zero(&self.at("ws_ping.every"), &raw.every, mistakes);
        not_zero(&self.at("ws_ping.timeout"), &raw.timeout, mistakes);
        WsPing { every: raw.every.value(), timeout: raw.timeout.value() }
    }

    fn read(&self, raw: &raw::Read, mistakes: &mut Mistakes) -> Read {
        let path = |key: &str| self.at(&join("read", key));
        if let Some(at) = raw.rate.written() {
            let range = (f64::MIN_POSITIVE, MAX_RATE);
            let words = "over 0/s and at most 1,000,000/s";
            in_range(&path("rate"), at.value.0, range, words, &at.span, mistakes);
        }
        if let Some(at) = raw.buffer.written()
            && !(BUFFER_BYTES.0..=BUFFER_BYTES.1).contains(&at.value.0)
        {
            mistakes
                .add(&at.span, format!("`{}` must be from 4 KiB to 16 MiB", path("buffer")))
                .label("out of range");
        }
        Read {
            rate_per_s: raw.rate.value().0,
            buffer_bytes: raw.buffer.get().and_then(|bytes| u32::try_from(bytes.0).ok()),
        }
    }

    fn churn(&self, raw: &raw::Churn, mistakes: &mut Mistakes) -> Churn {
        let churn = Churn {
            connections_per_s: raw.connections.value().0,
            rooms_per_s: raw.rooms.value().0,
            stay_away: raw.stay_away.value(),
        };
        for (key, field) in [("connections", &raw.connections), ("rooms", &raw.rooms)] {
            let path = self.at(&join("churn", key));
            let span = field.span_or(&raw.span);
            in_range(&path, field.value().0, (0.0, 1.0), "at most 100%/s", span, mistakes);
        }
        let broken = matches!(raw.connections, Field::Broken) || matches!(raw.rooms, Field::Broken);
        if churn.connections_per_s + churn.rooms_per_s <= 0.0 && !broken {
            mistakes
                .missing(&raw.span, format!("nobody comes or goes in `{}`", self.at("churn")))
                .label("in this table")
                .help("write `connections = \"5%/min\"`, `rooms = \"1%/min\"`, or both");
        }
        if let Some(rooms) = raw.rooms.written()
            && rooms.value.0 > 0.0
            && !self.raw.join.is_absent()
            && let Protocol::Described(file) = &self.protocol
            && file.leave.is_none()
        {
            mistakes
                .unable(&rooms.span, format!("the protocol `{}` can't leave a room", file.name))
                .label("no way to leave")
                .help("add `[leave]` to the protocol file, or use `connections`");
        }
        if let Some(rooms) = raw.rooms.written()
            && rooms.value.0 > 0.0
            && self.raw.join.is_absent()
        {
            mistakes
                .add(&rooms.span, format!("`{}` joins no rooms to leave", self.path))
                .label("no rooms")
                .help("remove it, or add `join = { rooms = \"...\" }`");
        }
        churn
    }
}

/// The least and the most bytes of a socket's receive buffer.
const BUFFER_BYTES: (u64, u64) = (4 << 10, 16 << 20);
