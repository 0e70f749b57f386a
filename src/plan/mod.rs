//! What will happen: the scenario resolved with its seed into clients, memberships, due times,
//! faults and predicted peaks.
//!
//! Pure: the same scenario and seed give the same plan, and nothing here opens anything. What
//! the run does differently (a client that is away, a closed loop) is not the plan's business.

#[cfg(test)]
pub(crate) mod any;
mod arrivals;
mod levels;
mod predict;
mod relay;
mod rooms;
mod seeds;
mod users;

use std::ops::Range;

use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

pub use arrivals::{Churns, Due, Publishes};
pub use levels::{Level, Window};
pub use predict::{Burst, Peaks, describe, describe_each, headline};
pub use relay::Relay;
pub use rooms::{Membership, Room};

use arrivals::{Sizes, Stream};
use rooms::Rooms;

use crate::machine::clock::micros;
use crate::scenario::{Cohort, FaultKind, Load, Scenario, To};
use crate::stamp::texts::Texts;

/// Microseconds between the built-in feed's pushes.
pub const BUILTIN_FEED_INTERVAL_US: u64 = 100_000;

/// A resolved scenario. Clients are numbered from 0 through all cohorts in file order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Scenario", into = "Scenario")]
pub struct Plan {
    /// What the user asked for.
    pub scenario: Scenario,
    /// Each phase's place in the run.
    pub phases: Vec<Span>,
    /// What goes wrong, by time.
    pub faults: Vec<PlannedFault>,
    rooms: Rooms,
    streams: Vec<Option<Stream>>,
    /// By cohort and action.
    actions: Vec<Vec<Stream>>,
    rate: Level,
    clients: Level,
    /// The first client of each cohort, and the number of all clients at the end.
    starts: Vec<u32>,
    /// Clients of each cohort that are up at some time.
    ever_up: Vec<u32>,
    /// How each cohort's protocol relays, by cohort.
    pub relays: Vec<Relay>,
    /// Share of receivers whose messages the ledger follows, 0 to 1.
    pub followed: f64,
}

/// A phase's place in the run: `[start_us, end_us)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first microsecond.
    pub start_us: u64,
    /// The first microsecond after it.
    pub end_us: u64,
    /// Whether it counts into the whole run's latencies and rates.
    pub measured: bool,
}

/// A fault with its time and victims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Since the run's start.
    pub at_us: u64,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Client numbers, ascending; none of a fault of the server's and of a mark.
    pub victims: Vec<u32>,
    /// What reports call it.
    pub label: Option<String>,
}

/// How long after the server is back, or goes on, a lost connection is still a fault's doing.
const AFTERMATH_US: u64 = 5_000_000;

impl PlannedFault {
    /// When failures that no client can explain are this fault's doing; `None` for faults of
    /// clients, which know.
    #[must_use]
    pub fn blamed(&self) -> Option<Range<u64>> {
        let lasts_us = match self.kind {
            FaultKind::Freeze { duration } => micros(duration) + AFTERMATH_US,
            FaultKind::Kill { down } => down.map_or(0, micros) + AFTERMATH_US,
            FaultKind::Restart { down } => micros(down) + AFTERMATH_US,
            FaultKind::Mark { within } => micros(within),
            FaultKind::Reset
            | FaultKind::Close { .. }
            | FaultKind::HalfOpen
            | FaultKind::Stall { .. } => return None,
        };
        Some(self.at_us..self.at_us.saturating_add(lasts_us))
    }

    /// Whether it kept a message that was sent at `sent_us` from a client that stayed connected.
    #[must_use]
    pub fn holds_up(&self, client: u32, sent_us: u64) -> bool {
        let (duration, met) = match self.kind {
            FaultKind::Freeze { duration } => (duration, true),
            FaultKind::Stall { duration } => {
                (duration, self.victims.binary_search(&client).is_ok())
            }
            _ => return false,
        };
        // What was on its way when it began is held up too.
        let from_us = self.at_us.saturating_sub(LEDGER_WINDOW_US);
        met && (from_us..self.at_us + micros(duration)).contains(&sent_us)
    }
}

