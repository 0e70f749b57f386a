//! A run's figures so far as Prometheus text, exposition format 0.0.4, for `run --metrics`.
//!
//! Names are those of thresholds, with `_` for `.`, in base units: latencies end in `_seconds`. What
//! only grows is a counter and ends in `_total`; what something later can take back is a gauge.

use std::fmt::Write as _;

use super::escape::escape_line;
use crate::measure::Live;
use crate::metric::Counter;
use crate::scenario::Scenario;
use crate::secrets::Secrets;

/// What the text is, for an HTTP header.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Characters of a label's value, at most.
const LABEL: usize = 200;
const US_PER_S: f64 = 1e6;

/// What stays the same while a run goes on, ready to stand in a label.
#[derive(Clone, Debug)]
pub struct Labels {
    scenario: String,
    run: String,
    phases: Vec<String>,
    /// Key and condition of each.
    thresholds: Vec<(String, String)>,
}

impl Labels {
    /// The names of a scenario, without secrets.
    #[must_use]
    pub fn new(scenario: &Scenario, run_id: &str, secrets: &Secrets) -> Self {
        let label = |text: &str| label(&secrets.redact(text));
        let thresholds = scenario.thresholds.iter();
        Self {
            scenario: label(&scenario.name),
            run: label(run_id),
            phases: scenario.phases.iter().map(|phase| label(&phase.name)).collect(),
            thresholds: thresholds.map(|of| (label(&of.key), label(&of.condition))).collect(),
        }
    }
}

/// One page.
#[must_use]
pub fn to_prometheus(live: &Live, labels: &Labels) -> String {
    let mut page = Page(String::new());
    page.head("uproar_run_info", "gauge", "The run: always 1.");
    page.sample(
        "uproar_run_info",
        &format!("{{scenario=\"{}\",run=\"{}\"}}", labels.scenario, labels.run),
        1,
    );
    page.head("uproar_elapsed_seconds", "gauge", "Time since the run's start.");
    page.sample("uproar_elapsed_seconds", "", live.elapsed_us as f64 / US_PER_S);
    page.head("uproar_phase", "gauge", "1 for the phase that goes on.");
    for (index, name) in labels.phases.iter().enumerate() {
        let on = u8::from(live.phase == Some(index));
        page.sample("uproar_phase", &format!("{{phase=\"{name}\"}}"), on);
    }
    page.head("uproar_clients_up", "gauge", "Clients joined.");
    page.sample("uproar_clients_up", "", live.clients_up);
    for (counter, value) in &live.counts {
        let known = Counter::ALL.iter().find(|(of, _)| of == counter);
        let name = known.map_or("", |(_, name)| name);
        let (kind, suffix) =
            if counter.only_grows() { ("counter", "_total") } else { ("gauge", "") };
        let full = format!("uproar_{}{suffix}", name.replace('.', "_"));
        page.head(&full, kind, &format!("As the threshold {name}, so far."));
        page.sample(&full, "", value);
    }
    for latency in &live.latencies {
        let name = format!("uproar_{}_seconds", latency.metric.name());
        page.head(&name, "summary", &format!("So far: {}.", latency.metric.meaning()));
        for (percentile, us) in &latency.percentiles {
            // Divided by 100 at once, 99.9 would have sixteen digits.
            let quantile = format!("{{quantile=\"{}\"}}", percentile * 10.0 / 1_000.0);
            page.sample(&name, &quantile, *us as f64 / US_PER_S);
        }
        let sum_s = latency.mean_us * latency.count as f64 / US_PER_S;
        page.sample(&format!("{name}_sum"), "", sum_s);
        page.sample(&format!("{name}_count"), "", latency.count);
    }
    page.head("uproar_threshold_holds", "gauge", "1 if the threshold holds by the figures so far.");
    for ((key, condition), holds) in labels.thresholds.iter().zip(&live.thresholds) {
        let labels = format!("{{threshold=\"{key}\",condition=\"{condition}\"}}");
        page.sample("uproar_threshold_holds", &labels, u8::from(*holds));
    }
    page.0
}

/// A label's value: on one line, and escaped as the format has it.
fn label(text: &str) -> String {
    escape_line(text, LABEL).replace('\\', "\\\\").replace('"', "\\\"")
}

struct Page(String);

impl Page {
    // Writing into a string can't fail.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}");
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::LiveLatency;
    use crate::metric::Metric;

    #[test]
    fn known_figures_give_a_known_page() {
        let labels = Labels {
            scenario: label("a \"b\"\\c\n\u{1b}"),
            run: "k3v9q2".to_owned(),
            phases: vec!["ramp".to_owned(), "steady".to_owned()],
            thresholds: vec![("lost".to_owned(), "== 0".to_owned())],
        };
        let live = Live {
            elapsed_us: 2_500_000,
            phase: Some(1),
            clients_up: 10,
            counts: vec![(Counter::PublishesSent, 1_000), (Counter::Lost, 3)],
            latencies: vec![LiveLatency {
                metric: Metric::Held,
                count: 1_000,
                mean_us: 500.5,
                percentiles: vec![(50.0, 500), (99.9, 999)],
            }],
            thresholds: vec![false],
        };
        let page = to_prometheus(&live, &labels);
        let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                r#"uproar_run_info{scenario="a \"b\"\\c\\n\\u{1b}",run="k3v9q2"} 1"#,
                "uproar_elapsed_seconds 2.5",
                r#"uproar_phase{phase="ramp"} 0"#,
                r#"uproar_phase{phase="steady"} 1"#,
                "uproar_clients_up 10",
                "uproar_publishes_sent_total 1000",
                "uproar_lost 3",
                r#"uproar_held_seconds{quantile="0.5"} 0.0005"#,
                r#"uproar_held_seconds{quantile="0.999"} 0.000999"#,
                "uproar_held_seconds_sum 0.5005",
                "uproar_held_seconds_count 1000",
                r#"uproar_threshold_holds{threshold="lost",condition="== 0"} 0"#,
            ]
        );
        assert!(page.contains("\n# TYPE uproar_held_seconds summary\n"), "{page}");
        assert!(page.contains("\n# TYPE uproar_publishes_sent_total counter\n"), "{page}");
        assert!(page.contains("\n# TYPE uproar_lost gauge\n"), "{page}");
    }
}
