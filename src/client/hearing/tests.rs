use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::protocol::Protocol;
use crate::protocol::description::{Description, Reply};
use crate::protocol::framing::Framing;
use crate::protocol::matcher::{Condition, Matcher, Wanted};
use crate::protocol::pointer::Pointer;
use crate::protocol::scope::{Captured, Names, Person};
use crate::protocol::send::{Piece, Send};
use crate::protocol::template::Template;

/// One that writes down what it hears, and has enough at a word.
struct Pupil {
    talk: Talk,
    splitter: Option<Splitter>,
    enough: Option<&'static [u8]>,
    heard: Vec<(String, bool)>,
}

impl Listener for Pupil {
    type End = String;

    fn ears(&mut self) -> (&mut Talk, &mut Option<Splitter>) {
        (&mut self.talk, &mut self.splitter)
    }

    fn step(&self) -> Step {
        Step::Join
    }

    fn take_message(
        &mut self,
        frame: &Message,
        message: &[u8],
        incoming: Incoming<'_>,
        now_us: u64,
    ) -> ControlFlow<String> {
        assert_eq!((frame.is_text(), now_us), (true, 5));
        let is_reply = matches!(incoming, Incoming::Reply);
        self.heard.push((String::from_utf8_lossy(message).into_owned(), is_reply));
        if self.enough == Some(message) {
            return ControlFlow::Break("enough".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn broken_off(&mut self, failure: Failure) -> String {
        format!("{:?} at {:?}: {}", failure.kind, failure.step, failure.text)
    }
}

/// Of a protocol that answers every `{"ping":"1"}`.
fn pupil(framing: Option<Framing>) -> Pupil {
    let template = |text| Template::parse(text, &Names::default()).unwrap();
    let json = vec![(Pointer::parse(&["/ping"]).unwrap(), Wanted::Text(template("1")))];
    let reply = Reply {
        when: Matcher::new(vec![Condition { json, ..Condition::default() }]),
        captures: Vec::new(),
        send: Send(vec![Piece::Text(template("pong"))]),
    };
    let file = Description { framing, replies: vec![reply], ..Description::empty("pupil") };
    let protocol = Protocol::Described(Arc::new(file));
    let person = Rc::new(Person {
        client: 0,
        run: "0000000".into(),
        user: None,
        last_id: 0,
        setting: Arc::default(),
    });
    let mut talk = Talk::new(&protocol, person, Captured::default(), None);
    assert!(matches!(talk.begin(false, 0), Incoming::Open));
    Pupil { talk, splitter: protocol.splitter(1_000), enough: None, heard: Vec::new() }
}

fn by_lines(across_frames: bool) -> Option<Framing> {
    Some(Framing { split: b"\n".to_vec(), across_frames })
}

fn hear_all(pupil: &mut Pupil, frames: &[&str]) -> Option<String> {
    frames.iter().find_map(|text| {
        let frame = Message::text(*text);
        let data = data_of(&frame).unwrap();
        hear(pupil, &frame, data, 5).break_value()
    })
}

fn words(pupil: &Pupil) -> Vec<&str> {
    pupil.heard.iter().map(|(text, _)| text.as_str()).collect()
}

#[test]
fn frames_of_websockets_own_hold_no_data() {
    assert_eq!(data_of(&Message::text("a")), Some(&b"a"[..]));
    assert_eq!(data_of(&Message::binary(vec![1])), Some(&[1][..]));
    for frame in [Message::Ping("a".into()), Message::Pong("a".into()), Message::Close(None)] {
        assert_eq!(data_of(&frame), None);
    }
}

#[test]
fn a_frame_is_a_message_or_holds_several_or_goes_on_in_the_next() {
    for (framing, frames, heard) in [
        (None, &["a\nb", "c"][..], &["a\nb", "c"][..]),
        (by_lines(false), &["a\nb", "c"], &["a", "b", "c"]),
        (by_lines(true), &["a\nb", "c\nd"], &["a", "bc"]),
    ] {
        let mut pupil = pupil(framing);
        assert_eq!(hear_all(&mut pupil, frames), None);
        assert_eq!(words(&pupil), heard);
    }
}

#[test]
fn the_protocol_looks_at_each_message() {
    for framing in [None, by_lines(false)] {
        let mut pupil = pupil(framing);
        assert_eq!(hear_all(&mut pupil, &[r#"{"ping":"1"}"#, r#"{"ping":"2"}"#]), None);
        let taken: Vec<_> = pupil.heard.iter().map(|(_, is_reply)| *is_reply).collect();
        assert_eq!(taken, [true, false]);
        assert!(pupil.talk.take_frame().is_some() && pupil.talk.take_frame().is_none());
    }
}

#[test]
fn nothing_is_heard_after_what_ends_the_connection() {
    for framing in [None, by_lines(false)] {
        let mut pupil = pupil(framing.clone());
        pupil.enough = Some(b"b");
        let frames: &[&str] = if framing.is_none() { &["a", "b", "c"] } else { &["a\nb\nc"] };
        assert_eq!(hear_all(&mut pupil, frames).as_deref(), Some("enough"));
        assert_eq!(words(&pupil), ["a", "b"]);
        assert_eq!(pupil.splitter.is_some(), framing.is_some(), "its splitter is its own again");
    }
}

#[test]
fn what_cannot_be_taken_apart_ends_the_connection_in_the_step_it_is_in() {
    let mut pupil = pupil(by_lines(true));
    let endless = "a".repeat(crate::protocol::framing::REST_MAX_BYTES + 1);
    let end = hear_all(&mut pupil, &[&endless]).unwrap();
    assert!(end.starts_with("Oversize at Join: a message went on for over 1 MiB"), "{end}");
    assert!(pupil.heard.is_empty());
}

#[test]
fn one_frame_may_not_ask_for_thousands_of_replies() {
    let pings = |count: usize| [r#"{"ping":"1"}"#].repeat(count).join("\n");
    let mut polite = pupil(by_lines(false));
    assert_eq!(hear_all(&mut polite, &[&pings(4_096)]), None);
    let mut pupil = pupil(by_lines(false));
    let end = hear_all(&mut pupil, &[&pings(5_000)]).unwrap();
    assert!(end.starts_with("Oversize at Join: one message of the server's asks"), "{end}");
    assert_eq!(pupil.heard.len(), 4_097);
}
