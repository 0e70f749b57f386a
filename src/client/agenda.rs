//! One worker's due times: a heap of what is to happen to which client, and when.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::sync::Notify;

/// What is to happen. Clients are meant by their place among the worker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The client comes up.
    Start(u32),
    /// A message is due.
    Publish(u32),
    /// The client does the n-th of its cohort's actions.
    Act(u32, u16),
    /// The client leaves on purpose and comes back.
    LeaveServer(u32),
    /// The client leaves one of its rooms on purpose and comes back.
    LeaveRoom(u32),
    /// A fault of the plan, by its index.
    Fault(u32),
    /// The client goes for good, or until its next window.
    Stop(u32),
}

/// The heap. Whoever adds something earlier than all else wakes the pacer.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: RefCell<BinaryHeap<Reverse<(u64, Event)>>>,
    earlier: Notify,
}

impl Agenda {
    /// Adds an event at an instant of the run's clock.
    pub fn add(&self, at_us: u64, event: Event) {
        let mut heap = self.heap.borrow_mut();
        let first = heap.peek().is_none_or(|Reverse((earliest_us, _))| at_us < *earliest_us);
        heap.push(Reverse((at_us, event)));
        if first {
            self.earlier.notify_one();
        }
    }

    /// When the earliest event is due.
    pub fn earliest_us(&self) -> Option<u64> {
        self.heap.borrow().peek().map(|Reverse((at_us, _))| *at_us)
    }

    /// Takes the earliest event if it is due by `now_us`.
    pub fn take_due(&self, now_us: u64) -> Option<(u64, Event)> {
        let mut heap = self.heap.borrow_mut();
        let Reverse((at_us, _)) = heap.peek()?;
        if *at_us > now_us {
            return None;
        }
        heap.pop().map(|Reverse(due)| due)
    }

    /// Completes when something earlier than all else was added since the last call.
    pub async fn earlier(&self) {
        self.earlier.notified().await;
    }
}
