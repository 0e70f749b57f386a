//! Who is in which room when, whose connection failed when, and up to when that is known.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::measure::fate::Stay;
use crate::measure::ledger::{MemberChange, MemberEvent};
use crate::plan::{Membership, Plan};

/// All clients of a plan, by what their workers told.
#[derive(Debug)]
pub(super) struct Members {
    plan: Arc<Plan>,
    /// By room and slot.
    stays: Vec<Vec<Vec<Stay>>>,
    /// By client; whether the ledger follows it.
    followed: Vec<bool>,
    /// By client, when its connections failed.
    failures: FxHashMap<u32, Vec<u64>>,
    /// By worker, which has every n-th client: up to when it has told everything.
    told_us: Vec<u64>,
}

impl Members {
    pub(super) fn new(plan: Arc<Plan>, workers: usize) -> Self {
        Self {
            stays: plan.rooms().iter().map(|room| vec![Vec::new(); room.members.len()]).collect(),
            followed: (0..plan.client_count()).map(|client| plan.is_followed(client)).collect(),
            failures: FxHashMap::default(),
            told_us: vec![0; workers.max(1)],
            plan,
        }
    }

    /// A worker has told everything up to an instant.
    pub(super) fn told(&mut self, worker: u16, at_us: u64) {
        if let Some(told_us) = self.told_us.get_mut(usize::from(worker)) {
            *told_us = (*told_us).max(at_us);
        }
    }

    /// Until when it is known what a client heard, or sent.
    pub(super) fn heard_until(&self, client: u32) -> u64 {
        self.told_us[client as usize % self.told_us.len()]
    }

    /// Up to when the worker has told that told the most.
    pub(super) fn told_most_us(&self) -> u64 {
        self.told_us.iter().copied().max().unwrap_or(0)
    }

    /// Takes a change in. What only messages from before `horizon_us` would ask for is forgotten.
    pub(super) fn take(&mut self, event: MemberEvent, horizon_us: u64) {
        let at_us = event.at_us;
        let plan = Arc::clone(&self.plan);
        let mine = plan.memberships(event.client);
        let membership = |room| mine.iter().find(|membership| membership.room == room).copied();
        match event.change {
            MemberChange::JoinWritten { room } => {
                let Some(stays) = membership(room).and_then(|at| self.stays_mut(at)) else {
                    return;
                };
                // A stay also tells of the time after it, until the next one begins.
                let next = stays.iter().rposition(|stay| stay.join_written_us <= horizon_us);
                stays.drain(..next.unwrap_or(0));
                // Most have one, and a vector's first push makes room for four.
                stays.reserve_exact(1);
                stays.push(Stay::begin_after(at_us, stays.last()));
            }
            MemberChange::Joined { room } => {
                self.last_stay(membership(room), |stay| stay.joined_us = Some(at_us));
            }
            MemberChange::LeaveWritten { room } => {
                self.last_stay(membership(room), |stay| stay.leave_written_us = Some(at_us));
            }
            MemberChange::Left { room } => {
                self.last_stay(membership(room), |stay| stay.left_us = Some(at_us));
            }
            MemberChange::Failed { fault } => {
                for at in mine {
                    self.last_stay(Some(*at), |stay| {
                        if stay.left_us.is_none() && stay.failed_us.is_none() {
                            stay.failed_us = Some(at_us);
                            stay.fault = fault;
                        }
                    });
                }
                let failures = self.failures.entry(event.client).or_default();
                failures.retain(|failed_us| *failed_us >= horizon_us);
                failures.push(at_us);
            }
            MemberChange::Gone => {
                for at in mine {
                    self.last_stay(Some(*at), |stay| stay.gone_us = Some(at_us));
                }
            }
        }
    }

    fn stays_mut(&mut self, at: Membership) -> Option<&mut Vec<Stay>> {
        self.stays.get_mut(at.room as usize)?.get_mut(at.slot as usize)
    }

    fn last_stay(&mut self, at: Option<Membership>, change: impl FnOnce(&mut Stay)) {
        let stays = at.and_then(|at| self.stays_mut(at));
        if let Some(stay) = stays.and_then(|stays| stays.last_mut()) {
            change(stay);
        }
    }

    /// A member's stays in a room of the plan, in the order of their joins.
    pub(super) fn stays(&self, room: u32, slot: u32) -> &[Stay] {
        &self.stays[room as usize][slot as usize]
    }

    /// Whether the ledger follows a client.
    pub(super) fn follows(&self, client: u32) -> bool {
        self.followed[client as usize]
    }

    /// How many clients it follows.
    pub(super) fn followed(&self) -> usize {
        self.followed.iter().filter(|followed| **followed).count()
    }

    /// Whether a connection of the client failed in that time.
    pub(super) fn failed_within(&self, client: u32, span_us: RangeInclusive<u64>) -> bool {
        let failures = self.failures.get(&client);
        failures.is_some_and(|all| all.iter().any(|failed_us| span_us.contains(failed_us)))
    }

    /// A failed connection that left all memberships as they were.
    #[cfg(test)]
    pub(super) fn fail_unseen(&mut self, client: u32, at_us: u64) {
        self.failures.entry(client).or_default().push(at_us);
    }

    /// Sets back what the workers have told.
    #[cfg(test)]
    pub(super) fn have_told(&mut self, told_us: &[u64]) {
        self.told_us = told_us.to_vec();
    }
}

#[cfg(test)]
mod tests;
