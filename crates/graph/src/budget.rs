//! How much a model may ask for, whoever runs it: a file of a few hundred bytes can name sizes that no machine has, and software that runs models takes them
//! at their word.

use std::collections::HashMap;

use crate::infer::show;
use crate::{Dim, Graph, Node, Op, ValueId};

/// Numbers of one sample that an input may have; a picture of 4000 by 5000 points has 60 million.
const INPUT: u64 = 1 << 26;
/// Numbers for one sample that a value may have: 1 GiB in single precision.
const VALUE: u64 = 1 << 28;
/// Numbers for one sample that may be needed at the same time: 4 GiB in single precision.
const LIVE: u64 = 1 << 30;
/// Numbers for one sample that all nodes together may make.
const TOTAL: u64 = 1 << 35;
/// Nodes of a model: software that runs models plans longer graphs for minutes.
const NODES: u64 = 50_000;

/// What a model asks for while it runs, in numbers for one sample, constants left out. Sizes that are known at run time only count as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Needed at the same time at most, where nodes run in their order and what is not needed any more is given back.
    pub live: u64,
    /// Made by all nodes together.
    pub total: u64,
}

/// A model asks for more than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject} would have {found} {what}; the limit is {limit}")]
#[non_exhaustive]
pub struct Excess {
    /// The input, value or model, with its node where there is one.
    pub subject: String,
    /// What is counted.
    pub what: &'static str,
    /// How many there are; the largest number where they cannot be counted.
    pub found: u64,
    /// How many are allowed.
    pub limit: u64,
}

/// Numbers in a value for one sample.
fn numbers(shape: Option<&[Dim]>) -> u64 {
    let size = |d: &Dim| d.at_batch(1).map_or(1, |n| u64::try_from(n).unwrap_or(u64::MAX));
    shape.unwrap_or_default().iter().map(size).fold(1, u64::saturating_mul)
}

/// Adds up what a model asks for, and refuses what no model that is meant to run asks for.
///
/// # Errors
/// [`Excess`], which names the first input or node.
pub fn budget(graph: &Graph) -> Result<Footprint, Excess> {
    let nodes = graph.nodes().len() as u64;
    if nodes > NODES {
        return Err(Excess { subject: "the model".to_owned(), what: "nodes", found: nodes, limit: NODES });
    }
    for &id in graph.inputs() {
        let found = numbers(graph.shape(id));
        if found > INPUT {
            let subject = format!("input `{}` of shape {}", graph.value(id).name, show(graph.shape(id).unwrap_or_default()));
            return Err(Excess { subject, what: "numbers", found, limit: INPUT });
        }
    }
    let footprint = walk(graph, &mut |node, id, held| {
        let found = id.map_or(0, |id| numbers(graph.shape(id)));
        if let Some(id) = id.filter(|_| found > VALUE) {
            let op = if let Op::Opaque(opaque) = &node.op { &opaque.op_type } else { node.op.name() };
            let subject = format!("node `{}` ({op}): its result {}", node.name, show(graph.shape(id).unwrap_or_default()));
            return Err(Excess { subject, what: "numbers", found, limit: VALUE });
        }
        if held > LIVE {
            let subject = format!("node `{}` ({}): including it, the model", node.name, node.op.name());
            return Err(Excess { subject, what: "numbers in memory", found: held, limit: LIVE });
        }
        Ok(())
    })?;
    if footprint.total > TOTAL {
        return Err(Excess { subject: "the model".to_owned(), what: "numbers to compute", found: footprint.total, limit: TOTAL });
    }
    Ok(footprint)
}

/// Adds up what a graph of any origin asks for.
#[must_use]
pub fn footprint(graph: &Graph) -> Footprint {
    walk(graph, &mut |_, _, _| Ok(())).unwrap_or_default()
}

/// What is asked about each result of a node and about what is held with it.
type Check<'c> = dyn FnMut(&Node, Option<ValueId>, u64) -> Result<(), Excess> + 'c;

