//! `brinell grad`

use std::path::PathBuf;

use brinell::{Compared, Loss};
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

    /// File to write, which must not exist yet
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// Loss to differentiate: ce, margin, dlr, ce-targeted, margin-targeted, dlr-targeted, difference, log-odds or log-odds-targeted
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
        let compared = compared(&gradient.compared);
        print(&format!(
            "{}\n{batch}{compared}inputs: the model's own, label_one_hot [B, K]{target}\noutputs: logits [B, K], loss [B], gradient (shape of the attacked input)\n",
            self.out.display()
        ));
        Ok(Exit::Done)
    }
}

/// Says which runtimes the gradient was computed on, and how well they agree; a line for each.
fn compared(list: &[Compared]) -> String {
    if list.is_empty() {
        return "not compared on any runtime\n".to_owned();
    }
    let line = |compared: &Compared| {
        let said = match (&compared.problem, compared.slope, compared.likeness) {
            (Some(problem), ..) => format!("does not run it: {problem}"),
            (None, None, _) => "the loss does not change at random points".to_owned(),
            (None, Some(slope), None) => format!("cosine with finite differences of the loss: {slope:.3}"),
            (None, Some(slope), Some(likeness)) => {
                format!("cosine with finite differences of the loss: {slope:.3}, with the gradient of the first runtime: {likeness:.6}")
            }
        };
        format!("compared on {}: {said}\n", compared.runtime)
    };
    list.iter().map(line).collect()
}
