//! Shape and dtype inference, one file per operator family.
//!
//! A family function sees the operand shapes and returns the output shape, `None` where an operand's shape is not known, or
//! a sentence that says what does not fit.

mod elementwise;
mod index;
mod layout;
mod linear;
mod quant;
mod reduce;
#[cfg(test)]
mod tests;
mod window;

use crate::graph::GraphError;
use crate::{DType, Dim, Graph, Op, Shape, Value, ValueId};

pub(crate) use elementwise::broadcast;
pub use layout::count;
pub(crate) use quant::plain;

/// What is wrong, as a sentence without the node.
type Problem = String;
/// Shape of one output.
type Inferred = Result<Option<Shape>, Problem>;

/// The operands of the node that is being pushed.
struct Operands<'a> {
    values: Vec<Option<&'a Value>>,
}

impl<'a> Operands<'a> {
    fn shape(&self, i: usize) -> Option<&'a [Dim]> {
        self.values.get(i).copied().flatten().and_then(|value| value.shape.as_deref())
    }

    fn dtype(&self, i: usize) -> Option<DType> {
        self.values.get(i).copied().flatten().and_then(|value| value.dtype)
    }

    fn has(&self, i: usize) -> bool {
        self.values.get(i).copied().flatten().is_some()
    }

    fn len(&self) -> usize {
        self.values.len()
    }
}

/// Axes of a value; more only occur in files that mean harm.
const MAX_RANK: usize = 32;

/// Element type and shape of one output, where known.
pub(crate) type Known = (Option<DType>, Option<Shape>);

/// Infers dtype and shape of the outputs of a node that is about to be pushed.
pub(crate) fn node(graph: &Graph, name: &str, op: &Op, inputs: &[Option<ValueId>], n_outputs: usize) -> Result<Vec<Known>, GraphError> {
    let operands = Operands { values: inputs.iter().map(|id| id.map(|id| graph.value(id))).collect() };
    let fail = |problem| GraphError::Shape { node: name.to_owned(), op: op.name().to_owned(), problem };
    arity(op, &operands).map_err(fail)?;
    let dtypes = dtypes(op, &operands).map_err(fail)?;
    let shapes = shapes(op, &operands).map_err(fail)?;
    if let Some(shape) = shapes.iter().flatten().find(|shape| shape.len() > MAX_RANK) {
        return Err(fail(format!("its result has {} axes, at most {MAX_RANK} are allowed", shape.len())));
    }
    Ok((0..n_outputs).map(|i| (dtypes.get(i).copied().flatten(), shapes.get(i).cloned().flatten())).collect())
}

/// Checks that the required operands are there and no others.
fn arity(op: &Op, operands: &Operands<'_>) -> Result<(), Problem> {
    let (least, most) = match op {
        Op::Opaque(_) => return Ok(()),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Mod { .. } | Op::PRelu | Op::Compare(_) => (2, 2),
        Op::And | Op::Or | Op::Xor | Op::Bitwise(_) | Op::BitShift { .. } | Op::MatMul | Op::OneHot { .. } => (2, 2),
        Op::Gather { .. } | Op::GatherElements { .. } | Op::GatherND { .. } | Op::ReverseSequence { .. } => (2, 2),
        Op::Min | Op::Max | Op::Sum | Op::Mean | Op::Concat { .. } => (1, usize::MAX),
        Op::Where | Op::ScatterElements { .. } | Op::ScatterND { .. } | Op::InstanceNormalization { .. } => (3, 3),
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Gemm { .. } | Op::LayerNormalization { .. } => (2, 3),
        Op::BatchNormalization { .. } => (5, 5),
        Op::Pad { .. } => (1, 2),
        Op::Quant(quant) => quant.arity(),
        _ => (1, 1),
    };
    if let Some(missing) = (0..least).find(|&i| !operands.has(i)) {
        return Err(format!("input {missing} is missing"));
    }
    if operands.len() > most {
        return Err(format!("has {} inputs, at most {most} are allowed", operands.len()));
    }
    if matches!(op, Op::Min | Op::Max | Op::Sum | Op::Mean | Op::Concat { .. })
        && let Some(missing) = (0..operands.len()).find(|&i| !operands.has(i))
    {
        return Err(format!("input {missing} is missing"));
    }
    Ok(())
}

