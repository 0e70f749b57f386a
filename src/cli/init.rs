//! `uproar init`: a first scenario for a server, small enough to run at once, with a comment on every
//! line that is worth changing.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::args::InitArgs;
use super::{Failure, prepare, print};
use crate::plan::{Plan, headline};
use crate::protocol::{Audience, Protocol};
use crate::ready::people::protocol as protocol_of;
use crate::report::Exit;
use crate::scenario::{self, Cohort, Overrides, Source};

pub(super) fn run(args: &InitArgs) -> Result<ExitCode, Failure> {
    // What is wrong with the flags is told as of the command line, not as of a file yet to be.
    let target = prepare::target(None, &args.target())?;
    let text = render(args, protocol_of(&target), target.cohorts.first());
    let name =
        args.out.as_deref().map_or_else(|| "stdout".to_owned(), |out| out.display().to_string());
    let source = Source { name: name.clone(), text: text.clone() };
    let plan = Plan::new(scenario::read(&source, &Overrides::default()).map_err(prepare::refused)?);
    let Some(out) = &args.out else {
        print::stdout(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    write(out, &text, args.force)?;
    let line =
        format!("wrote {name}: {}\nnext: uproar try {name}, uproar run {name}\n", headline(&plan));
    print::stdout(&line)?;
    Ok(ExitCode::SUCCESS)
}

fn write(out: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let path = out.display();
        if error.kind() == io::ErrorKind::AlreadyExists {
            let help = "choose another name, or replace it with --force";
            return Failure::message(Exit::Usage, format!("{path} is there already"), help);
        }
        Failure::message(Exit::Usage, format!("can't write {path}: {error}"), "")
    })
}

/// The scenario's text.
fn render(args: &InitArgs, protocol: &Protocol, cohort: Option<&Cohort>) -> String {
    let audience = protocol.audience();
    let rooms = matches!(audience, Audience::Joined | Audience::Connected);
    let publishes = protocol.publishes();
    let mut text = String::from(
        "# A first scenario: 20 clients for 10 seconds. `uproar check` finds mistakes in it, `uproar plan`\n\
         # shows what it would do, `uproar schema` says everything that can stand here.\n\n\
         format = 1\n\
         name = \"first\"                    # the report's folder is named after it\n",
    );
    let question = match audience {
        Audience::Joined | Audience::Connected => {
            "20 people chat in rooms of 10: is every message heard by everyone, and how soon?"
        }
        Audience::Alone => {
            "20 people talk to the server: does every message come back, and how soon?"
        }
        Audience::Everyone => {
            "20 people talk in one hall: does everyone hear everything, and how soon?"
        }
        Audience::Feed => "20 people listen: does every update reach each of them?",
    };
    // Writing to a string can't fail.
    let _ = writeln!(text, "question = {}", quoted(question));
    let _ = writeln!(text, "\n[target]");
    let _ = writeln!(text, "url = {}", quoted(&args.url));
    let _ = writeln!(text, "protocol = {}", quoted(&protocol_name(args)));
    params(&mut text, args, cohort);
    let headers: Vec<_> = args.header.iter().filter_map(|header| header.split_once(':')).collect();
    if !headers.is_empty() {
        let each = headers
            .iter()
            .map(|(name, value)| format!("{} = {}", quoted(name.trim()), quoted(value.trim())));
        let _ = writeln!(text, "headers = {{ {} }}", each.collect::<Vec<_>>().join(", "));
    }
    if rooms {
        text.push_str(
            "\n[rooms.lobby]\n\
             size = 10                         # members a room: more clients mean more rooms, not fuller ones;\n\
             \x20                                 # rooms that exist already: names = \"rooms.txt\", one a line\n",
        );
    }
    text.push_str(
        "\n[[cohort]]\n\
         name = \"people\"\n\
         clients = 20                      # next: 100, then 1000; or `--clients 1000` for one run\n",
    );
    if rooms {
        text.push_str("join = { rooms = \"lobby\" }        # each joins one of them, evenly\n");
    }
    if publishes {
        text.push_str(
            "\n[cohort.publish]\n\
             rate = \"1/s\"                      # each client's\n\
             size = \"128B\"                     # the payload: at least 52B, for uproar's mark in it\n",
        );
    }
    text.push_str(
        "\n[[phase]]\n\
         name = \"ramp\"\n\
         duration = \"2s\"                   # with more clients, longer: how many a second can log in?\n\
         clients = \"0% -> 100%\"\n\
         measure = false                   # its latencies are left out; what is lost counts all the same\n\
         \n\
         [[phase]]\n\
         name = \"steady\"\n\
         duration = \"8s\"                   # next: \"60s\"; percentiles need many messages\n\
         \n\
         [thresholds]                      # what decides between exit code 0 and 1\n",
    );
    if publishes {
        text.push_str("\"delivery.p99\" = \"< 500ms\"        # from when a message was due until it was heard\n");
    }
    text.push_str(
        "\"lost\" = \"== 0\"\n\
         \"clients.never_joined\" = \"== 0\"\n\
         \n\
         # [[fault]]                       # next: who loses the connection comes back, and how soon?\n\
         # at = \"steady + 2s\"\n\
         # kind = \"reset\"\n\
         # clients = \"30%\"\n",
    );
    text
}

