//! What a session does when it is told to: faults, leaving for a while, leaving for good.

use std::rc::Rc;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{Closing, End, Session};
use crate::client::mailbox::{HoldUp, Order};
use crate::machine::clock::micros;
use crate::measure::{Failure, Moment, RecoveryEvent};

/// How long we wait for the answer to our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl Session {
    /// Does what it is told; gives the end if that ends the connection at once.
    pub(super) fn obey(&mut self, order: Order) -> Option<End> {
        match order {
            Order::Reset { fault } => {
                self.pipe.reset_on_drop();
                self.ctx.recorder.borrow_mut().closes.record(1006, "reset on purpose", true);
                Some(End::Fault(fault))
            }
            Order::HalfOpen { fault } => {
                self.falls_silent = true;
                self.ctx.recorder.borrow_mut().closes.record(1006, "fell silent on purpose", true);
                Some(End::Fault(fault))
            }
            Order::Stall { hold } => {
                self.reading.stall(hold.until_us);
                self.hold_up(hold);
                None
            }
            Order::Watch { hold } => {
                self.hold_up(hold);
                None
            }
            Order::Close { fault, code } => self.close(code, End::Fault(fault)),
            Order::Act { action, k } => {
                self.act(action, k);
                None
            }
            Order::LeaveServer => self.close(1000, End::Left),
            Order::Stop => self.close(1000, End::Stopped),
            Order::LeaveRoom(n) => {
                self.leave(n);
                None
            }
        }
    }

    /// Notes a fault that holds up what this client hears; one that is not joined is not hit.
    fn hold_up(&self, hold: HoldUp) {
        if !self.stage.is_ready() {
            return;
        }
        let failure = Failure { at_us: hold.at_us, fault: Some(hold.fault) };
        self.client.held_up.set(Some(hold));
        let event = RecoveryEvent { failure, moment: Moment::Hit };
        self.ctx.recorder.borrow_mut().recoveries.push(event);
    }

    pub(super) fn close(&mut self, code: u16, end: End) -> Option<End> {
        if let Some(closing) = &mut self.closing {
            // Being told to stop while leaving for a while: do not come back.
            if end == End::Stopped {
                closing.end = end;
            }
            return None;
        }
        let now_us = self.ctx.clock.now_us();
        for change in self.rooms.leave_all() {
            self.member(now_us, change);
        }
        self.client.mailbox.set_active(false);
        // A fault's code is the plan's; else the protocol may have words and a code of its own.
        let code = if end.is_fault() { code } else { self.talk.goodbye() };
        self.ctx.recorder.borrow_mut().closes.record(code, "", true);
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let said = self.pipe.say(&mut self.talk);
        if said.and_then(|()| self.pipe.send(Message::Close(Some(frame)))).is_err() {
            return Some(end);
        }
        self.closing = Some(Closing { end, deadline_us: now_us + micros(CLOSE_TIMEOUT) });
        None
    }

    pub(super) fn leave(&mut self, n: usize) {
        if self.closing.is_some() {
            return;
        }
        // Written with the next that is: a server that doesn't read must not fill our buffer with it.
        let Some(room) = self.rooms.is_in(n) else { return };
        let now_us = self.ctx.clock.now_us();
        let ctx = Rc::clone(&self.ctx);
        let left = self.talk.leave(n, ctx.room(room), now_us);
        if self.said(left) == Some(true) {
            let change = self.rooms.leave(n, now_us);
            self.member(now_us, change);
        }
    }
}
