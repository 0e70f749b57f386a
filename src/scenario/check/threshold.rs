//! `[thresholds]`: `[cohort.NAME.][phase.NAME.]METRIC[.STAT]`, and `< 250ms, if any`.
//!
//! uproar's own conditions, which stand beside them, are in `conditions`; which limits a figure can
//! reach at all is in `reach`.

use std::time::Duration;

use super::super::keys::{At, Field, list};
use super::super::later::{self, Place};
use super::super::limits::Limit;
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Cohort, Comparison, Milestone, Stat, Subject, Threshold};
use super::super::raw;
use super::super::suggest::did_you_mean;
use super::conditions::{self, OFF};
use super::reach::{self, Reach};
use super::{Names, not_zero, watch};
use crate::metric::{Counter, Known, Metric, Over, Rate, Resource, ResourceUnit, Share, TARGET};
use crate::units::parse;

/// Counters that are kept for each cohort.
const BY_COHORT: [Counter; 11] = [
    Counter::Expected,
    Counter::Delivered,
    Counter::Lost,
    Counter::Duplicated,
    Counter::Reordered,
    Counter::Corrupted,
    Counter::Uncertain,
    Counter::Joining,
    Counter::CutOff,
    Counter::Unfinished,
    Counter::MissedAway,
];

/// The statistics of a latency, as messages list them.
const STATS: [&str; 8] = ["min", "mean", "max", "p50", "p90", "p99", "p99.9", "count"];

/// Comparisons, longer ones first.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// Counts are compared as floats, which are exact up to here.
const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

pub(super) fn thresholds(
    file: &raw::File,
    cohorts: &[Cohort],
    mistakes: &mut Mistakes,
) -> Vec<Threshold> {
    let mut thresholds = Vec::new();
    // Figures of the whole run that are limited here, or are not to be.
    let mut named = Vec::new();
    if let Some(written) = file.thresholds.get() {
        let scopes = Scopes {
            cohorts: names(file.cohort.get(), |cohort| &cohort.name),
            phases: names(file.phase.get(), |phase| &phase.name),
            watched: watched(file),
        };
        for (key, limit) in &written.0 {
            if limit.is.written().is_some_and(|at| at.value.trim() == OFF) {
                named.extend(switched_off(key, limit, &scopes, mistakes));
                continue;
            }
            let threshold = threshold(key, limit, &scopes, mistakes);
            let whole = threshold.iter().filter(|of| of.cohort.is_none() && of.phase.is_none());
            named.extend(whole.map(|of| of.subject));
            thresholds.extend(threshold);
        }
    }
    thresholds.extend(conditions::beside(&named, cohorts));
    thresholds
}

/// A condition of uproar's own that is not to hold.
fn switched_off(
    key: &At<String>,
    limit: &Limit,
    scopes: &Scopes<'_>,
    mistakes: &mut Mistakes,
) -> Option<Subject> {
    let (cohort, phase, subject) = subject(key, scopes, mistakes)?;
    if cohort.is_some() || phase.is_some() || !conditions::is_own(subject) {
        mistakes
            .add(limit.is.span_or(&key.span), format!("`{}` is not checked anyway", key.value))
            .label("nothing to switch off")
            .help(format!("remove it; what can be off: {}", list(conditions::names())));
        return None;
    }
    if let Some(at) = limit.abort_after.written() {
        mistakes
            .add(&at.span, "what is off can't end the run")
            .label("never")
            .help("remove `abort_after`, or write a limit");
    }
    Some(subject)
}

fn names<T>(
    elements: Option<&super::super::values::List<T>>,
    name: impl Fn(&T) -> &Field<super::super::values::Name>,
) -> Names<'_> {
    let names = match elements {
        Some(list) => {
            list.0.iter().map(|at| name(&at.value).get().map(|name| name.0.as_str())).collect()
        }
        None => vec![None],
    };
    Names { names }
}

/// What a threshold can be limited to, and what it can look at of the server.
struct Scopes<'a> {
    cohorts: Names<'a>,
    phases: Names<'a>,
    watched: Watched,
}

/// What is looked at of the server's machine.
struct Watched {
    /// Whether its processes are.
    processes: bool,
    /// Names of metrics.
    taken: Vec<String>,
}

