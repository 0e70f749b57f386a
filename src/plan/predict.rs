//! What the plan will ask of the machine and the server, before anything connects.

use serde::{Deserialize, Serialize};

use super::{BUILTIN_FEED_INTERVAL_US, Membership, Plan};
use crate::protocol::{Audience, Recipients};
use crate::scenario::{FaultKind, Load, Publish, RoomCount, RoomSet, Size, To};
use crate::stamp::MAX_PAYLOAD;
use crate::units::format::counted;

/// The highest load the plan reaches. Rates are `None` where a closed loop decides them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// Clients up at once.
    pub clients: u32,
    /// Messages sent a second.
    pub publishes_per_s: Option<f64>,
    /// Messages received a second, all recipients together.
    pub deliveries_per_s: Option<f64>,
    /// Actions besides, a second.
    pub actions_per_s: f64,
    /// Files the generator needs open at once.
    pub open_files: u64,
    /// Bytes the generator is expected to need.
    pub memory_bytes: u64,
}

/// What one client writes at once for one publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// One for each room it goes to.
    pub messages: u64,
    /// About what each has on the wire, its protocol's envelope included.
    pub message_bytes: u64,
}

impl Burst {
    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.messages.saturating_mul(self.message_bytes)
    }
}

/// Messages a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) sent: f64,
    /// Heard by their authors.
    pub(super) own: f64,
    /// Heard by others, once each.
    pub(super) others: f64,
}

/// Files beside the clients' sockets: runtime, timers, reports, standard streams.
const OTHER_FILES: u64 = 64;
/// A client's read buffer, which the WebSocket library allocates at once and fills with zeros before
/// each read: no larger than one read needs. The least holds some short chat messages; a larger
/// message is to fit in one read, up to the most.
const READ_BUFFER_BYTES: (usize, usize) = (1024, 4 * 1024);
/// Generator memory a client, measured with the least read buffer; without the kernel's part.
const CLIENT_BYTES: u64 = 6 * 1024;
/// What TLS adds to it, measured likewise.
const TLS_BYTES: u64 = 10 * 1024;
/// Generator memory a membership: ledger interval and order state.
const MEMBERSHIP_BYTES: u64 = 160;
/// Generator memory without any client.
const BASE_BYTES: u64 = 24 * 1024 * 1024;

impl Plan {
    /// The plan's peaks.
    #[must_use]
    pub fn peaks(&self) -> Peaks {
        let clients = f64::from(self.client_count());
        let up = (self.clients.peak() * clients).ceil();
        let (mut publishes, mut deliveries) = (Some(0.0_f64), Some(0.0_f64));
        match self.full_rates() {
            None => (publishes, deliveries) = (None, None),
            Some(Rates { sent, own, others }) => {
                for at_us in self.rate.corners().chain(self.clients.corners()) {
                    let (share, rate) = (self.clients.at(at_us), self.rate.at(at_us));
                    publishes = publishes.map(|peak| peak.max(sent * share * rate));
                    // An author is up when it publishes; of the others a share is.
                    let received = (own + others * share) * share * rate;
                    deliveries = deliveries.map(|peak| peak.max(received));
                }
            }
        }
        if self.is_feed() {
            // Only the built-in server's interval is known.
            let per_s = 1e6 / BUILTIN_FEED_INTERVAL_US as f64;
            deliveries = self.scenario.target.url.is_none().then_some(up * per_s);
        }
        let url = self.scenario.target.url.as_deref();
        let is_over_tls = url.is_some_and(|url| url.starts_with("wss:"));
        let tls_bytes = if is_over_tls { TLS_BYTES } else { 0 };
        let buffer_bytes = (self.read_buffer_bytes() - READ_BUFFER_BYTES.0) as u64;
        Peaks {
            clients: up as u32,
            publishes_per_s: publishes,
            deliveries_per_s: deliveries,
            actions_per_s: self.actions_per_s(),
            open_files: up as u64 + self.silent_sockets() + OTHER_FILES,
            memory_bytes: BASE_BYTES
                + up as u64 * (CLIENT_BYTES + tls_bytes + buffer_bytes)
                + self.membership_count() as u64 * MEMBERSHIP_BYTES
                + (self.ledger_bytes() * self.followed) as u64,
        }
    }

