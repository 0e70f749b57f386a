//! Names of what is measured: latency metrics, counters, and the closed taxonomy of errors.
//!
//! Names only. Nothing here measures, and nothing here formats for a person; every other module
//! refers to a figure through these enums, so that a threshold, a report field and a
//! column in the summary can't drift apart.

mod resource;
mod share;

use serde::{Deserialize, Serialize};

pub use resource::{Over, Resource, ResourceUnit, TARGET};
pub use share::{Rate, Share, Whole};

/// A latency metric. Every sample is a count of microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Metric {
    /// Due to received, one sample for every recipient of every message.
    Delivery,
    /// Sent to received, one sample for every recipient of every message.
    DeliveryFromSent,
    /// Sent to received for the sender's own copy; those samples are in `Delivery` too.
    OwnCopy,
    /// First to last recipient of one message.
    Spread,
    /// Due to acknowledged by the server.
    Ack,
    /// Sent to acknowledged by the server.
    AckFromSent,
    /// Due to released: the generator's own lateness.
    Lag,
    /// Released to sent: away, joining, or pushed back by the socket.
    Held,
    /// How long a worker ran without parking: the bound on the error of an arrival's time.
    Turn,
    /// Logging in over HTTP, before the dial of the WebSocket.
    Login,
    /// Dial to the end of the WebSocket upgrade.
    Connect,
    /// The lookup of the host's name, once a run and before any `Connect`.
    ConnectLookup,
    /// TCP handshake, part of `Connect`.
    ConnectTcp,
    /// TLS handshake, part of `Connect`. Only where TLS is used.
    ConnectTls,
    /// HTTP upgrade, part of `Connect`.
    ConnectUpgrade,
    /// Join written to join confirmed, one sample a room.
    Join,
    /// Dial to joined in every room.
    Ready,
    /// WebSocket ping to its pong.
    WsPing,
    /// Failure seen to joined again.
    Reconnect,
    /// Failure seen to the first message heard again.
    Outage,
    /// Joined again to received, of messages sent while the receiver was away.
    Replay,
    /// The server's own timestamp to received, by the server's clock (feeds).
    Push,
    /// Time between two pushes as one receiver sees them (feeds).
    Interval,
}

impl Metric {
    /// Every metric, in the order reports show them.
    pub const ALL: [Self; 23] = [
        Self::Delivery,
        Self::DeliveryFromSent,
        Self::OwnCopy,
        Self::Spread,
        Self::Ack,
        Self::AckFromSent,
        Self::Lag,
        Self::Held,
        Self::Turn,
        Self::Login,
        Self::Connect,
        Self::ConnectLookup,
        Self::ConnectTcp,
        Self::ConnectTls,
        Self::ConnectUpgrade,
        Self::Join,
        Self::Ready,
        Self::WsPing,
        Self::Reconnect,
        Self::Outage,
        Self::Replay,
        Self::Push,
        Self::Interval,
    ];

    /// How many metrics there are; the length of a per-metric table.
    pub const COUNT: usize = Self::ALL.len();

