//! Arbitrary bytes as a frame of the binary codec. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::codec::fuzz::binary(bytes));
