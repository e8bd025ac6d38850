//! The command line as other programs and people meet it.

mod audit;
mod commands;
mod input;
mod models;
mod resume;
mod support;
