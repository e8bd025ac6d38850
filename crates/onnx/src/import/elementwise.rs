//! Elementwise operators that are more than a name.

use brinell_graph::{Bitwise, Compare, DType, Op, Quant, SmallFloat, Tensor, TensorData, ValueId};

use super::symbol::Sym;
use super::{Importer, Node, Refusal, bad, opaque, unknown};
use crate::tensor;

/// A rule that makes one operator with the inputs of the node.
macro_rules! simple {
    ($($name:ident => $op:expr),* $(,)?) => {
        $(pub(super) fn $name(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
            importer.emit(node, $op, node.inputs.clone())
        })*
    };
}

simple! {
    neg => Op::Neg, abs => Op::Abs, sqrt => Op::Sqrt, exp => Op::Exp, log => Op::Log, erf => Op::Erf,
    reciprocal => Op::Reciprocal, sign => Op::Sign, floor => Op::Floor, ceil => Op::Ceil, round => Op::Round,
    sin => Op::Sin, cos => Op::Cos, tan => Op::Tan, asin => Op::Asin, acos => Op::Acos, atan => Op::Atan, sinh => Op::Sinh,
    cosh => Op::Cosh, asinh => Op::Asinh, acosh => Op::Acosh, atanh => Op::Atanh, is_nan => Op::IsNaN,
    bitwise_not => Op::BitwiseNot, bitwise_and => Op::Bitwise(Bitwise::And), bitwise_or => Op::Bitwise(Bitwise::Or),
    bitwise_xor => Op::Bitwise(Bitwise::Xor), not => Op::Not, relu => Op::Relu, sigmoid => Op::Sigmoid, hard_swish => Op::HardSwish,
    tanh => Op::Tanh, softplus => Op::Softplus, softsign => Op::Softsign, identity => Op::Identity,
    add => Op::Add, sub => Op::Sub, mul => Op::Mul, div => Op::Div, pow => Op::Pow, min => Op::Min, max => Op::Max,
    sum => Op::Sum, mean => Op::Mean, prelu => Op::PRelu, and => Op::And, or => Op::Or, xor => Op::Xor, choose => Op::Where,
    equal => Op::Compare(Compare::Equal), less => Op::Compare(Compare::Less), less_or_equal => Op::Compare(Compare::LessOrEqual),
    greater => Op::Compare(Compare::Greater), greater_or_equal => Op::Compare(Compare::GreaterOrEqual),
    matmul => Op::MatMul, global_average_pool => Op::GlobalAveragePool, global_max_pool => Op::GlobalMaxPool,
}

type Done = Result<(), Refusal>;

pub(super) fn leaky_relu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 0.01)?;
    importer.emit(node, Op::LeakyRelu { alpha }, node.inputs.clone())
}

pub(super) fn elu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    importer.emit(node, Op::Elu { alpha }, node.inputs.clone())
}

pub(super) fn selu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 1.673_263_2)?;
    let gamma = node.attributes.float_or("gamma", 1.050_701)?;
    importer.emit(node, Op::Selu { alpha, gamma }, node.inputs.clone())
}

pub(super) fn celu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    importer.emit(node, Op::Celu { alpha }, node.inputs.clone())
}

pub(super) fn hard_sigmoid(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let alpha = node.attributes.float_or("alpha", 0.2)?;
    let beta = node.attributes.float_or("beta", 0.5)?;
    importer.emit(node, Op::HardSigmoid { alpha, beta }, node.inputs.clone())
}

pub(super) fn gelu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let tanh = match node.attributes.string("approximate")?.as_deref() {
        None | Some("none") => false,
        Some("tanh") => true,
        Some(other) => return opaque(format!("approximation `{other}` is unknown")),
    };
    importer.emit(node, Op::Gelu { tanh }, node.inputs.clone())
}

/// x tanh(softplus(x)).
pub(super) fn mish(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let softplus = importer.step(node, Op::Softplus, &[x])?;
    let tanh = importer.step(node, Op::Tanh, &[softplus])?;
    importer.emit(node, Op::Mul, vec![Some(x), Some(tanh)])
}

/// x sigmoid(alpha x).
pub(super) fn swish(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let alpha = node.attributes.float_or("alpha", 1.0)?;
    let mut inner = x;
    if alpha.to_bits() != 1.0f32.to_bits() {
        let alpha = importer.number(node, x, f64::from(alpha))?;
        inner = importer.step(node, Op::Mul, &[x, alpha])?;
    }
    let gate = importer.step(node, Op::Sigmoid, &[inner])?;
    importer.emit(node, Op::Mul, vec![Some(x), Some(gate)])
}

/// x where x > alpha, else 0.
pub(super) fn thresholded_relu(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let alpha = importer.number(node, x, f64::from(node.attributes.float_or("alpha", 1.0)?))?;
    let zero = importer.number(node, x, 0.0)?;
    let above = importer.step(node, Op::Compare(Compare::Greater), &[x, alpha])?;
    importer.emit(node, Op::Where, vec![Some(above), Some(x), Some(zero)])
}

/// x + bias where x < -lambd, x - bias where x > lambd, else 0.
pub(super) fn shrink(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    let (bias, lambd) = (f64::from(node.attributes.float_or("bias", 0.0)?), f64::from(node.attributes.float_or("lambd", 0.5)?));
    let (low, high, zero) = (importer.number(node, x, -lambd)?, importer.number(node, x, lambd)?, importer.number(node, x, 0.0)?);
    let bias = importer.number(node, x, bias)?;
    let (raised, lowered) = (importer.step(node, Op::Add, &[x, bias])?, importer.step(node, Op::Sub, &[x, bias])?);
    let (below, above) =
        (importer.step(node, Op::Compare(Compare::Less), &[x, low])?, importer.step(node, Op::Compare(Compare::Greater), &[x, high])?);
    let right = importer.step(node, Op::Where, &[above, lowered, zero])?;
    importer.emit(node, Op::Where, vec![Some(below), Some(raised), Some(right)])
}

