//! Opening a model and its data: each file is read, hashed and decoded once.
//!
//! What a model leaves open follows from the data: sizes of its input (images of any size, sequences of any length, tables of any number of columns), and
//! conditions and sizes that come from inputs which are not attacked. So the data are read as soon as the model cannot be understood without them.

use std::path::PathBuf;
use std::sync::Arc;

use brinell_data::{self as data, DataError, Dataset, LoadOptions, Precision};
use brinell_engine::{Endpoint, Held, Host, InputPart, OracleError, Signature, SignatureError, Together, together};
use brinell_graph::{DType, Dim, Graph, ValueId, mixes_samples, pin_batch};
use brinell_onnx::{Known, Model};
use brinell_record::{Artefact, Defence, Population, hash};

use crate::hold::held_at;
use crate::missing::handles_missing;
use crate::names::ClassNames;
use crate::subject::{columns, digests, known, model_behind, precision, read_model, unread};
use crate::{Subject, SubjectError, truth_kind};

/// Reads samples in the form that a model takes.
pub type ReadSamples<'r> = dyn Fn(&LoadOptions) -> Result<Dataset, DataError> + 'r;

/// A model, and the labelled samples that it is asked about.
pub struct Opened {
    /// The model; its inputs that are not attacked are held at what the data say.
    pub subject: Subject,
    /// The samples, in the form that the model takes.
    pub data: Dataset,
}

impl Subject {
    /// Opens a model and reads its data.
    ///
    /// # Errors
    /// [`SubjectError`] names what cannot be used: the model, the data, or the two together.
    pub fn open(artefact: &Artefact, population: &Population) -> Result<Opened, SubjectError> {
        Self::open_with(artefact, population, &|options| data::load(&population.data, options))
    }

    /// Opens a model like [`Subject::open`], with samples that `read` reads; `population` says what else is known of them.
    ///
    /// # Errors
    /// As [`Subject::open`], and those of `read`.
    pub fn open_with(artefact: &Artefact, population: &Population, read_samples: &ReadSamples<'_>) -> Result<Opened, SubjectError> {
        Self::open_at(Place::of(artefact)?, artefact, population, read_samples)
    }

    /// Opens a model like [`Subject::open_with`] that is a program of the host.
    ///
    /// # Errors
    /// As [`Subject::open_with`].
    pub fn open_host(
        host: Host,
        artefact: &Artefact,
        population: &Population,
        read_samples: &ReadSamples<'_>,
    ) -> Result<Opened, SubjectError> {
        Self::open_at(Place::Host(host), artefact, population, read_samples)
    }

    fn open_at(place: Place, artefact: &Artefact, population: &Population, read_samples: &ReadSamples<'_>) -> Result<Opened, SubjectError> {
        artefact.check_task()?;
        let mut artefact = artefact.clone();
        let mut model = place.read(&artefact, Known::default())?;
        let told = Told::of(&model, &mut artefact);
        let parts = joined(&mut model, &mut artefact, data::is_table(&population.data))?;
        let mut read = None;
        let sized_by_data = has_free_sizes(&model.graph, &artefact);
        if sized_by_data {
            let found = read_samples(&options_for(&model, &artefact, population)?)?;
            (artefact, model) = sized(&place, &model, &artefact, &found)?;
            read = Some(found);
        }
        let mut held = Held::default();
        let signature = match Signature::of(&model.graph, &artefact) {
            Err(error @ SignatureError::Output { .. }) if place.is_file() => {
                let (ports, batch) = Signature::held_of(&model.graph, &artefact).map_err(OracleError::Signature)?;
                if ports.is_empty() {
                    return Err(OracleError::Signature(error).into());
                }
                let found = match read.take() {
                    Some(found) => found,
                    None => read_samples(&options_for(&model, &artefact, population)?)?,
                };
                held = held_at(&ports, batch, &found.arrays, found.n, &found.path)?.of_samples(found.rows.clone());
                read = Some(found);
                model = place.read(&artefact, Known { values: held.constants(), ..Known::default() })?;
                model.graph = held.bind(&model.graph).map_err(OracleError::Graph)?;
                Signature::of(&model.graph, &artefact).map_err(|_| OracleError::Signature(error))?
            }
            other => other.map_err(OracleError::Signature)?,
        };
        let mut subject = place.subject(artefact, model, Signature { parts, ..signature }, told)?;
        subject.held = Arc::new(held);
        subject.sized_by_data = sized_by_data;
        let names = ClassNames::of(&subject.model, subject.signature.classes, population)?;
        let data = match read.filter(|found| names.fit(found, subject.signature.classes)) {
            Some(found) => found,
            None => read_samples(&subject.load_options(population)?)?,
        };
        subject.learn_texts(&data)?;
        subject.check_class_count(population)?;
        data.check_labels(subject.signature.classes)?;
        subject.name_labels(&data)?;
        subject.hold(&data)?;
        Ok(Opened { subject, data })
    }