    /// The largest payload that clients publish, in bytes.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        let publishes = self.scenario.cohorts.iter().filter_map(|cohort| cohort.publish.as_ref());
        publishes.map(payload_bytes_max).max().unwrap_or(0)
    }

    /// The largest burst that one client writes for one publish; `None` where nobody publishes.
    #[must_use]
    pub fn largest_burst(&self) -> Option<Burst> {
        let cohorts = (0..).zip(&self.scenario.cohorts);
        let bursts = cohorts.filter_map(|(index, cohort): (usize, _)| {
            let publish = cohort.publish.as_ref()?;
            let first = self.first_client(index);
            let mine = self.memberships(first);
            let messages = if publish.to == To::All { mine.len().max(1) } else { 1 };
            let room = mine.first().and_then(|of| self.room_name(of.room, "0000000"));
            let room = room.unwrap_or_default();
            let message_bytes = cohort.protocol.message_bytes(payload_bytes_max(publish), &room);
            Some(Burst { messages: messages as u64, message_bytes: message_bytes as u64 })
        });
        bursts.max_by_key(Burst::bytes)
    }

    /// Whether more clients mean more deliveries for each of them: everyone who comes into rooms of a fixed
    /// number says more, and to more. Where rooms are made by size, or all say a fixed number of messages
    /// together, the load grows as the clients do.
    #[must_use]
    pub fn outgrows_its_clients(&self) -> bool {
        (0..).zip(&self.scenario.cohorts).any(|(index, cohort): (usize, _)| {
            let each_says = cohort
                .publish
                .as_ref()
                .filter(|publish| matches!(publish.load, Load::Rate(_) | Load::Closed { .. }));
            let Some(publish) = each_says else { return false };
            let recipients = self.relay(self.first_client(index)).recipients;
            if !matches!(recipients, Recipients::Room | Recipients::Others) {
                return false;
            }
            let set = match publish.to {
                To::Set(set) => Some(set),
                To::One | To::All => cohort.join.as_ref().map(|join| join.set),
            };
            match set.and_then(|set| self.scenario.room_sets.get(set)) {
                Some(set) => !matches!(set.rooms, RoomCount::Size(_)),
                None => cohort.protocol.audience() == Audience::Everyone,
            }
        })
    }

    /// How much one read of a client takes, in bytes.
    #[must_use]
    pub fn read_buffer_bytes(&self) -> usize {
        let (least, most) = READ_BUFFER_BYTES;
        self.payload_bytes_max().clamp(least, most).next_power_of_two()
    }

    fn actions_per_s(&self) -> f64 {
        let cohorts = self.scenario.cohorts.iter();
        let full: f64 = cohorts
            .map(|cohort| {
                let each: f64 = cohort.actions.iter().map(|act| act.rate_per_s).sum();
                each * f64::from(cohort.clients)
            })
            .sum();
        let at = |at_us| self.clients.at(at_us) * self.rate.at(at_us);
        let shares = self.rate.corners().chain(self.clients.corners()).map(at);
        full * shares.fold(0.0, f64::max)
    }

    /// Sockets of clients that fall silent: they stay open beside those they dial anew.
    #[must_use]
    pub fn silent_sockets(&self) -> u64 {
        let silent = self.faults.iter().filter(|fault| fault.kind == FaultKind::HalfOpen);
        silent.map(|fault| fault.victims.len() as u64).sum()
    }

    /// Publishes a second with everyone up at 100 % rate; `None` with a closed loop, and where nobody
    /// publishes.
    #[must_use]
    pub fn open_rate_per_s(&self) -> Option<f64> {
        self.full_rates().map(|rates| rates.sent).filter(|sent| *sent > 0.0)
    }

    /// Messages a second with everyone up at 100 % rate; `None` with a closed loop.
    pub(super) fn full_rates(&self) -> Option<Rates> {
        let mut rates = Rates { sent: 0.0, own: 0.0, others: 0.0 };
        let members = |room: u32| self.rooms()[room as usize].members.len() as u64;
        let members_of_set: Vec<u64> = (0..self.scenario.room_sets.len())
            .map(|set| {
                let (first, count) = self.rooms_of_set(set);
                (first..first + count).map(members).sum()
            })
            .collect();
        for client in 0..self.client_count() {
            let cohort = self.cohort(client);
            let Some(publish) = &cohort.publish else { continue };
            let rate = match publish.load {
                Load::Rate(rate) => rate,
                Load::TotalRate(rate) => rate / f64::from(cohort.clients),
                Load::Closed { .. } => return None,
            };
            let recipients = self.relay(client).recipients;
            let mine = self.memberships(client);
            // To how many rooms, how many of them are its own, and how many members they have in all.
            let (rooms, own, all) = match publish.to {
                To::One | To::All => {
                    let all: u64 = mine.iter().map(|at| members(at.room)).sum();
                    (mine.len() as u64, mine.len() as u64, all)
                }
                To::Set(set) => {
                    let (first, count) = self.rooms_of_set(set);
                    let is_in = |at: &&Membership| (first..first + count).contains(&at.room);
                    let own = mine.iter().filter(is_in).count() as u64;
                    (u64::from(count), own, members_of_set[set])
                }
            };
            let each = match publish.to {
                _ if rooms == 0 => continue,
                To::All => rate,
                To::One | To::Set(_) => rate / rooms as f64,
            };
            rates.sent += each * rooms as f64;
            if matches!(recipients, Recipients::Room | Recipients::Sender) {
                rates.own += each * own as f64;
            }
            if matches!(recipients, Recipients::Room | Recipients::Others) {
                rates.others += each * (all - own) as f64;
            }
        }
        Some(rates)
    }

    /// What the ledger needs at the peak rate if it follows everyone: each message is kept for
    /// 30 s with a bit for each member of its room.
    pub(super) fn ledger_bytes(&self) -> f64 {
        let kept_s = (crate::plan::LEDGER_KEPT_US as f64 / 1e6).min(self.end_us() as f64 / 1e6);
        let rates = self.full_rates();
        let bytes = rates.map_or(0.0, |of| of.sent * 120.0 + (of.own + of.others) / 8.0);
        bytes * self.rate.peak() * kept_s
    }
}

