//! The scenario file as it is written: every table, its keys, their defaults, and what they mean.
//!
//! The doc comments on keys are shown to users by `uproar schema` and by editors that use it.
//! Rules between keys are `check`'s.

use std::net::IpAddr;
use std::time::Duration;

use super::keys::keys;
use super::limits::Thresholds;
use super::model::{Arrivals, Body, Grow, Jitter, Order, WhileAway};
use super::protocol_file::Params;
use super::unions::{DataOr, ReconnectOr, SizeOr};
use super::values::{
    Bytes, Choice, Choices, Format, Headers, Levels, List, Name, Named, Percent, Rate, ShareRate,
    Whole,
};
use crate::codec::CodecKind;
use crate::protocol::ProtocolKind;

/// The name of rooms that are given none.
pub(super) const DEFAULT_ROOM_NAME: &str = "uproar-{{ run }}-{{ n }}";
/// Largest number that keeps every later sum far from overflow.
const MILLION: i64 = 1_000_000;

keys! {
    /// A scenario: who is simulated, what they do against which server, what goes wrong, and
    /// what decides the verdict.
    struct File at "" {
        /// The format of this file. This version reads 1.
        format (required): Format,
        /// Names the run and its report folder: letters, digits, `-` and `_`, at most 40.
        name (required): Name,
        /// The question the run answers, shown above its result.
        question: String = "",
        /// Decides everything random in the plan: the same seed gives the same plan. From 0.
        seed: Whole<0, { i64::MAX }> = 0,
        /// The server under test.
        target (required): Target,
        /// Sets of rooms by name; cohorts that join the same set share its rooms.
        rooms: Named<Rooms>,
        /// The kinds of clients. At least one; several run side by side.
        cohort (required): List<Cohort>,
        /// The stretches of the run, one after the other. At least one; at most 72 h in all.
        phase (required): List<Phase>,
        /// What goes wrong on purpose.
        fault: List<Fault>,
        /// What decides the verdict: a figure, and the condition it must meet. The key is
        /// `[cohort.NAME.][phase.NAME.]METRIC[.STAT]`, for example "delivery.p99", "lost",
        /// "lost.share" or "delivered.rate". Conditions of uproar's own stand beside them; "off"
        /// switches one of those off.
        thresholds: Thresholds,
        /// How much a figure may change from earlier runs (`--baseline`, `compare`): for example
        /// "delivery.p99" = "10%, 2ms", which matters if it is larger than both. Left out:
        /// delivery.p50 at "10%, 20us" and delivery.p99 at "10%, 2ms".
        baseline: Params,
        /// What `uproar capacity` searches for. Left out: its defaults.
        capacity: Capacity,
    }
}

keys! {
    /// A search for the highest load that the server carries: the highest at which enough runs of this
    /// scenario pass.
    struct Capacity at "capacity" {
        /// What grows: `clients`, with rooms of a `size` as large as they are and each client's rate as it
        /// is, or `rate`, what they publish.
        grow: Choice<Grow> = "clients",
        /// The first and lowest load: clients, or with `grow = "rate"` messages a second of all together.
        /// Left out: an eighth of the scenario's.
        from: Whole<1, MILLION>,
        /// The highest load. Left out: what this machine can hold.
        to: Whole<1, MILLION>,
        /// How wide the interval in the answer may be, as a share of it. 6 % to 100 %.
        within: Percent = "15%",
        /// The share of runs that have to pass at a load that is carried. 50 % to 95 %.
        chance: Percent = "80%",
        /// Runs at most. 4 to 200.
        trials: Whole<4, 200> = 40,
        /// Time at most: no run is begun that would end after it. Over 0.
        time: Duration = "20m",
        /// The load that has to be carried: less fails.
        at_least: Whole<1, MILLION>,
        /// A command that makes the server as it was, for when it doesn't recover by itself: a program and
        /// its arguments, run where `uproar` was started.
        restore: List<String>,
    }
}

