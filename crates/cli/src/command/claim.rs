//! `brinell claim`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use brinell::claims::{self as claim, Difference, Differs, DraftOptions, Sampling, Source, draft};
use clap::{Args, Subcommand, ValueEnum};

use crate::console::{ask, print};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Claim {
    /// Write a claim from a finished audit, with the digests of model and data
    New(New),
    /// Accept a retrained model or new data in existing claims
    Update(Update),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// File to write, which must not exist yet [default: claims/RUN.toml, where RUN is the name of the folder]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// forall, forall:correct, rate>=0.6, rate<=0.1, clean_accuracy>=0.9, robust_accuracy>=0.6, non_finite_rate<=0 or
    /// equal:OTHER.onnx:1e-4 [default: a rate that the run supports]
    #[arg(long, value_name = "PROPERTY")]
    property: Option<String>,

    /// How the samples were chosen from the inputs that the claim is about [default: convenience]
    #[arg(long, value_enum)]
    sampling: Option<Drawn>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Writes the digests of the files on disk into the claim file, and changes nothing else in it. \
`brinell check` then decides the claims again.\n\n\
Exit codes: 0 the claims name the files on disk; 3 a new file was not accepted; 4 usage or input error.")]
pub(crate) struct Update {
    /// Claim files (.toml, .yaml), or folders of them
    #[arg(value_name = "CLAIMS", required = true)]
    claims: Vec<PathBuf>,

    /// Accept new models only, or new data only [default: both]
    #[arg(long, value_enum)]
    only: Option<Only>,

    /// Accept every new file without asking
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// New models and weight files
    Model,
    /// New data and labels
    Data,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Drawn {
    /// They are all inputs that the claim is about
    Exhaustive,
    /// They were drawn independently and at random
    Iid,
    /// They are what was available; no rate can be supported from such samples
    Convenience,
}

impl Claim {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Update(update) => update.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<Exit, Failure> {
        let out = self.out.unwrap_or_else(|| {
            let name = self.run.file_name().map_or_else(|| "claim".into(), |name| name.to_string_lossy().into_owned());
            PathBuf::from(format!("claims/{name}.toml"))
        });
        let sampling = match self.sampling {
            Some(Drawn::Exhaustive) => Sampling::Exhaustive,
            Some(Drawn::Iid) => Sampling::Iid,
            Some(Drawn::Convenience) | None => Sampling::Convenience,
        };
        draft(&self.run, &DraftOptions { out: out.clone(), property: self.property, sampling })?;
        let sentences: Vec<String> = Source::read(&out)?.file.claims.into_iter().map(|claim| claim.statement).collect();
        print(&format!("{}: {}\n", out.display(), sentences.join(" ")));
        if self.sampling.is_none() {
            print(
                "It says sampling = \"convenience\", so no rate can be supported. Write \"iid\" if the samples were drawn at random, or \"exhaustive\" if the claim is about exactly these samples.\n",
            );
        }
        print(&format!("Decide it with: brinell check {}\n", out.display()));
        Ok(Exit::Done)
    }
}

impl Update {
    fn run(self) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        for path in &self.claims {
            for file in claim::files(path)? {
                if !self.update(&file)? {
                    exit = Exit::Stale;
                }
            }
        }
        Ok(exit)
    }

    /// Brings one file up to date; false where something in it stays as it was.
    fn update(&self, file: &Path) -> Result<bool, Failure> {
        let source = Source::read(file)?;
        let differences = claim::differences(&source)?;
        if differences.is_empty() {
            print(&format!("{}: up to date\n", file.display()));
            return Ok(true);
        }
        let mut taken = Vec::new();
        for difference in &differences {
            if self.accepts(file, difference)? {
                taken.push(difference.clone());
            }
        }
        if !taken.is_empty() {
            claim::update(&source, &taken)?;
            print(&format!("{}: updated; decide its claims again with: brinell check {0}\n", file.display()));
        }
        Ok(taken.len() == differences.len())
    }

    fn accepts(&self, file: &Path, difference: &Difference) -> Result<bool, Failure> {
        let Difference { what, path, claimed, found, .. } = difference;
        let kind = match what {
            Differs::Model => Only::Model,
            Differs::Data => Only::Data,
        };
        print(&format!("{}: {path} is not the file that the claim names\n  claimed {claimed}\n  found   {found}\n", file.display()));
        if self.only.is_some_and(|only| only != kind) {
            print("  not accepted (--only)\n");
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::input(format!("{}: cannot ask whether to accept {path}: there is no terminal", file.display()))
                .hint("accept it with --yes"));
        }
        Ok(ask("Accept it? [y/N] "))
    }
}
