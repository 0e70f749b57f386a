//! `uproar protocols`: the protocols that are built in, and their files.

use std::process::ExitCode;

use super::args::ProtocolsArgs;
use super::{Failure, print};
use crate::report::Exit;
use crate::scenario::{Source, own_protocols, read_protocol, shipped_protocols};

pub(super) fn run(args: &ProtocolsArgs) -> Result<ExitCode, Failure> {
    let text = match &args.name {
        None => list()?,
        Some(name) => one(name)?,
    };
    print::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// One a line: name, and what it was run against.
fn list() -> Result<String, Failure> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for shipped in shipped_protocols() {
        let source = Source { name: shipped.name.to_owned(), text: shipped.text.to_owned() };
        let read = read_protocol(&source)
            .map_err(|errors| Failure { exit: Exit::Internal, diagnostics: errors.0 })?;
        lines.push((shipped.name, read.description.verified));
    }
    lines.push((
        "mqtt",
        "mosquitto 2.0.11 (3.1.1 and 5); see docs/protocols.md for its params".to_owned(),
    ));
    lines.extend(own_protocols().map(|name| (name, "uproar's own server".to_owned())));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    Ok(lines.iter().map(|(name, verified)| format!("{name:width$}  {verified}\n")).collect())
}

fn one(name: &str) -> Result<String, Failure> {
    if let Some(shipped) = shipped_protocols().iter().find(|shipped| shipped.name == name) {
        return Ok(shipped.text.to_owned());
    }
    let mut names: Vec<&str> = shipped_protocols().iter().map(|shipped| shipped.name).collect();
    let (message, help) = if own_protocols().chain(["mqtt"]).any(|own| own == name) {
        (
            format!("`{name}` is built in as code and has no file"),
            format!("there are files of: {}", names.join(", ")),
        )
    } else {
        names.push("mqtt");
        names.extend(own_protocols());
        (
            format!("there is no built-in protocol `{name}`"),
            format!("there are: {}", names.join(", ")),
        )
    };
    Err(Failure::message(Exit::Usage, message, help))
}
