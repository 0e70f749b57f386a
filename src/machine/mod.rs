//! This machine: its limits, its processors, its clocks and timers.
//!
//! Reads and, for open files, raises. Knows nothing of runs and decides nothing: what a figure
//! means for a run is the business of those who ask.

pub mod clock;
pub mod cpu;
pub mod host;
pub mod limits;
pub mod timer;
