//! `brinell verify`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use brinell::proofs;
use clap::Args;

use super::audit::stop_flag;
use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Runners;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Property in VNN-LIB 1.0 or 2.0; may be compressed with gzip
    #[arg(value_name = "PROPERTY")]
    property: PathBuf,

    /// ONNX file of the network, such as f=model.onnx; may be compressed with gzip
    #[arg(long, value_name = "NAME=MODEL")]
    network: String,

    /// Largest time until the answer, such as 60s or 5m; a plain number is in seconds
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<f64>,

    #[command(flatten)]
    running: Runners,
}

impl Verify {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let (name, model) = match self.network.split_once('=') {
            Some((name, model)) => (Some(name), model),
            None => (None, self.network.as_str()),
        };
        let deadline = self.timeout.and_then(|seconds| begun.checked_add(Duration::try_from_secs_f64(seconds).ok()?));
        let answer = proofs::verify(&self.property, (name, model.as_ref()), &self.running.running()?, deadline, stop_flag()?.as_ref())?;
        print(&answer.to_string());
        Ok(Exit::Done)
    }
}

/// Reads a duration: a number of seconds, or one with the unit s, m or h.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) if text.ends_with('m') => (number, 60.0),
        Some(number) if text.ends_with('h') => (number, 3600.0),
        Some(number) => (number, 1.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number * factor),
        _ => Err(format!("`{text}` is not a time; write 30s, 5m or 1h")),
    }
}
