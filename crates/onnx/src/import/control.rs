//! If, Loop and Scan: their bodies are unrolled. Of a condition that is known at run time only both outcomes are computed, and one is kept.

use std::collections::HashMap;

use brinell_graph::{DType, Dim, Op, Tensor, TensorData, ValueId};
use prost::Message;
use prost::bytes::Bytes;

use super::symbol::Sym;
use super::{Importer, Node, Refusal, arranged, bad, function, opaque, order, size, sparse, unknown};
use crate::proto::GraphProto;
use crate::{tensor, wire};

/// Nodes that unrolling may make in one model.
const UNROLLED: usize = 100_000;
/// Bodies inside bodies.
const MAX_DEPTH: usize = 32;

impl Importer<'_> {
    /// The graph in an attribute.
    fn body(&self, node: &Node<'_>, name: &str) -> Result<GraphProto, Refusal> {
        let encoded = node.attributes.find(name).and_then(|attribute| attribute.g.as_ref());
        let Some(encoded) = encoded else { return bad(format!("attribute `{name}` is not a graph")) };
        wire::check_subgraph(encoded).map_err(|e| Refusal::Bad(e.to_string()))?;
        GraphProto::decode(encoded.clone()).map_err(|e| Refusal::Bad(format!("its body cannot be decoded: {e}")))
    }

    /// Appends the nodes of a body with its inputs bound, and returns its outputs.
    fn unroll(&mut self, node: &Node<'_>, body: &GraphProto, inputs: &[ValueId]) -> Result<Vec<ValueId>, Refusal> {
        self.unroll_seeing(node, body, inputs, &[])
    }

    /// As [`Importer::unroll`], with other values in the place of some that the body uses by name.
    fn unroll_seeing(
        &mut self,
        node: &Node<'_>,
        body: &GraphProto,
        inputs: &[ValueId],
        seen: &[(String, ValueId)],
    ) -> Result<Vec<ValueId>, Refusal> {
        if self.scopes.len() >= MAX_DEPTH {
            return bad(format!("bodies are nested more than {MAX_DEPTH} deep"));
        }
        if body.input.len() != inputs.len() {
            return bad(format!("its body has {} inputs, but {} are given", body.input.len(), inputs.len()));
        }
        self.scopes.push(HashMap::new());
        seen.iter().for_each(|(name, value)| self.bind(name, *value));
        let outputs = self.unroll_here(node, body, inputs);
        for (name, before) in self.scopes.pop().unwrap_or_default() {
            match before {
                Some(id) => self.by_name.insert(name, id),
                None => self.by_name.remove(&name),
            };
        }
        outputs
    }

    fn unroll_here(&mut self, node: &Node<'_>, body: &GraphProto, inputs: &[ValueId]) -> Result<Vec<ValueId>, Refusal> {
        for (formal, &actual) in body.input.iter().zip(inputs) {
            self.bind(formal.name.as_deref().unwrap_or_default(), actual);
        }
        for encoded in &body.initializer {
            let (name, id) = self.constant_of_body(encoded, false)?;
            self.bind(&name, id);
        }
        for encoded in &body.sparse_initializer {
            let (name, id) = self.constant_of_body(encoded, true)?;
            self.bind(&name, id);
        }
        let nodes = function::inline(&body.node, self.functions, node.opsets).map_err(|e| Refusal::Bad(e.to_string()))?;
        self.spend(nodes.len().saturating_add(1))?;
        let order = order::sorted(&nodes.iter().map(|(node, _)| node).collect::<Vec<_>>(), |name| self.by_name.contains_key(name));
        let nodes = arranged(nodes, &order.map_err(|disorder| Refusal::Bad(disorder.problem()))?);
        for (inner, opsets) in &nodes {
            self.node(inner, opsets).map_err(|e| Refusal::Opaque(format!("its body cannot be unrolled: {e}")))?;
        }
        let outputs = body.output.iter().map(|output| {
            let name = output.name.as_deref().unwrap_or_default();
            self.by_name.get(name).copied().ok_or_else(|| Refusal::Bad(format!("its body does not produce `{name}`")))
        });
        outputs.collect()
    }

    /// Counts nodes that unrolling makes.
    pub(super) fn spend(&mut self, nodes: usize) -> Result<(), Refusal> {
        self.unrolled = self.unrolled.saturating_add(nodes);
        if self.unrolled > UNROLLED { opaque(format!("when unrolled, it has more than {UNROLLED} nodes")) } else { Ok(()) }
    }

    /// A tensor of a body: all iterations share one constant.
    pub(super) fn constant_of_body(&mut self, encoded: &Bytes, is_sparse: bool) -> Result<(String, ValueId), Refusal> {
        // The bytes are kept, so that no other tensor comes to lie at their address.
        let place = (encoded.as_ptr().addr(), encoded.len());
        if let Some((_, name, id)) = self.shared.get(&place) {
            return Ok((name.clone(), *id));
        }
        let source = self.source.alone();
        let named = if is_sparse { sparse::read(encoded, source, &mut self.sparse) } else { tensor::read(encoded, source) };
        let named = named.map_err(|e| Refusal::Bad(e.to_string()))?;
        let id = self.graph.constant(&named.name, named.tensor);
        self.shared.insert(place, (encoded.clone(), named.name.clone(), id));
        Ok((named.name, id))
    }

    /// Gives the outputs of `node` their values.
    pub(super) fn results(&mut self, node: &Node<'_>, values: &[ValueId]) -> Result<(), Refusal> {
        for (output, &value) in node.outputs.iter().zip(values) {
            let Some(output) = output else { continue };
            // A copy, so that the value bears the name that the model gives it.
            let made = self.push(output, Op::Identity, vec![Some(value)], &[Some(output)])?;
            if let Some(id) = made.into_iter().flatten().next() {
                self.bind(output, id);
            }
        }
        Ok(())
    }

    /// A truth value that is known now.
    fn known(&self, id: ValueId) -> Option<bool> {
        match self.content(id)?.items.as_slice() {
            [Sym::Int(i)] => Some(*i != 0),
            _ => None,
        }
    }

    fn whole(&mut self, node: &Node<'_>, data: TensorData) -> Result<ValueId, Refusal> {
        match Tensor::new(Vec::new(), data) {
            Some(tensor) => Ok(self.constant(node, tensor)),
            None => bad("no scalar"),
        }
    }

    /// One value from those of all iterations, along a new axis.
    pub(super) fn stacked(&mut self, node: &Node<'_>, parts: &[ValueId], axis: usize) -> Result<ValueId, Refusal> {
        let mut rows = Vec::with_capacity(parts.len());
        for &part in parts {
            rows.push(self.step(node, Op::Unsqueeze { axes: vec![axis] }, &[part])?);
        }
        if rows.is_empty() { opaque("it makes no iteration") } else { self.step(node, Op::Concat { axis }, &rows) }
    }
}

