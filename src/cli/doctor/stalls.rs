//! `uproar doctor --stalls`: what kept threads on this machine from running on time, whose fault it
//! was, and what to do.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{line, remedy};
use crate::cli::{Failure, print, signals};
use crate::machine::clock::Clock;
use crate::machine::cores;
use crate::machine::stalls::{Layer, Probe, STALL_US, Stalls, Watched};
use crate::report::Exit;
use crate::units::format::{counted, duration_us, percent, seconds};

const LEAST_MS: u64 = STALL_US / 1_000;

/// The share of the time from which stalls are worth a remedy: p99 feels them.
const MUCH: f64 = 0.01;

/// Probes every core this process may use for so long, or until it is told to end, and prints what
/// was found.
///
/// # Errors
///
/// When there are no signals to follow, or stdout can't be written to.
pub(super) fn run(for_so_long: Duration) -> Result<ExitCode, Failure> {
    let internal = |error: std::io::Error| Failure::message(Exit::Internal, format!("{error}"), "");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
    let cores = cores::allowed().unwrap_or_else(|| vec![0]);
    if std::io::stderr().is_terminal() {
        let told = counted(cores.len() as u64, "core");
        print::stderr(&format!("watching {told}; Ctrl-C ends it\n"));
    }
    let stalls = runtime.block_on(async {
        let mut stop = signals::follow().map_err(internal)?;
        let watched = Watched::new(&[]);
        let _this_thread = watched.register();
        let probe = Probe::start(&cores, Clock::starting_at(Instant::now()), watched);
        tokio::select! {
            () = tokio::time::sleep(for_so_long) => {}
            _ = stop.changed() => {}
        }
        Ok::<_, Failure>(probe.finish())
    })?;
    print::stdout(&describe(&stalls))?;
    Ok(ExitCode::SUCCESS)
}

/// A line a layer, and what that means.
fn describe(stalls: &Stalls) -> String {
    let mut text = String::new();
    let probed_us = stalls.probed_us();
    let longest_us = stalls.probed.iter().map(|core| core.probed_us).max().unwrap_or(0);
    let told = format!(
        "{} for {}, a look every {} ms",
        counted(stalls.probed.len() as u64, "core"),
        seconds(longest_us as f64 / 1e6),
        stalls.period_us / 1_000
    );
    line(&mut text, "watched", &told);
    if probed_us == 0 {
        line(&mut text, "means", "nothing was seen: the time was too short");
        return text;
    }
    let share = |us: u64| us as f64 / probed_us as f64;
    let mut of_all = 0.0;
    for (layer, of) in stalls.by_layer.iter() {
        of_all += share(of.sum_us);
        // No server is watched here, and on most systems nothing is unknown.
        let optional = matches!(layer, None | Some(Layer::Server));
        if optional && of.count == 0 {
            continue;
        }
        let name = layer.map_or("unknown", Layer::word);
        let told = if of.count == 0 {
            format!("no stall of {LEAST_MS} ms or more")
        } else {
            format!(
                "{} of {LEAST_MS} ms or more, the longest {}; {} in all, {} of the time",
                counted(of.count, "stall"),
                duration_us(of.longest_us),
                duration_us(of.sum_us),
                percent(share(of.sum_us))
            )
        };
        line(&mut text, name, &told);
        if let Some(cause) = cause_of_longest(stalls, layer).filter(|_| of.count > 0) {
            let _ = writeln!(text, "{:14}{cause}", "");
        }
    }
    line(&mut text, "probes", &format!("took {} of a core", percent(share_of_a_core(stalls))));
    text.push('\n');
    means(&mut text, stalls, of_all);
    text
}

fn share_of_a_core(stalls: &Stalls) -> f64 {
    let longest_us = stalls.probed.iter().map(|core| core.probed_us).max().unwrap_or(0);
    stalls.cpu_us as f64 / longest_us.max(1) as f64
}

/// What is known of the longest stall of a layer that has a cause.
fn cause_of_longest(stalls: &Stalls, layer: Option<Layer>) -> Option<&str> {
    let its = stalls.stalls.iter().filter(|stall| stall.layer == layer && stall.cause.is_some());
    its.max_by_key(|stall| stall.length_us)?.cause.as_deref()
}

