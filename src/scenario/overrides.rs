//! What the command line changes in a scenario before it is checked.
//!
//! Works on the tree, so that an override is checked by the rules of the file; a mistake
//! in one points at the command line. Scaling is `scale`'s, since it needs checked numbers.

mod flags;
mod set;

use super::mistake::{Mistakes, Span, Texts};
use super::tree::Table;
use flags::FLAGS;
use set::set;

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
    /// Ramps are stretched with `clients`, so that as many connect a second as the file has it.
    pub steady_ramps: bool,
    /// Everyone comes up and talks for a moment, and nothing is judged and nothing goes wrong: is the
    /// server as it was?
    pub probe: bool,
    /// What `uproar capacity` is told.
    pub search: SearchKeys,
    /// The target and the first cohort are only looked at: what the scenario asks of a protocol that
    /// can't do it yet refuses nothing, and what judges a run is not read.
    pub looks: bool,
}

/// What the command line says of a search: keys of `[capacity]`.
#[derive(Clone, Debug, Default)]
pub struct SearchKeys {
    pub grow: Option<String>,
    pub from: Option<u32>,
    pub to: Option<u32>,
    pub within: Option<String>,
    pub chance: Option<String>,
    pub trials: Option<u32>,
    pub time: Option<String>,
    pub at_least: Option<u32>,
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
    /// Whether ramps keep their connects a second.
    pub(super) steady_ramps: bool,
    /// Whether the run is a probe.
    pub(super) probe: bool,
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
    let mut applied = Applied {
        protocol: overrides.protocol.is_some(),
        steady_ramps: overrides.steady_ramps,
        probe: overrides.probe,
        ..Applied::default()
    };
    if overrides.looks {
        for key in ["thresholds", "fault", "baseline"] {
            file.remove(key);
        }
    }
    for flag in &FLAGS {
        flag.apply(overrides, file, texts, &mut applied, mistakes);
    }
    applied
}
