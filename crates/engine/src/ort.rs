//! ONNX Runtime, loaded from a shared library while the program runs.

mod elf;
mod library;
mod maps;
mod provider;
mod session;

use std::num::NonZeroUsize;
use std::path::Path;

use brinell_graph::Graph;
use brinell_onnx::{Encoded, ExportError};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::ort::session::OrtSession;
use crate::{Device, EngineError, Running, Runtime, Session, Stage};

pub(crate) use library::{Loaded, inspect, load, loaded};

pub(crate) const NAME: &str = "onnxruntime";

/// Setting that says where the files lie that a model in memory refers to.
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";
/// The minor version that brought it.
const WEIGHTS_FOLDER_SINCE: u32 = 21;

/// Setting that says how exactly a product with dequantised weights is computed, which ONNX Runtime makes one operator of.
const PRODUCTS: &str = "session.qdq_matmulnbits_accuracy_level";
/// In single precision. What ONNX Runtime does by itself, to round the other operand to 8 bits, is for files and not for the graphs that gradients belong to.
const SINGLE: &str = "1";

/// ONNX Runtime on one device.
///
/// # Guarantees
/// A device other than the processor is used or refused, never given up: its execution provider is registered for
/// every session, and where it cannot take a part of a model, [`Session::note`] says that this part runs on the
/// processor.
pub(crate) struct OnnxRuntime {
    library: Loaded,
    device: Device,
    device_name: String,
    threads: NonZeroUsize,
    note: Option<String>,
}

impl OnnxRuntime {
    pub(crate) fn new(library: Loaded, running: &Running, note: Option<String>) -> Result<Self, EngineError> {
        let device = running.device;
        let runtime = Self { library, device, device_name: device.to_string(), threads: running.thread_count(), note };
        runtime.require_device()?;
        Ok(runtime)
    }

    /// Refuses a device that the library was not built for or that does not start on this machine.
    fn require_device(&self) -> Result<(), EngineError> {
        let refuse_as = |reason: String, not_built_in: bool| EngineError::Device {
            runtime: format!("ONNX Runtime {} ({})", self.library.version, self.library.path.display()),
            device: self.device_name.clone(),
            reason,
            available: self.library.providers.clone(),
            not_built_in,
        };
        if !self.library.providers.iter().any(|name| name == provider::name(self.device)) {
            return Err(refuse_as(format!("this build lacks {}", provider::name(self.device)), true));
        }
        if matches!(self.device, Device::Cuda(_) | Device::TensorRt(_)) {
            library::preload_cuda(&self.library.path);
        }
        self.builder(false).map(drop).map_err(|reason| refuse_as(reason, false))
    }

    /// Returns the settings of a session; `strict` refuses a model of which any node would run on the processor.
    fn builder(&self, strict: bool) -> Result<SessionBuilder, String> {
        let text = |error: ort::Error<SessionBuilder>| one_line(error.message());
        let mut builder = ort::session::Session::builder(&self.library.environment).map_err(|e| one_line(e.message()))?;
        builder = builder.with_log_level(LogLevel::Fatal).map_err(text)?;
        builder = builder.with_optimization_level(GraphOptimizationLevel::All).map_err(text)?;
        builder = builder.with_intra_threads(self.threads.get()).map_err(text)?;
        builder = builder.with_inter_threads(1).map_err(text)?;
        // Threads that wait for work sleep. Attacks update their states on the same cores while a model runs, and
        // spinning takes these cores away: on two busy cores it doubled to quadrupled the time of a run.
        builder = builder.with_intra_op_spinning(false).map_err(text)?;
        builder = builder.with_parallel_execution(false).map_err(text)?;
        builder = builder.with_memory_pattern(!matches!(self.device, Device::DirectMl(_))).map_err(text)?;
        builder = builder.with_deterministic_compute(true).map_err(text)?;
        if strict {
            builder = builder.with_disable_cpu_fallback().map_err(text)?;
        }
        let providers = provider::dispatches(self.device, self.library.minor);
        if providers.is_empty() { Ok(builder) } else { builder.with_execution_providers(providers).map_err(text) }
    }

    fn session(
        &self,
        what: &str,
        weights: Option<&str>,
        generated: bool,
        commit: &dyn Fn(&mut SessionBuilder) -> ort::Result<ort::session::Session>,
    ) -> Result<Box<dyn Session>, EngineError> {
        let refuse = |reason: String| EngineError::Model { runtime: NAME.to_owned(), stage: Stage::Load, model: what.to_owned(), reason };
        let open = |strict: bool| {
            let mut builder = self.builder(strict).map_err(refuse)?;
            if let Some(folder) = weights {
                builder = builder.with_config_entry(WEIGHTS_FOLDER, folder).map_err(|error| refuse(one_line(error.message())))?;
            }
            if generated {
                builder = builder.with_config_entry(PRODUCTS, SINGLE).map_err(|error| refuse(one_line(error.message())))?;
            }
            commit(&mut builder).map_err(|error| refuse(one_line(error.message())))
        };
        if self.device == Device::Cpu {
            return Ok(Box::new(OrtSession::new(open(false)?, what, None)?));
        }
        let (session, note) = match open(true) {
            Ok(session) => (session, None),
            Err(_) => (open(false)?, Some(format!("part of {what} runs on the processor, not on {}", self.device_name))),
        };
        Ok(Box::new(OrtSession::new(session, what, note)?))
    }
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &str {
        NAME
    }

    fn version(&self) -> &str {
        &self.library.version
    }

    fn device(&self) -> &str {
        &self.device_name
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn encode(&self, graph: &Graph) -> Result<Encoded, ExportError> {
        if self.library.minor < WEIGHTS_FOLDER_SINCE {
            return Ok(brinell_onnx::write(graph)?.into());
        }
        brinell_onnx::write_apart(graph)
    }

    fn compile(&self, model: &Encoded) -> Result<Box<dyn Session>, EngineError> {
        const WHAT: &str = "the generated model";
        let session = self.session(WHAT, model.folder.as_deref(), true, &|builder| builder.commit_from_memory(&model.bytes));
        // Whatever was read instead of the weights must not pass for them.
        if !model.is_current() {
            let reason = "the file that holds its weights was changed or removed meanwhile".to_owned();
            return Err(EngineError::Model { runtime: NAME.to_owned(), stage: Stage::Load, model: WHAT.to_owned(), reason });
        }
        session
    }

    fn compile_file(&self, path: &Path) -> Result<Box<dyn Session>, EngineError> {
        crate::open::require_file(path)?;
        std::fs::File::open(path).map_err(|source| EngineError::Read { path: path.to_owned(), source })?;
        self.session(&path.display().to_string(), None, false, &|builder| builder.commit_from_file(path))
    }
}

/// Joins the lines of a message, as errors are printed on one.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
