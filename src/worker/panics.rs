//! A client's task that panics is a mistake of ours: it ends that client alone, and must be told.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// What a panic says that says nothing.
const WORDLESS: &str = "without a word";

/// Panics of one worker's clients that were not told yet: the first, and how many.
#[derive(Debug, Default)]
pub(super) struct Panics {
    untold: RefCell<Option<(u32, String, u32)>>,
}

impl Panics {
    /// Runs a client's task; false if it panicked. The panic's own message is on stderr by then.
    pub(super) async fn watch(&self, client: u32, task: impl Future<Output = ()>) -> bool {
        // What the task shares with others is borrowed for single calls, and whole again once
        // it is unwound.
        let Err(panic) = AssertUnwindSafe(task).catch_unwind().await else { return true };
        let mut untold = self.untold.borrow_mut();
        let (.., count) = untold.get_or_insert_with(|| (client, said(&*panic), 0));
        *count += 1;
        false
    }

    /// What the coordinator is to know, once: the first client, what its panic says, and how many
    /// there were.
    pub(super) fn take(&self) -> Option<(u32, String, u32)> {
        self.untold.take()
    }
}

/// The message of `panic!`, on one line.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| WORDLESS.to_owned(), |text| text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_panic_is_told_with_how_many_there_were_and_told_once() {
        let panics = Panics::default();
        assert!(panics.watch(1, async {}).await);
        assert!(panics.take().is_none());
        for client in [17, 18, 19] {
            assert!(!panics.watch(client, async move { panic!("no. {client}\nof them") }).await);
        }
        assert_eq!(panics.take(), Some((17, "no. 17 of them".to_owned(), 3)));
        assert!(panics.take().is_none());
        assert!(!panics.watch(4, async { std::panic::panic_any(4_711) }).await);
        assert_eq!(panics.take(), Some((4, WORDLESS.to_owned(), 1)));
    }
}