/// The branch that a condition picks. Where that is known at run time only, both are computed and one is kept: neither has effects, and the gradient is that of
/// the branch taken.
pub(super) fn choose(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let condition = node.input(0)?;
    if let Some(condition) = importer.known(condition) {
        let body = importer.body(node, if condition { "then_branch" } else { "else_branch" })?;
        let values = importer.unroll(node, &body, &[])?;
        return importer.results(node, &values);
    }
    let scalar = importer.scalar(node, condition)?;
    let mut branches = Vec::with_capacity(2);
    for (name, taken) in [("then_branch", true), ("else_branch", false)] {
        let body = importer.body(node, name)?;
        let seen = importer.seen(node, scalar, taken)?;
        branches.push(importer.unroll_seeing(node, &body, &[], &seen)?);
    }
    let [then, other] = branches.as_slice() else { return bad("it has no branches") };
    let values = importer.either(node, condition, then, other)?;
    importer.results(node, &values)
}

impl Importer<'_> {
    /// For each pair the first value where a scalar condition holds, else the second; both must have the same type and shape.
    fn either(&mut self, node: &Node<'_>, condition: ValueId, then: &[ValueId], other: &[ValueId]) -> Result<Vec<ValueId>, Refusal> {
        if then.len() != other.len() {
            return bad("its branches have different numbers of outputs");
        }
        let condition = self.scalar(node, condition)?;
        let mut values = Vec::with_capacity(then.len());
        for (&a, &b) in then.iter().zip(other) {
            let (x, y) = (self.shape(a)?, self.shape(b)?);
            let typed = |id: ValueId| self.graph.value(id).dtype;
            if x != y || x.contains(&Dim::Unknown) || typed(a) != typed(b) {
                return unknown("its condition is known only at run time, and its branches have different shapes");
            }
            values.push(if a == b { a } else { self.step(node, Op::Where, &[condition, a, b])? });
        }
        Ok(values)
    }
}

