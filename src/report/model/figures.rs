//! What was measured, apart from latencies: counts, groups, phases, cohorts, points in time.
//!
//! Data only; the measuring side fills it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Latency;
use crate::measure::ExampleOf;
use crate::metric::{ErrorKind, Metric, Step};

/// Simulated clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Clients {
    /// Clients the run set out to have.
    pub planned: u64,
    /// Clients that were joined in every room of theirs at least once.
    pub joined: u64,
    /// Clients that were started and never joined; those that a run ended early never started,
    /// and those that the plan sent home before they had the time, are in neither.
    pub never_joined: u64,
    /// Clients that the plan sent home before they had the time to join.
    #[serde(default)]
    pub sent_home: u64,
    /// Clients that used up their reconnect attempts.
    pub gave_up: u64,
    /// Clients that were joined, lost their connection and were not joined again when the run was
    /// over, those that gave up included. Those that the plan sent home before they could be are not.
    #[serde(default)]
    pub not_back: u64,
    /// Clients of a closed loop that spent more than half of the time in which they were joined with
    /// all their places taken by messages that were never answered.
    #[serde(default)]
    pub stood_still: u64,
    /// The most that were joined at once.
    pub peak: u64,
    /// Clients joined when the drain began.
    pub at_end: u64,
}

/// Connections; a client that comes back opens another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connections {
    /// Dials.
    pub attempted: u64,
    /// Dials that ended in an upgraded connection.
    pub opened: u64,
    /// Attempts that ended before the client was joined.
    pub failed: u64,
    /// Open connections that ended before the client wanted it, faults included.
    pub lost: u64,
    /// Those of them that nothing in the plan explains: no fault, and no mark shortly before. `null` in
    /// reports of before it was counted.
    #[serde(default)]
    pub broken: Option<u64>,
    /// Lost connections whose client joined again.
    pub reconnected: u64,
}

/// Messages the plan wanted sent: `due = sent + not_sent`. Where every cohort's protocol
/// acknowledges, `sent = acked + rejected + unacked`; where none does these are `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Publishes {
    /// Messages that fell due.
    pub due: u64,
    /// Written to a socket.
    pub sent: u64,
    /// Never written: the client was away for too long or skipped them.
    pub not_sent: u64,
    /// The server said that it has them.
    #[serde(default)]
    pub acked: Option<u64>,
    /// The server refused them: nobody was expected to hear them.
    #[serde(default)]
    pub rejected: Option<u64>,
    /// Written, and never answered: of cohorts whose protocol acknowledges.
    #[serde(default)]
    pub unacked: Option<u64>,
    /// Acknowledgements and refusals of no message that waited for one: of an id that nobody published
    /// under on that connection, or a further one of the same message. Where `ack` is written too
    /// broadly it takes frames that are something else.
    #[serde(default)]
    pub acks_unknown: Option<u64>,
}

/// What clients did besides publishing, such as telling that they type: `due = sent + not_sent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Actions {
    /// Written to a socket.
    pub sent: u64,
    /// Never written: the client was away, in none of its rooms, or its socket full.
    pub not_sent: u64,
}

/// The ledger, one entry a message and recipient: `expected = delivered + lost`. A figure that
/// the target's protocol can't show is `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Deliveries {
    /// What had to arrive, and whatever arrived at a member.
    pub expected: Option<u64>,
    /// Arrived where it was expected.
    pub delivered: u64,
    /// Expected, and never arrived.
    pub lost: Option<u64>,
    /// Lost, although the server had acknowledged the message; part of `lost`.
    #[serde(default)]
    pub acked_lost: Option<u64>,
    /// Arrived again.
    pub duplicated: Option<u64>,
    /// Arrived after a later message of the same publisher and room.
    pub reordered: Option<u64>,
    /// Arrived with a payload other than the one sent.
    pub corrupted: Option<u64>,
    /// Published while the recipient was away, and never arrived; not part of `expected`.
    pub missed_away: Option<u64>,
    /// Published before the recipient joined or while it was away, and arrived all the same; not
    /// part of `expected`.
    pub replayed: Option<u64>,
    /// Published so shortly before a failure, the recipient's or the publisher's own, that nobody can say.
    pub uncertain: Option<u64>,
    /// Published while the recipient was joining, or shortly before and arrived all the same: it need not
    /// have been a member yet. Not part of `expected`. `null` in reports that counted it as `uncertain`.
    #[serde(default)]
    pub joining: Option<u64>,
    /// Published so shortly before the plan ended the recipient's stay (it left, was sent home, or a
    /// fault of the plan took its connection) that it may still have been on its way; not part of
    /// `expected`. `null` in reports that counted it as `uncertain`.
    #[serde(default)]
    pub cut_off: Option<u64>,
    /// Published so shortly before the run stopped listening that it may still have been on its way;
    /// not part of `expected`. `null` in reports that did not tell it from `lost`.
    #[serde(default)]
    pub unfinished: Option<u64>,
    /// Arrived at a client that had left the room or never was in it, or that it was not for.
    pub unexpected: Option<u64>,
    /// Stamped by another run.
    pub foreign: Option<u64>,
    /// Arrived after its message was settled; moved from lost to delivered.
    pub late: Option<u64>,
}

