//! Getting in: connect and resume steps, joining and leaving rooms.

use std::time::Duration;

use super::Builder;
use super::templates::Here;
use crate::protocol::Recipients;
use crate::protocol::description::{Join, Known, Step};
use crate::protocol::send::Send;
use crate::scenario::alike::{not_zero, written_of};
use crate::scenario::keys::Field;
use crate::scenario::mistake::Span;
use crate::scenario::protocol_file::captures::Captures;
use crate::scenario::protocol_file::matching::Matcher;
use crate::scenario::protocol_file::raw;
use crate::scenario::values::List;

impl Builder<'_> {
    pub(super) fn steps(
        &mut self,
        file: &raw::File,
        list: Option<&List<raw::Step>>,
        what: &'static str,
    ) -> Vec<Step> {
        // Without a join a connection is for one room, which its first words may name.
        let here = Here { room: file.join.is_absent(), ..Here::step(what) };
        let steps = list.map_or(&[][..], |list| &list.0);
        steps.iter().map(|at| self.step(&at.value, &here)).collect()
    }

    fn step(&mut self, raw: &raw::Step, here: &Here) -> Step {
        let what = here.what;
        if raw.send.is_absent() && raw.expect.is_absent() {
            self.mistakes
                .missing(&raw.span, format!("{what} neither sends nor expects anything"))
                .label("this step")
                .help("write `send`, `expect` or both");
        }
        self.needs_expect(&raw.expect, &raw.fail, &raw.capture, what);
        if let Some(timeout) = raw.timeout.written()
            && raw.expect.is_absent()
        {
            self.mistakes
                .add(&timeout.span, format!("{what} has a `timeout` but no `expect`"))
                .label("nothing is waited for")
                .help("add `expect`, or remove it");
        }
        not_zero("timeout", &raw.timeout, self.mistakes);
        let send = raw.send.get().map_or_else(Send::default, |send| self.send(send, here));
        let expect = raw.expect.get().map(|expect| self.matcher(expect, here));
        let fail = raw.fail.get().map(|fail| self.matcher(fail, here));
        let captures = self.captures(&raw.capture, false);
        Step { send, expect, fail, captures, timeout: raw.timeout.get().copied() }
    }

    /// Refuses what can only be found in an answer that nobody waits for.
    fn needs_expect(
        &mut self,
        expect: &Field<Matcher>,
        fail: &Field<Matcher>,
        capture: &Field<Captures>,
        what: &str,
    ) {
        if !expect.is_absent() {
            return;
        }
        if let Some(fail) = fail.written() {
            self.mistakes
                .add(&fail.span, format!("{what} has a `fail` but no `expect`"))
                .label("nothing is waited for")
                .help("add `expect`: until either comes, the step waits");
        }
        if let Some(capture) = capture.written() {
            self.mistakes
                .add(&capture.span, format!("{what} has a `capture` but no `expect`"))
                .label("from which message?")
                .help("captures are taken from the message that `expect` matches");
        }
    }

    pub(super) fn join(&mut self, file: &raw::File) -> Option<Join> {
        let written = file.join.written()?;
        let raw = &written.value;
        let here = Here::step("the join").with_room();
        let send = raw.send.get().map_or_else(Send::default, |send| self.send(send, &here));
        let known = self.known_by(file, raw, &written.span, &here);
        if let (Some(capture), false) =
            (raw.capture.written(), matches!(known, Known::Answer(_) | Known::Barrier(..)))
        {
            self.mistakes
                .add(&capture.span, "the join has a `capture` but no answer to take it from")
                .label("from which message?")
                .help("captures are taken from the message that `expect` matches");
        }
        let fail = raw.fail.get().map(|fail| self.matcher(fail, &here));
        let captures = self.captures(&raw.capture, false);
        Some(Join { send, known, fail, captures })
    }

    /// The one way in which a client knows that it is in.
    fn known_by(&mut self, file: &raw::File, raw: &raw::Join, table: &Span, here: &Here) -> Known {
        let stand_in = Known::Settle(Duration::ZERO);
        let ways = [
            ("expect", written_of(&raw.expect)),
            ("barrier", written_of(&raw.barrier)),
            ("probe", written_of(&raw.probe)),
            ("settle", written_of(&raw.settle)),
        ];
        let broken = [
            matches!(raw.expect, Field::Broken),
            matches!(raw.barrier, Field::Broken),
            matches!(raw.probe, Field::Broken),
            matches!(raw.settle, Field::Broken),
        ];
        let mut present: Vec<_> =
            ways.into_iter().filter_map(|(name, span)| Some((name, span?))).collect();
        present.sort_by_key(|(_, span)| span.start);
        if present.is_empty() {
            if !broken.contains(&true) {
                self.mistakes
                    .missing(table, "`join` doesn't say how a client knows that it is in")
                    .label("in this table")
                    .help(
                        "write exactly one of: `expect = { ... }` if the server answers; \
                         `barrier = { send, expect }` if it answers something else in order, such \
                         as a ping; `probe = true` to publish until one hears oneself; \
                         `settle = \"200ms\"` to hope",
                    );
            }
            return stand_in;
        }
        if let [(first, _), (second, span), ..] = present[..] {
            self.mistakes
                .add(span, format!("`join` has both `{first}` and `{second}`"))
                .label("one too many")
                .help("keep exactly one of expect, barrier, probe, settle");
            return stand_in;
        }
        if let Some(expect) = raw.expect.get() {
            return Known::Answer(self.matcher(expect, here));
        }
        if let Some(barrier) = raw.barrier.get() {
            let here = Here { what: "the barrier", ..*here };
            let send = barrier.send.get().map_or_else(Send::default, |send| self.send(send, &here));
            return match barrier.expect.get() {
                Some(expect) => Known::Barrier(send, self.matcher(expect, &here)),
                None => stand_in,
            };
        }
        if let Some(probe) = raw.probe.written() {
            self.probe(file, probe.value, &probe.span);
            return Known::Probe;
        }
        not_zero("join.settle", &raw.settle, self.mistakes);
        raw.settle.get().map_or(stand_in, |settle| Known::Settle(*settle))
    }

    /// Who probes has to hear what it publishes.
    fn probe(&mut self, file: &raw::File, wanted: bool, span: &Span) {
        let recipients = file.recipients.value().0;
        let (what, label, help) = if !wanted {
            (
                "`join.probe` is false, and nothing else says how a client knows that it is in",
                "not a way to know",
                "write `probe = true`, or one of expect, barrier, settle",
            )
        } else if file.publish.is_absent() {
            (
                "a probe needs `[publish]`",
                "nothing to probe with",
                "a probe is a message that the client publishes to hear it: use expect, barrier or \
                 settle",
            )
        } else if !matches!(recipients, Recipients::Room | Recipients::Sender) {
            (
                "a client can't hear its own probe here",
                "with these `recipients`",
                "a probe needs `recipients = \"room\"`: use expect, barrier or settle",
            )
        } else {
            return;
        };
        self.mistakes.add(span, what).label(label).help(help);
    }

    pub(super) fn leave(&mut self, file: &raw::File) -> Option<Step> {
        let written = file.leave.written()?;
        let raw = &written.value;
        let here = Here::step("the leave").with_room();
        if file.join.is_absent() {
            self.mistakes
                .add(&written.span, "there is a `[leave]` but no `[join]`")
                .label("leaves what?")
                .help(
                    "without a `[join]` a connection is in its room from the upgrade on, and \
                     leaves it by closing: remove `[leave]`",
                );
        }
        self.needs_expect(&raw.expect, &raw.fail, &Field::Absent, "the leave");
        let send = raw.send.get().map_or_else(Send::default, |send| self.send(send, &here));
        let expect = raw.expect.get().map(|expect| self.matcher(expect, &here));
        let fail = raw.fail.get().map(|fail| self.matcher(fail, &here));
        Some(Step { send, expect, fail, captures: Vec::new(), timeout: None })
    }
}
