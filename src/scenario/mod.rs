//! Scenario files: reading, checking, and the validated model.
//!
//! `source` finds the text, `tree` parses it, `overrides` changes it as the command line asks,
//! `raw` (declared with `keys`) says which keys there are, `check` holds the rules between
//! them, `scale` resizes the result. Nothing here connects to anything or plans a run.

mod builtin;
mod check;
mod keys;
mod later;
mod limits;
mod mistake;
mod model;
mod overrides;
mod pem;
mod raw;
mod read;
mod scale;
mod source;
mod tree;
mod unions;
mod values;

use crate::units::suggest;

pub use builtin::{Builtin, builtin};
pub use mistake::ScenarioErrors;
pub use model::*;
pub use overrides::Overrides;
pub use pem::{Part, Unusable, identity};
pub use read::{fuzz, read, schema};
pub use source::{Source, load};
