//! The model under audit: the artefact as it is, and the form that attacks query.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brinell_data::{self as data, ColumnInput, ColumnKind, DataError, DataErrorKind, Dataset, LoadOptions, Moments, Numbers, Precision};
use brinell_engine::{Artefact, Endpoint, Held, HeldInput, Host, InputPart, Meaning, Oracle, Preprocess, Running, Runtime, Signature};
use brinell_graph::{DType, Graph, Op, ValueId};
use brinell_onnx::{ClassLabels, Known, Model};
use brinell_record::{Defence, FileError, ModelInterface, Population, Port, hash};

use crate::case::names;
use crate::inspect::describe;
use crate::missing::{handles_missing, has_trees};
use crate::names::ClassNames;
use crate::{SubjectError, truth_kind};

/// An ONNX file read and hashed, or a model behind an address.
pub struct Subject {
    /// What the user says of it; the sizes of a sample are those of the data where the file leaves them free.
    pub artefact: Artefact,
    /// SHA-256 of its bytes; of a model behind an address that of what the server says about it.
    pub sha256: String,
    /// SHA-256 of the other files that hold its weights, one after the other by name; `None` where there are none.
    pub weights_sha256: Option<String>,
    /// The model as read; of a model behind an address its inputs and outputs.
    pub model: Model,
    /// The server, where the model is behind an address.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The program, where the model is one of the host.
    pub host: Option<Host>,
    /// Its inputs and outputs.
    pub signature: Signature,
    /// What the file says of a defence in front of it.
    pub defence: Option<Defence>,
    /// Why what the file says of a defence cannot be used, where it cannot.
    pub defence_problem: Option<String>,
    /// True where sizes that the file leaves free are those of the data.
    pub sized_by_data: bool,
    /// What the inputs that are not attacked are held at; nothing before [`Subject::hold`].
    pub held: Arc<Held>,
}

impl Subject {
    /// Returns true where the file gives every value of the output the name of a class, as classifiers of `ai.onnx.ml` do: then the largest decides.
    pub(crate) fn names_classes(&self) -> bool {
        self.model.class_labels.as_ref().is_some_and(|labels| labels.len() == self.signature.classes)
    }

