//! Lines of a transcript that say the same as one that stands there already: told once, with how
//! often and how far apart they came again.

use std::collections::VecDeque;

use crate::units::format::{count, duration_us};

/// Lines of each client that are remembered: what a heartbeat and its answer take, and some more.
const REMEMBERED_MAX: usize = 8;
/// For so long lines that come again are only counted, so that whoever watches sees them go on.
const COUNTED_US: u64 = 10_000_000;

/// One line, as far as it can be the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) client: u32,
    pub(super) sign: char,
    pub(super) shown: Vec<String>,
    pub(super) step: String,
}

#[derive(Debug)]
struct Kept {
    line: Line,
    /// When it was last written.
    written_us: u64,
    /// How often it came since, and when last.
    again: u64,
    last_us: u64,
}

/// How often a line came again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) line: Line,
    /// When it last did.
    pub(super) at_us: u64,
    pub(super) words: String,
}

impl Kept {
    fn told(&mut self) -> Option<Again> {
        if self.again == 0 {
            return None;
        }
        let apart = duration_us((self.last_us - self.written_us) / self.again);
        let words = match self.again {
            1 => format!("again after {apart}"),
            again => format!("{} times again, about {apart} apart", count(again)),
        };
        (self.written_us, self.again) = (self.last_us, 0);
        Some(Again { line: self.line.clone(), at_us: self.last_us, words })
    }
}

/// What was written lately.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kept: VecDeque<Kept>,
}

impl Repeats {
    /// Takes a line: what is to be told first of earlier ones, and whether it is to be written itself.
    pub(super) fn take(&mut self, at_us: u64, line: &Line) -> (Vec<Again>, bool) {
        let known = self.kept.iter_mut().find(|kept| kept.line == *line);
        if let Some(kept) = known {
            kept.again += 1;
            kept.last_us = at_us;
            let due = at_us.saturating_sub(kept.written_us) >= COUNTED_US;
            return (due.then(|| kept.told()).flatten().into_iter().collect(), false);
        }
        let told = self.told_of(Some(line.client));
        let mut own =
            self.kept.iter().enumerate().filter(|(_, kept)| kept.line.client == line.client);
        if let (Some((oldest, _)), true) = (own.next(), own.count() + 1 >= REMEMBERED_MAX) {
            self.kept.remove(oldest);
        }
        let kept = Kept { line: line.clone(), written_us: at_us, again: 0, last_us: at_us };
        self.kept.push_back(kept);
        (told, true)
    }

    /// Whatever was counted and not told.
    pub(super) fn rest(&mut self) -> Vec<Again> {
        self.told_of(None)
    }

    fn told_of(&mut self, client: Option<u32>) -> Vec<Again> {
        let mut told: Vec<Again> = self
            .kept
            .iter_mut()
            .filter(|kept| client.is_none_or(|client| kept.line.client == client))
            .filter_map(Kept::told)
            .collect();
        told.sort_by_key(|again| again.at_us);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(client: u32, text: &str) -> Line {
        Line { client, sign: '<', shown: vec![text.to_owned()], step: String::new() }
    }

    fn words(told: &[Again]) -> Vec<String> {
        told.iter().map(|again| format!("{} {}", again.line.shown[0], again.words)).collect()
    }

    #[test]
    fn a_line_is_written_once_and_told_with_its_count_before_the_next_other_one() {
        let mut repeats = Repeats::default();
        let (ping, pong) = (line(0, "ping"), line(0, "pong"));
        assert_eq!(repeats.take(0, &ping), (vec![], true));
        assert_eq!(repeats.take(1_000, &pong), (vec![], true));
        for n in 1..=4 {
            assert_eq!(repeats.take(n * 1_000_000, &ping), (vec![], false));
            assert_eq!(repeats.take(n * 1_000_000 + 1_000, &pong), (vec![], false));
        }
        // Another client's lines tell nothing of this one's.
        assert_eq!(repeats.take(4_100_000, &line(1, "ping")), (vec![], true));
        let (told, written) = repeats.take(4_200_000, &line(0, "other"));
        assert!(written);
        assert_eq!(
            words(&told),
            ["ping 4 times again, about 1.00 s apart", "pong 4 times again, about 1.00 s apart"]
        );
        assert_eq!(repeats.take(5_000_000, &ping), (vec![], false));
        assert_eq!(words(&repeats.rest()), ["ping again after 1.00 s"]);
        assert_eq!(repeats.rest(), []);
    }

    #[test]
    fn what_goes_on_is_told_now_and_then() {
        let mut repeats = Repeats::default();
        let ping = line(0, "ping");
        let mut told = Vec::new();
        for n in 0..=25_u64 {
            told.extend(repeats.take(n * 1_000_000, &ping).0);
        }
        told.extend(repeats.rest());
        assert_eq!(
            words(&told),
            [
                "ping 10 times again, about 1.00 s apart",
                "ping 10 times again, about 1.00 s apart",
                "ping 5 times again, about 1.00 s apart",
            ]
        );
        let mut slow = Repeats::default();
        slow.take(0, &ping);
        assert_eq!(words(&slow.take(25_000_000, &ping).0), ["ping again after 25.0 s"]);
    }

    #[test]
    fn few_lines_are_remembered() {
        let mut repeats = Repeats::default();
        for n in 0..100 {
            repeats.take(n, &line(0, &n.to_string()));
            repeats.take(n, &line(1, &n.to_string()));
        }
        assert_eq!(repeats.kept.len(), 2 * REMEMBERED_MAX);
        assert_eq!(repeats.take(100, &line(0, "99")), (vec![], false));
        assert!(repeats.take(100, &line(0, "1")).1);
    }
}
