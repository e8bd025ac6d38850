//! The model under audit: the artefact as it is, and the form that attacks query.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_engine::{
    Buffer, Held, HeldInput, HeldPort, Interface, Oracle, OracleError, Preprocess, PreprocessOptions, Runtime, Signature,
};
use brinell_graph::{DType, Graph, mixes_samples, pin_batch};
use brinell_onnx::Model;
use brinell_record::{ModelInterface, Port};
use brinell_threat::{Ball, Grid, Norm};

use crate::data::{self, DataError, DataErrorKind, Dataset, LoadOptions, NamedArray, Numbers};
use crate::inspect::describe;
use crate::{Plan, ProtocolError, hash};

/// An ONNX file read and hashed.
pub struct Subject {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// SHA-256 of the other files that hold its weights, one after the other by name; `None` where there are none.
    pub weights_sha256: Option<String>,
    /// The model as read.
    pub model: Model,
    /// What is attacked and what decides, as the user says.
    pub interface: Interface,
    /// Its inputs and outputs.
    pub signature: Signature,
    /// What the inputs that are not attacked are held at; nothing before [`Subject::hold`].
    pub held: Arc<Held>,
}

impl Subject {
    /// Reads a model file. A model whose samples would influence each other in a batch is read for one sample.
    ///
    /// # Errors
    /// [`ProtocolError::Model`] where it is no ONNX model, [`ProtocolError::Oracle`] where it is no classifier.
    pub fn load(path: &Path, interface: &Interface) -> Result<Self, ProtocolError> {
        let mut model =
            brinell_onnx::read_file(path).map_err(|source| ProtocolError::Model { path: path.to_path_buf(), source: Box::new(source) })?;
        let sha256 = hash::sha256_file(path).map_err(ProtocolError::io("read", path))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let files: Vec<PathBuf> = model.external.iter().map(|location| folder.join(location)).collect();
        let weights_sha256 = match files.first() {
            Some(first) => Some(hash::sha256_files(files.iter().map(PathBuf::as_path)).map_err(ProtocolError::io("read", first))?),
            None => None,
        };
        if mixes_samples(&model.graph).is_some() {
            model.graph = pin_batch(&model.graph).map_err(OracleError::Graph)?;
        }
        let signature = Signature::of(&model.graph, interface).map_err(OracleError::Signature)?;
        Ok(Self { path: path.to_path_buf(), sha256, weights_sha256, model, interface: interface.clone(), signature, held: Arc::default() })
    }

    /// Returns the file name without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Reads the model of a plan and, where it has inputs that are not attacked, what the plan's data hold them at.
    ///
    /// # Errors
    /// As [`Subject::load`], [`Subject::load_data`] and [`Subject::hold`].
    pub(crate) fn load_holding(plan: &Plan) -> Result<Self, ProtocolError> {
        let mut subject = Self::load(&plan.model, &plan.interface)?;
        if !subject.signature.held.is_empty() {
            let data = subject.load_data(&plan.data, plan.labels.clone(), plan.classes.as_deref(), plan.limit)?;
            subject.hold(&data)?;
        }
        Ok(subject)
    }

    /// Holds the inputs that are not attacked at what the data say. Those that have no batch become constants of the graph.
    ///
    /// # Errors
    /// [`ProtocolError::Data`] where an array does not fit its input.
    pub fn hold(&mut self, data: &Dataset) -> Result<(), ProtocolError> {
        if self.signature.held.is_empty() || !self.held.inputs().is_empty() {
            return Ok(());
        }
        let wrong =
            |name: &str, problem| DataError { path: data.path.clone(), kind: DataErrorKind::Held { name: name.to_owned(), problem } };
        let missing = |name: &str| {
            let found = data.arrays.iter().map(|array| array.name.clone()).collect();
            DataError { path: data.path.clone(), kind: DataErrorKind::NoArray { wanted: name.to_owned(), found } }
        };
        let hold = |port: &HeldPort| {
            let array = data.arrays.iter().find(|array| array.name == port.name).ok_or_else(|| missing(&port.name))?;
            HeldInput::new(port, self.signature.fixed_batch, &array.shape, data.n, |buffer| fill(buffer, array))
                .map_err(|problem| wrong(&port.name, problem))
        };
        let held = Held::new(self.signature.held.iter().map(hold).collect::<Result<_, DataError>>()?);
        self.model.graph = held.bind(&self.model.graph).map_err(OracleError::Graph)?;
        self.signature = Signature::of(&self.model.graph, &self.interface).map_err(OracleError::Signature)?;
        self.held = Arc::new(held);
        Ok(())
    }

    /// Compiles a form of this model's graph for attacks.
    ///
    /// # Errors
    /// [`ProtocolError::Oracle`].
    pub(crate) fn oracle(
        &self,
        graph: &Graph,
        preprocess: &Preprocess,
        runtime: &Arc<dyn Runtime>,
        lanes: usize,
    ) -> Result<Oracle, ProtocolError> {
        // The graph knows the inputs that are left by their names: of a model whose others became constants, too.
        let interface = Interface { input: Some(self.signature.input_name.clone()), ..self.interface.clone() };
        Ok(Oracle::holding(graph, &interface, Arc::clone(&self.held), preprocess, Arc::clone(runtime), lanes)?)
    }

    /// Says how the model is read as a classifier, for the record.
    #[must_use]
    pub fn describe(&self) -> ModelInterface {
        // Of the inputs that became constants only their values know.
        let held = self.held.inputs().iter().map(HeldInput::describe).map(|(name, dtype, shape)| Port { name, dtype, shape }).collect();
        ModelInterface { held, ..describe(&self.model.graph, &self.signature) }
    }

