//! Matchers from the outside.
