//! Templates from the outside.
