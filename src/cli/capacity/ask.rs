//! What a search is asked for: the scenario's `[capacity]`, the flags, and what this machine can hold.

use std::path::Path;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use super::super::Failure;
use super::super::capacity_args::CapacityArgs;
use super::super::run::{build, command, target};
use crate::capacity::{CAPACITY_VERSION, Capacity, Goal, Limit, Outcome, Trial, Whose, load_words};
use crate::machine::clock::unix_ms;
use crate::machine::host::Host;
use crate::plan::{Plan, describe, describe_each};
use crate::ready::fit::{ceiling, cores_carry};
use crate::report::{Exit, ScenarioSummary};
use crate::scenario::{Grow, Scenario};
use crate::search::{Goal as Range, Search, Trial as Weighed};
use crate::units::date;
use crate::units::format::seconds;

/// Without a lowest load: this part of the scenario's.
const EIGHTH: f64 = 8.0;
/// The highest that any search looks at.
const MOST: u32 = 1_000_000;
/// Trials at one load that can't be trusted, before it is taken for uproar's limit.
const INVALID: usize = 3;
/// What a trial takes besides its phases: its process, its first client, what is still on its way.
const BESIDES_S: f64 = 1.5;

/// A search before its first trial, or between two.
#[derive(Clone)]
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
    /// The load that this machine's cores are likely to carry. No limit: trials find out.
    cores_carry: Option<f64>,
}

impl Ask {
    pub(super) fn of(plan: &Plan, args: &CapacityArgs) -> Result<Self, Failure> {
        let scenario = &plan.scenario;
        let asked = &scenario.capacity;
        if let Some(flag) = args.scenario.fixed(asked.grow) {
            let message = format!("{flag} says what the search is to find out");
            return Err(Failure::message(
                Exit::Usage,
                message,
                "give the search its ends: --from and --to",
            ));
        }
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
        let (to, limit) = highest(plan);
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
            cores_carry: cores_carry(plan).map(|share| share * written),
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
        for trial in earlier.trials {
            self.keep(trial);
        }
        self.capacity.took_s = earlier.took_s;
        self.capacity.started_at = earlier.started_at;
        self.capacity.idle = earlier.idle;
        Ok(())
    }

    /// Keeps a trial, and lets the search know of it where it says something of the server.
    pub(super) fn keep(&mut self, trial: Trial) {
        let load = trial.load;
        let passed = match trial.outcome {
            Outcome::Passed => Some(true),
            Outcome::Failed | Outcome::Unreachable => Some(false),
            Outcome::Invalid => None,
        };
        self.capacity.trials.push(trial);
        match passed {
            Some(passed) => self.search.add(Weighed { load, passed }),
            None => self.bound(load),
        }
    }

    /// The last trials, if none of them can be trusted and all were of one load.
    fn untrusted(&self) -> Option<&Trial> {
        let mut last = self.capacity.trials.iter().rev().take(INVALID);
        let newest = last.clone().next()?;
        let is_alike = |of: &Trial| of.outcome == Outcome::Invalid && of.load == newest.load;
        (last.len() == INVALID && last.all(is_alike)).then_some(newest)
    }

    /// Whether not even the lowest load gives trials that can be trusted.
    pub(super) fn is_held_up(&self) -> bool {
        self.untrusted().is_some_and(|trial| trial.load <= self.capacity.goal.from)
    }

    /// A load whose trials can't be trusted again and again is more than uproar can do here.
    fn bound(&mut self, load: f64) {
        let Some(last) = self.untrusted() else { return };
        self.limit = Limit {
            whose: Whose::Uproar,
            what: last.why.clone(),
            at: Some(load),
            remedy: last.remedy.clone().unwrap_or_default(),
        };
        let Goal { from, within, .. } = self.capacity.goal;
        let passed = self.search.highest_passed_under(load);
        self.search.limit_to(match passed {
            // Nothing lies between that would make a difference.
            Some(passed) if load / passed < 1.0 + within => passed,
            // Half the way back, by its logarithm, to what passed.
            passed => (passed.unwrap_or(from) * load).sqrt().floor(),
        });
        self.capacity.goal.to = self.search.highest_to_try();
    }

    /// What is going to happen.
    pub(super) fn announced(&self, out: &Path) -> String {
        let goal = &self.capacity.goal;
        let mut text = format!(
            "{} to {}, at most {} trials or {}: each is a run of its own in {}\n",
            load_words(goal.grow, goal.from),
            load_words(goal.grow, goal.to),
            goal.trials,
            seconds(goal.time_s),
            out.display()
        );
        if let Some(carried) = self.cores_carry.filter(|carried| *carried < goal.to) {
            let load = load_words(goal.grow, carried);
            text += &format!(
                "note: the cores of this machine are likely to carry some {load}, not more\n"
            );
        }
        text
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
fn highest(plan: &Plan) -> (f64, Limit) {
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
            (at, Limit { whose: Whose::Uproar, what, at: Some(at), remedy })
        }
        _ => (f64::from(to), limit),
    }
}

