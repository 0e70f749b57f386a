//! What templates may name: params, and captures from where on; and what is named but never used.

use super::Builder;
use crate::protocol::description::Each;
use crate::protocol::scope::{Names, Variable};
use crate::scenario::keys::{At, Field, list};
use crate::scenario::mistake::{Mistakes, Span};
use crate::scenario::protocol_file::captures::Captures;
use crate::scenario::protocol_file::raw::File;
use crate::scenario::protocol_file::refuse_template;
use crate::scenario::suggest::did_you_mean;

/// First parts of variables' names, which a capture can't have either.
const FAMILIES: [&str; 4] = ["user", "env", "params", "target"];

/// What templates may name, and what has a value by now.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) names: Names,
    /// With defaults.
    pub(super) params: Vec<(String, String)>,
    captures: Vec<Captured>,
}

#[derive(Debug)]
struct Captured {
    /// Where it is captured first, for messages.
    by: String,
    span: Span,
    /// Whether there may be a value where the builder is now.
    is_here: bool,
    /// By a `[[reply]]` or a delivery, at any time.
    changes: bool,
    is_used: bool,
    /// By the login that is done so often.
    login: Option<Each>,
}

impl Known {
    /// Collects names; refuses those that can't be names or stand there twice.
    pub(super) fn of(file: &File, mistakes: &mut Mistakes) -> Self {
        let mut known = Self { names: Names::default(), params: Vec::new(), captures: Vec::new() };
        for (name, value) in file.params.get().map_or(&[][..], |params| &params.0) {
            refuse_template(name, value, mistakes);
            if is_name(name, "param", mistakes) {
                known.names.params.push(name.value.clone());
                known.params.push((name.value.clone(), value.value.clone()));
            }
        }
        // What happens to every connection captures a name once. A resume and a reply may capture
        // again what came before.
        let logins = file.login.get().map_or(&[][..], |logins| &logins.0);
        for (at, login) in logins.iter().enumerate() {
            let each = login.value.each.value().0;
            known.add(
                &login.value.capture,
                &format!("login {}", at + 1),
                Once::Yes,
                mistakes,
                |c| {
                    c.login = Some(each);
                },
            );
        }
        let steps = file.connect.get().map_or(&[][..], |steps| &steps.0);
        for (at, step) in steps.iter().enumerate() {
            let by = format!("connect step {}", at + 1);
            known.add(&step.value.capture, &by, Once::Yes, mistakes, |_| {});
        }
        if let Some(join) = file.join.get() {
            known.add(&join.capture, "the join", Once::Yes, mistakes, |_| {});
        }
        let steps = file.resume.get().map_or(&[][..], |steps| &steps.0);
        for (at, step) in steps.iter().enumerate() {
            let by = format!("resume step {}", at + 1);
            known.add(&step.value.capture, &by, Once::No, mistakes, |_| {});
        }
        let replies = file.reply.get().map_or(&[][..], |replies| &replies.0);
        for (at, reply) in replies.iter().enumerate() {
            let by = format!("reply {}", at + 1);
            known.add(&reply.value.capture, &by, Once::No, mistakes, |c| c.changes = true);
        }
        if let Some(delivery) = file.delivery.get() {
            let changes = |c: &mut Captured| c.changes = true;
            known.add(&delivery.capture, "the delivery", Once::No, mistakes, changes);
        }
        known
    }

    fn add(
        &mut self,
        field: &Field<Captures>,
        by: &str,
        once: Once,
        mistakes: &mut Mistakes,
        mark: impl Fn(&mut Captured),
    ) {
        for (name, _) in field.get().map_or(&[][..], |captures| &captures.0) {
            if !is_name(name, "capture", mistakes) {
                continue;
            }
            let at = match self.position(&name.value) {
                Some(at) => {
                    if once == Once::Yes {
                        let first = &self.captures[at].by;
                        mistakes
                            .add(&name.span, format!("`{}` is captured twice", name.value))
                            .label(format!("{first} captures it too"))
                            .help("give each capture a name of its own");
                    }
                    at
                }
                None => {
                    self.names.captures.push(name.value.clone());
                    self.captures.push(Captured {
                        by: by.to_owned(),
                        span: name.span.clone(),
                        is_here: false,
                        changes: false,
                        is_used: false,
                        login: None,
                    });
                    self.captures.len() - 1
                }
            };
            mark(&mut self.captures[at]);
        }
    }

