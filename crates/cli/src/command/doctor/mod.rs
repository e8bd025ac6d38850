//! `brinell doctor`

mod show;

use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    #[expect(clippy::unused_self, reason = "as all subcommands")]
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        print(&format!("brinell {}\n{}", env!("CARGO_PKG_VERSION"), show::text(&brinell::machine::doctor())));
        Ok(Exit::Done)
    }
}

/// The versions of the program and of the runtimes that it would use, a line each.
pub(crate) fn versions() -> String {
    let doctor = brinell::machine::doctor();
    let chosen = doctor.candidates.iter().find(|finding| Some(&finding.path) == doctor.chosen.as_ref());
    let onnxruntime = match chosen {
        Some(finding) => format!("{} ({})", finding.version.as_deref().unwrap_or("unusable"), finding.path.display()),
        None => "not found".to_owned(),
    };
    format!("brinell {}\nONNX Runtime {onnxruntime}\nrten {}\n", env!("CARGO_PKG_VERSION"), doctor.rten)
}
