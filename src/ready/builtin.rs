//! The built-in server beside a run: what it is started with, and which cores it gets.

use super::message_bytes_max;
use super::refusal::Refusal;
use crate::coordinator::BuiltinServer;
use crate::machine::cores::{allowed, shared};
use crate::machine::host::cores;
use crate::plan::Plan;

/// What it holds for one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The generator and the built-in server share the cores evenly; alone, the generator leaves
/// one for everything else.
pub fn default_workers(plan: &Plan) -> u16 {
    let cores = u16::try_from(cores()).unwrap_or(u16::MAX);
    let workers = if plan.scenario.target.url.is_none() { cores / 2 } else { cores - 1 };
    workers.max(1)
}

/// With the built-in server beside it, each side keeps to cores of its own: (generator, server).
pub fn share_cores(plan: &Plan, workers: u16) -> (Vec<usize>, Vec<usize>) {
    if plan.scenario.target.url.is_some() {
        return Default::default();
    }
    let shared = allowed().and_then(|allowed| shared(&allowed, usize::from(workers)));
    shared.unwrap_or_default()
}

/// Starts the server that a plan without a URL goes to. `queue` is what it holds for one receiver unasked.
///
/// # Errors
///
/// Where it can't be started.
pub async fn start(
    plan: &Plan,
    workers: u16,
    cores: &[usize],
    queue: Queue,
) -> Result<Option<BuiltinServer>, Refusal> {
    let target = &plan.scenario.target;
    if target.url.is_some() {
        return Ok(None);
    }
    let binary = std::env::current_exe()
        .map_err(|error| Refusal::internal(format!("can't find our own binary: {error}")))?;
    let mut arguments = vec![
        "--mode".to_owned(),
        target.protocol.name().to_owned(),
        "--threads".to_owned(),
        workers.to_string(),
        "--max-message".to_owned(),
        format!("{}B", message_bytes_max(plan)),
        "--max-connections".to_owned(),
        (u64::from(plan.client_count()) * 2 + plan.silent_sockets() + 64).to_string(),
        "--max-rooms".to_owned(),
        (plan.rooms().len() + 64).to_string(),
    ];
    if let Some(burst) = plan.largest_burst() {
        // A receiver that reads all the time must never be dropped for: several members of a room
        // may say something to all their rooms at once.
        let messages = burst.messages.saturating_mul(BURSTS_AT_ONCE);
        let bytes = burst.bytes().saturating_mul(BURSTS_AT_ONCE).min(QUEUE_BYTES_MAX);
        if messages > queue.messages {
            arguments.extend(["--queue-messages".to_owned(), messages.to_string()]);
        }
        if bytes > queue.bytes {
            arguments.extend(["--queue-bytes".to_owned(), format!("{bytes}B")]);
        }
    }
    if let Some(per_s) = target.serves_per_s {
        arguments.extend(["--serves".to_owned(), format!("{per_s}/s")]);
    }
    if !cores.is_empty() {
        let cores: Vec<_> = cores.iter().map(usize::to_string).collect();
        arguments.extend(["--cores".to_owned(), cores.join(",")]);
    }
    BuiltinServer::start(&binary, &arguments)
        .await
        .map(Some)
        .map_err(|error| Refusal::internal(format!("the built-in server did not start: {error}")))
}

/// The largest bursts that wait for one receiver of the built-in server, and what they may need.
const BURSTS_AT_ONCE: u64 = 4;
const QUEUE_BYTES_MAX: u64 = 64 * 1024 * 1024;
