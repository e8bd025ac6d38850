use brinell_graph::{Bitwise, Compare, DType, Op};

use super::{Context, Outputs};
use crate::Array;
use crate::array::broadcast_shape;

type Unary = Box<dyn Fn(f64) -> f64>;
type Several = Box<dyn Fn(&[f64]) -> f64>;

/// Evaluates an operator with one input, element by element.
pub(super) fn unary(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    let f: Unary = match *op {
        Op::Neg => Box::new(|x| -x),
        Op::Abs => Box::new(f64::abs),
        Op::Sqrt => Box::new(f64::sqrt),
        Op::Exp => Box::new(f64::exp),
        Op::Log => Box::new(f64::ln),
        Op::Erf => Box::new(erf),
        Op::Reciprocal => Box::new(f64::recip),
        Op::Sign => Box::new(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        Op::Floor => Box::new(f64::floor),
        Op::Ceil => Box::new(f64::ceil),
        Op::Round => Box::new(f64::round_ties_even),
        Op::Sin => Box::new(f64::sin),
        Op::Cos => Box::new(f64::cos),
        Op::Tan => Box::new(f64::tan),
        Op::Asin => Box::new(f64::asin),
        Op::Acos => Box::new(f64::acos),
        Op::Atan => Box::new(f64::atan),
        Op::Sinh => Box::new(f64::sinh),
        Op::Cosh => Box::new(f64::cosh),
        Op::Asinh => Box::new(f64::asinh),
        Op::Acosh => Box::new(f64::acosh),
        Op::Atanh => Box::new(f64::atanh),
        Op::IsNaN => Box::new(|x| truth(x.is_nan())),
        Op::IsInf { negative, positive } => Box::new(move |x| truth(x.is_infinite() && if x < 0.0 { negative } else { positive })),
        Op::BitwiseNot => {
            let all = cx.bits(0).filter(|_| cx.is_unsigned(0)).map_or(-1.0, |bits| 2f64.powi(bits) - 1.0);
            Box::new(move |x| all - x)
        }
        Op::Not => Box::new(|x| truth(x == 0.0)),
        Op::Relu => Box::new(|x| if x < 0.0 { 0.0 } else { x }),
        Op::LeakyRelu { alpha } => Box::new(move |x| if x < 0.0 { f64::from(alpha) * x } else { x }),
        Op::Elu { alpha } => Box::new(move |x| if x < 0.0 { f64::from(alpha) * x.exp_m1() } else { x }),
        Op::Selu { alpha, gamma } => Box::new(move |x| f64::from(gamma) * if x <= 0.0 { f64::from(alpha) * x.exp_m1() } else { x }),
        Op::Celu { alpha } => {
            let alpha = f64::from(alpha);
            Box::new(move |x| x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0))
        }
        Op::Sigmoid => Box::new(sigmoid),
        Op::HardSigmoid { alpha, beta } => Box::new(move |x| (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)),
        Op::HardSwish => Box::new(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        Op::Tanh => Box::new(f64::tanh),
        Op::Softplus => Box::new(|x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        Op::Softsign => Box::new(|x| x / (1.0 + x.abs())),
        Op::Gelu { tanh } => Box::new(move |x| if tanh { gelu_tanh(x) } else { 0.5 * x * (1.0 + erf(x / 2f64.sqrt())) }),
        // The upper bound wins where the bounds cross, as in ONNX.
        Op::Clip { lo, hi } => Box::new(move |x| {
            let x = lo.map_or(x, |lo| if x < f64::from(lo) { f64::from(lo) } else { x });
            hi.map_or(x, |hi| if x > f64::from(hi) { f64::from(hi) } else { x })
        }),
        Op::Cast { to } => cast(to),
        Op::Identity => Box::new(|x| x),
        _ => return None,
    };
    Some(cx.input(0).map(|x| vec![x.map(f)]))
}

/// Evaluates an operator on broadcast operands.
pub(super) fn several(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    let integer = cx.is_integer(0);
    let f: Several = match *op {
        Op::Add | Op::Sum => Box::new(|x| x.iter().sum()),
        Op::Mean => Box::new(|x| x.iter().sum::<f64>() / x.len() as f64),
        Op::Sub => Box::new(|x| x[0] - x[1]),
        Op::Mul => Box::new(|x| x[0] * x[1]),
        Op::Div if integer => Box::new(|x| (x[0] / x[1]).trunc()),
        Op::Div => Box::new(|x| x[0] / x[1]),
        Op::Pow => Box::new(|x| x[0].powf(x[1])),
        Op::Mod { fmod: true } => Box::new(|x| x[0] % x[1]),
        Op::Mod { fmod: false } => Box::new(|x| floor_mod(x[0], x[1])),
        Op::Min => Box::new(|x| fold(x, |a, b| b < a)),
        Op::Max => Box::new(|x| fold(x, |a, b| b > a)),
        Op::PRelu => Box::new(|x| if x[0] < 0.0 { x[0] * x[1] } else { x[0] }),
        Op::Compare(compare) => comparison(compare),
        Op::And => Box::new(|x| truth(x[0] != 0.0 && x[1] != 0.0)),
        Op::Or => Box::new(|x| truth(x[0] != 0.0 || x[1] != 0.0)),
        Op::Xor => Box::new(|x| truth((x[0] != 0.0) != (x[1] != 0.0))),
        Op::Where => Box::new(|x| if x[0] != 0.0 { x[1] } else { x[2] }),
        Op::Bitwise(Bitwise::And) => Box::new(|x| (x[0] as i64 & x[1] as i64) as f64),
        Op::Bitwise(Bitwise::Or) => Box::new(|x| (x[0] as i64 | x[1] as i64) as f64),
        Op::Bitwise(Bitwise::Xor) => Box::new(|x| (x[0] as i64 ^ x[1] as i64) as f64),
        Op::BitShift { left } => {
            let modulus = 2f64.powi(cx.bits(0).unwrap_or(64));
            Box::new(move |x| if left { (x[0] * x[1].exp2()) % modulus } else { (x[0] / x[1].exp2()).floor() })
        }
        _ => return None,
    };
    let arity = match op {
        Op::Min | Op::Max | Op::Sum | Op::Mean => 1..=usize::MAX,
        Op::Where => 3..=3,
        _ => 2..=2,
    };
    Some(cx.all().and_then(|inputs| {
        if !arity.contains(&inputs.len()) {
            return Err(format!("{} operands", inputs.len()));
        }
        broadcast(&inputs, f)
    }))
}

fn broadcast(inputs: &[&Array], f: impl Fn(&[f64]) -> f64) -> Outputs {
    let shapes: Vec<&[usize]> = inputs.iter().map(|x| x.shape.as_slice()).collect();
    let shape = broadcast_shape(&shapes).ok_or_else(|| format!("{shapes:?} do not broadcast"))?;
    let mut operands = vec![0.0; inputs.len()];
    Ok(vec![Array::from_fn(&shape, |index| {
        for (operand, x) in operands.iter_mut().zip(inputs) {
            *operand = x.broadcast_at(index);
        }
        f(&operands)
    })])
}

/// Returns the first element that no later one beats; NaN wins over everything.
fn fold(x: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    x.iter().copied().reduce(|a, b| if b.is_nan() || beats(a, b) { b } else { a }).unwrap_or(f64::NAN)
}

fn comparison(compare: Compare) -> Several {
    match compare {
        Compare::Equal => Box::new(|x| truth(x[0] == x[1])),
        Compare::Less => Box::new(|x| truth(x[0] < x[1])),
        Compare::LessOrEqual => Box::new(|x| truth(x[0] <= x[1])),
        Compare::Greater => Box::new(|x| truth(x[0] > x[1])),
        Compare::GreaterOrEqual => Box::new(|x| truth(x[0] >= x[1])),
    }
}

fn cast(to: DType) -> Unary {
    match to {
        DType::Bool => Box::new(|x| truth(x != 0.0)),
        DType::F16 | DType::Bf16 | DType::F32 | DType::F64 => Box::new(|x| x),
        _ => Box::new(f64::trunc),
    }
}

/// Returns the remainder with the sign of the divisor.
fn floor_mod(x: f64, divisor: f64) -> f64 {
    let rest = x % divisor;
    if rest != 0.0 && (rest < 0.0) != (divisor < 0.0) { rest + divisor } else { rest }
}

fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

fn gelu_tanh(x: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}

/// Returns the error function to full precision.
///
/// # Source
/// Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.6: a series of positive terms, so nothing cancels.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * f64::EPSILON / 4.0 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