    /// Returns the points that the model can be fed, where it takes whole numbers.
    ///
    /// # Errors
    /// [`ProtocolError::IntegerRange`] where its type does not have all numbers of the box, [`ProtocolError::IntegerStep`] where the ball holds no
    /// whole numbers but those of the clean input.
    pub(crate) fn grid(&self, preprocess: &Preprocess, ball: &Ball) -> Result<Option<Grid>, ProtocolError> {
        let Some((least, most)) = range(self.signature.dtype) else { return Ok(None) };
        let (mean, std, inner) = preprocess.affine();
        let grid = Grid::new(mean, std, inner);
        let (lo, hi) = grid.span(ball.bounds);
        let (input, dtype) = (self.signature.input_name.clone(), self.signature.dtype);
        if lo.round_ties_even() < least || hi.round_ties_even() > most {
            return Err(ProtocolError::IntegerRange { input, dtype, lo, hi });
        }
        let step = f64::from(grid.finest());
        if ball.norm != Norm::L0 && ball.eps > 0.0 && ball.eps < step {
            return Err(ProtocolError::IntegerStep { input, dtype, step, eps: ball.eps });
        }
        Ok(Some(grid))
    }

    /// Returns the graph with a free batch where that can be had, and otherwise why not.
    #[must_use]
    pub fn with_free_batch(&self) -> (Graph, Option<String>) {
        match self.signature.fixed_batch {
            None => (self.model.graph.clone(), None),
            Some(1) => match brinell_graph::rebatch(&self.model.graph) {
                Ok(graph) => (graph, None),
                Err(error) => (self.model.graph.clone(), Some(error.to_string())),
            },
            Some(n) => (self.model.graph.clone(), Some(format!("the model fixes its batch at {n}"))),
        }
    }

    /// Reads labelled data in the form that the model takes, and checks that its labels are classes of the model.
    ///
    /// # Errors
    /// [`ProtocolError::Data`], and [`ProtocolError::ClassCount`] where `classes` names another number of classes than the model has.
    pub fn load_data(
        &self,
        path: &Path,
        labels: Option<String>,
        classes: Option<&Path>,
        limit: Option<usize>,
    ) -> Result<Dataset, ProtocolError> {
        let class_names = classes.map(data::class_names).transpose()?;
        if let (Some(names), Some(path)) = (&class_names, classes)
            && names.len() != self.signature.classes
        {
            let path = path.to_path_buf();
            return Err(ProtocolError::ClassCount { path, found: names.len(), classes: self.signature.classes });
        }
        let dataset = data::load(
            path,
            &LoadOptions {
                labels: labels.map(Into::into),
                class_names,
                limit,
                image_size: image_size(&self.signature.sample),
                channels: image_channels(&self.signature.sample),
                input: Some(self.signature.input_name.clone()),
                arrays: self.signature.held.iter().map(|port| port.name.clone()).collect(),
            },
        )?;
        dataset.check_labels(self.signature.classes)?;
        Ok(dataset)
    }

    /// Returns the checked preprocessing from samples of this shape.
    ///
    /// # Errors
    /// [`ProtocolError::Preprocess`] where they do not fit.
    pub fn preprocess(&self, options: &PreprocessOptions, sample: &[usize]) -> Result<Preprocess, ProtocolError> {
        Ok(Preprocess::new(options, sample, &self.signature.sample)?)
    }

    /// Loads the original file for the referee.
    ///
    /// # Errors
    /// [`ProtocolError::Engine`] where the runtime refuses it.
    pub fn referee(&self, runtime: &Arc<dyn Runtime>) -> Result<crate::Referee, ProtocolError> {
        Ok(crate::Referee::new(&self.path, runtime.as_ref(), &self.signature, Arc::clone(&self.held))?)
    }
}

/// Least and largest number of a type of whole numbers.
fn range(dtype: DType) -> Option<(f64, f64)> {
    Some(match dtype {
        DType::U8 => (0.0, f64::from(u8::MAX)),
        DType::U16 => (0.0, f64::from(u16::MAX)),
        DType::U32 => (0.0, f64::from(u32::MAX)),
        DType::U64 => (0.0, u64::MAX as f64),
        DType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        DType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => (i64::MIN as f64, i64::MAX as f64),
        _ => return None,
    })
}

/// Appends the numbers of an array to a buffer of a model's type; names the first that the type does not have.
fn fill(buffer: &mut Buffer, array: &NamedArray) -> Result<(), String> {
    match &array.numbers {
        Numbers::Whole(values) => values.iter().find(|&&value| !buffer.push_whole(value)).map_or(Ok(()), |value| Err(value.to_string())),
        Numbers::Real(values) => values.iter().find(|&&value| !buffer.push_real(value)).map_or(Ok(()), |value| Err(value.to_string())),
    }
}

/// Height and width that image files are resized to, where the model takes images.
fn image_size(model: &[usize]) -> Option<(usize, usize)> {
    match *model {
        [c, h, w] if c <= 4 => Some((h, w)),
        [h, w, c] if c <= 4 => Some((h, w)),
        _ => None,
    }
}

/// Channels that image files are converted to, where the model takes images.
fn image_channels(model: &[usize]) -> Option<usize> {
    match *model {
        [c @ (1 | 3), _, _] | [_, _, c @ (1 | 3)] => Some(c),
        _ => None,
    }
}
