//! Scenario files: reading, checking, and the validated model.
//!
//! `source` finds the text, `tree` parses it, `overrides` changes it as the command line asks,
//! `raw` (declared with `keys`) says which keys there are, `check` holds the rules between
//! them, `scale` resizes the result. `protocol_file` does the same for protocol files. Nothing here
//! connects to anything or plans a run.

mod alike;
mod blot;
mod builtin;
mod check;
mod keys;
mod later;
mod limits;
mod mistake;
mod model;
mod overrides;
mod pem;
mod protocol_file;
mod raw;
mod read;
mod scale;
mod shipped_protocols;
mod source;
mod tree;
mod unions;
mod users;
mod values;

use crate::units::suggest;

pub use builtin::{Builtin, builtin};
pub use check::own_protocols;
pub use mistake::{Mistake, Place, ScenarioErrors, Severity};
pub use model::*;
pub use overrides::{Overrides, SearchKeys};
pub use pem::{Part, Unusable, identity};
pub use protocol_file::{ProtocolFile, fuzz_protocol, is_protocol, protocol_schema, read_protocol};
pub use read::{fuzz, read, read_with_warnings, schema};
pub use shipped_protocols::{ShippedProtocol, shipped_protocols};
pub use source::{Source, load};
pub use users::Users;
