//! What a search is asked for: the scenario's `[capacity]`, the flags, and what this machine can hold.

use std::path::Path;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use super::super::Failure;
use super::super::args::CapacityArgs;
use super::super::run::{build, redacted_command};
use crate::capacity::{CAPACITY_VERSION, Capacity, Goal, Limit, Outcome, Trial, Whose, load_words};
use crate::machine::host::Host;
use crate::plan::{Plan, describe, describe_each};
use crate::protocol::Protocol;
use crate::ready::fit::ceiling;
use crate::report::{Exit, ScenarioSummary, Target};
use crate::scenario::{Grow, Scenario};
use crate::search::{Goal as Range, Search, Trial as Weighed};
use crate::secrets::redact_url;
use crate::units::date;
use crate::units::format::seconds;

/// Without a lowest load: this part of the scenario's.
const EIGHTH: f64 = 8.0;
/// The highest that any search looks at.
const MOST: u32 = 1_000_000;
/// What a trial takes besides its phases: its process, its first client, what is still on its way.
const BESIDES_S: f64 = 1.5;

/// A search before its first trial, or between two.
pub(super) struct Ask {
    /// What is known, and what for.
    pub(super) capacity: Capacity,
    pub(super) search: Search,
    /// What is the limit if the highest load is carried.
    pub(super) limit: Limit,
    /// The scenario's own seed.
    pub(super) seed: u64,
    /// A program that makes the server as it was, and its arguments.
    pub(super) restore: Vec<String>,
    /// Seconds of phases in which clients come, at the scenario's own load, and of all others.
    ramps_s: f64,
    others_s: f64,
    /// The scenario's own load.
    written: f64,
}

impl Ask {
    pub(super) fn of(plan: &Plan, args: &CapacityArgs) -> Result<Self, Failure> {
        let scenario = &plan.scenario;
        let asked = &scenario.capacity;
        let written = match asked.grow {
            Grow::Clients => f64::from(plan.client_count()),
            Grow::Rate => plan.open_rate_per_s().ok_or_else(|| {
                let message = "no cohort publishes at a rate that could grow";
                Failure::message(Exit::Usage, message, "use --grow clients")
            })?,
        };
        if asked.grow == Grow::Clients && plan.outgrows_its_clients() && !args.any_growth {
            let message = "the load grows faster than the people: rooms are as many whatever the clients, \
                           so that each message goes to more of them";
            let help = "give rooms a `size`, members a room, instead of their number or names; or search all \
                        the same with --any-growth";
            return Err(Failure::message(Exit::Usage, message, help));
        }
        let least = match asked.grow {
            Grow::Clients => scenario.cohorts.len() as f64,
            Grow::Rate => 1.0,
        };
        let from = asked.from.map_or((written / EIGHTH).floor().max(least), f64::from);
        let (to, limit) = highest(plan)?;
        if from >= to {
            let of = |load| load_words(asked.grow, load);
            let message = format!("the search would begin at {} and end at {}", of(from), of(to));
            let help = match limit.whose {
                Whose::Uproar => format!("{}: {}", limit.what, limit.remedy),
                _ => "give a higher --to, or a lower --from".to_owned(),
            };
            return Err(Failure::message(Exit::Usage, message, help));
        }
        let goal = Goal {
            grow: asked.grow,
            from,
            to,
            within: asked.within,
            chance: asked.chance,
            trials: u64::from(asked.trials),
            time_s: asked.time.as_secs_f64(),
            at_least: asked.at_least.map(f64::from),
        };
        let is_ramp = |phase: &&crate::scenario::Phase| phase.clients.from != phase.clients.to;
        let sum = |ramps: bool| {
            let phases = scenario.phases.iter().filter(|phase| is_ramp(phase) == ramps);
            phases.map(|phase| phase.duration.as_secs_f64()).sum::<f64>()
        };
        Ok(Self {
            search: Search::new(range(&goal)),
            capacity: capacity(plan, goal)?,
            limit,
            seed: scenario.seed,
            restore: asked.restore.clone(),
            ramps_s: sum(true),
            others_s: sum(false),
            written,
        })
    }

    /// About how long a trial takes.
    pub(super) fn trial_s(&self, load: f64) -> f64 {
        let factor = match self.capacity.goal.grow {
            Grow::Clients => load / self.written,
            Grow::Rate => 1.0,
        };
        self.ramps_s * factor + self.others_s + BESIDES_S
    }

