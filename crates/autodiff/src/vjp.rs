//! The walk from outputs to inputs.

use std::collections::{HashMap, HashSet};

use brinell_graph::{DType, Graph, Node, Op, Quant, ValueId};

use crate::ctx::{Ctx, RuleError, Scalars};
use crate::view::Views;
use crate::{AutodiffError, BlockedNode, Surrogates, rules};

/// Appends the vector-Jacobian product to `graph` and returns one gradient for each value of `wrt`.
///
/// `outputs` pairs values with their cotangents; `wrt` may hold inputs, constants and intermediate values. A value
/// that does not influence the outputs has a gradient of zeros. On an error the graph is left as it was.
///
/// # Shapes
/// A cotangent has the shape of its value, a gradient that of the value in `wrt`. Both are f32 where the value holds halves,
/// else of its type.
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
    pullback(graph, outputs, wrt, &Detours::default())
}

/// Outputs of the ReLUs whose backward pass is softer than their derivative.
pub(crate) type Softened = HashSet<ValueId>;

/// Nodes whose backward pass is not their derivative.
#[derive(Clone, Copy)]
pub(crate) struct Detours<'a> {
    pub(crate) softened: &'a Softened,
    pub(crate) surrogates: &'a Surrogates,
}

impl Default for Detours<'_> {
    fn default() -> Self {
        static NONE: std::sync::LazyLock<(Softened, Surrogates)> = std::sync::LazyLock::new(Default::default);
        Self { softened: &NONE.0, surrogates: &NONE.1 }
    }
}

/// As [`vjp`], with whole numbers in `wrt` taken for the reals that they stand for, and with detours.
pub(crate) fn pullback(
    graph: &mut Graph,
    outputs: &[(ValueId, ValueId)],
    wrt: &[ValueId],
    detours: &Detours<'_>,
) -> Result<Vec<ValueId>, AutodiffError> {
    let mut work = graph.clone();
    let dependents = dependents(&work, wrt, detours.surrogates);
    let views = Views::new(&work, &dependents);
    let mut walk = Walk {
        graph: &mut work,
        dependents,
        cotangents: HashMap::new(),
        detours: *detours,
        scalars: Scalars::new(),
        views,
        blocked: Vec::new(),
        unknown: Vec::new(),
    };
    for &(value, cotangent) in outputs {
        walk.cotangents.entry(value).or_default().push(cotangent);
    }
    walk.run()?;
    let gradients = wrt.iter().map(|&value| walk.gradient(value)).collect::<Result<Vec<_>, _>>()?;
    *graph = work;
    Ok(gradients)
}

/// Returns true where `value` influences `output` through differentiable operators.
pub(crate) fn reaches(graph: &Graph, value: ValueId, output: ValueId, surrogates: &Surrogates) -> bool {
    dependents(graph, &[value], surrogates).contains(&output)
}

struct Walk<'g> {
    graph: &'g mut Graph,
    /// Values through which a gradient goes.
    dependents: HashSet<ValueId>,
    cotangents: HashMap<ValueId, Vec<ValueId>>,
    detours: Detours<'g>,
    scalars: Scalars,
    views: Views,
    blocked: Vec<BlockedNode>,
    unknown: Vec<BlockedNode>,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), AutodiffError> {
        let nodes: Vec<Node> = self.graph.nodes().to_vec();
        for node in nodes.iter().rev() {
            let wanted: Vec<bool> = node.inputs.iter().map(|input| input.is_some_and(|id| self.dependents.contains(&id))).collect();
            let reached = node.outputs.iter().flatten().any(|id| self.dependents.contains(id) && self.cotangents.contains_key(id));
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
        let (scalars, views) = (&mut self.scalars, &mut self.views);
        let mut ctx = Ctx { graph: self.graph, node, cotangents: &cotangents, wanted, scalars, views };
        let blocked = |reason| BlockedNode { node: node.name.clone(), op: node.op.name().to_owned(), reason };
        let has = |taken: &dyn Fn(&ValueId) -> bool| node.outputs.iter().flatten().any(taken);
        let soft = has(&|output| self.detours.softened.contains(output));
        let straight = has(&|output| self.detours.surrogates.contains(*output));
        let rule = if straight {
            rules::straight
        } else if soft {
            rules::soften
        } else {
            rules::apply
        };
        let gradients = match rule(&mut ctx) {
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
            None => {
                let own = matches!(self.graph.value(value).dtype, None | Some(DType::F32 | DType::F64));
                let value = if !own { self.graph.add(Op::Cast { to: DType::F32 }, &[value])? } else { value };
                Ok(self.graph.add(Op::Clip { lo: Some(0.0), hi: Some(0.0) }, &[value])?)
            }
        }
    }
}

/// Returns `roots` and every value that is computed from them by operators that carry a gradient: of floating point, and
/// integers that are quantised or computed from quantised ones.
fn dependents(graph: &Graph, roots: &[ValueId], surrogates: &Surrogates) -> HashSet<ValueId> {
    let mut found: HashSet<ValueId> = roots.iter().copied().collect();
    for node in graph.nodes() {
        let mut operands = node.inputs.iter().flatten().filter(|id| found.contains(id)).peekable();
        let straight = node.outputs.iter().flatten().any(|output| surrogates.contains(*output));
        if (rules::is_flat(&node.op) && !straight) || operands.peek().is_none() {
            continue;
        }
        let is_float = |id: &ValueId| graph.value(*id).dtype.is_none_or(DType::is_float);
        let quantises = matches!(node.op, Op::Quant(_)) || operands.any(|id| !is_float(id));
        // Scale and zero of a dynamic quantisation count as constants.
        let carrying = if matches!(node.op, Op::Quant(Quant::DynamicQuantizeLinear)) { 1 } else { node.outputs.len() };
        found.extend(node.outputs.iter().take(carrying).flatten().filter(|id| quantises || is_float(id)));
    }
    found
}
