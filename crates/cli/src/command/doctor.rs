//! `brinell doctor`

use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    #[expect(clippy::unused_self, reason = "as all subcommands")]
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        print(&format!("brinell {}\n{}", env!("CARGO_PKG_VERSION"), brinell::doctor()));
        Ok(Exit::Done)
    }
}
