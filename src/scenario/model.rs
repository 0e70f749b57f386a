//! The validated scenario: what the user wrote, checked, with units resolved and names bound.
//!
//! Values only: nothing here parses or checks. `read` makes it from a file, `plan` lowers it
//! to what will happen. Cohorts, phases and room sets are referred to by their index.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::users::Users;
use crate::codec::CodecKind;
use crate::metric::{Counter, Known, Metric, Over, Rate, Resource, Share};
use crate::protocol::Protocol;
use crate::stamp::texts::Texts;

/// A whole scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Names the run's folder: letters, digits, `-` and `_`.
    pub name: String,
    /// The question the run answers.
    pub question: String,
    /// Decides everything random in the plan, but never the run's id. 0 when the file names none.
    pub seed: u64,
    pub target: Target,
    pub room_sets: Vec<RoomSet>,
    /// At least one.
    pub cohorts: Vec<Cohort>,
    /// At least one.
    pub phases: Vec<Phase>,
    pub faults: Vec<Fault>,
    pub thresholds: Vec<Threshold>,
    /// Figures that later runs are compared by, and their tolerances, as they are written.
    pub baseline: Vec<(String, String)>,
    /// What `uproar capacity` searches for.
    pub capacity: Capacity,
    /// Environment variables that templates name. Their values are read when a run begins, and
    /// are part of nothing that is kept.
    pub env: Vec<String>,
}

/// A search for the highest load that the server carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    pub grow: Grow,
    /// The lowest and the highest load, in clients or in messages a second of all together.
    pub from: Option<u32>,
    pub to: Option<u32>,
    /// How wide the interval may be, as a share of the answer.
    pub within: f64,
    /// The share of runs that have to pass, 0 to 1.
    pub chance: f64,
    /// Runs at most.
    pub trials: u32,
    /// No run is begun that would end after it.
    pub time: Duration,
    /// Less than this fails.
    pub at_least: Option<u32>,
    /// A program and its arguments; empty where there is none.
    pub restore: Vec<String>,
}

/// What grows in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grow {
    /// Rooms stay as large and each client's rate as high as they are.
    Clients,
    /// Clients stay as many as they are.
    Rate,
}

/// The server under test and how to reach it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// `None` starts the built-in server in the protocol's mode.
    pub url: Option<String>,
    /// Deliveries a second that the built-in server is bound to; `None`: as many as it can.
    pub serves_per_s: Option<f64>,
    /// How the server speaks; with the built-in server, its mode.
    pub protocol: Protocol,
    /// The codec of cohorts that name none.
    pub codec: CodecKind,
    /// Whether every delivery of the `rooms` protocol is decoded, not only searched for its stamp.
    pub decode: bool,
    /// Covers name lookup, TCP, TLS and the upgrade together.
    pub connect_timeout: Duration,
    /// From the join written to its confirmation.
    pub join_timeout: Duration,
    /// How long the run waits, once nothing is due any more, for messages still on their way.
    pub drain_timeout: Duration,
    /// The largest message that is taken from the server, in bytes; `None` goes by what clients send.
    pub max_message: Option<u64>,
    /// Sent with the upgrade request; a name may stand there several times.
    pub headers: Vec<(String, String)>,
    /// Offered with the upgrade request, beside the protocol's own.
    pub subprotocols: Vec<String>,
    /// How TLS is done, where `url` asks for it.
    pub tls: Tls,
    /// Addresses to dial from, in turn; empty lets the kernel choose.
    pub source_addresses: Vec<IpAddr>,
    /// Hosts that may get load although they are neither loopback nor private.
    pub allow_host: Vec<String>,
    /// What of the server's machine is looked at.
    pub watch: Watch,
}

/// What of the server's machine is looked at while a run goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose figures the kernel is asked for. The built-in server's are asked for without it.
    pub whom: Option<Whom>,
    /// What the server tells itself, or something beside it.
    pub metrics: Vec<Scrape>,
}

/// Processes of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// This one, and those that it started.
    Pid(u32),
    /// The one whose number stands in a file, and those that it started.
    PidFile(PathBuf),
    /// The one that listens on this TCP port, and those that it started.
    Port(u16),
    /// Those in the control group at this folder.
    Cgroup(PathBuf),
}

/// A page of metrics in Prometheus's text format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrape {
    /// `http://HOST[:PORT]/PATH`.
    pub url: String,
    /// Names of metrics, or some that many servers have.
    pub take: Vec<String>,
}

