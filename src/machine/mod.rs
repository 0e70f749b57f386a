//! This machine: its limits, its processors, its clocks and timers, its allocator.
//!
//! Reads; raises the limit of open files, and places threads. Knows nothing of runs and decides
//! nothing: what a figure means for a run is the business of those who ask.

pub mod alloc;
pub mod cgroup;
pub mod clock;
pub mod cores;
pub mod cpu;
pub mod host;
pub mod limits;
pub mod process;
pub mod signals;
pub mod sockets;
pub mod stalls;
pub mod timer;
