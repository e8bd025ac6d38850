use crate::Shape;

/// Comparison of two broadcast operands; the result is Bool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[expect(missing_docs, reason = "ONNX's names")]
pub enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Operation on the bits of two broadcast integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(prefix = "Bitwise")]
#[expect(missing_docs, reason = "ONNX's names less the prefix Bitwise")]
pub enum Bitwise {
    And,
    Or,
    Xor,
}

/// How a reduction combines elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(prefix = "Reduce")]
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

/// How ScatterElements and ScatterND combine what they place with what is there.
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
    /// It is opaque only for want of a shape or a content that an opaque node in front hides.
    pub follows: bool,
    /// The last so many inputs of the node are values that its subgraphs use by name; they are no inputs of the operator.
    pub captures: usize,
}