/// What a run here would make of it, and what to do about each layer that has a part in it.
fn means(text: &mut String, stalls: &Stalls, share: f64) {
    let of = |layer| stalls.by_layer.of(layer);
    let longest_us = stalls.by_layer.iter().map(|(_, of)| of.longest_us).max().unwrap_or(0);
    if longest_us == 0 {
        return line(text, "means", "a slow message of a run here is not this machine's fault");
    }
    let told = if share >= MUCH {
        format!(
            "stalls take {} of the time: p99 and all above it is this\n{:14}machine's as much as a server's",
            percent(share),
            ""
        )
    } else {
        format!(
            "in a run here, the slowest messages may be up to {} late\n{:14}without any fault of the server's",
            duration_us(longest_us),
            ""
        )
    };
    line(text, "means", &told);
    let remedies = [
        (
            Some(Layer::Uproar),
            "uproar was stopped (Ctrl-Z, a debugger) or had too much to do itself",
        ),
        (
            Some(Layer::ThisMachine),
            "close what else runs here, or give uproar cores of its own (taskset, cpusets)",
        ),
        (
            Some(Layer::Hypervisor),
            "other virtual machines took the processor: use dedicated cores, or another host",
        ),
        (None, "this system does not say whose they are: use Linux"),
    ];
    for (layer, what) in remedies {
        if of(layer).count > 0 {
            remedy(text, what);
        }
    }
    let throttled = |cause: &str| cause.starts_with("throttled");
    let mut causes = stalls.stalls.iter().filter_map(|stall| stall.cause.as_deref());
    if causes.any(throttled) {
        remedy(text, "its limit of processor time is too low: docker --cpus, cpu.max, CPUQuota=");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::stalls::{ByLayer, OfLayer, Probed, Stall};

    fn stall(length_us: u64, layer: Layer, cause: Option<&str>) -> Stall {
        let cause = cause.map(str::to_owned);
        Stall { start_us: 1_000, length_us, core: Some(0), layer: Some(layer), cause }
    }

    fn of(count: u64, longest_us: u64, sum_us: u64) -> OfLayer {
        OfLayer { count, longest_us, sum_us, by_length: Vec::new() }
    }

    fn quiet() -> Stalls {
        let probed = |core| Probed { core, probed_us: 10_000_000 };
        Stalls {
            probed: vec![probed(0), probed(1)],
            period_us: 5_000,
            cpu_us: 31_000,
            ..Stalls::default()
        }
    }

    #[test]
    fn a_machine_without_stalls_is_cleared() {
        insta::assert_snapshot!("quiet", describe(&quiet()));
    }

    #[test]
    fn each_layer_has_its_line_and_its_remedy() {
        let busy = Stalls {
            stalls: vec![
                stall(212_000, Layer::Uproar, Some("stopped by a signal")),
                stall(8_100, Layer::ThisMachine, Some("most CPU meanwhile: cc1 96 %, sh 3 %")),
                stall(9_000, Layer::ThisMachine, None),
                stall(3_000, Layer::ThisMachine, Some("throttled by its cgroup")),
                stall(6_100, Layer::Hypervisor, None),
            ],
            by_layer: ByLayer {
                uproar: of(1, 212_000, 211_900),
                this_machine: of(1_204, 9_000, 1_834_200),
                hypervisor: of(1, 6_100, 6_150),
                ..ByLayer::default()
            },
            ..quiet()
        };
        insta::assert_snapshot!("busy", describe(&busy));
    }

    #[test]
    fn few_stalls_are_no_more_than_they_are() {
        let few = Stalls {
            stalls: vec![stall(6_100, Layer::Hypervisor, None)],
            by_layer: ByLayer { hypervisor: of(2, 6_100, 7_300), ..ByLayer::default() },
            ..quiet()
        };
        insta::assert_snapshot!("few", describe(&few));
    }

    #[test]
    fn what_is_not_known_is_said_so() {
        let unknown = Stalls {
            by_layer: ByLayer { unknown: of(2, 6_100, 7_300), ..ByLayer::default() },
            ..quiet()
        };
        let text = describe(&unknown);
        assert!(text.contains("unknown       2 stalls") && text.contains("use Linux"), "{text}");
        let nothing = describe(&Stalls::default());
        assert!(nothing.contains("too short"), "{nothing}");
    }
}
