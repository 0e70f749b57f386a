//! uproar: load testing and benchmarking for chat and realtime servers.
//!
//! One pipeline: scenario file -> [`scenario::Scenario`] -> [`plan::Plan`] -> share (one a worker)
//! -> client -> recorder -> snapshot (merged) -> [`report::Report`] -> exporters.
//!
//! Modules are listed in dependency order: each may use only those above it, with the
//! exceptions named in ARCHITECTURE.md. `tests/it/modules.rs` holds that order.

// Tests count what decoders allocate.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: machine::alloc::Counting = machine::alloc::Counting;

pub mod gate;
pub mod machine;
pub mod metric;
pub mod search;
pub mod secrets;
pub mod stamp;
pub mod units;

pub mod codec;
pub mod protocol;
pub mod scenario;

pub mod plan;

pub mod measure;

pub mod client;
pub mod watch;
pub mod worker;

pub mod compare;
pub mod coordinator;

pub mod report;

pub mod capacity;
pub mod ready;

pub mod server;

pub mod cli;
