//! One file per subcommand.

mod audit;
mod check;
mod claim;
mod demo;
mod doctor;
mod grad;
mod init;
mod inspect;
mod replay;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Attack a model on labelled data and report how many samples survive
    Audit(Box<audit::Audit>),
    /// Audit two small built-in models side by side, with nothing else installed
    Demo(demo::Demo),
    /// Decide claims about models, and keep the evidence beside them
    Check(check::Check),
    /// Write a claim
    #[command(subcommand)]
    Claim(claim::Claim),
    /// Judge counterexamples again, on the original file, with every available runtime
    Replay(replay::Replay),
    /// Say what a model is and what can be done with it
    Inspect(inspect::Inspect),
    /// Write the gradient of a model as an ONNX file that any runtime runs
    Grad(grad::Grad),
    /// Write a brinell.toml for a model
    Init(init::Init),
    /// Say which runtimes were found, and what would make audits faster
    Doctor(doctor::Doctor),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Audit(audit) => audit.run(),
            Self::Demo(demo) => demo.run(),
            Self::Check(check) => check.run(),
            Self::Claim(claim) => claim.run(),
            Self::Replay(replay) => replay.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Grad(grad) => grad.run(),
            Self::Init(init) => init.run(),
            Self::Doctor(doctor) => doctor.run(),
        }
    }
}
