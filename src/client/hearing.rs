//! A frame as the messages in it: the one way in which sessions and guests hear.

use std::ops::ControlFlow;

use tokio_tungstenite::tungstenite::Message;

use crate::metric::{ErrorKind, Step};
use crate::protocol::{Failure, Incoming, Splitter, Talk};

/// Whoever converses over a connection.
pub(super) trait Listener {
    /// What ends the connection.
    type End;

    /// Its side of the protocol, and what takes frames apart, where a frame is not one message.
    fn ears(&mut self) -> (&mut Talk, &mut Option<Splitter>);

    /// In which step a failure falls.
    fn step(&self) -> Step;

    /// Takes in a message of a frame, which the protocol has looked at.
    fn take_message(
        &mut self,
        frame: &Message,
        message: &[u8],
        incoming: Incoming<'_>,
        now_us: u64,
    ) -> ControlFlow<Self::End>;

    /// The conversation can't go on.
    fn broken_off(&mut self, failure: Failure) -> Self::End;
}

/// The bytes of a frame that is no business of WebSocket's own.
pub(super) fn data_of(frame: &Message) -> Option<&[u8]> {
    match frame {
        Message::Text(text) => Some(text.as_bytes()),
        Message::Binary(bytes) => Some(bytes),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

/// Hears each message that ends in a frame, whose bytes are `data`, until one ends the connection.
pub(super) fn hear<L: Listener>(
    listener: &mut L,
    frame: &Message,
    data: &[u8],
    now_us: u64,
) -> ControlFlow<L::End> {
    let (talk, splitter) = listener.ears();
    let Some(mut splitter) = splitter.take() else {
        let incoming = talk.read(frame, now_us);
        return listener.take_message(frame, data, incoming, now_us);
    };
    let mut flow = ControlFlow::Continue(());
    let fed = splitter.feed(data, |part| {
        if flow.is_break() {
            return;
        }
        let incoming = listener.ears().0.read_part(part, frame.is_text(), now_us);
        flow = listener.take_message(frame, part, incoming, now_us);
        if flow.is_continue() && listener.ears().0.is_overfull() {
            let text = "one message of the server's asks for thousands of replies";
            let failure = Failure::new(listener.step(), ErrorKind::Oversize, text);
            flow = ControlFlow::Break(listener.broken_off(failure));
        }
    });
    *listener.ears().1 = Some(splitter);
    flow?;
    match fed {
        Ok(()) => ControlFlow::Continue(()),
        Err(failure) => {
            let step = listener.step();
            ControlFlow::Break(listener.broken_off(Failure { step, ..failure }))
        }
    }
}

#[cfg(test)]
mod tests;
