//! A timer fine enough to pace with: tens of microseconds late instead of tokio's 0.6 to 1.7 ms.
//!
//! On Linux it is a timerfd in tokio's reactor. Elsewhere it falls back to tokio's timer, and
//! the lag metric says what that costs.

use std::io;
use std::time::Instant;

#[cfg(target_os = "linux")]
pub use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::time::Duration;

    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::unix::AsyncFd;

    use super::{Instant, io};

    /// One timer of one task on one runtime.
    #[derive(Debug)]
    pub struct Timer {
        fd: AsyncFd<Owned>,
    }

    #[derive(Debug)]
    struct Owned(TimerFd);

    impl AsRawFd for Owned {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Timer {
        /// A timer on the current runtime.
        ///
        /// # Errors
        ///
        /// When no file descriptor is left.
        ///
        /// # Panics
        ///
        /// Outside a tokio runtime.
        pub fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            // SAFETY: `Owned` owns its descriptor, always gives the same one, and keeps it open
            // until the `AsyncFd` that holds it has deregistered it.
            #[expect(unsafe_code, reason = "AsyncFd has no safe constructor any more")]
            let fd = unsafe { AsyncFd::register(Owned(timer)) }?;
            Ok(Self { fd })
        }

        /// Waits until `deadline`, never less. Cancel-safe: the next call arms it anew.
        ///
        /// # Errors
        ///
        /// When the kernel refuses to arm the timer.
        pub async fn wait_until(&mut self, deadline: Instant) -> io::Result<()> {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(());
                }
                // Arming also clears an expiry that nobody read.
                let left = left.max(Duration::from_nanos(1));
                self.fd
                    .get_ref()
                    .0
                    .set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
                // It need not be read: the next arming clears it, and each expiry is an edge of
                // its own. One left over from before makes the loop look at the clock once more.
                self.fd.readable().await?.clear_ready();
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use super::{Instant, io};

    /// One timer of one task; rounds up to tokio's milliseconds.
    #[derive(Debug)]
    pub struct Timer(());

    impl Timer {
        /// A timer on the current runtime.
        ///
        /// # Errors
        ///
        /// Never.
        pub fn new() -> io::Result<Self> {
            Ok(Self(()))
        }

        /// Waits until `deadline`, never less. Cancel-safe.
        ///
        /// # Errors
        ///
        /// Never.
        pub async fn wait_until(&mut self, deadline: Instant) -> io::Result<()> {
            tokio::time::sleep_until(deadline.into()).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_never_fires_early_and_can_be_cancelled() {
        let mut timer = Timer::new().unwrap();
        for wait_us in [0, 50, 300, 2_000] {
            let deadline = Instant::now() + Duration::from_micros(wait_us);
            timer.wait_until(deadline).await.unwrap();
            assert!(Instant::now() >= deadline);
        }
        let long = timer.wait_until(Instant::now() + Duration::from_secs(60));
        assert!(tokio::time::timeout(Duration::from_millis(5), long).await.is_err());
        let deadline = Instant::now() + Duration::from_millis(1);
        timer.wait_until(deadline).await.unwrap();
        assert!(Instant::now() >= deadline);
    }
}
