//! Two fields of `/proc/PID/stat`: a task's state, and the core it ran on last.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Long enough for every field up to the 39th at its largest.
const LINE: usize = 1_024;

/// What follows the name, from field 3 on. The name is in brackets and may hold brackets itself.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

/// Field 3: `R`, `S`, `T` and so on.
fn state(stat: &str) -> Option<char> {
    let mut letters = fields(stat)?.next()?.chars();
    letters.next().filter(|letter| letter.is_ascii_alphabetic() && letters.next().is_none())
}

/// Field 39.
fn processor(stat: &str) -> Option<usize> {
    fields(stat)?.nth(36)?.parse().ok()
}

/// Whether the state is that of a process that a signal or a debugger stopped.
fn is_stopped(state: char) -> bool {
    matches!(state, 'T' | 't')
}

/// The core that a thread of this process ran on last.
pub(super) fn core_of_thread(thread_id: i32) -> Option<usize> {
    processor(&std::fs::read_to_string(format!("/proc/self/task/{thread_id}/stat")).ok()?)
}

/// One process's state, looked at again and again.
#[derive(Debug, Default)]
pub(super) struct State {
    open: Option<(u32, File)>,
}

impl State {
    /// Whether process `pid` is stopped; `None` if it is gone, and for 0.
    pub(super) fn is_stopped(&mut self, pid: u32) -> Option<bool> {
        if self.open.as_ref().is_none_or(|(of, _)| *of != pid) {
            self.open = None;
            if pid == 0 {
                return None;
            }
            // An open file stays with the process it was opened for, even if its number is given away.
            self.open = File::open(format!("/proc/{pid}/stat")).ok().map(|file| (pid, file));
        }
        let mut buffer = [0_u8; LINE];
        let read = self.open.as_ref()?.1.read_at(&mut buffer, 0).ok()?;
        state(&String::from_utf8_lossy(buffer.get(..read)?)).map(is_stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE_OF_CAT: &str = "22253 (c (a) T) t 22250 22250 6670 0 -1 4194304 98 0 0 0 1 2 0 0 20 0 1 \
                               0 665741 3133440 357 18446744073709551615 94482718457856 \
                               94482718477737 140728735685376 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";

    #[test]
    fn fields_are_counted_from_the_name_s_end() {
        assert_eq!(state(LINE_OF_CAT), Some('t'));
        assert_eq!(processor(LINE_OF_CAT), Some(1));
        for (broken, letter) in [
            ("", None),
            ("1 (a", None),
            ("1 (a)", None),
            ("1 (a) ", None),
            ("1 (a) 7 1", None),
            ("1 (a) SS 1", None),
            ("1 (a) S 1 2 3", Some('S')),
        ] {
            assert_eq!(state(broken), letter, "{broken:?}");
            assert_eq!(processor(broken), None, "{broken:?}");
        }
        assert_eq!(processor(&LINE_OF_CAT.replace(" 17 1 ", " 17 x ")), None);
        assert!(is_stopped('T') && is_stopped('t') && !is_stopped('S') && !is_stopped('Z'));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_not_stopped() {
        let mut state = State::default();
        assert_eq!(state.is_stopped(0), None);
        assert_eq!(state.is_stopped(std::process::id()), Some(false));
        assert_eq!(state.is_stopped(u32::MAX), None);
        let this = nix::unistd::gettid().as_raw();
        assert!(core_of_thread(this).is_some());
        assert_eq!(core_of_thread(-1), None);
    }
}