keys! {
    /// The server under test and how to reach it: `builtin`, or `url` with `protocol`.
    struct Target at "target" {
        /// Starts the built-in server in this mode and tests it. Excludes `url`.
        builtin: Choice<ProtocolKind>,
        /// With `builtin`: the server delivers no more than this in all, for example "20000/s", and what is
        /// asked for beyond waits. Left out: as much as it can.
        serves: Rate,
        /// The server's WebSocket address, for example "ws://chat.test:8080/ws", or "wss://..."
        /// with TLS. Needs `protocol`.
        url: String,
        /// How the server at `url` speaks: the name of a protocol that is built in (see `uproar
        /// protocols`), or a protocol file, relative to this file.
        protocol: String,
        /// Values for what the protocol file declares under `[params]`.
        params: Params,
        /// How messages are encoded, for cohorts that name no codec of their own.
        codec: Choice<CodecKind> = "json",
        /// `true` decodes every delivery by its receiver's codec, as an application would, and takes
        /// the time after that as its arrival. Left out: only uproar's mark is looked for, so that
        /// figures hold as little of the client's own work as can be. For comparing codecs, with the
        /// protocol `rooms`.
        decode: bool = false,
        /// Longest time for TCP, TLS and the WebSocket upgrade together, and for the run's one name
        /// lookup. Over 0.
        connect_timeout: Duration = "10s",
        /// Longest time from a join to its confirmation. Over 0.
        join_timeout: Duration = "10s",
        /// Longest wait at the end for messages still on their way.
        drain_timeout: Duration = "5s",
        /// The largest message that is taken from the server: 1 KiB to 1 GiB. Left out: four times the
        /// largest that clients send, and at least 1 MiB.
        max_message: Bytes,
        /// Headers sent with the upgrade request: a value, or a list of values for a header that
        /// is sent several times. Cookies are a header.
        headers: Headers,
        /// Subprotocols offered with the upgrade, in this order, beside the protocol's own.
        subprotocols: List<String>,
        /// How TLS is done with a server at a `wss://` URL. Left out: its certificate is checked
        /// against the authorities that this machine trusts.
        tls: Tls,
        /// Addresses of this machine to connect from, in turn. One address has about 28,000 ports
        /// for one server; more clients need more addresses.
        source_addresses: List<IpAddr>,
        /// Hosts that may get more than 10 clients although they are neither this machine nor in
        /// a private network.
        allow_host: List<String>,
        /// What of the server's machine is looked at while the run goes on: CPU, memory and more beside
        /// the latencies. The built-in server is looked at without it.
        watch: Watch,
    }
}

keys! {
    /// Which processes of this machine are the server's, and which pages it tells its own metrics on. At
    /// most one of `pid`, `pid_file`, `port` and `cgroup`.
    struct Watch at "target.watch" {
        /// The number of the server's process; those that it started are looked at too.
        pid: Whole<1, { i32::MAX as i64 }>,
        /// A file that holds that number, from where `uproar` is started. It is read again when the
        /// process is gone.
        pid_file: String,
        /// The TCP port on which the server listens on this machine: whoever listens there, also after a
        /// restart, and the processes that it started. `0` is the port of `target.url`.
        port: Whole<0, 65_535>,
        /// The folder of a control group, such as a container's: "/sys/fs/cgroup/system.slice/chat.service".
        cgroup: String,
        /// Pages of metrics in Prometheus's text format, read once a second.
        metrics: List<Scrape>,
    }
}

keys! {
    /// A page of metrics.
    struct Scrape at "target.watch.metrics" {
        /// Its address: "http://127.0.0.1:9100/metrics".
        url (required): String,
        /// Names of metrics on it, at most 32. Counters are told by the second; of a name with several
        /// series, counters are summed and of others the largest is taken. Left out: those of a list of
        /// well-known ones that are there, such as process_resident_memory_bytes.
        take: List<String>,
    }
}

