//! What a client says once it is in: messages, actions and goodbye.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{Prepared, Talk, unsaid};
use crate::protocol::scope::{RoomName, Scope};
use crate::protocol::template::Missing;
use crate::protocol::{Failure, Outgoing, Taker};

impl Talk {
    pub(in crate::protocol) fn publish(
        &mut self,
        room: RoomName<'_>,
        message: Outgoing<'_>,
    ) -> Result<Option<u64>, Failure> {
        let id = self.next_id();
        self.try_publish(room, message, id).map_err(|missing| unsaid(Taker::Nobody, &missing))?;
        let acknowledged = self.file.publish.as_ref().is_some_and(|publish| publish.ack.is_some());
        Ok(acknowledged.then_some(id))
    }

    fn try_publish(
        &mut self,
        room: RoomName<'_>,
        message: Outgoing<'_>,
        id: u64,
    ) -> Result<(), Missing> {
        let file = Arc::clone(&self.file);
        let Some(publish) = &file.publish else { return Ok(()) };
        let scope = Scope {
            person: &self.person,
            captured: &self.captured,
            room: Some(room),
            id: None,
            payload: None,
            seq: None,
            now_ms: None,
        };
        let prepared = match self.prepared.entry(room.n) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let send = publish.send.fold(&scope, &file.changing)?;
                let binary = publish.binary.as_ref();
                let binary = binary.map(|send| send.fold(&scope, &file.changing)).transpose()?;
                entry.insert(Prepared { send, binary })
            }
        };
        let send = match &prepared.binary {
            Some(binary) if message.binary => binary,
            _ => &prepared.send,
        };
        let scope = Scope {
            id: Some(id),
            payload: Some(message.payload.as_bytes()),
            seq: Some(message.seq),
            now_ms: Some(message.now_ms),
            ..scope
        };
        send.frames(&scope, &mut self.out)
    }

    pub(in crate::protocol) fn act(
        &mut self,
        action: usize,
        room: Option<RoomName<'_>>,
    ) -> Result<(), Failure> {
        let file = Arc::clone(&self.file);
        let Some(action) = file.actions.get(action) else { return Ok(()) };
        let id = self.next_id();
        self.say(&action.send, room, id).map_err(|missing| unsaid(Taker::Nobody, &missing))
    }

    pub(in crate::protocol) fn goodbye(&mut self) -> u16 {
        let file = Arc::clone(&self.file);
        let id = self.next_id();
        // Whoever leaves without a value that the words need leaves without words.
        let _ = self.say(&file.goodbye.send, None, id);
        file.goodbye.code
    }
}
