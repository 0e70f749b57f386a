//! `[cohort.publish]`: how large messages are, and what they say.

use std::path::Path;

use super::super::keys::{At, Field, join};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Body, Size};
use super::super::raw;
use super::super::unions::SizeOr;
use super::super::values::Bytes;
use super::file;
use crate::codec::Post;
use crate::protocol::{Protocol, ProtocolKind, Writing};
use crate::stamp::MIN_PAYLOAD;
use crate::stamp::texts::{PLACE, Texts};
use crate::units::format::bytes;

/// Largest message content: one byte under 16 MiB, where common servers draw the line.
const MAX_PAYLOAD: u64 = (16 << 20) - 1;
/// Smallest structured message, rounded up: its mark, and what stands beside its text.
const MIN_STRUCTURED: u32 = 128;
const _: () = assert!(Post::EXAMPLE_BESIDE_TEXT + MIN_PAYLOAD <= MIN_STRUCTURED as usize);
/// Largest file of texts.
const LARGEST: u64 = 16 << 20;

/// What a cohort's messages are checked against.
pub(super) struct Content<'a> {
    pub(super) raw: &'a raw::Publish,
    /// How the cohort's `publish` is addressed, for messages.
    pub(super) path: String,
    pub(super) protocol: &'a Protocol,
    /// Where files that it names are.
    pub(super) folder: Option<&'a Path>,
    /// Whether the command line gave the protocol: the file was written for another one.
    pub(super) replaced: bool,
    /// Whether the protocol could be read; if not, nothing is said of what it allows.
    pub(super) known: bool,
}