/// What is known before the first trial.
fn capacity(plan: &Plan, goal: Goal) -> Result<Capacity, Failure> {
    let scenario = &plan.scenario;
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
        target: target(scenario, scenario.target.url.as_deref().unwrap_or_default()),
        watched: scenario.target.url.is_none() || scenario.target.watch.whom.is_some(),
        serves_per_s: scenario.target.serves_per_s,
        uproar: build(),
        host: Host::this().fingerprint,
        started_at: date::from_unix_ms(unix_ms()),
        command: command(),
        ..Capacity::default()
    })
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
            target.remove("watch");
        }
    }
    let text = json.to_string();
    Ok(HEXLOWER.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8]))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: CapacityArgs,
    }

    fn ask(flags: &[&str]) -> Result<Ask, Failure> {
        let line = [&["capacity"], flags].concat();
        let Line { args } = Line::try_parse_from(line).unwrap();
        let overrides = args.overrides().unwrap();
        let plan = super::super::super::prepare::planned(args.name().0, &overrides).unwrap();
        Ask::of(&plan, &args)
    }

    fn trial(load: f64, outcome: Outcome) -> Trial {
        let why = "the generator was the bottleneck".to_owned();
        Trial { load, outcome, why, remedy: Some("more cores".to_owned()), ..Trial::default() }
    }

    #[test]
    fn flags_win_over_the_scenario_and_the_machine_s_limit_over_both() {
        let found = ask(&["--from", "50", "--trials", "7", "--quick"]).unwrap();
        let goal = &found.capacity.goal;
        assert_eq!((goal.from, goal.trials, goal.within, goal.chance), (50.0, 7, 0.3, 0.5));
        assert_eq!(goal.time_s, 285.0, "the scenario's");
        assert!(goal.to < 1_000_000.0 && found.limit.whose == Whose::Uproar, "{:?}", found.limit);
        let asked = ask(&["--to", "200"]).unwrap();
        assert_eq!((asked.capacity.goal.to, asked.limit.whose), (200.0, Whose::Plan));
        // Twice the people come up in twice the time.
        let more = asked.trial_s(1_000.0) - asked.trial_s(500.0);
        assert!((more - 1.0).abs() < 1e-9, "{more}");
        let fixed = ask(&["--clients", "100"]).err().map(|failure| failure.exit);
        assert_eq!(fixed, Some(Exit::Usage));
        assert!(ask(&["--clients", "100", "--grow", "rate"]).is_ok());
        let rate = ask(&["--grow", "rate", "--set", "capacity.from=10"]).unwrap();
        assert_eq!(rate.trial_s(10.0), rate.trial_s(1_000.0));
        assert!(
            ask(&["--grow", "rate", "--set", "cohort.people.publish={ in_flight = 1 }"]).is_err()
        );
    }

    #[test]
    fn what_can_not_be_trusted_three_times_is_uproar_s_limit() {
        let mut ask = ask(&["--from", "100"]).unwrap();
        let to = ask.capacity.goal.to;
        for load in [100.0, 200.0, 400.0] {
            ask.keep(trial(load, Outcome::Passed));
        }
        ask.keep(trial(800.0, Outcome::Invalid));
        ask.keep(trial(800.0, Outcome::Invalid));
        assert_eq!(ask.capacity.goal.to, to, "it is made again twice");
        ask.keep(trial(800.0, Outcome::Invalid));
        // Between what passed and what can't be had.
        assert_eq!(ask.capacity.goal.to, 565.0);
        assert_eq!((ask.limit.whose, ask.limit.at), (Whose::Uproar, Some(800.0)));
        assert_eq!(ask.limit.remedy, "more cores");
        // What passed above it by luck is not what lies under it.
        let mut lucky = ask.clone();
        lucky.keep(trial(600.0, Outcome::Passed));
        (0..3).for_each(|_| lucky.keep(trial(500.0, Outcome::Invalid)));
        assert_eq!(lucky.capacity.goal.to, 447.0);
        (0..3).for_each(|_| ask.keep(trial(565.0, Outcome::Invalid)));
        (0..3).for_each(|_| ask.keep(trial(475.0, Outcome::Invalid)));
        (0..3).for_each(|_| ask.keep(trial(435.0, Outcome::Invalid)));
        assert_eq!(ask.capacity.goal.to, 400.0, "no more than passed");
        assert!(!ask.is_held_up());
        assert_eq!(ask.search.made().len(), 3, "none of them counts");
    }

    #[test]
    fn a_search_without_a_trial_that_can_be_trusted_ends() {
        let mut ask = ask(&["--from", "100"]).unwrap();
        (0..3).for_each(|_| ask.keep(trial(100.0, Outcome::Invalid)));
        assert!(ask.is_held_up());
    }

    #[test]
    fn a_search_goes_on_with_its_own_scenario_wherever_the_server_is() {
        let there = ["--url", "ws://127.0.0.1:9001/", "--protocol", "rooms"];
        let elsewhere = ["--url", "ws://127.0.0.1:9002/", "--protocol", "rooms"];
        let mut earlier = ask(&there).unwrap().capacity;
        earlier.trials = vec![trial(100.0, Outcome::Passed)];
        let mut same = ask(&elsewhere).unwrap();
        same.go_on(earlier.clone()).unwrap();
        assert_eq!((same.search.made().len(), same.capacity.trials.len()), (1, 1));
        let mut other = ask(&[&elsewhere[..], &["--set", "rooms.lobby.size=10"]].concat()).unwrap();
        assert_eq!(other.go_on(earlier).unwrap_err().exit, Exit::Usage);
    }
}
