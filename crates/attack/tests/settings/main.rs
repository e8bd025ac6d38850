//! What is declared of attacks and their settings: it is complete, kept to, and what docs/attacks.md says.

mod described;
mod documented;
mod ranges;
