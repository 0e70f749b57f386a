//! Runs each fuzz target's function over its committed corpus, so that a seed that once failed
//! stays fixed without a fuzzer.

use std::path::Path;

use uproar::codec::CodecKind;
use uproar::protocol::{matcher, template};
use uproar::report::files;
use uproar::{client, codec, protocol, scenario, stamp};

#[test]
fn codecs() {
    for kind in CodecKind::ALL {
        let target = format!("{}_protocol", kind.name());
        run_over_corpus(&target, |bytes| codec::fuzz::frame(kind, bytes));
    }
}

#[test]
fn frames() {
    run_over_corpus("frames", client::fuzz_frames);
}

#[test]
fn mqtt() {
    run_over_corpus("mqtt", protocol::mqtt::fuzz);
}

#[test]
fn protocol_file() {
    run_over_corpus("protocol_file", scenario::fuzz_protocol);
}

#[test]
fn matcher() {
    run_over_corpus("matcher", matcher::fuzz);
}

#[test]
fn report() {
    run_over_corpus("report", files::fuzz);
}

#[test]
fn capacity() {
    run_over_corpus("capacity", uproar::capacity::fuzz);
}

#[test]
fn metrics() {
    run_over_corpus("metrics", uproar::watch::fuzz);
}

#[test]
fn scenario() {
    run_over_corpus("scenario", scenario::fuzz);
}

#[test]
fn stamp() {
    run_over_corpus("stamp", stamp::fuzz);
}

#[test]
fn template() {
    run_over_corpus("template", template::fuzz);
}

/// Panics where the function does, and where there is nothing to run it over.
fn run_over_corpus(target: &str, function: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seeds = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus's folder") {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        function(&std::fs::read(path).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "{} is empty", folder.display());
}
