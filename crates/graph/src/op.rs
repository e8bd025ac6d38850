use crate::{DType, Shape};

/// An operator of the graph, with its attributes in the form of the newest opset.
///
/// Inputs and outputs are positional, as in ONNX, less those that became payload here. Where a comment names inputs,
/// `?` marks optional ones. Semantics are ONNX's of opset 22 unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
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
    Not,
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

    /// An operator that the reader does not know or whose parameters are not constant.
    Opaque(OpaqueOp),
}

/// Comparison of two broadcast operands; the result is Bool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How a reduction combines elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names less the prefix Reduce")]
pub enum Reduce {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

/// Attributes of a convolution. All vectors have one entry per spatial axis, `pads` two (begins, then ends).
/// `auto_pad` has become explicit pads at import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub struct ConvAttrs {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Vec<usize>,
    pub groups: usize,
}

/// Attributes of a transposed convolution; `output_shape` is resolved into pads at import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub struct ConvTransposeAttrs {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Vec<usize>,
    pub output_padding: Vec<usize>,
    pub groups: usize,
}

/// Attributes of a pooling window.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub struct PoolAttrs {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub pads: Vec<usize>,
    pub ceil_mode: bool,
}

/// What stands outside the tensor in a Pad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum PadMode {
    Constant,
    Reflect,
    Edge,
    Wrap,
}

/// How ScatterElements combines duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum ScatterReduction {
    None,
    Add,
    Mul,
    Max,
    Min,
}

/// Attributes of Resize (and Upsample), with the output size resolved: one scale and one size per axis.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub struct ResizeAttrs {
    pub mode: ResizeMode,
    pub coordinates: ResizeCoordinates,
    pub nearest: ResizeNearest,
    pub cubic_coeff_a: f32,
    pub exclude_outside: bool,
    pub extrapolation_value: f32,
    pub antialias: bool,
    /// Scale per axis (1.0 where an axis is kept).
    pub scales: Vec<f32>,
    /// Output shape.
    pub sizes: Shape,
    /// True where the model gave `sizes` (the writer then emits sizes, since rounding differs), false for scales.
    pub by_size: bool,
}

/// Interpolation of Resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum ResizeMode {
    Nearest,
    Linear,
    Cubic,
}

/// Coordinate transformation of Resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum ResizeCoordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

/// Rounding of Resize in nearest mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum ResizeNearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

/// An operator carried along unread.
#[derive(Debug, Clone, PartialEq)]
pub struct OpaqueOp {
    /// Domain, empty for the default one.
    pub domain: String,
    /// Operator name.
    pub op_type: String,
    /// Version of the domain that the model imports.
    pub opset: i64,
    /// Encoded `AttributeProto` messages, in order.
    pub attributes: Vec<Vec<u8>>,
    /// Why it is opaque, for messages: "unknown operator" or what was not constant.
    pub reason: String,
    /// The last so many inputs of the node are values that its subgraphs use by name; they are no inputs of the operator.
    pub captures: usize,
}

impl Op {
    /// Returns ONNX's name of the operator.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Neg => "Neg",
            Self::Abs => "Abs",
            Self::Sqrt => "Sqrt",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Erf => "Erf",
            Self::Reciprocal => "Reciprocal",
            Self::Sign => "Sign",
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
            Self::Sin => "Sin",
            Self::Cos => "Cos",
            Self::Not => "Not",
            Self::Relu => "Relu",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Elu { .. } => "Elu",
            Self::Selu { .. } => "Selu",
            Self::Celu { .. } => "Celu",
            Self::Sigmoid => "Sigmoid",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
            Self::Tanh => "Tanh",
            Self::Softplus => "Softplus",
            Self::Softsign => "Softsign",
            Self::Gelu { .. } => "Gelu",
            Self::Clip { .. } => "Clip",
            Self::Cast { .. } => "Cast",
            Self::Identity => "Identity",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Pow => "Pow",
            Self::Mod { .. } => "Mod",
            Self::Min => "Min",
            Self::Max => "Max",
            Self::Sum => "Sum",
            Self::Mean => "Mean",
            Self::PRelu => "PRelu",
            Self::Compare(Compare::Equal) => "Equal",
            Self::Compare(Compare::Less) => "Less",
            Self::Compare(Compare::LessOrEqual) => "LessOrEqual",
            Self::Compare(Compare::Greater) => "Greater",
            Self::Compare(Compare::GreaterOrEqual) => "GreaterOrEqual",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
            Self::Where => "Where",
            Self::Conv(_) => "Conv",
            Self::ConvTranspose(_) => "ConvTranspose",
            Self::Gemm { .. } => "Gemm",
            Self::MatMul => "MatMul",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::LayerNormalization { .. } => "LayerNormalization",
            Self::InstanceNormalization { .. } => "InstanceNormalization",
            Self::Softmax { .. } => "Softmax",
            Self::LogSoftmax { .. } => "LogSoftmax",
            Self::MaxPool(_) => "MaxPool",
            Self::AveragePool { .. } => "AveragePool",
            Self::GlobalAveragePool => "GlobalAveragePool",
            Self::GlobalMaxPool => "GlobalMaxPool",
            Self::Reduce { kind, .. } => match kind {
                Reduce::Sum => "ReduceSum",
                Reduce::Mean => "ReduceMean",
                Reduce::Max => "ReduceMax",
                Reduce::Min => "ReduceMin",
                Reduce::Prod => "ReduceProd",
                Reduce::L1 => "ReduceL1",
                Reduce::L2 => "ReduceL2",
                Reduce::SumSquare => "ReduceSumSquare",
                Reduce::LogSum => "ReduceLogSum",
                Reduce::LogSumExp => "ReduceLogSumExp",
            },
            Self::ArgMax { .. } => "ArgMax",
            Self::ArgMin { .. } => "ArgMin",
            Self::TopK { .. } => "TopK",
            Self::CumSum { .. } => "CumSum",
            Self::Reshape { .. } => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Squeeze { .. } => "Squeeze",
            Self::Unsqueeze { .. } => "Unsqueeze",
            Self::Concat { .. } => "Concat",
            Self::Split { .. } => "Split",
            Self::Slice { .. } => "Slice",
            Self::Gather { .. } => "Gather",
            Self::GatherElements { .. } => "GatherElements",
            Self::ScatterElements { .. } => "ScatterElements",
            Self::Pad { .. } => "Pad",
            Self::Expand { .. } => "Expand",
            Self::Tile { .. } => "Tile",
            Self::DepthToSpace { .. } => "DepthToSpace",
            Self::SpaceToDepth { .. } => "SpaceToDepth",
            Self::Resize(_) => "Resize",
            Self::OneHot { .. } => "OneHot",
            Self::Trilu { .. } => "Trilu",
            Self::Shape { .. } => "Shape",
            Self::Opaque(op) => &op.op_type,
        }
    }
}
