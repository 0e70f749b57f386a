//! `uproar try`: two clients talk to a server, every frame is shown, and where it fails the step that
//! waited, what came instead, and what to look at.

mod outcome;
mod page;
mod script;
mod transcript;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use super::args::TryArgs;
use super::visit::recent::Recent;
use super::visit::shown::Hidden;
use super::visit::{self, redact};
use super::{Failure, logins, prepare, print, run, signals};
use crate::client::{Target, Visit};
use crate::coordinator::{BuiltinServer, Signal, Stop};
use crate::plan::Plan;
use crate::protocol::scope::Captured;
use crate::protocol::{Protocol, Writing};
use crate::report::Exit;
use crate::report::escape::escape_terminal;
use crate::report::hints::{Trouble, hint};
use crate::report::summary::{COLUMNS, wrap};
use crate::scenario::{Scenario, Size};
use crate::stamp::RUN_LIMIT;
use crate::stamp::texts::Texts;
use outcome::{Broke, Outcome};
use page::{Page, name};
use script::{Payloads, play};
use transcript::Column;

/// A payload where no scenario says how large: a stamp, and text enough to see whether it is cut or
/// changed.
const PAYLOAD_BYTES: usize = 128;
/// What people write and servers change: markup, quotes, letters outside ASCII, a space at the end.
const PEOPLES: &str = "Tom & \"J\u{e9}r\u{f4}me\" <3 {{ payload }} \u{1f389} ";
/// Columns of an error's words.
const ERROR_COLUMNS: usize = 400;
const RED: u8 = 31;
const GREEN: u8 = 32;

pub(super) fn run(args: &TryArgs) -> Result<ExitCode, Failure> {
    if args.scenario.is_none() && args.target.url.is_none() {
        let message = "there is nothing to try: no scenario and no --url";
        let help = "uproar try --url ws://HOST/PATH --protocol NAME, or uproar try SCENARIO";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    let scenario = prepare::target(args.scenario.as_deref(), &args.target)?;
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
    *server = run::start_server(plan, 1, &[]).await?;
    let run = rand::random_range(0..RUN_LIMIT);
    let reached = run::reach(plan, run, &run::target_url(plan, server.as_ref())?)
        .await
        .map_err(Failure::from)?;
    let protocol = visit::protocol(scenario);
    let url = &reached.target.url;
    let persons = [0, 1].map(|client| visit::person(plan, client, run, url));
    let room =
        args.room.clone().unwrap_or_else(|| visit::room(scenario, format!("uproar-{run:07x}-0")));
    let hidden = (!args.show_secrets).then(|| {
        let given = logins::secrets(plan, run, url, &reached.target.headers, &[]);
        Hidden::of(protocol, &persons, given)
    });
    let color = print::has_color(&std::io::stdout());
    let page = Rc::new(RefCell::new(Page::new(protocol, hidden, color, &room)));
    let column = |client| Column::new(client, run, &page, Recent::new(protocol, &room));
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
    let (outcome, broke) = play(visit, second, &mut columns, &page, payloads(scenario)).await;
    let told = Tried { args, target: &reached.target, protocol, columns: &columns };
    let mut page = page.borrow_mut();
    let (text, exit) = told.verdict(&page, &outcome, broke.as_ref());
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

/// A text in lines of the usual width, behind a label.
fn wrapped(label: &str, text: &str) -> String {
    let lines = wrap(text, COLUMNS - label.len(), usize::MAX);
    let indent = format!("\n{:width$}", "", width = label.len());
    format!("{label}{}\n", lines.join(&indent))
}

/// What is needed to say how it went.
struct Tried<'a> {
    args: &'a TryArgs,
    target: &'a Target,
    protocol: &'a Protocol,
    columns: &'a [Column; 2],
}

impl Tried<'_> {
    /// The last lines, and the exit code.
    fn verdict(&self, page: &Page, outcome: &Outcome, broke: Option<&Broke>) -> (String, Exit) {
        if let Some(broke) = broke {
            return self.broken(page, outcome, broke);
        }
        let filtered = self.columns.iter().any(|column| column.recent.filtered());
        let troubles = outcome.troubles(self.protocol.recipients(), filtered);
        let sentence = outcome.sentence(self.protocol);
        if troubles.is_empty() {
            let word = page.colored(GREEN, "OK");
            return (format!("\n{word}: {sentence}\nnext: {}\n", self.next()), Exit::Passed);
        }
        let word = page.colored(RED, "FAILED");
        let mut text = format!("\n{word}: {sentence}\n");
        for trouble in &troubles {
            let seen = page.hidden.mask_text(&outcome.seen(*trouble));
            text.push('\n');
            text.push_str(&wrapped("", &escape_terminal(&seen, ERROR_COLUMNS)));
            if let (Trouble::Changed, Some(changed)) = (trouble, &page.changed) {
                text.push_str(&format!("{changed}\n"));
            }
            text.push_str(&wrapped("hint: ", &hint(*trouble, self.protocol.name())));
        }
        // What nothing took is most likely what is missing.
        let met: Vec<String> =
            self.columns.iter().flat_map(|column| column.recent.lines(&page.hidden)).collect();
        if !met.is_empty() {
            text.push_str(&format!("\n{}\n", met.join("\n")));
        }
        (text, Exit::Failed)
    }

    /// A step failed, or a connection ended.
    fn broken(&self, page: &Page, outcome: &Outcome, broke: &Broke) -> (String, Exit) {
        let Broke { client, error } = broke;
        let recent = &self.columns[*client as usize].recent;
        let words = escape_terminal(&page.hidden.mask_text(&error.text), ERROR_COLUMNS);
        let (word, exit) = match outcome.got_in {
            true => ("FAILED", Exit::Failed),
            false => ("UNREACHABLE", Exit::Unreachable),
        };
        let colored = page.colored(RED, word);
        let whom = name(*client);
        let step = error.step.name();
        let url = redact(&self.target.url);
        // Without a connection nothing was shown that the verdict has to stand apart from.
        let mut text = String::from(if page.is_empty() { "" } else { "\n" });
        let sentence = match recent.began() {
            true => format!("{whom} failed at {step}: {words}"),
            false => format!("{url}, {step}: {words}"),
        };
        text.push_str(&wrapped(&format!("{word}: "), &sentence).replacen(word, &colored, 1));
        if outcome.published > 0 {
            text.push_str(&format!("until then {}\n", outcome.sentence(self.protocol)));
        }
        for line in recent.lines(&page.hidden) {
            text.push_str(&line);
            text.push('\n');
        }
        let trouble = visit::trouble(error, self.protocol, Some(recent));
        text.push_str(&wrapped("hint: ", &hint(trouble, self.protocol.name())));
        (text, exit)
    }

    /// What to do now that it works.
    fn next(&self) -> String {
        match (&self.args.scenario, &self.args.target.url) {
            (Some(scenario), None) => format!("uproar run {scenario}"),
            (Some(scenario), Some(_)) => {
                format!("uproar run {scenario} with the same --url and --protocol")
            }
            (None, _) => {
                let url = redact(&self.target.url);
                let protocol = self.args.target.protocol.as_deref().unwrap_or_default();
                format!(
                    "uproar init --url {url} --protocol {protocol} --out first.toml, and then \
                     uproar run first.toml"
                )
            }
        }
    }
}
