//! Which protocol each cohort speaks: the target's, or its own.

use std::rc::Rc;

use super::super::keys::{Field, list};
use super::super::mistake::Mistakes;
use super::super::protocol_file;
use super::super::raw;
use super::has_rooms;
use super::protocol::{Protocols, Resolved, declared};
use crate::protocol::{Protocol, ProtocolKind};

/// Protocols by cohort; `None` where one could not be read, which was said.
pub(super) struct Spoken {
    cohorts: Vec<Option<Resolved>>,
}

impl Spoken {
    pub(super) fn of(
        file: &raw::File,
        target: Option<Resolved>,
        protocols: &mut Protocols<'_>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let builtin = file.target.get().and_then(|target| target.builtin.get()).map(|mode| mode.0);
        let list = file.cohort.get().map_or(&[][..], |list| &list.0);
        let cohorts: Vec<Option<Resolved>> = list
            .iter()
            .map(|at| match at.value.protocol.written() {
                Some(own) => {
                    let found = protocols.find(own, false, mistakes)?;
                    own_mode(builtin, &found, &own.span, mistakes);
                    Some(found)
                }
                None if at.value.protocol.is_absent() => target.clone(),
                None => None,
            })
            .collect();
        let all: Vec<&Resolved> = target.iter().chain(cohorts.iter().flatten()).collect();
        let is_known = target.is_some() && cohorts.iter().all(Option::is_some);
        if let (Some(target), true) = (file.target.get(), is_known) {
            declared(&target.params, &all, mistakes);
        }
        for (at, own) in list.iter().zip(&cohorts) {
            if let Some(own) = own {
                declared(&at.value.params, &[own], mistakes);
            }
        }
        let no_params = Field::Absent;
        let target_params = file.target.get().map_or(&no_params, |target| &target.params);
        let cohorts = list
            .iter()
            .zip(cohorts)
            .map(|(at, own)| Some(own?.with(target_params, &at.value.params, &at.span, mistakes)))
            .collect();
        let spoken = Self { cohorts };
        for resolved in spoken.files() {
            for (name, span) in &resolved.uses.env {
                protocol_file::unset(name, span, mistakes);
            }
        }
        spoken
    }

    pub(super) fn of_cohort(&self, index: usize) -> Option<&Resolved> {
        self.cohorts.get(index)?.as_ref()
    }

    pub(super) fn all_known(&self) -> bool {
        self.cohorts.iter().all(Option::is_some)
    }

    /// The first protocol, if none of the cohorts' has rooms; `None` too where one is not known.
    pub(super) fn without_rooms(&self) -> Option<&Protocol> {
        let any_rooms = self
            .cohorts
            .iter()
            .any(|own| own.as_ref().is_none_or(|resolved| has_rooms(&resolved.protocol)));
        if any_rooms { None } else { self.of_cohort(0).map(|resolved| &resolved.protocol) }
    }

    /// Environment variables that templates name, each once.
    pub(super) fn env(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.files().iter().flat_map(|resolved| &resolved.uses.env) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Each file once.
    fn files(&self) -> Vec<&Resolved> {
        let mut files: Vec<&Resolved> = Vec::new();
        for resolved in self.cohorts.iter().flatten() {
            if !files.iter().any(|known| Rc::ptr_eq(&known.uses, &resolved.uses)) {
                files.push(resolved);
            }
        }
        files
    }
}

/// The built-in server speaks one of uproar's own protocols at a time.
fn own_mode(
    builtin: Option<ProtocolKind>,
    found: &Resolved,
    span: &super::Span,
    mistakes: &mut Mistakes,
) {
    if let (Some(mode), Protocol::Native(kind, _)) = (builtin, &found.protocol)
        && *kind != mode
    {
        mistakes
            .add(span, format!("the built-in server speaks `{}` here", mode.name()))
            .label("another protocol")
            .help(format!(
                "it has one mode at a time, one of {}: remove `protocol`",
                list(ProtocolKind::ALL.into_iter().map(ProtocolKind::name))
            ));
    }
}
