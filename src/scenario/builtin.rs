//! The scenarios that are part of the binary.

/// A scenario that is built in.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// The name `uproar run` takes: that of its file in `scenarios/`.
    pub name: &'static str,
    pub text: &'static str,
}

impl Builtin {
    /// The question the scenario answers: the comment it opens with.
    #[must_use]
    pub fn question(&self) -> String {
        self.text
            .lines()
            .map_while(|line| line.strip_prefix('#'))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

macro_rules! builtins {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// Every built-in scenario, the one to start with first.
#[must_use]
pub fn builtin() -> &'static [Builtin] {
    const ALL: &[Builtin] = builtins![
        "chat-rooms",
        "how-many",
        "echo",
        "broadcast",
        "feed",
        "reconnect-storm",
        "server-restart",
        "half-open",
        "slow-consumers",
        "backoff-compared",
        "mixed-codecs",
        "codec-compare",
        "lurkers",
        "crowd",
    ];
    ALL
}
