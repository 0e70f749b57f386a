//! A stopped server: from when it was first seen so until it was seen otherwise.

/// What one probe saw of the server's state, beat by beat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Freeze {
    since_us: Option<u64>,
}

/// What one look at the server came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It runs, or there is none.
    Going,
    /// It has been stopped for so long now.
    Stopped { for_us: u64 },
    /// It was, until now.
    Ended { start_us: u64, length_us: u64 },
}

impl Freeze {
    /// Takes a look at `now_us`. A server that is gone is not stopped any more.
    pub(super) fn look(&mut self, now_us: u64, stopped: bool) -> Look {
        match (self.since_us, stopped) {
            (None, false) => Look::Going,
            (_, true) => {
                let since_us = *self.since_us.get_or_insert(now_us);
                Look::Stopped { for_us: now_us.saturating_sub(since_us) }
            }
            (Some(start_us), false) => {
                self.since_us = None;
                Look::Ended { start_us, length_us: now_us.saturating_sub(start_us) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_lasts_from_the_first_beat_that_sees_it_to_the_first_that_does_not() {
        let mut freeze = Freeze::default();
        let looks = [
            (0, false, Look::Going),
            (5, true, Look::Stopped { for_us: 0 }),
            (10, true, Look::Stopped { for_us: 5 }),
            (40, true, Look::Stopped { for_us: 35 }),
            (45, false, Look::Ended { start_us: 5, length_us: 40 }),
            (50, false, Look::Going),
            (55, true, Look::Stopped { for_us: 0 }),
            (60, false, Look::Ended { start_us: 55, length_us: 5 }),
        ];
        for (now_us, stopped, expected) in looks {
            assert_eq!(freeze.look(now_us, stopped), expected, "at {now_us}");
        }
    }
}