    /// The name used in threshold keys and in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::DeliveryFromSent => "delivery_from_sent",
            Self::OwnCopy => "own_copy",
            Self::Spread => "spread",
            Self::Ack => "ack",
            Self::AckFromSent => "ack_from_sent",
            Self::Lag => "lag",
            Self::Held => "held",
            Self::Turn => "turn",
            Self::Login => "login",
            Self::Connect => "connect",
            Self::ConnectLookup => "connect_lookup",
            Self::ConnectTcp => "connect_tcp",
            Self::ConnectTls => "connect_tls",
            Self::ConnectUpgrade => "connect_upgrade",
            Self::Join => "join",
            Self::Ready => "ready",
            Self::WsPing => "ws_ping",
            Self::Reconnect => "reconnect",
            Self::Outage => "outage",
            Self::Replay => "replay",
            Self::Push => "push",
            Self::Interval => "interval",
        }
    }

    /// What a person reads in the first column of a table.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Delivery => "delivery, from due",
            Self::DeliveryFromSent => "delivery, from sent",
            Self::OwnCopy => "own copy, from sent",
            Self::Spread => "first to last in room",
            Self::Ack => "acked, from due",
            Self::AckFromSent => "acked, from sent",
            Self::Lag => "left late (lag)",
            Self::Held => "held before sending",
            Self::Turn => "worker's turn",
            Self::Login => "login over HTTP",
            Self::Connect => "connect",
            Self::ConnectLookup => "name lookup, once",
            Self::ConnectTcp => "connect: TCP",
            Self::ConnectTls => "connect: TLS",
            Self::ConnectUpgrade => "connect: upgrade",
            Self::Join => "join",
            Self::Ready => "dial to joined",
            Self::WsPing => "WebSocket ping",
            Self::Reconnect => "failure to joined again",
            Self::Outage => "failure to next message",
            Self::Replay => "replayed, from return",
            Self::Push => "push, server's clock",
            Self::Interval => "between pushes",
        }
    }

    /// What the figure is, in a phrase.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Delivery => {
                "from due, when the plan wanted the message sent, until a recipient had it: lag + held + from sent"
            }
            Self::DeliveryFromSent => "from sent, just before the write, until a recipient had it",
            Self::OwnCopy => {
                "from sent until the author's own copy came back; also part of delivery"
            }
            Self::Spread => "between the first and the last recipient of one message",
            Self::Ack => {
                "from due, when the plan wanted the message sent, until the server acknowledged it"
            }
            Self::AckFromSent => {
                "from sent, just before the write, until the server acknowledged it"
            }
            Self::Lag => {
                "from due until uproar handed the message to its client: uproar's own lateness, not the server's"
            }
            Self::Held => {
                "from handed over until sent: the client was away, joining, or pushed back by its socket"
            }
            Self::Turn => {
                "how long a worker ran before it looked at its sockets again: an arrival is read late by at most this"
            }
            Self::Login => "logging in over HTTP, before the dial of the WebSocket",
            Self::Connect => {
                "the TCP handshake, the TLS handshake if any, and the upgrade together"
            }
            Self::ConnectLookup => "looking up the host's name, once a run",
            Self::ConnectTcp => "the TCP handshake",
            Self::ConnectTls => "the TLS handshake, in full on every connection",
            Self::ConnectUpgrade => "the HTTP upgrade to WebSocket",
            Self::Join => "from the join written to its confirmation, one sample a room",
            Self::Ready => "from the dial to the confirmation of the last join",
            Self::WsPing => "from a WebSocket ping to its pong",
            Self::Reconnect => "from seeing the connection fail to being joined again",
            Self::Outage => "from seeing the connection fail to hearing a message again",
            Self::Replay => "from being joined again until a message came that was sent while away",
            Self::Push => {
                "from the server's own timestamp until it arrived: as true as the two clocks agree"
            }
            Self::Interval => "between two pushes at one receiver",
        }
    }

    /// The metric of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether it describes the load, so that phases with `measure = false` are left out of the
    /// whole run's figure. What happens to connections counts from the first second.
    #[must_use]
    pub const fn only_measured(self) -> bool {
        matches!(
            self,
            Self::Delivery
                | Self::DeliveryFromSent
                | Self::OwnCopy
                | Self::Spread
                | Self::Ack
                | Self::AckFromSent
                | Self::Lag
                | Self::Held
                | Self::Turn
                | Self::Push
                | Self::Interval
        )
    }
}

/// Counts a threshold can gate. Names are those of the fields in `report.json`; those of
/// `deliveries` stand without their prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    Expected,
    Delivered,
    Lost,
    AckedLost,
    Duplicated,
    Reordered,
    Corrupted,
    MissedAway,
    Replayed,
    Uncertain,
    Joining,
    CutOff,
    Unfinished,
    Unexpected,
    Foreign,
    Late,
    PublishesDue,
    PublishesSent,
    PublishesNotSent,
    PublishesAcked,
    PublishesRejected,
    PublishesUnacked,
    ActionsSent,
    ActionsNotSent,
    ConnectionsFailed,
    ConnectionsLost,
    ConnectionsBroken,
    ConnectionsReconnected,
    ClientsNeverJoined,
    ClientsGaveUp,
    ClientsNotBack,
    ClientsStoodStill,
    Errors,
}

