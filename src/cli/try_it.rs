//! `uproar try`: two clients talk to a server, every frame is shown, and where it fails the step that
//! waited, what came instead, and what to look at.

mod echo;
mod next;
mod notes;
mod outcome;
mod page;
mod repeats;
mod script;
mod transcript;
mod verdict;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use super::args::TryArgs;
use super::{Failure, prepare, print, run, signals};
use crate::client::Visit;
use crate::coordinator::{BuiltinServer, Signal, Stop};
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::protocol::{Protocol, Writing};
use crate::ready::recent::Recent;
use crate::ready::shown::Hidden;
use crate::ready::{self, Refusal, builtin, people};
use crate::report::Exit;
use crate::scenario::{Scenario, Size};
use crate::stamp::RUN_LIMIT;
use crate::stamp::texts::Texts;
use page::{Look, Page};
use script::{Payloads, play};
use transcript::Column;
use verdict::Tried;

/// A payload where no scenario says how large: a stamp, and text enough to see whether it is cut or
/// changed.
const PAYLOAD_BYTES: usize = 128;
/// What people write and servers change: markup, quotes, letters outside ASCII, a space at the end.
const PEOPLES: &str = "Tom & \"J\u{e9}r\u{f4}me\" <3 {{ payload }} \u{1f389} ";

pub(super) fn run(args: &TryArgs) -> Result<ExitCode, Failure> {
    if args.scenario.is_none() && args.target.url.is_none() {
        let message = "there is nothing to try: no scenario and no --url";
        let help = "uproar try --url ws://HOST/PATH --protocol NAME, or uproar try SCENARIO";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    let scenario =
        prepare::looked_at(args.scenario.as_deref(), &args.target, args.data.as_deref())?;
    prepare::environment(&scenario)?;
    let plan = Plan::new(of_two(scenario, args.timeout));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start: {error}")))?;
    let tried = runtime.block_on(tried(args, &plan));
    // A resolver that doesn't answer must not hold us up here as well.
    runtime.shutdown_background();
    tried.map(|exit| ExitCode::from(exit.code()))
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}

/// The scenario's target and first cohort, and no more of either than two clients need.
fn of_two(mut scenario: Scenario, timeout: Duration) -> Scenario {
    scenario.target.connect_timeout = timeout;
    scenario.cohorts.truncate(1);
    for cohort in &mut scenario.cohorts {
        cohort.clients = 2;
        // An unfinished protocol may take none.
        if !cohort.protocol.publishes() {
            cohort.publish = None;
        }
        // They join a room of their own; what is planned for them must only be possible.
        if let Some(join) = &mut cohort.join {
            join.per_client = 1;
        }
    }
    scenario.faults.clear();
    scenario.thresholds.clear();
    scenario
}

async fn tried(args: &TryArgs, plan: &Plan) -> Result<Exit, Failure> {
    let stop =
        signals::follow().map_err(|error| internal(format!("can't follow signals: {error}")))?;
    let mut asked = stop.clone();
    // The server is ours to end however this ends.
    let mut server = None;
    let exit = tokio::select! {
        exit = talk(args, plan, &mut server) => exit,
        _ = asked.changed() => Ok(stopped(*stop.borrow())),
    };
    if let Some(server) = &mut server {
        server.stop().await;
    }
    exit
}

fn stopped(stop: Stop) -> Exit {
    match stop.asked {
        Some(Signal::Terminate | Signal::Hangup) => Exit::Terminated,
        _ => Exit::Interrupted,
    }
}

async fn talk(
    args: &TryArgs,
    plan: &Plan,
    server: &mut Option<BuiltinServer>,
) -> Result<Exit, Failure> {
    let scenario = &plan.scenario;
    *server = builtin::start(plan, 1, &[], run::queue()).await?;
    let run = rand::random_range(0..RUN_LIMIT);
    let reached = ready::reach(plan, run, &ready::target_url(plan, server.as_ref())?)
        .await
        .map_err(Refusal::from)?;
    let protocol = people::protocol(scenario);
    let url = &reached.target.url;
    let persons = [0, 1].map(|client| people::person(plan, client, run, url));
    let room =
        args.room.clone().unwrap_or_else(|| people::room(scenario, format!("uproar-{run:07x}-0")));
    let hidden = (!args.show_secrets).then(|| {
        let given = ready::secrets(plan, run, url, &reached.target.headers, &[]);
        Hidden::of(protocol, &persons, given)
    });
    let stdout = std::io::stdout();
    let (color, width) = (print::has_color(&stdout), print::width(&stdout));
    let look = Look { color, width, full: args.full };
    let page = Rc::new(RefCell::new(Page::new(protocol, hidden, &room, look)));
    let column = |client| Column::new(client, run, &page, Recent::new(protocol, &room, client));
    let mut columns = [column(0), column(1)];
    let [first, second] = persons;
    let visit = Visit {
        target: &reached.target,
        protocol,
        person: first,
        captured: Captured::default(),
        run,
        room,
        limit: args.timeout,
    };
    let payloads = payloads(scenario);
    let played = play(visit, second, &mut columns, &page, payloads, args.watch).await;
    let (outcome, broke) = played;
    let mut page = page.borrow_mut();
    page.finish();
    let tried = Tried { args, plan, url, columns: &columns, page: &page };
    let (text, exit) = tried.verdict(&outcome, broke.as_ref());
    page.write(&text);
    page.unwritten.take().map_or(Ok(exit), Err)
}

fn payloads(scenario: &Scenario) -> Payloads {
    let cohort = scenario.cohorts.first();
    let publish = cohort.and_then(|cohort| cohort.publish.as_ref());
    let bytes = publish.map_or(PAYLOAD_BYTES, |publish| match publish.size {
        Size::Fixed(bytes) => bytes as usize,
        Size::Spread { p50, .. } => p50 as usize,
    });
    let texts = publish.and_then(|publish| publish.texts.clone());
    let all = texts.is_some();
    let texts = texts.or_else(|| cohort.and_then(|cohort| peoples(&cohort.protocol)));
    let binary = publish.is_some_and(|publish| publish.binary > 0.0);
    Payloads { bytes, texts, all, binary }
}

/// Words with all that servers are known to change, unless the protocol is known to take less or
/// writes content in a way that can't be compared.
fn peoples(protocol: &Protocol) -> Option<Texts> {
    let texts = Texts::new([PEOPLES])?;
    let fits = protocol.max_size().is_none_or(|max| texts.longest(0) <= max as usize);
    (fits && protocol.writing() != Writing::Unknown).then_some(texts)
}
