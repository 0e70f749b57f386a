//! `protocol` and `params`: which protocol a name or a file stands for, and the values of its
//! params.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::super::keys::{At, Field, list};
use super::super::mistake::{Mistakes, Span, Texts};
use super::super::protocol_file::{self, Params, Uses, refuse_template};
use super::super::shipped_protocols::shipped_protocols;
use super::super::source;
use super::super::suggest::did_you_mean;
use crate::codec::CodecKind;
use crate::protocol::scope::Variable;
use crate::protocol::template::Template;
use crate::protocol::{Protocol, ProtocolKind, mqtt};

/// Kinds that only uproar's own server speaks. `echo` is any server's, which the shipped file
/// describes.
pub(super) const OWN: [ProtocolKind; 3] =
    [ProtocolKind::Rooms, ProtocolKind::Broadcast, ProtocolKind::Feed];

/// Packets rather than templates, so it has no file.
pub(super) const MQTT: &str = "mqtt";

/// A protocol, and what its templates need from the scenario.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub(super) protocol: Protocol,
    pub(super) uses: Rc<Uses>,
    /// Params that a scenario may set, with defaults.
    pub(super) params: Vec<(String, String)>,
}

impl Resolved {
    /// One of uproar's own.
    pub(super) fn native(kind: ProtocolKind) -> Self {
        let protocol = Protocol::Native(kind, CodecKind::Json);
        Self { protocol, uses: Rc::default(), params: Vec::new() }
    }

    fn mqtt() -> Option<Self> {
        let params = |param: &mqtt::Param| (param.name.to_owned(), param.default.to_owned());
        let params: Vec<_> = mqtt::PARAMS.iter().map(params).collect();
        let options = mqtt::Options::from_params(&params).ok()?;
        Some(Self { protocol: Protocol::Mqtt(Arc::new(options)), uses: Rc::default(), params })
    }

    /// The protocol as a cohort's params have it: MQTT is made of them.
    pub(super) fn with(
        self,
        target: &Field<Params>,
        cohort: &Field<Params>,
        table: &Span,
        mistakes: &mut Mistakes,
    ) -> Self {
        if !matches!(self.protocol, Protocol::Mqtt(_)) {
            return self;
        }
        let written = || {
            let both = target.get().into_iter().chain(cohort.get());
            both.flat_map(|params| &params.0).collect::<Vec<_>>()
        };
        let span_of = |name: &str| {
            let of = written().into_iter().rev().find(|(param, _)| param.value == name);
            of.map_or(table.clone(), |(_, value)| value.span.clone())
        };
        match mqtt::Options::from_params(&params(&self, target, cohort)) {
            Ok(options) => {
                let mut uses = Uses::default();
                for variable in options.templates().flat_map(Template::variables) {
                    // These two are all that templates take from elsewhere, and all are params.
                    let name = match variable {
                        Variable::User(column) => format!("user.{column}"),
                        Variable::Env(name) => format!("env.{name}"),
                        _ => continue,
                    };
                    let of = written().into_iter().find(|(_, value)| value.value.contains(&name));
                    let span = of.map_or(table.clone(), |(_, value)| value.span.clone());
                    match variable {
                        Variable::User(column) => uses.columns.push((column.clone(), span)),
                        Variable::Env(name) => uses.env.push((name.clone(), span)),
                        _ => {}
                    }
                }
                Self { protocol: Protocol::Mqtt(Arc::new(options)), uses: Rc::new(uses), ..self }
            }
            Err(wrong) => {
                for mqtt::Wrong { param, message, help } in wrong {
                    mistakes.add(&span_of(&param), message).label(param).help(help);
                }
                self
            }
        }
    }
}

/// Finds protocols; a file that several cohorts name is read once.
pub(super) struct Protocols<'a> {
    folder: Option<&'a Path>,
    texts: &'a mut Texts,
    /// `None`: it can't be read, and that was said.
    found: Vec<(PathBuf, Option<Resolved>)>,
}

/// Every name that `protocol` can be.
pub(super) fn names() -> Vec<&'static str> {
    let own = super::own_protocols().chain([MQTT]);
    own.chain(shipped_protocols().iter().map(|shipped| shipped.name)).collect()
}

impl<'a> Protocols<'a> {
    /// `folder` is where paths start; `None` reads no file.
    pub(super) fn new(folder: Option<&'a Path>, texts: &'a mut Texts) -> Self {
        Self { folder, texts, found: Vec::new() }
    }