impl Counter {
    /// Every counter with the name a threshold uses.
    pub const ALL: [(Self, &'static str); 33] = [
        (Self::Expected, "expected"),
        (Self::Delivered, "delivered"),
        (Self::Lost, "lost"),
        (Self::AckedLost, "acked_lost"),
        (Self::Duplicated, "duplicated"),
        (Self::Reordered, "reordered"),
        (Self::Corrupted, "corrupted"),
        (Self::MissedAway, "missed_away"),
        (Self::Replayed, "replayed"),
        (Self::Uncertain, "uncertain"),
        (Self::Joining, "joining"),
        (Self::CutOff, "cut_off"),
        (Self::Unfinished, "unfinished"),
        (Self::Unexpected, "unexpected"),
        (Self::Foreign, "foreign"),
        (Self::Late, "late"),
        (Self::PublishesDue, "publishes.due"),
        (Self::PublishesSent, "publishes.sent"),
        (Self::PublishesNotSent, "publishes.not_sent"),
        (Self::PublishesAcked, "publishes.acked"),
        (Self::PublishesRejected, "publishes.rejected"),
        (Self::PublishesUnacked, "publishes.unacked"),
        (Self::ActionsSent, "actions.sent"),
        (Self::ActionsNotSent, "actions.not_sent"),
        (Self::ConnectionsFailed, "connections.failed"),
        (Self::ConnectionsLost, "connections.lost"),
        (Self::ConnectionsBroken, "connections.broken"),
        (Self::ConnectionsReconnected, "connections.reconnected"),
        (Self::ClientsNeverJoined, "clients.never_joined"),
        (Self::ClientsGaveUp, "clients.gave_up"),
        (Self::ClientsNotBack, "clients.not_back"),
        (Self::ClientsStoodStill, "clients.stood_still"),
        (Self::Errors, "errors"),
    ];

    /// Whether nothing that comes later takes any of it back: a late arrival was lost, what is
    /// replayed was missed, what is refused after it was settled was never expected, a client that
    /// joins late had not. Only these can be counters of a monitoring system, which takes a fall for
    /// a restart.
    #[must_use]
    pub const fn only_grows(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::Duplicated
                | Self::Reordered
                | Self::Corrupted
                | Self::Replayed
                | Self::Unexpected
                | Self::Foreign
                | Self::Late
                | Self::PublishesDue
                | Self::PublishesSent
                | Self::PublishesNotSent
                | Self::PublishesAcked
                | Self::PublishesRejected
                | Self::ActionsSent
                | Self::ActionsNotSent
                | Self::ConnectionsFailed
                | Self::ConnectionsLost
                | Self::ConnectionsBroken
                | Self::ConnectionsReconnected
                | Self::ClientsGaveUp
                | Self::Errors
        )
    }

    /// The counter of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(counter, _)| counter)
    }
}

/// When a figure can be held against its limit while the run still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// At any time: what was measured so far is such a figure too.
    SoFar,
    /// It only rises: above a limit it stays there, below one it may still get there.
    Rising,
    /// It only falls: the other way round.
    Falling,
    /// Not before everything is in.
    AtEnd {
        /// Why it says nothing before.
        why: &'static str,
        /// What tells sooner, as a threshold names it.
        instead: &'static str,
    },
}

impl Counter {
    /// When it can be known. What the ledger tells is settled up to 30 s after a message was sent,
    /// and until then it is in none of these; a loss or miss that is made good later yet was one.
    #[must_use]
    pub const fn known(self) -> Known {
        match self {
            Self::Expected
            | Self::Delivered
            | Self::Lost
            | Self::AckedLost
            | Self::Duplicated
            | Self::Reordered
            | Self::Corrupted
            | Self::MissedAway
            | Self::Replayed
            | Self::Uncertain
            | Self::Joining
            | Self::CutOff
            | Self::Unexpected
            | Self::Foreign
            | Self::Late
            | Self::PublishesDue
            | Self::PublishesSent
            | Self::PublishesNotSent
            | Self::PublishesAcked
            | Self::PublishesRejected
            | Self::ActionsSent
            | Self::ActionsNotSent
            | Self::ConnectionsFailed
            | Self::ConnectionsLost
            | Self::ConnectionsBroken
            | Self::ConnectionsReconnected
            | Self::ClientsGaveUp
            | Self::Errors => Known::Rising,
            Self::PublishesUnacked => Known::AtEnd {
                why: "until the end those on their way count as well",
                instead: "publishes.rejected",
            },
            Self::Unfinished => {
                Known::AtEnd { why: "until the end everything may still come", instead: "lost" }
            }
            Self::ClientsNeverJoined => Known::AtEnd {
                why: "until the end those that are joining count as well",
                instead: "connections.failed",
            },
            Self::ClientsNotBack | Self::ClientsStoodStill => Known::AtEnd {
                why: "until the end those may still go on",
                instead: "connections.lost",
            },
        }
    }
}

/// Where in a client's life something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Lookup,
    /// HTTP requests before the socket, from their dial to the end of their answer.
    Login,
    Tcp,
    Tls,
    Upgrade,
    /// The protocol's own steps after the upgrade.
    Connect,
    /// The protocol's own steps of a client that comes back, in place of `Connect` and `Join`.
    Resume,
    Join,
    Active,
    /// Waiting for the protocol's own sign of life.
    Heartbeat,
    Leave,
    Close,
}

