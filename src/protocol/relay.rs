//! Who hears a publish, and what becomes of it for those who are away.

use serde::{Deserialize, Serialize};

/// Who hears a publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Every member of the room, the sender too.
    #[default]
    Room,
    /// Every member but the sender.
    Others,
    /// The sender alone.
    Sender,
    /// Nobody: the server takes it and relays nothing.
    Nobody,
}

/// What becomes of messages published while a receiver is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Away {
    /// They are not for it.
    #[default]
    Missed,
    /// They are sent to it when it returns.
    Replayed,
}
