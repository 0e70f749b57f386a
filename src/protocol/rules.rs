//! The rules of a protocol file that take messages whatever a client waits for: those that a broader
//! one before them, or a slip of their own, may keep from ever taking any.
//!
//! `error` and every `fail` are none of them: where all is well they take nothing.

use super::{Protocol, Taker};

/// One rule, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What takes.
    pub taker: Taker,
    /// As the file calls it: "`[[reply]]` 2".
    pub name: String,
    /// Its matcher in words.
    pub when: String,
}

impl Protocol {
    /// All rules, in the order in which a message is held against them.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        let Self::Described(file) = self else { return Vec::new() };
        let rule = |taker, name: String, when: String| Rule { taker, name, when };
        let ack = file.publish.as_ref().and_then(|publish| publish.ack.as_ref());
        let ack = ack.map(|ack| rule(Taker::Ack, "`ack`".to_owned(), ack.when.describe()));
        let replies = file.replies.iter().enumerate().map(|(at, reply)| {
            rule(Taker::Reply(at), format!("`[[reply]]` {}", at + 1), reply.when.describe())
        });
        let ignores = file.ignores.iter().enumerate().map(|(at, ignore)| {
            let name = format!("`[[ignore]]` {}", ignore.name);
            rule(Taker::Ignore(at), name, ignore.when.describe())
        });
        let delivery = file
            .delivery
            .when
            .as_ref()
            .map(|when| rule(Taker::Delivery, "`[delivery]`".to_owned(), when.describe()));
        ack.into_iter().chain(replies).chain(ignores).chain(delivery).collect()
    }

    /// Which of [`rules`](Self::rules) a taker is, if it is one.
    #[must_use]
    pub fn rule_of(&self, taker: Taker) -> Option<usize> {
        let Self::Described(file) = self else { return None };
        let acks = usize::from(self.acknowledges());
        let (replies, ignores) = (file.replies.len(), file.ignores.len());
        match taker {
            Taker::Ack if acks > 0 => Some(0),
            Taker::Reply(at) if at < replies => Some(acks + at),
            Taker::Ignore(at) if at < ignores => Some(acks + replies + at),
            Taker::Delivery if file.delivery.when.is_some() => Some(acks + replies + ignores),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::description::{Ack, Description, Ignore, Publish, Reply, at_pointer};
    use crate::protocol::matcher::{Condition, FrameKind, Matcher};
    use crate::protocol::pointer::Pointer;
    use crate::protocol::send::Send;

    fn when() -> Matcher {
        Matcher::new(vec![Condition { frame: Some(FrameKind::Text), ..Condition::default() }])
    }

    #[test]
    fn each_rule_is_found_by_what_it_takes_as() {
        let mut file = Description::empty("test");
        assert_eq!(Protocol::Described(Arc::new(file.clone())).rules(), []);
        let reply = Reply { when: when(), captures: Vec::new(), send: Send::default() };
        file.replies = vec![reply.clone(), reply];
        file.ignores = vec![Ignore { name: "noise".to_owned(), when: when() }];
        let bare = Protocol::Described(Arc::new(file.clone()));
        let id = at_pointer(Pointer::parse(&["/id"]).unwrap());
        let ack = Some(Ack { when: when(), id, fail: None });
        let (send, binary, max_size) = (Send::default(), None, None);
        file.publish = Some(Publish { send, binary, ack, max_size });
        file.delivery.when = Some(when());
        let whole = Protocol::Described(Arc::new(file));
        let names = |protocol: &Protocol| {
            protocol.rules().into_iter().map(|rule| rule.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&bare), ["`[[reply]]` 1", "`[[reply]]` 2", "`[[ignore]]` noise"]);
        assert_eq!(
            names(&whole),
            ["`ack`", "`[[reply]]` 1", "`[[reply]]` 2", "`[[ignore]]` noise", "`[delivery]`"]
        );
        for protocol in [&bare, &whole] {
            for (at, rule) in protocol.rules().into_iter().enumerate() {
                assert_eq!(protocol.rule_of(rule.taker), Some(at), "{rule:?}");
                assert_eq!(rule.when, "frame = text");
            }
            for taker in [Taker::Nobody, Taker::Error, Taker::Join(0), Taker::Reply(2)] {
                assert_eq!(protocol.rule_of(taker), None);
            }
        }
        assert_eq!(bare.rule_of(Taker::Ack), None);
        assert_eq!(bare.rule_of(Taker::Delivery), None);
    }
}
