//! How often a comparison of equals fails, and how often one of a slower server is caught.
//!
//!     cargo run --release --example splits -- POOL_A [POOL_B]
//!
//! Each pool is a folder of runs of one plan, those of B slowed down. A thousand times it draws two
//! sides of five from A (none should be worse), and one from each (the second should be).

#![allow(clippy::print_stdout, reason = "a tool of the terminal")]

use std::path::Path;
use std::process::ExitCode;

use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_pcg::Pcg64Mcg;
use uproar::compare::{Options, Runs, compare, default_gates};
use uproar::metric::Metric;
use uproar::report::Report;
use uproar::report::json::from_json;

const SPLITS: usize = 1_000;
/// Runs of a side.
const SIDE: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match arguments.as_slice() {
        [a] => counts(Path::new(a), None),
        [a, b] => counts(Path::new(a), Some(Path::new(b))),
        _ => Err("usage: splits POOL_A [POOL_B]".to_owned()),
    };
    match told {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn counts(a: &Path, b: Option<&Path>) -> Result<String, String> {
    let a = pool(a)?;
    let b = b.map(pool).transpose()?;
    let enough = b.as_ref().is_none_or(|b| b.len() >= SIDE);
    if a.len() < 2 * SIDE || !enough {
        return Err(format!("too few runs: {} a side are drawn", SIDE));
    }
    // The same splits each time.
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let (mut equal, mut slower) = (0, 0);
    for _ in 0..SPLITS {
        let drawn: Vec<&Report> =
            sample(&mut rng, a.len(), 2 * SIDE).into_iter().map(|at| &a[at]).collect();
        equal += u32::from(fails(&drawn[..SIDE], &drawn[SIDE..])?);
        if let Some(b) = &b {
            let other: Vec<&Report> =
                sample(&mut rng, b.len(), SIDE).into_iter().map(|at| &b[at]).collect();
            slower += u32::from(fails(&drawn[..SIDE], &other)?);
        }
    }
    let percent = |n: u32| f64::from(n) * 100.0 / SPLITS as f64;
    let mut text = format!(
        "{} runs, delivery p50 {}: of {SPLITS} splits into {SIDE} and {SIDE}, {:.1} % fail",
        a.len(),
        p50(&a),
        percent(equal)
    );
    if let Some(b) = &b {
        let caught = percent(slower);
        text += &format!(
            "\n{} slower runs, delivery p50 {}: {caught:.1} % are caught",
            b.len(),
            p50(b)
        );
    }
    Ok(text)
}

/// The smallest, the median and the largest of the runs.
fn p50(reports: &[Report]) -> String {
    let of = |report: &Report| report.latency.get(&Metric::Delivery)?.p50;
    let mut all: Vec<u64> = reports.iter().filter_map(of).collect();
    all.sort_unstable();
    let at = |at: usize| all.get(at).copied().unwrap_or(0);
    format!("{} ({}-{}) us", at(all.len() / 2), at(0), at(all.len().saturating_sub(1)))
}

fn fails(base: &[&Report], new: &[&Report]) -> Result<bool, String> {
    let runs = |name: &str, of: &[&Report]| Runs {
        name: name.to_owned(),
        missing: 0,
        reports: of.iter().map(|report| (*report).clone()).collect(),
    };
    let (base, new) = (runs("base", base), runs("new", new));
    let gates = default_gates(&base.reports);
    let comparison = compare(&base, &new, &gates, Options::default());
    Ok(comparison.map_err(|(why, _)| why)?.is_regressed())
}

fn pool(folder: &Path) -> Result<Vec<Report>, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    let mut reports = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| told(&error))? {
        let path = entry.map_err(|error| told(&error))?.path().join("report.json");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let mut report = from_json(&text).map_err(|error| told(&error))?;
        // Cloned a thousand times, and no part of a comparison.
        report.series.clear();
        report.latency.values_mut().for_each(|latency| latency.hdr = None);
        reports.push(report);
    }
    Ok(reports)
}