fn watched(file: &raw::File) -> Watched {
    let target = file.target.get();
    let watch = target.and_then(|target| target.watch.get());
    let names_processes = |watch: &raw::Watch| {
        !(watch.pid.is_absent()
            && watch.pid_file.is_absent()
            && watch.port.is_absent()
            && watch.cgroup.is_absent())
    };
    Watched {
        processes: watch.is_some_and(names_processes)
            || target.is_some_and(|target| !target.builtin.is_absent()),
        taken: watch::names(watch),
    }
}

fn threshold(
    key: &At<String>,
    limit: &Limit,
    scopes: &Scopes<'_>,
    mistakes: &mut Mistakes,
) -> Option<Threshold> {
    not_zero(&format!("thresholds.{:?}.abort_after", key.value), &limit.abort_after, mistakes);
    // The condition's mistakes are found whether or not the key is right.
    let condition = limit.is.written().and_then(|at| condition(at, mistakes));
    let (cohort, phase, subject) = subject(key, scopes, mistakes)?;
    let condition = condition?;
    let span = limit.is.span_or(&key.span);
    let bound = condition.limit(subject, span, mistakes)?;
    let reached = reach::of(subject, condition.comparison, bound);
    if reached != Reach::Both {
        let always = if reached == Reach::Always { "always holds" } else { "never holds" };
        mistakes
            .add(span, format!("`{} {}` {always}", key.value, condition.text))
            .label("out of reach")
            .help(reach::why(subject));
        return None;
    }
    can_abort(&key.value, subject, &condition, &limit.abort_after, mistakes);
    Some(Threshold {
        key: key.value.clone(),
        limit: bound,
        condition: condition.text,
        cohort,
        phase,
        subject,
        comparison: condition.comparison,
        if_any: condition.if_any,
        abort_after: limit.abort_after.get().copied(),
        default: false,
    })
}

/// Refuses to end a run by a figure that can't have failed before the run is over.
fn can_abort(
    key: &str,
    subject: Subject,
    condition: &Condition,
    abort_after: &Field<Duration>,
    mistakes: &mut Mistakes,
) {
    let Some(at) = abort_after.written() else { return };
    let at_the_end = "remove `abort_after`: the threshold is judged at the run's end";
    let to_come = |moves: &str, how: &str| {
        let what = format!("`{key}` can't end a run early: it only {moves}");
        let why = format!("and may still come to be {} {}", condition.sign(), condition.limit);
        (format!("{what}, {why}"), format!("{at_the_end}. Only a limit {how} can end a run"))
    };
    let (what, help) = match (subject.known(), condition.comparison) {
        (Known::AtEnd { why, instead }, _) => (
            format!("`{key}` can't end a run early: {why}"),
            format!("{at_the_end}. \"{instead}\" tells sooner"),
        ),
        (Known::Rising, Comparison::Greater | Comparison::GreaterOrEqual) => {
            to_come("rises", "from above")
        }
        (Known::Falling, Comparison::Less | Comparison::LessOrEqual) => {
            to_come("falls", "from below")
        }
        (Known::SoFar | Known::Rising | Known::Falling, _) => return,
    };
    mistakes.add(&at.span, what).label("known at the end only").help(help);
}

/// Reads a key: whose figures, of which phase, and which figure.
fn subject(
    key: &At<String>,
    scopes: &Scopes<'_>,
    mistakes: &mut Mistakes,
) -> Option<(Option<usize>, Option<usize>, Subject)> {
    let mut rest = key.value.as_str();
    let cohort = scope("cohort", &scopes.cohorts, &mut rest, key, mistakes)?;
    let phase = scope("phase", &scopes.phases, &mut rest, key, mistakes)?;
    if cohort.is_none() && rest.starts_with("cohort.") {
        mistakes
            .add(&key.span, "the cohort stands before the phase")
            .label("the other way round")
            .help("write \"cohort.NAME.phase.NAME.delivery.p99\"");
        return None;
    }
    if let Some(name) = rest.strip_prefix(TARGET) {
        if cohort.is_some() || phase.is_some() {
            mistakes
                .add(&key.span, "the server is one for all cohorts and phases")
                .label("of the whole run")
                .help(format!("write \"{rest}\""));
            return None;
        }
        return Some((None, None, of_server(name, &scopes.watched, &key.span, mistakes)?));
    }
    let subject = figure(rest, &key.span, mistakes)?;
    if matches!(subject, Subject::Recovery(_)) && (cohort.is_some() || phase.is_some()) {
        mistakes
            .add(&key.span, format!("`{rest}` is told for each fault, not for a cohort or phase"))
            .label("of all clients only")
            .help("for a cohort or phase use \"reconnect.p99\"");
        return None;
    }
    let counter = match subject {
        Subject::Count(counter) => Some(counter),
        Subject::Share(share) => Some(share.counter()),
        Subject::Latency(..)
        | Subject::Rate(_)
        | Subject::Recovery(_)
        | Subject::Resource(_)
        | Subject::Taken(..) => None,
    };
    if let Some(counter) = counter {
        if phase.is_some() {
            mistakes
                .add(&key.span, "a counter of one phase is not supported yet")
                .label("not supported yet")
                .help("without `phase.NAME.` it is judged over the whole run");
            return None;
        }
        if cohort.is_some() && !BY_COHORT.contains(&counter) {
            let by_cohort = Counter::ALL.iter().filter(|(known, _)| BY_COHORT.contains(known));
            mistakes
                .add(&key.span, format!("`{rest}` of one cohort is not supported yet"))
                .label("not supported yet")
                .help(format!(
                    "of one cohort there are latencies and {}",
                    list(by_cohort.map(|(_, name)| *name))
                ));
            return None;
        }
    }
    if matches!(subject, Subject::Latency(Metric::ConnectLookup, _))
        && (cohort.is_some() || phase.is_some())
    {
        mistakes
            .add(&key.span, "the host is looked up once a run, before any cohort and phase")
            .label("of the whole run")
            .help(format!("write \"{rest}\""));
        return None;
    }
    Some((cohort, phase, subject))
}

