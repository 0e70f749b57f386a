//! Arbitrary bytes as a page of metrics. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::watch::fuzz(bytes));
