//! The protocol file as it is written: every table, its keys, their defaults, and what they mean.
//!
//! The doc comments on keys are shown to users by `uproar schema protocol` and by editors that use
//! it. Rules between keys are `build`'s.

use std::time::Duration;

use super::captures::{Captures, Place};
use super::matching::Matcher;
use super::sending::Send;
use super::texts::{Params, ProtocolName, Text, Texts};
use crate::protocol::description::{Each, TimeUnit};
use crate::protocol::{Away, Recipients};
use crate::scenario::keys::keys;
use crate::scenario::values::{Bytes, Choice, Choices, Format, List, Name, Whole};

/// Keys that scenario files have too.
pub(super) const COMMON: [&str; 3] = ["format", "name", "params"];

keys! {
    /// A protocol: what clients say to a chat or realtime server, and what its messages mean.
    struct File at "protocol" {
        /// The format of this file. This version reads 1.
        format (required): Format,
        /// What reports call it: letters, digits, `.`, `-` and `_`, at most 40.
        name (required): ProtocolName,
        /// The server and version it was run against, for example "acme-chat 4.2".
        verified: String = "",
        /// The path of the WebSocket, for a URL that has none. A template.
        path: Text,
        /// What is added to the URL's query. Values are templates.
        query: Texts,
        /// Subprotocols to offer, the preferred one first. Templates.
        subprotocols: List<Text>,
        /// Headers sent with the upgrade. Values are templates.
        headers: Texts,
        /// Who hears a publish: `room` (every member, the sender too), `others` (every member but
        /// the sender), `sender` (nobody else), `nobody`.
        recipients: Choice<Recipients> = "room",
        /// What becomes of messages published while a receiver is away: `missed`, or `replayed` on
        /// its return.
        away: Choice<Away> = "missed",
        /// A pattern for what stands before the JSON of a message, for example '^\d+'.
        json_from: Text,
        /// How messages lie in frames. Left out: one message a frame.
        framing: Framing,
        /// An error reply, at any time: it fails the step that waits, and is counted with an
        /// example.
        error: Matcher,
        /// Params and captures whose values are never shown. What a login captures never is.
        secret: List<String>,
        /// What a scenario may set, with defaults: named as `{{ params.NAME }}`.
        params: Params,
        /// HTTP requests before the socket.
        login: List<Login>,
        /// What is said after the upgrade, in this order.
        connect: List<Step>,
        /// What is said after the upgrade of a client that comes back, instead of `connect` and
        /// joins. If it fails, they follow.
        resume: List<Step>,
        /// How a room is joined. Left out: a connection is in its room from the upgrade on.
        join: Join,
        /// How a room is left. Left out: only by closing.
        leave: Leave,
        /// How a message is published. Left out: clients only listen.
        publish: Publish,
        /// What clients do besides publishing, such as telling that they are typing: sent and
        /// counted, not timed. A scenario says how often: `actions = { typing = "6/min" }`.
        action: List<Action>,
        /// Which messages deliver. Left out: every message with uproar's mark in it that nothing
        /// else took.
        delivery: Delivery,
        /// Questions of the server that are answered at any time.
        reply: List<Reply>,
        /// Messages of no interest, counted under a name.
        ignore: List<Ignore>,
        /// Who keeps the connection alive. WebSocket's own pings are always answered and need
        /// nothing here.
        heartbeat: Heartbeat,
        /// How a client leaves on purpose.
        goodbye: Goodbye,
    }
}

keys! {
    /// How messages lie in frames.
    struct Framing at "protocol.framing" {
        /// What stands between two messages, for example "\n".
        split (required): String,
        /// Whether a message may begin in one frame and end in another. What is behind the last
        /// `split` then waits for the next frame.
        across_frames: bool = false,
    }
}