/// Takes `what.NAME.` off the front of `rest`. The outer `None` is a mistake.
fn scope(
    what: &str,
    names: &Names<'_>,
    rest: &mut &str,
    key: &At<String>,
    mistakes: &mut Mistakes,
) -> Option<Option<usize>> {
    let Some(after) = rest.strip_prefix(what).and_then(|after| after.strip_prefix('.')) else {
        return Some(None);
    };
    let Some((name, after)) = after.split_once('.') else {
        mistakes
            .add(&key.span, format!("after `{what}.NAME.` stands what is looked at"))
            .label("nothing to look at")
            .help(format!("write it as in \"{what}.NAME.delivery.p99\""));
        return None;
    };
    let Some(index) = names.position(name) else {
        names.unknown(what, name, &key.span, mistakes);
        return None;
    };
    *rest = after;
    Some(Some(index))
}

/// Reads what stands after `target.`: a figure of the server's processes, or a metric that it tells.
fn of_server(
    name: &str,
    watched: &Watched,
    span: &Span,
    mistakes: &mut Mistakes,
) -> Option<Subject> {
    if let Some(resource) = Resource::from_name(name) {
        if !watched.processes {
            mistakes
                .add(span, "nothing says which processes are the server's")
                .label("of whom?")
                .help("name them: --watch port=8080, or `[target.watch]` with `port`, `pid`, ...");
            return None;
        }
        return Some(Subject::Resource(resource));
    }
    let with_over = Over::ALL
        .into_iter()
        .find_map(|(over, word)| Some((name.strip_suffix(word)?.strip_suffix('.')?, over)));
    let (metric, over) = with_over.unwrap_or((name, Over::Max));
    let at = watched.taken.iter().position(|known| known == metric);
    if let Some(at) = at.and_then(|at| u16::try_from(at).ok()) {
        return Some(Subject::Taken(at, over));
    }
    let known = || {
        let own = Resource::ALL.into_iter().map(|(_, name, _)| name);
        own.chain(watched.taken.iter().map(String::as_str))
    };
    mistakes
        .add(span, format!("there is no `{TARGET}{}`", name.escape_debug()))
        .label("not known of a server")
        .help(format!(
            "{}There are: {}; and metrics that `[target.watch]` takes: {}",
            did_you_mean(name, known()),
            list(Resource::ALL.into_iter().map(|(_, name, _)| name)),
            watch::told(&watched.taken)
        ));
    None
}

