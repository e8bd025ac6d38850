//! The walk from outputs to inputs.

use std::collections::{HashMap, HashSet};

use brinell_graph::{Graph, Node, Op, ValueId};

use crate::ctx::{Ctx, RuleError, Scalars};
use crate::{AutodiffError, BlockedNode, rules};

/// Appends the vector-Jacobian product to `graph` and returns one gradient for each value of `wrt`.
///
/// `outputs` pairs values with their cotangents; `wrt` may hold inputs, constants and intermediate values. A value
/// that does not influence the outputs has a gradient of zeros. On an error the graph is left as it was.
///
/// # Shapes
/// A cotangent has the shape of its value, a gradient that of the value in `wrt`.
///
/// # Errors
/// [`AutodiffError::NotDifferentiable`] lists every node on the way that has no gradient here;
/// [`AutodiffError::NotFloat`] where a value of `wrt` holds integers.
pub fn vjp(graph: &mut Graph, outputs: &[(ValueId, ValueId)], wrt: &[ValueId]) -> Result<Vec<ValueId>, AutodiffError> {
    for &value in wrt {
        if let Some(dtype) = graph.value(value).dtype.filter(|dtype| !dtype.is_float()) {
            return Err(AutodiffError::NotFloat { value: graph.value(value).name.clone(), dtype });
        }
    }
    let mut work = graph.clone();
    let mut walk = Walk { graph: &mut work, cotangents: HashMap::new(), scalars: Scalars::new(), blocked: Vec::new(), unknown: Vec::new() };
    for &(value, cotangent) in outputs {
        walk.cotangents.entry(value).or_default().push(cotangent);
    }
    walk.run(wrt)?;
    let gradients = wrt.iter().map(|&value| walk.gradient(value)).collect::<Result<Vec<_>, _>>()?;
    *graph = work;
    Ok(gradients)
}

/// Returns true where `value` influences `output` through differentiable operators.
pub(crate) fn reaches(graph: &Graph, value: ValueId, output: ValueId) -> bool {
    dependents(graph, &[value]).contains(&output)
}

struct Walk<'g> {
    graph: &'g mut Graph,
    cotangents: HashMap<ValueId, Vec<ValueId>>,
    scalars: Scalars,
    blocked: Vec<BlockedNode>,
    unknown: Vec<BlockedNode>,
}

impl Walk<'_> {
    fn run(&mut self, wrt: &[ValueId]) -> Result<(), AutodiffError> {
        let dependents = dependents(self.graph, wrt);
        let nodes: Vec<Node> = self.graph.nodes().to_vec();
        for node in nodes.iter().rev() {
            let wanted: Vec<bool> = node.inputs.iter().map(|input| input.is_some_and(|id| dependents.contains(&id))).collect();
            let reached = node.outputs.iter().flatten().any(|id| dependents.contains(id) && self.cotangents.contains_key(id));
            if reached && wanted.contains(&true) {
                self.node(node, &wanted)?;
            }
        }
        let blocked = if self.blocked.is_empty() { &mut self.unknown } else { &mut self.blocked };
        if blocked.is_empty() { Ok(()) } else { Err(AutodiffError::NotDifferentiable { nodes: std::mem::take(blocked) }) }
    }

    fn node(&mut self, node: &Node, wanted: &[bool]) -> Result<(), AutodiffError> {
        let mut cotangents = Vec::with_capacity(node.outputs.len());
        for output in &node.outputs {
            cotangents.push(output.map(|id| self.accumulated(id)).transpose()?.flatten());
        }
        let mut ctx = Ctx { graph: self.graph, node, cotangents: &cotangents, wanted, scalars: &mut self.scalars };
        let blocked = |reason| BlockedNode { node: node.name.clone(), op: node.op.name().to_owned(), reason };
        let gradients = match rules::apply(&mut ctx) {
            Ok(gradients) => gradients,
            Err(RuleError::Graph(error)) if self.blocked.is_empty() && self.unknown.is_empty() => return Err(error.into()),
            Err(error) => {
                match error {
                    RuleError::Unsupported(reason) => self.blocked.push(blocked(reason)),
                    RuleError::Unknown(reason) => self.unknown.push(blocked(reason)),
                    RuleError::Graph(_) => {}
                }
                // The walk goes on with stand-ins of the right shape, so that one error names every such node.
                node.inputs.clone()
            }
        };
        for ((input, gradient), &wanted) in node.inputs.iter().zip(gradients).zip(wanted) {
            if let (Some(input), Some(gradient), true) = (*input, gradient, wanted) {
                self.cotangents.entry(input).or_default().push(gradient);
            }
        }
        Ok(())
    }

    /// Returns the sum of the cotangents that have arrived at a value.
    fn accumulated(&mut self, value: ValueId) -> Result<Option<ValueId>, AutodiffError> {
        let Some(parts) = self.cotangents.get(&value).cloned() else { return Ok(None) };
        let mut parts = parts.into_iter();
        let Some(mut total) = parts.next() else { return Ok(None) };
        for part in parts {
            total = self.graph.add(Op::Add, &[total, part])?;
        }
        self.cotangents.insert(value, vec![total]);
        Ok(Some(total))
    }

    fn gradient(&mut self, value: ValueId) -> Result<ValueId, AutodiffError> {
        match self.accumulated(value)? {
            Some(gradient) => Ok(gradient),
            None => Ok(self.graph.add(Op::Clip { lo: Some(0.0), hi: Some(0.0) }, &[value])?),
        }
    }
}

/// Returns `roots` and every value of floating point that is computed from them by operators that carry a gradient.
fn dependents(graph: &Graph, roots: &[ValueId]) -> HashSet<ValueId> {
    let mut found: HashSet<ValueId> = roots.iter().copied().collect();
    for node in graph.nodes() {
        if rules::is_flat(&node.op) || !node.inputs.iter().flatten().any(|id| found.contains(id)) {
            continue;
        }
        let float = |id: &&ValueId| graph.value(**id).dtype.is_none_or(brinell_graph::DType::is_float);
        found.extend(node.outputs.iter().flatten().filter(float));
    }
    found
}
