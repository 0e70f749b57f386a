//! From what a protocol file says to a prepared [`Description`]: the rules between its keys.
//!
//! Each function gives a part whatever it finds; where something is wrong, a mistake is recorded
//! and the part is a stand-in that nobody gets to see.

mod login;
mod matching;
mod names;
mod steps;
mod templates;
mod traffic;
mod upgrade;

use super::raw::File;
use super::{Described, Uses};
use crate::protocol::description::Description;
use crate::protocol::framing::Framing;
use crate::protocol::scope::Variable;
use crate::scenario::mistake::{Mistakes, Span};
use names::Known;
use templates::Here;

/// The file's text, and where it lies among all texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What building needs to know everywhere.
struct Builder<'a> {
    origin: Origin<'a>,
    known: Known,
    uses: Uses,
    mistakes: &'a mut Mistakes,
}

pub(super) fn described(file: &File, origin: Origin<'_>, mistakes: &mut Mistakes) -> Described {
    let before = mistakes.count();
    let known = Known::of(file, mistakes);
    let mut builder = Builder { origin, known, uses: Uses::default(), mistakes };
    let description = builder.description(file);
    builder.empty_rooms(file, &description);
    // What stands in a template with a mistake in it was not counted as used.
    if builder.mistakes.count() == before {
        builder.unused();
    }
    Described { description, uses: builder.uses }
}

impl Builder<'_> {
    fn description(&mut self, file: &File) -> Description {
        // In the order in which a connection goes through them: each may name what those before
        // it captured.
        let logins = self.logins(file);
        let (path, query, subprotocols, headers) = self.upgrade(file);
        self.known.open();
        let connect = self.steps(file, file.connect.get(), "a connect step");
        let join = self.join(file);
        self.known.all();
        let resume = self.steps(file, file.resume.get(), "a resume step");
        self.known.all();
        let leave = self.leave(file);
        let publish = self.publish(file);
        let actions = self.actions(file);
        let delivery = self.delivery(file);
        let replies = self.replies(file);
        let ignores = self.ignores(file);
        let heartbeat = self.heartbeat(file);
        let goodbye = self.goodbye(file);
        let error = file.error.get().map(|error| self.matcher(error, &Here::rule("`error`")));
        let json_from = file.json_from.get().and_then(|pattern| self.pattern(pattern));
        let framing = file.framing.get().and_then(|raw| {
            let framing = Framing {
                split: raw.split.get()?.clone().into_bytes(),
                across_frames: raw.across_frames.value(),
            };
            if framing.split.is_empty() {
                let span = raw.split.span_or(&raw.span);
                self.mistakes
                    .add(span, "`framing.split` is empty")
                    .label("what stands between two messages?")
                    .help("write `split = \"\\n\"`, or remove `[framing]`");
            }
            Some(framing)
        });
        Description {
            name: file.name.value().0,
            verified: file.verified.value(),
            names: self.known.names.clone(),
            params: self.known.params.clone(),
            secret: self.secret(file),
            path,
            query,
            subprotocols,
            headers,
            recipients: file.recipients.value().0,
            away: file.away.value().0,
            json_from,
            framing,
            error,
            logins,
            connect,
            resume,
            join,
            leave,
            publish,
            actions,
            delivery,
            replies,
            ignores,
            heartbeat,
            goodbye,
            changing: self.known.changing(),
        }
    }

    /// Refuses rooms that are published to and that nobody is in.
    fn empty_rooms(&mut self, file: &File, description: &Description) {
        if description.join.is_some() || description.connects_to_a_room() {
            return;
        }
        let Some(publish) = &description.publish else { return };
        let pieces = publish.send.0.iter().chain(publish.binary.iter().flat_map(|send| &send.0));
        let names_room = pieces
            .flat_map(|piece| piece.template().variables())
            .any(|variable| matches!(variable, Variable::Room | Variable::N));
        if let (true, Some(at)) = (names_room, file.publish.written()) {
            let span = at.value.send.span_or(&at.span);
            self.mistakes
                .add(span, "`publish` names a room, but nothing makes a client a member of one")
                .label("who is in this room?")
                .help(
                    "add `[join]`, or name `{{ room }}` where the connection begins: in `path`, \
                     `query`, `headers` or a `[[connect]]`",
                );
        }
    }

    /// Where a part of a string's content stands in the file, or the whole string where escapes
    /// make that hard to say.
    fn inside(&self, span: &Span, content: &str, range: std::ops::Range<usize>) -> Span {
        let Origin { text, start, end } = self.origin;
        if span.start < start || span.end > end {
            return span.clone();
        }
        let Some(written) = text.get(span.start - start..span.end - start) else {
            return span.clone();
        };
        // The last is a string's part, which has no quotes of its own.
        for quote in ["\"\"\"", "'''", "\"", "'", ""] {
            let Some(behind) = written.strip_prefix(quote) else { continue };
            // TOML drops a line break right behind three quotes.
            let first = ["\r\n", "\n"].into_iter().find(|first| behind.starts_with(first));
            let skipped = first.filter(|_| quote.len() == 3).map_or(0, str::len);
            if behind[skipped..].starts_with(content) {
                let at = span.start + quote.len() + skipped;
                return at + range.start..at + range.end.max(range.start);
            }
            break;
        }
        span.clone()
    }
}