/// What a feed's sequence numbers and times could not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FeedFigures {
    /// Events whose sequence number was missing or can't be read: whether any between them was lost
    /// isn't known.
    pub unnumbered: u64,
    /// How often a connection's numbering began anew, 64 or more below its highest: what was lost
    /// between the two numberings isn't known.
    pub renumbered: u64,
    /// Numberings (`sequence.per`) forgotten because a connection had more than 2,000: what was lost
    /// of them afterwards isn't known.
    pub forgotten: u64,
    /// Events whose time (`sent_at`) was missing, can't be read, or is ten years and more from ours.
    pub untimed: u64,
    /// The step of the server's clock, microseconds: all its times are multiples of 1 s, 100, 10 or
    /// 1 ms. `null` where it is finer, or with fewer than 10 times.
    pub clock_step_us: Option<u64>,
}

/// Frames received, by what they were taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frames {
    /// Carried a stamp.
    pub delivery: u64,
    /// Answered a step: joined, left.
    pub step: u64,
    /// Acknowledged a message.
    #[serde(default)]
    pub ack: u64,
    /// Asked for a reply.
    #[serde(default)]
    pub reply: u64,
    /// To be ignored by the protocol; `examples` has them by name.
    #[serde(default)]
    pub ignored: u64,
    /// WebSocket pings and pongs received.
    pub heartbeat: u64,
    /// Pushed by a feed.
    pub push: u64,
    /// Errors of the protocol.
    pub error: u64,
    /// None of these.
    pub unmatched: u64,
}

/// What arrived, with one example of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Example {
    /// `unmatched`, `error`, `step`, `ack`, `reply` or `ignored`, as in `frames`; or `corrupted`, as
    /// in `deliveries`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub of: ExampleOf,
    /// The name of frames to ignore; `null` for everything else.
    pub name: Option<String>,
    /// How many.
    pub count: u64,
    /// Seconds from the start to the first.
    pub first_s: f64,
    /// The first one, at most 240 characters; of a corrupted delivery, what stood around its mark.
    pub example: String,
}

/// What a rule of a protocol file took: its `ack`, a `[[reply]]`, an `[[ignore]]`, or `when` of its
/// `[delivery]`. The cohorts that have the same one are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleFigures {
    /// The protocol's name.
    pub protocol: String,
    /// The rule, as the file has it.
    pub rule: String,
    /// Its matcher in words, at most 240 characters.
    pub when: String,
    /// Frames that it took. 0: there were none of that kind, or a rule before it took them.
    pub frames: u64,
}

/// Bytes on the clients' sockets, framing and handshakes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bytes {
    /// Written by clients.
    pub sent: u64,
    /// Read by clients.
    pub received: u64,
}

/// Connections that ended alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CloseGroup {
    /// The WebSocket close code; `null` for a connection that ended without a close frame.
    pub code: Option<u16>,
    /// The server's words, shortened; empty where it gave none.
    pub reason: String,
    /// Who ended it.
    pub by: Side,
    /// How many.
    pub count: u64,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// uproar, by plan or by fault.
    Client,
    /// The server under test, or something on the way.
    Server,
}

/// Errors of one kind and detail, at one step, in one cohort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ErrorGroup {
    /// From a closed list.
    #[cfg_attr(test, schemars(with = "String"))]
    pub kind: ErrorKind,
    /// Which of its kind: the status of `http_status`, the close code of `closed` (1005 where the
    /// frame had none), `open_files`, `ports` or `memory` of `local_limit`. `null` for other kinds,
    /// and for those past the 64 details that are told apart.
    pub detail: Option<String>,
    /// Where in a client's life.
    #[cfg_attr(test, schemars(with = "String"))]
    pub step: Step,
    /// Name of the cohort.
    pub cohort: String,
    /// How many.
    pub count: u64,
    /// Seconds from the start to the first.
    pub first_s: f64,
    /// Seconds from the start to the last.
    pub last_s: f64,
    /// The first one's words, shortened; may quote the server.
    pub example: String,
}

