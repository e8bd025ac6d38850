//! `brinell compare`

use std::path::PathBuf;

use clap::Args;

use super::audit::json;
use super::report::write;
use crate::console::{WIDTH, colour, print, print_coloured};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Folder of the first run, the baseline
    #[arg(value_name = "RUN_A")]
    a: PathBuf,

    /// Folder of the second run
    #[arg(value_name = "RUN_B")]
    b: PathBuf,

    /// Print only the comparison, as JSON
    #[arg(long)]
    json: bool,

    /// Also write an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Compare {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let comparison = brinell::runs::compare(&self.a, &self.b)?;
        if let Some(path) = &self.html {
            write(path, &brinell::report::paired::page(&comparison)?)?;
        }
        if self.json {
            print(&json(&comparison)?);
        } else {
            print_coloured(&brinell::report::paired::table(&comparison, WIDTH, colour()));
        }
        let reliable = comparison.a.blocking.is_empty() && comparison.b.blocking.is_empty();
        Ok(if reliable { Exit::Done } else { Exit::Unreliable })
    }
}