impl Watch {
    /// Names of metrics that are taken, in the order of their figures.
    pub fn taken(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().flat_map(|scrape| &scrape.take).map(String::as_str)
    }
}

/// How a server's certificate is checked, and who clients say they are. The files' content, so that
/// they are read once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Certificates of authorities, as DER; empty: the system's.
    pub roots: Vec<Vec<u8>>,
    /// The client certificate, if there is one.
    pub identity: Option<Identity>,
    /// Asked for and looked for in the certificate, instead of the URL's host.
    pub server_name: Option<String>,
    /// Whether any certificate will do.
    pub insecure: bool,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// As DER, its own certificate first.
    pub chain: Vec<Vec<u8>>,
    pub key: SecretKey,
}

/// A private key as DER (PKCS #8, PKCS #1 or SEC1). It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKey(pub Vec<u8>);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A named set of rooms that cohorts share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomSet {
    pub name: String,
    pub rooms: RoomCount,
    /// With `{{ run }}` and `{{ n }}`; unused with names from a file.
    pub name_template: String,
}

/// How many rooms a set has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoomCount {
    /// Members a room (at least 1): more clients mean more rooms.
    Size(u32),
    /// A fixed number of rooms (at least 1).
    Count(u32),
    /// These rooms (at least 1).
    Names(Vec<String>),
}

/// One kind of client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cohort {
    pub name: String,
    /// At least 1.
    pub clients: u32,
    /// `None` where the protocol has no rooms to join, or for clients that join none.
    pub join: Option<Join>,
    /// `None`: only listens.
    pub publish: Option<Publish>,
    /// What its clients do besides publishing.
    pub actions: Vec<Act>,
    /// `None`: a lost client stays lost.
    pub reconnect: Option<Reconnect>,
    pub ws_ping: Option<WsPing>,
    pub churn: Option<Churn>,
    /// `None`: reads as fast as it can.
    pub read: Option<Read>,
    pub codec: CodecKind,
    /// The target's, or its own.
    pub protocol: Protocol,
    /// Every param that the protocol declares, with its value here.
    pub params: Vec<(String, String)>,
    /// What `user.COLUMN` names; `None` where there are no users.
    pub data: Option<Data>,
}

/// Users, and which client is which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    pub users: Users,
    pub order: Order,
}

/// Which client gets which row of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Client by client, and from the first row again when they run out.
    InOrder,
    /// Drawn for each client.
    Random,
    /// In order, each row at most once.
    Once,
}

/// Which rooms a client joins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// Index into [`Scenario::room_sets`].
    pub set: usize,
    /// Rooms a client, at least 1.
    pub per_client: u32,
    pub pick: Pick,
}

/// How members are spread over the rooms of a set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Pick {
    /// Rooms filled in turn: sizes differ by at most one.
    Even,
    /// Each room equally likely.
    Random,
    /// Room k (from 1) with probability proportional to 1/k^exponent (exponent over 0).
    Zipf { exponent: f64 },
}

/// What a client does besides publishing, at random.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Which of its protocol's actions.
    pub action: usize,
    /// How often each client does it, a second.
    pub rate_per_s: f64,
}

/// What a client publishes, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    pub load: Load,
    pub to: To,
    pub arrivals: Arrivals,
    pub size: Size,
    /// Share of messages sent as binary frames, 0 to 1.
    pub binary: f64,
    /// What messages say besides the mark; `None`: letters and digits.
    pub texts: Option<Texts>,
    pub body: Body,
}

/// What a message consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Text, or bytes.
    Plain,
    /// Text with an author, times and reactions beside it, in the `rooms` protocol only.
    Structured,
}

/// What drives sending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Load {
    /// Open model: messages a second of each client.
    Rate(f64),
    /// Open model: messages a second of the whole cohort.
    TotalRate(f64),
    /// Closed loop: at most this many of one's own messages on their way, and a pause after
    /// each. Its latencies hide the server's stalls, so reports label them.
    Closed { in_flight: u32, think: Duration, answer_within: Duration },
}

/// Where a publish goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum To {
    /// One of the client's rooms, in turn.
    One,
    /// Each of the client's rooms: one message a room.
    All,
    /// A room of another set in turn, which the client need not be a member of.
    Set(usize),
}

/// The arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrivals {
    /// Evenly spaced, each client at its own offset.
    Constant,
    /// Exponential gaps.
    Poisson,
}

