use std::collections::HashMap;

use brinell_graph::{DType, Dim, Graph, GraphError, Op, ValueId};

use crate::soft::softened;
use crate::vjp::{Detours, Softened, pullback, reaches};
use crate::{AutodiffError, Backward, Crossing, Loss, head};

/// Names of the outputs, in order.
const OUTPUTS: [&str; 3] = ["logits", "loss", "gradient"];

/// Returns the graph that computes logits, loss and the loss's gradient with respect to `input`.
///
/// Its inputs are those of `graph`, then `label_one_hot`, then for a targeted loss `target_one_hot`; its outputs are
/// `logits`, `loss` and `gradient`, in this order. Nodes that these do not need are left out.
///
/// # Shapes
/// `logits` and the one-hot inputs `[B, K]`, `loss` `[B]`, `gradient` as `input`. Where `input` holds whole numbers or halves, `gradient` is f32;
/// that with respect to whole numbers is the one that they would have if they were real.
///
/// # Errors
/// [`AutodiffError::NotDifferentiable`] with every node that stands in the way, [`AutodiffError::NoPath`],
/// [`AutodiffError::LogitsShape`], [`AutodiffError::TooFewClasses`].
pub fn gradient_graph(graph: &Graph, logits: ValueId, input: ValueId, loss: Loss) -> Result<Graph, AutodiffError> {
    gradient_graph_with(graph, logits, input, loss, &Backward::default())
}

/// As [`gradient_graph`], where `input` influences the logits through a rounding only, which the gradient passes unchanged.
///
/// # Errors
/// As [`gradient_graph`].
///
/// # Source
/// Athalye, Carlini & Wagner, "Obfuscated gradients give a false sense of security", ICML 2018, section 4.1: backward pass differentiable
/// approximation, with the identity in place of the rounding.
pub fn gradient_graph_across(
    graph: &Graph,
    logits: ValueId,
    input: ValueId,
    crossing: Crossing,
    loss: Loss,
) -> Result<Graph, AutodiffError> {
    gradient_graph_with(graph, logits, input, loss, &Backward { crossing: Some(crossing), ..Backward::default() })
}

/// As [`gradient_graph`], with a gradient that is taken as `backward` says.
///
/// # Errors
/// As [`gradient_graph`].
pub fn gradient_graph_with(
    graph: &Graph,
    logits: ValueId,
    input: ValueId,
    loss: Loss,
    backward: &Backward,
) -> Result<Graph, AutodiffError> {
    let mut work = graph.clone();
    let shape = match graph.shape(logits) {
        Some(shape @ [_, Dim::Fixed(_)]) => shape.to_vec(),
        _ => Vec::new(),
    };
    let label = work.input("label_one_hot", DType::F32, shape.clone());
    let target = loss.is_targeted().then(|| work.input("target_one_hot", DType::F32, shape));
    // The path is looked at before the head, so that an unknown operator is named as such and not as an odd shape.
    let from = entrance(graph, &[logits], input, backward)?;
    if graph.shape(logits).is_none() {
        pullback(&mut work.clone(), &[(logits, logits)], &[from], &Detours { surrogates: &backward.surrogates, ..Detours::default() })?;
    }
    let (value, slope) = head::build(loss, &mut work, logits, label, target, true)?;
    let slope = slope.unwrap_or(value);
    let gradient = pull_back(&mut work, &[(logits, slope)], input, backward, &softened(graph, &[logits], backward))?;
    Ok(with_outputs(&work, &[logits, value, gradient], &OUTPUTS, loss.feeds())?)
}

/// Returns the value at which a gradient leaves what follows the input, or the rounding of it.
///
/// # Errors
/// [`AutodiffError::NoPath`] where no value depends on the input.
pub(crate) fn entrance(graph: &Graph, values: &[ValueId], input: ValueId, backward: &Backward) -> Result<ValueId, AutodiffError> {
    let (crossing, surrogates) = (backward.crossing, &backward.surrogates);
    let from = crossing.map_or(input, |crossing| crossing.whole);
    let none = !values.iter().any(|&value| reaches(graph, from, value, surrogates));
    if none || crossing.is_some_and(|crossing| !reaches(graph, input, crossing.real, surrogates)) {
        return Err(AutodiffError::NoPath { value: graph.value(input).name.clone() });
    }
    Ok(from)
}

