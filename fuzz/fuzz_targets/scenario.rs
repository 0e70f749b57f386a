//! Arbitrary bytes as a scenario file, which opens no other. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::scenario::fuzz(bytes));
