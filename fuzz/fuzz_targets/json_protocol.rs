//! Arbitrary bytes as a frame of the json codec. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::codec::fuzz::json(bytes));
