//! The last lines of `uproar try`: what was heard, what is wrong and what to look at, what else there is
//! to know, and what to do next.

use super::next::{self, Given};
use super::outcome::{Broke, Outcome, Signs};
use super::page::{Page, name};
use super::transcript::Column;
use crate::cli::args::TryArgs;
use crate::plan::Plan;
use crate::protocol::{Protocol, Recipients};
use crate::ready::recent::Recent;
use crate::ready::{people, told};
use crate::report::Exit;
use crate::report::escape::escape_terminal;
use crate::report::hints::{Trouble, hint};
use crate::report::summary::wrap;
use crate::secrets::redact_url;

/// Columns of an error's words.
const ERROR_COLUMNS: usize = 400;
const RED: u8 = 31;
const GREEN: u8 = 32;

/// What is needed to say how it went.
pub(super) struct Tried<'a> {
    pub(super) args: &'a TryArgs,
    pub(super) plan: &'a Plan,
    /// Where it was tried.
    pub(super) url: &'a str,
    pub(super) columns: &'a [Column; 2],
    pub(super) page: &'a Page,
}

impl Tried<'_> {
    fn protocol(&self) -> &Protocol {
        people::protocol(&self.plan.scenario)
    }

    /// A text in lines, behind a label.
    fn wrapped(&self, label: &str, text: &str) -> String {
        let lines = wrap(text, self.page.width() - label.len(), usize::MAX);
        let indent = format!("\n{:width$}", "", width = label.len());
        format!("{label}{}\n", lines.join(&indent))
    }

    fn shown(&self, text: &str) -> String {
        escape_terminal(&self.page.hidden.mask_text(text), ERROR_COLUMNS)
    }

    fn hint(&self, trouble: Trouble, words: &str) -> String {
        self.wrapped("hint: ", &hint(trouble, &told::beside(&self.plan.scenario, words)))
    }

    /// The last lines, and the exit code.
    pub(super) fn verdict(&self, outcome: &Outcome, broke: Option<&Broke>) -> (String, Exit) {
        if let Some(broke) = broke {
            return self.broken(outcome, broke);
        }
        let protocol = self.protocol();
        let mut recent = self.columns.iter().map(|column| &column.recent);
        let filtered = recent.clone().any(Recent::filtered);
        let several = recent.find_map(Recent::several);
        let signs = Signs { several, echoed: self.page.echoed.is_some() };
        let troubles = outcome.troubles(protocol.recipients(), filtered);
        let sentence = outcome.sentence(protocol);
        if troubles.is_empty() && outcome.unleft.is_none() {
            let word = self.page.colored(GREEN, "OK");
            let (target, shown) = (&self.args.target, self.args.show_secrets);
            let cohort = match &self.args.scenario {
                Some(_) => self.plan.scenario.cohorts.first().map(|cohort| cohort.name.as_str()),
                None => Some(next::COHORT),
            };
            let users = cohort.zip(self.args.data.as_deref());
            let given = Given { target, protocol, users, shown };
            let next = next::line(self.args.scenario.as_deref(), &given);
            let notes = self.notes();
            return (format!("\n{word}: {sentence}\n{notes}next: {next}\n"), Exit::Passed);
        }
        let word = self.page.colored(RED, "FAILED");
        let mut text = format!("\n{word}: {sentence}\n");
        let mut hinted = None;
        for trouble in &troubles {
            text.push('\n');
            text.push_str(&self.wrapped("", &self.shown(&outcome.seen(*trouble))));
            if let (Trouble::Changed, Some(changed)) = (trouble, &self.page.changed) {
                text.push_str(&format!("{changed}\n"));
            }
            let behind = signs.behind(*trouble);
            if hinted.replace(behind) != Some(behind) {
                if let (Trouble::Echoed, Some(echoed)) = (behind, &self.page.echoed) {
                    text.push_str(&self.wrapped("what came back: ", &self.shown(echoed)));
                }
                text.push_str(&self.hint(behind, ""));
            }
        }
        // What nothing took is most likely what is missing.
        let mut met: Vec<Vec<String>> = Vec::new();
        if !troubles.is_empty() {
            let (hidden, width) = (&self.page.hidden, self.page.width());
            met.extend(self.columns.iter().map(|column| column.recent.lines(hidden, width)));
        }
        // Most often both met the same.
        met.dedup();
        let met = met.concat();
        if !met.is_empty() {
            text.push_str(&format!("\n{}\n", met.join("\n")));
        }
        if let Some(unleft) = &outcome.unleft {
            text.push_str(&self.unleft(unleft));
        }
        let notes = self.notes();
        if !notes.is_empty() {
            text.push_str(&format!("\n{notes}"));
        }
        (text, Exit::Failed)
    }

    /// A step failed, or a connection ended.
    fn broken(&self, outcome: &Outcome, broke: &Broke) -> (String, Exit) {
        let Broke { client, error } = broke;
        let recent = &self.columns[*client as usize].recent;
        let words = self.shown(&error.text);
        let (word, exit) = match outcome.got_in {
            true => ("FAILED", Exit::Failed),
            false => ("UNREACHABLE", Exit::Unreachable),
        };
        let colored = self.page.colored(RED, word);
        let whom = name(*client);
        let step = error.step.name();
        let url = if self.args.show_secrets { self.url.to_owned() } else { redact_url(self.url) };
        // Without a connection nothing was shown that the verdict has to stand apart from.
        let mut text = String::from(if self.page.is_empty() { "" } else { "\n" });
        let sentence = match recent.began() {
            true => format!("{whom} failed at {step}: {words}"),
            false => format!("{url}, {step}: {words}"),
        };
        text.push_str(&self.wrapped(&format!("{word}: "), &sentence).replacen(word, &colored, 1));
        if outcome.published > 0 {
            text.push_str(&format!("until then {}\n", outcome.sentence(self.protocol())));
        }
        for line in recent.lines(&self.page.hidden, self.page.width()) {
            text.push_str(&line);
            text.push('\n');
        }
        let trouble = told::trouble(error, self.protocol(), Some(recent));
        text.push_str(&self.hint(trouble, &error.text));
        // Before anybody was in, most rules had no occasion.
        if outcome.got_in {
            text.push_str(&self.notes());
        }
        (text, exit)
    }

    /// All that was heard stands, whoever could not leave.
    fn unleft(&self, unleft: &Broke) -> String {
        let Broke { client, error } = unleft;
        let recent = &self.columns[*client as usize].recent;
        let sentence = format!("{} could not leave: {}", name(*client), self.shown(&error.text));
        let mut text = format!("\n{}", self.wrapped("", &sentence));
        for line in recent.lines(&self.page.hidden, self.page.width()) {
            text.push_str(&format!("{line}\n"));
        }
        let churns = self.plan.scenario.cohorts.iter().filter_map(|cohort| cohort.churn);
        let needed = churns.into_iter().any(|churn| churn.rooms_per_s > 0.0);
        text.push_str(&self.wrapped(
            "hint: ",
            match needed {
                true => {
                    "`churn.rooms` of this scenario leaves rooms all the time: does `[leave]` expect what \
                     the server answers? Without `expect` no answer is waited for"
                }
                false => {
                    "only `churn.rooms` leaves rooms: a run without it needs no `[leave]`, which can be \
                     left out"
                }
            },
        ));
        text
    }

    /// What is no trouble and good to know.
    fn notes(&self) -> String {
        let mut told = self.page.notes.told();
        // Where only the sender is to hear it, nothing else is wrong then.
        if let (Recipients::Sender, Some(echoed)) =
            (self.protocol().recipients(), &self.page.echoed)
        {
            told.push(format!("is that an error which repeats the message? {echoed}"));
        }
        told.iter().map(|note| self.wrapped("note: ", &self.shown(note))).collect()
    }
}
