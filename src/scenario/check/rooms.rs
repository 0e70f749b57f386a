//! `[rooms.NAME]`: how many rooms a set has and what they are called.

use std::collections::HashMap;
use std::path::Path;

use super::super::keys::{At, Field, join};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Cohort, RoomCount, RoomSet, Scenario, To};
use super::super::raw::{self, DEFAULT_ROOM_NAME};
use super::super::values::Named;
use super::spoken::Spoken;
use super::{MAX_MEMBERSHIPS, MAX_ROOMS, OneOf, exactly_one, file, has_rooms, no_rooms};
use crate::units::format::count;

/// Largest file of room names: a million names of 64 bytes.
const LARGEST_NAMES: u64 = 64 << 20;

/// Most rooms in a set.
const MOST_ROOMS: usize = 1_000_000;

/// Variables of a room's name.
const VARIABLES: [&str; 2] = ["run", "n"];

pub(super) fn sets(
    raw: &Field<Named<raw::Rooms>>,
    spoken: &Spoken,
    folder: Option<&Path>,
    mistakes: &mut Mistakes,
) -> Vec<RoomSet> {
    let Some(sets) = raw.get() else { return Vec::new() };
    if let Some(protocol) = spoken.without_rooms()
        && let Some((name, _)) = sets.0.first()
    {
        mistakes.unable(&name.span, no_rooms(protocol)).label("no rooms here").help(
            "a protocol file has rooms if it names `{{ room }}` somewhere; else remove `[rooms]`, \
                 or test with `builtin = \"rooms\"`",
        );
    }
    sets.0.iter().map(|(name, set)| room_set(name, set.as_ref(), folder, mistakes)).collect()
}

fn room_set(
    name: &At<String>,
    raw: Option<&raw::Rooms>,
    folder: Option<&Path>,
    mistakes: &mut Mistakes,
) -> RoomSet {
    if matches!(name.value.as_str(), "one" | "all") {
        mistakes
            .add(&name.span, format!("a set of rooms can't be called `{}`", name.value))
            .label("this word is taken")
            .help("`to = \"one\"` and `to = \"all\"` mean a client's own rooms");
    }
    let mut set = RoomSet {
        name: name.value.clone(),
        rooms: RoomCount::Count(1),
        name_template: DEFAULT_ROOM_NAME.to_owned(),
    };
    let Some(raw) = raw else { return set };
    let path = join("rooms", &name.value);
    let group = [
        OneOf::new("size", &raw.size),
        OneOf::new("count", &raw.count),
        OneOf::new("names", &raw.names),
    ];
    exactly_one(&path, &raw.span, &group, mistakes);
    if let Some(template) = raw.name.written() {
        if let Some(names) = raw.names.written() {
            let span =
                if template.span.start > names.span.start { &template.span } else { &names.span };
            mistakes
                .add(span, format!("`{path}` has both `names` and `name`"))
                .label("one too many")
                .help("the file already names the rooms: remove `name`");
        } else {
            check_template(template, &join(&path, "name"), mistakes);
        }
    }
    set.name_template = raw.name.value();
    if let Some(size) = raw.size.get() {
        set.rooms = RoomCount::Size(size.get());
    } else if let Some(count) = raw.count.get() {
        set.rooms = RoomCount::Count(count.get());
    } else if let Some(file) = raw.names.written() {
        match names(&file.value, folder) {
            Ok(names) => set.rooms = RoomCount::Names(names),
            Err(Unusable { why, help }) => {
                mistakes.add(&file.span, why).label("this file").help(help);
            }
        }
    }
    set
}

/// Why a file of names can't be used, and what to do.
struct Unusable {
    why: String,
    help: String,
}

/// Reads room names, one a line.
fn names(name: &str, folder: Option<&Path>) -> Result<Vec<String>, Unusable> {
    let unusable = |why: String, help: &str| Unusable { why, help: help.to_owned() };
    let folder = folder.ok_or_else(|| {
        unusable(format!("`{name}` can't be read from here"), "write `count` instead")
    })?;
    let path = folder.join(name);
    let shown = path.display();
    let text = file::text(&path, LARGEST_NAMES).map_err(|error| {
        unusable(
            format!("can't read the room names in `{shown}`: {error}"),
            "the path is relative to the scenario file",
        )
    })?;
    let mut lines: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (number, name) = (index + 1, line.trim());
        if name.is_empty() {
            continue;
        }
        if let Some(first) = lines.insert(name, number) {
            return Err(unusable(
                format!("`{shown}` names a room twice: lines {first} and {number}"),
                "each room stands there once",
            ));
        }
        names.push(name.to_owned());
    }
    match names.len() {
        0 => Err(unusable(format!("`{shown}` names no room"), "write one name a line")),
        1..=MOST_ROOMS => Ok(names),
        more => Err(unusable(
            format!("`{shown}` names {more} rooms"),
            "a set has at most 1,000,000 rooms",
        )),
    }
}

