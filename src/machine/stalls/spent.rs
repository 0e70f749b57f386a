//! How much CPU time uproar's own threads and the server used on a core while a probe was late.

use super::clocks;
use super::stat;
use super::watched::Watched;

/// Threads whose clocks are read at one beat; of more, these in turn.
const READ_A_BEAT: usize = 8;

/// How much of a beat's share the usual one takes over.
const NEWEST: f64 = 0.25;

/// What one thread or process used so far, and what it usually uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Account {
    /// A thread's or process's id.
    id: i64,
    /// When it was last read, and its CPU time then.
    at_us: u64,
    cpu_us: u64,
    /// Of a core, over the last readings.
    usual_share: f64,
}

impl Account {
    fn begun(id: i64, at_us: u64, cpu_us: u64) -> Self {
        Self { id, at_us, cpu_us, usual_share: 0.0 }
    }

    /// Takes a reading at `now_us`, and gives what was used since `due_us`. The last reading is older
    /// than that by up to a period or more: what it usually uses in such a time is taken off.
    fn read(&mut self, now_us: u64, due_us: u64, cpu_us: u64) -> u64 {
        let passed_us = now_us.saturating_sub(self.at_us);
        let used_us = cpu_us.saturating_sub(self.cpu_us);
        let before_us = due_us.saturating_sub(self.at_us).min(passed_us);
        if passed_us > 0 {
            let share = (used_us as f64 / passed_us as f64).min(1.0);
            let usual_us = (self.usual_share * before_us as f64) as u64;
            self.usual_share += NEWEST * (share - self.usual_share);
            self.at_us = now_us;
            self.cpu_us = cpu_us;
            return used_us.saturating_sub(usual_us).min(now_us.saturating_sub(due_us));
        }
        0
    }
}

/// The accounts that one probe keeps.
#[derive(Debug, Default)]
pub(super) struct Spent {
    own: Vec<Account>,
    server: Option<Account>,
    /// Where the next beat goes on reading.
    next: usize,
}

impl Spent {
    /// A wake that was on time: a reading of some, for the next one that is not.
    pub(super) fn on_time(&mut self, watched: &Watched, core: usize, now_us: u64) {
        let from = std::mem::take(&mut self.next);
        let left = watched.own().filter(|(place, _)| *place >= from);
        for (read, (place, thread_id)) in left.enumerate() {
            if read == READ_A_BEAT {
                self.next = place;
                break;
            }
            let _ = self.own_thread(place, thread_id, now_us, now_us);
        }
        let _ = self.server(watched, core, now_us, now_us);
    }

    /// A wake that was due at `due_us` and came at `now_us`: what uproar's own threads and the server
    /// used on this core meanwhile. Of a server that runs on several cores, it is all it used: that
    /// it is blamed too often does less harm than that it is excused.
    pub(super) fn late(
        &mut self,
        watched: &Watched,
        core: usize,
        now_us: u64,
        due_us: u64,
    ) -> (u64, u64) {
        let mut own_us = 0_u64;
        for (place, thread_id) in watched.own() {
            let used_us = self.own_thread(place, thread_id, now_us, due_us);
            // The file costs more than the clock, and what was less changes no stall.
            if used_us > 50 && stat::core_of_thread(thread_id) == Some(core) {
                own_us += used_us;
            }
        }
        (own_us, self.server(watched, core, now_us, due_us))
    }

    fn own_thread(&mut self, place: usize, thread_id: i32, now_us: u64, due_us: u64) -> u64 {
        let Some(cpu_us) = clocks::of_thread(thread_id) else { return 0 };
        if self.own.len() <= place {
            self.own.resize(place + 1, Account::default());
        }
        let id = i64::from(thread_id);
        match self.own.get_mut(place) {
            Some(account) if account.id == id => account.read(now_us, due_us, cpu_us),
            Some(account) => {
                *account = Account::begun(id, now_us, cpu_us);
                0
            }
            None => 0,
        }
    }

    fn server(&mut self, watched: &Watched, core: usize, now_us: u64, due_us: u64) -> u64 {
        let now = watched.server_on(core).and_then(|pid| Some((pid, clocks::of_process(pid)?)));
        let Some((pid, cpu_us)) = now else {
            self.server = None;
            return 0;
        };
        let id = i64::from(pid);
        match &mut self.server {
            Some(account) if account.id == id => account.read(now_us, due_us, cpu_us),
            other => {
                *other = Some(Account::begun(id, now_us, cpu_us));
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_taken_off_before_the_wake_was_due() {
        // usual share, used since the last reading 5 ms before the wake was due; late -> since then
        let rows = [
            (0.0, 0, 10_000, 0),
            // A long turn out of nothing.
            (0.0, 9_000, 10_000, 9_000),
            // Spins all the time: the five before are not the stall's.
            (1.0, 15_000, 10_000, 10_000),
            (0.0, 15_000, 10_000, 10_000),
            // Works as it always does, and then somebody else runs.
            (0.6, 3_000, 2_000, 0),
            (0.6, 3_500, 2_000, 500),
            // Less than usual.
            (0.6, 1_000, 2_000, 0),
        ];
        for (usual_share, used_us, late_us, expected_us) in rows {
            let (at_us, cpu_us) = (100_000, 70_000);
            let mut account = Account { id: 1, at_us, cpu_us, usual_share };
            let due_us = at_us + 5_000;
            let told_us = account.read(due_us + late_us, due_us, cpu_us + used_us);
            assert_eq!(told_us, expected_us, "{usual_share}, {used_us}, {late_us}");
            assert_eq!(account.at_us, due_us + late_us);
        }
        // Clocks that step back or stand still.
        let mut account = Account { id: 1, at_us: 10, cpu_us: 10, usual_share: 0.5 };
        assert_eq!(account.read(10, 10, 90), 0);
        assert_eq!(account.read(5, 3, 2), 0);
        assert_eq!(account.read(20, 10, 2), 0);
    }

    #[test]
    fn a_share_becomes_usual() {
        let mut account = Account::begun(1, 0, 0);
        for beat in 1..=20 {
            assert_eq!(account.read(beat * 5_000, beat * 5_000, beat * 3_000), 0);
        }
        assert!((account.usual_share - 0.6).abs() < 0.01, "{account:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn every_own_thread_is_read_in_its_turn() {
        let watched = Watched::new(&[]);
        let kept: Vec<_> = (0..2 * READ_A_BEAT + 3).map(|_| watched.register()).collect();
        let mut spent = Spent::default();
        for beat in 1..=3 {
            spent.on_time(&watched, 0, beat);
        }
        let read: Vec<u64> = spent.own.iter().map(|account| account.at_us).collect();
        let expected: Vec<u64> =
            (0..kept.len()).map(|place| 1 + (place / READ_A_BEAT) as u64).collect();
        assert_eq!(read, expected);
        spent.on_time(&watched, 0, 4);
        assert_eq!(spent.own[0].at_us, 4, "and begins again");
    }
}
