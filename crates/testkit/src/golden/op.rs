use brinell_graph::{
    Compare, ConvAttrs, ConvTransposeAttrs, DType, Op, PadMode, PoolAttrs, Quant, Reduce, ResizeAttrs, ResizeCoordinates, ResizeMode,
    ResizeNearest, ScatterReduction,
};

use super::attributes::Attributes;

/// Returns the operator that a golden file names; `batch` replaces the symbolic batch in target shapes where it is given.
pub(super) fn op(name: &str, a: &Attributes<'_>, batch: Option<usize>) -> Result<Op, String> {
    if let Some(op) = plain(name) {
        return Ok(op);
    }
    Ok(match name {
        "LeakyRelu" => Op::LeakyRelu { alpha: a.float("alpha")? },
        "Elu" => Op::Elu { alpha: a.float("alpha")? },
        "Celu" => Op::Celu { alpha: a.float("alpha")? },
        "Selu" => Op::Selu { alpha: a.float("alpha")?, gamma: a.float("gamma")? },
        "HardSigmoid" => Op::HardSigmoid { alpha: a.float("alpha")?, beta: a.float("beta")? },
        "Mod" => Op::Mod { fmod: a.flag("fmod")? },
        "Gelu" => Op::Gelu { tanh: a.flag("tanh")? },
        "Clip" => Op::Clip { lo: a.optional_float("lo")?, hi: a.optional_float("hi")? },
        "Cast" => Op::Cast { to: dtype(a.text("to")?)? },
        "Conv" => Op::Conv(conv(a)?),
        "ConvTranspose" => Op::ConvTranspose(ConvTransposeAttrs {
            kernel: a.sizes("kernel")?,
            strides: a.sizes("strides")?,
            dilations: a.sizes("dilations")?,
            pads: a.sizes("pads")?,
            output_padding: a.sizes("output_padding")?,
            groups: a.size("groups")?,
        }),
        "Gemm" => Op::Gemm { alpha: a.float("alpha")?, beta: a.float("beta")?, trans_a: a.flag("trans_a")?, trans_b: a.flag("trans_b")? },
        "BatchNormalization" => Op::BatchNormalization { epsilon: a.float("epsilon")? },
        "LayerNormalization" => Op::LayerNormalization { axis: a.size("axis")?, epsilon: a.float("epsilon")? },
        "InstanceNormalization" => Op::InstanceNormalization { epsilon: a.float("epsilon")? },
        "Softmax" => Op::Softmax { axis: a.size("axis")? },
        "LogSoftmax" => Op::LogSoftmax { axis: a.size("axis")? },
        "MaxPool" => Op::MaxPool(pool(a)?),
        "AveragePool" => Op::AveragePool { pool: pool(a)?, count_include_pad: a.flag("count_include_pad")? },
        "Reduce" => Op::Reduce { kind: reduction(a.text("kind")?)?, axes: a.sizes("axes")?, keepdims: a.flag("keepdims")? },
        "ArgMax" => Op::ArgMax { axis: a.size("axis")?, keepdims: a.flag("keepdims")?, select_last: a.flag("select_last")? },
        "ArgMin" => Op::ArgMin { axis: a.size("axis")?, keepdims: a.flag("keepdims")?, select_last: a.flag("select_last")? },
        "TopK" => Op::TopK { axis: a.size("axis")?, k: a.size("k")?, largest: a.flag("largest")?, sorted: a.flag("sorted")? },
        "CumSum" => Op::CumSum { axis: a.size("axis")?, exclusive: a.flag("exclusive")?, reverse: a.flag("reverse")? },
        "QuantizeLinear" => Op::Quant(Quant::QuantizeLinear { axis: a.size("axis")?, to: dtype(a.text("to")?)? }),
        "DequantizeLinear" => Op::Quant(Quant::DequantizeLinear { axis: a.size("axis")? }),
        "QGemm" => Op::Quant(Quant::QGemm { alpha: a.float("alpha")?, trans_a: a.flag("trans_a")?, trans_b: a.flag("trans_b")? }),
        "QLinearLeakyRelu" => Op::Quant(Quant::QLinearLeakyRelu { alpha: a.float("alpha")? }),
        "QLinearAveragePool" => Op::Quant(Quant::QLinearAveragePool { pool: pool(a)?, count_include_pad: a.flag("count_include_pad")? }),
        "QLinearSoftmax" => Op::Quant(Quant::QLinearSoftmax { axis: a.size("axis")? }),
        "QLinearConcat" => Op::Quant(Quant::QLinearConcat { axis: a.size("axis")? }),
        "ConvInteger" => Op::Quant(Quant::ConvInteger(conv(a)?)),
        "QLinearConv" => Op::Quant(Quant::QLinearConv(conv(a)?)),
        _ => return layout(name, a, batch),
    })
}