    /// Returns the file, or the address.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.artefact.model
    }

    /// Hashes the files of the model once more, or what its server says of it, to see whether they are still what was read.
    ///
    /// # Errors
    /// [`SubjectError::Changed`] where they are not, [`SubjectError::File`].
    pub fn check_unchanged(&self) -> Result<(), SubjectError> {
        let (sha256, weights_sha256) = match (&self.endpoint, &self.host) {
            (Some(endpoint), _) => (hash::sha256_bytes(endpoint.identity_now()?.as_bytes()), None),
            (_, Some(host)) => (hash::sha256_bytes(host.identity()?.as_bytes()), None),
            _ => digests(self.path(), &self.model)?,
        };
        let known = [(Some(&self.sha256), Some(&sha256)), (self.weights_sha256.as_ref(), weights_sha256.as_ref())];
        match known.into_iter().find(|(before, now)| before != now) {
            None => Ok(()),
            Some((before, now)) => {
                let text = |digest: Option<&String>| digest.cloned().unwrap_or_default();
                Err(SubjectError::Changed { path: self.path().to_path_buf(), before: text(before), now: text(now) })
            }
        }
    }

    /// Opens the runtime that runs the model: the server where it is behind an address, else the one of that choice.
    ///
    /// # Errors
    /// [`SubjectError::Engine`] where there is none.
    pub fn runtime(&self, running: &Running) -> Result<Arc<dyn Runtime>, SubjectError> {
        match (&self.endpoint, &self.host) {
            (Some(endpoint), _) => Ok(Arc::clone(endpoint) as Arc<dyn Runtime>),
            (_, Some(host)) => Ok(Arc::new(host.clone())),
            _ => Ok(brinell_engine::open(running)?),
        }
    }

    /// Checks that the model always answers, which `work` needs.
    ///
    /// # Errors
    /// [`SubjectError::Refuses`].
    pub fn check_answers(&self, work: &'static str) -> Result<(), SubjectError> {
        match &self.signature.gate {
            Some(gate) => Err(SubjectError::Refuses { path: self.path().to_path_buf(), output: gate.name.clone(), work }),
            None => Ok(()),
        }
    }

    /// Returns true where decision trees decide: their scores are steps, and nothing hides in front of them or behind them.
    #[must_use]
    pub fn has_trees(&self) -> bool {
        has_trees(&self.model.graph)
    }

    /// Returns true where there is no file: the model is behind an address or a program of the host.
    #[must_use]
    pub fn is_no_file(&self) -> bool {
        self.endpoint.is_some() || self.host.is_some()
    }

    /// Returns true where attacks ask the model as it is: a part of it between input and output cannot be read, or all of it is behind an address.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        let mut graph = self.model.graph.clone();
        // What only other outputs need may stay unread.
        graph.set_outputs(vec![self.signature.output]);
        let graph = graph.dce();
        let mut depends: BTreeSet<ValueId> = graph.inputs().iter().copied().collect();
        for node in graph.nodes() {
            if node.inputs.iter().flatten().any(|input| depends.contains(input)) {
                if matches!(node.op, Op::Opaque(_)) {
                    return true;
                }
                depends.extend(node.outputs.iter().flatten());
            }
        }
        false
    }

    /// Returns how far two executions of the model may differ by rounding, relative to the largest output: some ulps of the narrowest type that it
    /// computes with, since runtimes round halves after every operator or only where they must.
    #[must_use]
    pub fn rounding(&self) -> f32 {
        let narrowest = self.model.graph.values().filter_map(|(_, value)| value.dtype);
        // One part in 127 of the largest operand, in sums of many.
        let start = if self.model.coarse { 2e-2 } else { 1e-3 };
        narrowest.fold(start, |most: f32, dtype| match dtype {
            DType::F16 => most.max(1e-2),
            DType::Bf16 => most.max(5e-2),
            _ => most,
        })
    }

    /// Returns how far two executions of the model cannot be apart by rounding, relative to the largest output. What is quantised may round to the next
    /// step, and a step in front may be several behind it.
    #[must_use]
    pub fn far(&self) -> f32 {
        let is_quantised = self.model.coarse || self.model.graph.nodes().iter().any(|node| matches!(node.op, Op::Quant(_)));
        if is_quantised { self.rounding().max(0.2) } else { 10.0 * self.rounding() }
    }

    /// Returns the file name without its ending, or the last part of the address.
    #[must_use]
    pub fn name(&self) -> String {
        self.path().file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Compiles a form of this model's graph for attacks.
    ///
    /// # Errors
    /// [`SubjectError::Oracle`].
    pub(crate) fn oracle(
        &self,
        graph: &Graph,
        preprocess: &Preprocess,
        runtime: &Arc<dyn Runtime>,
        lanes: usize,
    ) -> Result<Oracle, SubjectError> {
        // The graph knows the inputs that are left by their names: of a model whose others became constants, too.
        let artefact = Artefact { input: Some(self.signature.input_name.clone()), ..self.artefact.clone() };
        let columns = self.signature.columns.as_deref();
        Ok(Oracle::holding(graph, &artefact, columns, Arc::clone(&self.held), preprocess, Arc::clone(runtime), lanes)?)
    }

    /// Says how the model is read as a classifier, for the record.
    #[must_use]
    pub fn describe(&self) -> ModelInterface {
        // Of the inputs that became constants only their values know.
        let held = self.held.inputs().iter().map(HeldInput::describe).map(|(name, dtype, shape)| Port { name, dtype, shape }).collect();
        let defence = self.defence.as_ref().map(Defence::name);
        ModelInterface { held, defence, shape: self.artefact.shape.clone(), ..describe(&self.model.graph, &self.signature) }
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
            Some(n) => (self.model.graph.clone(), Some(format!("the model has a fixed batch of {n}"))),
        }
    }

    /// Reads the first `n` samples of the file, whatever a limit takes, in the form that the model takes.
    ///
    /// # Errors
    /// [`SubjectError::Data`], [`SubjectError::ClassCount`].
    pub fn read_first(&self, population: &Population, n: usize) -> Result<Dataset, SubjectError> {
        let dataset = data::load(&population.data, &LoadOptions { rows: Some((0..n).collect()), ..self.load_options(population)? })?;
        dataset.check_labels(self.signature.classes)?;
        Ok(dataset)
    }

    /// Returns ranges and deviations of all samples that there are, of which `data` may hold some only; the rest is read for this alone.
    ///
    /// # Errors
    /// [`SubjectError::Data`].
    pub fn moments(&self, data: &Dataset, population: &Population) -> Result<Moments, SubjectError> {
        if data.n == data.total {
            return Ok(Moments::of(data));
        }
        Ok(data::moments(&data.path, &LoadOptions { limit: None, rows: None, ..self.load_options(population)? })?)
    }

    /// Checks that a file of class names names the model's classes.
    ///
    /// # Errors
    /// [`SubjectError::ClassCount`] where it has another number of names than the model has classes.
    pub(crate) fn check_class_count(&self, population: &Population) -> Result<(), SubjectError> {
        let Some(path) = &population.classes else { return Ok(()) };
        let (found, classes) = (data::class_names(path)?.len(), self.signature.classes);
        if found == classes { Ok(()) } else { Err(SubjectError::ClassCount { path: path.clone(), found, classes }) }
    }

    /// Returns how data for this model are read.
    ///
    /// # Errors
    /// [`SubjectError::Data`] for a file of class names that cannot be read, [`SubjectError::ClassCount`].
    pub fn load_options(&self, population: &Population) -> Result<LoadOptions, SubjectError> {
        self.check_class_count(population)?;
        let ClassNames { names, only_names } = ClassNames::of(&self.model, self.signature.classes, population)?;
        Ok(LoadOptions {
            labels: population.labels.as_ref().map(Into::into),
            class_names: names,
            only_names,
            limit: population.n,
            // Images whose size decides the model's are not resized: they must be of one size.
            image_size: image_size(&self.signature.sample).filter(|_| !self.sized_by_data),
            channels: image_channels(&self.signature.sample),
            input: Some(self.signature.input_name.clone()),
            features: self.model.features.clone().filter(|names| names.len() == self.signature.sample.iter().product::<usize>()),
            arrays: self.held_names(),
            texts: self.text_names(),
            inputs: self
                .signature
                .parts
                .iter()
                .map(|part| column(part, handles_missing(&self.model.graph, self.signature.input)))
                .collect(),
            classes: Some(self.signature.classes),
            width: Some(self.signature.sample.iter().product()),
            drop: population.drop.clone(),
            precision: precision(self.signature.dtype),
            missing: handles_missing(&self.model.graph, self.signature.input),
            truth: truth_kind(self.artefact.task()),
            pairs: population.pairs.clone(),
            ..LoadOptions::default()
        })
    }

    /// Finds the labels that count by the names that the data know them by, in whose place numbers come.
    ///
    /// # Errors
    /// [`SubjectError::Class`] for a name that is none, [`SubjectError::Oracle`].
    pub(crate) fn name_labels(&mut self, data: &Dataset) -> Result<(), SubjectError> {
        let Meaning::Labels { only: only @ Some(_), .. } = &mut self.signature.meaning else { return Ok(()) };
        let names = names(data, self.signature.classes);
        let found = self.artefact.only_labels.iter().map(|label| data::lookup(&names, label)).collect::<Result<Vec<_>, _>>()?;
        self.artefact.only_labels = found.iter().map(ToString::to_string).collect();
        *only = Some(found);
        Ok(())
    }

    /// Returns the names of the arrays that stand beside the samples: of all inputs that are not attacked, of those too that became constants, and of those
    /// whose texts samples are places of.
    fn held_names(&self) -> Vec<String> {
        let texts = self.signature.parts.iter().filter(|part| part.dtype == DType::String).map(|part| part.name.clone());
        let held: Vec<String> = if self.held.inputs().is_empty() {
            self.signature.held.iter().map(|port| port.name.clone()).collect()
        } else {
            self.held.inputs().iter().map(|input| input.name().to_owned()).collect()
        };
        held.into_iter().chain(texts).collect()
    }

    /// Returns the names of the inputs that take text.
    fn text_names(&self) -> Vec<String> {
        let ports = self.signature.held.iter().map(|port| (&port.name, port.dtype));
        let all = ports.chain(self.signature.parts.iter().map(|part| (&part.name, part.dtype)));
        all.filter(|(_, dtype)| *dtype == DType::String).map(|(name, _)| name.clone()).collect()
    }

    /// Takes from the data the texts that values of inputs are places of.
    ///
    /// # Errors
    /// [`SubjectError::Data`] where they are not there.
    pub(crate) fn learn_texts(&mut self, data: &Dataset) -> Result<(), SubjectError> {
        for part in self.signature.parts.iter_mut().filter(|part| part.dtype == DType::String) {
            let array = data.arrays.iter().find(|array| array.name == part.name);
            part.texts = match array.map(|array| &array.numbers) {
                Some(Numbers::Text(texts)) => texts.clone(),
                _ => {
                    let found = data.arrays.iter().map(|array| array.name.clone()).collect();
                    let kind = DataErrorKind::NoArray { wanted: part.name.clone(), found };
                    return Err(DataError { path: data.path.clone(), kind }.into());
                }
            };
        }
        Ok(())
    }

    /// Returns the checked preprocessing from samples of this shape.
    ///
    /// # Errors
    /// [`SubjectError::Preprocess`] where they do not fit.
    pub fn preprocess(&self, artefact: &Artefact, sample: &[usize]) -> Result<Preprocess, SubjectError> {
        Ok(Preprocess::new(artefact, sample, &self.signature.sample)?)
    }

    /// Loads the original file for the referee.
    ///
    /// # Errors
    /// [`SubjectError::Engine`] where the runtime refuses it, or is known to compute a part of it wrongly.
    pub fn referee(&self, runtime: &Arc<dyn Runtime>) -> Result<crate::Referee, SubjectError> {
        brinell_engine::check_arithmetic(&self.model.graph, runtime.as_ref())?;
        Ok(crate::Referee::new(self.path(), runtime.as_ref(), &self.signature, Arc::clone(&self.held))?)
    }
}

