//! `brinell man`

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man as Page;

use crate::Cli;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder for the pages of the program and of every command, such as ~/.local/share/man/man1 [default: the page of the program, on standard output]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Some(folder) = self.out else {
            let mut text = Vec::new();
            Page::new(Cli::command()).render(&mut text).map_err(Failure::from_internal)?;
            print(&String::from_utf8(text).map_err(Failure::from_internal)?);
            return Ok(Exit::Done);
        };
        let written = std::fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(Cli::command(), &folder));
        written.map_err(|error| Failure::input(format!("cannot write to {}: {error}", folder.display())))?;
        Ok(Exit::Done)
    }
}