    /// Reads a model without data: a file whose sizes are all known, or an address.
    ///
    /// # Errors
    /// [`SubjectError::Model`] where it is no ONNX model, [`SubjectError::Engine`] where nobody answers at the address,
    /// [`SubjectError::Oracle`] where it is not a classifier.
    pub fn load(artefact: &Artefact) -> Result<Self, SubjectError> {
        let place = Place::of(artefact)?;
        let model = place.read(artefact, Known::default())?;
        let mut artefact = artefact.clone();
        let told = Told::of(&model, &mut artefact);
        let signature = Signature::of(&model.graph, &artefact).map_err(OracleError::Signature)?;
        place.subject(artefact, model, signature, told)
    }
}

/// Where a model is.
enum Place {
    /// In a file.
    File(PathBuf),
    /// Behind an address.
    Endpoint(Box<Endpoint>),
    /// In the host.
    Host(Host),
}

impl Place {
    fn of(artefact: &Artefact) -> Result<Self, SubjectError> {
        Ok(if artefact.is_address() {
            Self::Endpoint(Box::new(Endpoint::connect(&artefact.model.to_string_lossy())?))
        } else {
            Self::File(artefact.model.clone())
        })
    }

    fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Reads the model, given what is known of its inputs; one whose samples would influence each other in a batch is read for one sample.
    fn read(&self, artefact: &Artefact, more: Known) -> Result<Model, SubjectError> {
        match self {
            Self::File(path) => read_pinned(path, &Known { values: more.values, ..known(artefact) }),
            Self::Endpoint(endpoint) => model_behind(endpoint, artefact),
            Self::Host(host) => Ok(unread(host.graph())),
        }
    }

    /// Hashes what the model was read from.
    fn subject(self, artefact: Artefact, model: Model, mut signature: Signature, told: Told) -> Result<Subject, SubjectError> {
        let mut program = None;
        let (sha256, weights_sha256, endpoint) = match self {
            Self::File(path) => {
                signature.columns = columns(&model, &signature);
                let (sha256, weights) = digests(&path, &model)?;
                (sha256, weights, None)
            }
            Self::Endpoint(endpoint) => {
                let endpoint = endpoint.asking_for(signature.output_index);
                (hash::sha256_bytes(endpoint.identity().as_bytes()), None, Some(Arc::new(endpoint)))
            }
            Self::Host(host) => {
                signature.weighs = host.model().has_gradient();
                let sha256 = hash::sha256_bytes(host.identity()?.as_bytes());
                program = Some(host);
                (sha256, None, None)
            }
        };
        let held = Arc::default();
        let Told { defence, problem: defence_problem } = told;
        let refusal = defence.as_ref().and_then(|defence| defence.refusal.as_ref());
        if let (Some(port), Some(refusal)) = (&mut signature.gate, refusal) {
            port.gate.unit = refusal.unit;
        }
        Ok(Subject {
            artefact,
            sha256,
            weights_sha256,
            model,
            endpoint,
            host: program,
            signature,
            defence,
            defence_problem,
            sized_by_data: false,
            held,
        })
    }
}

/// What a file says of a defence.
struct Told {
    defence: Option<Defence>,
    /// Why it cannot be used, where it cannot.
    problem: Option<String>,
}