/// Returns what the user says of the inputs beyond the file.
#[must_use]
pub fn known(artefact: &Artefact) -> Known {
    Known { input: artefact.input.clone(), sample: artefact.shape.clone(), ..Known::default() }
}

/// Returns what a server says of a model in the form that a file is read into.
pub(crate) fn model_behind(endpoint: &Endpoint, artefact: &Artefact) -> Result<Model, SubjectError> {
    Ok(unread(endpoint.graph(artefact)?))
}

/// Returns a model of which no more is known than a graph says.
pub(crate) fn unread(graph: Graph) -> Model {
    Model {
        graph,
        ir_version: 0,
        opset: 0,
        producer: String::new(),
        producer_version: String::new(),
        external: Vec::new(),
        metadata: BTreeMap::new(),
        features: None,
        class_labels: None,
        class_lists: Vec::new(),
        maps: BTreeSet::new(),
        coarse: false,
        reversed: false,
    }
}

/// Reads a model file.
///
/// # Errors
/// [`SubjectError::Model`], [`SubjectError::Address`].
pub fn read_model(path: &Path, known: &Known) -> Result<Model, SubjectError> {
    // An address of another kind may hold a password, which the name of a file would repeat.
    if path.to_string_lossy().contains("://") && !path.exists() {
        return Err(SubjectError::Address);
    }
    brinell_onnx::read_file_knowing(path, known)
        .map_err(|source| SubjectError::Model { path: path.to_path_buf(), source: Box::new(source) })
}

