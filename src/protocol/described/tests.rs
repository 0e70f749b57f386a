//! Conversations as tables: what is said, what comes back, what it means.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use super::Talk;
use crate::metric::{ErrorKind, Step as At};
use crate::protocol::capture::{Capture, Source};
use crate::protocol::description::{
    Ack, Action, Delivery, Description, Goodbye, Heartbeat, Ignore, Join, Known, Publish, Reply,
    Step,
};
use crate::protocol::matcher::{Condition, Matcher, Wanted};
use crate::protocol::pointer::Pointer;
use crate::protocol::scope::{Captured, Names, Person, RoomName};
use crate::protocol::send::{Piece, Send};
use crate::protocol::template::Template;
use crate::protocol::{Failure, Incoming, Outgoing, Taker};

const ROOM: RoomName<'_> = RoomName { name: "lobby", n: 3 };
const S: u64 = 1_000_000;

fn names() -> Names {
    let captures = ["session", "ping_every", "ts"].map(str::to_owned).to_vec();
    Names { params: Vec::new(), captures }
}

fn template(text: &str) -> Template {
    Template::parse(text, &names()).unwrap()
}

fn text(words: &str) -> Send {
    Send(vec![Piece::Text(template(words))])
}

fn pointer(at: &str) -> Pointer {
    Pointer::parse(&[at]).unwrap()
}

/// Matches JSON with these texts at these pointers.
fn json(wanted: &[(&str, &str)]) -> Matcher {
    let json = wanted.iter().map(|(at, is)| (pointer(at), Wanted::Text(template(is)))).collect();
    Matcher::new(vec![Condition { json, ..Condition::default() }])
}

fn capture(into: usize, at: &str) -> Capture {
    let name = names().captures.get(into).cloned().unwrap_or_default();
    Capture { into, name, source: Source::Pointer(pointer(at)) }
}

fn step(send: &str, expect: Option<Matcher>) -> Step {
    let (fail, captures, timeout) = (None, Vec::new(), None);
    Step { send: text(send), expect, fail, captures, timeout }
}