fn conv(a: &Attributes<'_>) -> Result<ConvAttrs, String> {
    Ok(ConvAttrs {
        kernel: a.sizes("kernel")?,
        strides: a.sizes("strides")?,
        dilations: a.sizes("dilations")?,
        pads: a.sizes("pads")?,
        groups: a.size("groups")?,
    })
}

fn layout(name: &str, a: &Attributes<'_>, batch: Option<usize>) -> Result<Op, String> {
    Ok(match name {
        "Reshape" => Op::Reshape { shape: a.shape("shape", batch)? },
        "Expand" => Op::Expand { shape: a.shape("shape", batch)? },
        "Transpose" => Op::Transpose { perm: a.sizes("perm")? },
        "Squeeze" => Op::Squeeze { axes: a.sizes("axes")? },
        "Unsqueeze" => Op::Unsqueeze { axes: a.sizes("axes")? },
        "Concat" => Op::Concat { axis: a.size("axis")? },
        "Split" => Op::Split { axis: a.size("axis")?, sizes: a.sizes("sizes")? },
        "Slice" => Op::Slice { axes: a.sizes("axes")?, starts: a.ints("starts")?, ends: a.ints("ends")?, steps: a.ints("steps")? },
        "Gather" => Op::Gather { axis: a.size("axis")? },
        "GatherElements" => Op::GatherElements { axis: a.size("axis")? },
        "ScatterElements" => Op::ScatterElements { axis: a.size("axis")?, reduction: scatter(a.text("reduction")?)? },
        "GatherND" => Op::GatherND { batch_dims: a.size("batch_dims")? },
        "ScatterND" => Op::ScatterND { reduction: scatter(a.text("reduction")?)? },
        "ReverseSequence" => Op::ReverseSequence { time: a.size("time")?, batch: a.size("batch")? },
        "Pad" => Op::Pad { mode: pad(a.text("mode")?)?, pads: a.ints("pads")? },
        "Tile" => Op::Tile { repeats: a.sizes("repeats")? },
        "DepthToSpace" => Op::DepthToSpace { block: a.size("block")?, column_row_depth: a.flag("column_row_depth")? },
        "SpaceToDepth" => Op::SpaceToDepth { block: a.size("block")? },
        "Resize" => Op::Resize(resize(a, batch)?),
        "OneHot" => Op::OneHot { axis: a.size("axis")?, depth: a.size("depth")? },
        "Trilu" => Op::Trilu { upper: a.flag("upper")?, k: a.int("k")? },
        _ => return Err(format!("operator `{name}` is not in the vocabulary of golden files")),
    })
}