/// Reads `METRIC.STAT` or a counter.
fn figure(text: &str, span: &Span, mistakes: &mut Mistakes) -> Option<Subject> {
    if let Some(counter) = Counter::from_name(text) {
        return Some(Subject::Count(counter));
    }
    if let Some(share) = Share::from_name(text) {
        return Some(Subject::Share(share));
    }
    if let Some(rate) = Rate::from_name(text) {
        return Some(Subject::Rate(rate));
    }
    if let Some((milestone, _)) = Milestone::ALL.into_iter().find(|(_, name)| *name == text) {
        return Some(Subject::Recovery(milestone));
    }
    let (name, stat) = match text.split_once('.') {
        Some((name, stat)) => (name, Some(stat)),
        None => (text, None),
    };
    let shown = text.escape_debug();
    if let Some(purpose) =
        later::purpose(Place::Metric, name).or_else(|| later::purpose(Place::Metric, text))
    {
        mistakes
            .add(span, format!("`{shown}` is not supported yet"))
            .label("not supported yet")
            .help(format!("it is kept for {purpose}; remove it"));
        return None;
    }
    if let Some(metric) = Metric::from_name(name) {
        let Some(stat) = stat else {
            mistakes
                .add(span, format!("`{shown}` needs a statistic"))
                .label("which figure of it?")
                .help(format!("for example \"{shown}.p99\"; there are: {}", list(STATS)));
            return None;
        };
        let Some(stat) = statistic(stat) else {
            mistakes
                .add(span, format!("`{}` is not a statistic", stat.escape_debug()))
                .label("unknown statistic")
                .help(format!("{}There are: {}", did_you_mean(stat, STATS), list(STATS)));
            return None;
        };
        return Some(Subject::Latency(metric, stat));
    }
    let others = || {
        let shares = Share::ALL.into_iter().map(|(_, name)| name);
        shares.chain(Rate::ALL.into_iter().map(|(_, name)| name))
    };
    if let Some(near) = misnamed_share(text) {
        mistakes
            .add(span, format!("`{shown}` is not told"))
            .label("no share or rate of that name")
            .help(format!("{near}There are: {}", list(others())));
        return None;
    }
    if Counter::from_name(name).is_some() {
        mistakes
            .add(span, format!("`{name}` is a counter, which has no statistics"))
            .label("no statistic here")
            .help(format!("write \"{name}\""));
        return None;
    }
    let metrics = || Metric::ALL.into_iter().map(Metric::name);
    let milestones = || Milestone::ALL.into_iter().map(|(_, name)| name);
    let counters =
        || Counter::ALL.into_iter().map(|(_, name)| name).chain(milestones()).chain(others());
    // A misspelt metric with a statistic is near without it; a misspelt counter is as it is.
    let near = match (did_you_mean(text, milestones()), did_you_mean(name, metrics())) {
        (near, _) if !near.is_empty() => near,
        (_, near) if !near.is_empty() => near,
        _ => did_you_mean(text, counters()),
    };
    mistakes.add(span, format!("unknown metric `{shown}`")).label("unknown metric").help(format!(
        "{near}Latencies (with a statistic, as in \"delivery.p99\"): {}. Without one: {}",
        list(metrics()),
        list(counters())
    ));
    None
}

/// A name that ends as those of shares and rates do, and is none: the one that was meant, or
/// nothing to suggest.
fn misnamed_share(text: &str) -> Option<String> {
    let (of, kind) = text.rsplit_once('.')?;
    // `publishes.not_sent.share`, after the counter's own name.
    let short = of.strip_prefix("publishes.").unwrap_or(of);
    let names: Vec<_> = match kind {
        "share" => Share::ALL.into_iter().map(|(_, name)| name).collect(),
        "rate" => Rate::ALL.into_iter().map(|(_, name)| name).collect(),
        _ => return None,
    };
    Some(did_you_mean(&format!("{short}.{kind}"), names))
}

/// `min`, `mean`, `max`, `count`, or a percentile such as `p99`, `p99.9` or `p99_9`.
fn statistic(text: &str) -> Option<Stat> {
    match text {
        "min" => return Some(Stat::Min),
        "mean" => return Some(Stat::Mean),
        "max" => return Some(Stat::Max),
        "count" => return Some(Stat::Count),
        _ => {}
    }
    let digits = text.strip_prefix('p')?.replace('_', ".");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percentile: f64 = digits.parse().ok().filter(|_| plain)?;
    (percentile > 0.0 && percentile < 100.0).then_some(Stat::Percentile(percentile))
}

/// A condition, read as far as it can be without knowing what it limits.
struct Condition {
    text: String,
    comparison: Comparison,
    limit: String,
    if_any: bool,
}

