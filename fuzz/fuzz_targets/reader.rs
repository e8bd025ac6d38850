//! `cargo +nightly fuzz run reader`: any bytes as a model.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::reader(bytes));
