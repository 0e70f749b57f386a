//! Arbitrary bytes as a capacity.json that is rendered in every format. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::capacity::fuzz(bytes));
