//! What a run costs: CPU of this process and of the machine, and the built-in server's figures, from its
//! start until the figures are complete.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::builtin::BuiltinServer;
use super::keeper::{Keeper, Seen};
use crate::machine::clock::Clock;
use crate::machine::cpu::{MachineCpu, ProcessStat, process_cpu_us};
use crate::plan::Plan;

/// What it all stood at when the run began.
pub(super) struct Meter {
    machine: Option<MachineCpu>,
    cpu_us: Option<u64>,
    keeper: Option<Keeper>,
    server: Option<ProcessStat>,
}

/// What the run has cost.
pub(super) struct Cost {
    pub(super) generator_cpu_us: Option<u64>,
    pub(super) machine: Option<(MachineCpu, MachineCpu)>,
    pub(super) server: Option<ProcessStat>,
    /// How the server ended, if nobody asked it to.
    pub(super) server_ended: Option<String>,
}

impl Meter {
    pub(super) fn begin() -> Self {
        Self { machine: MachineCpu::now(), cpu_us: process_cpu_us(), keeper: None, server: None }
    }

    /// Keeps a server of our own through the run, whose clock this is.
    pub(super) async fn keep(
        &mut self,
        server: Option<(BuiltinServer, Handle)>,
        plan: &Arc<Plan>,
        clock: Clock,
    ) {
        self.keeper =
            server.map(|(server, on)| Keeper::start(server, Arc::clone(plan), clock, &on));
        self.server = self.look().await.stat;
    }

    /// What the built-in server is like now; nothing of a server that is not ours.
    async fn look(&mut self) -> Seen {
        match &mut self.keeper {
            Some(keeper) => keeper.look().await,
            None => Seen::default(),
        }
    }

    pub(super) async fn read(&mut self) -> Cost {
        let generator_cpu_us = process_cpu_us()
            .zip(self.cpu_us)
            .map(|(now_us, before_us)| now_us.saturating_sub(before_us));
        let machine = self.machine.zip(MachineCpu::now());
        let Seen { stat, ended: server_ended } = self.look().await;
        let server = self.server.zip(stat).map(|(before, after)| ProcessStat {
            cpu_us: after.cpu_us.saturating_sub(before.cpu_us),
            ..after
        });
        Cost { generator_cpu_us, machine, server, server_ended }
    }

    /// Lets the server end, and waits for that.
    pub(super) async fn stop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop().await;
        }
    }
}