impl Step {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Login => "login",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Connect => "connect",
            Self::Resume => "resume",
            Self::Join => "join",
            Self::Active => "active",
            Self::Heartbeat => "heartbeat",
            Self::Leave => "leave",
            Self::Close => "close",
        }
    }
}

/// The closed taxonomy of what can go wrong on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The host's name has no address. Only before a run: then there is none.
    LookupFailed,
    /// Nobody listens there.
    Refused,
    /// The step took longer than its limit.
    TimedOut,
    /// The peer reset the connection, or it ended without a close frame.
    Reset,
    /// TLS: a certificate that does not hold, an alert from the server, or no TLS at all.
    Tls,
    /// An HTTP status other than 101.
    HttpStatus,
    /// The answer to the upgrade does not hold: no HTTP, headers without end, 101 with a wrong
    /// `Sec-WebSocket-Accept`, ...
    BadHandshake,
    /// A frame that RFC 6455 forbids.
    ProtocolViolation,
    /// The server closed with a close frame.
    Closed,
    /// A message over the size limit.
    Oversize,
    /// A limit of this machine: open files, ports, memory.
    LocalLimit,
    /// A ping that was not answered in time.
    HeartbeatLost,
    /// The server answered with an error of its protocol.
    ServerError,
    /// What was to be said names a value that there isn't, or an answer lacks one to capture.
    MissingValue,
    /// Any other I/O error.
    Io,
}

impl ErrorKind {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LookupFailed => "lookup_failed",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::HttpStatus => "http_status",
            Self::BadHandshake => "bad_handshake",
            Self::ProtocolViolation => "protocol_violation",
            Self::Closed => "closed",
            Self::Oversize => "oversize",
            Self::LocalLimit => "local_limit",
            Self::HeartbeatLost => "heartbeat_lost",
            Self::ServerError => "server_error",
            Self::MissingValue => "missing_value",
            Self::Io => "io",
        }
    }
}

/// What of a kind of error it was: closed, and free of text from a server.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The kind says it all.
    #[default]
    None,
    /// The HTTP status of an [`ErrorKind::HttpStatus`].
    Status(u16),
    /// The close code of an [`ErrorKind::Closed`]; 1005 where the frame had none.
    Code(u16),
    /// Which limit of this machine's.
    Limit(LocalLimit),
    /// What of an [`ErrorKind::Tls`] it was.
    Tls(TlsFault),
    /// An [`ErrorKind::MissingValue`] that the server's answer was to hold.
    Capture,
}

impl Detail {
    /// The text used in `report.json`: `403`, `1013`, `open_files`, `expired`.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Status(number) | Self::Code(number) => Some(number.to_string()),
            Self::Limit(limit) => Some(limit.name().to_owned()),
            Self::Tls(fault) => Some(fault.name().to_owned()),
            Self::Capture => Some("capture".to_owned()),
        }
    }
}

/// A limit of this machine that a connection can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalLimit {
    /// File descriptors, of the process or of the system.
    OpenFiles,
    /// Ephemeral ports of a source address to one server address.
    Ports,
    /// Memory for sockets.
    Memory,
}

impl LocalLimit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::OpenFiles, Self::Ports, Self::Memory];

    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenFiles => "open_files",
            Self::Ports => "ports",
            Self::Memory => "memory",
        }
    }

    /// What there was none left of, for a person.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::OpenFiles => "this machine's open files",
            Self::Ports => "this machine's ports to the target",
            Self::Memory => "this machine's memory for sockets",
        }
    }
}

/// What can be wrong with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// The server's certificate comes from an authority that is not trusted.
    UnknownIssuer,
    /// It is for other names than the one asked for.
    WrongName,
    /// It is no longer valid, by this machine's clock.
    Expired,
    /// It is not valid yet, by this machine's clock.
    NotYetValid,
    /// Anything else that is wrong with it.
    BadCertificate,
    /// The server ended TLS with an alert.
    Alert,
    /// What the server said is no TLS.
    NotTls,
    /// Anything else: no version or cipher in common, a message that breaks the protocol.
    Protocol,
}

impl TlsFault {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "unknown_issuer",
            Self::WrongName => "wrong_name",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::BadCertificate => "bad_certificate",
            Self::Alert => "alert",
            Self::NotTls => "not_tls",
            Self::Protocol => "protocol",
        }
    }
}
