//! Scenario files: what is read from right ones, and what is said of wrong ones.

/// A snapshot without the test's own source in its head.
macro_rules! snapshot {
    ($said:expr) => {{
        let said = $said;
        insta::assert_snapshot!(said);
    }};
    ($name:expr, $said:expr) => {{
        let said = $said;
        insta::assert_snapshot!($name, said);
    }};
}

mod aborts;
mod errors;
mod extremes;
mod overrides;
mod protocol_files;
mod protocols;
mod reading;
mod schema;
mod shipped;
mod tls;

use uproar::cli::Failure;
use uproar::report::Exit;
use uproar::scenario::{Overrides, Scenario, ScenarioErrors, Source, read};

/// The least a scenario can be.
const LEAST: &str = r#"format = 1
name = "least"

[target]
builtin = "rooms"

[rooms.lobby]
size = 20

[[cohort]]
name = "people"
clients = 10
join = { rooms = "lobby" }
publish = { rate = "1/s" }

[[phase]]
name = "steady"
duration = "10s"
"#;

fn source(text: &str) -> Source {
    Source { name: "scenario.toml".to_owned(), text: text.to_owned() }
}

/// [`LEAST`] with each first text replaced by the second.
fn least_with(changes: &[(&str, &str)]) -> String {
    let mut text = LEAST.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "there is no {from:?} to replace");
        text = text.replacen(from, to, 1);
    }
    text
}

fn reads(text: &str, overrides: &Overrides) -> Scenario {
    read(&source(text), overrides).unwrap_or_else(|errors| panic!("{}", rendered(errors)))
}

fn rendered(errors: ScenarioErrors) -> String {
    Failure { exit: Exit::Usage, diagnostics: errors.0 }.render(false)
}

/// What is said of a text that is wrong.
fn complaint(text: &str, overrides: &Overrides) -> String {
    match read(&source(text), overrides) {
        Ok(_) => panic!("nothing is wrong with:\n{text}\n{overrides:?}"),
        Err(errors) => rendered(errors),
    }
}

/// What is said of several wrong texts, each a change of [`LEAST`], under its title.
fn complaints(cases: &[(&str, &[(&str, &str)])]) -> String {
    cases
        .iter()
        .map(|(title, changes)| {
            format!("# {title}\n{}\n", complaint(&least_with(changes), &Overrides::default()))
        })
        .collect()
}
