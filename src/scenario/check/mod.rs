//! The rules between keys: from what is written to the model, with every mistake recorded.
//!
//! Each function returns a part of the model whatever it finds; where something is wrong, a
//! mistake is recorded and the part is a stand-in that nobody gets to see.

mod baseline;
mod capacity;
mod cohort;
mod conditions;
mod content;
mod data;
mod fault;
mod file;
mod phase;
mod protocol;
mod reach;
mod rooms;
mod spoken;
mod target;
mod threshold;
mod tls;
mod watch;

use std::path::Path;
use std::time::Duration;

use super::alike::not_zero;
use super::keys::{At, Field, list};
use super::mistake::{Mistakes, Span, Texts};
use super::model::Scenario;
use super::overrides::Applied;
use super::raw::File;
use super::suggest::did_you_mean;
use crate::protocol::{Audience, Protocol, ProtocolKind};
use protocol::Protocols;
use spoken::Spoken;

/// Phases take no longer than this in all.
pub(super) const LONGEST_RUN: Duration = Duration::from_secs(72 * 3600);

/// Clients of all cohorts together.
pub(super) const MAX_CLIENTS: u32 = 1_000_000;

/// Memberships of all clients together.
const MAX_MEMBERSHIPS: u64 = 20_000_000;

/// Rooms of all sets together, and of those that have one each.
const MAX_ROOMS: u64 = 5_000_000;

/// Publishes a second that a rate can ask for.
pub(super) const MAX_RATE: f64 = 1_000_000.0;

/// Checks a file. `folder` is where its paths start; `None` reads no other file.
pub(super) fn scenario(
    file: &File,
    applied: &Applied,
    folder: Option<&Path>,
    texts: &mut Texts,
    mistakes: &mut Mistakes,
) -> Scenario {
    let mut protocols = Protocols::new(folder, texts);
    let (target, spoken) = match file.target.written() {
        Some(target) => target::target(&target.value, applied, folder, &mut protocols, mistakes),
        None => (target::stand_in(), None),
    };
    let before = mistakes.count();
    let spoken = Spoken::of(file, spoken, &mut protocols, mistakes);
    let all_known = mistakes.count() == before && spoken.all_known();
    let room_sets = rooms::sets(&file.rooms, &spoken, folder, mistakes);
    let cohorts = cohort::cohorts(file, &target, &spoken, applied.protocol, folder, mistakes);
    if all_known {
        rooms::all_are_used(&file.rooms, &cohorts, mistakes);
    }
    let phases = phase::phases(&file.phase, &file.span, mistakes);
    let faults = fault::faults(file, &target, &phases, mistakes);
    let thresholds = threshold::thresholds(file, &cohorts, mistakes);
    Scenario {
        name: file.name.value().0,
        question: file.question.value(),
        seed: file.seed.value().get_u64(),
        target,
        room_sets,
        cohorts,
        phases,
        faults,
        thresholds,
        baseline: baseline::baseline(file, mistakes),
        capacity: capacity::capacity(file, mistakes),
        env: spoken.env(),
    }
}

pub(super) use data::enough;
pub(super) use rooms::{bounded, suffice};

/// Protocols that only uproar's own server speaks, by name.
#[must_use = "an iterator does nothing by itself"]
pub fn own_protocols() -> impl Iterator<Item = &'static str> {
    protocol::OWN.into_iter().map(ProtocolKind::name)
}

/// Names that can be referred to.
struct Names<'a> {
    names: Vec<Option<&'a str>>,
}

impl<'a> Names<'a> {
    /// The names of a list's elements. Refuses one that stands there twice.
    fn of<T>(
        what: &str,
        elements: &'a [At<T>],
        name: impl Fn(&'a T) -> &'a Field<super::values::Name>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut names: Vec<Option<&str>> = Vec::new();
        for element in elements {
            let field = name(&element.value);
            let text = field.get().map(|name| name.0.as_str());
            if let (Some(text), Some(at)) = (text, field.written())
                && names.contains(&Some(text))
            {
                mistakes
                    .add(&at.span, format!("there are two {what}s named `{text}`"))
                    .label("a second time")
                    .help(format!("give each {what} a name of its own"));
            }
            names.push(text);
        }
        Self { names }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| *known == Some(name))
    }

    /// Records that `name` is nobody's, unless somebody's name could not be read.
    fn unknown(&self, what: &str, name: &str, span: &Span, mistakes: &mut Mistakes) {
        if self.names.iter().any(Option::is_none) {
            return;
        }
        let known = || self.names.iter().flatten().copied();
        mistakes
            .add(span, format!("there is no {what} `{}`", name.escape_debug()))
            .label(format!("unknown {what}"))
            .help(format!("{}There are: {}", did_you_mean(name, known()), list(known())));
    }
}

/// A key of a group of which exactly one may stand there.
struct OneOf<'a> {
    key: &'static str,
    /// `None` if it is left out.
    span: Option<&'a Span>,
    /// Written, but wrongly.
    broken: bool,
}

impl<'a> OneOf<'a> {
    fn new<T>(key: &'static str, field: &'a Field<T>) -> Self {
        Self {
            key,
            span: field.written().map(|at| &at.span),
            broken: matches!(field, Field::Broken),
        }
    }
}

/// Records that none or several of a group stand in the table at `path`.
fn exactly_one(path: &str, table: &Span, group: &[OneOf<'_>], mistakes: &mut Mistakes) {
    let keys = list(group.iter().map(|one| one.key));
    let mut present = group.iter().filter(|one| one.span.is_some());
    match (present.next(), present.next()) {
        (None, _) if group.iter().any(|one| one.broken) => {}
        (None, _) => {
            mistakes
                .missing(table, format!("`{path}` has none of {keys}"))
                .label("in this table")
                .help("write exactly one of them");
        }
        (Some(first), Some(second)) => {
            // The later one in the text is the surprise.
            let (kept, extra) = match (first.span, second.span) {
                (Some(a), Some(b)) if a.start > b.start => (second, first),
                _ => (first, second),
            };
            let span = extra.span.unwrap_or(table);
            mistakes
                .add(span, format!("`{path}` has both `{}` and `{}`", kept.key, extra.key))
                .label("one too many")
                .help(format!("keep exactly one of {keys}"));
        }
        (Some(_), None) => {}
    }
}

/// Refuses a number outside `min..=max`, which `range` says in words.
fn in_range(
    path: &str,
    value: f64,
    (min, max): (f64, f64),
    range: &str,
    span: &Span,
    mistakes: &mut Mistakes,
) {
    if !(min..=max).contains(&value) {
        mistakes.add(span, format!("`{path}` must be {range}")).label("out of range");
    }
}

/// Why rooms mean nothing in a protocol.
fn no_rooms(protocol: &Protocol) -> String {
    let name = protocol.name();
    match protocol.audience() {
        Audience::Joined | Audience::Connected => format!("`{name}` has rooms"),
        Audience::Alone => {
            format!("`{name}` has no rooms to join: a message comes back to its sender")
        }
        Audience::Everyone => format!("`{name}` has no rooms to join: everyone hears everything"),
        Audience::Feed => format!("`{name}` has no rooms to join: the server pushes to everyone"),
    }
}

/// Whether clients are members of rooms that have names.
fn has_rooms(protocol: &Protocol) -> bool {
    matches!(protocol.audience(), Audience::Joined | Audience::Connected)
}
