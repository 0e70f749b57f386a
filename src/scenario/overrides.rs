//! What the command line changes in a scenario before it is checked.
//!
//! Works on the tree, so that an override is checked by the rules of the file; a mistake
//! in one points at the command line. Scaling is `scale`'s, since it needs checked numbers.

use super::keys::list;
use super::mistake::{Mistakes, Span, Texts};
use super::suggest::did_you_mean;
use super::tree::{self, Node, Table, Value};

/// What mistakes in an override are shown to stand in.
const COMMAND_LINE: &str = "command line";

/// Changes to a scenario, as the command line gives them.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`: key and value. Applied before the options below, in order.
    pub set: Vec<(String, String)>,
    /// `--url`: the server to test; replaces the file's `builtin` too.
    pub url: Option<String>,
    /// `--protocol`: how that server speaks: a name, or a file's path from where the command runs.
    pub protocol: Option<String>,
    /// `--param`: a param of the protocol, and its value. Replaces the target's.
    pub params: Vec<(String, String)>,
    /// `--codec`: the target's codec. A cohort with a codec of its own keeps it.
    pub codec: Option<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--clients`: clients in all; cohorts keep their proportions and have at least one each.
    pub clients: Option<u32>,
    /// `--rate`: publishes a second of all open-model cohorts together, at a phase rate of 100 %;
    /// cohorts keep their proportions. Closed-loop cohorts are left as they are.
    pub rate: Option<String>,
    /// `--duration`: length of the run; phases and faults are stretched alike.
    pub duration: Option<String>,
    /// `--header`: `Name: value`, added to the file's headers or replacing one. Given twice, it is
    /// sent twice.
    pub headers: Vec<String>,
    /// `--ca`: a file of certificates, relative to the working folder; replaces the file's.
    pub ca: Option<String>,
    /// `--insecure`: any certificate will do.
    pub insecure: bool,
    /// `--allow-host`: added to the file's.
    pub allow_host: Vec<String>,
    /// `--data`: the users of the first cohort, a file's path from where the command runs.
    pub data: Option<String>,
    /// The target and the first cohort are only looked at: what the scenario asks of a protocol that
    /// can't do it yet refuses nothing, and what judges a run is not read.
    pub looks: bool,
}

/// An option's value with its place on the command line.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// What applying left for later.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) clients: Option<Given<u32>>,
    pub(super) rate: Option<Given<String>>,
    pub(super) duration: Option<Given<String>>,
    /// The built-in server's mode that `--url` replaced.
    pub(super) replaced_builtin: Option<String>,
    /// Whether the target's protocol is the command line's.
    pub(super) protocol: bool,
}

/// Applies the overrides to a file's tree.
pub(super) fn apply(
    overrides: &Overrides,
    file: &mut Table,
    texts: &mut Texts,
    mistakes: &mut Mistakes,
) -> Applied {
    for (key, value) in &overrides.set {
        set(key, value, file, texts, mistakes);
    }
    let mut applied = Applied { protocol: overrides.protocol.is_some(), ..Applied::default() };
    let mut option = |name: &str, value: &str| {
        let text = format!("{name} {value}");
        let start = texts.add(COMMAND_LINE, &text);
        start + name.len() + 1..start + text.len()
    };

    let headers: Vec<_> =
        overrides.headers.iter().map(|header| (header, option("--header", header))).collect();
    let hosts: Vec<_> =
        overrides.allow_host.iter().map(|host| (host, option("--allow-host", host))).collect();
    let params: Vec<_> = overrides
        .params
        .iter()
        .map(|(name, value)| (name, value, option("--param", &format!("{name}={value}"))))
        .collect();
    let words = [
        ("url", "--url", &overrides.url),
        ("protocol", "--protocol", &overrides.protocol),
        ("codec", "--codec", &overrides.codec),
    ]
    .map(|(key, name, value)| {
        value.as_ref().map(|value| (key, value.clone(), option(name, value)))
    });
    applied.clients = overrides
        .clients
        .map(|value| Given { value, span: option("--clients", &value.to_string()) });
    applied.rate =
        overrides.rate.clone().map(|value| Given { span: option("--rate", &value), value });
    applied.duration =
        overrides.duration.clone().map(|value| Given { span: option("--duration", &value), value });
    if let Some(seed) = overrides.seed {
        let span = option("--seed", &seed.to_string());
        // The tree's numbers are TOML's, which end at i64.
        let value = Value::Integer(i64::try_from(seed).unwrap_or_else(|_| {
            mistakes
                .add(&span, format!("the seed {seed} is too large"))
                .help("a seed is a whole number below 2^63");
            0
        }));
        file.set("seed", span.clone(), Node { span, value });
    }

    if let Some(data) = &overrides.data {
        let span = option("--data", data);
        set_users(file, data, span);
    }
    if overrides.looks {
        for key in ["thresholds", "fault", "baseline"] {
            file.remove(key);
        }
    }
    let ca = overrides.ca.as_ref().map(|ca| (ca, option("--ca", ca)));
    let insecure = overrides.insecure.then(|| {
        let start = texts.add(COMMAND_LINE, INSECURE);
        start..start + INSECURE.len()
    });

    if overrides.url.is_none()
        && ca.is_none()
        && insecure.is_none()
        && words.iter().all(Option::is_none)
        && headers.is_empty()
        && hosts.is_empty()
        && params.is_empty()
    {
        return applied;
    }
    let Some(target) = table_in(file, "target") else {
        // Not a table: reading says so.
        return applied;
    };
    if overrides.url.is_some()
        && let Some(old) = target.remove("builtin")
        && let Value::Text(mode) = old.node.value
    {
        applied.replaced_builtin = Some(mode);
    }
    for (key, value, span) in words.into_iter().flatten() {
        target.set(key, span.clone(), Node { span, value: Value::Text(value) });
    }
    let mut given: Vec<&str> = Vec::new();
    for (header, span) in headers {
        add_header(target, header, span, &mut given, mistakes);
    }
    set_tls(target, ca, insecure);
    for (name, value, span) in params {
        let Some(table) = table_in(target, "params") else { continue };
        let key = span.start..span.start + name.len();
        let node = Node { span, value: Value::Text(value.clone()) };
        table.set(name, key, node);
    }
    if !hosts.is_empty() {
        let old = target.remove("allow_host");
        let mut all = match old.map(|entry| entry.node.value) {
            Some(Value::List(list)) => list,
            _ => Vec::new(),
        };
        let span = hosts[0].1.clone();
        all.extend(
            hosts.into_iter().map(|(host, span)| Node { span, value: Value::Text(host.clone()) }),
        );
        target.set("allow_host", span.clone(), Node { span, value: Value::List(all) });
    }
    applied
}

/// The table at `key`, made if there is none.
fn table_in<'a>(file: &'a mut Table, key: &str) -> Option<&'a mut Table> {
    if file.get(key).is_none() {
        let node = Node { span: 0..0, value: Value::Table(Table::default()) };
        file.set(key, 0..0, node);
    }
    match &mut file.get_mut(key)?.node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// A path of the command line as a file has it: those in files are relative to the file.
fn absolute(path: &str) -> String {
    let absolute = std::path::absolute(path).ok();
    absolute.map_or(path.to_owned(), |path| path.to_string_lossy().into_owned())
}

fn set_users(file: &mut Table, path: &str, span: Span) {
    // No list of tables: reading says so.
    let Some(Value::List(cohorts)) = file.get_mut("cohort").map(|entry| &mut entry.node.value)
    else {
        return;
    };
    if let Some(Value::Table(first)) = cohorts.first_mut().map(|node| &mut node.value) {
        first.set("data", span.clone(), Node { span, value: Value::Text(absolute(path)) });
    }
}

const INSECURE: &str = "--insecure";

fn set_tls(target: &mut Table, ca: Option<(&String, Span)>, insecure: Option<Span>) {
    if ca.is_none() && insecure.is_none() {
        return;
    }
    let spans = [ca.as_ref().map(|(_, span)| span), insecure.as_ref()];
    let span = spans.into_iter().flatten().next().cloned().unwrap_or_default();
    if target.get("tls").is_none() {
        let node = Node { span: span.clone(), value: Value::Table(Table::default()) };
        target.set("tls", span, node);
    }
    // Not a table: reading says so.
    let Some(tls) = table_in(target, "tls") else { return };
    if let Some((path, span)) = ca {
        let path = absolute(path);
        tls.set("ca", span.clone(), Node { span, value: Value::Text(path) });
    }
    if let Some(span) = insecure {
        tls.set("insecure", span.clone(), Node { span, value: Value::Bool(true) });
    }
}

/// `given` are the names that the command line has given before.
fn add_header<'a>(
    target: &mut Table,
    header: &'a str,
    span: Span,
    given: &mut Vec<&'a str>,
    mistakes: &mut Mistakes,
) {
    let Some((name, value)) = header.split_once(':') else {
        mistakes
            .add(&span, format!("`{}` is not a header", header.escape_debug()))
            .label("no colon")
            .help("write --header \"Name: value\"");
        return;
    };
    let Some(headers) = table_in(target, "headers") else {
        return;
    };
    let name = name.trim();
    let node = Node { span: span.clone(), value: Value::Text(value.trim().to_owned()) };
    let again = given.iter().any(|old| old.eq_ignore_ascii_case(name));
    given.push(name);
    let same = |key: &str| key.eq_ignore_ascii_case(name);
    if again && let Some(old) = headers.entries.iter_mut().find(|entry| same(&entry.key)) {
        let old = &mut old.node;
        match &mut old.value {
            Value::List(values) => values.push(node),
            _ => {
                let values = vec![old.clone(), node];
                *old = Node { span, value: Value::List(values) };
            }
        }
        return;
    }
    headers.entries.retain(|entry| !same(&entry.key));
    headers.set(name, span, node);
}

/// A part of a dotted key.
struct Segment {
    name: String,
    span: Span,
}

/// Applies one `--set`.
fn set(key: &str, value: &str, file: &mut Table, texts: &mut Texts, mistakes: &mut Mistakes) {
    const OPTION: &str = "--set ";
    let text = format!("{OPTION}{key}={value}");
    let start = texts.add(COMMAND_LINE, &text);
    let key_start = start + OPTION.len();
    let value_start = key_start + key.len() + 1;
    let Some(mut segments) = segments(key, key_start) else {
        mistakes
            .add(&(key_start..key_start + key.len()), format!("`{key}` is not a key"))
            .label("not a key")
            .help("write --set cohort.NAME.publish.rate=5/s, with the names of your file");
        return;
    };
    let value_start = value_start + (value.len() - value.trim_start().len());
    let value = value.trim();
    let node = tree::value(value, value_start, mistakes).unwrap_or_else(|| Node {
        span: value_start..value_start + value.len(),
        value: Value::Text(value.to_owned()),
    });
    // A threshold's key has dots of its own.
    if segments.len() > 2 && segments[0].name == "thresholds" {
        let last = segments.last().map_or("", |segment| segment.name.as_str());
        let end = segments.len() - usize::from(matches!(last, "is" | "abort_after"));
        if end > 2 {
            let parts: Vec<_> = segments.drain(1..end).collect();
            let name: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
            let span = parts[0].span.start..parts[parts.len() - 1].span.end;
            segments.insert(1, Segment { name: name.join("."), span });
        }
        // `is` and `abort_after` beside a condition in its short form make it the long form.
        if segments.len() == 3 {
            lengthen(file, &segments[1].name);
        }
    }
    put(file, "", &segments, node, mistakes);
}

/// Makes a threshold's `"< 1s"` the table `{ is = "< 1s" }`.
fn lengthen(file: &mut Table, key: &str) {
    let Some(thresholds) = table_in(file, "thresholds") else { return };
    let Some(entry) = thresholds.get_mut(key) else { return };
    if let Value::Text(_) = entry.node.value {
        let mut table = Table::default();
        table.set("is", entry.key_span.clone(), entry.node.clone());
        entry.node.value = Value::Table(table);
    }
}

/// A dotted key by TOML's own rules, so that quoting works as in the file.
fn segments(key: &str, start: usize) -> Option<Vec<Segment>> {
    if key.contains(['\n', '\r', '#', '=']) {
        return None;
    }
    let mut wrong = Mistakes::default();
    let mut table = tree::document(&format!("{key}=0"), start, &mut wrong);
    let mut segments = Vec::new();
    loop {
        let entry = table.entries.pop()?;
        if !table.entries.is_empty() || !wrong.is_empty() {
            return None;
        }
        segments.push(Segment { name: entry.key, span: entry.key_span });
        match entry.node.value {
            Value::Table(inner) => table = inner,
            Value::Integer(0) => return Some(segments),
            _ => return None,
        }
    }
}

/// Puts `node` under the key `segments` of `table`, which is addressed as `path`.
fn put(table: &mut Table, path: &str, segments: &[Segment], node: Node, mistakes: &mut Mistakes) {
    let [segment, rest @ ..] = segments else { return };
    let path = super::keys::join(path, &segment.name);
    if rest.is_empty() {
        table.set(&segment.name, segment.span.clone(), node);
        return;
    }
    if table.get(&segment.name).is_none() {
        // Misspelt tables come out as unknown keys when the file is read, but an element
        // of a list has to be there before something can be set in it.
        if matches!(segment.name.as_str(), "cohort" | "phase" | "fault") && path == segment.name {
            mistakes
                .add(&rest[0].span, format!("the scenario has no `[[{path}]]` to set this in"))
                .label("not there");
            return;
        }
        let empty = Node { span: segment.span.clone(), value: Value::Table(Table::default()) };
        table.set(&segment.name, segment.span.clone(), empty);
    }
    let Some(entry) = table.get_mut(&segment.name) else { return };
    match &mut entry.node.value {
        Value::Table(inner) => put(inner, &path, rest, node, mistakes),
        Value::List(nodes) => put_in_list(nodes, &path, rest, node, mistakes),
        _ => {
            let what = entry.node.kind();
            mistakes
                .add(&rest[0].span, format!("`{path}` holds {what}, so nothing can be set in it"))
                .label("no such key")
                .help(format!("set the whole: --set '{path}={{ ... }}'"));
        }
    }
}

/// Goes on in the element that is named, or else numbered, by the first segment.
fn put_in_list(
    nodes: &mut [Node],
    path: &str,
    segments: &[Segment],
    node: Node,
    mistakes: &mut Mistakes,
) {
    let [segment, rest @ ..] = segments else { return };
    let names: Vec<Option<String>> = nodes.iter().map(name_of).collect();
    let index = names
        .iter()
        .position(|name| name.as_deref() == Some(segment.name.as_str()))
        .or_else(|| segment.name.parse::<usize>().ok().filter(|index| *index < nodes.len()));
    let Some(index) = index else {
        let known: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
        let help = if known.is_empty() {
            match nodes.len() {
                0 => format!("`{path}` is empty"),
                count => format!("`{path}` is counted from 0 to {}", count - 1),
            }
        } else {
            let near = did_you_mean(&segment.name, known.iter().copied());
            format!("{near}There are: {}", list(known))
        };
        mistakes
            .add(&segment.span, format!("`{path}` has no `{}`", segment.name))
            .label("not there")
            .help(help);
        return;
    };
    if rest.is_empty() {
        nodes[index] = node;
        return;
    }
    let path = super::keys::join(path, &segment.name);
    match &mut nodes[index].value {
        Value::Table(inner) => put(inner, &path, rest, node, mistakes),
        _ => {
            mistakes.add(&rest[0].span, format!("`{path}` is no table")).label("no such key");
        }
    }
}

fn name_of(node: &Node) -> Option<String> {
    match &node.table()?.get("name")?.node.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}
