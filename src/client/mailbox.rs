//! What the worker asks of a client: messages that are due, and orders. One task on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use crate::plan::Due;

/// Due messages kept for a client that can't send them now.
const HELD_MAX: usize = 1_000;

/// A message that the pacer released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The message.
    pub due: Due,
    /// When the pacer handed it over.
    pub released_us: u64,
    /// How many of the rooms it goes to have it already.
    pub done: u32,
}

/// Whether a due message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It waits to be sent.
    Yes,
    /// The client is away and keeps nothing.
    Away,
    /// The client keeps as much as it may.
    Full,
}

/// Something a client is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Reset the TCP connection.
    Reset {
        /// The planned fault, as an index.
        fault: u16,
    },
    /// Close with a code.
    Close {
        /// The planned fault, as an index.
        fault: u16,
        /// The close code.
        code: u16,
    },
    /// Fall silent, keep the socket open, and dial anew.
    HalfOpen {
        /// The planned fault, as an index.
        fault: u16,
    },
    /// Stop reading.
    Stall {
        /// The planned fault.
        hold: HoldUp,
    },
    /// Nothing but to note when what the server sends again is heard.
    Watch {
        /// The planned fault.
        hold: HoldUp,
    },
    /// Do an action.
    Act {
        /// Which of the cohort's.
        action: u16,
        /// The how-manieth time, for the room.
        k: u32,
    },
    /// Leave the server and come back.
    LeaveServer,
    /// Leave the n-th of its rooms and come back.
    LeaveRoom(usize),
    /// Leave for good, or until the next window.
    Stop,
}

/// A fault that keeps messages from arriving without taking the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldUp {
    /// The planned fault, as an index.
    pub fault: u16,
    /// When it struck, since the run's start.
    pub at_us: u64,
    /// When it is over.
    pub until_us: u64,
}

#[derive(Debug, Default)]
struct Inner {
    held: VecDeque<Held>,
    orders: VecDeque<Order>,
    waker: Option<Waker>,
    active: bool,
}

/// One client's mailbox.
#[derive(Debug, Default)]
pub struct Mailbox {
    inner: RefCell<Inner>,
}

impl Mailbox {
    /// Drops orders that nobody was there to obey.
    pub fn clear_orders(&self) {
        self.inner.borrow_mut().orders.clear();
    }

    /// Hands a due message over. With `only_active`, a client that is away takes none.
    #[must_use]
    pub fn hold(&self, held: Held, only_active: bool) -> Taken {
        let mut inner = self.inner.borrow_mut();
        if only_active && !inner.active {
            return Taken::Away;
        }
        if inner.held.len() >= HELD_MAX {
            return Taken::Full;
        }
        inner.held.push_back(held);
        wake(&mut inner);
        Taken::Yes
    }

    /// Gives an order. Orders come from the plan at most a few at a time.
    pub fn order(&self, order: Order) {
        let mut inner = self.inner.borrow_mut();
        inner.orders.push_back(order);
        wake(&mut inner);
    }

    /// Whether the client is joined, so that due messages leave at once.
    pub fn set_active(&self, active: bool) {
        self.inner.borrow_mut().active = active;
    }

    /// Whether it is.
    pub fn is_active(&self) -> bool {
        self.inner.borrow().active
    }

    /// Whether due messages wait.
    pub fn holds_any(&self) -> bool {
        !self.inner.borrow().held.is_empty()
    }

    /// Wakes the client's task.
    pub fn wake(&self) {
        wake(&mut self.inner.borrow_mut());
    }

    /// The next due message, without taking it.
    pub fn next_held(&self) -> Option<Held> {
        self.inner.borrow().held.front().copied()
    }

    /// Puts what is left of the next due message in its place; nothing where all of it was sent.
    pub fn replace_held(&self, rest: Option<Held>) {
        let mut inner = self.inner.borrow_mut();
        match (rest, inner.held.front_mut()) {
            (Some(rest), Some(held)) => *held = rest,
            (Some(rest), None) => inner.held.push_front(rest),
            (None, _) => drop(inner.held.pop_front()),
        }
    }

    /// Takes the next due message.
    pub fn take_held(&self) -> Option<Held> {
        self.inner.borrow_mut().held.pop_front()
    }

    /// Takes the next order.
    pub fn take_order(&self) -> Option<Order> {
        self.inner.borrow_mut().orders.pop_front()
    }

    /// The task to wake when something comes.
    pub fn register(&self, cx: &Context<'_>) {
        let mut inner = self.inner.borrow_mut();
        match &mut inner.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => inner.waker = Some(cx.waker().clone()),
        }
    }

    /// Waits for the order to stop. Other orders need a connection and are dropped here: a fault
    /// can't hit a client that is away.
    pub async fn stopped(&self) {
        poll_fn(|cx| {
            self.register(cx);
            while let Some(order) = self.take_order() {
                if order == Order::Stop {
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    }
}

fn wake(inner: &mut Inner) {
    if let Some(waker) = &inner.waker {
        waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Due;

    fn held(k: u32) -> Held {
        Held { due: Due { at_us: 0, k, size: 64, binary: false }, released_us: 0, done: 0 }
    }

    #[test]
    fn a_thousand_messages_are_held_in_their_order_and_no_more() {
        let mailbox = Mailbox::default();
        let taken = |k, only_active| mailbox.hold(held(k), only_active);
        assert_eq!(taken(0, true), Taken::Away);
        assert!(!mailbox.holds_any());
        for k in 0..1_000 {
            assert_eq!(taken(k, false), Taken::Yes, "{k}");
        }
        assert_eq!(taken(1_000, false), Taken::Full);
        assert_eq!(mailbox.next_held().map(|held| held.due.k), Some(0));
        assert_eq!(mailbox.take_held().map(|held| held.due.k), Some(0));
        mailbox.set_active(true);
        assert_eq!(taken(1_001, true), Taken::Yes);
        assert_eq!(taken(1_002, true), Taken::Full);
        let left: Vec<_> =
            std::iter::from_fn(|| mailbox.take_held()).map(|held| held.due.k).collect();
        assert_eq!(left.len(), 1_000);
        assert!(left.is_sorted() && left.last() == Some(&1_001));
    }
}
