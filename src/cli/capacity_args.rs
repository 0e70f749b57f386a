//! The flags of `capacity` with their help. Parsing only; what they come to is `capacity/ask.rs`'s.

use std::path::PathBuf;

use clap::Args;

use super::flags::{HowToRun, OutputFormat, ScenarioArgs};
use super::others::whole;
use crate::scenario::{Overrides, SearchKeys};

/// How many people the server carries.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 there is an answer; 1 it is under --at-least, or the server did not \
                  recover; 2 usage or scenario; 3 uproar or this machine was the limit, or it is not \
                  known whether --at-least holds; 4 no client ever joined; 5 uproar itself failed; \
                  130 and 143 interrupted (what is known is written)"
)]
pub(super) struct CapacityArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// What grows: clients, with rooms as large as they are, or rate [default: the scenario's, or
    /// clients]
    #[arg(long, value_name = "WHAT")]
    grow: Option<String>,
    /// The first and lowest load, in clients or messages a second [default: an eighth of the
    /// scenario's]
    #[arg(long, value_name = "N", value_parser = whole)]
    from: Option<u32>,
    /// The highest load [default: what this machine can hold]
    #[arg(long, value_name = "N", value_parser = whole)]
    to: Option<u32>,
    /// How wide the interval in the answer may be [default: the scenario's, or 15%]
    #[arg(long, value_name = "SHARE")]
    within: Option<String>,
    /// The share of runs that have to pass at a load that is carried [default: the scenario's, or 80%]
    #[arg(long, value_name = "SHARE")]
    chance: Option<String>,
    /// Runs at most [default: the scenario's, or 40]
    #[arg(long, value_name = "N", value_parser = whole)]
    trials: Option<u32>,
    /// Time at most [default: the scenario's, or 20m]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Fail (exit code 1) if less than this is carried
    #[arg(long, value_name = "N", value_parser = whole)]
    at_least: Option<u32>,
    /// A coarser answer sooner: --within 30% --chance 50% --trials 15, unless those say otherwise
    #[arg(long)]
    quick: bool,
    /// Search although the load does not grow as the clients do
    #[arg(long)]
    pub(super) any_growth: bool,
    /// Go on with a search that was stopped or broke off: its folder
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(super) r#continue: Option<PathBuf>,
    /// The search's own folder, new or empty [default: reports/NAME-capacity-TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: HowToRun,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// What to print on stdout at the end
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    pub(super) format: OutputFormat,
}

impl CapacityArgs {
    /// The scenario, and whether it was named.
    pub(super) fn name(&self) -> (&str, bool) {
        let named = self.scenario.scenario.as_deref();
        (named.unwrap_or("how-many"), named.is_some())
    }

    /// Flags of a search that no run has: with values, and without.
    pub(super) const OWN: (&[&str], &[&str]) = (
        &[
            "--grow",
            "--from",
            "--to",
            "--within",
            "--chance",
            "--trials",
            "--time",
            "--at-least",
            "--continue",
            "--format",
        ],
        &["--quick", "--any-growth", "--quiet", "-q"],
    );

    /// What the flags change. `Err` is the flag that can't be read, and its value.
    pub(super) fn overrides(&self) -> Result<Overrides, (&'static str, String)> {
        let quick = |value: &str| self.quick.then(|| value.to_owned());
        let search = SearchKeys {
            grow: self.grow.clone(),
            from: self.from,
            to: self.to,
            within: self.within.clone().or_else(|| quick("30%")),
            chance: self.chance.clone().or_else(|| quick("50%")),
            trials: self.trials.or(self.quick.then_some(15)),
            time: self.time.clone(),
            at_least: self.at_least,
        };
        Ok(Overrides { search, ..self.scenario.overrides()? })
    }
}