    /// Takes over what an earlier part of the same search found.
    pub(super) fn go_on(&mut self, earlier: Capacity) -> Result<(), Failure> {
        if earlier.scenario_hash != self.capacity.scenario_hash
            || earlier.goal.grow != self.capacity.goal.grow
        {
            let message = "that search is of another scenario, or was given other flags";
            let help = "give the same scenario and flags as then, or begin a new search";
            return Err(Failure::message(Exit::Usage, message, help));
        }
        for trial in &earlier.trials {
            self.weigh(trial);
        }
        self.capacity.trials = earlier.trials;
        self.capacity.took_s = earlier.took_s;
        self.capacity.started_at = earlier.started_at;
        self.capacity.idle = earlier.idle;
        Ok(())
    }

    /// Lets the search know of a trial that says something of the server.
    pub(super) fn weigh(&mut self, trial: &Trial) {
        let passed = match trial.outcome {
            Outcome::Passed => true,
            Outcome::Failed | Outcome::Unreachable => false,
            Outcome::Invalid => return,
        };
        self.search.add(Weighed { load: trial.load, passed });
    }

    /// What is going to happen.
    pub(super) fn announced(&self, out: &Path) -> String {
        let goal = &self.capacity.goal;
        format!(
            "{} to {}, at most {} trials or {}: each is a run of its own in {}\n",
            load_words(goal.grow, goal.from),
            load_words(goal.grow, goal.to),
            goal.trials,
            seconds(goal.time_s),
            out.display()
        )
    }
}

fn range(goal: &Goal) -> Range {
    Range {
        from: goal.from,
        to: goal.to,
        chance: goal.chance,
        within: goal.within,
        trials: usize::try_from(goal.trials).unwrap_or(usize::MAX),
    }
}

/// The highest load, and what stands against more.
fn highest(plan: &Plan) -> Result<(f64, Limit), Failure> {
    let asked = &plan.scenario.capacity;
    let to = asked.to.unwrap_or(MOST);
    let limit = Limit {
        whose: Whose::Plan,
        what: "nothing above it was asked for".to_owned(),
        at: Some(f64::from(to)),
        remedy: "give a higher --to".to_owned(),
    };
    let ceiling = ceiling(plan).filter(|ceiling| ceiling.clients < to);
    match (asked.grow, ceiling) {
        (Grow::Clients, Some(ceiling)) => {
            let at = f64::from(ceiling.clients);
            let (what, remedy) = (ceiling.what, ceiling.remedy);
            Ok((at, Limit { whose: Whose::Uproar, what, at: Some(at), remedy }))
        }
        _ => Ok((f64::from(to), limit)),
    }
}

/// What is known before the first trial.
fn capacity(plan: &Plan, goal: Goal) -> Result<Capacity, Failure> {
    let scenario = &plan.scenario;
    let now_ms = unix_ms();
    let people = match goal.grow {
        Grow::Clients => describe_each(plan),
        Grow::Rate => describe(plan),
    };
    let own = scenario.thresholds.iter();
    Ok(Capacity {
        capacity_version: CAPACITY_VERSION,
        goal,
        scenario: ScenarioSummary {
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            baseline: Default::default(),
        },
        scenario_hash: hash(scenario)?,
        thresholds: own.map(|of| (of.key.clone(), of.condition.clone())).collect(),
        people,
        target: target(scenario),
        serves_per_s: scenario.target.serves_per_s,
        uproar: build(),
        host: Host::this().fingerprint,
        started_at: date::from_unix_ms(now_ms),
        command: redacted_command(
            std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()),
        ),
        ..Capacity::default()
    })
}

/// Now.
fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn target(scenario: &Scenario) -> Target {
    let native =
        scenario.cohorts.iter().filter(|cohort| matches!(cohort.protocol, Protocol::Native(..)));
    let mut codecs: Vec<String> = native.map(|cohort| cohort.codec.name().to_owned()).collect();
    codecs.dedup();
    Target {
        builtin: scenario.target.url.is_none(),
        url: scenario.target.url.as_deref().map(redact_url).unwrap_or_default(),
        protocol: scenario.target.protocol.name().to_owned(),
        codecs,
    }
}

/// Names the scenario without telling anything of it. Not in it: what is searched for, since `trials` and
/// `time` are often given more of, and where the server is, since two of them are to be compared.
fn hash(scenario: &Scenario) -> Result<String, Failure> {
    let mut json = serde_json::to_value(scenario).map_err(|error| {
        Failure::message(Exit::Internal, format!("the scenario has no JSON: {error}"), "")
    })?;
    if let Some(fields) = json.as_object_mut() {
        fields.remove("capacity");
        if let Some(target) = fields.get_mut("target").and_then(|target| target.as_object_mut()) {
            target.remove("url");
        }
    }
    let text = json.to_string();
    Ok(HEXLOWER.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8]))
}
