//! `uproar scenarios` and `uproar schema`: what is built in, and what a file may say.

use std::process::ExitCode;

use super::args::{ScenariosArgs, SchemaArgs, SchemaOf};
use super::{Failure, print};
use crate::capacity;
use crate::report::Exit;
use crate::report::schema::SCHEMA;
use crate::scenario;

pub(super) fn run(args: &ScenariosArgs) -> Result<ExitCode, Failure> {
    let known = scenario::builtin();
    let text = match &args.name {
        None => {
            let width = known.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
            let lines = known
                .iter()
                .map(|scenario| format!("{:width$}  {}\n", scenario.name, scenario.question()));
            lines.collect()
        }
        Some(name) => match known.iter().find(|scenario| scenario.name == name.as_str()) {
            Some(scenario) => scenario.text.to_owned(),
            None => {
                let names: Vec<_> = known.iter().map(|scenario| scenario.name).collect();
                let message = format!("there is no built-in scenario `{name}`");
                let help = format!("there are: {}", names.join(", "));
                return Err(Failure::message(Exit::Usage, message, help));
            }
        },
    };
    print::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    let schema = match args.of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Protocol => scenario::protocol_schema(),
        SchemaOf::Report => return print::stdout(SCHEMA).map(|()| ExitCode::SUCCESS),
        SchemaOf::Capacity => return print::stdout(capacity::SCHEMA).map(|()| ExitCode::SUCCESS),
    };
    print::stdout(&format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
