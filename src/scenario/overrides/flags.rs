//! The options of the command line that change a scenario, as a table: which key each sets, and how.

use super::super::mistake::{Mistakes, Span, Texts};
use super::super::tree::{Entry, Node, Table, Value};
use super::{Applied, COMMAND_LINE, Given, Overrides};

/// An option that changes a file.
pub(super) struct Flag {
    name: &'static str,
    /// The table that holds its key, from the top. Made where there is none.
    table: &'static [&'static str],
    key: &'static str,
    how: How,
    /// What the command line gives for it, each time that it stands there.
    given: fn(&Overrides) -> Vec<String>,
}

/// What becomes of a key.
enum How {
    /// It holds the text.
    Text,
    /// The same, and the other key is gone.
    Instead(&'static str),
    /// It holds the path, which is relative to where the command runs, where those of the file are
    /// relative to the file.
    Path,
    /// It holds the number.
    Number,
    /// It is `true`.
    True,
    /// Its list has it too.
    Added,
    /// Its table has the `Name: value`.
    Header,
    /// Its table has the `name=value`.
    Entry,
    /// It is left as it is: `scale` needs checked numbers.
    Later(fn(&mut Applied, &Overrides, Span)),
}

fn text(value: &Option<impl ToString>) -> Vec<String> {
    value.iter().map(ToString::to_string).collect()
}

/// Every option but `--set`, which comes first, in the order in which they are applied and shown.
pub(super) const FLAGS: [Flag; 21] = [
    Flag {
        name: "--header",
        table: &["target", "headers"],
        key: "",
        how: How::Header,
        given: |of| of.headers.clone(),
    },
    Flag {
        name: "--allow-host",
        table: &["target"],
        key: "allow_host",
        how: How::Added,
        given: |of| of.allow_host.clone(),
    },
    Flag {
        name: "--param",
        table: &["target", "params"],
        key: "",
        how: How::Entry,
        given: |of| of.params.iter().map(|(name, value)| format!("{name}={value}")).collect(),
    },
    Flag {
        name: "--url",
        table: &["target"],
        key: "url",
        how: How::Instead("builtin"),
        given: |of| text(&of.url),
    },
    Flag {
        name: "--protocol",
        table: &["target"],
        key: "protocol",
        how: How::Text,
        given: |of| text(&of.protocol),
    },
    Flag {
        name: "--codec",
        table: &["target"],
        key: "codec",
        how: How::Text,
        given: |of| text(&of.codec),
    },
    Flag {
        name: "--clients",
        table: &[],
        key: "",
        how: How::Later(|applied, of, span| {
            applied.clients = of.clients.map(|value| Given { value, span });
        }),
        given: |of| text(&of.clients),
    },
    Flag {
        name: "--rate",
        table: &[],
        key: "",
        how: How::Later(|applied, of, span| {
            applied.rate = of.rate.clone().map(|value| Given { value, span });
        }),
        given: |of| text(&of.rate),
    },
    Flag {
        name: "--duration",
        table: &[],
        key: "",
        how: How::Later(|applied, of, span| {
            applied.duration = of.duration.clone().map(|value| Given { value, span });
        }),
        given: |of| text(&of.duration),
    },
    Flag { name: "--seed", table: &[], key: "seed", how: How::Number, given: |of| text(&of.seed) },
    Flag {
        name: "--data",
        table: &["cohort", FIRST],
        key: "data",
        how: How::Path,
        given: |of| text(&of.data),
    },
    Flag {
        name: "--ca",
        table: &["target", "tls"],
        key: "ca",
        how: How::Path,
        given: |of| text(&of.ca),
    },
    Flag {
        name: "--insecure",
        table: &["target", "tls"],
        key: "insecure",
        how: How::True,
        given: |of| text(&of.insecure.then_some("")),
    },
    Flag {
        name: "--grow",
        table: &["capacity"],
        key: "grow",
        how: How::Text,
        given: |of| text(&of.search.grow),
    },
    Flag {
        name: "--from",
        table: &["capacity"],
        key: "from",
        how: How::Number,
        given: |of| text(&of.search.from),
    },
    Flag {
        name: "--to",
        table: &["capacity"],
        key: "to",
        how: How::Number,
        given: |of| text(&of.search.to),
    },
    Flag {
        name: "--within",
        table: &["capacity"],
        key: "within",
        how: How::Text,
        given: |of| text(&of.search.within),
    },
    Flag {
        name: "--chance",
        table: &["capacity"],
        key: "chance",
        how: How::Text,
        given: |of| text(&of.search.chance),
    },
    Flag {
        name: "--trials",
        table: &["capacity"],
        key: "trials",
        how: How::Number,
        given: |of| text(&of.search.trials),
    },
    Flag {
        name: "--time",
        table: &["capacity"],
        key: "time",
        how: How::Text,
        given: |of| text(&of.search.time),
    },
    Flag {
        name: "--at-least",
        table: &["capacity"],
        key: "at_least",
        how: How::Number,
        given: |of| text(&of.search.at_least),
    },
];

impl Flag {
    /// Does all that it is given for.
    pub(super) fn apply(
        &self,
        overrides: &Overrides,
        file: &mut Table,
        texts: &mut Texts,
        applied: &mut Applied,
        mistakes: &mut Mistakes,
    ) {
        let given: Vec<Given<String>> = (self.given)(overrides)
            .into_iter()
            .map(|value| Given { span: self.shown(&value, texts), value })
            .collect();
        let Some(first) = given.first() else { return };
        // Of what is no table, reading says so.
        let Some(table) = table_at(file, self.table, &first.span) else { return };
        let mut headers: Vec<String> = Vec::new();
        for Given { value, span } in given {
            let value = match self.how {
                How::Text => Value::Text(value),
                How::Instead(other) => {
                    if let Some(Value::Text(old)) = table.remove(other).map(|old| old.node.value) {
                        applied.replaced_builtin = Some(old);
                    }
                    Value::Text(value)
                }
                How::Path => {
                    let absolute = std::path::absolute(&value).ok();
                    let path = absolute.map(|path| path.to_string_lossy().into_owned());
                    Value::Text(path.unwrap_or(value))
                }
                How::Number => Value::Integer(self.number(&value, &span, mistakes)),
                How::True => Value::Bool(true),
                How::Added => with_another(table.remove(self.key), &span, value),
                How::Header => {
                    add_header(table, &value, span, &mut headers, mistakes);
                    continue;
                }
                How::Entry => {
                    let (name, value) = value.split_once('=').unwrap_or((&value, ""));
                    let key = span.start..span.start + name.len();
                    table.set(name, key, Node { span, value: Value::Text(value.to_owned()) });
                    continue;
                }
                How::Later(keep) => {
                    keep(applied, overrides, span);
                    continue;
                }
            };
            table.set(self.key, span.clone(), Node { span, value });
        }
    }