/// W: how near to a failure, a leave or a join a message may have been overtaken by it.
pub const LEDGER_WINDOW_US: u64 = 1_000_000;

/// How long the ledger keeps a message open for recipients that are late.
pub const LEDGER_KEPT_US: u64 = 30_000_000;

/// The ledger's memory is kept under this many bytes by following fewer receivers.
const LEDGER_BYTES_MAX: f64 = 1024.0 * 1024.0 * 1024.0;

impl From<Scenario> for Plan {
    fn from(scenario: Scenario) -> Self {
        Self::new(scenario)
    }
}

impl From<Plan> for Scenario {
    fn from(plan: Plan) -> Self {
        plan.scenario
    }
}

impl Plan {
    /// Resolves a scenario.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let mut starts = vec![0];
        let mut total = 0_u32;
        for cohort in &scenario.cohorts {
            total = total.saturating_add(cohort.clients);
            starts.push(total);
        }
        let mut phases = Vec::with_capacity(scenario.phases.len());
        let mut start_us = 0;
        for phase in &scenario.phases {
            let end_us = start_us + micros(phase.duration);
            phases.push(Span { start_us, end_us, measured: phase.measure });
            start_us = end_us;
        }
        let mut plan = Self {
            phases,
            faults: Vec::new(),
            rooms: Rooms::draw(&scenario),
            streams: scenario.cohorts.iter().map(stream).collect(),
            actions: scenario.cohorts.iter().map(actions).collect(),
            rate: Level::of(&scenario.phases, |phase| phase.rate),
            clients: Level::of(&scenario.phases, |phase| phase.clients),
            starts,
            ever_up: Vec::new(),
            relays: scenario.cohorts.iter().map(Relay::of).collect(),
            followed: 1.0,
            scenario,
        };
        plan.ever_up = (0..plan.scenario.cohorts.len())
            .map(|cohort| {
                let clients = plan.starts[cohort]..plan.starts[cohort + 1];
                clients.filter(|client| !plan.windows(*client).is_empty()).count() as u32
            })
            .collect();
        plan.faults = plan.draw_faults();
        plan.followed = (LEDGER_BYTES_MAX / plan.ledger_bytes()).min(1.0);
        plan
    }

    fn draw_faults(&self) -> Vec<PlannedFault> {
        let clients = self.client_count();
        let mut faults: Vec<PlannedFault> = Vec::new();
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            let start_us = fault.phase.map_or(0, |phase| self.phases[phase].start_us);
            let hit = (f64::from(clients) * fault.clients).round() as usize;
            let mut rng = seeds::rng(self.scenario.seed, seeds::FAULTS, index as u64);
            let sample =
                rand::seq::index::sample(&mut rng, clients as usize, hit.min(clients as usize));
            let mut victims: Vec<u32> = sample.iter().map(|client| client as u32).collect();
            victims.sort_unstable();
            let at_us = start_us + micros(fault.offset);
            let label = fault.label.clone();
            faults.push(PlannedFault { at_us, kind: fault.kind, victims, label });
        }
        faults.sort_by_key(|fault| fault.at_us);
        faults
    }

    /// Every client that is ever up.
    #[must_use]
    pub fn client_count(&self) -> u32 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Clients that are up at some time, of one cohort or of all.
    #[must_use]
    pub fn ever_up(&self, cohort: Option<usize>) -> u32 {
        match cohort {
            Some(cohort) => self.ever_up[cohort],
            None => self.ever_up.iter().sum(),
        }
    }

    /// The run's planned end, when the last phase is over.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.phases.last().map_or(0, |phase| phase.end_us)
    }

    /// The cohort of a client, as an index.
    #[must_use]
    pub fn cohort_of(&self, client: u32) -> usize {
        self.starts.partition_point(|start| *start <= client).saturating_sub(1)
    }

    /// The first client of a cohort, which must be one of the scenario's.
    #[must_use]
    pub fn first_client(&self, cohort: usize) -> u32 {
        self.starts[cohort]
    }

    /// The cohort of a client.
    #[must_use]
    pub fn cohort(&self, client: u32) -> &Cohort {
        &self.scenario.cohorts[self.cohort_of(client)]
    }

    /// The phase at an instant; after the end, the last one.
    #[must_use]
    pub fn phase_at(&self, at_us: u64) -> usize {
        let index = self.phases.partition_point(|phase| phase.end_us <= at_us);
        index.min(self.phases.len().saturating_sub(1))
    }

    /// The rooms a client is a member of.
    #[must_use]
    pub fn memberships(&self, client: u32) -> &[Membership] {
        self.rooms.of(client)
    }

    /// Memberships of all clients together.
    #[must_use]
    pub fn membership_count(&self) -> usize {
        self.rooms.memberships()
    }

    /// Every room.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.rooms.rooms
    }

    /// The first room of a set and their number.
    #[must_use]
    pub fn rooms_of_set(&self, set: usize) -> (u32, u32) {
        self.rooms.sets[set]
    }

    /// The name of a room in a run; `None` for the implicit rooms of echo and broadcast.
    #[must_use]
    pub fn room_name(&self, room: u32, run: &str) -> Option<String> {
        use crate::scenario::RoomCount;
        let room = &self.rooms.rooms[room as usize];
        let index = room.set?;
        let set = &self.scenario.room_sets[index];
        if let RoomCount::Names(names) = &set.rooms {
            return names.get(room.n as usize).cloned();
        }
        // Sets with one template, as the default is, count on: each room has its own name.
        let alike = |before: &usize| {
            let before = &self.scenario.room_sets[*before];
            before.name_template == set.name_template
                && !matches!(before.rooms, RoomCount::Names(_))
        };
        let taken: u32 = (0..index).filter(alike).map(|before| self.rooms_of_set(before).1).sum();
        Some(fill(&set.name_template, run, taken + room.n))
    }

    /// What the client's messages say besides the mark, where that is people's text.
    #[must_use]
    pub fn texts(&self, client: u32) -> Option<&Texts> {
        self.cohort(client).publish.as_ref()?.texts.as_ref()
    }

    /// The rooms the client's k-th publish goes to.
    pub fn publish_rooms(&self, client: u32, k: u32) -> impl Iterator<Item = u32> + '_ {
        let mine = self.memberships(client);
        let one = |at: usize| mine.get(at..=at).unwrap_or_default();
        let (rooms, other) = match self.cohort(client).publish.as_ref().map(|publish| publish.to) {
            None => (&[][..], None),
            Some(To::All) => (mine, None),
            Some(To::One) => (one(k as usize % mine.len().max(1)), None),
            Some(To::Set(set)) => {
                let (first, count) = self.rooms_of_set(set);
                // Each client starts elsewhere, so that the set's rooms hear evenly.
                (&[][..], Some(first + (client.wrapping_add(k)) % count.max(1)))
            }
        };
        rooms.iter().map(|membership| membership.room).chain(other)
    }

    /// When the client is up.
    #[must_use]
    pub fn windows(&self, client: u32) -> Vec<Window> {
        let cohort = self.cohort_of(client);
        let (first, next) = (self.starts[cohort], self.starts[cohort + 1]);
        let place = f64::from(client - first) / f64::from(next - first);
        self.clients.windows_above(place)
    }

    /// The client's schedule, from its beginning.
    #[must_use]
    pub fn publishes(&self, client: u32) -> Publishes {
        // The golden ratio spreads neighbours' offsets as evenly as any fixed step can.
        let offset = (f64::from(client) * 0.618_033_988_749_894_9 + 0.5).fract();
        Publishes::new(self.rng(seeds::PUBLISHES, client), offset)
    }

    /// The next message of the client's schedule; `None` when it has no more, or none at all.
    pub fn next_due(
        &self,
        client: u32,
        windows: &[Window],
        publishes: &mut Publishes,
    ) -> Option<Due> {
        let stream = self.streams[self.cohort_of(client)].as_ref()?;
        publishes.next(stream, &self.rate, windows)
    }

    /// When the client does each of its cohort's actions, from their beginning.
    #[must_use]
    pub fn actions(&self, client: u32) -> Vec<Publishes> {
        let actions = self.actions[self.cohort_of(client)].len() as u64;
        let rng = |at| seeds::rng(self.scenario.seed, seeds::ACTIONS, at << 32 | u64::from(client));
        (0..actions).map(|at| Publishes::new(rng(at), 0.0)).collect()
    }

    /// When the client does the n-th of its cohort's actions next, and for which time.
    pub fn next_action(
        &self,
        client: u32,
        at: usize,
        windows: &[Window],
        actions: &mut Publishes,
    ) -> Option<Due> {
        actions.next(self.actions[self.cohort_of(client)].get(at)?, &self.rate, windows)
    }

    /// A closed loop's next message, due at an instant of the loop's choosing.
    pub fn draw_due(&self, client: u32, publishes: &mut Publishes, at_us: u64) -> Option<Due> {
        let stream = self.streams[self.cohort_of(client)].as_ref()?;
        Some(publishes.draw(stream, at_us))
    }

    /// When the client leaves on purpose, whole connection.
    #[must_use]
    pub fn connection_churns(&self, client: u32) -> Churns {
        let rate_per_s = self.cohort(client).churn.map_or(0.0, |churn| churn.connections_per_s);
        Churns { rng: self.rng(seeds::CHURN, client), rate_per_s }
    }

    /// When the client leaves one of its rooms on purpose.
    #[must_use]
    pub fn room_churns(&self, client: u32) -> Churns {
        let rooms = self.memberships(client).len() as f64;
        let rate_per_s = self.cohort(client).churn.map_or(0.0, |churn| churn.rooms_per_s) * rooms;
        // The other half of the item space, so that both processes are independent.
        Churns { rng: self.rng(seeds::CHURN, client | 1 << 31), rate_per_s }
    }

    /// The client's backoff jitter.
    #[must_use]
    pub fn backoff_rng(&self, client: u32) -> Pcg64Mcg {
        self.rng(seeds::BACKOFF, client)
    }

    /// Whether the ledger follows what this client receives.
    #[must_use]
    pub fn is_followed(&self, client: u32) -> bool {
        use rand::RngExt;
        self.followed >= 1.0 || self.rng(seeds::SAMPLE, client).random::<f64>() < self.followed
    }

    fn rng(&self, stream: u64, client: u32) -> Pcg64Mcg {
        seeds::rng(self.scenario.seed, stream, u64::from(client))
    }
}

/// A room's name from its template. Validation knows the same two variables.
#[must_use]
pub fn fill(template: &str, run: &str, n: u32) -> String {
    let mut name = String::with_capacity(template.len() + run.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        name.push_str(before);
        let Some((variable, after)) = after.split_once("}}") else {
            name.push_str("{{");
            rest = after;
            continue;
        };
        match variable.trim() {
            "run" => name.push_str(run),
            "n" => name.push_str(&n.to_string()),
            _ => {}
        }
        rest = after;
    }
    name.push_str(rest);
    name
}

fn actions(cohort: &Cohort) -> Vec<Stream> {
    cohort.actions.iter().map(|act| Stream::of_action(act.rate_per_s)).collect()
}

fn stream(cohort: &Cohort) -> Option<Stream> {
    let publish = cohort.publish.as_ref()?;
    let rate = match publish.load {
        Load::Rate(rate) => Some(rate),
        Load::TotalRate(rate) => Some(rate / f64::from(cohort.clients.max(1))),
        Load::Closed { .. } => None,
    };
    Some(Stream {
        rate,
        arrivals: publish.arrivals,
        sizes: Sizes::of(publish.size),
        binary: publish.binary,
    })
}

#[cfg(test)]
mod tests;
