//! Whose a stall was: the four words that uproar has for it, everywhere the same.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who kept a thread of uproar from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// uproar itself: a long turn of one of its threads, or a signal that stopped the process.
    Uproar,
    /// The server under test, where it is watched: its turns on a core of uproar's, or it was stopped.
    Server,
    /// Other programs of this machine, its limits on processor time, its sleep.
    #[serde(rename = "this machine")]
    ThisMachine,
    /// What is below this machine's kernel: other virtual machines, and interrupts.
    Hypervisor,
}

impl Layer {
    /// All of them, the nearest first.
    pub const ALL: [Self; 4] = [Self::Uproar, Self::Server, Self::ThisMachine, Self::Hypervisor];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Uproar => "uproar",
            Self::Server => "server",
            Self::ThisMachine => "this machine",
            Self::Hypervisor => "hypervisor",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_has_one_word_wherever_it_is_written() {
        for layer in Layer::ALL {
            let json = serde_json::to_string(&layer).unwrap();
            assert_eq!(json, format!("\"{layer}\""));
            assert_eq!(serde_json::from_str::<Layer>(&json).unwrap(), layer);
        }
    }
}
