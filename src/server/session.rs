//! What an arriving frame means in each mode, and what a connection is a member of. All of it is
//! undone on drop, whatever ended the connection. Nothing here reads or writes a socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_tungstenite::tungstenite::Message;

use super::fanout::Member;
use super::rooms::Room;
use super::state::{Shared, Slot};
use crate::codec::{ClientMessage, Content, ServerMessage};
use crate::protocol::ProtocolKind;

/// One connection's part in the server.
#[derive(Debug)]
pub(super) struct Session {
    shared: Arc<Shared>,
    member: Member,
    /// Names come from peers, so the hash must be one they can't aim collisions at.
    memberships: HashMap<Arc<str>, Membership>,
    /// From the latest Join.
    username: Arc<str>,
    io: Io,
    _slot: Slot,
}

/// Counted apart and added once a turn, because the counters are shared between threads.
#[derive(Debug, Default)]
struct Io {
    messages_received: u64,
    bytes_received: u64,
    messages_sent: u64,
    bytes_sent: u64,
}

#[derive(Debug)]
struct Membership {
    room: Arc<Room>,
    username: Arc<str>,
}

impl Session {
    /// From here on the connection hears what goes to everyone.
    pub(super) fn start(shared: Arc<Shared>, member: Member, slot: Slot) -> Self {
        shared.register(&member);
        let username = Arc::from("");
        Self {
            shared,
            member,
            memberships: HashMap::new(),
            username,
            io: Io::default(),
            _slot: slot,
        }
    }

    /// Takes a text or binary frame.
    pub(super) fn receive(&mut self, frame: Message) {
        self.io.messages_received += 1;
        self.io.bytes_received += frame.len() as u64;
        match self.shared.config.mode {
            ProtocolKind::Rooms => self.receive_chat(&frame),
            ProtocolKind::Echo => {
                if !self.member.queue.push_echo(frame) {
                    self.shared.metrics.injected_losses.add(1);
                }
            }
            ProtocolKind::Broadcast => self.shared.relay(&frame),
            ProtocolKind::Feed => self.receive_listener(&frame),
        }
    }

    /// Notes a frame that is written.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.io.messages_sent += 1;
        self.io.bytes_sent += bytes as u64;
    }

    /// Adds what was received and sent since the last time to the server's counters.
    pub(super) fn count_io(&mut self) {
        let io = std::mem::take(&mut self.io);
        let metrics = &self.shared.metrics;
        metrics.messages_received.add(io.messages_received);
        metrics.bytes_received.add(io.bytes_received);
        metrics.messages_sent.add(io.messages_sent);
        metrics.bytes_sent.add(io.bytes_sent);
    }

    fn receive_chat(&mut self, frame: &Message) {
        match self.member.codec.codec().decode_client(frame) {
            Ok(ClientMessage::Join { room, username }) => self.join(&room, &username),
            Ok(ClientMessage::Leave { room }) => self.leave(&room),
            Ok(ClientMessage::Message { room, content }) => self.publish(&room, content),
            Ok(ClientMessage::Ping) => self.reply(&ServerMessage::Pong),
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    /// A feed's clients only listen.
    fn receive_listener(&self, frame: &Message) {
        match self.member.codec.codec().decode_client(frame) {
            Ok(ClientMessage::Ping) => self.reply(&ServerMessage::Pong),
            Ok(_) => self.refuse("this server only sends its feed"),
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    fn join(&mut self, room: &str, username: &str) {
        let config = &self.shared.config;
        if let Some(why) = bad_name("room", room, 1, config.max_room_name_bytes)
            .or_else(|| bad_name("username", username, 0, config.max_username_bytes))
        {
            return self.refuse(&why);
        }
        let joined = self.encode(&ServerMessage::Joined { room: room.into() });
        if let Some(membership) = self.memberships.get_mut(room) {
            membership.username = username.into();
            self.username = Arc::clone(&membership.username);
            return membership.room.reply(&self.member, joined);
        }
        if self.memberships.len() >= config.max_rooms_per_connection {
            return self.refuse("this connection is in too many rooms");
        }
        let name: Arc<str> = room.into();
        match self.shared.rooms.join(&name, &self.member, joined) {
            Ok(room) => {
                self.username = username.into();
                let username = Arc::clone(&self.username);
                self.memberships.insert(name, Membership { room, username });
            }
            Err(_) => self.refuse("the server has too many rooms"),
        }
    }

    fn leave(&mut self, room: &str) {
        let left = self.encode(&ServerMessage::Left { room: room.into() });
        match self.memberships.remove(room) {
            Some(membership) => {
                self.shared.rooms.leave(room, &membership.room, &self.member, Some(left));
            }
            None => self.member.queue.push_reply(left),
        }
    }

    /// Anyone may publish to any room. One that has no members exists for nobody: no one hears,
    /// and that is no error. A load test's publishers need not listen.
    fn publish(&self, room: &str, content: Content<'_>) {
        let membership = self.memberships.get(room);
        let username = membership.map_or(&self.username, |membership| &membership.username);
        let message = ServerMessage::Message {
            room: room.into(),
            username: username.as_ref().into(),
            content,
            timestamp_ms: unix_ms(),
        };
        let metrics = &self.shared.metrics;
        if let Some(membership) = membership {
            membership.room.deliver(&message, metrics);
        } else if let Some(room) = self.shared.rooms.get(room) {
            room.deliver(&message, metrics);
        }
    }

    fn refuse(&self, reason: &str) {
        self.shared.metrics.errors_sent.add(1);
        self.reply(&ServerMessage::Error { reason: reason.into() });
    }

    fn reply(&self, message: &ServerMessage<'_>) {
        self.member.queue.push_reply(self.encode(message));
    }

    fn encode(&self, message: &ServerMessage<'_>) -> Message {
        self.member.codec.codec().encode_server(message)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.unregister(&self.member);
        for (name, membership) in self.memberships.drain() {
            self.shared.rooms.leave(&name, &membership.room, &self.member, None);
        }
    }
}

fn bad_name(what: &str, name: &str, min_bytes: usize, max_bytes: usize) -> Option<String> {
    let bytes = name.len();
    if bytes < min_bytes {
        Some(format!("the {what} is empty"))
    } else if bytes > max_bytes {
        Some(format!("the {what} is longer than {max_bytes} bytes"))
    } else {
        None
    }
}

/// A clock before 1970 reads 0.
pub(super) fn unix_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
