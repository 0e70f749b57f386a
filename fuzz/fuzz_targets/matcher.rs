//! Arbitrary bytes as a matcher and the frame that it is held against. The check itself is the
//! library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::protocol::matcher::fuzz(bytes));
