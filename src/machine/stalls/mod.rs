//! The stalls of this machine: when threads that were due did not run, for how long, and whose fault
//! it was.
//!
//! A thread a core sleeps a few milliseconds, again and again, and looks how much too late it was
//! woken. What it was ready for and did not get is in the kernel's account of its waits; who ran
//! meanwhile is in CPU clocks; what is in neither was below this kernel.

mod asleep;
mod beats;
mod clocks;
mod freeze;
mod kept;
mod layer;
mod neighbours;
mod probe;
mod schedstat;
mod sleeper;
mod spent;
mod split;
mod stat;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
mod throttle;
mod watched;

pub use beats::Beats;
pub use kept::{ByLayer, LONGEST, OfLayer, Probed, ROWS, Stall, Stalls};
pub use layer::Layer;
pub use probe::{Probe, STALL_US};
pub use watched::{OWN_THREADS, Registered, Watched};