/// Payload sizes in bytes, the stamp included, before the protocol escapes anything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Size {
    Fixed(u32),
    /// Log-normal through the median and the 99th percentile, never under `min` nor over `max`.
    Spread {
        min: u32,
        p50: u32,
        p99: u32,
        max: u32,
    },
}

/// What a lost client does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconnect {
    pub first: Duration,
    /// At least 1.
    pub factor: f64,
    pub max: Duration,
    pub jitter: Jitter,
    /// Failed attempts in a row before it gives up, at least 1.
    pub attempts: u32,
    pub while_away: WhileAway,
}

/// How a backoff delay is spread. Names after "Exponential Backoff And Jitter" (AWS, 2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// The delay as it is.
    None,
    /// Half of the delay, and up to another half.
    Equal,
    /// Anything from 0 to the delay.
    Full,
    /// Anything from `first` to three times the delay before.
    Decorrelated,
}

/// What becomes of messages that fall due while a client is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhileAway {
    /// Kept, at most 1,000 a client, and sent on return.
    Queue,
    /// Counted as not sent.
    Skip,
}

/// WebSocket pings from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WsPing {
    pub every: Duration,
    pub timeout: Duration,
}

/// People who come and go on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Churn {
    /// Share of the cohort's clients that leave and come back, a second.
    pub connections_per_s: f64,
    /// Share of the cohort's memberships that leave and rejoin, a second.
    pub rooms_per_s: f64,
    pub stay_away: Duration,
}

/// How slowly a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Frames a second, over 0.
    pub rate_per_s: f64,
    /// `SO_RCVBUF` in bytes; `None` leaves it to the system.
    pub buffer_bytes: Option<u32>,
}

/// A stretch of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub name: String,
    /// Over 0.
    pub duration: Duration,
    /// Share of each cohort's clients that are up.
    pub clients: Ramp,
    /// Share of each cohort's rate.
    pub rate: Ramp,
    /// Whether latencies and rates of messages due in it are part of the whole run's figures.
    pub measure: bool,
}

/// A level over a phase, as shares (1.0 is 100 %).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ramp {
    pub from: f64,
    pub to: f64,
    /// `None` is a straight line; `Some(n)` a staircase of n equal steps, the last at `to`.
    pub steps: Option<u32>,
}

/// Something that goes wrong on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The phase it counts from; `None` is the run's start.
    pub phase: Option<usize>,
    pub offset: Duration,
    pub kind: FaultKind,
    /// Share of all clients, 0 to 1; 0 where it is no fault of clients.
    pub clients: f64,
    /// What reports call it.
    pub label: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The client's TCP connection is reset (RST).
    Reset,
    /// The client closes with this code (1000, or 3000 to 4999).
    Close { code: u16 },
    /// The client falls silent, its socket stays open, and it dials anew.
    HalfOpen,
    /// The client stops reading for so long.
    Stall { duration: Duration },
    /// The built-in server stands still (SIGSTOP) for so long.
    Freeze { duration: Duration },
    /// The built-in server is killed (SIGKILL), and started again after so long, if at all.
    Kill { down: Option<Duration> },
    /// The built-in server ends in order (1001), and is started again after so long.
    Restart { down: Duration },
    /// Somebody else does something; what is lost within this time is put down to it.
    Mark { within: Duration },
}

impl FaultKind {
    /// The name used in scenarios and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Close { .. } => "close",
            Self::HalfOpen => "half-open",
            Self::Stall { .. } => "stall",
            Self::Freeze { .. } => "freeze",
            Self::Kill { .. } => "kill",
            Self::Restart { .. } => "restart",
            Self::Mark { .. } => "mark",
        }
    }

    /// Whether it is done to the built-in server.
    #[must_use]
    pub const fn is_of_server(self) -> bool {
        matches!(self, Self::Freeze { .. } | Self::Kill { .. } | Self::Restart { .. })
    }

    /// How long it lasts; `None` where it has no length.
    #[must_use]
    pub fn duration(mut self) -> Option<Duration> {
        self.duration_mut().copied()
    }

    /// The same, to be changed.
    pub const fn duration_mut(&mut self) -> Option<&mut Duration> {
        match self {
            Self::Stall { duration }
            | Self::Freeze { duration }
            | Self::Kill { down: Some(duration) }
            | Self::Restart { down: duration }
            | Self::Mark { within: duration } => Some(duration),
            Self::Reset | Self::Close { .. } | Self::HalfOpen | Self::Kill { down: None } => None,
        }
    }
}

