//! A structured message: what a chat application sends beside the text itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A message with fields of several kinds, as chat applications send them.
///
/// The fields' order is part of the formats that write no names (binary, postcard).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post<'a> {
    /// The author's own number for it.
    pub id: u64,
    /// The name readers see.
    #[serde(borrow)]
    pub author: Cow<'a, str>,
    /// Unix time by the author's clock.
    pub sent_ms: u64,
    /// The message it answers.
    pub reply_to: Option<u64>,
    /// Whether its text was changed since.
    pub edited: bool,
    /// At most [`Post::MAX_REACTIONS`]: a frame with more is refused.
    #[serde(borrow, deserialize_with = "reactions")]
    pub reactions: Vec<Reaction<'a>>,
    /// What it says.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

/// How many people answered with one emoji.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction<'a> {
    /// The emoji, or its short name.
    #[serde(borrow)]
    pub emoji: Cow<'a, str>,
    /// How many.
    pub count: u32,
}

impl Post<'_> {
    /// Reactions of one message. A reaction of two bytes in a frame takes 32 in memory: without
    /// this bound a frame could make its reader allocate many times its own size.
    pub const MAX_REACTIONS: usize = 64;

    /// Bytes of its fields before any codec: text as UTF-8, whole numbers as 8, the rest as 1.
    #[must_use]
    pub fn field_bytes(&self) -> usize {
        let reactions: usize = self.reactions.iter().map(|one| one.emoji.len() + 8).sum();
        let reply_to = if self.reply_to.is_some() { 8 } else { 1 };
        16 + self.author.len() + reply_to + 1 + reactions + self.text.len()
    }

    /// What an [`example`](Self::example) has beside its text, as [`field_bytes`](Self::field_bytes)
    /// counts.
    pub const EXAMPLE_BESIDE_TEXT: usize = 76;

    /// The message that a generator publishes as a client's `n`-th: every field holds something,
    /// and all but the text always as much.
    #[must_use]
    pub fn example(client: u32, n: u32, sent_ms: u64, text: &str) -> Post<'_> {
        const EMOJI: [&str; 3] = ["\u{1f44d}", "\u{2764}\u{fe0f}", "\u{1f389}"];
        let reactions = EMOJI
            .iter()
            .zip(1_u32..)
            .map(|(emoji, at)| Reaction { emoji: (*emoji).into(), count: at + n % 7 });
        Post {
            id: u64::from(n),
            author: format!("user-{client:08}").into(),
            sent_ms,
            reply_to: Some(u64::from(n / 2)),
            edited: n % 8 == 7,
            reactions: reactions.collect(),
            text: text.into(),
        }
    }
}

/// Reads a list without believing its announced length: serde would reserve up to 1 MiB for it.
fn reactions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Reaction<'de>>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Reaction<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of reactions")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(reaction) = items.next_element()? {
                if list.len() == Post::MAX_REACTIONS {
                    return Err(A::Error::custom(TOO_MANY_REACTIONS));
                }
                list.push(reaction);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List)
}

pub(super) const TOO_MANY_REACTIONS: &str = "more than 64 reactions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_the_size_that_was_asked_for() {
        for (client, n) in [(0, 0), (16_777_215, 7), (42, u32::MAX)] {
            let post = Post::example(client, n, 1_700_000_000_123, "0123456789");
            assert_eq!(post.field_bytes(), Post::EXAMPLE_BESIDE_TEXT + 10);
        }
    }
}