keys! {
    /// How TLS is done. Files are PEM, at most 1 MiB, relative to the scenario file.
    struct Tls at "tls" {
        /// A file with the certificates of the authorities to trust, instead of this machine's.
        ca: String,
        /// A file with the certificate that clients show, and those that lead to its authority.
        /// Needs `key`.
        cert: String,
        /// A file with that certificate's private key, without a passphrase.
        key: String,
        /// The name to ask for and to look for in the server's certificate, instead of the URL's
        /// host.
        server_name: String,
        /// `true` takes any certificate: whoever answers may be somebody else. Reports say so.
        insecure: bool = false,
    }
}

keys! {
    /// A set of rooms: exactly one of `size`, `count` and `names`.
    struct Rooms at "rooms" {
        /// Members a room: more clients mean more rooms, of which the last may be smaller. 1 to 1,000,000.
        size: Whole<1, MILLION>,
        /// A fixed number of rooms. 1 to 1,000,000.
        count: Whole<1, MILLION>,
        /// A file with one room name a line, relative to the scenario file.
        names: String,
        /// The rooms' names: `{{ n }}` is the room's number and `{{ run }}` this run's own id,
        /// which keeps a test out of rooms where real people are.
        name: String = DEFAULT_ROOM_NAME,
    }
}

keys! {
    /// One kind of client.
    struct Cohort at "cohort" {
        /// The cohort's name in reports and thresholds.
        name (required): Name,
        /// How many clients. 1 to 1,000,000.
        clients (required): Whole<1, MILLION>,
        /// Which rooms each client joins.
        join: JoinRooms,
        /// What each client publishes. Left out: it only listens.
        publish: Publish,
        /// How often each client does what the protocol file declares as `[[action]]`, at random, in
        /// one of its rooms in turn: for example { typing = "6/min" }.
        actions: Named<Rate>,
        /// How a lost client comes back: a table, `true` for its defaults, or `false`: it stays
        /// lost.
        reconnect: ReconnectOr = true,
        /// WebSocket pings from the client. Left out: none.
        ws_ping: WsPing,
        /// People who come and go on purpose. Left out: nobody does.
        churn: Churn,
        /// Makes slow consumers: clients that read slowly. Left out: they read as fast as they can.
        read: Read,
        /// The codec of this cohort. Left out: the target's.
        codec: Choice<CodecKind>,
        /// How this cohort speaks, if otherwise than the target's `protocol` has it: a name or a
        /// file.
        protocol: String,
        /// Values for what this cohort's protocol file declares under `[params]`; the others are
        /// the target's.
        params: Params,
        /// Users, one for each client: a CSV file with a head row or a file of JSON lines,
        /// relative to this file, or a table of `file` and `order`. Named as `{{ user.COLUMN }}`.
        data: DataOr,
    }
}

keys! {
    /// Which rooms a client joins.
    struct JoinRooms at "join" {
        /// The name of a set of rooms.
        rooms (required): String,
        /// Rooms a client. 1 to 10,000.
        per_client: Whole<1, 10_000> = 1,
        /// How members are spread over the rooms: `even` fills them in turn, `random` takes each
        /// with the same chance, `zipf` makes a few large and most small.
        pick: Choice<PickName> = "even",
        /// With `zipf`: room k is chosen with a chance proportional to 1/k^exponent. Over 0, at
        /// most 10; 1.0 when left out.
        exponent: f64 = 1.0,
    }
}