/// A condition that decides the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// As written, for example `phase.spike.delivery.p99`.
    pub key: String,
    /// As written, for example `< 250ms`, without `, if any`.
    pub condition: String,
    pub cohort: Option<usize>,
    pub phase: Option<usize>,
    pub subject: Subject,
    pub comparison: Comparison,
    /// Microseconds for a time, a count for a counter, a part of 1 for a share, a number a second for a
    /// rate, bytes for memory.
    pub limit: f64,
    /// Whether a metric with no samples passes.
    pub if_any: bool,
    /// Ends the run, as a failed one, once it has failed for this long without a pause.
    pub abort_after: Option<Duration>,
    /// Whether it is a condition of uproar's own, which stands beside the scenario's.
    pub default: bool,
}

/// What a threshold looks at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    Latency(Metric, Stat),
    Count(Counter),
    /// A counter as a share of its whole; 1.0 is all of it.
    Share(Share),
    /// A count by the second.
    Rate(Rate),
    /// What the server's processes used.
    Resource(Resource),
    /// A metric that the server tells itself, by its place among those taken.
    Taken(u16, Over),
    /// How long until so many of those a fault hit were back: the slowest fault's figure.
    Recovery(Milestone),
}

impl Subject {
    /// When it can be known.
    #[must_use]
    pub const fn known(self) -> Known {
        match self {
            Self::Count(counter) => counter.known(),
            Self::Latency(_, Stat::Count | Stat::Max) => Known::Rising,
            Self::Latency(_, Stat::Min) => Known::Falling,
            Self::Latency(_, Stat::Mean | Stat::Percentile(_)) => Known::SoFar,
            // What it is a share of grows, so it may fall again.
            Self::Share(share) => match share.counter().known() {
                Known::Rising => Known::SoFar,
                known => known,
            },
            Self::Rate(Rate::Delivered) => Known::AtEnd {
                why: "until the end what was not handed over yet is missing from it",
                instead: "delivery.p99",
            },
            Self::Rate(Rate::Sent) => Known::AtEnd {
                why: "until the end what was not handed over yet is missing from it",
                instead: "not_sent.share",
            },
            Self::Resource(_) | Self::Taken(..) => Known::AtEnd {
                why: "what its server used is summed up at the end",
                instead: "delivery.p99",
            },
            Self::Recovery(_) => Known::AtEnd {
                why: "until the end more clients may turn out to be hit",
                instead: "reconnect.p99",
            },
        }
    }
}

impl Threshold {
    /// Whether a run that goes on has failed it already, if the figure is this by now: a count
    /// that only rises and still has to reach its limit has not.
    #[must_use]
    pub fn has_failed(&self, actual: f64) -> bool {
        let from_above = match self.comparison {
            Comparison::Less | Comparison::LessOrEqual => true,
            Comparison::Greater | Comparison::GreaterOrEqual => false,
            Comparison::Equal => actual > self.limit,
        };
        !self.comparison.holds(actual, self.limit)
            && match self.subject.known() {
                Known::SoFar => true,
                Known::Rising => from_above,
                Known::Falling => !from_above,
                Known::AtEnd { .. } => false,
            }
    }
}

/// How many of those a fault hit are back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Milestone {
    /// Half of them.
    To50,
    /// 99 % of them.
    To99,
    /// Every one.
    ToAll,
}

impl Milestone {
    /// Each with the name a threshold uses.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::To50, "recovery.to_50"),
        (Self::To99, "recovery.to_99"),
        (Self::ToAll, "recovery.to_all"),
    ];

    /// As a share of those hit, over 0 and at most 1.
    #[must_use]
    pub const fn share(self) -> f64 {
        match self {
            Self::To50 => 0.5,
            Self::To99 => 0.99,
            Self::ToAll => 1.0,
        }
    }
}

/// A figure of a latency metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stat {
    Min,
    Mean,
    Max,
    Count,
    /// 0 to 100, exclusive.
    Percentile(f64),
}

/// How a threshold compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Comparison {
    /// Whether `actual` compares so with `limit`.
    #[must_use]
    pub fn holds(self, actual: f64, limit: f64) -> bool {
        match self {
            Self::Less => actual < limit,
            Self::LessOrEqual => actual <= limit,
            Self::Greater => actual > limit,
            Self::GreaterOrEqual => actual >= limit,
            // Both are counts or whole microseconds.
            Self::Equal => (actual - limit).abs() < f64::EPSILON,
        }
    }
}