/// The largest payload that a cohort publishes, in bytes.
fn payload_bytes_max(publish: &Publish) -> usize {
    let size = match publish.size {
        Size::Fixed(bytes) => bytes as usize,
        // Nothing else bounds the tail of a log-normal.
        Size::Spread { p99, max, .. } => (p99 as usize).saturating_mul(16).min(max as usize),
    };
    publish.texts.as_ref().map_or(size, |texts| texts.longest(size)).min(MAX_PAYLOAD)
}

/// The plan in one line: "1,000 publishes/s × 20 recipients = 20,000 deliveries/s".
#[must_use]
pub fn headline(plan: &Plan) -> String {
    let peaks = plan.peaks();
    if plan.is_feed() {
        return match peaks.deliveries_per_s {
            Some(rate) => format!(
                "{} × {} pushes/s = {} deliveries/s",
                counted(peaks.clients.into(), "listener"),
                count(rate / f64::from(peaks.clients.max(1))),
                count(rate)
            ),
            None => format!(
                "{}, pushed to at the server's own rate",
                counted(peaks.clients.into(), "listener")
            ),
        };
    }
    match (peaks.publishes_per_s, peaks.deliveries_per_s) {
        (Some(sent), Some(received)) if sent > 0.0 => format!(
            "{} publishes/s × {} recipients = {} deliveries/s",
            count(sent),
            count(received / sent),
            count(received)
        ),
        (Some(_), Some(_)) => "nobody publishes".to_owned(),
        _ => "closed loop: as many publishes/s as the server answers".to_owned(),
    }
}

/// The clients in one phrase: "1,000 clients in 50 rooms of 20, 1 msg/s each".
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let clients = counted(plan.client_count().into(), "client");
    let sized: Vec<usize> = plan
        .rooms()
        .iter()
        .filter(|room| room.set.is_some())
        .map(|room| room.members.len())
        .collect();
    let rooms = match (sized.iter().min(), sized.iter().max()) {
        (Some(least), Some(most)) => {
            let named = |set: &RoomSet| matches!(set.rooms, RoomCount::Names(_));
            let names = if plan.scenario.room_sets.iter().any(named) { "named " } else { "" };
            let rooms = if sized.len() == 1 { "room" } else { "rooms" };
            let sizes =
                if least == most { count(*most as f64) } else { format!("{least} to {most}") };
            format!(" in {} {names}{rooms} of {sizes}", count(sized.len() as f64))
        }
        _ => String::new(),
    };
    format!("{clients}{rooms}{}", said(plan))
}

/// How people are spread and what they say, however many they are: "in rooms of 20, 1 msg/s each".
#[must_use]
pub fn describe_each(plan: &Plan) -> String {
    let sizes = plan.scenario.room_sets.iter().map(|set| match &set.rooms {
        RoomCount::Size(size) => format!("rooms of {}", count(f64::from(*size))),
        RoomCount::Count(1) => "one room".to_owned(),
        RoomCount::Count(rooms) => format!("{} rooms", count(f64::from(*rooms))),
        RoomCount::Names(names) => format!("{} named rooms", count(names.len() as f64)),
    });
    let sizes: Vec<String> = sizes.collect();
    let rooms =
        if sizes.is_empty() { String::new() } else { format!("in {}", sizes.join(" and ")) };
    format!("{rooms}{}", said(plan)).trim_start_matches(", ").to_owned()
}

/// ", 1 msg/s each".
fn said(plan: &Plan) -> String {
    let publishers: Vec<_> = plan
        .scenario
        .cohorts
        .iter()
        .filter_map(|cohort| Some((cohort, cohort.publish.as_ref()?)))
        .collect();
    match publishers.as_slice() {
        [] => ", listening".to_owned(),
        [(cohort, publish)] => {
            let who = if plan.scenario.cohorts.len() == 1 {
                "each".to_owned()
            } else {
                format!("each of {} {}", count(f64::from(cohort.clients)), cohort.name)
            };
            match publish.load {
                Load::Rate(rate) => format!(", {} msg/s {who}", count(rate)),
                Load::TotalRate(rate) => format!(", {} msg/s in all", count(rate)),
                Load::Closed { in_flight, .. } => {
                    format!(", {in_flight} in flight {who}, closed loop")
                }
            }
        }
        _ => match plan.full_rates() {
            Some(Rates { sent, .. }) => format!(", {} msg/s in all", count(sent)),
            None => ", partly a closed loop".to_owned(),
        },
    }
}

/// A rate or count as people write it: thousands separated, fractions only where they matter.
fn count(value: f64) -> String {
    crate::units::format::number(value)
}
