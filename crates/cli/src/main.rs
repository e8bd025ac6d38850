//! The `brinell` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    brinell_cli::run(std::env::args_os().collect()).into()
}
