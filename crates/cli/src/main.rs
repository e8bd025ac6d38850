//! The `brinell` command line: wiring only.

mod command;
mod console;
mod exit;
mod exports;
mod failure;
mod hint;
mod place;
mod progress;
mod settings;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::console::Verbosity;
use crate::exit::Exit;

/// Measures how hard it is to fool an AI model, with evidence
#[derive(Debug, Parser)]
#[command(name = "brinell", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: command::Command,

    /// Print no progress and no notes, only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Print every setting before the work starts
    #[arg(short, long, global = true)]
    verbose: bool,
}

const AFTER_HELP: &str = "\
Start with `brinell demo`, or with `brinell init MODEL` and `brinell audit`.\n\n\
Exit codes: 0 done; 1 refuted; 2 undecided or unreliable; 3 stale; 4 usage or input error; \
5 internal error; 130 interrupted.";

/// Makes a panic end with the documented exit code; without this it would end a thread and nobody would be told.
fn end_panics_with_internal_error() {
    std::panic::set_hook(Box::new(|panic| {
        // What goes wrong inside rten becomes an error where it was called.
        if brinell::is_guarded() {
            return;
        }
        console::say(&format!("internal error: {panic}\nplease report this with the command and, if you can, the model"));
        std::process::exit(i32::from(Exit::Internal.code()));
    }));
}

/// Ends after a parse that gave no command: help and version were asked for, and anything else is a mistake.
fn without_command(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayVersion => console::print(&command::versions()),
        ErrorKind::DisplayHelp => {
            let _ = error.print();
        }
        _ => {
            let _ = error.print();
            return Exit::Input;
        }
    }
    Exit::Done
}

fn main() -> ExitCode {
    end_panics_with_internal_error();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return without_command(&error).into(),
    };
    match (cli.quiet, cli.verbose) {
        (true, _) => console::set_verbosity(Verbosity::Quiet),
        (_, true) => console::set_verbosity(Verbosity::Verbose),
        _ => {}
    }
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console::say(&format!("error: {failure}"));
            failure.exit().into()
        }
    }
}
