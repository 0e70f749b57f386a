//! The worker's line to a client's session: what is due leaves on it at once.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::context::Client;
use super::mailbox::{Held, Taken};
use super::session::Session;

/// A client's session while it is connected, for the worker to publish on without waking its task.
#[derive(Debug, Default)]
pub struct Line(RefCell<Weak<RefCell<Session>>>);

impl Line {
    pub(super) fn connect(&self, session: &Rc<RefCell<Session>>) {
        self.0.replace(Rc::downgrade(session));
    }

    pub(super) fn cut(&self) {
        self.0.take();
    }

    /// Hands a due message over to the client whose line this is: it leaves at once if the client is
    /// joined and nothing is before it. A task that has to be woken would wait behind every client that
    /// hears something at the same time, and the message with it. With `only_active`, a client that is
    /// away takes none.
    #[must_use]
    pub fn release(&self, client: &Client, held: Held, only_active: bool) -> Taken {
        let session = self.0.borrow().upgrade();
        if let Some(session) = session
            && !client.mailbox.holds_any()
        {
            return match session.borrow_mut().publish_now(held) {
                None => Taken::Yes,
                // What has begun to go is no longer a message that falls due while away.
                Some(rest) => client.mailbox.hold(rest, only_active && rest.done == 0),
            };
        }
        client.mailbox.hold(held, only_active)
    }
}
