//! `brinell grad`

use std::path::PathBuf;

use brinell::Loss;
use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Ports;

#[derive(Debug, Args)]
pub(crate) struct Grad {
    /// ONNX file of a classifier
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    ports: Ports,

    /// File to write; must not exist yet
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// ce, margin, dlr, ce-targeted, margin-targeted, dlr-targeted, difference, log-odds or log-odds-targeted
    #[arg(long, default_value = "ce", value_name = "LOSS")]
    loss: String,
}

impl Grad {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let loss = Loss::from_name(&self.loss).map_err(Failure::from_error)?;
        if self.out.exists() {
            return Err(Failure::input(format!("{} exists already; choose another file with --out", self.out.display())));
        }
        let gradient = brinell::gradient_file(&self.ports.artefact(&self.model)?, loss)?;
        std::fs::write(&self.out, &gradient.bytes)
            .map_err(|error| Failure::input(format!("cannot write {}: {error}", self.out.display())))?;
        let target = if loss.is_targeted() { ", target_one_hot [B, K]" } else { "" };
        let batch = gradient.fixed_batch.map_or_else(String::new, |(n, why)| format!("B is {n}: {why}\n"));
        print(&format!(
            "{}\n{batch}inputs: the model's own, label_one_hot [B, K]{target}\noutputs: logits [B, K], loss [B], gradient (shape of the attacked input)\n",
            self.out.display()
        ));
        Ok(Exit::Done)
    }
}
