//! `[target.watch]`: whose figures the kernel is asked for, and which pages are read.

use std::path::PathBuf;

use url::Url;

use super::super::keys::{At, list};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Scrape, Watch, Whom};
use super::super::raw;
use super::OneOf;

/// Pages that are read, and metrics taken of each.
const PAGES_MAX: usize = 8;
const TAKEN_MAX: usize = 32;
/// The longest name.
const NAME_MAX: usize = 200;

/// What many servers tell, whatever they are written in. Not from the page of a whole machine
/// (`node_...`): which of those matters only the user knows.
const WELL_KNOWN: [&str; 10] = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_eventloop_lag_max_seconds",
    "go_goroutines",
    "go_gc_duration_seconds_sum",
    "jvm_gc_pause_seconds_sum",
    "jvm_memory_used_bytes",
    "erlang_vm_process_count",
];

/// What is to be watched, with names that can be no two metrics'.
pub(super) fn watch(
    raw: Option<&raw::Watch>,
    url: Option<&str>,
    is_builtin: bool,
    mistakes: &mut Mistakes,
) -> Watch {
    let Some(raw) = raw else { return Watch::default() };
    let group = [
        OneOf::new("pid", &raw.pid),
        OneOf::new("pid_file", &raw.pid_file),
        OneOf::new("port", &raw.port),
        OneOf::new("cgroup", &raw.cgroup),
    ];
    if let Some(span) = group.iter().find_map(|one| one.span).filter(|_| is_builtin) {
        mistakes
            .add(span, "the built-in server is watched anyway")
            .label("not with the built-in server")
            .help("remove it: `[target.watch]` says which processes a server of yours has");
    } else if group.iter().filter(|one| one.span.is_some()).count() > 1 {
        super::exactly_one("target.watch", &raw.span, &group, mistakes);
    }
    Watch { whom: whom(raw, url, mistakes), metrics: pages(raw, mistakes) }
}

fn whom(raw: &raw::Watch, url: Option<&str>, mistakes: &mut Mistakes) -> Option<Whom> {
    if let Some(at) = raw.pid.written() {
        return Some(Whom::Pid(at.value.get()));
    }
    for (field, whom) in [
        (&raw.pid_file, Whom::PidFile as fn(PathBuf) -> Whom),
        (&raw.cgroup, Whom::Cgroup as fn(PathBuf) -> Whom),
    ] {
        if let Some(at) = field.written() {
            return Some(whom(PathBuf::from(&at.value)));
        }
    }
    let at = raw.port.written()?;
    let port = match at.value.get() {
        0 => url.and_then(|url| Url::parse(url).ok()?.port_or_known_default()),
        port => u16::try_from(port).ok(),
    };
    if port.is_none() {
        mistakes
            .add(&at.span, "there is no `target.url` to take the port of")
            .label("whose port?")
            .help("write the port on which the server listens: port = 8080");
    }
    port.map(Whom::Port)
}

fn pages(raw: &raw::Watch, mistakes: &mut Mistakes) -> Vec<Scrape> {
    let Some(at) = raw.metrics.written() else { return Vec::new() };
    if at.value.0.len() > PAGES_MAX {
        mistakes.add(&at.span, format!("at most {PAGES_MAX} pages can be read")).label("too many");
    }
    let mut named: Vec<&str> = Vec::new();
    let mut pages = Vec::new();
    for page in &at.value.0 {
        if let Some(url) = page.value.url.written() {
            http(url, mistakes);
        }
        let take = taken(&page.value, &mut named, mistakes);
        pages.push(Scrape { url: page.value.url.value(), take });
    }
    pages
}

fn http(at: &At<String>, mistakes: &mut Mistakes) {
    let refused = |why: &str, mistakes: &mut Mistakes, span: &Span| {
        mistakes
            .add(span, why.to_owned())
            .label("no page of metrics")
            .help("write it as in \"http://127.0.0.1:9100/metrics\"");
    };
    match Url::parse(&at.value) {
        Err(why) => refused(&format!("the URL can't be read: {why}"), mistakes, &at.span),
        Ok(url) if url.scheme() == "https" => {
            refused("pages of metrics are read by http only", mistakes, &at.span);
        }
        Ok(url) if url.scheme() != "http" || !url.has_host() => {
            refused("a page of metrics is at an http URL", mistakes, &at.span);
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            refused("a page of metrics is read without a password", mistakes, &at.span);
        }
        Ok(_) => {}
    }
}

/// The names that are taken of a page, none of which another page has.
fn taken<'a>(
    page: &'a raw::Scrape,
    named: &mut Vec<&'a str>,
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let Some(at) = page.take.written() else {
        let free = WELL_KNOWN.into_iter().filter(|name| !named.contains(name));
        let free: Vec<&str> = free.collect();
        named.extend(&free);
        return free.into_iter().map(str::to_owned).collect();
    };
    if at.value.0.len() > TAKEN_MAX {
        let message = format!("at most {TAKEN_MAX} metrics can be taken of a page");
        mistakes.add(&at.span, message).label("too many");
    }
    for name in &at.value.0 {
        if !is_name(&name.value) {
            mistakes
                .add(&name.span, format!("`{}` is not a metric's name", name.value.escape_debug()))
                .label("not a name")
                .help("names have letters, digits, `_` and `:`, and no labels");
        } else if named.contains(&name.value.as_str()) {
            mistakes
                .add(&name.span, format!("`{}` is taken twice", name.value))
                .label("a second time")
                .help("thresholds and reports have one figure of a name");
        }
        named.push(&name.value);
    }
    at.value.0.iter().map(|name| name.value.clone()).collect()
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`, as the text format has it.
fn is_name(name: &str) -> bool {
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(is_of)
        && !name.as_bytes()[0].is_ascii_digit()
}

/// Names that thresholds may have after `target.`, as far as the file has them.
pub(super) fn names(raw: Option<&raw::Watch>) -> Vec<String> {
    let mut nothing = Mistakes::default();
    raw.map(|raw| pages(raw, &mut nothing))
        .unwrap_or_default()
        .into_iter()
        .flat_map(|page| page.take)
        .collect()
}

/// All names for a message.
pub(super) fn told(names: &[String]) -> String {
    list(names.iter().map(String::as_str))
}