keys! {
    /// What a client publishes, and when: exactly one of `rate`, `total_rate` and `in_flight`.
    struct Publish at "publish" {
        /// Messages of each client, for example "1/s", whatever the server does.
        rate: Rate,
        /// Messages of the whole cohort, for example "1000/s", whatever the server does.
        total_rate: Rate,
        /// Closed loop: at most this many of a client's own messages on their way. 1 to 1,000.
        /// Its latencies hide the server's stalls, and reports say so.
        in_flight: Whole<1, 1000>,
        /// Closed loop: the pause after each of one's own messages came back.
        think: Duration = "0s",
        /// Closed loop: how long a message holds its place without an answer, which is its own copy, or
        /// its acknowledgement where no copy comes. Then the next one is due. Over 0.
        answer_within: Duration = "10s",
        /// Where a message goes: `one` of the client's rooms in turn, `all` of them, or the name
        /// of a set of rooms.
        to: String = "one",
        /// When messages are due: `poisson` at random, `constant` evenly spaced, each client at
        /// its own offset.
        arrivals: Choice<Arrivals> = "poisson",
        /// The size of a message's content, uproar's mark included, before the protocol escapes
        /// anything: from 52 B to just under 16 MiB, or a table of `min`, `p50` and `p99`. With
        /// `text` or `lines` it is what those need when left out, and a message is never cut.
        size: SizeOr = "128B",
        /// What messages say: uproar's mark goes where `{{ payload }}` stands, or else behind it. Left
        /// out: letters and digits, which no server changes. A server that trims, cuts or encodes
        /// what people say has its deliveries counted as corrupted, with an example.
        text: String,
        /// The same from a file with one text a line, relative to the scenario file; messages take
        /// them in turn. At most 16 MiB.
        lines: String,
        /// How many of the messages are binary frames. 0 % to 100 %.
        binary: Percent = "0%",
        /// What a message consists of: `plain` is one text, `structured` has an author, times and
        /// reactions beside the text, as chat applications send them, and `size` counts them all.
        /// Structured messages are of the protocol `rooms`, and have at least 128 B.
        body: Choice<Body> = "plain",
    }
}

keys! {
    /// WebSocket pings from the client.
    struct WsPing at "ws_ping" {
        /// The time between two pings. Over 0.
        every: Duration = "15s",
        /// A connection whose pong takes longer counts as lost. Over 0.
        timeout: Duration = "5s",
    }
}

keys! {
    /// People who come and go on purpose: `connections`, `rooms`, or both.
    struct Churn at "churn" {
        /// The share of the cohort's clients that leave and come back, for example "5%/min".
        connections: ShareRate = "0%/min",
        /// The share of the cohort's memberships that leave their room and join it again.
        rooms: ShareRate = "0%/min",
        /// How long they stay away.
        stay_away: Duration = "2s",
    }
}

keys! {
    /// Clients that read slowly, once they are joined. What they have not read when the run ends
    /// they read on the way out, and it counts as late.
    struct Read at "read" {
        /// Frames that a client takes from its connection at most, for example "5/s".
        rate (required): Rate,
        /// The size of the socket's receive buffer, which holds what is not read yet: 4 KiB to
        /// 16 MiB. Left out: the system's, which takes megabytes before a server notices anything.
        buffer: Bytes,
    }
}

keys! {
    /// A stretch of the run.
    struct Phase at "phase" {
        /// The phase's name in reports and thresholds.
        name (required): Name,
        /// How long it lasts. Over 0.
        duration (required): Duration,
        /// How many of each cohort's clients are up: a level, or a ramp such as "0% -> 100%". At
        /// most 100 %.
        clients: Levels = "100%",
        /// How much of each cohort's rate is sent: a level, or a ramp such as "100% -> 300%". At
        /// most 100,000 %.
        rate: Levels = "100%",
        /// Makes each ramp of this phase a staircase of so many equal steps. 1 to 1,000.
        steps: Whole<1, 1000>,
        /// `false` leaves latencies and rates of messages due in this phase out of the whole run's
        /// figures; connects, joins, errors and losses count from the first second.
        measure: bool = true,
    }
}

