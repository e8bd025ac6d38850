//! Slice, Gather, Scatter, Trilu.

use brinell_graph::{Dim, Op, ScatterReduction};

use super::{Importer, Node, Refusal, bad, opaque, size, unknown};

/// An end that no axis reaches: exporters write it, or a larger one, for "to the end".
const BEYOND: i64 = 1_000_000_000;

type SliceParameters = (Vec<usize>, Vec<i64>, Vec<i64>, Vec<i64>);

impl Importer<'_> {
    /// Axes, starts, ends and steps as given, axes resolved.
    fn slice_parameters(&self, node: &Node<'_>, rank: usize) -> Result<SliceParameters, Refusal> {
        let starts = self.ints_by_version(node, "starts", 1, 10)?;
        let ends = self.ints_by_version(node, "ends", 2, 10)?;
        let (Some(starts), Some(ends)) = (starts, ends) else { return bad("starts or ends are missing") };
        let axes = match self.ints_by_version(node, "axes", 3, 10)? {
            Some(axes) => axes.iter().map(|&i| size::axis(i, rank)).collect::<Result<Vec<_>, _>>()?,
            None => (0..starts.len()).collect(),
        };
        let steps = if node.version < 10 { None } else { node.optional(4).map(|id| self.constant_ints(id)).transpose()? };
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if axes.len() != starts.len() || ends.len() != starts.len() || steps.len() != starts.len() {
            return bad("starts, ends, axes and steps have different lengths");
        }
        if steps.contains(&0) {
            return bad("a step is 0");
        }
        Ok((axes, starts, ends, steps))
    }
}

pub(super) fn slice(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let (given_axes, given_starts, given_ends, given_steps) = importer.slice_parameters(node, shape.len())?;
    let (mut axes, mut starts, mut ends, mut steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (((&axis, &start), &end), &step) in given_axes.iter().zip(&given_starts).zip(&given_ends).zip(&given_steps) {
        let (start, end, whole) = match shape.get(axis).copied() {
            Some(Dim::Fixed(n)) => {
                let n = i64::try_from(n).unwrap_or(i64::MAX);
                let from_end = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
                let (least, most) = if step > 0 { (0, n) } else { (-1, n - 1) };
                let (start, end) = (from_end(start).clamp(least.max(0).min(most), most), from_end(end).clamp(least, most));
                (start, end, start == 0 && end == n && step == 1)
            }
            _ if step < 0 => return unknown("it reverses an axis of unknown size"),
            _ => (start, end, start == 0 && step == 1 && end >= BEYOND),
        };
        if !whole {
            axes.push(axis);
            starts.push(start);
            ends.push(end);
            steps.push(step);
        }
    }
    let op = if axes.is_empty() { Op::Identity } else { Op::Slice { axes, starts, ends, steps } };
    importer.emit(node, op, vec![Some(x)])
}

pub(super) fn gather(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let at = node.attributes.int_or("axis", 0)?;
    let axis = match usize::try_from(at) {
        Ok(axis) if importer.graph.shape(node.input(0)?).is_none() => axis,
        _ => size::axis(at, importer.rank(node.input(0)?)?)?,
    };
    importer.emit(node, Op::Gather { axis }, node.inputs.clone())
}

pub(super) fn gather_elements(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let axis = size::axis(node.attributes.int_or("axis", 0)?, importer.rank(node.input(0)?)?)?;
    importer.emit(node, Op::GatherElements { axis }, node.inputs.clone())
}

pub(super) fn gather_nd(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let batch_dims = node.attributes.int_or("batch_dims", 0)?;
    let Ok(batch_dims) = usize::try_from(batch_dims) else { return bad(format!("batch_dims is {batch_dims}")) };
    importer.emit(node, Op::GatherND { batch_dims }, node.inputs.clone())
}

pub(super) fn scatter_nd(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    importer.emit(node, Op::ScatterND { reduction: reduction(node)? }, node.inputs.clone())
}

pub(super) fn reverse_sequence(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let rank = importer.rank(node.input(0)?)?;
    let time = size::axis(node.attributes.int_or("time_axis", 0)?, rank)?;
    let batch = size::axis(node.attributes.int_or("batch_axis", 1)?, rank)?;
    importer.emit(node, Op::ReverseSequence { time, batch }, node.inputs.clone())
}

/// A constant condition picks like indices.
pub(super) fn compress(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mut x = node.input(0)?;
    let condition = importer.constant_ints(node.input(1)?)?;
    let axis = match node.attributes.int("axis")? {
        Some(axis) => size::axis(axis, importer.rank(x)?)?,
        None => {
            x = importer.step(node, Op::Reshape { shape: vec![brinell_graph::count(&importer.shape(x)?)] }, &[x])?;
            0
        }
    };
    let picked = condition.iter().zip(0..).filter(|(on, _)| **on != 0).map(|(_, i)| i).collect();
    let indices = importer.constant(node, brinell_graph::Tensor::ints(picked));
    importer.emit(node, Op::Gather { axis }, vec![Some(x), Some(indices)])
}

fn reduction(node: &Node<'_>) -> Result<ScatterReduction, Refusal> {
    Ok(match node.attributes.string("reduction")?.as_deref() {
        None | Some("none") => ScatterReduction::None,
        Some("add") => ScatterReduction::Add,
        Some("mul") => ScatterReduction::Mul,
        Some("max") => ScatterReduction::Max,
        Some("min") => ScatterReduction::Min,
        Some(other) => return opaque(format!("reduction `{other}` is unknown")),
    })
}

pub(super) fn scatter_elements(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let axis = size::axis(node.attributes.int_or("axis", 0)?, importer.rank(node.input(0)?)?)?;
    importer.emit(node, Op::ScatterElements { axis, reduction: reduction(node)? }, node.inputs.clone())
}

pub(super) fn trilu(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let k = node.optional(1).map(|id| importer.constant_int(id)).transpose()?.unwrap_or(0);
    importer.emit(node, Op::Trilu { upper: node.attributes.flag("upper", true)?, k }, vec![Some(node.input(0)?)])
}
