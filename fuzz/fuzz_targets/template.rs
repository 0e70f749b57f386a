//! Arbitrary text as a template of each kind, filled in at once and in steps. The check itself is
//! the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::protocol::template::fuzz(bytes));
