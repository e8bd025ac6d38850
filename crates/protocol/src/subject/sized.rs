//! Models that leave open what the data tell: sizes of their input (images of any size, sequences of any length, tables of any number of columns), and
//! conditions and sizes that follow from inputs which are not attacked.

use std::path::Path;
use std::sync::Arc;

use brinell_engine::{Endpoint, Interface, OracleError, Signature, SignatureError};
use brinell_graph::{Dim, Graph, ValueId};
use brinell_onnx::{ClassLabels, Known, Model};

use super::hold::held_at;
use super::{Subject, known, model_behind, read_model, read_pinned};
use crate::data::{self, Dataset, LoadOptions};
use crate::{Plan, ProtocolError};

/// A model as it was read, or what was wrong with it.
type Loaded = Result<Subject, ProtocolError>;

impl Subject {
    /// Reads the model of a plan. Sizes that the file leaves free and the plan does not say are those of the plan's data; where only the other inputs
    /// tell what comes out, they are held at once.
    ///
    /// # Errors
    /// As [`Subject::load`] and [`Subject::hold`], and [`ProtocolError::Data`] where the data cannot be read.
    pub fn load_for(plan: &Plan) -> Result<Self, ProtocolError> {
        let (mut interface, mut sized_by_data) = (plan.interface.clone(), false);
        let mut loaded = Self::load(&plan.model, &interface);
        if interface.shape.is_none()
            && let Err(ProtocolError::Oracle(OracleError::Signature(SignatureError::Dynamic { .. }))) = loaded
            && let Some(sized) = Self::sized_by_data(plan)?
        {
            (interface, loaded) = sized;
            sized_by_data = true;
        }
        let mut subject = Self::or_with_values(loaded, &plan.model, &interface, |model, arrays| {
            DataFiles::of(plan).read(model, &interface, plan.limit, arrays)
        })?;
        subject.sized_by_data = sized_by_data;
        Ok(subject)
    }

    /// Reads the model of a plan with the sizes of its data, in the first order of them that it takes.
    ///
    /// # Errors
    /// [`ProtocolError::Sample`] where they do not fit its input, [`ProtocolError::Sized`] where they fit nothing behind that.
    fn sized_by_data(plan: &Plan) -> Result<Option<(Interface, Loaded)>, ProtocolError> {
        let mut refused = None;
        for found in sample_of_data(plan)? {
            let interface = Interface { shape: Some(found.clone()), ..plan.interface.clone() };
            match Self::load(&plan.model, &interface) {
                Err(error @ ProtocolError::Model { .. }) => refused = refused.or(Some((found, error))),
                loaded => return Ok(Some((interface, loaded))),
            }
        }
        refused.map_or(Ok(None), |(found, source)| Err(ProtocolError::Sized { found, source: Box::new(source) }))
    }

    /// As [`Subject::load`]; where only the other inputs tell what comes out, they are held at the arrays that `data` reads for the model.
    ///
    /// # Errors
    /// As [`Subject::load`] and [`Subject::hold`], and those of `data`.
    pub(crate) fn load_beside(
        path: &Path,
        interface: &Interface,
        data: impl FnOnce(&Model, Vec<String>) -> Result<Dataset, ProtocolError>,
    ) -> Result<Self, ProtocolError> {
        Self::or_with_values(Self::load(path, interface), path, interface, data)
    }

    /// Returns what was loaded, or the model with the other inputs held where that alone tells what comes out.
    fn or_with_values(
        loaded: Loaded,
        path: &Path,
        interface: &Interface,
        data: impl FnOnce(&Model, Vec<String>) -> Result<Dataset, ProtocolError>,
    ) -> Result<Self, ProtocolError> {
        match loaded {
            Err(ProtocolError::Oracle(OracleError::Signature(SignatureError::Output { .. }))) if !Endpoint::is_address(path) => {
                Self::with_values(path, interface, data)?.map_or(loaded, Ok)
            }
            loaded => loaded,
        }
    }

