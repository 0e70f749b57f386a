//! Arbitrary bytes as a frame that is searched for stamps. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::stamp::fuzz(bytes));
