//! `capacity.json`: what a search found, as a plain versioned struct. Data and its documentation only.
//!
//! Loads are clients, or with `grow` = `rate` messages a second of all together. A figure that is not known
//! is `null`, never 0.

use serde::{Deserialize, Serialize};

use crate::report::{Build, ScenarioSummary, Target};
use crate::scenario::Grow;

/// The version of the schema that this build writes and reads.
pub const CAPACITY_VERSION: u32 = 1;

/// What a search found. Fields may be added within a schema version, never renamed or removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capacity {
    /// Version of this schema.
    pub capacity_version: u32,
    /// The conclusion.
    pub verdict: Verdict,
    /// Where the answer lies; `null` before the first trial that counts.
    pub answer: Option<Answer>,
    /// What stood against an answer, or a higher one; `null` where nothing did.
    pub limit: Option<Limit>,
    /// What gave way at the lowest load that failed; `null` where none did.
    pub gave_way: Option<GaveWay>,
    /// What was asked.
    pub goal: Goal,
    /// The scenario's thresholds: names and conditions, as they are written.
    pub thresholds: Vec<(String, String)>,
    /// The scenario whose runs these are.
    pub scenario: ScenarioSummary,
    /// A name for the scenario as it is written, flags included: a search goes on with the same one only.
    pub scenario_hash: String,
    /// How the people of one trial are spread and what they say: `in rooms of 20, 1 msg/s each`.
    pub people: String,
    /// The server under test.
    pub target: Target,
    /// Whether the server's processes were watched.
    #[serde(default)]
    pub watched: bool,
    /// Deliveries a second that the built-in server was bound to; `null` where it was not.
    pub serves_per_s: Option<f64>,
    /// The build of uproar that measured.
    pub uproar: Build,
    /// A name for the machine that uproar ran on, by its cores, memory and system.
    pub host: String,
    /// RFC 3339, UTC: when the search began.
    pub started_at: String,
    /// From there to its end, in seconds, the time between its parts left out if it was continued.
    pub took_s: f64,
    /// The command line, secrets redacted.
    pub command: Vec<String>,
    /// In the order in which they were made.
    pub trials: Vec<Trial>,
    /// What the first probe of an idle server found; `null` where none was made.
    pub idle: Option<Idle>,
}

/// The conclusion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// What kind of answer it is.
    pub state: State,
    /// What it is in a sentence.
    pub sentence: String,
    /// What the process exits with.
    pub exit_code: u8,
}

/// What a search comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The answer is in its interval, which is as narrow as was asked.
    Carries,
    /// The same, and trials or time were used up before it was as narrow.
    Wide,
    /// At least the load of the answer: more could not be tried.
    AtLeast,
    /// Less than the lowest load.
    LessThan,
    /// The server was not again what it had been before a load.
    NotRecovered,
    /// No client ever joined.
    Unreachable,
    /// Stopped, or broken off, before an answer.
    #[default]
    Unfinished,
}

impl State {
    /// The first word of what is printed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Carries | Self::Wide => "CARRIES",
            Self::AtLeast => "AT LEAST",
            Self::LessThan => "LESS THAN",
            Self::NotRecovered => "NOT RECOVERED",
            Self::Unreachable => "UNREACHABLE",
            Self::Unfinished => "UNFINISHED",
        }
    }
}

/// Where the answer lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Answer {
    /// The highest load at which a trial passes with the chance that was asked: more than this and less
    /// than this are as likely.
    pub load: f64,
    /// The interval that holds it with the chance `sure`.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// 0.9.
    pub sure: f64,
    /// Trials at one load that were made to be sure of it.
    pub confirmed: Confirmed,
    /// The load that the answer is under with a chance of 5 %, 10 %, ... 95 %: for comparisons.
    pub quantiles: Vec<f64>,
}

/// Trials at one load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Confirmed {
    /// The load; 0 where there are none.
    pub load: f64,
    /// How many passed.
    pub passed: u64,
    /// Of how many.
    pub of: u64,
    /// With which chance fewer would have passed if this load were not carried.
    pub strength: f64,
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The server's.
    #[default]
    Server,
    /// The load generator's, or its machine's.
    Uproar,
    /// What was asked for: `to`, the trials, the time.
    Plan,
}

/// What stands against a higher answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Limit {
    /// Whose it is.
    pub whose: Whose,
    /// What it is.
    pub what: String,
    /// From which load on.
    pub at: Option<f64>,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
}

/// What gave way first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GaveWay {
    /// The lowest load at which a trial failed that is at or over the answer's interval, or in it.
    pub load: f64,
    /// That trial's number.
    pub trial: u64,
    /// What failed, the gravest threshold, in words.
    pub what: String,
    /// Seconds from that run's start until it failed; `null` where it can't be told.
    pub at_s: Option<f64>,
    /// How the server turned people away; `null` where it did not.
    pub refused: Option<String>,
    /// How many were let in at most where it did.
    pub let_in: Option<u64>,
    /// What was full then; `null` where nothing that is known was.
    pub full: Option<String>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Goal {
    /// What grows.
    #[cfg_attr(test, schemars(with = "String"))]
    pub grow: Grow,
    /// The lowest load.
    pub from: f64,
    /// The highest load.
    pub to: f64,
    /// How wide the interval may be, as a share of the answer.
    pub within: f64,
    /// The share of trials that have to pass.
    pub chance: f64,
    /// Trials at most.
    pub trials: u64,
    /// Seconds at most.
    pub time_s: f64,
    /// What has to be carried; `null` where nothing has.
    pub at_least: Option<f64>,
}

impl Default for Goal {
    fn default() -> Self {
        Self {
            grow: Grow::Clients,
            from: 1.0,
            to: 1.0,
            within: 0.15,
            chance: 0.8,
            trials: 40,
            time_s: 1_200.0,
            at_least: None,
        }
    }
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every threshold held.
    Passed,
    /// A threshold failed.
    Failed,
    /// Nobody got in: the server's fault, which counts as failed above the lowest load.
    Unreachable,
    /// Its figures are uproar's or this machine's: it says nothing of the server.
    #[default]
    Invalid,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Trial {
    /// From 1; the name of its folder.
    pub number: u64,
    /// What it was made with.
    pub load: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in a sentence. May quote the server.
    pub why: String,
    /// Its seed.
    pub seed: u64,
    /// Its report, beside this file.
    pub report: String,
    /// From due, microseconds.
    pub delivery_p50_us: Option<u64>,
    /// From due, microseconds.
    pub delivery_p99_us: Option<u64>,
    /// From due, microseconds.
    pub delivery_p999_us: Option<u64>,
    /// Of what was expected.
    pub lost_share: Option<f64>,
    /// Deliveries a second in its measured phases.
    pub delivered_per_s: Option<f64>,
    /// Cores that the built-in server used, on average; `null` for another.
    pub server_cores: Option<f64>,
    /// Cores that uproar used, on average.
    pub uproar_cores: Option<f64>,
    /// What gave way; `null` where nothing did.
    pub gave_way: Option<GaveWay>,
    /// What is wrong with an invalid one, and what to do.
    pub remedy: Option<String>,
}

/// What an idle server's clients measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Idle {
    /// Clients, as in the first trial.
    pub clients: u64,
    /// From due, microseconds.
    pub delivery_p99_us: Option<u64>,
}
