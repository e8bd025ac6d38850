//! Operators that move elements without computing.

use brinell_graph::{Dim, Op, PadMode, Shape, ValueId};

use super::symbol::Sym;
use super::{Importer, Node, Refusal, bad, opaque, size, unknown};

type Done = Result<(), Refusal>;

impl Importer<'_> {
    /// The target of Reshape; at most one dimension is `Unknown`: what is left over.
    fn reshape_target(&self, node: &Node<'_>, input: &[Dim]) -> Result<Shape, Refusal> {
        let target = node.input(1)?;
        let Some(content) = self.content(target) else { return unknown("the target shape is not constant") };
        let keep_zero = node.attributes.flag("allowzero", false)?;
        let mut shape = Shape::with_capacity(content.items.len());
        for (i, item) in content.items.iter().enumerate() {
            shape.push(match *item {
                Sym::Int(0) if !keep_zero => match input.get(i) {
                    Some(&d) => d,
                    None => return bad(format!("entry {i} of the target shape refers to an axis that does not exist")),
                },
                Sym::Int(-1) => Dim::Unknown,
                Sym::Int(n) => usize::try_from(n).map(Dim::Fixed).or_else(|_| bad(format!("size {n} is negative")))?,
                Sym::Batch(k) => usize::try_from(k).map_or(Dim::Unknown, Dim::Batch),
                Sym::Float(_) | Sym::Unknown => Dim::Unknown,
            });
        }
        if shape.iter().filter(|&&d| d == Dim::Unknown).count() > 1 {
            return unknown("several sizes of the target shape are known only at run time");
        }
        Ok(shape)
    }

    /// Axes removed by Squeeze.
    fn squeezed(&self, node: &Node<'_>, input: &[Dim]) -> Result<Vec<usize>, Refusal> {
        match self.ints_by_version(node, "axes", 1, 13)? {
            Some(axes) => size::axes(&axes, input.len()),
            None if input.contains(&Dim::Unknown) => unknown("it removes axes that are known only at run time"),
            None => Ok(input.iter().enumerate().filter(|(_, d)| **d == Dim::Fixed(1)).map(|(i, _)| i).collect()),
        }
    }
}

pub(super) fn reshape(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let input = importer.graph.shape(x).map(<[Dim]>::to_vec);
    if input.is_none() && importer.content(node.input(1)?).is_some_and(|content| content.items.contains(&Sym::Int(0))) {
        return unknown("the shape of its input is unknown");
    }
    let shape = importer.reshape_target(node, &input.unwrap_or_default())?;
    importer.emit(node, Op::Reshape { shape }, vec![Some(x)])
}

/// The matrix that Flatten makes.
fn flattened(node: &Node<'_>, input: &[Dim]) -> Result<Shape, Refusal> {
    let at = node.attributes.int_or("axis", 1)?;
    let axis = if i64::try_from(input.len()).is_ok_and(|n| n == at) { input.len() } else { size::axis(at, input.len())? };
    let (rows, columns) = input.split_at(axis);
    Ok(vec![brinell_graph::count(rows), brinell_graph::count(columns)])
}

pub(super) fn flatten(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let shape = flattened(node, &importer.shape(x)?)?;
    if shape.iter().all(|&d| d == Dim::Unknown) {
        return unknown("its sizes are known only at run time");
    }
    importer.emit(node, Op::Reshape { shape }, vec![Some(x)])
}

pub(super) fn transpose(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let perm = match node.attributes.sizes("perm")? {
        Some(perm) => perm,
        None => (0..importer.rank(x)?).rev().collect(),
    };
    importer.emit(node, Op::Transpose { perm }, vec![Some(x)])
}

pub(super) fn squeeze(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let axes = importer.squeezed(node, &importer.shape(x)?)?;
    importer.emit(node, Op::Squeeze { axes }, vec![Some(x)])
}

pub(super) fn unsqueeze(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let Some(axes) = importer.ints_by_version(node, "axes", 1, 13)? else { return bad("axes are missing") };
    let axes = size::axes(&axes, importer.rank(x)? + axes.len())?;
    importer.emit(node, Op::Unsqueeze { axes }, vec![Some(x)])
}

pub(super) fn concat(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let Some(at) = node.attributes.int("axis")? else { return bad("attribute `axis` is missing") };
    let known = node.inputs.iter().flatten().find_map(|&id| importer.graph.shape(id)).map(<[Dim]>::len);
    let Some(rank) = known else { return unknown("the shapes of its inputs are unknown") };
    importer.emit(node, Op::Concat { axis: size::axis(at, rank)? }, node.inputs.clone())
}

pub(super) fn split(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let axis = size::axis(node.attributes.int_or("axis", 0)?, shape.len())?;
    let sizes = match importer.ints_by_version(node, "split", 1, 13)? {
        Some(sizes) => {
            sizes.iter().map(|&n| usize::try_from(n).or_else(|_| bad(format!("size {n} is negative")))).collect::<Result<_, _>>()?
        }
        None => {
            let parts = match node.attributes.int("num_outputs")? {
                Some(n) => usize::try_from(n).unwrap_or(0),
                None => node.outputs.len(),
            };
            if parts != node.outputs.len() {
                return bad(format!("{parts} parts for {} outputs", node.outputs.len()));
            }
            let Some(Dim::Fixed(n)) = shape.get(axis).copied() else { return unknown("it splits an axis of unknown size") };
            let Some(part) = Some(parts).filter(|&p| p > 0).map(|p| n.div_ceil(p)) else { return bad("it splits into zero parts") };
            (0..parts).map(|i| n.saturating_sub(i.saturating_mul(part)).min(part)).collect::<Vec<usize>>()
        }
    };
    if sizes.len() != node.outputs.len() {
        return bad(format!("{} sizes for {} outputs", sizes.len(), node.outputs.len()));
    }
    importer.emit(node, Op::Split { axis, sizes }, vec![Some(x)])
}

