//! `uproar report`: any format again, from `report.json` alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{ReportArgs, ReportFormat};
use super::folder::Folder;
use super::run::style;
use super::{Failure, print, runs};
use crate::report::annotations::to_annotations;
use crate::report::files::{FORMATS, Format, PAGE_FILE, REPORT_FILE, Rendered, render_all};
use crate::report::summary::{Place, render};
use crate::report::{Exit, Report};

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let path =
        if args.report.is_dir() { args.report.join(REPORT_FILE) } else { args.report.clone() };
    let report = runs::report(&path)?;
    let rendered = match args.format {
        ReportFormat::Text => {
            let shown = path.display().to_string();
            return say(args, &render(&report, Place::At(&shown), style()));
        }
        ReportFormat::Github => return say(args, &to_annotations(&report)),
        ReportFormat::All => render_all(&report),
        ReportFormat::Json => made_by(REPORT_FILE, &report),
        ReportFormat::Html => made_by(PAGE_FILE, &report),
        ReportFormat::Md => made_by("report.md", &report),
        ReportFormat::Junit => made_by("junit.xml", &report),
        ReportFormat::Csv => made_by("series.csv", &report),
        ReportFormat::Hlog => made_by("latency.hlog", &report),
        ReportFormat::Hgrm => made_by("delivery.hgrm", &report),
    };
    match &args.out {
        Some(out) => write(out, &path, &report, rendered)?,
        None => match <[Rendered; 1]>::try_from(rendered) {
            Ok([(name, text)]) => {
                let text = text.map_err(|why| internal(&name, &why.to_string()))?;
                print::stdout(&text.unwrap_or_default())?;
            }
            Err(_) => {
                let message = "these are several files, and stdout takes one";
                let help = "name a folder for them with --out DIR";
                return Err(Failure::message(Exit::Usage, message, help));
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn internal(name: &str, why: &str) -> Failure {
    Failure::message(Exit::Internal, format!("{name}: {why}"), "")
}

/// What goes to stdout and into no file.
fn say(args: &ReportArgs, text: &str) -> Result<ExitCode, Failure> {
    if args.out.is_some() {
        let message = "--out is for formats that are files";
        let help = "leave it out, or choose another --format";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    print::stdout(text)?;
    Ok(ExitCode::SUCCESS)
}

/// The files of the kind that has this one among them.
fn made_by(name: &str, report: &Report) -> Vec<Rendered> {
    let has = |format: &&Format| format.names().iter().any(|of| of == name);
    FORMATS.iter().find(has).map(|format| format.render(report)).unwrap_or_default()
}

/// Writes into a folder that holds nothing, this run's files, or another's, which then go.
fn write(
    out: &Path,
    source: &Path,
    report: &Report,
    rendered: Vec<Rendered>,
) -> Result<(), Failure> {
    let folder = Folder::open(Some(out), &report.scenario.name)?;
    let there = folder.file(REPORT_FILE);
    let same_place = is_same(&there, source);
    if !same_place
        && there.exists()
        && runs::report(&there).is_ok_and(|other| other.run.id != report.run.id)
    {
        let message = format!("{} holds the report of another run", out.display());
        let help = "files of two runs in one folder pass for one's: choose another with --out DIR";
        return Err(Failure::message(Exit::Usage, message, help));
    }
    for (name, text) in rendered {
        // What it was made from may hold more than this build knows of.
        if same_place && name == REPORT_FILE {
            continue;
        }
        folder.put(&name, text).map_err(|error| {
            let path = folder.file(&name).display().to_string();
            internal(&path, &error.to_string())
        })?;
    }
    Ok(())
}

/// Whether two paths lead to one file; no where either leads nowhere.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { fs::canonicalize(path).ok() };
    real(one).is_some_and(|one| Some(one) == real(other))
}