    /// Reads a model of which something could not be read, with the other inputs held; `None` where there is nothing to hold or to gain.
    fn with_values(
        path: &Path,
        interface: &Interface,
        data: impl FnOnce(&Model, Vec<String>) -> Result<Dataset, ProtocolError>,
    ) -> Result<Option<Self>, ProtocolError> {
        let model = read_pinned(path, &known(interface))?;
        let (ports, batch) = Signature::held_of(&model.graph, interface).map_err(OracleError::Signature)?;
        if ports.is_empty() {
            return Ok(None);
        }
        let data = data(&model, ports.iter().map(|port| port.name.clone()).collect())?;
        let held = held_at(&ports, batch, &data.arrays, data.n, &data.path)?;
        let mut model = read_pinned(path, &Known { values: held.constants(), ..known(interface) })?;
        model.graph = held.bind(&model.graph).map_err(OracleError::Graph)?;
        let Ok(signature) = Signature::of(&model.graph, interface) else { return Ok(None) };
        let mut subject = Self::of_file(path, interface, model, signature)?;
        subject.held = Arc::new(held);
        Ok(Some(subject))
    }
}

/// Returns the sizes of a sample of the data in the orders that the model's input may have, the likeliest first; at least one.
///
/// # Errors
/// [`ProtocolError::Sample`] where they do not fit it.
fn sample_of_data(plan: &Plan) -> Result<Vec<Vec<usize>>, ProtocolError> {
    let interface = &plan.interface;
    let model = match Endpoint::is_address(&plan.model) {
        true => model_behind(&Endpoint::connect(&plan.model.to_string_lossy())?, interface)?,
        false => read_model(&plan.model, &known(interface))?,
    };
    let input = attacked(&model.graph, interface.input.as_deref());
    let first = DataFiles::of(plan).read(&model, interface, Some(1), Vec::new())?;
    let shape = input.and_then(|input| model.graph.shape(input));
    let forms = fit(&first.shape, shape.and_then(|shape| shape.get(1..)));
    if forms.is_empty() {
        return Err(ProtocolError::Sample {
            found: first.shape,
            input: input.map_or_else(String::new, |input| model.graph.value(input).name.clone()),
            takes: shape.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        });
    }
    Ok(forms)
}

/// Where labelled samples lie.
pub(crate) struct DataFiles<'a> {
    /// The samples.
    pub(crate) path: &'a Path,
    /// Their labels, as the user says.
    pub(crate) labels: Option<&'a str>,
    /// Names of the classes.
    pub(crate) classes: Option<&'a Path>,
}

impl<'a> DataFiles<'a> {
    fn of(plan: &'a Plan) -> Self {
        Self { path: &plan.data, labels: plan.labels.as_deref(), classes: plan.classes.as_deref() }
    }

    /// Reads samples for a model whose signature is not known yet; images are not resized.
    ///
    /// # Errors
    /// [`ProtocolError::Data`].
    pub(crate) fn read(
        &self,
        model: &Model,
        interface: &Interface,
        limit: Option<usize>,
        arrays: Vec<String>,
    ) -> Result<Dataset, ProtocolError> {
        let input = attacked(&model.graph, interface.input.as_deref());
        let given = self.classes.map(data::class_names).transpose()?;
        let options = LoadOptions {
            labels: self.labels.map(Into::into),
            only_names: given.is_none() && matches!(model.class_labels, Some(ClassLabels::Ints(_))),
            class_names: given.or_else(|| model.class_labels.as_ref().map(ClassLabels::names)),
            limit,
            image_size: None,
            channels: input.and_then(|id| model.graph.shape(id)?.get(1..)).and_then(channels),
            input: input.map(|id| model.graph.value(id).name.clone()),
            arrays,
            // Whether the model handles what is missing is asked when it is known.
            missing: true,
            ..LoadOptions::default()
        };
        Ok(data::load(self.path, &options)?)
    }
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
