//! `--set KEY=VALUE`: any key of the file, addressed as in TOML, and elements of lists by their names.

use super::super::keys::{join, list};
use super::super::mistake::{Mistakes, Span, Texts};
use super::super::suggest::did_you_mean;
use super::super::tree::{self, Node, Table, Value};
use super::COMMAND_LINE;

/// A part of a dotted key.
struct Segment {
    name: String,
    span: Span,
}

/// Applies one `--set`.
pub(super) fn set(
    key: &str,
    value: &str,
    file: &mut Table,
    texts: &mut Texts,
    mistakes: &mut Mistakes,
) {
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
    let Some(entry) = file.get_mut("thresholds") else { return };
    let Value::Table(thresholds) = &mut entry.node.value else { return };
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
    let path = join(path, &segment.name);
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
    let path = join(path, &segment.name);
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