impl Told {
    /// Reads what a model says, and completes what the user says of it.
    fn of(model: &Model, artefact: &mut Artefact) -> Self {
        let (defence, mut problem) = match Defence::read(&model.metadata) {
            Ok(defence) => (defence, None),
            Err(problem) => (None, Some(problem)),
        };
        if let (Some(end), None) = (defence.as_ref().and_then(Defence::end), &artefact.defence_end) {
            if model.graph.find(end).is_some() {
                artefact.defence_end = Some(end.to_owned());
            } else {
                problem = Some(format!("the graph has no value `{end}`"));
            }
        }
        if let Some(refusal) = defence.as_ref().and_then(|defence| defence.refusal.as_ref()) {
            if model.graph.outputs().iter().any(|&id| model.graph.value(id).name == refusal.suspicion) {
                let suspicion = artefact.suspicion.get_or_insert_with(|| refusal.suspicion.clone());
                if *suspicion == refusal.suspicion {
                    artefact.max_suspicion.get_or_insert(refusal.threshold);
                }
            } else {
                problem = Some(format!("the graph has no output `{}`", refusal.suspicion));
            }
        }
        Self { defence, problem }
    }
}

/// Reads a model file; one whose samples would influence each other in a batch is read for one sample.
pub(crate) fn read_pinned(path: &std::path::Path, known: &Known) -> Result<Model, SubjectError> {
    let mut model = read_model(path, known)?;
    if mixes_samples(&model.graph).is_some() {
        model.graph = pin_batch(&model.graph).map_err(OracleError::Graph)?;
    }
    Ok(model)
}

/// Makes one of the inputs that are attacked together: those that the user names, or all where nothing is named and the data are a `table`.
fn joined(model: &mut Model, artefact: &mut Artefact, table: bool) -> Result<Vec<InputPart>, SubjectError> {
    if artefact.input.is_none() && !table {
        return Ok(Vec::new());
    }
    let found = together(&model.graph, artefact.input.as_deref()).map_err(OracleError::Graph)?;
    let Some(Together { graph, name, parts }) = found else { return Ok(Vec::new()) };
    for (option, given) in [
        ("mean", !artefact.mean.is_empty()),
        ("std", !artefact.std.is_empty()),
        ("layout", artefact.layout.is_some()),
        ("shape", artefact.shape.is_some()),
    ] {
        if given {
            return Err(SubjectError::Joined { inputs: name, option });
        }
    }
    model.graph = graph;
    artefact.input = Some(name);
    Ok(parts)
}

/// Returns the name of all inputs of a model file, where it has several that can be attacked together.
///
/// # Errors
/// [`SubjectError::Model`], [`SubjectError::Oracle`].
pub fn all_inputs(artefact: &Artefact) -> Result<Option<String>, SubjectError> {
    if artefact.is_address() {
        return Ok(None);
    }
    let model = read_pinned(&artefact.model, &Known::default())?;
    Ok(together(&model.graph, None).map_err(OracleError::Graph)?.map(|together| together.name))
}

/// True where the attacked input leaves sizes of a sample free that the user does not say.
fn has_free_sizes(graph: &Graph, artefact: &Artefact) -> bool {
    let shape = attacked(graph, artefact.input.as_deref()).and_then(|input| graph.shape(input));
    let free = |shape: &[Dim]| shape.iter().skip(1).any(|dim| dim.fixed().is_none());
    artefact.shape.is_none() && shape.is_some_and(free)
}

/// Reads the model with the sizes of its data, in the first order of them that it takes.
///
/// # Errors
/// [`SubjectError::Sample`] where they do not fit its input, [`SubjectError::Sized`] where they fit nothing behind that.
fn sized(place: &Place, model: &Model, artefact: &Artefact, found: &Dataset) -> Result<(Artefact, Model), SubjectError> {
    let input = attacked(&model.graph, artefact.input.as_deref());
    let shape = input.and_then(|input| model.graph.shape(input));
    let mut refused = None;
    for form in fit(&found.shape, shape.and_then(|shape| shape.get(1..))) {
        let sized = Artefact { shape: Some(form.clone()), ..artefact.clone() };
        match place.read(&sized, Known::default()) {
            Ok(model) => return Ok((sized, model)),
            Err(error @ SubjectError::Model { .. }) => refused = refused.or(Some((form, error))),
            Err(error) => return Err(error),
        }
    }
    Err(match refused {
        Some((found, source)) => SubjectError::Sized { found, source: Box::new(source) },
        None => SubjectError::Sample {
            found: found.shape.clone(),
            input: input.map_or_else(String::new, |input| model.graph.value(input).name.clone()),
            takes: shape.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        },
    })
}

