//! What runs are compared by: names of figures, and how much each may change. Names only; what a run
//! has for one is `compare`'s to look up.

mod figure;
mod tolerance;

pub use figure::{Figure, Side, Stat, Unit, What};
pub use tolerance::Tolerance;