pub(super) fn expand(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let shape = importer.dims(node.input(1)?)?;
    importer.emit(node, Op::Expand { shape }, vec![Some(node.input(0)?)])
}

/// An axis of size 1 that is repeated once for every sample is expanded; the others are repeated before.
pub(super) fn tile(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (x, counts) = (node.input(0)?, importer.dims(node.input(1)?)?);
    let repeats = counts.iter().map(|count| count.fixed().unwrap_or(1)).collect();
    if counts.iter().all(|count| count.fixed().is_some()) {
        return importer.emit(node, Op::Tile { repeats }, vec![Some(x)]);
    }
    let shape = importer.shape(x)?;
    let expanded = shape.iter().zip(&counts).map(|(&size, &count)| match (size, count) {
        (_, Dim::Fixed(_)) => Some(Dim::Fixed(1)),
        (Dim::Fixed(1), batch) => Some(batch),
        _ => None,
    });
    let Some(shape) = expanded.collect() else { return opaque("it repeats the batch as often as there are samples") };
    let tiled = importer.step(node, Op::Tile { repeats }, &[x])?;
    importer.emit(node, Op::Expand { shape }, vec![Some(tiled)])
}

pub(super) fn pad(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let mode = match node.attributes.string("mode")?.as_deref() {
        None | Some("constant") => PadMode::Constant,
        Some("reflect") => PadMode::Reflect,
        Some("edge") => PadMode::Edge,
        Some("wrap") => PadMode::Wrap,
        Some(other) => return opaque(format!("mode `{other}` is unknown")),
    };
    let Some(pads) = importer.ints_by_version(node, "pads", 1, 11)? else { return bad("pads are missing") };
    let rank = importer.rank(x)?;
    let pads = match node.optional(3) {
        None => pads,
        Some(axes) => {
            let axes = importer.constant_ints(axes)?.iter().map(|&i| size::axis(i, rank)).collect::<Result<Vec<_>, _>>()?;
            let mut all = vec![0; 2 * rank];
            for (i, &axis) in axes.iter().enumerate() {
                for (to, from) in [(axis, i), (axis + rank, i + axes.len())] {
                    let (Some(to), Some(&from)) = (all.get_mut(to), pads.get(from)) else { return bad("it has too few pads") };
                    *to = from;
                }
            }
            all
        }
    };
    let value: Option<ValueId> = if node.version < 11 {
        match node.attributes.float("value")? {
            Some(value) if value != 0.0 => Some(importer.constant(node, brinell_graph::Tensor::scalar(value))),
            _ => None,
        }
    } else {
        node.optional(2)
    };
    let mut inputs = vec![Some(x)];
    if mode == PadMode::Constant && value.is_some() {
        inputs.push(value);
    }
    importer.emit(node, Op::Pad { mode, pads }, inputs)
}

pub(super) fn depth_to_space(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let column_row_depth = match node.attributes.string("mode")?.as_deref() {
        None | Some("DCR") => false,
        Some("CRD") => true,
        Some(other) => return opaque(format!("mode `{other}` is unknown")),
    };
    importer.emit(node, Op::DepthToSpace { block: block(node)?, column_row_depth }, vec![Some(node.input(0)?)])
}

pub(super) fn space_to_depth(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    importer.emit(node, Op::SpaceToDepth { block: block(node)? }, vec![Some(node.input(0)?)])
}

fn block(node: &Node<'_>) -> Result<usize, Refusal> {
    let block = node.attributes.int("blocksize")?.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
    block.ok_or_else(|| Refusal::Bad("attribute `blocksize` is missing or not positive".to_owned()))
}

/// Each axis is cut or padded to its new size, around the middle.
pub(super) fn center_crop_pad(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let target = importer.constant_ints(node.input(1)?)?;
    let axes = match node.attributes.ints("axes")? {
        Some(axes) => axes.iter().map(|&i| size::axis(i, shape.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..shape.len()).collect(),
    };
    let mut pads = vec![0; 2 * shape.len()];
    for (&axis, &to) in axes.iter().zip(&target) {
        let Some(from) = shape.get(axis).and_then(|d| d.fixed()).and_then(|n| i64::try_from(n).ok()) else {
            return unknown("it cuts an axis of unknown size");
        };
        // Negative amounts cut; of an odd one the larger part goes to the end, whether cut or padded.
        let total = to.saturating_sub(from);
        let before = if total < 0 { -((-total) / 2) } else { total / 2 };
        for (i, amount) in [(axis, before), (axis + shape.len(), total - before)] {
            if let Some(pad) = pads.get_mut(i) {
                *pad = amount;
            }
        }
    }
    importer.emit(node, Op::Pad { mode: PadMode::Constant, pads }, vec![Some(x)])
}