/// Returns the operators without attributes.
fn plain(name: &str) -> Option<Op> {
    const PLAIN: [Op; 59] = [
        Op::Neg,
        Op::Abs,
        Op::Sqrt,
        Op::Exp,
        Op::Log,
        Op::Erf,
        Op::Reciprocal,
        Op::Sign,
        Op::Floor,
        Op::Ceil,
        Op::Round,
        Op::Sin,
        Op::Cos,
        Op::Tan,
        Op::Asin,
        Op::Acos,
        Op::Atan,
        Op::Sinh,
        Op::Cosh,
        Op::Asinh,
        Op::Acosh,
        Op::Atanh,
        Op::Quant(Quant::DynamicQuantizeLinear),
        Op::Quant(Quant::MatMulInteger),
        Op::Quant(Quant::QLinearMatMul),
        Op::Quant(Quant::QLinearAdd),
        Op::Quant(Quant::QLinearMul),
        Op::Quant(Quant::QLinearSigmoid),
        Op::Quant(Quant::QLinearGlobalAveragePool),
        Op::Not,
        Op::Relu,
        Op::Sigmoid,
        Op::HardSwish,
        Op::Tanh,
        Op::Softplus,
        Op::Softsign,
        Op::Identity,
        Op::Add,
        Op::Sub,
        Op::Mul,
        Op::Div,
        Op::Pow,
        Op::Min,
        Op::Max,
        Op::Sum,
        Op::Mean,
        Op::PRelu,
        Op::And,
        Op::Or,
        Op::Xor,
        Op::Where,
        Op::MatMul,
        Op::GlobalAveragePool,
        Op::GlobalMaxPool,
        Op::Compare(Compare::Equal),
        Op::Compare(Compare::Less),
        Op::Compare(Compare::LessOrEqual),
        Op::Compare(Compare::Greater),
        Op::Compare(Compare::GreaterOrEqual),
    ];
    PLAIN.into_iter().find(|op| op.name() == name)
}

fn pool(a: &Attributes<'_>) -> Result<PoolAttrs, String> {
    Ok(PoolAttrs {
        kernel: a.sizes("kernel")?,
        strides: a.sizes("strides")?,
        dilations: a.sizes("dilations")?,
        pads: a.sizes("pads")?,
        ceil_mode: a.flag("ceil_mode")?,
    })
}

/// Returns a resize by sizes; what golden files do not vary has ONNX's default.
fn resize(a: &Attributes<'_>, batch: Option<usize>) -> Result<ResizeAttrs, String> {
    use ResizeCoordinates::{AlignCorners, Asymmetric, HalfPixel, HalfPixelSymmetric, PytorchHalfPixel};
    use ResizeNearest::{Ceil, Floor, RoundPreferCeil, RoundPreferFloor};
    Ok(ResizeAttrs {
        mode: named(a.text("mode")?, &[ResizeMode::Nearest, ResizeMode::Linear, ResizeMode::Cubic])?,
        coordinates: named(a.text("coordinates")?, &[HalfPixel, HalfPixelSymmetric, PytorchHalfPixel, AlignCorners, Asymmetric])?,
        nearest: named(a.text("nearest")?, &[RoundPreferFloor, RoundPreferCeil, Floor, Ceil])?,
        cubic_coeff_a: a.float("cubic_coeff_a").unwrap_or(-0.75),
        exclude_outside: a.flag("exclude_outside").unwrap_or(false),
        extrapolation_value: 0.0,
        antialias: a.flag("antialias").unwrap_or(false),
        scales: a.floats("scales")?,
        sizes: a.shape("sizes", batch)?,
        by_size: true,
    })
}

/// Returns the one of `known` whose variant has that name.
fn named<T: Copy + std::fmt::Debug>(name: &str, known: &[T]) -> Result<T, String> {
    known.iter().copied().find(|k| format!("{k:?}") == name).ok_or_else(|| format!("`{name}` is none of {known:?}"))
}

/// Returns the element type of that name.
pub(super) fn dtype(name: &str) -> Result<DType, String> {
    use DType::{Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16};
    named(name, &[F32, F64, F16, U8, I8, U16, I16, I32, I64, Bool])
}

fn reduction(name: &str) -> Result<Reduce, String> {
    use Reduce::{L1, L2, LogSum, LogSumExp, Max, Mean, Min, Prod, Sum, SumSquare};
    named(name, &[Sum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp])
}

fn scatter(name: &str) -> Result<ScatterReduction, String> {
    use ScatterReduction::{Add, Max, Min, Mul, None};
    named(name, &[None, Add, Mul, Max, Min])
}

fn pad(name: &str) -> Result<PadMode, String> {
    named(name, &[PadMode::Constant, PadMode::Reflect, PadMode::Edge, PadMode::Wrap])
}
