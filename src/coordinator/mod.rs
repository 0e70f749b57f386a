//! Drives a run: starts the workers, merges what they hand over, waits for the last messages,
//! and gives back everything that was measured. It prints nothing; whoever wants to show
//! progress reads it from a `watch`.

mod builtin;
mod crew;
mod drive;
mod keeper;
mod meter;
mod outcome;
mod roll;
mod watchdog;

pub use builtin::BuiltinServer;
pub use drive::run;
pub use outcome::{Abort, Outcome, Progress, Run, Signal, Stage, Stop};
