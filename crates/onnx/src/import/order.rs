//! Nodes in an order in which each stands behind what it needs.
//!
//! ONNX asks for such an order, but onnxruntime loads files without one, and its own converter to half precision writes them. Nodes that stand right
//! keep their order: a node is moved only forwards, to just before the first one that needs it.

use std::collections::HashMap;

use prost::Message;

use crate::proto::{AttributeProto, NodeProto};

/// Nodes that are named where several wait for each other.
const NAMED: usize = 8;

/// Why there is no such order.
pub(super) enum Disorder {
    /// These nodes wait for each other.
    Cycle(Vec<String>),
    /// The node at this position cannot be looked into.
    Broken(usize, String),
}

impl Disorder {
    /// Says it in words.
    pub(super) fn problem(&self) -> String {
        match self {
            Self::Cycle(nodes) => format!("the nodes {} form a cycle: each needs the results of another", listed(nodes)),
            Self::Broken(_, problem) => problem.clone(),
        }
    }
}

/// Names the nodes of a cycle, the first ones where they are many.
pub(crate) fn listed(nodes: &[String]) -> String {
    let named = nodes.iter().take(NAMED).map(|node| format!("`{node}`")).collect::<Vec<_>>().join(", ");
    match nodes.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Returns the positions of the nodes in an order in which each stands behind what it needs. Names that `is_outside` knows are not waited for.
pub(super) fn sorted(nodes: &[&NodeProto], is_outside: impl Fn(&str) -> bool) -> Result<Vec<usize>, Disorder> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            makers.entry(output).or_insert(i);
        }
    }
    let mut needs: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    let mut in_order = true;
    for (i, node) in nodes.iter().enumerate() {
        let inner = inner_names(node).map_err(|problem| Disorder::Broken(i, problem))?;
        let names = node.input.iter().chain(&inner).map(String::as_str).filter(|name| !is_outside(name));
        let needed: Vec<usize> = names.filter_map(|name| makers.get(name).copied()).collect();
        in_order &= needed.iter().all(|&maker| maker < i);
        needs.push(needed);
    }
    if in_order { Ok((0..nodes.len()).collect()) } else { walk(nodes, &needs) }
}

/// Goes down to what a node needs before the node itself is placed, without recursion: a chain may be as long as the model.
fn walk(nodes: &[&NodeProto], needs: &[Vec<usize>]) -> Result<Vec<usize>, Disorder> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Untouched,
        Waiting,
        Placed,
    }
    let mut states = vec![State::Untouched; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    // A node that waits, and how many of its needs have been looked at.
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for first in 0..nodes.len() {
        if states.get(first) != Some(&State::Untouched) {
            continue;
        }
        stack.push((first, 0));
        while let Some((node, looked_at)) = stack.last_mut() {
            let (node, next) = (*node, needs.get(*node).and_then(|needs| needs.get(*looked_at)).copied());
            *looked_at += 1;
            match next.map(|next| (next, states.get(next).copied())) {
                None => {
                    order.push(node);
                    set(&mut states, node, State::Placed);
                    stack.pop();
                }
                Some((next, Some(State::Untouched))) if next != node => {
                    set(&mut states, node, State::Waiting);
                    stack.push((next, 0));
                }
                Some((_, Some(State::Placed) | None)) => {}
                Some((next, _)) => {
                    let from = stack.iter().position(|&(waiting, _)| waiting == next).unwrap_or(0);
                    let cycle = stack.iter().skip(from).filter_map(|&(waiting, _)| nodes.get(waiting));
                    return Err(Disorder::Cycle(cycle.map(|node| name(node).to_owned()).collect()));
                }
            }
        }
    }
    Ok(order)
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = value;
    }
}

/// Name of a node, or of its first output.
pub(super) fn name(node: &NodeProto) -> &str {
    let fallback = node.output.first().map_or("", String::as_str);
    node.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(fallback)
}

/// Names that the subgraphs of a node use and do not define.
fn inner_names(node: &NodeProto) -> Result<Vec<String>, String> {
    let mut with_graphs = Vec::new();
    for encoded in &node.attribute {
        let attribute = AttributeProto::decode(encoded.clone()).map_err(|e| format!("an attribute cannot be decoded: {e}"))?;
        if attribute.g.is_some() || !attribute.graphs.is_empty() {
            with_graphs.push(attribute);
        }
    }
    super::opaque::captures(with_graphs.iter(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        NodeProto { input: inputs.iter().map(|&i| i.to_owned()).collect(), output: vec![output.to_owned()], ..NodeProto::default() }
    }

    fn order(nodes: &[NodeProto]) -> Result<Vec<usize>, String> {
        sorted(&nodes.iter().collect::<Vec<_>>(), |_| false).map_err(|disorder| disorder.problem())
    }

    #[test]
    fn nodes_that_stand_right_stay_where_they_are() {
        let nodes = [node(&["x"], "b"), node(&["x"], "a"), node(&["a", "b"], "y")];
        assert_eq!(order(&nodes), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn a_node_moves_to_just_before_the_first_that_needs_it() {
        let nodes = [node(&["x"], "a"), node(&["c"], "d"), node(&["x"], "b"), node(&["a"], "c")];
        assert_eq!(order(&nodes), Ok(vec![0, 3, 1, 2]));
    }

    #[test]
    fn nodes_that_wait_for_each_other_are_named() {
        let nodes = [node(&["x"], "a"), node(&["a", "d"], "b"), node(&["b"], "c"), node(&["c"], "d")];
        assert_eq!(order(&nodes).unwrap_err(), "the nodes `b`, `d`, `c` form a cycle: each needs the results of another");
        assert_eq!(order(&[node(&["a"], "a")]).unwrap_err(), "the nodes `a` form a cycle: each needs the results of another");
    }

    #[test]
    fn a_long_chain_back_to_front_takes_no_stack() {
        let n = 200_000;
        let nodes: Vec<NodeProto> = (0..n).rev().map(|i| node(&[&format!("v{i}")], &format!("v{}", i + 1))).collect();
        assert_eq!(order(&nodes).unwrap(), (0..n).rev().collect::<Vec<_>>());
    }
}
