//! One file per subcommand.

mod attacks;
mod audit;
mod certify;
mod check;
mod claim;
mod compare;
mod completions;
mod demo;
mod doctor;
mod grad;
mod harden;
mod history;
mod init;
mod inspect;
mod man;
mod merge;
mod replay;
mod report;
mod selftest;
mod suites;
mod transfer;
mod universal;
mod verify;

pub use audit::{answer, write_report};
pub(crate) use doctor::versions;
pub(crate) use report::write;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Attack a model on labelled data and report how many samples survive
    Audit(Box<audit::Audit>),
    /// Make one run of the shards that several machines audited
    Merge(merge::Merge),
    /// Audit two small built-in models side by side, with nothing else installed
    Demo(demo::Demo),
    /// Make examples on some models and say how many fool others
    Transfer(Box<transfer::Transfer>),
    /// Fit one change to many images and say how many others it fools
    Universal(Box<universal::Universal>),
    /// Prove which samples no allowed change can break
    Certify(Box<certify::Certify>),
    /// Decide a property in VNN-LIB about a network
    Verify(verify::Verify),
    /// Decide claims about models, and store the evidence beside them
    Check(check::Check),
    /// Write a claim from an audit, or update one after retraining
    #[command(subcommand)]
    Claim(claim::Claim),
    /// Test stored counterexamples again, on the original model file, with every available runtime
    Replay(replay::Replay),
    /// Write the report of finished runs, or export it as SARIF, JUnit, Markdown, a badge, ..
    Report(report::Report),
    /// Compare two runs on the same samples, sample by sample
    Compare(compare::Compare),
    /// Show robust accuracy over runs
    History(history::History),
    /// Describe a model and say which attacks it allows
    Inspect(inspect::Inspect),
    /// Train a model against attacks, write its file with new numbers, and show gain and price
    Harden(Box<harden::Harden>),
    /// Write the gradient of a model as an ONNX file
    Grad(grad::Grad),
    /// Write a brinell.toml for a model
    Init(init::Init),
    /// List the attacks with their norms, their settings and the access to the model that they need
    Attacks(attacks::Attacks),
    /// List the suites of attacks, print one as a template, or estimate its cost
    Suites(suites::Suites),
    /// Test every attack on models whose smallest adversarial change is known exactly
    Selftest(selftest::Selftest),
    /// Show which runtimes were found, and what would make audits faster
    Doctor(doctor::Doctor),
    /// Print completions for a shell
    Completions(completions::Completions),
    /// Print the manual page, or write the pages of all commands
    Man(man::Man),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Audit(audit) => audit.run(),
            Self::Merge(merge) => merge.run(),
            Self::Demo(demo) => demo.run(),
            Self::Transfer(transfer) => transfer.run(),
            Self::Universal(universal) => universal.run(),
            Self::Certify(certify) => certify.run(),
            Self::Verify(verify) => verify.run(),
            Self::Check(check) => check.run(),
            Self::Claim(claim) => claim.run(),
            Self::Replay(replay) => replay.run(),
            Self::Report(report) => report.run(),
            Self::Compare(compare) => compare.run(),
            Self::History(history) => history.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Harden(harden) => harden.run(),
            Self::Grad(grad) => grad.run(),
            Self::Init(init) => init.run(),
            Self::Attacks(attacks) => attacks.run(),
            Self::Suites(suites) => suites.run(),
            Self::Selftest(selftest) => selftest.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}