pub(super) fn is_inf(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let (negative, positive) = (node.attributes.flag("detect_negative", true)?, node.attributes.flag("detect_positive", true)?);
    importer.emit(node, Op::IsInf { negative, positive }, node.inputs.clone())
}

pub(super) fn bit_shift(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let left = match node.attributes.string("direction")?.as_deref() {
        Some("LEFT") => true,
        Some("RIGHT") => false,
        _ => return bad("attribute `direction` is neither LEFT nor RIGHT"),
    };
    importer.emit(node, Op::BitShift { left }, node.inputs.clone())
}

pub(super) fn modulo(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let fmod = node.attributes.flag("fmod", false)?;
    importer.emit(node, Op::Mod { fmod }, node.inputs.clone())
}

pub(super) fn cast(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let Some(number) = node.attributes.int("to")? else { return bad("attribute `to` is missing") };
    let to = i32::try_from(number).ok().and_then(tensor::dtype);
    match to {
        Some(to) => cast_to(importer, node, to),
        None => opaque(format!("element type {number} is not supported")),
    }
}

/// To a storage type means to round to its numbers, which stay in a type that one computes with.
fn cast_to(importer: &mut Importer<'_>, node: &Node<'_>, to: DType) -> Done {
    let x = node.input(0)?;
    match to.widened() {
        None if matches!(to, DType::Other(_)) => opaque(format!("it converts to {to:?}")),
        None => importer.emit(node, Op::Cast { to }, vec![Some(x)]),
        Some(_) if SmallFloat::of(to).is_some() && node.attributes.flag("saturate", true)? => {
            let real = importer.step(node, Op::Cast { to: DType::F32 }, &[x])?;
            importer.emit(node, Op::Quant(Quant::RoundToFloat { format: to }), vec![Some(real)])
        }
        Some(_) => opaque(format!("it converts to {to:?}")),
    }
}

/// A Cast to the type of the second input.
pub(super) fn cast_like(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    match importer.graph.value(node.input(1)?).dtype {
        Some(to) => cast_to(importer, node, node.stored(1).unwrap_or(to)),
        None => unknown("the type of its second input is unknown"),
    }
}

/// Inference mode: the input passes through.
/// True where the share that is dropped is known to be 0.
fn drops_nothing(importer: &Importer<'_>, node: &Node<'_>) -> bool {
    let share = node.optional(1).and_then(|id| importer.graph.constant_of(id)).and_then(|tensor| tensor.to_f64());
    share.is_some_and(|share| share.iter().all(|share| share.abs() <= 0.0))
}

pub(super) fn dropout(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    if let Some(training) = node.optional(2)
        && importer.content(training).and_then(|content| content.items.first().copied()) != Some(Sym::Int(0))
        && !drops_nothing(importer, node)
    {
        return opaque("it runs in training mode");
    }
    let x = node.input(0)?;
    if !node.has_outputs_beyond(1) {
        return importer.emit(node, Op::Identity, vec![Some(x)]);
    }
    // The mask keeps everything.
    let shape = importer.shape(x)?;
    let Some(on) = Tensor::new(Vec::new(), TensorData::Bool(vec![true])) else { return bad("no mask") };
    let on = importer.constant(node, on);
    let mask = importer.step(node, Op::Expand { shape }, &[on])?;
    importer.results(node, &[x, mask])
}

/// Bounds that f32 holds exactly become payload, others Max and Min.
pub(super) fn clip(importer: &mut Importer<'_>, node: &Node<'_>) -> Done {
    let x = node.input(0)?;
    if node.version < 11 {
        let lo = node.attributes.float("min")?.filter(|&lo| lo > f32::MIN);
        let hi = node.attributes.float("max")?.filter(|&hi| hi < f32::MAX);
        return bounded(importer, node, x, lo, hi);
    }
    let (lo, hi) = (node.optional(1), node.optional(2));
    let exact = |id: Option<ValueId>| match id.map(|id| importer.graph.constant_of(id)) {
        None => Some(None),
        // Halves are f32 exactly.
        Some(Some(tensor)) if matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::Bf16) => match tensor.to_f64()?.as_slice() {
            &[bound] => Some(Some(super::symbol::to_f32(bound))),
            _ => None,
        },
        Some(_) => None,
    };
    if let (Some(lo), Some(hi)) = (exact(lo), exact(hi)) {
        return bounded(importer, node, x, lo, hi);
    }
    match (lo, hi) {
        (Some(lo), Some(hi)) => {
            let above = importer.step(node, Op::Max, &[x, lo])?;
            importer.emit(node, Op::Min, vec![Some(above), Some(hi)])
        }
        (Some(lo), None) => importer.emit(node, Op::Max, vec![Some(x), Some(lo)]),
        (None, Some(hi)) => importer.emit(node, Op::Min, vec![Some(x), Some(hi)]),
        (None, None) => importer.emit(node, Op::Identity, vec![Some(x)]),
    }
}

fn bounded(importer: &mut Importer<'_>, node: &Node<'_>, x: ValueId, lo: Option<f32>, hi: Option<f32>) -> Done {
    let op = if lo.is_none() && hi.is_none() { Op::Identity } else { Op::Clip { lo, hi } };
    importer.emit(node, op, vec![Some(x)])
}
