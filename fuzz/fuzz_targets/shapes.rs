//! `cargo +nightly fuzz run shapes`: any operators on any shapes.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::shapes(bytes));
