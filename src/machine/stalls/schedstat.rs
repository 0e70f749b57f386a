//! How long the calling thread was ready to run and did not: the kernel's own account of it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// The account of one thread, open for as long as it is read.
#[derive(Debug)]
pub(super) struct RunDelay {
    file: Option<File>,
    last_ns: u64,
}

impl RunDelay {
    /// Of the calling thread, from now on.
    pub(super) fn of_this_thread() -> Self {
        let mut delay = Self { file: File::open("/proc/thread-self/schedstat").ok(), last_ns: 0 };
        let _ = delay.since_last_us();
        delay
    }

    /// What came to it since the last call, in microseconds; `None` where the system keeps no account.
    ///
    /// A microsecond to some ten, so it is read at every wake: less often, and the waits of wakes
    /// that were on time would be in it, which together are more than a late one's.
    pub(super) fn since_last_us(&mut self) -> Option<u64> {
        let mut buffer = [0_u8; 96];
        let read = self.file.as_ref()?.read_at(&mut buffer, 0).ok()?;
        let now_ns = run_delay_ns(std::str::from_utf8(buffer.get(..read)?).ok()?)?;
        let before_ns = std::mem::replace(&mut self.last_ns, now_ns);
        Some(now_ns.saturating_sub(before_ns) / 1_000)
    }
}

/// The second of `CPU time, run delay, turns`. A thread that reads this has had a turn, so a kernel
/// that says it had none keeps no account.
fn run_delay_ns(text: &str) -> Option<u64> {
    let mut fields = text.split_whitespace().map(str::parse::<u64>);
    let (Ok(_cpu_ns), Ok(delay_ns), Ok(turns)) = (fields.next()?, fields.next()?, fields.next()?)
    else {
        return None;
    };
    (turns > 0).then_some(delay_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_delay() {
        let table = [
            ("1234 5678 9\n", Some(5_678)),
            ("1234 5678 9 and more", Some(5_678)),
            ("0 0 1\n", Some(0)),
            ("0 0 0\n", None),
            ("1234 5678\n", None),
            ("1234 -5 9\n", None),
            ("a b c\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(run_delay_ns(text), expected, "{text:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_kernel_keeps_the_account() {
        let mut delay = RunDelay::of_this_thread();
        let first_us = delay.since_last_us().unwrap();
        assert!(first_us < 3_600_000_000, "{first_us}: it is since the last call");
    }
}
