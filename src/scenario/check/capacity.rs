//! `[capacity]`: what a search may be told.

use std::time::Duration;

use super::super::keys::Key as _;
use super::super::mistake::Mistakes;
use super::super::model::Capacity;
use super::super::raw;
use super::super::tree::{Node, Table, Value};
use super::in_range;

/// The table as it is written, or its defaults.
pub(super) fn capacity(file: &raw::File, mistakes: &mut Mistakes) -> Capacity {
    let empty = Node { span: file.span.clone(), value: Value::Table(Table::default()) };
    let raw = match file.capacity.written() {
        Some(written) => Some(written.value.clone()),
        None => raw::Capacity::read(&empty, "capacity", mistakes),
    };
    let Some(raw) = raw else { return stand_in() };
    let span = |field: &super::Field<_>| field.span_or(&raw.span).clone();
    let (within, chance) = (raw.within.value().0, raw.chance.value().0);
    let place = span(&raw.within);
    in_range("capacity.within", within, (0.06, 1.0), "6% to 100%", &place, mistakes);
    let place = span(&raw.chance);
    in_range("capacity.chance", chance, (0.5, 0.95), "50% to 95%", &place, mistakes);
    let time = raw.time.value();
    if time.is_zero() && raw.time.written().is_some() {
        let place = raw.time.span_or(&raw.span);
        mistakes.add(place, "`capacity.time` must be over 0".to_owned()).label("no time at all");
    }
    let (from, to) = (raw.from.get().map(|n| n.get()), raw.to.get().map(|n| n.get()));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        mistakes
            .add(raw.to.span_or(&raw.span), "`capacity.to` must be over `capacity.from`".to_owned())
            .label(format!("not over {from}"));
    }
    let restore: Vec<String> = raw
        .restore
        .get()
        .map(|list| list.0.iter().map(|word| word.value.clone()).collect())
        .unwrap_or_default();
    if restore.first().is_some_and(String::is_empty) {
        mistakes
            .add(raw.restore.span_or(&raw.span), "`capacity.restore` names no program".to_owned())
            .help("write the program and its arguments: [\"systemctl\", \"restart\", \"chat\"]");
    }
    Capacity {
        grow: raw.grow.get().map_or(super::super::model::Grow::Clients, |grow| grow.0),
        from,
        to,
        within,
        chance,
        trials: raw.trials.value().get(),
        time,
        at_least: raw.at_least.get().map(|n| n.get()),
        restore,
    }
}

/// Where a mistake is recorded: nobody gets to see it.
fn stand_in() -> Capacity {
    Capacity {
        grow: super::super::model::Grow::Clients,
        from: None,
        to: None,
        within: 0.15,
        chance: 0.8,
        trials: 40,
        time: Duration::from_secs(1),
        at_least: None,
        restore: Vec::new(),
    }
}
