//! Which rule took which frame, and what that says of the others: rules that never took any, rules that
//! another one keeps from it, acknowledgements of what nobody published.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{Protocol, Rule, Taker};
use crate::ready::recent::named;
use crate::units::format::count;

/// Rules told of that never took a frame.
const TOLD_MAX: usize = 8;

/// What rules did.
#[derive(Debug, Default)]
pub(super) struct Notes {
    rules: Vec<Rule>,
    /// Frames taken, by rule.
    taken: Vec<u64>,
    /// Frames that the first took and that the second would have taken, by rule.
    kept_from: BTreeMap<(usize, usize), u64>,
    /// What was explained already.
    explained: BTreeSet<String>,
    /// Acknowledgements of no publish.
    pub(super) unknown_acks: u64,
}

impl Notes {
    pub(super) fn new(protocol: &Protocol) -> Self {
        let rules = protocol.rules();
        Self { taken: vec![0; rules.len()], rules, ..Self::default() }
    }

    fn at(&self, taker: Taker) -> Option<usize> {
        self.rules.iter().position(|rule| rule.taker == taker)
    }

    /// A frame was taken. `waited` is what was waited for until then, `takers` every rule that would
    /// take it. Gives what is to be said of it: each thing once.
    pub(super) fn took(
        &mut self,
        taker: Taker,
        waited: &[(Taker, String)],
        takers: &[(Taker, String)],
        room: &str,
    ) -> Vec<String> {
        let at = self.at(taker);
        if let Some(at) = at {
            self.taken[at] += 1;
        }
        let what = self.called(taker, room);
        let reasons = if at.is_some() || taker == Taker::Error { takers } else { waited };
        let mut said = Vec::new();
        if let Some((_, why)) = reasons.iter().find(|(known, _)| *known == taker) {
            said.push(format!("{what} takes it: {why}"));
        }
        for (other, _) in takers.iter().filter(|(other, _)| *other != taker) {
            if let (Some(at), Some(other)) = (at, self.at(*other)) {
                *self.kept_from.entry((at, other)).or_default() += 1;
                said.push(format!(
                    "{} would take it too, and {what} is asked first",
                    self.rules[other].name
                ));
            }
        }
        said.retain(|words| self.explained.insert(words.clone()));
        said
    }

    fn called(&self, taker: Taker, room: &str) -> String {
        self.at(taker).map_or_else(|| named(taker, room), |at| self.rules[at].name.clone())
    }

    /// What is to be told at the end.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        match self.unknown_acks {
            0 => {}
            1 => told.push(
                "1 acknowledgement names no message that was published: does `ack` take the answer to \
                 something else?"
                    .to_owned(),
            ),
            many => told.push(format!(
                "{} acknowledgements name no message that was published: does `ack` take answers to \
                 something else?",
                count(many)
            )),
        }
        let idle: Vec<usize> = (0..self.rules.len()).filter(|at| self.taken[*at] == 0).collect();
        for at in idle.iter().take(TOLD_MAX) {
            let Rule { name, when, .. } = &self.rules[*at];
            told.push(match self.kept_by(*at) {
                Some((by, frames)) => format!(
                    "{name} never took a frame: {by}, which is asked first, took {} that it would \
                     have taken",
                    count(frames)
                ),
                None => format!("{name} never took a frame: {when}"),
            });
        }
        if let Some(more @ 1..) = idle.len().checked_sub(TOLD_MAX) {
            told.push(format!("{more} more rules never took a frame"));
        }
        told
    }

    /// What took most of a rule's frames, and how many.
    fn kept_by(&self, rule: usize) -> Option<(&str, u64)> {
        let of = self.kept_from.iter().filter(|((_, other), _)| *other == rule);
        let ((by, _), frames) = of.max_by_key(|(_, frames)| **frames)?;
        Some((&self.rules[*by].name, *frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Notes {
        let rule = |taker, name: &str, when: &str| Rule {
            taker,
            name: name.to_owned(),
            when: when.to_owned(),
        };
        let rules = vec![
            rule(Taker::Ack, "`ack`", "json /ok = true"),
            rule(Taker::Reply(0), "`[[reply]]` 1", "json /type = \"ping\""),
            rule(Taker::Ignore(0), "`[[ignore]]` noise", "anything"),
        ];
        Notes { taken: vec![0; rules.len()], rules, ..Notes::default() }
    }

    #[test]
    fn a_rule_is_explained_once_and_told_if_it_never_took_a_frame() {
        let mut notes = notes();
        let ack = (Taker::Ack, "json /ok = true".to_owned());
        let reply = (Taker::Reply(0), "json /type = \"ping\"".to_owned());
        let both = [ack.clone(), reply];
        assert_eq!(
            notes.took(Taker::Ack, &[], &both, "lobby"),
            [
                "`ack` takes it: json /ok = true",
                "`[[reply]]` 1 would take it too, and `ack` is asked first"
            ]
        );
        assert_eq!(notes.took(Taker::Ack, &[], &both, "lobby"), Vec::<String>::new());
        assert_eq!(notes.took(Taker::Ack, &[], &[ack], "lobby"), Vec::<String>::new());
        notes.unknown_acks = 2;
        assert_eq!(
            notes.told(),
            [
                "2 acknowledgements name no message that was published: does `ack` take answers to \
                 something else?",
                "`[[reply]]` 1 never took a frame: `ack`, which is asked first, took 2 that it would \
                 have taken",
                "`[[ignore]]` noise never took a frame: anything",
            ]
        );
    }

    #[test]
    fn a_step_is_explained_by_what_it_waited_for() {
        let mut notes = notes();
        let waited = [(Taker::Join(0), "json /joined = \"lobby\"".to_owned())];
        // That `ack` would take the answer of a step as well harms nobody.
        let takers = [(Taker::Ack, "json /ok = true".to_owned())];
        assert_eq!(
            notes.took(Taker::Join(0), &waited, &takers, "lobby"),
            ["join lobby takes it: json /joined = \"lobby\""]
        );
        assert_eq!(notes.took(Taker::Nobody, &[], &[], "lobby"), Vec::<String>::new());
        assert_eq!(notes.told().len(), 3, "{:?}", notes.told());
    }
}
