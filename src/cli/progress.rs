//! What a person sees on stderr while a run goes on.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use crate::coordinator::{Progress, Stage};
use crate::plan::Plan;
use crate::units::format::{count, duration_us, seconds};

/// How often a line is written where stderr is no terminal.
const LINE_EVERY_US: u64 = 5_000_000;

/// Shows progress until its sender is gone.
pub(super) async fn show(plan: std::sync::Arc<Plan>, mut progress: watch::Receiver<Progress>) {
    if std::io::stderr().is_terminal() {
        bar(&plan, &mut progress).await;
    } else {
        lines(&plan, &mut progress).await;
    }
}

async fn bar(plan: &Plan, progress: &mut watch::Receiver<Progress>) {
    let total_ms = plan.end_us() / 1_000;
    let bar = ProgressBar::with_draw_target(Some(total_ms), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        bar.set_position((now.elapsed_us / 1_000).min(total_ms));
        bar.set_message(line(plan, now));
    }
    bar.finish_and_clear();
}

async fn lines(plan: &Plan, progress: &mut watch::Receiver<Progress>) {
    let mut shown: Option<(Stage, u64)> = None;
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        let due = shown.is_none_or(|(stage, at_us)| {
            stage != now.stage || now.elapsed_us >= at_us + LINE_EVERY_US
        });
        if due && now.stage != Stage::Done {
            shown = Some((now.stage, now.elapsed_us));
            // Nobody is left to tell that stderr is gone.
            let _ = writeln!(std::io::stderr(), "{}", line(plan, now));
        }
    }
}

/// One line: phase, time, clients, rates, p99, errors.
fn line(plan: &Plan, now: Progress) -> String {
    let stage = match now.stage {
        Stage::Starting => "starting",
        Stage::Phase(phase) => {
            plan.scenario.phases.get(phase).map_or("running", |phase| &phase.name)
        }
        Stage::Draining => "draining",
        Stage::Done => "done",
    };
    let mut line = format!(
        "{stage}  {} of {}  {}/{} clients  {} msg/s  {} delivered/s",
        seconds((now.elapsed_us / 1_000_000) as f64),
        seconds(plan.end_us() as f64 / 1e6),
        count(u64::from(now.clients_up)),
        count(u64::from(plan.ever_up(None))),
        count(now.publishes_per_s),
        count(now.deliveries_per_s),
    );
    if let Some(p99_us) = now.delivery_p99_us {
        line.push_str(&format!("  p99 {}", duration_us(p99_us)));
    }
    if now.errors > 0 {
        line.push_str(&format!("  {} errors", count(now.errors)));
    }
    line
}
