//! What each operator does with the batch.

use crate::infer::{plain, show};
use crate::{Dim, Op, Quant, ResizeAttrs, Shape};

/// Position of the batch in a shape.
fn axis_of(shape: Option<&Shape>) -> Option<usize> {
    shape?.iter().position(|d| matches!(d, Dim::Batch(_)))
}

/// Says why `op` would mix samples of operands with shapes `x`.
pub(super) fn check(op: &Op, x: &[Option<Shape>]) -> Result<(), String> {
    if let Some((real, x)) = plain(op, x) {
        return check(&real, &x);
    }
    let shape = |i: usize| x.get(i).and_then(Option::as_ref);
    let batch = axis_of(shape(0));
    let others = (1..x.len()).any(|i| axis_of(shape(i)).is_some());
    let rank = shape(0).map_or(0, Vec::len);
    let runs_along = |axis: usize| batch == Some(axis);
    let mixes = match op {
        Op::Opaque(op) => return Err(format!("it cannot be read ({})", op.reason)),
        Op::Conv(_)
        | Op::ConvTranspose(_)
        | Op::BatchNormalization { .. }
        | Op::InstanceNormalization { .. }
        | Op::MaxPool(_)
        | Op::AveragePool { .. }
        | Op::GlobalAveragePool
        | Op::GlobalMaxPool
        | Op::DepthToSpace { .. }
        | Op::SpaceToDepth { .. } => batch != Some(0) || others,
        Op::Gemm { trans_a, .. } => batch == Some(usize::from(!trans_a)) || axis_of(shape(1)).is_some(),
        Op::MatMul => {
            let b_rank = shape(1).map_or(0, Vec::len);
            batch.is_some_and(|i| i + 1 == rank) || axis_of(shape(1)).is_some_and(|i| i == b_rank.saturating_sub(2))
        }
        Op::Softmax { axis } | Op::LogSoftmax { axis } | Op::CumSum { axis, .. } | Op::TopK { axis, .. } => runs_along(*axis),
        Op::ArgMax { axis, .. } | Op::ArgMin { axis, .. } | Op::Concat { axis } | Op::Split { axis, .. } => {
            runs_along(*axis) || x.iter().any(|shape| axis_of(shape.as_ref()) == Some(*axis))
        }
        Op::LayerNormalization { axis, .. } => batch.is_some_and(|i| i >= *axis) || others,
        Op::Reduce { axes, .. } | Op::Squeeze { axes } => batch.is_some_and(|i| axes.contains(&i)),
        Op::Gather { axis } => runs_along(*axis),
        Op::GatherElements { axis } => runs_along(*axis) || axis_of(shape(1)) != batch,
        Op::ScatterElements { axis, .. } => runs_along(*axis) || axis_of(shape(1)) != batch || axis_of(shape(2)) != batch,
        Op::GatherND { batch_dims } => batch.is_some() && (batch != Some(0) || *batch_dims == 0 || axis_of(shape(1)) != batch),
        // Places are counted over the whole tensor, the batch among them.
        Op::ScatterND { .. } => batch.is_some() || others,
        Op::ReverseSequence { time, batch: samples } => runs_along(*time) || (batch.is_some() && batch != Some(*samples)),
        // One scale for the whole batch.
        Op::Quant(Quant::DynamicQuantizeLinear) => batch.is_some(),
        Op::Quant(Quant::QuantizeLinear { axis, .. } | Quant::DequantizeLinear { axis }) => {
            others || (runs_along(*axis) && shape(1).is_some_and(|scale| !scale.is_empty() && scale != &[Dim::Fixed(1)]))
        }
        Op::Tile { repeats } => batch.is_some_and(|i| repeats.get(i) != Some(&1)),
        Op::Trilu { .. } => batch.is_some_and(|i| i + 2 >= rank),
        Op::Pad { pads, .. } => batch.is_some_and(|i| pads.get(i) != Some(&0) || pads.get(i + rank) != Some(&0)),
        _ => false,
    };
    if mixes { Err(format!("it works along the batch axis of {}", shape(0).map_or_else(String::new, |s| show(s)))) } else { Ok(()) }
}

/// Returns `op` with its payload for the new operand shapes.
pub(super) fn rederive(op: &Op, before: &[Option<Shape>], after: &[Option<Shape>]) -> Result<Op, String> {
    let (Some(Some(old)), Some(Some(new))) = (before.first(), after.first()) else { return Ok(op.clone()) };
    Ok(match op {
        Op::Reshape { shape } => Op::Reshape { shape: reshape(new, shape)? },
        Op::Expand { shape } => {
            let lead = shape.len().saturating_sub(new.len());
            let dim = |(i, &d): (usize, &Dim)| match i.checked_sub(lead).and_then(|i| new.get(i)) {
                Some(&batch @ Dim::Batch(k)) if d == Dim::Fixed(k) || d == Dim::Fixed(1) => batch,
                _ => d,
            };
            Op::Expand { shape: shape.iter().enumerate().map(dim).collect() }
        }
        Op::Slice { axes, starts, ends, steps } => {
            let mut ends = ends.clone();
            for (((&axis, &start), end), &step) in axes.iter().zip(starts).zip(&mut ends).zip(steps) {
                if !matches!(new.get(axis), Some(Dim::Batch(_))) || old.get(axis) == new.get(axis) {
                    continue;
                }
                let whole = old.get(axis).and_then(|d| d.fixed()).is_some_and(|n| i64::try_from(n).is_ok_and(|n| *end >= n));
                if start != 0 || step != 1 || !whole {
                    return Err(format!("it splits the batch of {}", show(new)));
                }
                *end = i64::MAX;
            }
            Op::Slice { axes: axes.clone(), starts: starts.clone(), ends, steps: steps.clone() }
        }
        Op::Resize(attrs) => {
            let mut sizes = attrs.sizes.clone();
            for ((size, &d), (&was, &scale)) in sizes.iter_mut().zip(new).zip(old.iter().zip(&attrs.scales)) {
                if d != was {
                    if scale.to_bits() != 1.0f32.to_bits() {
                        return Err(format!("it resizes the batch of {}", show(new)));
                    }
                    *size = d;
                }
            }
            Op::Resize(ResizeAttrs { sizes, ..attrs.clone() })
        }
        other => other.clone(),
    })
}

/// Finds the place of the batch in a target shape: with as many elements before it as in `input`.
fn reshape(input: &[Dim], target: &[Dim]) -> Result<Shape, String> {
    let misfit = || format!("the batch of {} does not fit into {}", show(input), show(target));
    let at = input.iter().position(|d| matches!(d, Dim::Batch(_))).ok_or_else(misfit)?;
    let product = |dims: &[Dim]| dims.iter().try_fold(1usize, |n, d| n.checked_mul(d.fixed()?));
    let before = input.get(..at).and_then(product).ok_or_else(misfit)?;
    let place = (0..target.len()).find(|&i| target.get(..i).and_then(product) == Some(before)).ok_or_else(misfit)?;
    let mut shape = target.to_vec();
    if let Some(d) = shape.get_mut(place) {
        *d = match *d {
            Dim::Fixed(n) => Dim::Batch(n),
            other => other,
        };
    }
    Ok(shape)
}