/// Appends the gradient by `input`, given the cotangents of some values, and returns it.
pub(crate) fn pull_back(
    graph: &mut Graph,
    seeds: &[(ValueId, ValueId)],
    input: ValueId,
    backward: &Backward,
    softened: &Softened,
) -> Result<ValueId, AutodiffError> {
    let detours = Detours { softened, surrogates: &backward.surrogates };
    let from = backward.crossing.map_or(input, |crossing| crossing.whole);
    let gradient = pullback(graph, seeds, &[from], &detours)?.first().copied().unwrap_or(from);
    match backward.crossing {
        Some(Crossing { real, .. }) => Ok(pullback(graph, &[(real, gradient)], &[input], &detours)?.first().copied().unwrap_or(gradient)),
        None => Ok(gradient),
    }
}

/// Returns the graph with exactly these outputs, under these names, and without the nodes they do not need. Its last inputs are called `fed`, whatever a value of
/// the model is called.
pub(crate) fn with_outputs(graph: &Graph, outputs: &[ValueId], called: &[&str], fed: &[&str]) -> Result<Graph, GraphError> {
    let mut pruned = graph.clone();
    pruned.set_outputs(outputs.to_vec());
    let pruned = pruned.dce();
    let mut result = Graph::new(pruned.name.clone());
    result.domains = pruned.domains.clone();
    let names: HashMap<ValueId, &str> = pruned.outputs().iter().copied().zip(called.iter().copied()).collect();
    let name = |id: ValueId| match names.get(&id) {
        Some(name) => (*name).to_owned(),
        None if called.iter().chain(fed).any(|taken| *taken == pruned.value(id).name) => format!("{}_inner", pruned.value(id).name),
        None => pruned.value(id).name.clone(),
    };
    let mut map: HashMap<ValueId, ValueId> = HashMap::new();
    let own = pruned.inputs().len().saturating_sub(fed.len());
    for (place, &id) in pruned.inputs().iter().enumerate() {
        let value = pruned.value(id);
        let name = place.checked_sub(own).and_then(|place| fed.get(place)).map_or(value.name.as_str(), |name| *name);
        map.insert(id, result.input_of(name, value.dtype, value.shape.clone()));
    }
    for (id, tensor) in pruned.constants() {
        let copy = result.constant(&name(id), std::sync::Arc::clone(tensor));
        map.insert(id, copy);
    }
    for node in pruned.nodes() {
        let inputs = node.inputs.iter().map(|input| input.and_then(|id| map.get(&id).copied())).collect();
        let wanted: Vec<Option<String>> = node.outputs.iter().map(|output| output.map(name)).collect();
        let wanted: Vec<Option<&str>> = wanted.iter().map(Option::as_deref).collect();
        let made = result.push(&node.name, node.op.clone(), inputs, &wanted)?;
        map.extend(node.outputs.iter().zip(made).filter_map(|(old, new)| Some(((*old)?, new?))));
    }
    let mut seen = Vec::with_capacity(called.len());
    for (old, wanted) in pruned.outputs().iter().zip(called.iter().copied()) {
        let Some(&id) = map.get(old) else { continue };
        // A value that is an input, or an output already, is handed on under its own name.
        let own = if result.inputs().contains(&id) || result.constant_of(id).is_some() || seen.contains(&id) {
            result.push(wanted, Op::Identity, vec![Some(id)], &[Some(wanted)])?.into_iter().flatten().next().unwrap_or(id)
        } else {
            id
        };
        seen.push(own);
    }
    result.set_outputs(seen);
    Ok(result)
}
