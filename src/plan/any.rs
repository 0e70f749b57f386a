//! A generator of plans of every shape, for property tests. No test lives here.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::Plan;
use crate::scenario::{Overrides, Source, read};

/// A scenario's text but for its seed.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    text: String,
}

impl Shape {
    /// The plan that a seed, below 2^63, makes of it.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        let text = format!("format = 1\nname = \"any\"\nseed = {seed}\n{}", self.text);
        let source = Source { name: "any".to_owned(), text };
        let scenario = read(&source, &Overrides::default());
        Plan::new(scenario.unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", source.text)))
    }
}

/// Any shape in which the seed decides something: the first cohort always talks at random.
pub(crate) fn shape() -> impl Strategy<Value = Shape> {
    let first = (10_u32..30, join(), Just("rate = \"3/s\", arrivals = \"poisson\""), churn());
    let phases = vec(phase(), 0..3);
    (rooms(), first, vec(cohort(), 0..3), phases, vec(fault(), 0..3)).prop_map(
        |(rooms, first, others, phases, faults)| {
            let mut text = format!("[target]\nbuiltin = \"rooms\"\n[rooms.lobby]\n{rooms}\n");
            for (n, (clients, join, publish, churn)) in
                std::iter::once(first).chain(others).enumerate()
            {
                text.push_str(&format!(
                    "[[cohort]]\nname = \"c{n}\"\nclients = {clients}\n\
                     join = {{ rooms = \"lobby\", {join} }}\n{churn}\n"
                ));
                if !publish.is_empty() {
                    text.push_str(&format!("publish = {{ {publish} }}\n"));
                }
            }
            for (n, phase) in phases.iter().enumerate() {
                text.push_str(&format!("[[phase]]\nname = \"p{n}\"\n{phase}\n"));
            }
            text.push_str("[[phase]]\nname = \"last\"\nduration = \"3s\"\n");
            for fault in faults {
                text.push_str(&format!("[[fault]]\n{fault}\n"));
            }
            Shape { text }
        },
    )
}

fn rooms() -> impl Strategy<Value = String> {
    (3_u32..9).prop_map(|count| format!("count = {count}"))
}

fn join() -> impl Strategy<Value = String> {
    let pick = select(vec!["\"even\"", "\"random\"", "\"zipf\", exponent = 1.1"]);
    (1_u32..4, pick).prop_map(|(n, pick)| format!("per_client = {n}, pick = {pick}"))
}

fn cohort() -> impl Strategy<Value = (u32, String, &'static str, String)> {
    let publish = select(vec![
        "",
        "rate = \"2/s\", arrivals = \"constant\", binary = \"30%\"",
        "rate = \"0.7/s\", size = { p50 = \"100B\", p99 = \"1KiB\" }, to = \"all\"",
        "total_rate = \"9/s\", arrivals = \"constant\"",
        "total_rate = \"9/s\"",
        "rate = \"1/s\", to = \"lobby\"",
        "in_flight = 2, think = \"100ms\"",
    ]);
    (1_u32..20, join(), publish, churn())
}

fn churn() -> impl Strategy<Value = String> {
    select(vec!["", "churn = { connections = \"5%/s\" }", "churn = { rooms = \"20%/s\" }"])
        .prop_map(str::to_owned)
}

fn phase() -> impl Strategy<Value = String> {
    let clients = select(vec!["0% -> 100%", "100%", "40%", "80% -> 20%"]);
    let rate = select(vec!["0%", "100%", "250%", "50% -> 150%"]);
    (1_u32..5, clients, rate).prop_map(|(seconds, clients, rate)| {
        format!("duration = \"{seconds}s\"\nclients = \"{clients}\"\nrate = \"{rate}\"")
    })
}

fn fault() -> impl Strategy<Value = String> {
    let kind = select(vec!["kind = \"reset\"", "kind = \"close\"\ncode = 4001"]);
    (0_u32..3_000, 1_u32..100, kind).prop_map(|(at_ms, share, kind)| {
        format!("at = \"last + {at_ms}ms\"\n{kind}\nclients = \"{share}%\"")
    })
}
