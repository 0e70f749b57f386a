//! Rooms: who is in which, from the first Join to the last departure. It knows neither messages'
//! meaning nor sockets.
//!
//! Locks: the map's and a room's are never held together; a queue's may be taken under a room's.
//! So a long fan-out in one room holds up neither other rooms nor the joining of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite::Message;

use super::fanout::{Member, Members};
use super::lock;
use super::metrics::Metrics;
use crate::codec::ServerMessage;

/// A Join would need one room more than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomsFull;

#[derive(Debug)]
pub(super) struct Rooms {
    max: usize,
    /// Names come from peers, so the hash must be one they can't aim collisions at.
    map: Mutex<HashMap<Arc<str>, Arc<Room>>>,
}

#[derive(Debug, Default)]
pub(super) struct Room(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    members: Members,
    /// The last member left. Set under this lock, taken out of the map afterwards: whoever finds
    /// a dead room in between makes a new one.
    dead: bool,
}

impl Rooms {
    pub(super) fn new(max: usize) -> Self {
        Self { max, map: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.map).len()
    }

    /// The room of that name, if it has members.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Room>> {
        lock(&self.map).get(name).cloned()
    }

    /// Makes `member` one of the room's, and queues `joined` before any delivery of the room.
    pub(super) fn join(
        &self,
        name: &Arc<str>,
        member: &Member,
        joined: Message,
    ) -> Result<Arc<Room>, RoomsFull> {
        let mut dead = None;
        loop {
            let room = self.get_or_make(name, dead.as_ref())?;
            let mut state = lock(&room.0);
            if state.dead {
                drop(state);
                dead = Some(room);
                continue;
            }
            state.members.insert(member.clone());
            member.queue.push_reply(joined);
            drop(state);
            return Ok(room);
        }
    }

    /// Ends a membership, and queues `left` after every delivery of the room.
    pub(super) fn leave(
        &self,
        name: &str,
        room: &Arc<Room>,
        member: &Member,
        left: Option<Message>,
    ) {
        let mut state = lock(&room.0);
        state.members.remove(member.connection);
        if let Some(left) = left {
            member.queue.push_reply(left);
        }
        state.dead = state.members.is_empty();
        let dead = state.dead;
        drop(state);
        if dead {
            let mut map = lock(&self.map);
            // A joiner may have put a living one in its place.
            if map.get(name).is_some_and(|there| Arc::ptr_eq(there, room)) {
                map.remove(name);
            }
        }
    }

    fn get_or_make(
        &self,
        name: &Arc<str>,
        dead: Option<&Arc<Room>>,
    ) -> Result<Arc<Room>, RoomsFull> {
        let mut map = lock(&self.map);
        let there = map.get(name);
        match there {
            Some(room) if !dead.is_some_and(|dead| Arc::ptr_eq(dead, room)) => {
                return Ok(Arc::clone(room));
            }
            None if map.len() >= self.max => return Err(RoomsFull),
            _ => {}
        }
        let room = Arc::<Room>::default();
        map.insert(Arc::clone(name), Arc::clone(&room));
        Ok(room)
    }
}

impl Room {
    /// Queues a message for every member.
    pub(super) fn deliver(&self, message: &ServerMessage<'_>, metrics: &Metrics) {
        lock(&self.0).members.deliver(message, metrics);
    }

    /// Queues a reply in order with the room's deliveries.
    pub(super) fn reply(&self, member: &Member, frame: Message) {
        let _ordered = lock(&self.0);
        member.queue.push_reply(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::ServerConfig;
    use super::super::queue::OutQueue;
    use super::*;
    use crate::codec::CodecKind;

    fn member(connection: u64) -> Member {
        let queue = Arc::new(OutQueue::new(&ServerConfig::default(), connection));
        Member { connection, codec: CodecKind::Json, queue }
    }

    fn frame() -> Message {
        Message::text("")
    }

    #[test]
    fn a_room_lives_from_its_first_member_to_its_last() {
        let rooms = Rooms::new(1);
        let name: Arc<str> = "r".into();
        let (a, b) = (member(1), member(2));
        let room = rooms.join(&name, &a, frame()).unwrap();
        assert!(Arc::ptr_eq(&room, &rooms.join(&name, &b, frame()).unwrap()));
        rooms.leave(&name, &room, &a, None);
        assert!(rooms.get("r").is_some());
        rooms.leave(&name, &room, &b, Some(frame()));
        assert!(rooms.get("r").is_none());
        assert_eq!(rooms.len(), 0);
    }

    #[test]
    fn no_more_rooms_than_allowed() {
        let rooms = Rooms::new(1);
        let a = member(1);
        rooms.join(&"r1".into(), &a, frame()).unwrap();
        assert_eq!(rooms.join(&"r2".into(), &a, frame()).unwrap_err(), RoomsFull);
        rooms.join(&"r1".into(), &member(2), frame()).unwrap();
    }

    #[test]
    fn a_dead_room_that_is_still_in_the_map_is_replaced() {
        let rooms = Rooms::new(1);
        let name: Arc<str> = "r".into();
        let old = rooms.join(&name, &member(1), frame()).unwrap();
        lock(&old.0).dead = true;
        let new = rooms.join(&name, &member(2), frame()).unwrap();
        assert!(!Arc::ptr_eq(&old, &new));
        // The old one's leaver must not take out the new one.
        rooms.leave(&name, &old, &member(1), None);
        assert!(Arc::ptr_eq(&new, &rooms.get("r").unwrap()));
    }

    #[test]
    fn joins_and_departures_of_many_threads_leave_nothing_behind() {
        let rooms = Rooms::new(2);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let rooms = &rooms;
                scope.spawn(move || {
                    let member = member(thread);
                    for n in 0..2_000_u64 {
                        let name: Arc<str> = if n % 3 == 0 { "a".into() } else { "b".into() };
                        let room = rooms.join(&name, &member, frame()).unwrap();
                        rooms.leave(&name, &room, &member, None);
                        while let super::super::queue::Popped::Frame(_) = member.queue.pop() {}
                    }
                });
            }
        });
        assert_eq!(rooms.len(), 0);
    }
}
