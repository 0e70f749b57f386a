//! What goes on once a client is in: messages, acknowledgements, deliveries, questions, heartbeats,
//! and goodbye.

use std::time::Duration;

use super::Builder;
use super::templates::{Here, Kind};
use crate::protocol::description::{
    Ack, Action, Delivery, Goodbye, Heartbeat, Ignore, Publish, Reply, SentAt, Sequence,
};
use crate::protocol::matcher::Matcher;
use crate::protocol::scope::Variable;
use crate::protocol::send::{Piece, Send};
use crate::protocol::template::Template;
use crate::scenario::alike::{not_zero, written_of};
use crate::scenario::keys::{At, Field};
use crate::scenario::mistake::Span;
use crate::scenario::protocol_file::raw::{self, From};
use crate::scenario::protocol_file::sending;
use crate::scenario::protocol_file::texts::Text;
use crate::scenario::values::{Bytes, List, Name};
use crate::stamp::MIN_PAYLOAD;
use crate::units::parse;

impl Builder<'_> {
    pub(super) fn publish(&mut self, file: &raw::File) -> Option<Publish> {
        let raw = &file.publish.written()?.value;
        let here = Here { message: true, ..Here::step("a publish").with_room() };
        let send = raw.send.get().map_or_else(Send::default, |send| self.message(send, &here));
        let binary = raw
            .binary
            .get()
            .and_then(|binary| binary.send.get())
            .map(|send| self.message(send, &here));
        let ack = raw.ack.written().and_then(|ack| {
            let sends = [raw.send.get(), raw.binary.get().and_then(|binary| binary.send.get())];
            for (raw, send) in sends.into_iter().zip([Some(&send), binary.as_ref()]) {
                self.correlates(raw, send, &ack.span);
            }
            self.ack(&ack.value)
        });
        let max_size = raw.max_size.written().and_then(|at| self.max_size(at));
        Some(Publish { send, binary, ack, max_size })
    }

    fn max_size(&mut self, at: &At<Bytes>) -> Option<u32> {
        let bytes = at.value.0;
        if bytes < MIN_PAYLOAD as u64 {
            self.mistakes
                .add(&at.span, format!("`publish.max_size` is at least {MIN_PAYLOAD} B"))
                .label("too small for a message of uproar")
                .help("the mark by which deliveries are found takes that much");
            return None;
        }
        Some(u32::try_from(bytes).unwrap_or(u32::MAX))
    }

    pub(super) fn actions(&mut self, file: &raw::File) -> Vec<Action> {
        let Some(list) = file.action.get() else { return Vec::new() };
        self.differ(list, "action", |action| &action.name);
        let here = Here::step("an action").with_room();
        let action = |at: &At<raw::Action>| Action {
            name: at.value.name.value().0,
            send: at.value.send.get().map_or_else(Send::default, |send| self.send(send, &here)),
        };
        list.0.iter().map(action).collect()
    }

    /// What publishes has to carry the content.
    fn message(&mut self, raw: &sending::Send, here: &Here) -> Send {
        let before = self.mistakes.count();
        let send = self.send(raw, here);
        let is_whole = self.mistakes.count() == before;
        if is_whole && !names(&send, &Variable::Payload) {
            self.mistakes
                .add(&raw.span, format!("`{}` sends no `{{{{ payload }}}}`", raw.path))
                .label("without the content")
                .help(
                    "put `{{ payload }}` where the message's text goes (in JSON \
                     `{{ payload | json }}`): it carries the mark by which deliveries are found",
                );
        }
        send
    }

    /// What an acknowledgement is found by has to be sent.
    fn correlates(&mut self, raw: Option<&sending::Send>, send: Option<&Send>, ack: &Span) {
        let (Some(raw), Some(send)) = (raw, send) else { return };
        if !send.0.is_empty() && !names(send, &Variable::Id) {
            self.mistakes
                .add(ack, format!("there is an `ack`, but `{}` sends no `{{{{ id }}}}`", raw.path))
                .label("which message is confirmed?")
                .help(
                    "put `{{ id }}` where the server takes it from, such as \"cid\":{{ id }}; it \
                     stands in the acknowledgement at `ack.id`",
                );
        }
    }

    fn ack(&mut self, raw: &raw::Ack) -> Option<Ack> {
        let when = raw.when.get().map(|when| self.matcher(when, &Here::rule("`ack.when`")));
        let id = raw.id.get().and_then(|id| self.place(id));
        let fail = raw.fail.get().map(|fail| self.matcher(fail, &Here::rule("`ack.fail`")));
        Some(Ack { when: when?, id: id?, fail })
    }

    pub(super) fn delivery(&mut self, file: &raw::File) -> Delivery {
        let Some(raw) = file.delivery.get() else { return Delivery::default() };
        let sequence = raw.sequence.get().and_then(|raw| {
            let at = raw.at.get().and_then(|at| self.place(at));
            let per = raw.per.get().and_then(|per| self.place(per));
            Some(Sequence { at: at?, per })
        });
        let sent_at = raw.sent_at.get().and_then(|raw| {
            let at = raw.at.get().and_then(|at| self.place(at));
            Some(SentAt { at: at?, unit: raw.unit.get()?.0 })
        });
        Delivery {
            when: raw.when.get().map(|when| self.matcher(when, &Here::rule("`delivery.when`"))),
            key: raw.key.get().and_then(|key| self.place(key)),
            sequence,
            sent_at,
            captures: self.captures(&raw.capture, false),
        }
    }

    pub(super) fn replies(&mut self, file: &raw::File) -> Vec<Reply> {
        let replies = file.reply.get().map_or(&[][..], |replies| &replies.0);
        replies.iter().map(|at| self.reply(&at.value)).collect()
    }

    fn reply(&mut self, raw: &raw::Reply) -> Reply {
        if raw.send.is_absent() && raw.capture.is_absent() {
            self.mistakes
                .missing(&raw.span, "a reply neither sends nor captures anything")
                .label("this reply")
                .help("add `send`; messages of no interest are `[[ignore]]`");
        }
        let when = raw.when.get().map(|when| self.matcher(when, &Here::rule("`reply.when`")));
        let captures = self.captures(&raw.capture, false);
        let here = Here::step("a reply");
        let send = raw.send.get().map_or_else(Send::default, |send| self.send(send, &here));
        Reply { when: when.unwrap_or_else(|| Matcher::new(Vec::new())), captures, send }
    }

    pub(super) fn ignores(&mut self, file: &raw::File) -> Vec<Ignore> {
        let Some(list) = file.ignore.get() else { return Vec::new() };
        self.differ(list, "ignore", |ignore| &ignore.name);
        let ignore = |at: &At<raw::Ignore>| Ignore {
            name: at.value.name.value().0,
            when: match at.value.when.get() {
                Some(when) => self.matcher(when, &Here::rule("`ignore.when`")),
                None => Matcher::new(Vec::new()),
            },
        };
        list.0.iter().map(ignore).collect()
    }

    /// Refuses a name that stands there twice.
    fn differ<T>(&mut self, list: &List<T>, what: &str, name: impl Fn(&T) -> &Field<Name>) {
        let mut seen: Vec<&str> = Vec::new();
        for at in &list.0 {
            let Some(name) = name(&at.value).written() else { continue };
            let text = name.value.0.as_str();
            if seen.contains(&text) {
                self.mistakes
                    .add(&name.span, format!("there are two {what}s named `{text}`"))
                    .label("a second time")
                    .help(format!("give each {what} a name of its own"));
            }
            seen.push(text);
        }
    }

    pub(super) fn heartbeat(&mut self, file: &raw::File) -> Option<Heartbeat> {
        let written = file.heartbeat.written()?;
        let raw = &written.value;
        not_zero("heartbeat.timeout", &raw.timeout, self.mistakes);
        match raw.from.get()?.0 {
            From::Server => {
                let only = "client";
                self.only(only, "send", written_of(&raw.send));
                self.only(only, "expect", written_of(&raw.expect));
                self.only(only, "every", written_of(&raw.every));
                self.only(only, "timeout", written_of(&raw.timeout));
                let within = self.times(&raw.within, "within", &written.span)?;
                Some(Heartbeat::Server { within })
            }
            From::Client => {
                self.only("server", "within", written_of(&raw.within));
                if let (Some(timeout), true) = (raw.timeout.written(), raw.expect.is_absent()) {
                    self.mistakes
                        .add(&timeout.span, "the heartbeat has a `timeout` but no `expect`")
                        .label("nothing is waited for")
                        .help("add `expect`, or remove it");
                }
                let here = Here::step("a heartbeat");
                if raw.send.is_absent() {
                    self.mistakes
                        .missing(&written.span, "`heartbeat` has no `send`")
                        .label("in this table")
                        .help(
                            "with `from = \"client\"` it is what the client says `every` so often",
                        );
                }
                let send = raw.send.get().map(|send| self.send(send, &here));
                let expect = raw.expect.get().map(|expect| self.matcher(expect, &here));
                let every = self.times(&raw.every, "every", &written.span);
                let timeout = raw.timeout.value();
                Some(Heartbeat::Client { send: send?, expect, every: every?, timeout })
            }
        }
    }

    /// Refuses a key of the other side's heartbeat.
    fn only(&mut self, side: &str, key: &str, span: Option<&Span>) {
        if let Some(span) = span {
            self.mistakes
                .add(span, format!("`heartbeat.{key}` needs `from = \"{side}\"`"))
                .label("unused")
                .help("`from` says who speaks to keep the connection alive");
        }
    }

    /// A template that gives a sum of durations.
    fn times(&mut self, field: &Field<Text>, key: &str, table: &Span) -> Option<Template> {
        if field.is_absent() {
            self.mistakes
                .missing(table, format!("`heartbeat` has no `{key}`"))
                .label("in this table")
                .help(format!("write `{key} = \"30s\"`, or \"{{{{ ping_every }}}}ms + 5s\""));
        }
        let text = field.get()?;
        let here = Here { quotes: false, ..Here::step("the heartbeat's time") };
        let template = self.template(text, Kind::Text, &here)?;
        // Without variables it can be read now; else with a number in their place.
        let mut probed = String::new();
        let mut rest = text.text.as_str();
        while let Some((before, behind)) = rest.split_once("{{") {
            probed.push_str(before);
            probed.push('1');
            rest = behind.split_once("}}").map_or("", |(_, after)| after);
        }
        probed.push_str(rest);
        // A variable may bring its own unit, and then it stands alone.
        let stands_alone = |term: &str| term == "1" && text.text.contains("{{");
        for term in probed.split('+').map(str::trim).filter(|term| !stands_alone(term)) {
            if let Err(why) = parse::duration(term) {
                self.mistakes
                    .add(&text.span, format!("`{}` is no time: {why}", text.path))
                    .label("can't be read")
                    .help("write a duration or a sum of them, such as \"{{ ping_every }}ms + 5s\"");
                return None;
            }
        }
        if template.is_literal().is_some() && is_nothing(&probed) && key == "within" {
            self.mistakes
                .add(&text.span, "`heartbeat.within` must be over 0")
                .label("too short")
                .help("it is the longest time without a word of the server");
        }
        Some(template)
    }

    pub(super) fn goodbye(&mut self, file: &raw::File) -> Goodbye {
        let Some(raw) = file.goodbye.get() else {
            return Goodbye { send: Send::default(), code: 1000 };
        };
        let code = raw.close.value().get();
        if let Some(close) = raw.close.written()
            && code != 1000
            && !(3000..=4999).contains(&code)
        {
            self.mistakes
                .add(&close.span, format!("a client can't close with {code}"))
                .label("1000, or 3000 to 4999")
                .help("the other codes are the server's or reserved (RFC 6455, 7.4)");
        }
        let here = Here::step("the goodbye");
        Goodbye {
            send: raw.send.get().map_or_else(Send::default, |send| self.send(send, &here)),
            code: u16::try_from(code).unwrap_or(1000),
        }
    }
}

/// Whether a sum of durations is nothing.
fn is_nothing(text: &str) -> bool {
    text.split('+').all(|term| parse::duration(term.trim()) == Ok(Duration::ZERO))
}

/// Whether something that is said names a variable.
fn names(send: &Send, variable: &Variable) -> bool {
    send.0.iter().map(Piece::template).any(|template| template.variables().any(|v| v == variable))
}
