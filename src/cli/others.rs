//! Words of other tools: what people type who know those, and what it is called here.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of k6, Artillery, Gatling, Locust, wrk, autocannon and Thor, and ours.
const FLAGS: [(&str, &str); 14] = [
    ("--users", "--clients"),
    ("--user", "--clients"),
    ("--vus", "--clients"),
    ("--connections", "--clients"),
    ("--concurrency", "--clients"),
    ("--amount", "--clients"),
    ("--arrival-rate", "--rate"),
    ("--rps", "--rate"),
    ("--qps", "--rate"),
    ("--run-time", "--duration"),
    ("--time", "--duration"),
    ("--length", "--duration"),
    ("--threads", "--workers"),
    ("--output", "--out"),
];

/// Commands of those and of habit, and ours.
const COMMANDS: [(&str, &str); 12] = [
    ("completion", "completions"),
    ("list", "scenarios"),
    ("ls", "scenarios"),
    ("bench", "run"),
    ("test", "run"),
    ("load", "run"),
    ("quick", "run"),
    ("validate", "check"),
    ("lint", "check"),
    ("new", "init"),
    ("diff", "compare"),
    ("version", "--version"),
];

/// Says in an error of the command line what was probably meant.
pub(super) fn explain(error: &mut clap::Error) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            if let Some((_, ours)) = FLAGS.iter().find(|(theirs, _)| *theirs == argument) {
                let ours = ContextValue::String((*ours).to_owned());
                error.insert(ContextKind::SuggestedArg, ours);
            }
        }
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand);
            if let Some((_, ours)) = COMMANDS.iter().find(|(theirs, _)| *theirs == typed) {
                let ours = ContextValue::Strings(vec![(*ours).to_owned()]);
                error.insert(ContextKind::SuggestedSubcommand, ours);
            }
        }
        ErrorKind::InvalidValue if argument.starts_with("--format") && value == "html" => {
            let tip = "report.html is in the folder of every run; `uproar report DIR --format html` \
                       prints it";
            let tips = ContextValue::StyledStrs(vec![tip.into()]);
            error.insert(ContextKind::Suggested, tips);
        }
        _ => {}
    }
}

/// A number of things on the command line.
///
/// # Errors
///
/// Says how to write what was meant: `100k`, `1,000`.
pub(super) fn whole(text: &str) -> Result<u32, String> {
    let error = match text.parse::<u32>() {
        Ok(number) => return Ok(number),
        Err(error) => error,
    };
    let plain: String = text.chars().filter(|it| !matches!(it, ',' | '_' | ' ' | '\'')).collect();
    let plain = plain.to_lowercase();
    let (digits, times) = match (plain.strip_suffix('k'), plain.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (_, Some(digits)) => (digits, 1_000_000),
        (None, None) => (&*plain, 1),
    };
    match digits.parse::<u32>().ok().and_then(|number| number.checked_mul(times)) {
        Some(number) => Err(format!("write it in digits alone: {number}")),
        None => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::args::Cli;
    use super::*;

    fn said(arguments: &[&str]) -> String {
        let line = ["uproar", "run"].iter().chain(arguments);
        let Err(mut error) = Cli::try_parse_from(line) else { panic!("{arguments:?} is right") };
        explain(&mut error);
        error.to_string()
    }

    #[test]
    fn flags_of_other_tools_are_told_apart_from_typos() {
        for (theirs, ours) in FLAGS {
            let told = said(&[theirs, "5"]);
            assert!(told.contains(&format!("a similar argument exists: '{ours}'")), "{told}");
        }
        assert!(said(&["--client", "5"]).contains("'--clients'"));
        assert!(!said(&["--zebra", "5"]).contains("similar"));
    }

    #[test]
    fn commands_of_other_tools_are_told_as_well() {
        let cli = Cli::command();
        for (theirs, ours) in COMMANDS {
            let Err(mut error) = Cli::try_parse_from(["uproar", theirs]) else {
                panic!("{theirs} is a command")
            };
            explain(&mut error);
            let told = error.to_string();
            assert!(told.contains(&format!("a similar subcommand exists: '{ours}'")), "{told}");
            assert!(ours == "--version" || cli.find_subcommand(ours).is_some(), "{ours}");
        }
    }

    #[test]
    fn every_flag_that_is_suggested_is_one() {
        let cli = Cli::command();
        let run = cli.find_subcommand("run").unwrap();
        let is_flag =
            |flag: &str| run.get_arguments().any(|arg| arg.get_long() == Some(&flag[2..]));
        for (theirs, ours) in FLAGS {
            assert!(is_flag(ours) && !is_flag(theirs), "{theirs}, {ours}");
        }
    }

    #[test]
    fn the_page_is_where_it_always_is() {
        assert!(said(&["--format", "html"]).contains("report.html is in the folder of every run"));
        assert!(!said(&["--format", "yaml"]).contains("report.html"));
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(whole("100"), Ok(100));
        for (text, told) in [
            ("100k", "write it in digits alone: 100000"),
            ("2M", "write it in digits alone: 2000000"),
            ("1,000", "write it in digits alone: 1000"),
            ("1_000", "write it in digits alone: 1000"),
            ("10'000", "write it in digits alone: 10000"),
            ("k", "invalid digit found in string"),
            ("-1", "invalid digit found in string"),
            ("9999m", "invalid digit found in string"),
            ("5000000000", "number too large to fit in target type"),
        ] {
            assert_eq!(whole(text), Err(told.to_owned()), "{text}");
        }
    }
}