    pub(super) fn position(&self, capture: &str) -> Option<usize> {
        self.names.captures.iter().position(|name| name == capture)
    }

    /// These have values from here on.
    pub(super) fn have(&mut self, field: &Field<Captures>) {
        for (name, _) in field.get().map_or(&[][..], |captures| &captures.0) {
            if let Some(at) = self.position(&name.value) {
                self.captures[at].is_here = true;
            }
        }
    }

    /// Only what logins that are done no more often than `each` captured so far.
    pub(super) fn has_for_login(&self, at: usize, each: Each) -> bool {
        let order = |each| match each {
            Each::Run => 0,
            Each::Client => 1,
            Each::Connection => 2,
        };
        let capture = &self.captures[at];
        capture.is_here && capture.login.is_some_and(|login| order(login) <= order(each))
    }

    /// The connection is open: a server may have asked what a `[[reply]]` answers.
    pub(super) fn open(&mut self) {
        for capture in &mut self.captures {
            capture.is_here |= capture.changes;
        }
    }

    /// Everything may have a value.
    pub(super) fn all(&mut self) {
        for capture in &mut self.captures {
            capture.is_here = true;
        }
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.captures.get(at).is_none_or(|capture| capture.is_here)
    }

    /// Where it is captured, for messages.
    pub(super) fn by(&self, at: usize) -> &str {
        self.captures.get(at).map_or("", |capture| capture.by.as_str())
    }

    pub(super) fn use_it(&mut self, at: usize) {
        if let Some(capture) = self.captures.get_mut(at) {
            capture.is_used = true;
        }
    }

    pub(super) fn changing(&self) -> Vec<usize> {
        (0..self.captures.len()).filter(|at| self.captures[*at].changes).collect()
    }
}

/// Whether a name may be captured only once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Once {
    Yes,
    No,
}

/// Whether a template can name it; a mistake is recorded if not.
fn is_name(name: &At<String>, what: &str, mistakes: &mut Mistakes) -> bool {
    let text = name.value.as_str();
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.len() <= 40;
    if !is_word {
        mistakes
            .add(&name.span, format!("`{}` can't be the name of a {what}", text.escape_debug()))
            .label("not a name")
            .help("a name is a letter and then letters, digits and `_`, at most 40 in all");
    } else if what == "capture" && (Variable::FIXED.contains(&text) || FAMILIES.contains(&text)) {
        mistakes
            .add(&name.span, format!("a capture can't be called `{text}`"))
            .label("this name is taken")
            .help(format!("these are uproar's own: {}, {}", list(Variable::FIXED), list(FAMILIES)));
    } else {
        return true;
    }
    false
}

impl Builder<'_> {
    /// Names whose values are never shown: the file's, and everything that logins capture.
    pub(super) fn secret(&mut self, file: &File) -> Vec<String> {
        let mut secret: Vec<String> = Vec::new();
        for At { value, span } in file.secret.get().map_or(&[][..], |names| &names.0) {
            let name = value.strip_prefix("params.").unwrap_or(value);
            let Names { params, captures } = &self.known.names;
            let names = || params.iter().chain(captures).map(String::as_str);
            if names().any(|known| known == name) {
                secret.push(name.to_owned());
            } else {
                self.mistakes
                    .add(
                        span,
                        format!("`secret` names `{}`, which is nothing", name.escape_debug()),
                    )
                    .label("no param and no capture")
                    .help(format!(
                        "{}Params and captures here: {}. Environment variables are always secret",
                        did_you_mean(name, names()),
                        list(names())
                    ));
            }
        }
        for (name, capture) in self.known.names.captures.iter().zip(&self.known.captures) {
            if capture.login.is_some() && !secret.contains(name) {
                secret.push(name.clone());
            }
        }
        secret
    }

    /// Warns of what is captured and never named.
    pub(super) fn unused(&mut self) {
        for (name, capture) in self.known.names.captures.iter().zip(&self.known.captures) {
            if !capture.is_used {
                self.mistakes
                    .warn(&capture.span, format!("nothing uses the capture `{name}`"))
                    .label("captured, and never named")
                    .help(format!("name it as `{{{{ {name} }}}}`, or remove it"));
            }
        }
    }
}