/// Returns the SHA-256 of a model file, and that of the other files that hold its weights.
///
/// # Errors
/// [`SubjectError::File`].
pub fn digests(path: &Path, model: &Model) -> Result<(String, Option<String>), SubjectError> {
    let sha256 = hash::sha256_file(path).map_err(FileError::on("read", path))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let files: Vec<PathBuf> = model.external.iter().map(|location| folder.join(location)).collect();
    let weights_sha256 = match files.first() {
        Some(first) => Some(hash::sha256_files(files.iter().map(PathBuf::as_path)).map_err(FileError::on("read", first))?),
        None => None,
    };
    Ok((sha256, weights_sha256))
}

/// Returns the column of each class in the scores of the file, where they stand in another order than the classes.
pub(crate) fn columns(model: &Model, signature: &Signature) -> Option<Vec<usize>> {
    // Maps come with their keys in ascending order.
    let mapped = model.maps.contains(&signature.output_name);
    let ranks = model.class_labels.as_ref().filter(|_| mapped).map(ClassLabels::ranks);
    match (ranks, model.reversed) {
        (Some(ranks), true) => Some(ranks.into_iter().rev().collect()),
        (None, true) => Some(vec![1, 0]),
        (ranks, false) => ranks,
    }
}

/// What the numbers of an attacked input of that type have to keep.
pub(crate) fn precision(dtype: DType) -> Precision {
    match dtype {
        DType::F64 => Precision::Double,
        dtype if !dtype.is_float() => Precision::Whole,
        _ => Precision::Single,
    }
}

/// Returns how the columns of one of several inputs are read.
fn column(part: &InputPart, missing: bool) -> ColumnInput {
    let numbers = ColumnKind::Numbers { precision: precision(part.dtype), missing: missing && part.dtype.is_float() };
    let kind = if part.dtype == DType::String { ColumnKind::Text } else { numbers };
    ColumnInput { name: part.name.clone(), width: part.len(), kind }
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
