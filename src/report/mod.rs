//! What a run found, as a plain versioned struct, and its renderings.

mod exit;

pub use exit::Exit;