/// A fault, a mark, or an outage that nobody ordered, and how clients came back from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FaultOutcome {
    /// Seconds from the start.
    pub at_s: f64,
    /// As in the scenario: `reset`, `close`, `half-open`, `stall`, `freeze`, `kill`, `restart`,
    /// `mark`; or `outage`, which nobody ordered: over 10 % of the clients lost within a second.
    pub kind: String,
    /// Its label in the scenario.
    #[serde(default)]
    pub label: Option<String>,
    /// Seconds that it lasts by the scenario; `null` where it has no length.
    #[serde(default)]
    pub duration_s: Option<f64>,
    /// Clients whose connection it broke; of a stall or freeze, clients it held up.
    pub hit: u64,
    /// Those that joined again; of a stall or freeze, those that heard something sent after it.
    pub back: u64,
    /// Those that the plan sent home before they could be back; the times below are of the others.
    #[serde(default)]
    pub sent_home: u64,
    /// Seconds until half of the others were back; `null` if never.
    pub to_50_s: Option<f64>,
    /// Seconds until 99 % of the others were back; `null` if never.
    pub to_99_s: Option<f64>,
    /// Seconds until all of the others were back; `null` if never.
    pub to_all_s: Option<f64>,
    /// Deliveries that those hit missed while away.
    pub missed_away: Option<u64>,
    /// Deliveries lost to those hit.
    pub lost: Option<u64>,
}

/// One phase. A delivery belongs to the phase its message was due in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseFigures {
    /// As in the scenario.
    pub name: String,
    /// Seconds from the start of the run.
    pub start_s: f64,
    /// Seconds.
    pub duration_s: f64,
    /// Whether it is part of the run's latencies and rates.
    pub measured: bool,
    /// Messages sent a second, on average.
    pub publishes_per_s: f64,
    /// Deliveries a second, on average.
    pub deliveries_per_s: f64,
    /// Its part of the ledger.
    pub deliveries: Deliveries,
    /// From due, without the histogram; `null` without samples.
    pub delivery: Option<Latency>,
    /// From sent, without the histogram; `null` without samples.
    pub delivery_from_sent: Option<Latency>,
}

/// One cohort. A delivery belongs to the receiver's cohort.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CohortFigures {
    /// As in the scenario.
    pub name: String,
    /// Clients planned.
    pub clients: u64,
    /// Name of its codec.
    pub codec: String,
    /// Its part of the ledger.
    pub deliveries: Deliveries,
    /// By metric, without the histograms.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Latency>"))]
    pub latency: BTreeMap<Metric, Latency>,
}

/// Messages of measured phases that a like number of recipients heard: how much of their latency
/// is the server walking its list. Messages that fewer than two heard are left out, and so is
/// whoever never heard one. An arrival's time is late by at most a `turn`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpreadFigures {
    /// The smallest number of recipients here.
    pub recipients_from: u64,
    /// The largest number here; the last bucket, which ends at 1,000,000, holds larger ones too.
    pub recipients_to: u64,
    /// Messages.
    pub messages: u64,
    /// From sent to the first recipient, without the histogram.
    pub first: Latency,
    /// From sent to the last recipient, without the histogram.
    pub last: Latency,
    /// From the first recipient to the last, without the histogram.
    pub spread: Latency,
}

/// A stretch of the run, by the time things were recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SeriesPoint {
    /// Seconds from the start of the run to the start of this stretch.
    pub t_s: f64,
    /// Length of this stretch, seconds.
    pub width_s: f64,
    /// Start of this stretch, Unix time in milliseconds.
    pub unix_ms: i64,
    /// Name of the phase; empty in the drain.
    pub phase: String,
    /// Clients joined at its end.
    pub clients_up: u64,
    /// Messages sent.
    pub publishes: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Errors of any kind.
    pub errors: u64,
    /// From due, microseconds; `null` without enough samples.
    pub delivery_p50_us: Option<u64>,
    /// From due, microseconds; `null` without enough samples.
    pub delivery_p99_us: Option<u64>,
    /// From sent, microseconds; `null` without enough samples.
    pub delivery_from_sent_p50_us: Option<u64>,
    /// From sent, microseconds; `null` without enough samples.
    pub delivery_from_sent_p99_us: Option<u64>,
    /// The generator's own lateness, microseconds; `null` without enough samples.
    pub lag_p99_us: Option<u64>,
    /// All of delivery from due: a histogram of two digits, V2 with deflate, in base64; `null`
    /// without samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_hdr: Option<String>,
    /// What was broken on purpose in this stretch.
    pub faults: Vec<String>,
}

/// How much of the run the ledger followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LedgerScope {
    /// Clients whose deliveries were accounted for.
    pub receivers_followed: u64,
    /// The same as a share of all receivers; 1.0 is all.
    pub share: f64,
    /// How long a message may have been on its way, seconds: so close to a leave or failure it is
    /// uncertain, and so close to the end unfinished. It follows the latency that was seen; this is
    /// the largest.
    pub window_s: f64,
}

/// A bound of our own that took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LimitHit {
    /// The bound, with its value: `1,000 messages kept for a client that is away`.
    pub limit: String,
    /// How often.
    pub count: u64,
    /// What became of what was over it: `counted as not sent`.
    pub effect: String,
}