keys! {
    /// An HTTP request before the socket.
    struct Login at "protocol.login" {
        /// Method and URL: "POST {{ target.http }}/api/login". The URL is a template.
        request (required): Text,
        /// Headers. Values are templates.
        headers: Texts,
        /// The body, a template. Left out: none.
        body: Text,
        /// What the answer must be. Left out: any status from 200 to 299.
        expect: LoginExpect,
        /// What is taken from the answer, by name: a JSON pointer, `{ pattern = '..(..)' }` or
        /// `{ header = "..." }`.
        capture: Captures,
        /// How often: once a `run`, once a `client`, or before each `connection`.
        each: Choice<Each> = "client",
        /// Longest wait for the answer. Over 0.
        timeout: Duration = "10s",
    }
}

keys! {
    /// What the answer of a login must be: all that is given.
    struct LoginExpect at "protocol.login.expect" {
        /// The status. Left out: any from 200 to 299.
        status: Whole<100, 599>,
        /// The whole body is this. A template.
        equals: Text,
        /// The body begins with this. A template.
        starts_with: Text,
        /// The body ends with this. A template.
        ends_with: Text,
        /// The body holds this. A template.
        contains: Text,
        /// A pattern that the body matches somewhere. A template.
        pattern: Text,
        /// What stands where in the body's JSON: pointers and values.
        json: super::matching::Wants,
        /// What the body must not match.
        not: Matcher,
    }
}

keys! {
    /// Something that is said, and what is waited for.
    struct Step at "protocol.step" {
        /// What is said. Left out: the server speaks first.
        send: Send,
        /// The answer. Left out: none is waited for.
        expect: Matcher,
        /// An answer that ends the step at once: refused, not timed out.
        fail: Matcher,
        /// What is taken from the answer, by name: a JSON pointer, or `{ pattern = '..(..)' }`.
        capture: Captures,
        /// Longest wait for the answer. Over 0.
        timeout: Duration = "10s",
    }
}

keys! {
    /// How a room is joined, and how a client knows that it is in: exactly one of `expect`,
    /// `barrier`, `probe` and `settle`.
    struct Join at "protocol.join" {
        /// What is said.
        send: Send,
        /// The server's answer.
        expect: Matcher,
        /// For a server that is silent about joins but answers something else, in order.
        barrier: Barrier,
        /// `true`, for a silent server: the client publishes a marked message of its own until it
        /// hears one.
        probe: bool,
        /// For a silent server, as a last resort: how long a join is trusted to take.
        settle: Duration,
        /// An answer that refuses the join.
        fail: Matcher,
        /// What is taken from the answer, by name.
        capture: Captures,
    }
}

keys! {
    /// What is said behind a silent join, and its answer.
    struct Barrier at "protocol.barrier" {
        /// What is said.
        send (required): Send,
        /// Its answer.
        expect (required): Matcher,
    }
}

keys! {
    /// How a room is left.
    struct Leave at "protocol.leave" {
        /// What is said.
        send (required): Send,
        /// The answer. Left out: none is waited for.
        expect: Matcher,
        /// An answer that refuses it.
        fail: Matcher,
    }
}

keys! {
    /// How a message is published.
    struct Publish at "protocol.publish" {
        /// What is said: `{{ payload }}` stands for the content.
        send (required): Send,
        /// How a message of the binary share goes. Left out: none can be binary.
        binary: Binary,
        /// How the server confirms a message. Left out: it doesn't.
        ack: Ack,
        /// The longest content that the server takes, in bytes before anything is escaped: a
        /// scenario with a larger `size` is refused, and sizes that vary stay within it.
        max_size: Bytes,
    }
}

keys! {
    /// Something that clients say and nobody waits for.
    struct Action at "protocol.action" {
        /// What scenarios call it.
        name (required): Name,
        /// What is said. `{{ room }}` is one of the client's rooms, in turn.
        send (required): Send,
    }
}

keys! {
    /// How a message of the binary share is published.
    struct Binary at "protocol.publish.binary" {
        /// What is said: `{{ payload }}` stands for the content.
        send (required): Send,
    }
}

keys! {
    /// How the server confirms a message: found by the `{{ id }}` that was sent with it.
    struct Ack at "protocol.ack" {
        /// Messages that confirm.
        when (required): Matcher,
        /// Where the id stands in them: a JSON pointer, or `{ pattern = '..(..)' }`.
        id (required): Place,
        /// Messages that refuse; the id stands in the same place.
        fail: Matcher,
    }
}

