//! Which signals this process was told to ignore by whoever started it, as `nohup` does with SIGHUP.

use nix::sys::signal::Signal;

/// Whether a signal is ignored. Where the system doesn't say so (no /proc) it is not.
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_in_mask(&status, signal)
}

/// `SigIgn: 0000000000000001`: a bit for each signal, the lowest for number 1 (proc_pid_status(5)).
fn is_in_mask(status: &str, signal: Signal) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal as u32 - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_a_bit_for_each_signal() {
        let status = "Name:\tuproar\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        for (signal, ignored) in
            [(Signal::SIGHUP, true), (Signal::SIGINT, false), (Signal::SIGPIPE, true)]
        {
            assert_eq!(is_in_mask(status, signal), ignored, "{signal}");
        }
        assert!(!is_in_mask("SigIgn:\tno number\n", Signal::SIGHUP));
        assert!(!is_in_mask("", Signal::SIGHUP));
    }
}
