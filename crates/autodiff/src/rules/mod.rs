//! The gradient of every operator, one file per family.

mod activation;
mod binary;
mod conv;
mod conv_weight;
mod extremum;
mod index;
mod layout;
mod linear;
mod max_pool;
mod norm;
mod pool;
mod quant;
mod reduce;
mod resize;
mod slice;
mod softmax;
mod trigonometric;
mod unary;

use brinell_graph::Op;

pub(crate) use reduce::first_extremum;

use crate::ctx::{Ctx, Grads, RuleError, unsupported};

/// Returns true for operators that are piecewise constant: they end the gradient silently, as in PyTorch.
pub(crate) fn is_flat(op: &Op) -> bool {
    matches!(
        op,
        Op::Sign
            | Op::Floor
            | Op::Ceil
            | Op::Round
            | Op::Not
            | Op::BitwiseNot
            | Op::IsNaN
            | Op::IsInf { .. }
            | Op::Bitwise(_)
            | Op::BitShift { .. }
            | Op::Compare(_)
            | Op::And
            | Op::Or
            | Op::Xor
            | Op::ArgMax { .. }
            | Op::ArgMin { .. }
            | Op::OneHot { .. }
            | Op::Shape { .. }
    )
}

/// Returns true for operators whose second input says where to take or put something.
fn picks(op: &Op) -> bool {
    matches!(
        op,
        Op::Gather { .. }
            | Op::GatherElements { .. }
            | Op::GatherND { .. }
            | Op::ScatterElements { .. }
            | Op::ScatterND { .. }
            | Op::ReverseSequence { .. }
    )
}

/// True for operators whose backward pass can be softened: ReLU, and a ReLU that is cut above.
pub(crate) fn can_soften(op: &Op) -> bool {
    matches!(op, Op::Relu | Op::Clip { lo: Some(0.0), hi: None }) || matches!(op, Op::Clip { lo: Some(0.0), hi: Some(hi) } if *hi > 0.0)
}

/// True for steps that a gradient can be passed through as if they did nothing: they move a number to a neighbouring one.
pub(crate) fn is_step(op: &Op) -> bool {
    matches!(op, Op::Round | Op::Floor | Op::Ceil)
}

/// Passes the gradient on unchanged.
pub(crate) fn straight(ctx: &mut Ctx<'_>) -> Grads {
    Ctx::one(ctx.dy()?)
}

/// Applies the softer rule of a ReLU.
pub(crate) fn soften(ctx: &mut Ctx<'_>) -> Grads {
    match &ctx.node.op {
        Op::Clip { hi: Some(hi), .. } => activation::soft_relu(ctx, Some(*hi)),
        _ => activation::soft_relu(ctx, None),
    }
}

