//! Two searches of the same scenario: which server carries more, by what is known of both answers.

use serde::Serialize;

use super::model::{Answer, Capacity};
use super::words::{figure, load_words};
use crate::report::annotations::{Annotation, Level, commands};
use crate::report::escape::{escape_markdown, escape_terminal};
use crate::units::format::percent;

/// How sure it has to be that one carries less.
const SURE: f64 = 0.95;
/// The longest note: it may hold a path.
const NOTE: usize = 400;

/// What two searches come to beside each other.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// What is said of them.
    pub state: Difference,
    /// The answers.
    pub base: Side,
    pub new: Side,
    /// How much more the new one carries, as a share; under 0 is less.
    pub change: f64,
    /// The chance that it carries less.
    pub less: f64,
    /// Whether it decides: not where the machines differ.
    pub decides: bool,
    /// What speaks against comparing them.
    pub notes: Vec<String>,
}

/// One side's answer.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Where it was read.
    pub name: String,
    pub load: f64,
    pub low: f64,
    pub high: f64,
    /// With its unit.
    pub text: String,
}

/// Which way they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The new one carries less.
    Worse,
    /// It carries more.
    Better,
    /// Neither is as sure as it has to be.
    Same,
}

impl Difference {
    const fn word(self) -> &'static str {
        match self {
            Self::Worse => "WORSE",
            Self::Better => "BETTER",
            Self::Same => "NO DIFFERENCE",
        }
    }
}

/// The chance that one of `new` is under one of `base`; half of those that are equal.
fn less(base: &Answer, new: &Answer) -> f64 {
    let pairs =
        new.quantiles.iter().flat_map(|new| base.quantiles.iter().map(move |base| (base, new)));
    let (mut sum, mut all) = (0.0, 0.0);
    for (base, new) in pairs {
        all += 1.0;
        sum += if new < base { 1.0 } else { 0.5 * f64::from(u8::from(new == base)) };
    }
    if all > 0.0 { sum / all } else { 0.5 }
}

/// Compares two searches.
///
/// # Errors
///
/// Why they can't be.
pub fn compare_capacities(
    (base_name, base): (&str, &Capacity),
    (new_name, new): (&str, &Capacity),
    any_plan: bool,
    any_host: bool,
) -> Result<Compared, String> {
    let answer = |name: &str, of: &Capacity| {
        let word = of.verdict.state.word();
        of.answer.clone().ok_or_else(|| format!("{name} has no answer: {word}"))
    };
    let (base_answer, new_answer) = (answer(base_name, base)?, answer(new_name, new)?);
    let mut notes = Vec::new();
    if base.goal.grow != new.goal.grow {
        return Err("one search is of people and the other of messages a second".to_owned());
    }
    if base.scenario_hash != new.scenario_hash {
        if !any_plan {
            return Err("they are of different scenarios, or flags".to_owned());
        }
        notes.push("of different scenarios, or flags".to_owned());
    }
    if base.goal.chance != new.goal.chance {
        return Err("they ask for different chances to pass".to_owned());
    }
    let same_host = base.host == new.host;
    if !same_host {
        notes.push("made on different machines: a difference need not be the server's".to_owned());
    }
    let less = less(&base_answer, &new_answer);
    let state = match less {
        SURE.. => Difference::Worse,
        _ if less <= 1.0 - SURE => Difference::Better,
        _ => Difference::Same,
    };
    let side = |name: &str, answer: &Answer| Side {
        name: name.to_owned(),
        load: answer.load,
        low: answer.low,
        high: answer.high,
        text: format!(
            "{} ({} to {})",
            load_words(base.goal.grow, answer.load),
            figure(answer.low),
            figure(answer.high)
        ),
    };
    Ok(Compared {
        state,
        base: side(base_name, &base_answer),
        new: side(new_name, &new_answer),
        change: new_answer.load / base_answer.load - 1.0,
        less,
        decides: same_host || any_host,
        notes,
    })
}

impl Compared {
    /// Whether the new one is worse, as far as that decides.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.decides && self.state == Difference::Worse
    }

    fn sentence(&self) -> String {
        let change = percent(self.change.abs());
        let way = if self.change < 0.0 { "less" } else { "more" };
        format!(
            "{} and now {}: {change} {way}; the chance that it carries less is {}",
            self.base.text,
            self.new.text,
            percent(self.less)
        )
    }

    /// For a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  {}\n", self.state.word(), self.sentence());
        for (what, side) in [("base", &self.base), ("new ", &self.new)] {
            text.push_str(&format!("{what}  {}\n", escape_terminal(&side.name, NOTE)));
        }
        for note in &self.notes {
            text.push_str(&format!("note: {}\n", escape_terminal(note, NOTE)));
        }
        text
    }

    /// For a pull request.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text =
            format!("**{}** {}\n", self.state.word(), escape_markdown(&self.sentence(), NOTE));
        for note in &self.notes {
            text.push_str(&format!("\n- {}\n", escape_markdown(note, NOTE)));
        }
        text
    }

    /// For GitHub Actions: an error where it fails, else nothing.
    #[must_use]
    pub fn to_annotations(&self) -> String {
        if !self.fails() {
            return String::new();
        }
        let title = format!("{}: {}", self.new.name, self.state.word());
        commands(&[Annotation { level: Level::Error, title, message: self.sentence() }])
    }
}
