//! What encoding and decoding a message costs in each codec.
//!
//! For `uproar codecs`. It takes seconds, and for what criterion's statistics add there is
//! `cargo bench --bench codec`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::CodecKind;
use super::workload::Case;
use crate::machine::alloc;

/// How often a time is taken, and how long each takes at least. The median of them is told: a batch
/// that something interrupted doesn't move it.
const BATCHES: usize = 21;
const BATCH: Duration = Duration::from_micros(500);

/// What a codec does with a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// What kind of message: `text`, `bytes`, `structured`, `join`, `feed`.
    pub message: &'static str,
    /// The size of what it says, bytes; `null` for what says nothing.
    pub size_bytes: Option<usize>,
    /// The codec's name.
    pub codec: &'static str,
    /// Bytes of the message's fields before any codec: text as UTF-8, numbers as 8.
    pub field_bytes: usize,
    /// Bytes of the frame, without WebSocket's own.
    pub frame_bytes: usize,
    /// Making a frame of the message.
    pub encode: Cost,
    /// Reading the frame in full.
    pub decode: Cost,
}

/// What one direction takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Median time on one core, nanoseconds, freeing what was made included.
    pub ns: f64,
    /// `field_bytes` in that time, 10^6 bytes a second: by what was said, and not by what it
    /// became, so that a wordy format gains nothing.
    pub mb_per_s: f64,
    /// Calls that gave memory; `null` where the program doesn't count them.
    pub allocations: Option<u64>,
}

/// Measures one message in one codec.
#[must_use]
pub fn measure(case: &Case, codec: CodecKind) -> Speed {
    let frame = case.encode(codec);
    let field_bytes = case.field_bytes();
    let cost = |ns: f64, allocations: Option<alloc::Allocations>| Cost {
        ns,
        mb_per_s: field_bytes as f64 * 1e3 / ns,
        allocations: allocations.map(|spent| spent.calls),
    };
    let (_, encoding) = alloc::count(|| case.encode(codec));
    let (_, decoding) = alloc::count(|| case.decode(codec, &frame));
    Speed {
        message: case.kind,
        size_bytes: case.size_bytes,
        codec: codec.name(),
        field_bytes,
        frame_bytes: frame.len(),
        encode: cost(median_ns(|| drop(black_box(case.encode(codec)))), encoding),
        decode: cost(
            median_ns(|| {
                black_box(case.decode(codec, &frame));
            }),
            decoding,
        ),
    }
}

/// What a call takes, in nanoseconds, over 0.
fn median_ns(mut call: impl FnMut()) -> f64 {
    let mut batch = |calls: u64| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed()
    };
    let mut calls = 1;
    while batch(calls) < BATCH {
        calls *= 2;
    }
    let mut each: Vec<f64> =
        (0..BATCHES).map(|_| batch(calls).as_nanos().max(1) as f64 / calls as f64).collect();
    each.sort_by(f64::total_cmp);
    each[BATCHES / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_one_call() {
        // Spinning is exact from below, and a machine with other work only makes it longer.
        let spin = || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(50) {}
        };
        let ns = median_ns(spin);
        assert!((50_000.0..5_000_000.0).contains(&ns), "{ns}");
    }

    /// The allocations of the two codecs that every run may use; the others are bounded in
    /// `codec::bounds`.
    #[test]
    fn binary_allocates_its_frame_and_nothing_to_read_it() {
        let cases = Case::all();
        let text = cases.iter().find(|case| case.kind == "text").unwrap();
        let speed = measure(text, CodecKind::Binary);
        assert_eq!(speed.decode.allocations, Some(0));
        // The frame, and the few bytes with which `Bytes` shares a buffer that has room left: made
        // when the frame is first cloned or made, depending on its version.
        assert!(matches!(speed.encode.allocations, Some(1 | 2)), "{speed:?}");
        assert_eq!((speed.field_bytes, speed.frame_bytes), (92, 93));
        assert_eq!(measure(text, CodecKind::Json).decode.allocations, Some(0));
    }
}