/// Applies the rule of the node's operator.
pub(crate) fn apply(ctx: &mut Ctx<'_>) -> Grads {
    match &ctx.node.op {
        op if is_flat(op) => Ok(Vec::new()),
        op if picks(op) && ctx.wants(1) => unsupported("the values are indices, as into an embedding table, so they have no gradient"),
        Op::Neg | Op::Abs | Op::Sqrt | Op::Exp | Op::Log | Op::Erf | Op::Reciprocal | Op::Sin | Op::Cos => unary::unary(ctx),
        Op::Tan | Op::Asin | Op::Acos | Op::Atan | Op::Sinh | Op::Cosh | Op::Asinh | Op::Acosh | Op::Atanh => trigonometric::rule(ctx),
        Op::Cast { .. } | Op::Identity => unary::cast(ctx),
        Op::Relu => activation::relu(ctx),
        Op::Clip { lo, hi } => activation::clip(ctx, *lo, *hi),
        Op::LeakyRelu { alpha } => activation::leaky_relu(ctx, *alpha),
        Op::PRelu => activation::prelu(ctx),
        Op::Elu { alpha } => activation::elu(ctx, *alpha),
        Op::Selu { alpha, gamma } => activation::selu(ctx, *alpha, *gamma),
        Op::Celu { alpha } => activation::celu(ctx, *alpha),
        Op::Sigmoid => activation::sigmoid(ctx),
        Op::HardSigmoid { alpha, .. } => activation::hard_sigmoid(ctx, *alpha),
        Op::HardSwish => activation::hard_swish(ctx),
        Op::Tanh => activation::tanh(ctx),
        Op::Softplus => activation::softplus(ctx),
        Op::Softsign => activation::softsign(ctx),
        Op::Gelu { tanh } => activation::gelu(ctx, *tanh),
        Op::Add => binary::add(ctx),
        Op::Sub => binary::sub(ctx),
        Op::Mul => binary::mul(ctx),
        Op::Div => binary::div(ctx),
        Op::Pow => binary::pow(ctx),
        Op::Mod { .. } => binary::modulo(ctx),
        Op::Sum => binary::sum(ctx, 1.0),
        #[expect(clippy::cast_precision_loss, reason = "no node has 2^52 inputs")]
        Op::Mean => binary::sum(ctx, 1.0 / ctx.node.inputs.len() as f64),
        Op::Where => binary::select(ctx),
        Op::Min | Op::Max => extremum::min_max(ctx),
        Op::Gemm { alpha, beta, trans_a, trans_b } => linear::gemm(ctx, *alpha, *beta, *trans_a, *trans_b),
        Op::MatMul => linear::matmul(ctx),
        Op::Conv(attrs) => conv::conv(ctx, attrs),
        Op::ConvTranspose(attrs) => conv::conv_transpose(ctx, attrs),
        Op::BatchNormalization { epsilon } => norm::batch(ctx, *epsilon),
        Op::LayerNormalization { axis, epsilon } => norm::layer(ctx, *axis, *epsilon),
        Op::InstanceNormalization { epsilon } => norm::instance(ctx, *epsilon),
        Op::Softmax { axis } => softmax::softmax(ctx, *axis),
        Op::LogSoftmax { axis } => softmax::log_softmax(ctx, *axis),
        Op::MaxPool(pool) => max_pool::max_pool(ctx, pool),
        Op::AveragePool { pool, count_include_pad } => pool::average(ctx, pool, *count_include_pad),
        Op::GlobalAveragePool => pool::global_average(ctx),
        Op::GlobalMaxPool => pool::global_max(ctx),
        Op::Reduce { kind, axes, keepdims } => reduce::reduce(ctx, *kind, axes, *keepdims),
        Op::TopK { axis, .. } => index::top_k(ctx, *axis),
        Op::CumSum { axis, exclusive, reverse } => index::cum_sum(ctx, *axis, *exclusive, *reverse),
        Op::Trilu { upper, k } => index::trilu(ctx, *upper, *k),
        Op::Gather { axis } => index::gather(ctx, *axis),
        Op::GatherElements { axis } => index::gather_elements(ctx, *axis),
        Op::ScatterElements { axis, reduction } => index::scatter_elements(ctx, *axis, *reduction),
        Op::GatherND { batch_dims } => index::gather_nd(ctx, *batch_dims),
        Op::ScatterND { reduction } => index::scatter_nd(ctx, *reduction),
        Op::ReverseSequence { .. } => index::reverse_sequence(ctx),
        Op::Quant(quant) => quant::quantised(ctx, quant),
        Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => layout::reshape(ctx),
        Op::Transpose { perm } => layout::transpose(ctx, perm),
        Op::Concat { axis } => layout::concat(ctx, *axis),
        Op::Split { axis, sizes } => layout::split(ctx, *axis, sizes),
        Op::Expand { .. } => layout::expand(ctx),
        Op::Tile { repeats } => layout::tile(ctx, repeats),
        Op::DepthToSpace { block, column_row_depth } => layout::depth_to_space(ctx, *block, *column_row_depth),
        Op::SpaceToDepth { block } => layout::space_to_depth(ctx, *block),
        Op::Slice { axes, starts, ends: _, steps } => slice::slice(ctx, axes, starts, steps),
        Op::Pad { mode, pads } => slice::pad(ctx, *mode, pads),
        Op::Resize(attrs) => resize::resize(ctx, attrs),
        Op::Opaque(op) if op.follows => Err(RuleError::Unknown(op.reason.clone())),
        Op::Opaque(op) => unsupported(op.reason.clone()),
        _ => unsupported("no rule"),
    }
}
