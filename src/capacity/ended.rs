//! How a search came to its end, whoever found that out.

use crate::report::Exit;
use crate::search::Found;

/// How a search came to its end.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It goes on.
    NotYet,
    /// The search is over.
    Found(Found),
    /// No further trial would have ended in time.
    TimeUp,
    /// The server was not again what it was, after a trial at this load.
    NotRecovered { load: f64, why: String },
    /// Nobody got in at the lowest load.
    Unreachable(String),
    /// A trial or the user ended it, with this exit code.
    Broken { exit: Exit, why: String },
}