/// Refuses a template whose rooms would all be one, or whose variables nobody fills.
fn check_template(template: &At<String>, path: &str, mistakes: &mut Mistakes) {
    let mut rest = template.value.as_str();
    let mut numbered = false;
    while let Some(open) = rest.find("{{") {
        let after = &rest[open + 2..];
        let Some(close) = after.find("}}") else {
            mistakes
                .add(&template.span, format!("`{path}` opens `{{{{` and never closes it"))
                .label("no }}")
                .help("write variables as `{{ n }}`");
            return;
        };
        let variable = after[..close].trim();
        if !VARIABLES.contains(&variable) {
            let shown = variable.escape_debug();
            mistakes
                .add(&template.span, format!("`{path}` has the unknown variable `{shown}`"))
                .label("unknown variable")
                .help("a room's name can have `{{ run }}` and `{{ n }}`");
        }
        numbered |= variable == "n";
        rest = &after[close + 2..];
    }
    if !numbered {
        mistakes
            .add(&template.span, format!("`{path}` has no `{{{{ n }}}}`"))
            .label("the same name for every room")
            .help(format!("write it as in {:?}", DEFAULT_ROOM_NAME));
    }
}

/// Refuses a set that no cohort joins or publishes to: a run without it is not what the
/// writer had in mind.
pub(super) fn all_are_used(
    raw: &Field<Named<raw::Rooms>>,
    cohorts: &[Cohort],
    mistakes: &mut Mistakes,
) {
    let Some(sets) = raw.get() else { return };
    let any_rooms = cohorts.iter().any(|cohort| has_rooms(&cohort.protocol));
    if !any_rooms || !mistakes.is_empty() {
        // With something else wrong, who uses what is not known.
        return;
    }
    for (index, (name, set)) in sets.0.iter().enumerate() {
        let joined =
            cohorts.iter().any(|cohort| cohort.join.as_ref().is_some_and(|j| j.set == index));
        let published_to = cohorts
            .iter()
            .any(|cohort| cohort.publish.as_ref().is_some_and(|p| p.to == To::Set(index)));
        let sized = set.as_ref().and_then(|set| set.size.written());
        match sized {
            _ if !joined && !published_to => {
                mistakes
                    .add(&name.span, format!("no cohort uses the rooms `{}`", name.value))
                    .label("unused")
                    .help(format!("remove them, or add `join = {{ rooms = \"{}\" }}`", name.value));
            }
            Some(size) if !joined => {
                mistakes
                    .add(
                        &size.span,
                        format!("nobody joins `{}`, so `size` gives no rooms", name.value),
                    )
                    .label("members a room")
                    .help("say how many rooms there are with `count`");
            }
            _ => {}
        }
    }
}

/// How many rooms a set has.
fn rooms_of(scenario: &Scenario, index: usize, set: &RoomSet) -> u64 {
    match &set.rooms {
        RoomCount::Count(count) => u64::from(*count),
        RoomCount::Names(names) => names.len() as u64,
        RoomCount::Size(size) => {
            let joins = scenario
                .cohorts
                .iter()
                .filter(|cohort| cohort.join.as_ref().is_some_and(|join| join.set == index));
            joins.map(memberships).sum::<u64>().div_ceil(u64::from(*size))
        }
    }
}

/// How many rooms a cohort's clients are in, each counted.
fn memberships(cohort: &Cohort) -> u64 {
    u64::from(cohort.clients) * cohort.join.as_ref().map_or(0, |join| join.per_client.into())
}

/// Refuses more rooms or memberships than a plan holds.
///
/// Runs once clients are scaled. `span` gives the place to point at for the cohort of an index.
pub(in crate::scenario) fn bounded(
    scenario: &Scenario,
    span: impl Fn(usize) -> Span,
    mistakes: &mut Mistakes,
) {
    let all: u64 = scenario.cohorts.iter().map(memberships).sum();
    let sets = scenario.room_sets.iter().enumerate();
    let rooms: u64 = sets.map(|(index, set)| rooms_of(scenario, index, set)).sum();
    let most = (0..scenario.cohorts.len()).max_by_key(|at| memberships(&scenario.cohorts[*at]));
    for (what, found, bound, help) in [
        ("memberships", all, MAX_MEMBERSHIPS, "fewer clients or a lower `per_client`"),
        ("rooms", rooms, MAX_ROOMS, "fewer or larger rooms"),
    ] {
        if found > bound {
            mistakes
                .add(
                    &span(most.unwrap_or(0)),
                    format!("the scenario has {} {what} in all", count(found)),
                )
                .label("too many")
                .help(format!("a run has at most {}: use {help}", count(bound)));
        }
    }
}

/// Refuses clients that are to join more rooms than there are.
///
/// Runs once clients are scaled: fewer clients make fewer rooms. `span` gives the place to
/// point at for the cohort of an index.
pub(in crate::scenario) fn suffice(
    scenario: &Scenario,
    span: impl Fn(usize) -> Span,
    mistakes: &mut Mistakes,
) {
    for (index, cohort) in scenario.cohorts.iter().enumerate() {
        let Some(join) = &cohort.join else { continue };
        let Some(set) = scenario.room_sets.get(join.set) else { continue };
        let rooms = rooms_of(scenario, join.set, set);
        if u64::from(join.per_client) > rooms {
            mistakes
                .add(
                    &span(index),
                    format!(
                        "each client of `{}` joins {} rooms, but `{}` has only {rooms}",
                        cohort.name, join.per_client, set.name
                    ),
                )
                .label("too few rooms")
                .help(
                    "lower `per_client`, or make more rooms: more clients, a smaller `size`, a \
                     larger `count`",
                );
        }
    }
}
