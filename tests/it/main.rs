//! The one integration binary. Each module tests one part from the outside, on port 0.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy.toml allows them in test functions, and this crate's helpers are none"
)]

mod docs;
mod fuzz_corpus;
mod modules;
mod report;
mod run;
mod scenario;
mod server;
mod targets;
mod truth;
mod turns;
