//! The command line as other programs and people meet it.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

mod audit;
mod book;
mod certify;
mod claims;
mod classic;
mod columns;
mod commands;
mod defend;
mod detect;
mod evidence;
mod examples;
mod flags;
mod harden;
mod input;
mod interface;
mod knowledge;
mod minimum;
mod models;
mod outputs;
mod over_time;
mod patch;
mod rank;
mod resume;
mod shards;
mod sizes;
mod smooth;
mod snapshots;
mod support;
mod table_claims;
mod tasks;
mod transfer;
