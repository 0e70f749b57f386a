//! Who runs beside whom. Most tests wait for sockets, so many run at once; what judges how long
//! something took would then judge the other tests.
//!
//! What gives the machine work is loud, and any number of loud tests run beside each other. What looks
//! at latencies and gives little work is quiet: quiet tests run beside each other too, and beside
//! nothing loud. They wait until nobody is loud, so that they come last and all at once: if each
//! waited for the end of all others, and held up all others, most of a run would be that.
//!
//! Holds for one process: two `cargo test` beside each other share the processor.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many of each are running.
#[derive(Debug)]
struct Now {
    loud: u32,
    quiet: u32,
}

static NOW: Mutex<Now> = Mutex::new(Now { loud: 0, quiet: 0 });
static CHANGED: Condvar = Condvar::new();

/// Given back when it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn(fn(&mut Now) -> &mut u32);

/// Waits until nothing quiet runs. Who is loud is so at once when it asks again.
pub(crate) fn loud() -> Turn {
    begin(|now| now.quiet == 0, |now| &mut now.loud)
}

/// Waits until nothing loud runs.
pub(crate) fn quiet() -> Turn {
    begin(|now| now.loud == 0, |now| &mut now.quiet)
}

/// Blocks its thread: each test has one of its own.
fn begin(may: fn(&Now) -> bool, mine: fn(&mut Now) -> &mut u32) -> Turn {
    let waited = CHANGED.wait_while(now(), |now| !may(now));
    let mut now = waited.unwrap_or_else(PoisonError::into_inner);
    *mine(&mut now) += 1;
    Turn(mine)
}

fn now() -> MutexGuard<'static, Now> {
    NOW.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Turn {
    fn drop(&mut self) {
        *(self.0)(&mut now()) -= 1;
        CHANGED.notify_all();
    }
}

/// Beside whatever else runs meanwhile.
#[test]
fn nothing_is_loud_while_something_is_quiet() {
    let one = loud();
    let other = std::thread::spawn(|| {
        let _turn = quiet();
        assert_eq!(now().loud, 0);
    });
    let again = loud();
    assert_eq!(now().quiet, 0);
    drop((one, again));
    other.join().unwrap();
}
