//! Arbitrary bytes as a protocol file. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::scenario::fuzz_protocol(bytes));