    /// What a name or a path stands for. `here`: the path is one of the command line, which starts
    /// where the command runs.
    pub(super) fn find(
        &mut self,
        at: &At<String>,
        here: bool,
        mistakes: &mut Mistakes,
    ) -> Option<Resolved> {
        let name = at.value.as_str();
        if let Some(kind) = OWN.into_iter().find(|kind| kind.name() == name) {
            return Some(Resolved::native(kind));
        }
        if name == MQTT {
            return Resolved::mqtt();
        }
        if let Some(shipped) = shipped_protocols().iter().find(|shipped| shipped.name == name) {
            let key = PathBuf::from(shipped.name);
            let label = format!("the built-in protocol {name}");
            return self.read(key, &label, || Ok(shipped.text.to_owned()), at, mistakes);
        }
        let folder = if here { Some(Path::new("")) } else { self.folder };
        let path = folder.map(|folder| folder.join(name.strip_prefix("./").unwrap_or(name)));
        let is_path = name.contains('/') || name.ends_with(".toml");
        if !is_path && path.as_ref().is_none_or(|path| !path.is_file()) {
            mistakes
                .add(&at.span, format!("unknown protocol `{}`", name.escape_debug()))
                .label("unknown protocol")
                .help(format!(
                    "{}Protocols: {}; or the path of a protocol file, such as \"./acme.toml\"",
                    did_you_mean(name, names()),
                    list(names())
                ));
            return None;
        }
        let Some(path) = path else {
            mistakes
                .add(&at.span, format!("`{}` can't be read from here", name.escape_debug()))
                .label("this file")
                .help("write the name of a built-in protocol");
            return None;
        };
        let label = path.display().to_string();
        self.read(path.clone(), &label, || source::text(&path), at, mistakes)
    }

    fn read(
        &mut self,
        key: PathBuf,
        label: &str,
        text: impl FnOnce() -> Result<String, String>,
        at: &At<String>,
        mistakes: &mut Mistakes,
    ) -> Option<Resolved> {
        if let Some((_, found)) = self.found.iter().find(|(known, _)| *known == key) {
            return found.clone();
        }
        let found = match text() {
            Ok(text) => {
                let described = protocol_file::read(label, &text, self.texts, mistakes);
                described.map(|described| Resolved {
                    params: described.description.params.clone(),
                    protocol: Protocol::Described(Arc::new(described.description)),
                    uses: Rc::new(described.uses),
                })
            }
            Err(why) => {
                let mut help = "the path is relative to the scenario file".to_owned();
                let name = at.value.trim_end_matches(".toml").trim_start_matches("./");
                if names().contains(&name) {
                    help = format!("`{name}` is built in: write \"{name}\"");
                }
                mistakes
                    .add(&at.span, format!("can't read the protocol file `{label}`: {why}"))
                    .label("this file")
                    .help(help);
                None
            }
        };
        self.found.push((key, found.clone()));
        found
    }
}

/// The values of a protocol's params: the file's defaults, then the target's, then the cohort's.
pub(super) fn params(
    resolved: &Resolved,
    target: &Field<Params>,
    cohort: &Field<Params>,
) -> Vec<(String, String)> {
    let mut params = resolved.params.clone();
    for (name, value) in target.get().into_iter().chain(cohort.get()).flat_map(|params| &params.0) {
        if let Some(param) = params.iter_mut().find(|(known, _)| *known == name.value) {
            param.1.clone_from(&value.value);
        }
    }
    params
}

/// Refuses params that none of the protocols declares.
pub(super) fn declared(written: &Field<Params>, protocols: &[&Resolved], mistakes: &mut Mistakes) {
    let mut known: Vec<&str> = Vec::new();
    for (name, _) in protocols.iter().flat_map(|resolved| &resolved.params) {
        if !known.contains(&name.as_str()) {
            known.push(name);
        }
    }
    // Those of MQTT are its templates.
    let plain = !protocols.iter().any(|resolved| matches!(resolved.protocol, Protocol::Mqtt(_)));
    for (name, value) in written.get().map_or(&[][..], |params| &params.0) {
        if plain {
            refuse_template(name, value, mistakes);
        }
        if known.contains(&name.value.as_str()) {
            continue;
        }
        let shown = name.value.escape_debug();
        let protocol = protocols.first().map_or("", |resolved| resolved.protocol.name());
        let help = if known.is_empty() {
            format!("`{protocol}` takes no params: remove it")
        } else {
            format!(
                "{}It declares: {}",
                did_you_mean(&name.value, known.iter().copied()),
                list(known.iter().copied())
            )
        };
        mistakes
            .add(&name.span, format!("the protocol `{protocol}` has no param `{shown}`"))
            .label("unknown param")
            .help(help);
    }
}
