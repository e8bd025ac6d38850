//! `brinell completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
bash:  brinell completions bash > ~/.local/share/bash-completion/completions/brinell\n\
zsh:   brinell completions zsh > ~/.zfunc/_brinell   (with ~/.zfunc in fpath, before compinit)\n\
fish:  brinell completions fish > ~/.config/fish/completions/brinell.fish")]
pub(crate) struct Completions {
    /// Shell that will use them
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "brinell", &mut script);
        print(&String::from_utf8(script).map_err(Failure::from_internal)?);
        Ok(Exit::Done)
    }
}
