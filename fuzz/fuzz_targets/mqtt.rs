//! Arbitrary bytes as what an MQTT server sends. The check itself is the library's.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uproar::protocol::mqtt::fuzz(bytes));