/// What the protocol lets a scenario set: what was given, and the rest as it is by default, to be
/// uncommented. A shipped protocol explains each.
fn params(text: &mut String, args: &InitArgs, cohort: Option<&Cohort>) {
    let params = cohort.map(|cohort| cohort.params.as_slice()).unwrap_or_default();
    let shipped = scenario::shipped_protocols().iter().find(|known| known.name == args.protocol);
    let explained = shipped.map(|shipped| explanations(shipped.text)).unwrap_or_default();
    for (name, value) in params {
        for (_, line) in explained.iter().filter(|(of, _)| of == name) {
            let _ = writeln!(text, "{line}");
        }
        let given = args.param.iter().any(|param| {
            param.split_once('=').is_some_and(|(given, _)| given.trim() == name.as_str())
        });
        let comment = if given { "" } else { "# " };
        let _ = writeln!(text, "{comment}params.{name} = {}", quoted(value));
    }
}

/// The comments above each param of a protocol file, line by line, with the param's name.
fn explanations(file: &str) -> Vec<(&str, &str)> {
    let section = file.lines().skip_while(|line| *line != "[params]").skip(1);
    let mut explained = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for line in section.take_while(|line| !line.starts_with('[')) {
        match line.split_once('=') {
            _ if line.starts_with('#') => above.push(line),
            Some((name, _)) => {
                explained.extend(above.drain(..).map(|comment| (name.trim(), comment)));
            }
            None => above.clear(),
        }
    }
    explained
}

/// The protocol as the scenario's file has to name it: a path there is relative to the file's folder.
fn protocol_name(args: &InitArgs) -> String {
    let elsewhere = args.out.as_deref().and_then(Path::parent).is_some_and(|folder| {
        !folder.as_os_str().is_empty() && Path::new(&args.protocol).is_relative()
    });
    let path = elsewhere.then(|| Path::new(&args.protocol).canonicalize().ok()).flatten();
    path.map_or_else(|| args.protocol.clone(), |path| path.display().to_string())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_with_the_param_below_them() {
        let file = "a = 1\n[params]\n# One.\n# More.\none = \"1\"\n\n# Of none.\n\ntwo = \"2\"\n[x]\nb = 2\n";
        assert_eq!(explanations(file), [("one", "# One."), ("one", "# More.")]);
    }

    #[test]
    fn any_text_is_read_back_as_it_was() {
        for said in ["plain", "a \"b\" \\ c", "tab\tline\n\u{7f}\u{9b}", "日本 🎉"] {
            let table: toml::Table = toml::from_str(&format!("it = {}", quoted(said))).unwrap();
            assert_eq!(table["it"].as_str(), Some(said));
        }
    }
}
