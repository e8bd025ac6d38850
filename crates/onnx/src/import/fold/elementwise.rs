//! Operators that work element by element, as far as f64 rounded to f32 gives the very bits that a runtime computes: the
//! exponential, the sine and their kin are left to it.

use brinell_graph::{Compare, Op};

use super::{cast, remainder};
use crate::import::content::{Content, MAX_ITEMS};
use crate::import::symbol::{Sym, add, div, equal, less, max, min, mul, on_float};

pub(super) fn fold(op: &Op, contents: &[Content]) -> Option<Content> {
    let x = contents.first()?;
    let map = |f: fn(Sym) -> Sym| Some(Content { shape: x.shape.clone(), items: x.items.iter().map(|&item| f(item)).collect() });
    let pair = |f: &dyn Fn(Sym, Sym) -> Sym| zip(x, contents.get(1)?, f);
    let all = |f: fn(Sym, Sym) -> Sym| contents.iter().skip(1).try_fold(x.clone(), |a, b| zip(&a, b, &f));
    match op {
        Op::Identity => Some(x.clone()),
        Op::Cast { to } => Some(cast(x, *to)),
        Op::Neg => map(|a| mul(a, if matches!(a, Sym::Float(_)) { Sym::Float(-1.0) } else { Sym::Int(-1) })),
        Op::Not => map(|a| equal(a, Sym::Int(0))),
        Op::Abs => map(|a| match a {
            Sym::Int(i) => i.checked_abs().map_or(Sym::Unknown, Sym::Int),
            Sym::Batch(k) if k >= 0 => a,
            Sym::Float(x) => Sym::Float(x.abs()),
            _ => Sym::Unknown,
        }),
        Op::Floor => map(|a| on_float(a, f64::floor)),
        Op::Ceil => map(|a| on_float(a, f64::ceil)),
        Op::Round => map(|a| on_float(a, f64::round_ties_even)),
        Op::Sqrt => map(|a| of_float(a, f64::sqrt)),
        Op::Reciprocal => map(|a| of_float(a, f64::recip)),
        Op::Clip { lo, hi } => {
            let inside = |item: &Sym| match item {
                Sym::Float(x) => Sym::Float(hi.map_or(f64::INFINITY, f64::from).min(lo.map_or(f64::NEG_INFINITY, f64::from).max(*x))),
                _ => Sym::Unknown,
            };
            Some(Content { shape: x.shape.clone(), items: x.items.iter().map(inside).collect() })
        }
        Op::Add => pair(&add),
        Op::Sub => pair(&|a, b| add(a, negative(b))),
        Op::Mul => pair(&mul),
        Op::Div => pair(&div),
        Op::Mod { fmod } => pair(&|a, b| remainder(a, b, *fmod)),
        Op::Pow => pair(&power),
        Op::And => pair(&mul),
        Op::Or => pair(&|a, b| if let (Sym::Int(a), Sym::Int(b)) = (a, b) { Sym::Int(a | b) } else { Sym::Unknown }),
        Op::Xor => pair(&|a, b| if let (Sym::Int(a), Sym::Int(b)) = (a, b) { Sym::Int(a ^ b) } else { Sym::Unknown }),
        Op::Compare(Compare::Equal) => pair(&equal),
        Op::Compare(Compare::Less) => pair(&less),
        Op::Compare(Compare::Greater) => pair(&|a, b| less(b, a)),
        Op::Compare(Compare::LessOrEqual) => pair(&|a, b| opposite(less(b, a))),
        Op::Compare(Compare::GreaterOrEqual) => pair(&|a, b| opposite(less(a, b))),
        Op::Min => all(min),
        Op::Max => all(max),
        Op::Sum => all(add),
        Op::Where => select(x, contents.get(1)?, contents.get(2)?),
        _ => None,
    }
}

fn of_float(a: Sym, f: fn(f64) -> f64) -> Sym {
    if let Sym::Float(x) = a { Sym::Float(f(x)) } else { Sym::Unknown }
}

fn negative(a: Sym) -> Sym {
    if let Sym::Float(x) = a { Sym::Float(-x) } else { mul(a, Sym::Int(-1)) }
}

fn opposite(a: Sym) -> Sym {
    if a == Sym::Unknown { a } else { equal(a, Sym::Int(0)) }
}

fn power(a: Sym, b: Sym) -> Sym {
    match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).map_or(Sym::Unknown, Sym::Int),
        (Sym::Int(a), Sym::Float(b)) => super::super::symbol::whole(b).map_or(Sym::Unknown, |b| power(Sym::Int(a), Sym::Int(b))),
        _ => Sym::Unknown,
    }
}

/// Applies `f` to two broadcast operands.
pub(super) fn zip(a: &Content, b: &Content, f: &dyn Fn(Sym, Sym) -> Sym) -> Option<Content> {
    let rank = a.shape.len().max(b.shape.len());
    let dim = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).and_then(|i| shape.get(i)).copied().unwrap_or(1);
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        shape.push(match (dim(&a.shape, axis), dim(&b.shape, axis)) {
            (1, n) | (n, 1) => n,
            (n, m) if n == m => n,
            _ => return None,
        });
    }
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ITEMS)?;
    let position = |content: &Content, flat: usize| {
        let (mut rest, mut stride, mut at) = (flat, 1, 0);
        for axis in (0..rank).rev() {
            let full = shape.get(axis).copied().unwrap_or(1);
            let own = dim(&content.shape, axis);
            if own != 1 {
                at += (rest % full) * stride;
            }
            stride *= own;
            rest /= full;
        }
        content.items.get(at).copied()
    };
    let items = (0..count).map(|flat| Some(f(position(a, flat)?, position(b, flat)?))).collect::<Option<_>>()?;
    Content::new(shape, items)
}

fn select(condition: &Content, x: &Content, y: &Content) -> Option<Content> {
    let mut picked = zip(&zip(x, y, &|x, y| if x == y { x } else { Sym::Unknown })?, condition, &|item, _| item)?;
    let whole = |content: &Content| zip(content, &picked, &|a, _| a);
    let (condition, x, y) = (whole(condition)?, whole(x)?, whole(y)?);
    for (((item, c), &x), &y) in picked.items.iter_mut().zip(&condition.items).zip(&x.items).zip(&y.items) {
        match c {
            Sym::Int(0) => *item = y,
            Sym::Int(_) => *item = x,
            _ => {}
        }
    }
    Some(picked)
}