impl Importer<'_> {
    /// A condition as a scalar.
    fn scalar(&mut self, node: &Node<'_>, condition: ValueId) -> Result<ValueId, Refusal> {
        match self.shape(condition)?.as_slice() {
            [] => Ok(condition),
            [Dim::Fixed(1)] => self.step(node, Op::Squeeze { axes: vec![0] }, &[condition]),
            _ => unknown("its condition is known only at run time, and is not a scalar"),
        }
    }

    /// What the bodies of a node see of the values that they use by name: [`Importer::guarded`] ones.
    fn seen(&mut self, node: &Node<'_>, condition: ValueId, holds: bool) -> Result<Vec<(String, ValueId)>, Refusal> {
        let names = opaque::captures(node.attributes.iter(), 0).map_err(Refusal::Bad)?;
        let mut seen = Vec::new();
        for name in names {
            let Some(&value) = self.by_name.get(&name) else { continue };
            seen.push((name, self.guarded(node, condition, holds, value)?));
        }
        Ok(seen)
    }

    /// The value where the condition is `holds`, and 0 where a body is computed in vain: what is infinite or no number there would make the gradient no number,
    /// though nothing of the body is kept.
    fn guarded(&mut self, node: &Node<'_>, condition: ValueId, holds: bool, value: ValueId) -> Result<ValueId, Refusal> {
        let is_real = self.graph.value(value).dtype.is_some_and(DType::is_float);
        if !is_real || self.graph.constant_of(value).is_some() || self.graph.shape(value).is_none() {
            return Ok(value);
        }
        let zero = self.number(node, value, 0.0)?;
        let [then, other] = if holds { [value, zero] } else { [zero, value] };
        self.step(node, Op::Where, &[condition, then, other])
    }
}

/// Iterations that are unrolled of a loop that may end before.
const MAYBE: i64 = 256;

/// Iterations of a loop with nothing to end it from which on it is refused.
const ENDLESS: i64 = 1 << 28;

/// Trip count?, condition?, then the values that are carried from one iteration to the next.
pub(super) fn repeat(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let trips = match node.optional(0) {
        None => None,
        Some(id) => match importer.content(id).and_then(|content| content.ints()).as_deref() {
            Some(&[n]) => Some(n),
            _ => return unknown("its number of iterations is known only at run time"),
        },
    };
    // Whether it goes on, where that is known, and else the value that says so at run time.
    let mut goes_on = match node.optional(1) {
        None => Ok(true),
        Some(id) => importer.known(id).ok_or(id),
    };
    let body = importer.body(node, "body")?;
    let mut carried = (2..node.inputs.len()).map(|i| node.input(i)).collect::<Result<Vec<_>, _>>()?;
    let Some(n_scanned) = body.output.len().checked_sub(carried.len() + 1) else { return bad("its body has too few outputs") };
    let mut scanned: Vec<Vec<ValueId>> = vec![Vec::new(); n_scanned];
    let mut trip = 0;
    while goes_on != Ok(false) && trips.is_none_or(|trips| trip < trips) {
        if goes_on.is_err() && (n_scanned > 0 || trips.is_none_or(|trips| trips > MAYBE)) {
            return unknown("its body decides at run time when to stop");
        }
        let number = importer.whole(node, TensorData::I64(vec![trip]))?;
        let on = importer.whole(node, TensorData::Bool(vec![true]))?;
        let (mut used, mut seen) = (carried.clone(), Vec::new());
        if let Err(so_far) = goes_on {
            let so_far = importer.scalar(node, so_far)?;
            used = carried.iter().map(|&value| importer.guarded(node, so_far, true, value)).collect::<Result<_, _>>()?;
            seen = importer.seen(node, so_far, true)?;
        }
        let inputs: Vec<ValueId> = [number, on].into_iter().chain(used).collect();
        let outputs = match importer.unroll_seeing(node, &body, &inputs, &seen) {
            // What cannot be unrolled a runtime would run to its end.
            Err(Refusal::Opaque(_)) if goes_on.is_ok() && trip > MAYBE && trips.is_none_or(|trips| trips > ENDLESS) => {
                return bad(format!("it makes {} iterations", trips.map_or_else(|| "endless".to_owned(), |trips| trips.to_string())));
            }
            unrolled => unrolled?,
        };
        let Some((&next, rest)) = outputs.split_first() else { return bad("its body has no outputs") };
        let (kept, rows) = rest.split_at(carried.len().min(rest.len()));
        let next = importer.known(next).ok_or(next);
        (carried, goes_on) = match (goes_on, next) {
            (Err(so_far), next) => {
                let kept = importer.either(node, so_far, kept, &carried)?;
                let next = match next {
                    Ok(true) => Err(so_far),
                    Ok(false) => Ok(false),
                    Err(next) => Err(importer.step(node, Op::And, &[so_far, next])?),
                };
                (kept, next)
            }
            (Ok(_), next) => (kept.to_vec(), next),
        };
        for (list, &row) in scanned.iter_mut().zip(rows) {
            list.push(row);
        }
        trip += 1;
    }
    let mut values = carried;
    for rows in &scanned {
        values.push(importer.stacked(node, rows, 0)?);
    }
    importer.results(node, &values)
}

