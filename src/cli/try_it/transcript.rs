//! The transcript of two clients: a line for each frame, as it happens.
//!
//! A column for the client, the time since the start, the direction, the frame, and on the right the
//! step that said it or took it. Captures stand below the frame they were taken from.

use std::cell::RefCell;
use std::rc::Rc;

use memchr::memmem;
use tokio_tungstenite::tungstenite::Message;

use super::echo::says_error;
use super::page::{Page, name, ordinal};
use crate::client::{Answer, Exchange, Request, Said, Watch};
use crate::protocol::scope::Captured;
use crate::protocol::{Incoming, Protocol, Taker, Talk, Told};
use crate::ready::recent::{Recent, named};
use crate::ready::shown::control;
use crate::secrets::redact_url;
use crate::stamp::{self, Found, MAGIC};
use crate::units::format::count;

/// Ids of probes that are remembered: one is said every 200 ms.
const PROBES_MAX: usize = 1_000;

/// One client's side of the transcript.
#[derive(Debug)]
pub(super) struct Column {
    client: u32,
    run: u32,
    page: Rc<RefCell<Page>>,
    pub(super) recent: Recent,
    captured: Captured,
    /// What it published last, as it was written.
    said: Vec<u8>,
    /// The ids under which it said what belongs to nobody: probes.
    probes: Vec<u64>,
}

impl Column {
    pub(super) fn new(client: u32, run: u32, page: &Rc<RefCell<Page>>, recent: Recent) -> Self {
        let (page, captured) = (Rc::clone(page), Captured::default());
        Self { client, run, page, recent, captured, said: Vec::new(), probes: Vec::new() }
    }

    /// A login. What it says and is told is most likely secret, and is not known by value yet.
    fn logged_in(
        &self,
        at_us: u64,
        at: usize,
        asked: &Request<'_>,
        answer: &Answer,
        page: &mut Page,
    ) {
        let step = format!("login {}", at + 1);
        let said = |headers: &[(String, String)], body: &[u8]| {
            if page.shows_all {
                let headers = headers.iter().map(|(name, value)| format!(" {name}: {value};"));
                let headers: String = headers.collect();
                return format!("{headers} {}", String::from_utf8_lossy(body));
            }
            format!(" ({} bytes)", count(body.len() as u64))
        };
        let url = if page.shows_all { asked.url.to_owned() } else { redact_url(asked.url) };
        let asked = format!("{} {url}{}", asked.method, said(asked.headers, asked.body));
        let answered = format!("{}{}", answer.status, said(&answer.headers, &answer.body));
        for (sign, words) in [('>', asked), ('<', answered)] {
            let lines = page.text(&words);
            page.row(self.client, at_us, sign, &lines, &step);
        }
    }

    /// What was captured since the last time.
    fn show_captures(&mut self, page: &mut Page) {
        let captured = self.recent.captured();
        if let Protocol::Described(file) = page.protocol.clone() {
            for (at, name) in file.names.captures.iter().enumerate() {
                if let Some(value) = captured.get(at)
                    && self.captured.get(at) != Some(value)
                {
                    page.capture(name, value, page.hidden.hides(at));
                }
            }
        }
        self.captured = captured.clone();
    }

    fn said(&self, said: Said, page: &Page, talk: &Talk) -> String {
        let room = &page.room;
        match said {
            Said::Connect => connect_step(&page.protocol, talk),
            Said::Join => format!("join {room}"),
            Said::Probe => format!("join {room}: probe"),
            Said::Publish(seq) => format!("publish, {}'s {}", name(self.client), ordinal(seq)),
            Said::Leave => format!("leave {room}"),
            Said::Reply(at) => format!("reply {}", at + 1),
            Said::Heartbeat => "heartbeat".to_owned(),
            Said::Answer => "answer".to_owned(),
            Said::Goodbye => "goodbye".to_owned(),
        }
    }

    fn note_sent(&mut self, frame: &Message, said: Said, talk: &Talk) {
        match said {
            Said::Publish(_) => self.said = frame.clone().into_data().to_vec(),
            Said::Probe if self.probes.len() < PROBES_MAX => self.probes.push(talk.last_id()),
            _ => {}
        }
    }

    /// Whether its own message comes back in what looks like an error.
    fn look_for_errors(&self, bytes: &[u8], incoming: &Incoming<'_>, page: &mut Page) {
        let nobodys = matches!(incoming, Incoming::Data | Incoming::Unmatched);
        if !nobodys || page.echoed.is_some() {
            return;
        }
        let mut own = false;
        stamp::scan(bytes, |found| {
            if let Found::Intact(stamp) | Found::Corrupted(stamp) = found {
                own |= stamp.publisher == self.client && stamp.run == self.run;
            }
        });
        if own && says_error(bytes, &self.said) {
            page.echoed = Some(String::from_utf8_lossy(bytes).into_owned());
        }
    }

