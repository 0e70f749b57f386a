//! Arbitrary bytes as frames that come in pieces. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::client::fuzz_frames(bytes));
