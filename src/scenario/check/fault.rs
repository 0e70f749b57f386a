//! `[[fault]]`: when, what, and whom it hits.

use std::time::Duration;

use super::super::keys::{At, join};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Fault, FaultKind, Phase, Target};
use super::super::raw::{self, FaultName};
use super::super::values::{Choice, List};
use super::{Names, in_range, not_zero};
use crate::units::parse;

/// Longest name of a fault, in characters.
const LABEL_MAX: usize = 40;
/// How long a restarted server stays away if the file doesn't say.
const RESTART_DOWN: Duration = Duration::from_secs(1);
/// How long after a mark lost connections are put down to it if the file doesn't say.
const MARK_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn faults(
    file: &raw::File,
    target: &Target,
    phases: &[Phase],
    mistakes: &mut Mistakes,
) -> Vec<Fault> {
    let Some(list) = file.fault.get() else { return Vec::new() };
    let names = phase_names(file);
    let mut faults = Vec::new();
    for (index, at) in list.0.iter().enumerate() {
        let raw = &at.value;
        let moment = raw.at.written().and_then(|at| moment(at, &names, mistakes));
        if let (Some(moment), Some(at)) = (&moment, raw.at.written()) {
            before_the_end(moment, at, phases, mistakes);
        }
        let moment = moment.unwrap_or(Moment { phase: None, offset: Duration::ZERO });
        // Without a kind nothing is known of what the other keys mean.
        let Some(Choice(name)) = raw.kind.get().copied() else { continue };
        let check = Check { raw, span: &at.span, name, path: join("fault", &index.to_string()) };
        faults.push(Fault {
            phase: moment.phase,
            offset: moment.offset,
            kind: check.kind(mistakes),
            clients: check.clients(mistakes),
            label: check.label(mistakes),
        });
        if target.url.is_some() && faults.last().is_some_and(|fault| fault.kind.is_of_server()) {
            mistakes
                .add(
                    raw.kind.span_or(&at.span),
                    "only the built-in server can be frozen, killed or restarted",
                )
                .label("with a url")
                .help(
                    "do it yourself and write `kind = \"mark\"` for the moment, or use `builtin`",
                );
        }
    }
    server_faults_in_turn(list, &faults, phases, mistakes);
    faults
}

/// One fault of the server has to be over before the next begins.
fn server_faults_in_turn(
    list: &List<raw::Fault>,
    faults: &[Fault],
    phases: &[Phase],
    mistakes: &mut Mistakes,
) {
    // A fault that could not be read would shift the others' places.
    if faults.len() != list.0.len() {
        return;
    }
    let mut of_server: Vec<_> = faults
        .iter()
        .zip(&list.0)
        .filter(|(fault, _)| fault.kind.is_of_server())
        .map(|(fault, at)| {
            let start: Duration =
                phases.iter().take(fault.phase.unwrap_or(0)).map(|phase| phase.duration).sum();
            let begins = start.saturating_add(fault.offset);
            let lasts = fault.kind.duration().unwrap_or(Duration::MAX);
            (begins, begins.saturating_add(lasts), at)
        })
        .collect();
    of_server.sort_by_key(|(begins, ..)| *begins);
    for pair in of_server.windows(2) {
        let [(_, ends, _), (begins, _, at)] = pair else { continue };
        if begins <= ends {
            mistakes
                .add(
                    at.value.at.span_or(&at.span),
                    "the server's fault before this one is not over yet",
                )
                .label("too early")
                .help("let it happen later, or shorten the other's `duration`");
        }
    }
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

/// One fault whose kind is known.
struct Check<'a> {
    raw: &'a raw::Fault,
    /// The whole table.
    span: &'a Span,
    name: FaultName,
    /// How it is addressed, for messages.
    path: String,
}