    fn took(&self, bytes: &[u8], taker: Taker, incoming: &Incoming<'_>, page: &mut Page) -> String {
        let stamped = memmem::find(bytes, MAGIC.as_bytes()).is_some();
        match incoming {
            Incoming::Data if stamped => page.deliveries(bytes, self.run),
            Incoming::Data => "unmatched".to_owned(),
            Incoming::Unmatched if stamped => "unmatched, though it holds a payload".to_owned(),
            Incoming::Unmatched => "unmatched".to_owned(),
            Incoming::Event(event) => match event.sequence {
                Told::Is((_, number)) => format!("event {}", count(number)),
                Told::Unreadable => "event whose number can't be read".to_owned(),
                Told::Nothing => "event".to_owned(),
            },
            Incoming::Acked(id) | Incoming::Rejected(id, _) => {
                let word = if let Incoming::Acked(_) = incoming { "ack" } else { "refusal" };
                match page.ids.get(&(self.client, *id)) {
                    Some(seq) => format!("{word} of {}'s {}", name(self.client), ordinal(*seq)),
                    None if self.probes.contains(id) => format!("{word} of the probe"),
                    None => {
                        page.notes.unknown_acks += 1;
                        format!("{word} of an unknown id")
                    }
                }
            }
            Incoming::Ignored(at) => format!("ignored: {}", page.protocol.ignored(*at)),
            Incoming::Failed(_) => match taker {
                Taker::Nobody => "failed".to_owned(),
                taker => format!("{}, failed", named(taker, &page.room)),
            },
            _ => named(taker, &page.room),
        }
    }
}

/// The step of `connect` that speaks, where it can be told: steps that wait for nothing are said
/// together with the next one.
fn connect_step(protocol: &Protocol, talk: &Talk) -> String {
    let waits = talk.waiting().into_iter().find_map(|(taker, _)| match taker {
        Taker::Connect(at) => Some(at),
        _ => None,
    });
    match (protocol, waits) {
        (Protocol::Described(file), Some(at))
            if at == 0 || file.connect.get(at - 1).is_some_and(|step| step.expect.is_some()) =>
        {
            format!("connect {}", at + 1)
        }
        _ => "connect".to_owned(),
    }
}

impl Watch for Column {
    fn see(&mut self, at_us: u64, exchange: Exchange<'_>, talk: Option<&Talk>) {
        let waited = self.recent.waited().to_vec();
        self.recent.note(&exchange, talk);
        let page = Rc::clone(&self.page);
        let mut page = page.borrow_mut();
        let page = &mut *page;
        // Before the frame is shown from which it was taken.
        page.hidden.learn(self.recent.captured());
        match (exchange, talk) {
            (Exchange::LoggedIn(at, asked, answer), _) => {
                self.logged_in(at_us, at, asked, answer, page);
            }
            (Exchange::Upgraded { address }, _) => {
                page.row(self.client, at_us, '=', &[format!("upgraded by {address}")], "");
            }
            (Exchange::Sent(frame, said), Some(talk)) => {
                self.note_sent(frame, said, talk);
                let lines = match frame {
                    Message::Text(text) => page.shown(text.as_bytes(), true, talk),
                    Message::Binary(bytes) => page.shown(bytes, false, talk),
                    frame => vec![control(frame, &page.hidden)],
                };
                let step = self.said(said, page, talk);
                page.row(self.client, at_us, '>', &lines, &step);
            }
            (Exchange::Received(bytes, is_text, taker, incoming), Some(talk)) => {
                let lines = page.shown(bytes, is_text, talk);
                let step = self.took(bytes, taker, incoming, page);
                self.look_for_errors(bytes, incoming, page);
                let is_new = page.row(self.client, at_us, '<', &lines, &step);
                let takers = talk.takers(bytes, is_text);
                let said = page.notes.took(taker, &waited, &takers, &page.room);
                if is_new {
                    page.explain(&said);
                }
            }
            (Exchange::Control(frame), _) => {
                let line = control(frame, &page.hidden);
                page.row(self.client, at_us, '<', &[line], "");
            }
            (Exchange::Began | Exchange::Sent(..) | Exchange::Received(..), _) => {}
        }
        self.show_captures(page);
    }
}
