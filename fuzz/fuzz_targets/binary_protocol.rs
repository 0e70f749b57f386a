//! Arbitrary bytes as a frame of the binary codec. The check itself is the library's.

#![no_main]

use uproar::codec::{CodecKind, fuzz};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::frame(CodecKind::Binary, bytes));