keys! {
    /// Something that goes wrong on purpose.
    struct Fault at "fault" {
        /// When: after a phase began, as in "steady + 10s", or from the run's start, as in "20s".
        at (required): String,
        /// What. Of clients: `reset` cuts their TCP connections, `close` closes them properly,
        /// `half-open` leaves them open without a word and dials anew, `stall` stops reading for
        /// `duration`. Of the built-in server: `freeze` stops it for `duration`, `kill` ends it
        /// without a word, `restart` ends it in order and starts it again. `mark` does nothing:
        /// it names a moment at which somebody else does something.
        kind (required): Choice<FaultName>,
        /// The share of all clients it hits, for a fault of clients. Over 0 %, at most 100 %.
        clients: Percent,
        /// With `close`: the code that clients send, 1000 or 3000 to 4999; 1000 when left out.
        code: Whole<0, 65_535> = 1000,
        /// With `stall` and `freeze`: how long. With `restart`: how long the server stays away, 1 s
        /// when left out. With `kill`: the same; left out, it does not come back. With `mark`:
        /// connections lost within this time are put down to it, 10 s when left out. Over 0.
        duration: Duration,
        /// What reports call it. A `mark` needs one.
        label: String,
    }
}

impl Choices for ProtocolKind {
    const WHAT: &'static str = "mode";
    const ALL: &'static [(&'static str, Self)] = &[
        (Self::Rooms.name(), Self::Rooms),
        (Self::Echo.name(), Self::Echo),
        (Self::Broadcast.name(), Self::Broadcast),
        (Self::Feed.name(), Self::Feed),
    ];
}

impl Choices for CodecKind {
    const WHAT: &'static str = "codec";
    const ALL: &'static [(&'static str, Self)] = &Self::NAMED;
}

/// The word for how members are spread; `exponent` stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PickName {
    Even,
    Random,
    Zipf,
}

impl Choices for PickName {
    const WHAT: &'static str = "way to pick rooms";
    const ALL: &'static [(&'static str, Self)] =
        &[("even", Self::Even), ("random", Self::Random), ("zipf", Self::Zipf)];
}

/// The word for what goes wrong; the other keys stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultName {
    Reset,
    Close,
    HalfOpen,
    Stall,
    Freeze,
    Kill,
    Restart,
    Mark,
}

impl Choices for FaultName {
    const WHAT: &'static str = "kind of fault";
    const ALL: &'static [(&'static str, Self)] = &[
        ("reset", Self::Reset),
        ("close", Self::Close),
        ("half-open", Self::HalfOpen),
        ("stall", Self::Stall),
        ("freeze", Self::Freeze),
        ("kill", Self::Kill),
        ("restart", Self::Restart),
        ("mark", Self::Mark),
    ];
}

impl Choices for Grow {
    const WHAT: &'static str = "way to grow";
    const ALL: &'static [(&'static str, Self)] =
        &[("clients", Self::Clients), ("rate", Self::Rate)];
}

impl Choices for Arrivals {
    const WHAT: &'static str = "arrival process";
    const ALL: &'static [(&'static str, Self)] =
        &[("poisson", Self::Poisson), ("constant", Self::Constant)];
}

impl Choices for Body {
    const WHAT: &'static str = "kind of message";
    const ALL: &'static [(&'static str, Self)] =
        &[("plain", Self::Plain), ("structured", Self::Structured)];
}

impl Choices for Order {
    const WHAT: &'static str = "order";
    const ALL: &'static [(&'static str, Self)] =
        &[("in-order", Self::InOrder), ("random", Self::Random), ("once", Self::Once)];
}

impl Choices for Jitter {
    const WHAT: &'static str = "jitter";
    const ALL: &'static [(&'static str, Self)] = &[
        ("full", Self::Full),
        ("none", Self::None),
        ("equal", Self::Equal),
        ("decorrelated", Self::Decorrelated),
    ];
}

impl Choices for WhileAway {
    const WHAT: &'static str = "way to wait";
    const ALL: &'static [(&'static str, Self)] = &[("queue", Self::Queue), ("skip", Self::Skip)];
}
