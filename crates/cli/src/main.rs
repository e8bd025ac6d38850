//! The `brinell` command line: wiring only.

mod command;
mod console;
mod exit;
mod failure;
mod progress;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::exit::Exit;

/// Measures how hard it is to fool an AI model, with evidence
#[derive(Debug, Parser)]
#[command(name = "brinell", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: command::Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 refuted; 2 undecided or unreliable; 3 stale; 4 usage or input error;
5 internal error; 130 interrupted.";

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Input,
            }
            .into();
        }
    };
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console::say(&format!("error: {failure}"));
            failure.exit().into()
        }
    }
}
