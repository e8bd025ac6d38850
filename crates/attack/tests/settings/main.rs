//! What is declared of attacks and their settings: it is complete, kept to, and what docs/attacks.md says.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod described;
mod documented;
mod ranges;