    /// Adds it to what mistakes are shown in; gives the place of its value, or of itself.
    fn shown(&self, value: &str, texts: &mut Texts) -> Span {
        if let How::True = self.how {
            let start = texts.add(COMMAND_LINE, self.name);
            return start..start + self.name.len();
        }
        let text = format!("{} {value}", self.name);
        let start = texts.add(COMMAND_LINE, &text);
        start + self.name.len() + 1..start + text.len()
    }

    /// The tree's numbers are TOML's, which end at i64.
    fn number(&self, value: &str, span: &Span, mistakes: &mut Mistakes) -> i64 {
        let key = self.key;
        value.parse().unwrap_or_else(|_| {
            mistakes
                .add(span, format!("the {key} {value} is too large"))
                .help(format!("a {key} is a whole number below 2^63"));
            0
        })
    }
}

/// A list with another text. What was no list is gone.
fn with_another(before: Option<Entry>, span: &Span, text: String) -> Value {
    let mut all = match before.map(|entry| entry.node.value) {
        Some(Value::List(list)) => list,
        _ => Vec::new(),
    };
    all.push(Node { span: span.clone(), value: Value::Text(text) });
    Value::List(all)
}

/// In a path: the first of a list of tables.
const FIRST: &str = "0";

/// The table at a path, made if there is none; `None` where something else stands there.
fn table_at<'a>(mut table: &'a mut Table, path: &[&str], span: &Span) -> Option<&'a mut Table> {
    for (at, key) in path.iter().enumerate().filter(|(_, key)| **key != FIRST) {
        let in_list = path.get(at + 1) == Some(&FIRST);
        if table.get(key).is_none() && !in_list {
            let node = Node { span: span.clone(), value: Value::Table(Table::default()) };
            table.set(key, span.clone(), node);
        }
        table = match &mut table.get_mut(key)?.node.value {
            Value::Table(inner) if !in_list => inner,
            Value::List(list) if in_list => match &mut list.first_mut()?.value {
                Value::Table(first) => first,
                _ => return None,
            },
            _ => return None,
        };
    }
    Some(table)
}

/// `given` are the names that the command line has given before.
fn add_header(
    headers: &mut Table,
    header: &str,
    span: Span,
    given: &mut Vec<String>,
    mistakes: &mut Mistakes,
) {
    let Some((name, value)) = header.split_once(':') else {
        mistakes
            .add(&span, format!("`{}` is not a header", header.escape_debug()))
            .label("no colon")
            .help("write --header \"Name: value\"");
        return;
    };
    let name = name.trim();
    let node = Node { span: span.clone(), value: Value::Text(value.trim().to_owned()) };
    let again = given.iter().any(|old| old.eq_ignore_ascii_case(name));
    given.push(name.to_owned());
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
