//! `uproar capacity`: how many people a server carries. Each trial is `uproar run` at another load, a
//! process of its own. What is asked is `ask`'s, making the trials `trials`'; what they come to is
//! `crate::capacity`'s, and which load is next `crate::search`'s.

mod ask;
mod trials;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::capacity_args::CapacityArgs;
use super::flags::OutputFormat;
use super::folder::{Folder, of_several};
use super::run::style;
use super::{Failure, prepare, print, runs};
use crate::capacity::{
    Capacity, JSON_FILE, JUNIT_FILE, MARKDOWN_FILE, PAGE_FILE, to_annotations, to_html, to_json,
    to_junit, to_markdown, to_text,
};
use crate::report::Exit;
use ask::Ask;

pub(super) fn run(args: &CapacityArgs) -> Result<ExitCode, Failure> {
    let overrides = args.overrides().map_err(prepare::no_equals)?;
    let plan = prepare::planned(args.name().0, &overrides)?;
    prepare::environment(&plan.scenario)?;
    let mut ask = Ask::of(&plan, args)?;
    let out = match &args.r#continue {
        Some(folder) => {
            ask.go_on(runs::search(folder)?)?;
            folder.clone()
        }
        None => folder(args, &plan.scenario.name)?,
    };
    if !args.quiet {
        print::stderr(&ask.announced(&out));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(format!("can't start: {error}")))?;
    let written = |capacity: &Capacity| write(&out, capacity);
    let capacity = runtime.block_on(trials::make(args, ask, &out, &written))?;
    let written = write(&out, &capacity);
    let place = out.join(PAGE_FILE).display().to_string();
    let text = match args.format {
        OutputFormat::Text => to_text(&capacity, &place, style().columns),
        OutputFormat::Json => to_json(&capacity).map_err(|error| internal(error.to_string()))?,
        OutputFormat::Md => to_markdown(&capacity),
        OutputFormat::Github => to_annotations(&capacity),
    };
    print::stdout(&text)?;
    written?;
    if capacity.trials.is_empty() {
        // Only succeeds while there is nothing in it that anybody wants.
        let _ = std::fs::remove_dir(&out);
    }
    Ok(ExitCode::from(capacity.verdict.exit_code))
}

/// Where the trials lie.
fn folder(args: &CapacityArgs, name: &str) -> Result<PathBuf, Failure> {
    let help = "a search has a folder of its own: choose a new or empty one with --out DIR, or go on \
                with the search in it: --continue DIR";
    let out = of_several(args.out.as_deref(), &format!("{name}-capacity"), help)?;
    std::fs::create_dir_all(&out).map_err(|error| {
        let message = format!("can't write into {}: {error}", out.display());
        Failure::message(Exit::Usage, message, "choose another folder with --out DIR")
    })?;
    Ok(out)
}

/// Writes what is known so far, each file whole or not at all.
fn write(out: &Path, capacity: &Capacity) -> Result<(), Failure> {
    let folder = Folder::at(out.to_owned());
    let json = to_json(capacity).map_err(|error| internal(error.to_string()))?;
    let junit = to_junit(capacity).map_err(|error| internal(error.to_string()))?;
    let files = [
        (JSON_FILE, json),
        (PAGE_FILE, to_html(capacity)),
        (MARKDOWN_FILE, to_markdown(capacity)),
        (JUNIT_FILE, junit),
    ];
    for (name, text) in files {
        folder.replace(name, &text).map_err(|error| {
            let message = format!("can't write {}: {error}", folder.file(name).display());
            let help = "the trials that were made are in their folders: make room, then --continue";
            Failure::message(Exit::Internal, message, help)
        })?;
    }
    Ok(())
}

fn internal(message: String) -> Failure {
    Failure::message(Exit::Internal, message, "")
}
