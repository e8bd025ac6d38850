//! `brinell history`

use std::path::{Path, PathBuf};

use clap::Args;

use super::audit::json;
use super::report::write;
use crate::console::{WIDTH, colour, print, print_coloured, say};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Folders of finished runs, or folders that contain such folders
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// Print only the history, as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,

    /// Write one line per run as CSV; - prints only that on standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Also write an HTML page with a chart
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl History {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let found = brinell::runs::history(&self.folders)?;
        let history = &found.history;
        for folder in &found.unfinished {
            say(&format!("note: {} is not shown, because the run was stopped before it finished", folder.display()));
        }
        if let Some(path) = &self.html {
            write(path, &brinell::report::history::page(history)?)?;
        }
        let csv = self.csv.as_deref().map(|path| (path, brinell::report::history::csv(history)));
        match csv {
            _ if self.json => print(&json(history)?),
            Some((path, text)) if path == Path::new("-") => print(&text),
            other => {
                if let Some((path, text)) = other {
                    write(path, &text)?;
                }
                print_coloured(&brinell::report::history::table(history, WIDTH, colour()));
            }
        }
        Ok(Exit::Done)
    }
}