fn same_dtype(operands: &Operands<'_>, of: std::ops::Range<usize>) -> Result<Option<DType>, Problem> {
    let mut known: Option<DType> = None;
    for dtype in of.filter_map(|i| operands.dtype(i)) {
        match known {
            Some(first) if first != dtype => return Err(format!("operands have different types, {first:?} and {dtype:?}")),
            _ => known = Some(dtype),
        }
    }
    Ok(known)
}

fn dtypes(op: &Op, operands: &Operands<'_>) -> Result<Vec<Option<DType>>, Problem> {
    Ok(match op {
        Op::Opaque(_) => Vec::new(),
        Op::Cast { to } => vec![Some(*to)],
        Op::Compare(_) => {
            same_dtype(operands, 0..2)?;
            vec![Some(DType::Bool)]
        }
        Op::And | Op::Or | Op::Xor | Op::Not | Op::IsNaN | Op::IsInf { .. } => vec![Some(DType::Bool)],
        Op::ArgMax { .. } | Op::ArgMin { .. } | Op::Shape { .. } => vec![Some(DType::I64)],
        Op::TopK { .. } | Op::MaxPool(_) => vec![operands.dtype(0), Some(DType::I64)],
        Op::OneHot { .. } => vec![operands.dtype(1)],
        Op::Where => vec![same_dtype(operands, 1..3)?],
        Op::Split { sizes, .. } => vec![operands.dtype(0); sizes.len()],
        Op::Pow | Op::Gather { .. } | Op::GatherElements { .. } | Op::GatherND { .. } | Op::ReverseSequence { .. } => {
            vec![operands.dtype(0)]
        }
        Op::ScatterElements { .. } | Op::ScatterND { .. } => vec![operands.dtype(0).or_else(|| operands.dtype(2))],
        Op::Quant(quant) => quant::dtypes(quant, operands)?,
        _ => vec![same_dtype(operands, 0..operands.len())?],
    })
}

