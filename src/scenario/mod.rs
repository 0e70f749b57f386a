//! Scenario files: reading, checking, and the validated model.

mod model;

pub use model::*;