/// Returns how samples are read for a model whose signature is not known yet; images are not resized.
fn options_for(model: &Model, artefact: &Artefact, population: &Population) -> Result<LoadOptions, SubjectError> {
    let input = attacked(&model.graph, artefact.input.as_deref());
    let held = Signature::held_of(&model.graph, artefact).map(|(ports, _)| ports).unwrap_or_default();
    let ClassNames { names, only_names } = ClassNames::early(model, population)?;
    Ok(LoadOptions {
        labels: population.labels.as_ref().map(Into::into),
        only_names,
        class_names: names,
        limit: population.n,
        image_size: None,
        channels: input.and_then(|id| model.graph.shape(id)?.get(1..)).and_then(channels),
        input: input.map(|id| model.graph.value(id).name.clone()),
        texts: held.iter().filter(|port| port.dtype == DType::String).map(|port| port.name.clone()).collect(),
        arrays: held.into_iter().map(|port| port.name).collect(),
        drop: population.drop.clone(),
        precision: input.and_then(|id| model.graph.value(id).dtype).map_or(Precision::Single, precision),
        missing: input.is_some_and(|id| handles_missing(&model.graph, id)),
        truth: truth_kind(artefact.task()),
        pairs: population.pairs.clone(),
        ..LoadOptions::default()
    })
}

fn attacked(graph: &Graph, name: Option<&str>) -> Option<ValueId> {
    match (name, graph.inputs()) {
        (None, &[only]) => Some(only),
        (None, _) => None,
        (Some(name), inputs) => inputs.iter().copied().find(|&id| graph.value(id).name == name),
    }
}

/// Channels of images, where the model says them.
fn channels(dims: &[Dim]) -> Option<usize> {
    match *dims {
        [Dim::Fixed(c @ (1 | 3)), _, _] | [_, _, Dim::Fixed(c @ (1 | 3))] => Some(c),
        _ => None,
    }
}

/// Returns the sizes of a stored sample as the model's input may have them: as they are, with the channels at the other end, or with one channel.
fn fit(stored: &[usize], declared: Option<&[Dim]>) -> Vec<Vec<usize>> {
    let forms = match *stored {
        [a, b, c] => vec![vec![a, b, c], vec![b, c, a], vec![c, a, b]],
        [h, w] => vec![vec![h, w], vec![1, h, w], vec![h, w, 1]],
        _ => vec![stored.to_vec()],
    };
    let Some(declared) = declared else { return forms };
    let fits = |form: &Vec<usize>| {
        form.len() == declared.len() && form.iter().zip(declared).all(|(size, dim)| dim.fixed().is_none_or(|fixed| fixed == *size))
    };
    forms.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fit_the_orders_that_the_model_has() {
        let (free, three) = (Dim::Unknown, Dim::Fixed(3));
        let first = |stored: &[usize], declared: &[Dim]| fit(stored, Some(declared)).first().cloned();
        assert_eq!(first(&[3, 32, 40], &[three, free, free]), Some(vec![3, 32, 40]));
        assert_eq!(first(&[3, 32, 40], &[free, free, three]), Some(vec![32, 40, 3]));
        assert_eq!(first(&[32, 40, 3], &[three, free, free]), Some(vec![3, 32, 40]));
        assert_eq!(first(&[28, 28], &[Dim::Fixed(1), free, free]), Some(vec![1, 28, 28]));
        assert_eq!(first(&[28, 28], &[free, free, Dim::Fixed(1)]), Some(vec![28, 28, 1]));
        assert_eq!(first(&[7], &[free]), Some(vec![7]));
        assert_eq!(first(&[1, 28, 28], &[three, free, free]), None);
        assert_eq!(first(&[7], &[free, free]), None);
        assert_eq!(fit(&[7], None), [[7]]);
        assert_eq!(fit(&[32, 40, 3], None), [[32, 40, 3], [40, 3, 32], [3, 32, 40]]);
    }
}
