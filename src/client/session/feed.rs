//! What one connection hears of a feed: numbers, times, and the pauses between events.

use crate::machine::clock::unix_us;
use crate::measure::{Feeds, Numbered, Recorder};
use crate::metric::Metric;
use crate::protocol::{Event, Told};

#[derive(Debug, Default)]
pub(super) struct Feed {
    /// Its numbers, by what they count within.
    numbers: Feeds,
    last_us: Option<u64>,
}

impl Feed {
    /// Records an event; false if it is not surely a new one.
    pub(super) fn hear(
        &mut self,
        event: Event,
        recorder: &mut Recorder,
        cohort: usize,
        now_us: u64,
    ) -> bool {
        recorder.counts(cohort).frames_push += 1;
        let Event { key, sequence, sent } = event;
        let numbered = match sequence {
            Told::Is((per, seq)) => self.numbers.hear(per, seq),
            Told::Nothing | Told::Unreadable => Numbered::UNNUMBERED,
        };
        recorder.counts(cohort).number(&numbered);
        recorder.counts(cohort).push_unnumbered += u64::from(sequence == Told::Unreadable);
        if !numbered.is_new {
            return false;
        }
        if let Some(key) = key {
            recorder.ledger.hear_event(key, cohort, now_us);
        }
        match sent {
            Told::Is(sent) => recorder.push_sent(cohort, sent, unix_us(), now_us),
            Told::Unreadable => recorder.counts(cohort).push_untimed += 1,
            Told::Nothing => {}
        }
        if let Some(last_us) = self.last_us.replace(now_us) {
            recorder.latency(Metric::Interval, cohort, now_us, now_us.saturating_sub(last_us));
        }
        true
    }

    /// The connection is over: events of which nothing more will be known, and that came after later
    /// ones.
    pub(super) fn end(&mut self) -> u64 {
        self.numbers.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::measure::{Counts, LedgerPart, Snapshot, WorkerHealth};
    use crate::plan::Plan;
    use crate::protocol::SentUnix;
    use crate::scenario::{Overrides, Source, read};

    /// What is recorded when these are heard, each a millisecond after the one before.
    fn heard(feed: &mut Feed, events: &[Event]) -> (Vec<bool>, Snapshot) {
        let text = r#"
            format = 1
            name = "feed"
            [target]
            builtin = "echo"
            [[cohort]]
            name = "all"
            clients = 1
            [[phase]]
            name = "steady"
            duration = "5s"
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        let plan = Plan::new(read(&source, &Overrides::default()).unwrap());
        let mut recorder = Recorder::new(Arc::new(plan));
        let hear =
            |(at, event): (u64, &Event)| feed.hear(*event, &mut recorder, 0, 1_000 * (1 + at));
        let new = (0..).zip(events).map(hear).collect();
        (new, recorder.take(0, 5_000_000, WorkerHealth::default()))
    }

    fn numbered(seq: u64) -> Event {
        Event { sequence: Told::Is((0, seq)), ..Event::default() }
    }

    fn intervals(snapshot: &Snapshot) -> (u64, u64) {
        let all = snapshot.histograms.sum(Metric::Interval, |_| true);
        (all.len(), all.inner().max())
    }

    #[test]
    fn numbers_tell_gaps_and_copies_and_a_copy_is_no_event() {
        let mut feed = Feed::default();
        let (new, snapshot) = heard(&mut feed, &[5, 8, 8, 9].map(numbered));
        assert_eq!(new, [true, true, false, true]);
        let Counts { frames_push, pushed, push_lost, duplicated, .. } = snapshot.counts[0];
        assert_eq!((frames_push, pushed, push_lost, duplicated), (4, 3, 2, 1));
        // From the second to the fourth there were two milliseconds.
        assert_eq!(intervals(&snapshot), (2, 2_000));
        assert_eq!(feed.end(), 0);
    }

    #[test]
    fn without_a_number_each_event_is_a_new_one() {
        let events = [Told::Nothing, Told::Unreadable, Told::Nothing]
            .map(|sequence| Event { sequence, ..Event::default() });
        let (new, snapshot) = heard(&mut Feed::default(), &events);
        assert_eq!(new, [true; 3]);
        let counts = snapshot.counts[0];
        assert_eq!((counts.pushed, counts.push_unnumbered), (3, 1));
        assert_eq!(intervals(&snapshot), (2, 1_000));
    }

    #[test]
    fn times_are_recorded_where_they_can_be_read_and_keys_where_there_are_any() {
        let sent = |sent| Event { sent, ..Event::default() };
        let now = Told::Is(SentUnix { unix_us: unix_us(), resolution_us: 1 });
        let events = [sent(now), sent(Told::Unreadable), sent(Told::Nothing)];
        let (_, snapshot) = heard(&mut Feed::default(), &events);
        let counts = snapshot.counts[0];
        assert_eq!((counts.push_timed, counts.push_untimed), (1, 1));
        assert_eq!(snapshot.histograms.sum(Metric::Push, |_| true).len(), 1);
        assert_eq!(snapshot.ledger, LedgerPart::default());
        let keyed = Event { key: Some(7), ..numbered(1) };
        // A copy of it is heard by nobody anew.
        let (_, once) = heard(&mut Feed::default(), &[keyed]);
        let (_, twice) = heard(&mut Feed::default(), &[keyed, keyed]);
        assert_ne!(once.ledger, LedgerPart::default());
        assert_eq!(once.ledger, twice.ledger);
    }

    #[test]
    fn what_came_far_too_late_is_told_at_the_end() {
        let mut feed = Feed::default();
        let (new, snapshot) = heard(&mut feed, &[500, 100].map(numbered));
        assert_eq!((new, snapshot.counts[0].reordered), (vec![true, false], 0));
        assert_eq!(feed.end(), 1);
    }
}
