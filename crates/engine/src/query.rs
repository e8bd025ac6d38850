//! The form in which a model is asked: preprocessing in front, logits behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use brinell_autodiff::{Crossing, Surrogates};
use brinell_graph::{DType, Dim, Graph, GraphError, Op, Tensor, ValueId};

use crate::{Artefact, BatchAxis, Held, OracleError, Preprocess, Signature, SignatureError, class_logits};

/// A graph from stored samples to logits.
#[derive(Debug, Clone)]
pub struct QueryGraph {
    /// The graph; the logits are its only output.
    pub graph: Graph,
    /// The stored sample `[B, ..sample]`.
    pub input: ValueId,
    /// The values of the task `[B, Z]`: logits, and behind them the room that the suspicion of a model leaves that refuses samples.
    pub logits: ValueId,
    /// Where the model takes whole numbers: the reals that are rounded, and the numbers made of them.
    pub crossing: Option<Crossing>,
    /// The model's input, and the end of the defence in front of it, where there is one.
    pub defence: Option<Crossing>,
    /// The steps in between.
    pub surrogates: Surrogates,
    /// What the constants of the model are called in the graph, by their names in the model.
    pub constants: BTreeMap<String, String>,
    /// The model's inputs and outputs.
    pub signature: Signature,
}

impl QueryGraph {
    /// Puts `preprocess` in front of a model of which `artefact` says what is attacked and what decides, `columns` in which column of the output each class stands
    /// where that is not its own, and whose other inputs are `held`.
    ///
    /// # Errors
    /// [`OracleError::Signature`] where the model is no classifier, [`OracleError::Graph`] where the preprocessing does not fit, [`OracleError::NoDefence`] where
    /// the value at which a defence is said to end does not stand between input and output.
    pub fn new(
        model: &Graph,
        artefact: &Artefact,
        columns: Option<&[usize]>,
        held: &Arc<Held>,
        preprocess: &Preprocess,
    ) -> Result<Self, OracleError> {
        let model = &held.bind(model)?;
        let signature = Signature::of(model, artefact).map_err(OracleError::Signature)?;
        let batch = signature.fixed_batch.map_or(Dim::Batch(1), Dim::Fixed);
        let mut graph = Graph::new("brinell");
        let shape = std::iter::once(batch).chain(preprocess.sample_shape().iter().map(|&n| Dim::Fixed(n))).collect();
        let input = graph.input("x", DType::F32, shape);
        let ready = preprocess.append(&mut graph, input, batch)?;
        let (ready, crossing) = typed(&mut graph, ready, signature.dtype)?;
        let mut bindings = held.append(&mut graph, &signature.held, batch);
        let ready = match signature.batch {
            BatchAxis::Leading => ready,
            BatchAxis::Absent => graph.add(Op::Squeeze { axes: vec![0] }, &[ready])?,
        };
        bindings.push((signature.input, ready));
        let values = graph.splice(model, &bindings)?;
        let end = artefact.defence_end.as_deref().map(|name| {
            let id = model.find(name).and_then(|id| values.get(&id).copied());
            id.map(|id| graph.value(id).name.clone()).ok_or_else(|| OracleError::NoDefence { value: name.to_owned() })
        });
        let ends = end.transpose()?.map(|end| (graph.value(ready).name.clone(), end));
        let named = |id: ValueId| Some((model.value(id).name.clone(), graph.value(*values.get(&id)?).name.clone()));
        let constants = model.constants().filter_map(|(id, _)| named(id)).collect();
        let logits = values.get(&signature.logits).copied().ok_or(OracleError::Signature(SignatureError::NoInput))?;
        let mut logits = class_logits(&mut graph, &signature, logits)?;
        if let Some(columns) = columns {
            let columns = columns.iter().map(|&column| i64::try_from(column).unwrap_or(0)).collect();
            let columns = graph.constant("columns", Tensor::ints(columns));
            logits = graph.add(Op::Gather { axis: 1 }, &[logits, columns])?;
        }
        if let Some(port) = &signature.gate {
            let suspicion = values.get(&port.value).copied().ok_or(OracleError::Signature(SignatureError::NoInput))?;
            logits = port.append(&mut graph, logits, suspicion, batch)?;
        }
        graph.set_outputs(vec![logits]);
        // What only other outputs need may not run everywhere.
        let graph = graph.dce();
        let (Some(&input), Some(&logits)) = (graph.inputs().first(), graph.outputs().first()) else {
            return Err(OracleError::Signature(SignatureError::NoInput));
        };
        let defence = match &ends {
            Some((start, end)) => Some(defence(&graph, start, end)?),
            None => None,
        };
        let surrogates = defence.map(|Crossing { real, whole }| Surrogates::between(&graph, real, whole)).unwrap_or_default();
        Ok(Self { graph, input, logits, crossing, defence, surrogates, constants, signature })
    }
}

/// Finds the two ends of a defence by their names.
fn defence(graph: &Graph, start: &str, end: &str) -> Result<Crossing, OracleError> {
    let missing = || OracleError::NoDefence { value: end.to_owned() };
    let (real, whole) = graph.find(start).zip(graph.find(end)).ok_or_else(missing)?;
    let mut after = std::collections::BTreeSet::from([real]);
    for node in graph.nodes() {
        if node.inputs.iter().flatten().any(|input| after.contains(input)) {
            after.extend(node.outputs.iter().flatten());
        }
    }
    if after.contains(&whole) { Ok(Crossing { real, whole }) } else { Err(missing()) }
}

/// Appends what makes real numbers those of the model's input.
fn typed(graph: &mut Graph, real: ValueId, dtype: DType) -> Result<(ValueId, Option<Crossing>), GraphError> {
    if dtype == DType::F32 {
        return Ok((real, None));
    }
    if dtype.is_float() {
        return Ok((graph.add(Op::Cast { to: dtype }, &[real])?, None));
    }
    let whole = graph.add(Op::Round, &[real])?;
    let whole = graph.add(Op::Cast { to: dtype }, &[whole])?;
    Ok((whole, Some(Crossing { real, whole })))
}
