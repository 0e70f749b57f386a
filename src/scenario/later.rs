//! The parts of the scenario's surface that are settled but not built yet.
//!
//! They are refused by name: ignored, a run would not be the one that was asked for; called
//! unknown, their users would look for a typo. A line leaves this table when its part is built.

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key of the table of this name; "" is the top level.
    Key(&'static str),
    /// What a threshold looks at.
    Metric,
}

/// Where it stands, its name, and what it is for.
const LATER: &[(Place, &str, &str)] =
    &[(Place::Key("target"), "compression", "permessage-deflate, which tungstenite does not have")];

/// What the name will be for, if it stands for something that is not built yet.
pub(super) fn purpose(place: Place, name: &str) -> Option<&'static str> {
    LATER.iter().find(|(at, known, _)| *at == place && *known == name).map(|(.., what)| *what)
}