/// Adds up what a graph asks for; `check` sees each result of a node, and then, without one, the numbers that are held with it.
fn walk(graph: &Graph, check: &mut Check<'_>) -> Result<Footprint, Excess> {
    let mut last: HashMap<ValueId, usize> = HashMap::new();
    for (i, node) in graph.nodes().iter().enumerate() {
        last.extend(node.inputs.iter().chain(&node.outputs).flatten().map(|&id| (id, i)));
    }
    last.extend(graph.outputs().iter().map(|&id| (id, usize::MAX)));
    let mut held: u64 = graph.inputs().iter().map(|&id| numbers(graph.shape(id))).fold(0, u64::saturating_add);
    let mut footprint = Footprint { live: held, total: 0 };
    for (i, node) in graph.nodes().iter().enumerate() {
        for &id in node.outputs.iter().flatten() {
            let found = numbers(graph.shape(id));
            check(node, Some(id), 0)?;
            held = held.saturating_add(found);
            footprint.total = footprint.total.saturating_add(found);
        }
        footprint.live = footprint.live.max(held);
        check(node, None, held)?;
        let mut done: Vec<ValueId> = node.inputs.iter().chain(&node.outputs).flatten().copied().collect();
        done.sort_unstable();
        done.dedup();
        for id in done {
            if last.get(&id) == Some(&i) && graph.constant_of(id).is_none() {
                held = held.saturating_sub(numbers(graph.shape(id)));
            }
        }
    }
    Ok(footprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn with_input(shape: &[Dim]) -> (Graph, ValueId) {
        let mut graph = Graph::new("g");
        let x = graph.input("x", DType::F32, shape.to_vec());
        (graph, x)
    }

    fn expanded(sizes: &[usize]) -> Result<Footprint, Excess> {
        let (mut graph, x) = with_input(&[Dim::Batch(1), Dim::Fixed(1)]);
        let shape = sizes.iter().map(|&n| Dim::Fixed(n)).chain([Dim::Batch(1), Dim::Fixed(1)]).collect();
        let outputs = graph.push("big", Op::Expand { shape }, vec![Some(x)], &[Some("big")]).unwrap();
        graph.set_outputs(outputs.into_iter().flatten().collect());
        budget(&graph)
    }

    #[test]
    fn a_size_that_the_file_names_is_refused_with_its_node() {
        assert!(expanded(&[1 << 28]).is_ok());
        let error = expanded(&[1 << 28, 2]).unwrap_err();
        let text = "node `big` (Expand): its result [268435456, 2, B, 1] would have 536870912 numbers; the limit is 268435456";
        assert_eq!(error.to_string(), text);
        assert_eq!(expanded(&[usize::MAX, usize::MAX]).unwrap_err().found, u64::MAX);
    }

    #[test]
    fn more_nodes_than_runtimes_plan_are_refused() {
        let chain = |nodes: usize| {
            let (mut graph, mut last) = with_input(&[Dim::Batch(1), Dim::Fixed(1)]);
            for node in 0..nodes {
                let outputs = graph.push(&format!("n{node}"), Op::Relu, vec![Some(last)], &[Some("y")]).unwrap();
                last = outputs[0].unwrap();
            }
            budget(&graph).map_err(|error| error.to_string())
        };
        assert!(chain(1000).is_ok());
        assert_eq!(chain(50_001), Err("the model would have 50001 nodes; the limit is 50000".to_owned()));
    }

    #[test]
    fn a_batch_of_billions_is_refused() {
        let (graph, _) = with_input(&[Dim::Fixed(1 << 31), Dim::Fixed(4)]);
        assert!(budget(&graph).unwrap_err().to_string().starts_with("input `x` of shape [2147483648, 4] would have 8589934592 numbers"));
    }

    #[test]
    fn what_is_not_needed_any_more_does_not_count() {
        let (mut graph, x) = with_input(&[Dim::Batch(1), Dim::Fixed(100)]);
        let mut y = x;
        for _ in 0..50 {
            y = graph.add(Op::Relu, &[y]).unwrap();
        }
        graph.output(y);
        assert_eq!(budget(&graph), Ok(Footprint { live: 200, total: 5000 }));
    }

    #[test]
    fn many_large_values_at_once_are_refused() {
        let (mut graph, x) = with_input(&[Dim::Batch(1), Dim::Fixed(1)]);
        let shape = vec![Dim::Fixed(1 << 27), Dim::Batch(1), Dim::Fixed(1)];
        let parts: Vec<ValueId> = (0..9).map(|_| graph.add(Op::Expand { shape: shape.clone() }, &[x]).unwrap()).collect();
        let sum = graph.add(Op::Sum, &parts).unwrap();
        graph.output(sum);
        let error = budget(&graph).unwrap_err();
        assert_eq!((error.what, error.limit), ("numbers in memory", LIVE));
    }
}
