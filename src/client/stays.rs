//! One connection's memory of being in a room: what an arrival is, by when it was sent.

/// The current and the last finished stay in a room, on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stays {
    /// J0 of the first stay on this connection.
    first_us: Option<u64>,
    /// J0 of the current stay.
    current_us: Option<u64>,
    /// L1 of the last finished stay.
    left_us: Option<u64>,
}

/// What an arrival is to its receiver's stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// Sent while the receiver was in, or joining or leaving: the ledger decides further.
    Member,
    /// Sent before this connection joined.
    Replayed,
    /// Sent when the receiver had left, or it never was in.
    Unexpected,
}

impl Stays {
    /// J0.
    pub(super) fn join_written(&mut self, at_us: u64) {
        self.first_us.get_or_insert(at_us);
        self.current_us = Some(at_us);
    }

    /// L1.
    pub(super) fn left(&mut self, at_us: u64) {
        self.current_us = None;
        self.left_us = Some(at_us);
    }

    /// `missed_from_us`: when the connection before this one failed, where the protocol replays what
    /// was sent since. `window_us` is W, by how long a server took that this worker heard.
    pub(super) fn classify(
        &self,
        sent_us: u64,
        missed_from_us: Option<u64>,
        window_us: u64,
    ) -> Belongs {
        let Some(first_us) = self.first_us else { return Belongs::Unexpected };
        if let Some(from_us) = missed_from_us.filter(|_| sent_us < first_us) {
            // What was on its way when the connection failed is delivered, only late.
            return if sent_us > from_us { Belongs::Replayed } else { Belongs::Member };
        }
        // A join can overtake a message that was sent shortly before it: the ledger calls
        // that joining.
        if sent_us + window_us < first_us {
            return Belongs::Replayed;
        }
        if self.left_us.is_none_or(|left_us| sent_us <= left_us) {
            return Belongs::Member;
        }
        match self.current_us {
            Some(current_us) if sent_us + window_us >= current_us => Belongs::Member,
            Some(_) => Belongs::Replayed,
            None => Belongs::Unexpected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::WINDOW_US;

    #[test]
    fn arrivals_in_a_table() {
        const S: u64 = WINDOW_US;
        let mut stays = Stays::default();
        assert_eq!(stays.classify(5, None, S), Belongs::Unexpected);
        stays.join_written(100 * S);
        assert_eq!(stays.classify(99 * S - 1, None, S), Belongs::Replayed);
        assert_eq!(stays.classify(99 * S, None, S), Belongs::Member);
        assert_eq!(stays.classify(100 * S, None, S), Belongs::Member);
        stays.left(200 * S);
        assert_eq!(stays.classify(150 * S, None, S), Belongs::Member);
        assert_eq!(stays.classify(200 * S, None, S), Belongs::Member);
        assert_eq!(stays.classify(200 * S + 1, None, S), Belongs::Unexpected);
        stays.join_written(300 * S);
        assert_eq!(stays.classify(150 * S, None, S), Belongs::Member);
        assert_eq!(stays.classify(250 * S, None, S), Belongs::Replayed);
        assert_eq!(stays.classify(299 * S, None, S), Belongs::Member);
    }

    #[test]
    fn a_join_overtakes_what_a_slow_server_still_has() {
        const S: u64 = WINDOW_US;
        let mut stays = Stays::default();
        stays.join_written(100 * S);
        for (window_us, sent_us, belongs) in [
            (S, 97 * S, Belongs::Replayed),
            (3 * S, 97 * S, Belongs::Member),
            (3 * S, 97 * S - 1, Belongs::Replayed),
        ] {
            assert_eq!(stays.classify(sent_us, None, window_us), belongs, "{sent_us}");
        }
        stays.left(200 * S);
        stays.join_written(300 * S);
        assert_eq!(stays.classify(297 * S, None, 3 * S), Belongs::Member);
        assert_eq!(stays.classify(297 * S, None, S), Belongs::Replayed);
    }

    #[test]
    fn what_is_replayed_on_return_is_told_from_the_failure_on() {
        const S: u64 = WINDOW_US;
        let mut stays = Stays::default();
        stays.join_written(100 * S);
        let failed_us = Some(100 * S - 500);
        for (sent_us, belongs) in [
            // On its way when the connection failed: the ledger decides.
            (100 * S - 500, Belongs::Member),
            (90 * S, Belongs::Member),
            (100 * S - 499, Belongs::Replayed),
            (100 * S - 1, Belongs::Replayed),
            (100 * S, Belongs::Member),
        ] {
            assert_eq!(stays.classify(sent_us, failed_us, S), belongs, "{sent_us}");
        }
    }
}
