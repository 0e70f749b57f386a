//! `[[fault]]`: when, what, and whom it hits.

use std::time::Duration;

use super::super::keys::{At, join};
use super::super::mistake::Mistakes;
use super::super::model::{Fault, FaultKind, Phase};
use super::super::raw::{self, FaultName};
use super::super::values::Choice;
use super::{Names, in_range};
use crate::units::parse;

pub(super) fn faults(file: &raw::File, phases: &[Phase], mistakes: &mut Mistakes) -> Vec<Fault> {
    let Some(list) = file.fault.get() else { return Vec::new() };
    let names = phase_names(file);
    let mut faults = Vec::new();
    for (index, at) in list.0.iter().enumerate() {
        let raw = &at.value;
        let path = |key: &str| join(&join("fault", &index.to_string()), key);
        let moment = raw.at.written().and_then(|at| moment(at, &names, mistakes));
        if let (Some(moment), Some(at)) = (&moment, raw.at.written()) {
            before_the_end(moment, at, phases, mistakes);
        }
        let clients = raw.clients.value().0;
        if let Some(at) = raw.clients.written() {
            let range = (f64::MIN_POSITIVE, 1.0);
            let words = "over 0% and at most 100%";
            in_range(&path("clients"), clients, range, words, &at.span, mistakes);
        }
        let moment = moment.unwrap_or(Moment { phase: None, offset: Duration::ZERO });
        faults.push(Fault {
            phase: moment.phase,
            offset: moment.offset,
            kind: kind(raw, &path("code"), mistakes),
            clients,
        });
    }
    faults
}

fn phase_names(file: &raw::File) -> Names<'_> {
    let names = match file.phase.get() {
        Some(list) => {
            list.0.iter().map(|at| at.value.name.get().map(|name| name.0.as_str())).collect()
        }
        None => vec![None],
    };
    Names { names }
}

fn kind(raw: &raw::Fault, path: &str, mistakes: &mut Mistakes) -> FaultKind {
    match (raw.kind.get(), raw.code.written()) {
        (Some(Choice(FaultName::Reset)), Some(code)) => {
            mistakes
                .add(&code.span, format!("`{path}` needs `kind = \"close\"`"))
                .label("unused")
                .help("a reset cuts the connection without a code; remove it");
            FaultKind::Reset
        }
        (Some(Choice(FaultName::Reset)) | None, _) => FaultKind::Reset,
        (Some(Choice(FaultName::Close)), code) => {
            let number = u16::try_from(raw.code.value().get()).unwrap_or(u16::MAX);
            if let Some(code) = code
                && number != 1000
                && !(3000..=4999).contains(&number)
            {
                mistakes
                    .add(&code.span, format!("a client can't close with code {number}"))
                    .label("not a client's code")
                    .help("1000 is a normal close; 3000 to 4999 are for applications");
            }
            FaultKind::Close { code: number }
        }
    }
}

/// When something happens.
struct Moment {
    /// The phase it counts from; `None` is the run's start.
    phase: Option<usize>,
    offset: Duration,
}

/// Reads `20s`, `steady`, or `steady + 10s`.
fn moment(at: &At<String>, names: &Names<'_>, mistakes: &mut Mistakes) -> Option<Moment> {
    const HOW: &str = "write \"20s\" from the run's start, or \"PHASE + 10s\"";
    let text = at.value.trim();
    let (start, offset) = match text.split_once('+') {
        Some((start, offset)) => (start.trim(), Some(offset.trim())),
        None => (text, None),
    };
    if let Some(phase) = names.position(start) {
        let offset = match offset.map(parse::duration) {
            None => Duration::ZERO,
            Some(Ok(offset)) => offset,
            Some(Err(why)) => {
                mistakes.add(&at.span, why).label("after the +").help(HOW);
                return None;
            }
        };
        return Some(Moment { phase: Some(phase), offset });
    }
    if offset.is_none() && start.starts_with(|c: char| c.is_ascii_digit() || "-.".contains(c)) {
        return match parse::duration(start) {
            Ok(offset) => Some(Moment { phase: None, offset }),
            Err(why) => {
                mistakes.add(&at.span, why).label("not a moment").help(HOW);
                None
            }
        };
    }
    if start.is_empty() || start.contains(char::is_whitespace) {
        mistakes
            .add(&at.span, format!("`{}` is not a moment", text.escape_debug()))
            .label("not a moment")
            .help(HOW);
    } else {
        names.unknown("phase", start, &at.span, mistakes);
    }
    None
}

fn before_the_end(moment: &Moment, at: &At<String>, phases: &[Phase], mistakes: &mut Mistakes) {
    let total: Duration = phases.iter().map(|phase| phase.duration).sum();
    let start: Duration =
        phases.iter().take(moment.phase.unwrap_or(0)).map(|phase| phase.duration).sum();
    let when = start.saturating_add(moment.offset);
    // A phase without a length is a mistake of its own.
    let known = !phases.is_empty() && phases.iter().all(|phase| !phase.duration.is_zero());
    if known && when >= total {
        mistakes
            .add(&at.span, format!("this is {when:?} into the run, which ends after {total:?}"))
            .label("after the end")
            .help("lengthen a phase, or let it happen earlier");
    }
}
