//! The files of a run, written so that a stop at any moment loses at most the sample in hand.
//!
//! | File | Content |
//! |---|---|
//! | `run.json` | what the run is made of; compared on resume |
//! | `stages.jsonl` | one line per sample and stage, appended |
//! | `found.bin` | adversarial inputs, appended before their line in `stages.jsonl` |
//! | `record.jsonl` | one line per sample, appended when it is decided, and in the order of samples once the run has ended |
//! | `shard.json` | that the run is a shard which came to its end; its figures are those of the run that is merged from all shards |
//!
//! A line counts only if it is complete: what a kill left half written is cut off on resume.

mod agree;
mod completed;
mod exhaustive;
mod first;
mod folder;
mod found;
mod labels;
mod lines;
mod read;
mod refusals;
mod shard;

pub use completed::Completed;
pub use exhaustive::exhaustive;
pub use folder::{Identity, Past, RunFolder, StageLine};
pub use folder::{read_identity, write_json, write_json_line};
pub use found::{Examples, Found as Frames};
pub use labels::label_counts;
pub use lines::Lines;
pub use read::read;
pub use refusals::refusals;
pub use shard::{SHARD_FILE, Shards};