keys! {
    /// Which messages deliver, and what is known of those that nobody marked.
    struct Delivery at "protocol.delivery" {
        /// Only these deliver. Left out: every message that nothing else took.
        when: Matcher,
        /// What names an event of a feed, the same at all its receivers: a JSON pointer, or
        /// `{ pattern = '..(..)' }`. Gives the time between its first and its last receiver.
        key: Place,
        /// Numbers that count up: a gap is a loss.
        sequence: Sequence,
        /// When the server sent an event, by its own clock: gives the metric `push`.
        sent_at: SentAt,
        /// What is taken from each delivery that has it, by name, such as the id that a resume
        /// names. Costs time for each message.
        capture: Captures,
    }
}

keys! {
    /// Numbers of a feed's events.
    struct Sequence at "protocol.sequence" {
        /// Where the number stands.
        at (required): Place,
        /// What it counts within, such as a channel. Left out: the connection.
        per: Place,
    }
}

keys! {
    /// The server's own clock in an event.
    struct SentAt at "protocol.sent_at" {
        /// Where it stands.
        at (required): Place,
        /// Its unit: `s`, `ms` or `us` since 1970, or `rfc3339`, a date as text.
        unit (required): Choice<TimeUnit>,
    }
}

keys! {
    /// Something the server asks at any time, and the answer.
    struct Reply at "protocol.reply" {
        /// What is asked.
        when (required): Matcher,
        /// What is taken from it, by name. A later question replaces what an earlier one left.
        capture: Captures,
        /// The answer. Left out: what it says is only remembered.
        send: Send,
    }
}

keys! {
    /// Messages that say nothing of interest.
    struct Ignore at "protocol.ignore" {
        /// What reports count them under.
        name (required): Name,
        /// Which messages.
        when (required): Matcher,
    }
}

keys! {
    /// Who keeps the connection alive.
    struct Heartbeat at "protocol.heartbeat" {
        /// `server`: it must be heard from `within` a time. `client`: it says `send` `every` so
        /// often.
        from (required): Choice<From>,
        /// With `server`: the longest silence, a template that gives a sum of durations, such as
        /// "{{ ping_every }}ms + 5s". Anything the server says counts.
        within: Text,
        /// With `client`: what is said.
        send: Send,
        /// With `client`: the answer. Left out: none comes.
        expect: Matcher,
        /// With `client`: how often, a template that gives a sum of durations. "0s" is never.
        every: Text,
        /// With `expect`: longest wait for the answer. Over 0.
        timeout: Duration = "10s",
    }
}

keys! {
    /// How a client leaves on purpose.
    struct Goodbye at "protocol.goodbye" {
        /// What is said before the close frame.
        send: Send,
        /// The close frame's code: 1000, or 3000 to 4999.
        close: Whole<0, 65_535> = 1000,
    }
}

/// Who speaks to keep the connection alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum From {
    Server,
    Client,
}

impl Choices for From {
    const WHAT: &'static str = "side";
    const ALL: &'static [(&'static str, Self)] =
        &[("server", Self::Server), ("client", Self::Client)];
}

impl Choices for Recipients {
    const WHAT: &'static str = "kind of recipients";
    const ALL: &'static [(&'static str, Self)] = &[
        ("room", Self::Room),
        ("others", Self::Others),
        ("sender", Self::Sender),
        ("nobody", Self::Nobody),
    ];
}

impl Choices for Away {
    const WHAT: &'static str = "fate";
    const ALL: &'static [(&'static str, Self)] =
        &[("missed", Self::Missed), ("replayed", Self::Replayed)];
}

impl Choices for Each {
    const WHAT: &'static str = "frequency";
    const ALL: &'static [(&'static str, Self)] =
        &[("run", Self::Run), ("client", Self::Client), ("connection", Self::Connection)];
}

impl Choices for TimeUnit {
    const WHAT: &'static str = "unit of time";
    const ALL: &'static [(&'static str, Self)] = &[
        ("s", Self::Seconds),
        ("ms", Self::Millis),
        ("us", Self::Micros),
        ("rfc3339", Self::Date),
    ];
}
