//! `brinell doctor`

use std::path::PathBuf;

use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// ONNX Runtime's shared library, or a folder with it
    #[arg(long, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let settings = brinell_protocol::RuntimeSettings { library: self.onnxruntime, ..Default::default() };
        print(&format!("brinell {}\n{}", env!("CARGO_PKG_VERSION"), brinell_protocol::doctor(&settings)));
        Ok(Exit::Done)
    }
}
