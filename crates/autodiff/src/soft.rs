//! Which ReLUs are softened on the way back.

use brinell_graph::{Graph, ValueId};

use crate::Backward;
use crate::rules::can_soften;
use crate::vjp::{Softened, reaches};

/// Returns the outputs of the last share of the ReLUs that influence `values`, rounded up; none for 0.
pub(crate) fn softened(graph: &Graph, values: &[ValueId], backward: &Backward) -> Softened {
    let share = backward.soften;
    if share <= 0.0 {
        return Softened::new();
    }
    let counts = |output: &ValueId| values.iter().any(|value| reaches(graph, *output, *value, &backward.surrogates));
    let outputs: Vec<ValueId> = graph
        .nodes()
        .iter()
        .filter(|node| can_soften(&node.op))
        .filter_map(|node| node.outputs.first().copied().flatten())
        .filter(counts)
        .collect();
    let n = (share.min(1.0) * outputs.len() as f64).ceil() as usize;
    outputs.into_iter().rev().take(n).collect()
}