fn shapes(op: &Op, operands: &Operands<'_>) -> Result<Vec<Option<Shape>>, Problem> {
    let x = operands.shape(0);
    let same = || x.map(<[Dim]>::to_vec);
    let one = match op {
        Op::Opaque(_) => return Ok(Vec::new()),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Mod { .. } | Op::Compare(_) => elementwise::variadic(operands)?,
        Op::Min | Op::Max | Op::Sum | Op::Mean | Op::And | Op::Or | Op::Xor | Op::Where => elementwise::variadic(operands)?,
        Op::Bitwise(_) | Op::BitShift { .. } => elementwise::variadic(operands)?,
        Op::PRelu => elementwise::unidirectional(operands)?,
        Op::Conv(attrs) => linear::conv(operands, attrs)?,
        Op::ConvTranspose(attrs) => linear::conv_transpose(operands, attrs)?,
        Op::Gemm { trans_a, trans_b, .. } => linear::gemm(operands, *trans_a, *trans_b)?,
        Op::MatMul => linear::matmul(operands)?,
        Op::BatchNormalization { .. } | Op::InstanceNormalization { .. } => window::channel_norm(operands)?,
        Op::LayerNormalization { axis, .. } | Op::Softmax { axis } | Op::LogSoftmax { axis } | Op::CumSum { axis, .. } => {
            reduce::keeps(operands, *axis)?
        }
        Op::MaxPool(pool) => {
            let y = window::pool(operands, pool)?;
            return Ok(vec![y.clone(), y]);
        }
        Op::AveragePool { pool, .. } => window::pool(operands, pool)?,
        Op::GlobalAveragePool | Op::GlobalMaxPool => window::global(operands)?,
        Op::Reduce { axes, keepdims, .. } => reduce::reduce(operands, axes, *keepdims)?,
        Op::ArgMax { axis, keepdims, .. } | Op::ArgMin { axis, keepdims, .. } => reduce::reduce(operands, &[*axis], *keepdims)?,
        Op::TopK { axis, k, .. } => {
            let y = reduce::top_k(operands, *axis, *k)?;
            return Ok(vec![y.clone(), y]);
        }
        Op::Reshape { shape } => layout::reshape(operands, shape)?,
        Op::Transpose { perm } => layout::transpose(operands, perm)?,
        Op::Squeeze { axes } => layout::squeeze(operands, axes)?,
        Op::Unsqueeze { axes } => layout::unsqueeze(operands, axes)?,
        Op::Concat { axis } => layout::concat(operands, *axis)?,
        Op::Split { axis, sizes } => return layout::split(operands, *axis, sizes),
        Op::Slice { axes, starts, ends, steps } => index::slice(operands, axes, starts, ends, steps)?,
        Op::Gather { axis } => index::gather(operands, *axis)?,
        Op::GatherElements { axis } => index::gather_elements(operands, *axis)?,
        Op::ScatterElements { axis, .. } => index::scatter_elements(operands, *axis)?,
        Op::GatherND { batch_dims } => index::gather_nd(operands, *batch_dims)?,
        Op::ScatterND { .. } => index::scatter_nd(operands)?,
        Op::ReverseSequence { time, batch } => index::reverse_sequence(operands, *time, *batch)?,
        Op::Pad { pads, .. } => layout::pad(operands, pads)?,
        Op::Expand { shape } => x.map(|x| broadcast(x, shape)).transpose()?,
        Op::Tile { repeats } => layout::tile(operands, repeats)?,
        Op::DepthToSpace { block, .. } => layout::depth_to_space(operands, *block)?,
        Op::SpaceToDepth { block } => layout::space_to_depth(operands, *block)?,
        Op::Resize(attrs) => layout::resize(operands, attrs)?,
        Op::OneHot { axis, depth } => index::one_hot(operands, *axis, *depth)?,
        Op::Trilu { .. } => match x {
            Some(x) if x.len() < 2 => return Err(format!("needs rank 2 or more, got {}", show(x))),
            _ => same(),
        },
        Op::Quant(quant) => return quant::shapes(quant, operands),
        Op::Shape { start, end } => Some(vec![Dim::Fixed(end.saturating_sub(*start))]),
        Op::Neg
        | Op::Abs
        | Op::Sqrt
        | Op::Exp
        | Op::Log
        | Op::Erf
        | Op::Reciprocal
        | Op::Sign
        | Op::Floor
        | Op::Ceil
        | Op::Round
        | Op::Sin
        | Op::Cos
        | Op::Tan
        | Op::Asin
        | Op::Acos
        | Op::Atan
        | Op::Sinh
        | Op::Cosh
        | Op::Asinh
        | Op::Acosh
        | Op::Atanh
        | Op::Not
        | Op::BitwiseNot
        | Op::IsNaN
        | Op::IsInf { .. }
        | Op::Relu
        | Op::LeakyRelu { .. }
        | Op::Elu { .. }
        | Op::Selu { .. }
        | Op::Celu { .. }
        | Op::Sigmoid
        | Op::HardSigmoid { .. }
        | Op::HardSwish
        | Op::Tanh
        | Op::Softplus
        | Op::Softsign
        | Op::Gelu { .. }
        | Op::Clip { .. }
        | Op::Cast { .. }
        | Op::Identity => same(),
    };
    Ok(vec![one])
}

/// Returns the dimension at `axis`, or an error that names the shape.
fn dim(shape: &[Dim], axis: usize) -> Result<Dim, Problem> {
    shape.get(axis).copied().ok_or_else(|| format!("axis {axis} is out of range for {}", show(shape)))
}

/// Requires two dimensions to be the same size; returns the better known one.
fn unify(a: Dim, b: Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Unknown, known) | (known, Dim::Unknown) => Some(known),
        _ => (a == b).then_some(a),
    }
}

/// Writes a shape as `[B, 3, 32, 32]`.
pub(crate) fn show(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}
