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

use crate::exit::Exit;

pub use crate::command::answer;
pub use crate::failure::Failure;

/// Measures how hard it is to fool an AI model, with evidence
#[derive(Debug, Parser)]
#[command(name = "brinell", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: command::Command,
}

const AFTER_HELP: &str = "\
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
        console::say(&format!("internal error: {panic}\nplease report this with the command and, if you can, the model"));
        std::process::exit(i32::from(Exit::Internal.code()));
    }));
}

/// Runs a command line, the name of the program first, and returns the exit code. A process calls it once.
///
/// It handles Ctrl-C, and ends the process where the program would end at once: at a second Ctrl-C, and on an internal error.
pub fn run(arguments: Vec<OsString>) -> u8 {
    end_panics_with_internal_error();
    let exit = match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            // The first command line of the process is the only one.
            let _ = ARGUMENTS.set(arguments);
            cli.command.run().unwrap_or_else(|failure| {
                console::say(&format!("error: {failure}"));
                failure.exit()
            })
        }
        Err(error) => {
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Input,
            }
        }
    };
    exit.code()
}
