//! From a plan to a target that lets clients in, or the one error: hosts are looked up and may get the load,
//! TLS is set up, logins that are done once are done, and the first client gets in.
//!
//! Knows no command line and prints nothing. `run` and `try` share it; whatever else sends a plan's clients
//! does, too.

pub mod builtin;
mod first;
pub mod fit;
mod hosts;
mod known;
mod logins;
mod patience;
pub mod people;
pub mod recent;
mod refusal;
pub mod shown;
pub mod told;
mod watched;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{self, Target, Tls};
use crate::coordinator::BuiltinServer;
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::report::Exit;
use crate::scenario;
use crate::secrets::Secrets;
use first::first_client;
use fit::source_addresses;
use hosts::{check_host, is_ours};
pub use known::secrets;
use patience::Patience;
pub use refusal::{NotIn, NotReady, Refusal};
pub use watched::watcher;

/// What the protocol adds to a payload, at most.
const FRAME_OVERHEAD_BYTES: usize = 4 * 1024;
/// The largest message without any publish: feeds, replies.
const MESSAGE_BYTES_MIN: usize = 64 * 1024;

/// The largest message the plan's clients send.
fn message_bytes_max(plan: &Plan) -> usize {
    (plan.payload_bytes_max() + FRAME_OVERHEAD_BYTES).max(MESSAGE_BYTES_MIN)
}

/// How the first client is sent.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// For so long the server may be starting.
    pub wait: Option<Duration>,
    /// Whether one is sent at all.
    pub tries: bool,
}

/// Where clients go: the scenario's URL, or the built-in server.
///
/// # Errors
///
/// Where there is neither.
pub fn target_url(plan: &Plan, server: Option<&BuiltinServer>) -> Result<String, Refusal> {
    match (&plan.scenario.target.url, server) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(server)) => Ok(format!("ws://{}/", server.address())),
        (None, None) => Err(Refusal::internal("there is no target".to_owned())),
    }
}

/// What stands before the first worker does.
pub struct Ready {
    /// Where clients dial to.
    pub target: Arc<Target>,
    /// By cohort: what the logins that are done once a run captured.
    pub logged_in: Vec<Captured>,
    /// What no output may show.
    pub secrets: Secrets,
    /// Whether the server is on this machine.
    pub same_host: bool,
    /// Whether the host is neither loopback nor private.
    pub strangers_host: bool,
    /// How long the host's name took, in microseconds; `None` if it was an address.
    pub lookup_us: Option<u64>,
}

/// Resolves the host, checks that it may get this load, and sends the first client as `how` says; `waits` is
/// told once if that is tried again.
///
/// # Errors
///
/// The one thing that stands against the run.
pub async fn make(
    plan: &Plan,
    run: u32,
    url: &str,
    how: How,
    waits: impl Fn(&str),
) -> Result<Ready, NotReady> {
    let Reached { mut target, strangers_host, lookup_us } = reach(plan, run, url).await?;
    let mut patience = Patience::new(Instant::now(), how.wait);
    let (mut told, mut attempt, mut logged_in) = (false, 0, None);
    let answered = loop {
        match first_client(how.tries, plan, run, &target, attempt, &mut logged_in).await {
            Ok(found) => break found,
            Err(not_in) => match patience.after(&not_in.error, Instant::now()) {
                Some(pause) => {
                    if !told {
                        let (kind, step) = (not_in.error.kind.name(), not_in.error.step.name());
                        waits(&format!("no client gets in yet ({kind} at {step}): trying again"));
                        told = true;
                    }
                    attempt += 1;
                    tokio::time::sleep(pause).await;
                }
                None => return Err(not_in.into()),
            },
        }
    };
    let logged_in = logged_in.unwrap_or_default();
    let secrets = secrets(plan, run, &target.url, &target.headers, &logged_in);
    if let Some(answered) = answered {
        client::prefer_family(&mut target.addresses, answered);
    }
    // An IPv4 address may be written as IPv6.
    let same_host =
        target.addresses.iter().any(|address| address.ip().to_canonical().is_loopback());
    let target = Arc::new(target);
    Ok(Ready { target, logged_in, secrets, same_host, strangers_host, lookup_us })
}

/// Where clients dial to, once the host is resolved.
pub struct Reached {
    pub target: Target,
    pub strangers_host: bool,
    /// How long the host's name took; `None` if it was an address.
    pub lookup_us: Option<u64>,
}

/// Resolves the host and checks that it may get this load.
///
/// # Errors
///
/// Where it may not, or there is no such host; and where TLS can't be set up.
pub async fn reach(plan: &Plan, run: u32, url: &str) -> Result<Reached, NotReady> {
    let scenario = &plan.scenario;
    let client::Lookup { addresses, took_us: lookup_us } =
        client::look_up(url, scenario.target.connect_timeout)
            .await
            .map_err(|error| told::unreachable(plan, url, error))?;
    let login_urls = logins::urls(plan, run, url);
    let tls = tls(url, &login_urls, &scenario.target.tls)?;
    let host = client::host_of(url);
    check_host(plan, &host, &addresses)?;
    let login_hosts = logins::hosts(plan, &login_urls, url).await?;
    let ours = addresses.iter().all(|address| is_ours(address.ip()));
    let agent =
        format!("uproar/{} run={}", env!("CARGO_PKG_VERSION"), crate::worker::run_name(run));
    let target = Target {
        url: url.to_owned(),
        source_addresses: source_addresses(plan, &addresses)?,
        addresses,
        user_agent: agent,
        headers: scenario.target.headers.clone(),
        subprotocols: scenario.target.subprotocols.clone(),
        tls,
        login_hosts,
        connect_timeout: scenario.target.connect_timeout,
        message_bytes_max: scenario.target.max_message.map_or_else(
            || client::message_bytes_max(message_bytes_max(plan)),
            |bytes| usize::try_from(bytes).unwrap_or(usize::MAX),
        ),
        read_buffer_bytes: plan.read_buffer_bytes(),
    };
    Ok(Reached { target, strangers_host: !ours, lookup_us })
}

/// What TLS needs, where the URL asks for it: read and built once a run.
fn tls(url: &str, logins: &[String], settings: &scenario::Tls) -> Result<Option<Tls>, Refusal> {
    if !Tls::is_asked_for_by(url) && !logins.iter().any(|login| Tls::is_asked_for_by(login)) {
        return Ok(None);
    }
    let tls = Tls::new(url, settings)
        .map_err(|error| Refusal::new(Exit::Usage, error.message, error.help))?;
    Ok(Some(tls))
}