impl Content<'_> {
    fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Size and texts, of which the server takes what both make together, and what messages consist of.
    pub(super) fn check(&self, mistakes: &mut Mistakes) -> (Size, Option<Texts>, Body) {
        let texts = self.texts(mistakes);
        let says_text = !self.raw.text.is_absent() || !self.raw.lines.is_absent();
        let size = match &self.raw.size {
            Field::Default(_) if says_text => Size::Fixed(MIN_PAYLOAD as u32),
            _ => self.size(mistakes),
        };
        if let Some(max) = self.protocol.max_size() {
            self.fits(size, texts.as_ref(), max, mistakes);
        }
        let body = self.body(size, mistakes);
        (size, texts, body)
    }

    /// What messages consist of, and whether that fits into their size.
    fn body(&self, size: Size, mistakes: &mut Mistakes) -> Body {
        let raw = self.raw;
        let body = raw.body.value().0;
        let Some(written) = raw.body.written().filter(|_| body == Body::Structured) else {
            return body;
        };
        let path = self.at("body");
        if self.known && !matches!(self.protocol, Protocol::Native(ProtocolKind::Rooms, _)) {
            let message = format!("`{path}` is of the protocol `rooms`");
            mistakes
                .idle(&written.span, self.replaced, message)
                .label("not with this protocol")
                .help(format!("`{}` sends text or bytes: remove it", self.protocol.name()));
        }
        if let Some(share) = raw.binary.written()
            && share.value.0 > 0.0
        {
            mistakes
                .add(&share.span, "structured messages have no binary share")
                .label("of what, then?")
                .help("the codec decides how they are sent: remove `binary`, or `body`");
        }
        let smallest = match size {
            Size::Fixed(bytes) => bytes,
            Size::Spread { p50, .. } => p50,
        };
        // What could not be read is 0 and was said.
        if (1..MIN_STRUCTURED).contains(&smallest) {
            mistakes
                .add(&written.span, "a structured message does not fit into its `size`")
                .label(format!("takes at least {MIN_STRUCTURED} B"))
                .help("write `size = \"128B\"` or more: it counts the text and all beside it");
        }
        body
    }

    fn texts(&self, mistakes: &mut Mistakes) -> Option<Texts> {
        if let (Some(text), Some(lines)) = (self.raw.text.written(), self.raw.lines.written()) {
            let span = if text.span.start > lines.span.start { &text.span } else { &lines.span };
            mistakes
                .add(span, format!("`{}` has both `text` and `lines`", self.path))
                .label("one too many")
                .help("keep one of them");
            return None;
        }
        let (texts, span) = if let Some(text) = self.raw.text.written() {
            (self.text(text, mistakes)?, &text.span)
        } else {
            let lines = self.raw.lines.written()?;
            (self.lines(lines, mistakes)?, &lines.span)
        };
        if texts.longest(0) as u64 > MAX_PAYLOAD {
            mistakes
                .add(span, format!("`{}` has a text that is too long", self.path))
                .label("16 MiB or more with uproar's mark");
            return None;
        }
        if self.protocol.writing() == Writing::Unknown {
            mistakes
                .warn(span, "whether these texts arrive as they are can't be told")
                .label("not compared")
                .help(
                    "the protocol's `publish` sends `{{ payload }}` through a filter other than \
                     `json`, `json2` and `xml`: deliveries are still found by uproar's mark",
                );
        }
        Some(texts)
    }

    fn text(&self, at: &At<String>, mistakes: &mut Mistakes) -> Option<Texts> {
        let path = self.at("text");
        if at.value.replacen(PLACE, "", 1).contains("{{") {
            mistakes
                .add(&at.span, format!("`{path}` has a variable that it can't have"))
                .label("unknown variable")
                .help("`{{ payload }}` stands in it once at most, where uproar's mark goes");
            return None;
        }
        let texts = Texts::new([at.value.as_str()]);
        if texts.is_none() {
            mistakes
                .add(&at.span, format!("`{path}` says nothing"))
                .label("empty")
                .help("write what people say, or remove it");
        }
        texts
    }

    fn lines(&self, at: &At<String>, mistakes: &mut Mistakes) -> Option<Texts> {
        let mut refuse = |why: String, help: &str| {
            mistakes.add(&at.span, why).label("this file").help(help);
            None
        };
        let Some(folder) = self.folder else {
            let why = format!("`{}` can't be read from here", at.value);
            return refuse(why, "write `text` instead");
        };
        let path = folder.join(&at.value);
        let shown = path.display();
        let text = match file::text(&path, LARGEST) {
            Ok(text) => text,
            Err(why) => {
                let why = format!("can't read the texts in `{shown}`: {why}");
                return refuse(why, "the path is relative to the scenario file");
            }
        };
        match Texts::new(text.lines()) {
            Some(texts) => Some(texts),
            None => refuse(format!("`{shown}` has no text"), "write one text a line"),
        }
    }

    /// Refuses what the server is known not to take.
    fn fits(&self, size: Size, texts: Option<&Texts>, max: u32, mistakes: &mut Mistakes) {
        let (named, least) = match size {
            Size::Fixed(bytes) => ("size", bytes),
            Size::Spread { p50, .. } => ("size", p50),
        };
        let longest = texts.map_or(0, |texts| texts.longest(0)) as u64;
        let name = self.protocol.name();
        let most = format!("`{name}` takes at most {}", bytes(u64::from(max)));
        if least > max {
            let span = self.raw.size.span_or(&self.raw.span);
            mistakes
                .add(span, format!("{most}, and `{}` is more", self.at(named)))
                .label("larger than `max_size`")
                .help("the protocol file has it from its server: make messages smaller");
        }
        if longest > u64::from(max) {
            let written = [self.raw.text.written(), self.raw.lines.written()];
            let span: &Span =
                written.into_iter().flatten().next().map_or(&self.raw.span, |at| &at.span);
            mistakes
                .add(span, format!("{most}, and a text is {} with uproar's mark", bytes(longest)))
                .label("longer than `max_size`")
                .help(format!("the mark takes {MIN_PAYLOAD} B: make the text shorter"));
        }
    }

    fn size(&self, mistakes: &mut Mistakes) -> Size {
        let path = self.at("size");
        let stand_in = Size::Fixed(0);
        match &self.raw.size {
            Field::Written(At { value: SizeOr::Fixed(bytes), span }) => {
                let at = Field::Written(At { value: Bytes(*bytes), span: span.clone() });
                payload(&path, &at, mistakes).map_or(stand_in, Size::Fixed)
            }
            Field::Default(SizeOr::Fixed(bytes)) => {
                payload(&path, &Field::Default(Bytes(*bytes)), mistakes)
                    .map_or(stand_in, Size::Fixed)
            }
            Field::Written(At { value: SizeOr::Spread(spread), span }) => {
                let min = payload(&join(&path, "min"), &spread.min, mistakes);
                let p50 = payload(&join(&path, "p50"), &spread.p50, mistakes);
                let p99 = payload(&join(&path, "p99"), &spread.p99, mistakes);
                let (Some(min), Some(p50), Some(p99)) = (min, p50, p99) else { return stand_in };
                for (low, high, key, order) in [
                    (min, p50, &spread.p50, "`p50` is smaller than `min`"),
                    (p50, p99, &spread.p99, "`p99` is smaller than `p50`"),
                ] {
                    if low > high {
                        mistakes
                            .add(key.span_or(span), format!("in `{path}`, {order}"))
                            .label("too small")
                            .help("they must go up: min, p50, p99");
                    }
                }
                let max = self.protocol.max_size().unwrap_or(MAX_PAYLOAD as u32);
                Size::Spread { min, p50, p99, max }
            }
            _ => stand_in,
        }
    }
}

/// A payload's size, if a message can have it.
fn payload(path: &str, field: &Field<Bytes>, mistakes: &mut Mistakes) -> Option<u32> {
    let bytes = field.get()?.0;
    let Some(at) = field.written() else { return u32::try_from(bytes).ok() };
    if bytes < MIN_PAYLOAD as u64 {
        mistakes
            .add(&at.span, format!("`{path}` is smaller than uproar's own mark"))
            .label(format!("under {MIN_PAYLOAD} B"))
            .help(format!(
                "every message carries a mark of {MIN_PAYLOAD} B that tells who sent it and when: \
                 write at least \"{MIN_PAYLOAD}B\""
            ));
        return None;
    }
    if bytes > MAX_PAYLOAD {
        mistakes
            .add(&at.span, format!("`{path}` is too large"))
            .label("16 MiB or more")
            .help("a message is smaller than 16 MiB, for example \"64KiB\"");
        return None;
    }
    u32::try_from(bytes).ok()
}
