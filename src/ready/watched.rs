//! Who looks at the server's machine while a run goes on.

use super::refusal::Refusal;
use crate::coordinator::BuiltinServer;
use crate::plan::Plan;
use crate::report::Exit;
use crate::watch::{Of, Watcher};

/// Finds whom the scenario says, or the built-in server; `None` where nobody is to be watched.
///
/// # Errors
///
/// Where they are not there, or may not be looked at.
pub async fn watcher(
    plan: &Plan,
    server: Option<&BuiltinServer>,
) -> Result<Option<Watcher>, Refusal> {
    let watch = plan.scenario.target.watch.clone();
    let of = match (&watch.whom, server) {
        (Some(whom), _) => Of::Named(whom.clone()),
        (None, Some(server)) => Of::Own(server.pid()),
        (None, None) => Of::Nobody,
    };
    // It reads files and pages, and waits for them.
    let looked = tokio::task::spawn_blocking(move || Watcher::of(of, &watch)).await;
    looked
        .map_err(|error| Refusal::internal(format!("the server can't be watched: {error}")))?
        .map_err(|message| Refusal::new(Exit::Usage, message, ""))
}
