//! Numbers of which some depend on the batch.

use brinell_graph::{DType, Dim};

/// One element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sym {
    /// An integer; false and true are 0 and 1.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A multiple of the batch.
    Batch(i64),
    /// Known at run time only.
    Unknown,
}
#[expect(clippy::as_conversions, reason = "rounding to the nearest f32 is what is wanted")]
pub(super) fn to_f32(x: f64) -> f32 {
    x as f32
}

#[expect(clippy::as_conversions, reason = "the number has been checked to be a whole one that i64 holds")]
pub(super) fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() < 9.0e15).then_some(x as i64)
}

#[expect(clippy::as_conversions, reason = "sizes are far below 2^53, where every integer is a f64")]
fn float(i: i64) -> Option<f64> {
    (i.unsigned_abs() < (1 << 53)).then_some(i as f64)
}

pub(super) fn of_dim(dim: Dim) -> Sym {
    match dim {
        Dim::Fixed(n) => i64::try_from(n).map_or(Sym::Unknown, Sym::Int),
        Dim::Batch(k) => i64::try_from(k).map_or(Sym::Unknown, Sym::Batch),
        Dim::Unknown => Sym::Unknown,
    }
}

pub(super) fn mul(a: Sym, b: Sym) -> Sym {
    let product = match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => a.checked_mul(b).map(Sym::Int),
        (Sym::Float(a), Sym::Float(b)) => Some(Sym::Float(a * b)),
        (Sym::Batch(k), Sym::Int(n)) | (Sym::Int(n), Sym::Batch(k)) => k.checked_mul(n).map(Sym::Batch),
        (Sym::Batch(k), Sym::Float(x)) | (Sym::Float(x), Sym::Batch(k)) => whole(x).and_then(|n| k.checked_mul(n)).map(Sym::Batch),
        _ => None,
    };
    product.unwrap_or(Sym::Unknown)
}

pub(super) fn add(a: Sym, b: Sym) -> Sym {
    let sum = match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => a.checked_add(b).map(Sym::Int),
        (Sym::Float(a), Sym::Float(b)) => Some(Sym::Float(a + b)),
        (Sym::Batch(a), Sym::Batch(b)) => a.checked_add(b).map(|k| if k == 0 { Sym::Int(0) } else { Sym::Batch(k) }),
        (Sym::Batch(k), Sym::Int(0)) | (Sym::Int(0), Sym::Batch(k)) => Some(Sym::Batch(k)),
        _ => None,
    };
    sum.unwrap_or(Sym::Unknown)
}

/// Integers are divided towards zero.
pub(super) fn div(a: Sym, b: Sym) -> Sym {
    let quotient = match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => a.checked_div(b).map(Sym::Int),
        (Sym::Float(a), Sym::Float(b)) => Some(Sym::Float(a / b)),
        (Sym::Batch(k), Sym::Int(n)) => (k.checked_rem(n) == Some(0)).then(|| Sym::Batch(k / n)),
        (Sym::Batch(a), Sym::Batch(b)) => (a.checked_rem(b) == Some(0)).then(|| Sym::Int(a / b)),
        _ => None,
    };
    quotient.unwrap_or(Sym::Unknown)
}

pub(super) fn equal(a: Sym, b: Sym) -> Sym {
    match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => Sym::Int(i64::from(a == b)),
        (Sym::Batch(a), Sym::Batch(b)) if a == b => Sym::Int(1),
        (Sym::Batch(k), Sym::Int(n)) | (Sym::Int(n), Sym::Batch(k)) if k > 0 && n < 0 => Sym::Int(0),
        _ => Sym::Unknown,
    }
}

pub(super) fn less(a: Sym, b: Sym) -> Sym {
    match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => Sym::Int(i64::from(a < b)),
        _ => Sym::Unknown,
    }
}

pub(super) fn min(a: Sym, b: Sym) -> Sym {
    if let (Sym::Int(a), Sym::Int(b)) = (a, b) { Sym::Int(a.min(b)) } else { Sym::Unknown }
}

pub(super) fn max(a: Sym, b: Sym) -> Sym {
    if let (Sym::Int(a), Sym::Int(b)) = (a, b) { Sym::Int(a.max(b)) } else { Sym::Unknown }
}

fn as_float(a: Sym) -> Sym {
    if let Sym::Int(i) = a { float(i).map_or(Sym::Unknown, Sym::Float) } else { a }
}

fn as_int(a: Sym) -> Sym {
    if let Sym::Float(x) = a { whole(x.trunc()).map_or(Sym::Unknown, Sym::Int) } else { a }
}

fn as_bool(a: Sym) -> Sym {
    match a {
        Sym::Int(i) => Sym::Int(i64::from(i != 0)),
        _ => Sym::Unknown,
    }
}

pub(super) fn on_float(a: Sym, f: fn(f64) -> f64) -> Sym {
    match a {
        Sym::Float(x) => Sym::Float(f(x)),
        Sym::Int(_) | Sym::Batch(_) => a,
        Sym::Unknown => Sym::Unknown,
    }
}

/// What a Cast makes of an element.
pub(super) fn converted(item: Sym, to: DType) -> Sym {
    match to {
        DType::Bool => as_bool(item),
        _ if to.is_float() => as_float(item),
        _ => as_int(item),
    }
}
