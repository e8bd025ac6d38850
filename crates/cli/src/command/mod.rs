//! One file per subcommand.

mod audit;
mod demo;
mod doctor;
mod grad;
mod init;
mod inspect;
mod selftest;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Attack a model on labelled data and report how many samples survive
    Audit(Box<audit::Audit>),
    /// Audit two small built-in models side by side, with nothing else installed
    Demo(demo::Demo),
    /// Say what a model is and what can be done with it
    Inspect(inspect::Inspect),
    /// Write the gradient of a model as an ONNX file that any runtime runs
    Grad(grad::Grad),
    /// Write a brinell.toml for a model
    Init(init::Init),
    /// Hold every attack to models whose smallest adversarial change is known in closed form
    Selftest(selftest::Selftest),
    /// Say which runtimes were found, and what would make audits faster
    Doctor(doctor::Doctor),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Audit(audit) => audit.run(),
            Self::Demo(demo) => demo.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Grad(grad) => grad.run(),
            Self::Init(init) => init.run(),
            Self::Selftest(selftest) => selftest.run(),
            Self::Doctor(doctor) => doctor.run(),
        }
    }
}
