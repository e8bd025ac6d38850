//! The closed set of operators.

mod attributes;
mod name;
mod quant;

use crate::{DType, Shape};

pub use attributes::{
    Bitwise, Compare, ConvAttrs, ConvTransposeAttrs, OpaqueOp, PadMode, PoolAttrs, Reduce, ResizeAttrs, ResizeCoordinates, ResizeMode,
    ResizeNearest, ScatterReduction,
};
pub use quant::{Operand, Quant, Real};

/// An operator of the graph, with its attributes in the form of the newest opset.
///
/// Inputs and outputs are positional, as in ONNX, less those that became payload here. Where a comment names inputs,
/// `?` marks optional ones. Semantics are ONNX's of opset 22 unless said otherwise.
#[derive(Debug, Clone, PartialEq, strum::IntoStaticStr)]
#[expect(missing_docs, reason = "variants carry ONNX's names and attributes")]
pub enum Op {
    // --- elementwise, one input
    Neg,
    Abs,
    Sqrt,
    Exp,
    Log,
    Erf,
    Reciprocal,
    Sign,
    Floor,
    Ceil,
    Round,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Not,
    BitwiseNot,
    IsNaN,
    IsInf {
        negative: bool,
        positive: bool,
    },
    Relu,
    LeakyRelu {
        alpha: f32,
    },
    Elu {
        alpha: f32,
    },
    Selu {
        alpha: f32,
        gamma: f32,
    },
    Celu {
        alpha: f32,
    },
    Sigmoid,
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    HardSwish,
    Tanh,
    Softplus,
    Softsign,
    /// `tanh`: the tanh approximation instead of erf.
    Gelu {
        tanh: bool,
    },
    /// Bounds that are constant scalars. A Clip whose bounds are computed is imported as Max/Min.
    Clip {
        lo: Option<f32>,
        hi: Option<f32>,
    },
    Cast {
        to: DType,
    },
    Identity,

    // --- elementwise, several inputs, with multidirectional broadcasting
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    /// C semantics where `fmod`, else the sign of the divisor.
    Mod {
        fmod: bool,
    },
    /// Variadic.
    Min,
    /// Variadic.
    Max,
    /// Variadic.
    Sum,
    /// Variadic.
    Mean,
    /// x, slope (broadcasts to x).
    PRelu,
    Compare(Compare),
    And,
    Or,
    Xor,
    Bitwise(Bitwise),
    /// Unsigned integers only.
    BitShift {
        left: bool,
    },
    /// condition, x, y.
    Where,

    // --- linear
    /// `x [B, C, ..], w [M, C/groups, ..], bias [M]?`
    Conv(ConvAttrs),
    /// `x [B, C, ..], w [C, M/groups, ..], bias [M]?`
    ConvTranspose(ConvTransposeAttrs),
    /// a, b, c?
    Gemm {
        alpha: f32,
        beta: f32,
        trans_a: bool,
        trans_b: bool,
    },
    MatMul,

    // --- normalisation
    /// x, scale, bias, mean, var; inference mode.
    BatchNormalization {
        epsilon: f32,
    },
    /// x, scale, bias?; one output.
    LayerNormalization {
        axis: usize,
        epsilon: f32,
    },
    /// x, scale, bias.
    InstanceNormalization {
        epsilon: f32,
    },
    Softmax {
        axis: usize,
    },
    LogSoftmax {
        axis: usize,
    },

    // --- pooling
    /// Second output (flat indices over the whole tensor) where present.
    MaxPool(PoolAttrs),
    AveragePool {
        pool: PoolAttrs,
        count_include_pad: bool,
    },
    GlobalAveragePool,
    GlobalMaxPool,

    // --- reduction; `axes` sorted, never empty (an empty ONNX list is expanded or becomes Identity at import)
    Reduce {
        kind: Reduce,
        axes: Vec<usize>,
        keepdims: bool,
    },
    ArgMax {
        axis: usize,
        keepdims: bool,
        select_last: bool,
    },
    ArgMin {
        axis: usize,
        keepdims: bool,
        select_last: bool,
    },
    /// x; outputs values, indices. `k` is a constant.
    TopK {
        axis: usize,
        k: usize,
        largest: bool,
        sorted: bool,
    },
    CumSum {
        axis: usize,
        exclusive: bool,
        reverse: bool,
    },

    // --- layout; target shapes are payload: `Dim::Batch` stands for the symbolic batch
    Reshape {
        shape: Shape,
    },
    Transpose {
        perm: Vec<usize>,
    },
    Squeeze {
        axes: Vec<usize>,
    },
    /// Axes of the output.
    Unsqueeze {
        axes: Vec<usize>,
    },
    Concat {
        axis: usize,
    },
    Split {
        axis: usize,
        sizes: Vec<usize>,
    },
    /// `starts`/`ends` are normalised: clamped to the dimension, non-negative for positive steps; for negative steps an
    /// end of -1 means "through the first element". One entry per axis named.
    Slice {
        axes: Vec<usize>,
        starts: Vec<i64>,
        ends: Vec<i64>,
        steps: Vec<i64>,
    },
    /// data, indices; negative indices allowed.
    Gather {
        axis: usize,
    },
    GatherElements {
        axis: usize,
    },
    /// data, indices, updates.
    ScatterElements {
        axis: usize,
        reduction: ScatterReduction,
    },
    /// data, indices; the last axis of the indices picks along the axes of the data from `batch_dims` on.
    GatherND {
        batch_dims: usize,
    },
    /// data, indices, updates.
    ScatterND {
        reduction: ScatterReduction,
    },
    /// x, lengths `[B]` (i64): the first elements of each sample along `time`, as many as its length, come in reverse order.
    ReverseSequence {
        time: usize,
        batch: usize,
    },
    /// x, value (scalar)?; `pads` = begins then ends for every axis, may be negative (crop).
    Pad {
        mode: PadMode,
        pads: Vec<i64>,
    },
    Expand {
        shape: Shape,
    },
    Tile {
        repeats: Vec<usize>,
    },
    DepthToSpace {
        block: usize,
        column_row_depth: bool,
    },
    SpaceToDepth {
        block: usize,
    },
    /// x only; scales and sizes are payload.
    Resize(ResizeAttrs),
    /// indices, values [off, on]; `depth` is a constant; the new axis stands at `axis` of the output.
    OneHot {
        axis: usize,
        depth: usize,
    },
    /// Lower or upper triangle of the two last axes, shifted by `k`.
    Trilu {
        upper: bool,
        k: i64,
    },
    /// The shape of x as i64 vector, from axis `start` (inclusive) to `end` (exclusive).
    Shape {
        start: usize,
        end: usize,
    },

    /// Arithmetic on quantised numbers.
    Quant(Quant),

    /// An operator that the reader does not know or whose parameters are not constant.
    Opaque(OpaqueOp),
}
