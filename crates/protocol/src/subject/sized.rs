//! Models that leave open what the data tell: sizes of their input (images of any size, sequences of any length, tables of any number of columns), and
//! conditions and sizes that follow from inputs which are not attacked.

use std::sync::Arc;

use brinell_engine::{Interface, OracleError, Signature, SignatureError};
use brinell_graph::{Dim, Graph, ValueId};
use brinell_onnx::{ClassLabels, Known, Model};

use super::hold::held_at;
use super::{Subject, known, read_model, read_pinned};
use crate::data::{self, Dataset, LoadOptions};
use crate::{Plan, ProtocolError};

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
            && let Some(shape) = sample_of_data(plan)?
        {
            (interface, sized_by_data) = (Interface { shape: Some(shape), ..interface }, true);
            loaded = Self::load(&plan.model, &interface);
        }
        if let Err(ProtocolError::Oracle(OracleError::Signature(SignatureError::Output { .. }))) = loaded
            && let Some(subject) = Self::load_with_values(plan, &interface)?
        {
            loaded = Ok(subject);
        }
        let mut subject = loaded?;
        subject.sized_by_data = sized_by_data;
        Ok(subject)
    }

    /// Reads a model of which something could not be read, with the other inputs held; `None` where there is nothing to hold or to gain.
    fn load_with_values(plan: &Plan, interface: &Interface) -> Result<Option<Self>, ProtocolError> {
        let model = read_pinned(&plan.model, &known(interface))?;
        let (ports, batch) = Signature::held_of(&model.graph, interface).map_err(OracleError::Signature)?;
        if ports.is_empty() {
            return Ok(None);
        }
        let data = read(plan, &model, interface, plan.limit, ports.iter().map(|port| port.name.clone()).collect())?;
        let held = held_at(&ports, batch, &data)?;
        let mut model = read_pinned(&plan.model, &Known { values: held.constants(), ..known(interface) })?;
        model.graph = held.bind(&model.graph).map_err(OracleError::Graph)?;
        let Ok(signature) = Signature::of(&model.graph, interface) else { return Ok(None) };
        let mut subject = Self::of_file(&plan.model, interface, model, signature)?;
        subject.held = Arc::new(held);
        Ok(Some(subject))
    }
}

/// Returns the sizes of a sample of the data in the order that the model's input has; `None` where they do not fit it.
fn sample_of_data(plan: &Plan) -> Result<Option<Vec<usize>>, ProtocolError> {
    let model = read_model(&plan.model, &known(&plan.interface))?;
    let Some(input) = attacked(&model.graph, plan.interface.input.as_deref()) else { return Ok(None) };
    let first = read(plan, &model, &plan.interface, Some(1), Vec::new())?;
    Ok(fit(&first.shape, model.graph.shape(input).and_then(|shape| shape.get(1..))))
}

/// Reads samples for a model whose signature is not known yet; images are not resized.
fn read(plan: &Plan, model: &Model, interface: &Interface, limit: Option<usize>, arrays: Vec<String>) -> Result<Dataset, ProtocolError> {
    let input = attacked(&model.graph, interface.input.as_deref());
    let given = plan.classes.as_deref().map(data::class_names).transpose()?;
    let options = LoadOptions {
        labels: plan.labels.clone().map(Into::into),
        only_names: given.is_none() && matches!(model.class_labels, Some(ClassLabels::Ints(_))),
        class_names: given.or_else(|| model.class_labels.as_ref().map(ClassLabels::names)),
        limit,
        image_size: None,
        channels: input.and_then(|id| model.graph.shape(id)?.get(1..)).and_then(channels),
        input: input.map(|id| model.graph.value(id).name.clone()),
        arrays,
    };
    Ok(data::load(&plan.data, &options)?)
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

/// Returns the sizes of a stored sample as the model's input has them: as they are, with the channels at the other end, or with one channel.
fn fit(stored: &[usize], declared: Option<&[Dim]>) -> Option<Vec<usize>> {
    let Some(declared) = declared else { return Some(stored.to_vec()) };
    let forms = match *stored {
        [a, b, c] => vec![vec![a, b, c], vec![b, c, a], vec![c, a, b]],
        [h, w] => vec![vec![h, w], vec![1, h, w], vec![h, w, 1]],
        _ => vec![stored.to_vec()],
    };
    let fits = |form: &Vec<usize>| {
        form.len() == declared.len() && form.iter().zip(declared).all(|(size, dim)| dim.fixed().is_none_or(|fixed| fixed == *size))
    };
    forms.into_iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_fit_the_order_that_the_model_has() {
        let (free, three) = (Dim::Unknown, Dim::Fixed(3));
        assert_eq!(fit(&[3, 32, 40], Some(&[three, free, free])), Some(vec![3, 32, 40]));
        assert_eq!(fit(&[3, 32, 40], Some(&[free, free, three])), Some(vec![32, 40, 3]));
        assert_eq!(fit(&[32, 40, 3], Some(&[three, free, free])), Some(vec![3, 32, 40]));
        assert_eq!(fit(&[28, 28], Some(&[Dim::Fixed(1), free, free])), Some(vec![1, 28, 28]));
        assert_eq!(fit(&[28, 28], Some(&[free, free, Dim::Fixed(1)])), Some(vec![28, 28, 1]));
        assert_eq!(fit(&[7], Some(&[free])), Some(vec![7]));
        assert_eq!(fit(&[7], None), Some(vec![7]));
        assert_eq!(fit(&[1, 28, 28], Some(&[three, free, free])), None);
        assert_eq!(fit(&[7], Some(&[free, free])), None);
    }
}
