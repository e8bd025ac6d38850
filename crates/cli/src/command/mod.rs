//! One file per subcommand.

mod attacks;
mod audit;
mod bench;
mod certify;
mod check;
mod claim;
mod compare;
mod completions;
mod defend;
mod demo;
mod doctor;
mod grad;
mod harden;
mod history;
mod init;
mod inspect;
mod man;
mod merge;
mod patch;
mod race;
mod rank;
mod replay;
mod report;
mod selftest;
mod smooth;
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
    /// Audit two small built-in models side by side; needs no files
    Demo(demo::Demo),
    /// Audit several models on the same samples and rank them
    Rank(Box<rank::Rank>),
    /// Make adversarial examples on some models and count how many fool other models
    Transfer(Box<transfer::Transfer>),
    /// Compute one change for many images and count how many other images it breaks
    Universal(Box<universal::Universal>),
    /// Fit a printable patch to some images and test it on others, at several positions, sizes and rotations
    Patch(Box<patch::Patch>),
    /// Prove for which samples no allowed change fools the model
    Certify(Box<certify::Certify>),
    /// Certify a smoothed classifier by counting votes under noise
    Smooth(Box<smooth::Smooth>),
    /// Prove or refute a VNN-LIB property of a network
    Verify(verify::Verify),
    /// Run benchmarks of other projects
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Decide claims about models, and store the evidence beside them
    Check(check::Check),
    /// Write a claim from an audit, or update one after retraining
    #[command(subcommand)]
    Claim(claim::Claim),
    /// Test stored counterexamples again on the original model file, with every available runtime
    Replay(replay::Replay),
    /// Write the report of finished runs, or export it as SARIF, JUnit, Markdown, a badge and others
    Report(report::Report),
    /// Compare two runs on the same samples, sample by sample
    Compare(compare::Compare),
    /// Show how robust accuracy changed from run to run
    History(history::History),
    /// Describe a model and say which attacks it allows
    Inspect(inspect::Inspect),
    /// Train a model against attacks, write a copy of the file with the new weights, and compare both models
    Harden(Box<harden::Harden>),
    /// Put a defence into a model's file, and measure what it costs
    #[command(subcommand)]
    Defend(Box<defend::Defend>),
    /// Race defences of a model against attackers who know them more and more
    Race(Box<race::Race>),
    /// Write the gradient of a model as an ONNX file
    Grad(grad::Grad),
    /// Write a brinell.toml for a model
    Init(init::Init),
    /// List the attacks, with their norms, their settings and what they need to see of the model
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
            Self::Rank(rank) => rank.run(),
            Self::Transfer(transfer) => transfer.run(),
            Self::Universal(universal) => universal.run(),
            Self::Patch(patch) => patch.run(),
            Self::Certify(certify) => certify.run(),
            Self::Smooth(smooth) => smooth.run(),
            Self::Verify(verify) => verify.run(),
            Self::Bench(bench) => bench.run(),
            Self::Check(check) => check.run(),
            Self::Claim(claim) => claim.run(),
            Self::Replay(replay) => replay.run(),
            Self::Report(report) => report.run(),
            Self::Compare(compare) => compare.run(),
            Self::History(history) => history.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Harden(harden) => harden.run(),
            Self::Defend(defend) => defend.run(),
            Self::Race(race) => race.run(),
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
