//! The page and the table, as text and in a browser.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets an error fails; the lints spare test functions only, not their helpers"
)]

mod browser;
mod chromium;
mod common;
mod contrast;
mod exports;
mod over_time;
mod page;
mod terminal;
mod transfer;
