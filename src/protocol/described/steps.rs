//! Getting in: the steps of `connect` and `resume`, joining and leaving rooms.

use std::sync::Arc;

use super::{Stage, Talk, Wait, step_of, unsaid};
use crate::metric::{Detail, ErrorKind};
use crate::protocol::description::{Known, STEP_TIMEOUT, Step};
use crate::protocol::frame::Frame;
use crate::protocol::matcher::Matcher;
use crate::protocol::scope::{RoomName, Scope, Variable};
use crate::protocol::template::Missing;
use crate::protocol::{Failure, Incoming, Taker, quote};

/// The answer of a room is waited for as long as the target's join timeout, which is the
/// client's to keep.
const NEVER_US: u64 = u64::MAX;
/// How often a probe is repeated: the first may have been published before the join held.
const PROBE_EVERY_US: u64 = 200_000;

impl Talk {
    pub(in crate::protocol) fn begin(&mut self, back: bool, now_us: u64) -> Incoming<'static> {
        self.beat.heard(now_us);
        let resumes = back && !self.file.resume.is_empty();
        self.stage = if resumes { Stage::Resuming(0) } else { Stage::Connecting(0) };
        self.proceed(now_us)
    }

    pub(in crate::protocol) fn is_resuming(&self) -> bool {
        matches!(self.stage, Stage::Resuming(_))
    }

    /// Says what the current step has to say; goes on where nothing is waited for.
    fn proceed(&mut self, now_us: u64) -> Incoming<'static> {
        let file = Arc::clone(&self.file);
        loop {
            let (steps, at, what) = match self.stage {
                Stage::Connecting(at) => (&file.connect, at, Taker::Connect(at)),
                Stage::Resuming(at) => (&file.resume, at, Taker::Resume(at)),
                Stage::Open => return Incoming::Open,
            };
            let Some(step) = steps.get(at) else {
                let resumed = matches!(self.stage, Stage::Resuming(_));
                return self.open(resumed, now_us);
            };
            match self.ask(step, what, now_us) {
                Ok(true) => return Incoming::Step,
                Ok(false) => self.stage = self.stage.next(),
                // What it would resume with was never captured: it begins as a new client.
                Err(_) if matches!(what, Taker::Resume(_)) => self.stage = Stage::Connecting(0),
                Err(missing) => return Incoming::Failed(unsaid(what, &missing)),
            }
        }
    }

    /// Rooms can be joined from now on.
    fn open(&mut self, resumed: bool, now_us: u64) -> Incoming<'static> {
        self.stage = Stage::Open;
        match self.start_beat(now_us) {
            Err(failure) => Incoming::Failed(failure),
            Ok(()) if resumed => Incoming::Resumed,
            Ok(()) => Incoming::Open,
        }
    }

    /// Sends a step's words; true if its answer is waited for.
    fn ask(&mut self, step: &Step, what: Taker, now_us: u64) -> Result<bool, Missing> {
        let id = self.next_id();
        let scope = self.scope(None, Some(id));
        let expect = step.expect.as_ref().map(|expect| expect.resolve(&scope)).transpose()?;
        let fail = step.fail.as_ref().map(|fail| fail.resolve(&scope)).transpose()?;
        self.say(&step.send, None, id)?;
        let waits = expect.is_some();
        if waits {
            let timeout = step.timeout.unwrap_or(STEP_TIMEOUT);
            let deadline_us = now_us + timeout.as_micros() as u64;
            self.waits.push(Wait { what, room: None, id, expect, fail, deadline_us });
        }
        Ok(waits)
    }

    pub(in crate::protocol) fn join(
        &mut self,
        at: usize,
        room: RoomName<'_>,
        now_us: u64,
    ) -> Result<(), Failure> {
        let what = Taker::Join(at);
        self.try_join(at, room, now_us).map_err(|missing| unsaid(what, &missing))
    }

    fn try_join(&mut self, at: usize, room: RoomName<'_>, now_us: u64) -> Result<(), Missing> {
        let file = Arc::clone(&self.file);
        let Some(join) = &file.join else { return Ok(()) };
        let what = Taker::Join(at);
        let mut id = self.next_id();
        let fail = match &join.fail {
            Some(fail) => Some(fail.resolve(&self.scope(Some(room), Some(id)))?),
            None => None,
        };
        self.say(&join.send, Some(room), id)?;
        let mut deadline_us = NEVER_US;
        let expect = match &join.known {
            Known::Answer(expect) => Some(expect),
            Known::Barrier(send, expect) => {
                id = self.next_id();
                self.say(send, Some(room), id)?;
                Some(expect)
            }
            Known::Probe => {
                deadline_us = now_us;
                None
            }
            Known::Settle(time) => {
                deadline_us = now_us + time.as_micros() as u64;
                None
            }
        };
        let scope = self.scope(Some(room), Some(id));
        let expect = expect.map(|expect| expect.resolve(&scope)).transpose()?;
        self.waits.push(Wait { what, room: Some(room.n), id, expect, fail, deadline_us });
        Ok(())
    }

    pub(in crate::protocol) fn leave(
        &mut self,
        at: usize,
        room: RoomName<'_>,
        _now_us: u64,
    ) -> Result<bool, Failure> {
        let file = Arc::clone(&self.file);
        let Some(step) = &file.leave else { return Ok(false) };
        let what = Taker::Leave(at);
        let id = self.next_id();
        let failed = |missing: Missing| unsaid(what, &missing);
        let scope = self.scope(Some(room), Some(id));
        let fold = |matcher: &Option<Matcher>| {
            matcher.as_ref().map(|matcher| matcher.resolve(&scope)).transpose()
        };
        let (expect, fail) =
            (fold(&step.expect).map_err(failed)?, fold(&step.fail).map_err(failed)?);
        self.say(&step.send, Some(room), id).map_err(failed)?;
        // A silent leave is over when it is written.
        let deadline_us = if expect.is_some() { NEVER_US } else { 0 };
        self.waits.push(Wait { what, room: Some(room.n), id, expect, fail, deadline_us });
        Ok(true)
    }

    pub(in crate::protocol) fn probed(&mut self, at: usize) -> bool {
        let probes = |wait: &Wait| wait.what == Taker::Join(at) && wait.expect.is_none();
        let waiting = self.waits.iter().position(probes);
        waiting.map(|waiting| self.waits.remove(waiting)).is_some()
    }

    /// Whether a message is the answer to something that is waited for.
    pub(super) fn answer(&mut self, frame: &Frame<'_>, now_us: u64) -> Option<Incoming<'static>> {
        let scope = self.scope(None, None);
        let mut found = None;
        for (at, wait) in self.waits.iter().enumerate() {
            let scope = Scope { id: Some(wait.id), ..scope };
            let holds = |matcher: &Option<Matcher>| {
                matcher.as_ref().is_some_and(|matcher| matcher.takes(frame, &scope))
            };
            if holds(&wait.fail) {
                found = Some((at, false));
            } else if holds(&wait.expect) {
                found = Some((at, true));
            } else {
                continue;
            }
            break;
        }
        let (at, well) = found?;
        let wait = self.waits.remove(at);
        self.taker = wait.what;
        if well && matches!(wait.what, Taker::Join(_)) {
            self.join_alike(&wait, frame, now_us);
        }
        Some(if well {
            self.answered(&wait, frame, now_us)
        } else {
            self.denied(&wait, frame, now_us)
        })
    }

    /// One answer may confirm several joins that wait: `{"ready":["1","2"]}`. They are over as soon as
    /// time is looked at, which is at once. Not where nothing in what they wait for tells one from the
    /// other: there each has an answer of its own.
    fn join_alike(&mut self, first: &Wait, frame: &Frame<'_>, now_us: u64) {
        let has_id = |expect: &Matcher| {
            expect.templates().any(|it| it.variables().any(|variable| *variable == Variable::Id))
        };
        let holds = |wait: &Wait| {
            let scope = Scope { id: Some(wait.id), ..self.scope(None, None) };
            wait.expect.as_ref().is_some_and(|expect| {
                (wait.expect != first.expect || has_id(expect)) && expect.takes(frame, &scope)
            })
        };
        let joins = |wait: &Wait| matches!(wait.what, Taker::Join(_));
        let alike: Vec<usize> = (0..self.waits.len())
            .filter(|at| joins(&self.waits[*at]) && holds(&self.waits[*at]))
            .collect();
        let file = Arc::clone(&self.file);
        for at in alike {
            let room = self.waits[at].room;
            for capture in file.join.iter().flat_map(|join| &join.captures) {
                if let (Some(text), Some(room)) = (capture.take(frame), room) {
                    self.keep_of_room(room, capture.into, text);
                }
            }
            let wait = &mut self.waits[at];
            (wait.expect, wait.fail, wait.deadline_us) = (None, None, now_us);
        }
    }

    /// Keeps what a room's join captured.
    fn keep_of_room(&mut self, room: u32, into: usize, text: Arc<str>) {
        self.captured.set_in(room, into, text);
        // Its publish may have the value of an earlier join in it.
        self.prepared.remove(&room);
    }

    fn answered(&mut self, wait: &Wait, frame: &Frame<'_>, now_us: u64) -> Incoming<'static> {
        let file = Arc::clone(&self.file);
        let captures = match wait.what {
            Taker::Connect(at) => file.connect.get(at).map(|step| &step.captures),
            Taker::Resume(at) => file.resume.get(at).map(|step| &step.captures),
            Taker::Join(_) => file.join.as_ref().map(|join| &join.captures),
            Taker::Leave(_) => file.leave.as_ref().map(|step| &step.captures),
            _ => None,
        };
        for capture in captures.into_iter().flatten() {
            match (capture.take(frame), wait.room) {
                (Some(text), Some(room)) => self.keep_of_room(room, capture.into, text),
                (Some(text), None) => self.captured.set(capture.into, text),
                (None, _) => {
                    let (step, kind) = (step_of(wait.what), ErrorKind::MissingValue);
                    let text = format!("the answer has no {}", capture.missed(frame));
                    let failure = Failure::new(step, kind, text);
                    return Incoming::Failed(Failure { detail: Detail::Capture, ..failure });
                }
            }
        }
        match wait.what {
            Taker::Connect(_) | Taker::Resume(_) => {
                self.stage = self.stage.next();
                self.proceed(now_us)
            }
            Taker::Join(at) => Incoming::Joined(at),
            Taker::Leave(at) => Incoming::Left(at),
            _ => Incoming::Heartbeat,
        }
    }

    /// The answer is a refusal.
    fn denied(&mut self, wait: &Wait, frame: &Frame<'_>, now_us: u64) -> Incoming<'static> {
        self.give_up(
            wait.what,
            ErrorKind::ServerError,
            format!("refused: {}", quote(frame.bytes())),
            now_us,
        )
    }

    /// A step that failed ends the conversation, but for a resume, which connects anew.
    pub(super) fn give_up(
        &mut self,
        what: Taker,
        kind: ErrorKind,
        text: String,
        now_us: u64,
    ) -> Incoming<'static> {
        if let Taker::Resume(_) = what {
            self.waits.retain(|wait| !matches!(wait.what, Taker::Resume(_)));
            self.stage = Stage::Connecting(0);
            return self.proceed(now_us);
        }
        Incoming::Failed(Failure::new(step_of(what), kind, text))
    }

    /// What an error reply fails: the oldest step that waits for an answer.
    pub(super) fn fail_oldest(&mut self, text: String, now_us: u64) -> Option<Incoming<'static>> {
        let at = self.waits.iter().position(|wait| wait.what != Taker::Heartbeat)?;
        let wait = self.waits.remove(at);
        Some(self.give_up(wait.what, ErrorKind::ServerError, text, now_us))
    }

    /// A wait whose time has come: settled, to be probed, or too late.
    pub(super) fn ring(&mut self, now_us: u64) -> Option<Incoming<'static>> {
        let at = self.waits.iter().position(|wait| wait.deadline_us <= now_us)?;
        let what = self.waits[at].what;
        let silent = self.waits[at].expect.is_none();
        Some(match what {
            Taker::Join(room) if silent => match self.file.join.as_ref().map(|join| &join.known) {
                Some(Known::Probe) => {
                    self.waits[at].deadline_us = now_us + PROBE_EVERY_US;
                    Incoming::Probe(room)
                }
                _ => {
                    self.waits.remove(at);
                    Incoming::Joined(room)
                }
            },
            Taker::Leave(room) if silent => {
                self.waits.remove(at);
                Incoming::Left(room)
            }
            Taker::Heartbeat => {
                self.waits.remove(at);
                let text = "a heartbeat was not answered in time";
                self.give_up(what, ErrorKind::HeartbeatLost, text.to_owned(), now_us)
            }
            _ => {
                self.waits.remove(at);
                let text = "its answer took too long";
                self.give_up(what, ErrorKind::TimedOut, text.to_owned(), now_us)
            }
        })
    }
}

impl Stage {
    fn next(self) -> Self {
        match self {
            Self::Connecting(at) => Self::Connecting(at + 1),
            Self::Resuming(at) => Self::Resuming(at + 1),
            Self::Open => Self::Open,
        }
    }
}
