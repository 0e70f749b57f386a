//! Every test that sees the crate from outside: one binary, so that it links once.

mod scenario;
