//! The `brinell` command line: wiring only. The program and the Python package call [`run`].

mod command;
mod console;
mod exit;
mod exports;
mod failure;
mod hint;
mod place;
mod progress;
mod settings;

use std::ffi::OsString;
use std::sync::OnceLock;

use clap::Parser;
use clap::error::ErrorKind;

use crate::console::Verbosity;
use crate::exit::Exit;

pub use crate::command::{answer, write_report};
pub use crate::failure::Failure;

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

/// What the user typed.
static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Makes a panic end with the documented exit code; without this it would end a thread and nobody would be told.
fn end_panics_with_internal_error() {
    std::panic::set_hook(Box::new(|panic| {
        // What goes wrong inside rten becomes an error where it was called.
        if brinell::is_guarded() {
            return;
        }
        console::say(&format!("internal error: {panic}\nplease report this, with the command and, if you can, the model"));
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

/// Runs a command line, the name of the program first, and returns the exit code. A process calls it once.
///
/// It handles Ctrl-C, and ends the process where the program would end at once: at a second Ctrl-C, and on an internal error.
pub fn run(arguments: Vec<OsString>) -> u8 {
    end_panics_with_internal_error();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return without_command(&error).code(),
    };
    // The first command line of the process is the only one.
    let _ = ARGUMENTS.set(arguments);
    match (cli.quiet, cli.verbose) {
        (true, _) => console::set_verbosity(Verbosity::Quiet),
        (_, true) => console::set_verbosity(Verbosity::Verbose),
        _ => {}
    }
    let exit = cli.command.run().unwrap_or_else(|failure| {
        console::say(&format!("error: {failure}"));
        failure.exit()
    });
    exit.code()
}