fn condition(at: &At<String>, mistakes: &mut Mistakes) -> Option<Condition> {
    const HOW: &str = "write a comparison and a limit, such as \"< 250ms\" or \"== 0\"";
    let text = at.value.trim();
    let (text, if_any) = match text.rsplit_once(',') {
        Some((text, word)) if word.split_whitespace().eq(["if", "any"]) => (text.trim_end(), true),
        Some((_, word)) => {
            mistakes
                .add(&at.span, format!("after the comma stands `{}`", word.trim().escape_debug()))
                .label("not a condition")
                .help("only \", if any\" can stand there: it lets a metric without samples pass");
            return None;
        }
        None => (text, false),
    };
    let found = COMPARISONS
        .iter()
        .find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?.trim())));
    let Some((comparison, limit)) = found else {
        let help = match text.strip_prefix('=') {
            Some(limit) => format!("equal is written ==: \"== {}\"", limit.trim()),
            None => format!("{HOW}; comparisons: <, <=, ==, >=, >"),
        };
        mistakes
            .add(&at.span, format!("`{}` does not start with a comparison", text.escape_debug()))
            .label("not a condition")
            .help(help);
        return None;
    };
    if limit.is_empty() {
        mistakes.add(&at.span, "there is no limit to compare with").label("no limit").help(HOW);
        return None;
    }
    Some(Condition { text: text.to_owned(), comparison, limit: limit.to_owned(), if_any })
}

impl Condition {
    fn sign(&self) -> &'static str {
        let written = COMPARISONS.iter().find(|(_, comparison)| *comparison == self.comparison);
        written.map_or("", |(sign, _)| sign)
    }

    /// The limit in the unit of `subject`: microseconds, a count, a part of 1 or a number a second.
    fn limit(&self, subject: Subject, span: &Span, mistakes: &mut Mistakes) -> Option<f64> {
        match subject {
            Subject::Latency(_, Stat::Count) => self.count(span, mistakes),
            Subject::Latency(..) | Subject::Recovery(_) => match parse::duration(&self.limit) {
                Ok(limit) => Some(limit.as_nanos() as f64 / 1e3),
                Err(why) => {
                    mistakes
                        .add(span, why)
                        .label("not a limit")
                        .help("a time is compared with a duration, as in \"< 250ms\"");
                    None
                }
            },
            Subject::Share(_) => self.read(parse::percent, "a share", "< 1%", span, mistakes),
            Subject::Resource(of) => match of.unit() {
                ResourceUnit::Share => {
                    self.read(parse::percent, "a share", "< 90%", span, mistakes)
                }
                ResourceUnit::Time => {
                    let us = |text: &str| {
                        parse::duration(text).map(|limit| limit.as_nanos() as f64 / 1e3)
                    };
                    self.read(us, "a time", "< 20us", span, mistakes)
                }
                ResourceUnit::Bytes => {
                    let bytes = |text: &str| parse::bytes(text).map(|bytes| bytes as f64);
                    self.read(bytes, "memory", "< 512MiB", span, mistakes)
                }
                ResourceUnit::Count => self.count(span, mistakes),
            },
            Subject::Taken(..) => {
                let number = |text: &str| match text.replace('_', "").parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(number),
                    _ => Err(format!("`{}` is not a number", text.escape_debug())),
                };
                self.read(number, "a metric", "< 0.2", span, mistakes)
            }
            Subject::Rate(_) if self.if_any => {
                mistakes
                    .add(span, "a rate always has a value")
                    .label("if any of what?")
                    .help("remove \", if any\"");
                None
            }
            Subject::Rate(_) => self.read(parse::rate, "a rate", "> 100/s", span, mistakes),
            Subject::Count(_) if self.if_any => {
                mistakes
                    .add(span, "a counter always has a value")
                    .label("if any of what?")
                    .help("remove \", if any\"");
                None
            }
            Subject::Count(_) => self.count(span, mistakes),
        }
    }

    fn read(
        &self,
        read: impl FnOnce(&str) -> Result<f64, String>,
        what: &str,
        example: &str,
        span: &Span,
        mistakes: &mut Mistakes,
    ) -> Option<f64> {
        let limit = read(&self.limit);
        limit
            .map_err(|why| {
                let help = format!("{what} is compared as in \"{example}\"");
                mistakes.add(span, why).label("not a limit").help(help);
            })
            .ok()
    }

    fn count(&self, span: &Span, mistakes: &mut Mistakes) -> Option<f64> {
        let plain: String = self.limit.replace('_', "");
        let digits = plain.bytes().all(|byte| byte.is_ascii_digit());
        let limit = plain.parse().ok().filter(|limit| digits && *limit <= LARGEST_COUNT);
        if limit.is_none() {
            mistakes
                .add(span, format!("`{}` is not a count", self.limit.escape_debug()))
                .label("not a limit")
                .help("a counter is compared with a whole number, as in \"== 0\" or \"< 100\"");
        }
        limit
    }
}