impl Check<'_> {
    fn kind(&self, mistakes: &mut Mistakes) -> FaultKind {
        if self.name != FaultName::Close
            && let Some(code) = self.raw.code.written()
        {
            mistakes
                .add(&code.span, format!("`{}.code` needs `kind = \"close\"`", self.path))
                .label("unused")
                .help("nothing else sends a code; remove it");
        }
        match self.name {
            FaultName::Reset => {
                self.no_duration(mistakes);
                FaultKind::Reset
            }
            FaultName::Close => {
                self.no_duration(mistakes);
                FaultKind::Close { code: self.code(mistakes) }
            }
            FaultName::HalfOpen => {
                self.no_duration(mistakes);
                FaultKind::HalfOpen
            }
            FaultName::Stall => FaultKind::Stall { duration: self.needed_duration(mistakes) },
            FaultName::Freeze => FaultKind::Freeze { duration: self.needed_duration(mistakes) },
            FaultName::Kill => FaultKind::Kill { down: self.duration(mistakes) },
            FaultName::Restart => {
                FaultKind::Restart { down: self.duration(mistakes).unwrap_or(RESTART_DOWN) }
            }
            FaultName::Mark => {
                FaultKind::Mark { within: self.duration(mistakes).unwrap_or(MARK_WITHIN) }
            }
        }
    }

    fn code(&self, mistakes: &mut Mistakes) -> u16 {
        let number = u16::try_from(self.raw.code.value().get()).unwrap_or(u16::MAX);
        if let Some(code) = self.raw.code.written()
            && number != 1000
            && !(3000..=4999).contains(&number)
        {
            mistakes
                .add(&code.span, format!("a client can't close with code {number}"))
                .label("not a client's code")
                .help("1000 is a normal close; 3000 to 4999 are for applications");
        }
        number
    }

    fn duration(&self, mistakes: &mut Mistakes) -> Option<Duration> {
        not_zero(&join(&self.path, "duration"), &self.raw.duration, mistakes);
        self.raw.duration.get().copied()
    }

    fn needed_duration(&self, mistakes: &mut Mistakes) -> Duration {
        if self.raw.duration.is_absent() {
            let name = self.raw.kind.written().map_or(self.span, |at| &at.span);
            mistakes
                .add(name, format!("`{}` needs a `duration`", self.path))
                .label("for how long?")
                .help("write `duration = \"2s\"`");
        }
        self.duration(mistakes).unwrap_or_default()
    }

    fn no_duration(&self, mistakes: &mut Mistakes) {
        if let Some(duration) = self.raw.duration.written() {
            mistakes
                .add(&duration.span, format!("`{}.duration` means nothing here", self.path))
                .label("unused")
                .help("when a client comes back is its `reconnect`'s to say; remove it");
        }
    }

    fn clients(&self, mistakes: &mut Mistakes) -> f64 {
        let of_clients = matches!(
            self.name,
            FaultName::Reset | FaultName::Close | FaultName::HalfOpen | FaultName::Stall
        );
        match self.raw.clients.written() {
            Some(at) if of_clients => {
                let path = join(&self.path, "clients");
                let range = (f64::MIN_POSITIVE, 1.0);
                let words = "over 0% and at most 100%";
                in_range(&path, at.value.0, range, words, &at.span, mistakes);
            }
            Some(at) => {
                mistakes
                    .add(&at.span, format!("`{}.clients` means nothing here", self.path))
                    .label("unused")
                    .help("this is no fault of clients, so it meets all of them; remove it");
            }
            None if of_clients && self.raw.clients.is_absent() => {
                mistakes
                    .missing(self.span, format!("`{}` needs `clients`", self.path))
                    .label("in this table")
                    .help("write the share of all clients that it hits: `clients = \"30%\"`");
            }
            None => {}
        }
        self.raw.clients.get().filter(|_| of_clients).map_or(0.0, |share| share.0)
    }

    fn label(&self, mistakes: &mut Mistakes) -> Option<String> {
        let label = self.raw.label.get().map(|label| label.trim().to_owned());
        if self.name == FaultName::Mark && self.raw.label.is_absent() {
            mistakes
                .missing(self.span, format!("`{}` needs a `label`", self.path))
                .label("in this table")
                .help("a mark is there to name a moment: `label = \"deploy\"`");
        }
        if let (Some(at), Some(text)) = (self.raw.label.written(), &label)
            && !(1..=LABEL_MAX).contains(&text.chars().count())
        {
            mistakes
                .add(
                    &at.span,
                    format!("`{}.label` must have 1 to {LABEL_MAX} characters", self.path),
                )
                .label("not a label");
        }
        label
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