/// A chat protocol with all that a file can say.
fn chat() -> Description {
    Description {
        connect: vec![Step {
            fail: Some(json(&[("/type", "denied")])),
            captures: vec![capture(0, "/session"), capture(1, "/ping_ms")],
            timeout: Some(Duration::from_secs(5)),
            ..step(r#"{"hello":{{ id }}}"#, Some(json(&[("/type", "welcome")])))
        }],
        resume: vec![Step {
            fail: Some(json(&[("/type", "gone")])),
            ..step(r#"{"resume":"{{ session }}"}"#, Some(json(&[("/type", "resumed")])))
        }],
        join: Some(Join {
            send: text(r#"{"join":"{{ room }}","id":{{ id }}}"#),
            known: Known::Answer(json(&[("/type", "joined"), ("/id", "{{ id }}")])),
            fail: Some(json(&[("/type", "full"), ("/room", "{{ room }}")])),
            captures: Vec::new(),
        }),
        leave: Some(step(r#"{"leave":"{{ room }}"}"#, None)),
        publish: Some(Publish {
            send: text(r#"{"to":"{{ room }}","cid":{{ id }},"body":"{{ payload | json }}"}"#),
            binary: Some(Send(vec![Piece::Binary(template("{{ payload }}"))])),
            ack: Some(Ack {
                when: json(&[("/type", "ack")]),
                id: capture(usize::MAX, "/cid"),
                fail: Some(json(&[("/type", "nack")])),
            }),
            max_size: None,
        }),
        actions: vec![Action {
            name: "typing".to_owned(),
            send: text(r#"{"typing":"{{ room }}","id":{{ id }}}"#),
        }],
        delivery: Delivery { when: Some(json(&[("/type", "msg")])), ..Delivery::default() },
        replies: vec![Reply {
            when: json(&[("/type", "ping")]),
            captures: vec![capture(2, "/ts")],
            send: text(r#"{"pong":{{ ts }}}"#),
        }],
        ignores: vec![Ignore { name: "presence".to_owned(), when: json(&[("/type", "presence")]) }],
        error: Some(json(&[("/type", "error")])),
        heartbeat: Some(Heartbeat::Server { within: template("{{ ping_every }}ms + 1s") }),
        goodbye: Goodbye { send: text(r#"{"bye":1}"#), code: 4000 },
        changing: vec![2],
        names: names(),
        ..Description::empty("chat")
    }
}

fn talk(description: &Description) -> Talk {
    let person = Rc::new(Person {
        client: 7,
        run: "ab12cd3".into(),
        user: None,
        last_id: 0,
        setting: Arc::default(),
    });
    let captured = Captured::new(description.names.captures.len());
    Talk::new(&Arc::new(description.clone()), person, captured, None)
}

/// What was queued, in words.
fn said(talk: &mut Talk) -> Vec<String> {
    let words = |frame: Message| match frame {
        Message::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    };
    std::iter::from_fn(|| talk.out.pop_front()).map(words).collect()
}

fn hear<'a>(talk: &mut Talk, text: &'a str, now_us: u64) -> Incoming<'a> {
    talk.read(text.as_bytes(), true, now_us)
}

/// A talk that is past `connect`.
fn open() -> Talk {
    let mut talk = talk(&chat());
    assert_eq!(talk.begin(false, 0), Incoming::Step);
    let welcome = r#"{"type":"welcome","session":"s1","ping_ms":25000}"#;
    assert_eq!(hear(&mut talk, welcome, 0), Incoming::Open);
    said(&mut talk);
    talk
}

fn failed(incoming: Incoming<'_>) -> (At, ErrorKind, String) {
    match incoming {
        Incoming::Failed(Failure { step, kind, text, .. }) => (step, kind, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_is_open_when_its_last_step_is_answered() {
    let mut talk = talk(&chat());
    assert_eq!(talk.begin(false, 0), Incoming::Step);
    assert_eq!(said(&mut talk), [r#"{"hello":1}"#]);
    assert_eq!(hear(&mut talk, r#"{"type":"presence"}"#, 1), Incoming::Ignored(0));
    assert_eq!(talk.taker, Taker::Ignore(0));
    let welcome = r#"{"type":"welcome","session":"s1","ping_ms":25000}"#;
    assert_eq!(hear(&mut talk, welcome, 2), Incoming::Open);
    assert_eq!(talk.taker, Taker::Connect(0));
    assert_eq!(talk.captured().get(0), Some("s1"));
}

#[test]
fn a_refusal_ends_a_step_at_once_and_silence_when_its_time_is_up() {
    let mut talk = talk(&chat());
    talk.begin(false, 0);
    let (step, kind, text) = failed(hear(&mut talk, r#"{"type":"denied","why":"full"}"#, 1));
    assert_eq!((step, kind), (At::Connect, ErrorKind::ServerError));
    assert!(text.contains("full"), "{text}");

    let mut talk = self::talk(&chat());
    talk.begin(false, 0);
    assert_eq!(talk.deadline_us(), Some(5 * S));
    assert_eq!(talk.tick(5 * S - 1), None);
    let (step, kind, _) = failed(talk.tick(5 * S).unwrap());
    assert_eq!((step, kind), (At::Connect, ErrorKind::TimedOut));
}

#[test]
fn an_answer_without_what_is_captured_is_a_failure() {
    let mut talk = talk(&chat());
    talk.begin(false, 0);
    let (step, kind, text) = failed(hear(&mut talk, r#"{"type":"welcome","ping_ms":1}"#, 1));
    assert_eq!((step, kind), (At::Connect, ErrorKind::MissingValue));
    assert!(text.contains("session"), "{text}");
}

#[test]
fn joins_are_answered_by_their_ids_in_any_order() {
    let mut talk = open();
    talk.join(0, ROOM, 0).unwrap();
    talk.join(1, RoomName { name: "other", n: 4 }, 0).unwrap();
    assert_eq!(said(&mut talk), [r#"{"join":"lobby","id":2}"#, r#"{"join":"other","id":3}"#]);
    assert_eq!(hear(&mut talk, r#"{"type":"joined","id":3}"#, 1), Incoming::Joined(1));
    assert_eq!(hear(&mut talk, r#"{"type":"joined","id":9}"#, 1), Incoming::Unmatched);
    let (step, kind, _) = failed(hear(&mut talk, r#"{"type":"full","room":"lobby"}"#, 1));
    assert_eq!((step, kind), (At::Join, ErrorKind::ServerError));
}

#[test]
fn a_silent_leave_is_over_when_it_is_said() {
    let mut talk = open();
    assert!(talk.leave(5, ROOM, 10).unwrap());
    assert_eq!(said(&mut talk), [r#"{"leave":"lobby"}"#]);
    assert_eq!(talk.tick(10), Some(Incoming::Left(5)));
    assert_eq!(talk.tick(10), None);
}

#[test]
fn publishes_are_spliced_and_acknowledged_by_id() {
    let mut talk = open();
    let mut publish = |payload, binary| {
        let message = Outgoing { payload, binary, structured: false, seq: 0, now_ms: 0 };
        let id = talk.publish(ROOM, message).unwrap();
        (id, said(&mut talk))
    };
    let (id, words) = publish("say \"hi\"", false);
    assert_eq!(words, [r#"{"to":"lobby","cid":2,"body":"say \"hi\""}"#]);
    assert_eq!(id, Some(2));
    let (id, words) = publish("bytes", true);
    assert_eq!(words, [r#"Binary(b"bytes")"#]);
    assert_eq!(id, Some(3));
    assert_eq!(hear(&mut talk, r#"{"type":"ack","cid":2}"#, 1), Incoming::Acked(2));
    assert!(matches!(
        hear(&mut talk, r#"{"type":"nack","cid":3}"#, 1),
        Incoming::Rejected(3, why) if why.contains("nack")
    ));
    // An acknowledgement without an id is none.
    assert_eq!(hear(&mut talk, r#"{"type":"ack"}"#, 1), Incoming::Unmatched);
}

#[test]
fn what_a_join_captures_is_said_in_its_room_only() {
    let mut description = chat();
    description.names.captures.push("ref".to_owned());
    let named =
        |words: &str| Send(vec![Piece::Text(Template::parse(words, &description.names).unwrap())]);
    let (publish, leave) = (named("{{ ref }} {{ payload }}"), named("bye {{ ref }}"));
    description.join.as_mut().unwrap().captures =
        vec![Capture { into: 3, name: "ref".to_owned(), source: Source::Pointer(pointer("/ref")) }];
    description.publish.as_mut().unwrap().send = publish;
    description.leave.as_mut().unwrap().send = leave;
    let mut talk = talk(&description);
    talk.begin(false, 0);
    hear(&mut talk, r#"{"type":"welcome","session":"s1","ping_ms":25000}"#, 0);
    let other = RoomName { name: "other", n: 4 };
    talk.join(0, ROOM, 0).unwrap();
    talk.join(1, other, 0).unwrap();
    said(&mut talk);
    let joined = |talk: &mut Talk, id: u64, of: &str| {
        let text = format!(r#"{{"type":"joined","id":{id},"ref":"{of}"}}"#);
        assert!(matches!(hear(talk, &text, 1), Incoming::Joined(_)));
    };
    joined(&mut talk, 2, "r3");
    joined(&mut talk, 3, "r4");
    let publish = |talk: &mut Talk, room| {
        talk.publish(
            room,
            Outgoing { payload: "hi", binary: false, structured: false, seq: 0, now_ms: 0 },
        )
        .unwrap();
        said(talk)
    };
    assert_eq!(publish(&mut talk, ROOM), ["r3 hi"]);
    assert_eq!(publish(&mut talk, other), ["r4 hi"]);
    talk.leave(0, ROOM, 2).unwrap();
    assert_eq!(said(&mut talk), ["bye r3"]);
    assert_eq!(talk.tick(2), Some(Incoming::Left(0)));
    // Joined again, the room has another one.
    talk.join(0, ROOM, 3).unwrap();
    said(&mut talk);
    joined(&mut talk, 7, "r5");
    assert_eq!(publish(&mut talk, ROOM), ["r5 hi"]);
    assert_eq!(publish(&mut talk, other), ["r4 hi"]);
}

#[test]
fn an_action_is_said_in_its_room_and_nothing_is_waited_for() {
    let mut talk = open();
    talk.act(0, Some(ROOM)).unwrap();
    assert_eq!(said(&mut talk), [r#"{"typing":"lobby","id":2}"#]);
    assert!(talk.waiting().is_empty());
}

#[test]
fn a_resume_names_the_last_delivery() {
    let mut description = chat();
    description.names.captures.push("last".to_owned());
    let resume = Template::parse(r#"{"after":{{ last }}}"#, &description.names).unwrap();
    description.resume[0].send = Send(vec![Piece::Text(resume)]);
    description.delivery.captures = vec![Capture {
        into: 3,
        name: "last".to_owned(),
        source: Source::Pointer(pointer("/seq")),
    }];
    let mut talk = talk(&description);
    talk.begin(false, 0);
    hear(&mut talk, r#"{"type":"welcome","session":"s1","ping_ms":25000}"#, 0);
    for seq in [7, 8] {
        hear(&mut talk, &format!(r#"{{"type":"msg","seq":{seq}}}"#), 1);
    }
    // One that has none leaves what there was.
    hear(&mut talk, r#"{"type":"msg"}"#, 2);
    let mut back = self::talk(&description);
    back.captured = talk.captured().clone();
    assert_eq!(back.begin(true, 3), Incoming::Step);
    assert_eq!(said(&mut back), [r#"{"after":8}"#]);
}

#[test]
fn only_what_the_file_says_delivers() {
    let mut talk = open();
    assert_eq!(hear(&mut talk, r#"{"type":"msg","body":"x"}"#, 1), Incoming::Data);
    assert_eq!(talk.taker, Taker::Delivery);
    assert_eq!(hear(&mut talk, r#"{"type":"preview","body":"x"}"#, 1), Incoming::Unmatched);
}

#[test]
fn questions_are_answered_with_what_they_ask() {
    let mut talk = open();
    assert_eq!(hear(&mut talk, r#"{"type":"ping","ts":12}"#, 1), Incoming::Reply);
    assert_eq!(hear(&mut talk, r#"{"type":"ping","ts":13}"#, 1), Incoming::Reply);
    assert_eq!(said(&mut talk), [r#"{"pong":12}"#, r#"{"pong":13}"#]);
}

#[test]
fn an_error_fails_the_step_that_waits_and_is_told_when_none_does() {
    let mut talk = open();
    talk.join(0, ROOM, 0).unwrap();
    let (step, kind, _) = failed(hear(&mut talk, r#"{"type":"error","code":1}"#, 1));
    assert_eq!((step, kind), (At::Join, ErrorKind::ServerError));
    let told = hear(&mut talk, r#"{"type":"error","code":2}"#, 1);
    assert!(matches!(told, Incoming::Error(text) if text.contains('2')));
}

#[test]
fn a_returning_client_resumes_or_connects_anew_on_the_same_connection() {
    let mut first = open();
    let captured = first.captured().clone();
    assert_eq!(first.goodbye(), 4000);
    assert_eq!(said(&mut first), [r#"{"bye":1}"#]);

    let back = |captured: Captured| {
        let mut talk = talk(&chat());
        talk.captured = captured;
        assert_eq!(talk.begin(true, 0), Incoming::Step);
        talk
    };
    let mut resumed = back(captured.clone());
    assert_eq!(said(&mut resumed), [r#"{"resume":"s1"}"#]);
    assert_eq!(hear(&mut resumed, r#"{"type":"resumed"}"#, 1), Incoming::Resumed);

    let mut refused = back(captured);
    said(&mut refused);
    assert_eq!(hear(&mut refused, r#"{"type":"gone"}"#, 1), Incoming::Step);
    assert_eq!(said(&mut refused).len(), 1);

    // Nothing was ever captured to resume with.
    let mut anew = back(Captured::new(3));
    assert_eq!(said(&mut anew), [r#"{"hello":2}"#]);
}

#[test]
fn a_silent_server_is_given_up_when_its_captured_heartbeat_is_over() {
    let mut talk = open();
    assert_eq!(talk.deadline_us(), Some(26 * S));
    assert_eq!(hear(&mut talk, r#"{"type":"presence"}"#, 10 * S), Incoming::Ignored(0));
    assert_eq!(talk.deadline_us(), Some(36 * S));
    assert_eq!(talk.tick(36 * S - 1), None);
    let (_, kind, _) = failed(talk.tick(36 * S).unwrap());
    assert_eq!(kind, ErrorKind::HeartbeatLost);
    talk.forgive(36 * S);
    assert_eq!(talk.tick(36 * S), None);
}

#[test]
fn a_client_that_keeps_the_heartbeat_asks_in_time_and_gives_up_without_answer() {
    let mut description = chat();
    description.heartbeat = Some(Heartbeat::Client {
        send: text("ping"),
        expect: Some(Matcher::new(vec![Condition {
            equals: Some(template("pong")),
            ..Condition::default()
        }])),
        every: template("10s"),
        timeout: Duration::from_secs(3),
    });
    let mut talk = talk(&description);
    talk.begin(false, 0);
    hear(&mut talk, r#"{"type":"welcome","session":"s1","ping_ms":1}"#, 0);
    said(&mut talk);
    assert_eq!(talk.deadline_us(), Some(10 * S));
    assert_eq!(talk.tick(10 * S), Some(Incoming::Heartbeat));
    assert_eq!(said(&mut talk), ["ping"]);
    assert_eq!(talk.deadline_us(), Some(13 * S));
    assert_eq!(hear(&mut talk, "pong", 11 * S), Incoming::Heartbeat);
    assert_eq!(talk.tick(20 * S), Some(Incoming::Heartbeat));
    let (_, kind, _) = failed(talk.tick(23 * S).unwrap());
    assert_eq!(kind, ErrorKind::HeartbeatLost);
}

#[test]
fn a_silent_join_is_known_by_a_barrier_a_probe_or_time() {
    let join = |known| {
        let mut description = chat();
        description.join.as_mut().unwrap().known = known;
        let mut talk = talk(&description);
        talk.begin(false, 0);
        hear(&mut talk, r#"{"type":"welcome","session":"s1","ping_ms":99000}"#, 0);
        said(&mut talk);
        talk.join(2, ROOM, S).unwrap();
        talk
    };
    let mut barrier = join(Known::Barrier(text("ping {{ id }}"), json(&[("/pong", "{{ id }}")])));
    assert_eq!(said(&mut barrier), [r#"{"join":"lobby","id":2}"#, "ping 3"]);
    assert_eq!(hear(&mut barrier, r#"{"pong":3}"#, S), Incoming::Joined(2));

    let mut settle = join(Known::Settle(Duration::from_millis(200)));
    assert_eq!(settle.tick(S + 199_999), None);
    assert_eq!(settle.tick(S + 200_000), Some(Incoming::Joined(2)));

    let mut probe = join(Known::Probe);
    assert_eq!(probe.tick(S), Some(Incoming::Probe(2)));
    assert_eq!(probe.tick(S), None);
    assert_eq!(probe.deadline_us(), Some(S + 200_000));
    assert_eq!(probe.tick(S + 200_000), Some(Incoming::Probe(2)));
    assert!(!probe.probed(1));
    assert!(probe.probed(2));
    assert!(!probe.probed(2));
    assert_eq!(probe.tick(2 * S), None);
}

/// A server may refuse an id that it has seen on an earlier connection.
#[test]
fn ids_go_on_where_the_last_connection_ended() {
    let description = chat();
    let captured = Captured::new(description.names.captures.len());
    let (run, setting) = ("ab12cd3".into(), Arc::default());
    let person = Rc::new(Person { client: 7, run, user: None, last_id: 41, setting });
    let mut talk = Talk::new(&Arc::new(description), person, captured, None);
    talk.begin(false, 0);
    assert_eq!(said(&mut talk), [r#"{"hello":42}"#]);
    assert_eq!(talk.last_id(), 42);
}

/// Joins of several rooms, and what is heard of each: at once, or when time is looked at.
fn joined_by(known: Matcher, answers: &[&str]) -> Vec<Vec<usize>> {
    let mut description = chat();
    if let Some(join) = &mut description.join {
        join.known = Known::Answer(known);
    }
    let mut talk = talk(&description);
    talk.begin(false, 0);
    hear(&mut talk, r#"{"type":"welcome","session":"s1","ping_ms":25000}"#, 0);
    for (at, name) in ["one", "two", "three"].into_iter().enumerate() {
        talk.join(at, RoomName { name, n: at as u32 }, 0).unwrap();
    }
    let joined = |incoming: Incoming<'_>| match incoming {
        Incoming::Joined(at) => at,
        other => panic!("{other:?}"),
    };
    let by = answers.iter().map(|answer| {
        let mut all = vec![joined(hear(&mut talk, answer, 5))];
        all.extend(std::iter::from_fn(|| talk.tick(5)).map(joined));
        all
    });
    by.collect()
}

#[test]
fn one_answer_confirms_every_join_that_it_names() {
    let holding = |text: &str| {
        let contains = Some(template(text));
        Matcher::new(vec![Condition { contains, ..Condition::default() }])
    };
    // Joins have the ids 2, 3 and 4.
    let ready = [r#"{"ready":["3","2"]}"#, r#"{"ready":["4"]}"#];
    assert_eq!(joined_by(holding(r#""{{ id }}""#), &ready), [vec![0, 1], vec![2]]);
    let rooms = [r#"{"in":["three","one","two"]}"#];
    assert_eq!(joined_by(holding(r#""{{ room }}""#), &rooms), [[0, 1, 2]]);
    // Nothing tells them apart: each has an answer of its own.
    let anonymous = [r#"{"type":"joined"}"#; 3];
    let each = joined_by(json(&[("/type", "joined")]), &anonymous);
    assert_eq!(each, [[0], [1], [2]]);
}