/// States, then the values that are walked along an axis.
pub(super) fn scan(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    if node.version < 9 {
        return opaque("it has the form of opset 8");
    }
    let body = importer.body(node, "body")?;
    let Some(n_scanned) = node.attributes.int("num_scan_inputs")?.and_then(|n| usize::try_from(n).ok()) else {
        return bad("attribute `num_scan_inputs` is missing");
    };
    let Some(n_states) = node.inputs.len().checked_sub(n_scanned) else { return bad("it has too few inputs") };
    let Some(n_outputs) = body.output.len().checked_sub(n_states) else { return bad("its body has too few outputs") };
    let list = |name: &str, n: usize| -> Result<Vec<i64>, Refusal> {
        match node.attributes.ints(name)? {
            None => Ok(vec![0; n]),
            Some(list) if list.len() == n => Ok(list),
            Some(list) => bad(format!("attribute `{name}` has {} entries, but {n} are needed", list.len())),
        }
    };
    let (axes, directions) = (list("scan_input_axes", n_scanned)?, list("scan_input_directions", n_scanned)?);
    let (out_axes, out_directions) = (list("scan_output_axes", n_outputs)?, list("scan_output_directions", n_outputs)?);
    let mut states = (0..n_states).map(|i| node.input(i)).collect::<Result<Vec<_>, _>>()?;
    let mut walked: Vec<Vec<ValueId>> = Vec::with_capacity(n_scanned);
    for (i, (&axis, &direction)) in axes.iter().zip(&directions).enumerate() {
        let x = node.input(n_states + i)?;
        let axis = size::axis(axis, importer.rank(x)?)?;
        let mut rows = importer.unstacked(node, x, axis)?;
        if direction != 0 {
            rows.reverse();
        }
        walked.push(rows);
    }
    let length = walked.first().map_or(0, Vec::len);
    if walked.iter().any(|rows| rows.len() != length) {
        return bad("its scanned inputs have different lengths");
    }
    let mut made: Vec<Vec<ValueId>> = vec![Vec::new(); n_outputs];
    for trip in 0..length {
        let rows = walked.iter().filter_map(|rows| rows.get(trip).copied());
        let inputs: Vec<ValueId> = states.iter().copied().chain(rows).collect();
        let outputs = importer.unroll(node, &body, &inputs)?;
        let (kept, rows) = outputs.split_at(n_states.min(outputs.len()));
        states = kept.to_vec();
        for (list, &row) in made.iter_mut().zip(rows) {
            list.push(row);
        }
    }
    let mut values = states;
    for ((rows, &axis), &direction) in made.iter_mut().zip(&out_axes).zip(&out_directions) {
        if direction != 0 {
            rows.reverse();
        }
        let Some(&first) = rows.first() else { return opaque("it makes no iteration") };
        let axis = size::axis(axis, importer.rank(first)? + 1)?;
        values.push(importer.stacked(node, rows, axis)?);
    }
    importer.results(node, &values)
}

impl Importer<'_> {
    /// The parts of a value along an axis of fixed size, without that axis.
    pub(super) fn unstacked(&mut self, node: &Node<'_>, x: ValueId, axis: usize) -> Result<Vec<ValueId>, Refusal> {
        let Some(&Dim::Fixed(n)) = self.shape(x)?.get(axis) else {
            return unknown("its number of iterations is known only at run time");
        };
        if n == 0 {
            return opaque("it makes no iteration");
        }
        self.spend(n)?;
        let parts = if n == 1 { vec![x] } else { self.step_many(node, Op::Split { axis, sizes: vec![1; n] }, &[x], n)? };
        parts.into_iter().map(|part| self.step(node, Op::Squeeze { axes: vec![axis] }, &[part])).collect()
    }
}
