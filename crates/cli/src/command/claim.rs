//! `brinell claim`

use std::path::PathBuf;

use brinell::claims::{DraftOptions, Sampling, draft};
use clap::{Args, Subcommand, ValueEnum};

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Claim {
    /// Write a claim from a finished audit, every digest filled in
    New(New),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// File to write; must not exist yet [default: claims/MODEL.toml]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// forall, forall:correct, rate>=0.6, rate<=0.1, clean_accuracy>=0.9, robust_accuracy>=0.6, non_finite_rate<=0 or
    /// equal:OTHER.onnx:1e-4 [default: a rate that the run supports]
    #[arg(long, value_name = "PROPERTY")]
    property: Option<String>,

    /// What the samples are to the inputs that the claim speaks of
    #[arg(long, value_enum, default_value_t = Drawn::Convenience)]
    sampling: Drawn,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Drawn {
    /// All of them
    Exhaustive,
    /// Drawn from them independently at random
    Iid,
    /// What was at hand; supports no rate
    Convenience,
}

impl Claim {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let Self::New(new) = self;
        let out = match new.out {
            Some(out) => out,
            None => {
                let name = new.run.file_name().map_or_else(|| "claim".into(), |name| name.to_string_lossy().into_owned());
                PathBuf::from(format!("claims/{name}.toml"))
            }
        };
        let sampling = match new.sampling {
            Drawn::Exhaustive => Sampling::Exhaustive,
            Drawn::Iid => Sampling::Iid,
            Drawn::Convenience => Sampling::Convenience,
        };
        draft(&new.run, &DraftOptions { out: out.clone(), property: new.property, sampling })?;
        print(&format!("{}: read it, say what the samples are (sampling), then run `brinell check {0}`\n", out.display()));
        Ok(Exit::Done)
    }
}
