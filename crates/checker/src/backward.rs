//! Linear functions of a value become linear lower bounds in the input.
//!
//! Matrices are [elements, functions], row by row. A coefficient that was summed up is replaced by its value in f64 before it is used; what that
//! changes at most, for any input in the region, is added to a penalty.

use std::collections::HashMap;

use crate::bounds::State;
use crate::network::{Affine, Kind, Network};
use crate::number::{Interval, Sum, above, radius};

/// Lower bounds in the input: `a` x + `c`.
pub(crate) struct Functions {
    pub(crate) a: Vec<f64>,
    pub(crate) c: Vec<f64>,
    pub(crate) cols: usize,
}

/// What holds for single functions only.
#[derive(Default)]
pub(crate) struct Parts {
    /// Signs of elements of values: (function, true where it is at least 0).
    pub(crate) signs: HashMap<(usize, usize), Vec<(usize, bool)>>,
    /// What is added to coefficients of elements of values: (function, amount). It must not raise the function anywhere in its part.
    pub(crate) prices: HashMap<(usize, usize), Vec<(usize, f64)>>,
    /// Lower slopes of elements of the results of layers: (function, slope).
    pub(crate) slopes: HashMap<(usize, usize), Vec<(usize, f64)>>,
}

/// Coefficients while they are summed up, with the magnitudes that bound their errors.
struct Pending {
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Pending {
    fn new(len: usize) -> Self {
        Self { values: vec![0.0; len], errors: vec![0.0; len] }
    }

    /// Adds `weight` times a row of coefficients to row `i`.
    fn add(&mut self, i: usize, weight: f64, slack: f64, row: &[f64]) {
        let range = i * row.len()..(i + 1) * row.len();
        let more = 1.0 + slack;
        for ((value, error), &a) in self.values[range.clone()].iter_mut().zip(&mut self.errors[range]).zip(row) {
            let product = weight * a;
            *value += product;
            *error += more * product.abs() + value.abs();
        }
    }

    fn add_one(&mut self, at: usize, weight: f64, a: f64) {
        let mut sum = Sum { value: self.values[at], error: self.errors[at] };
        sum.add(weight, a, 0.0);
        (self.values[at], self.errors[at]) = (sum.value, sum.error);
    }
}

/// How the result y of a Relu or `LeakyRelu` is bounded by its input z.
#[derive(Clone, Copy)]
enum Line {
    /// y = z.
    Whole,
    /// y = leak z.
    Leaking,
    /// y >= slope z.
    Above(f64),
}

/// Takes functions of `value`, given by their coefficients, plus constants `c`, back to the input.
pub(crate) fn backward(network: &Network, state: &State, value: usize, seed: Vec<f64>, c: &[f64], parts: &Parts) -> Functions {
    let cols = c.len();
    let mut constants: Vec<Sum> = c.iter().map(|&c| Sum { value: c, error: c.abs() }).collect();
    let mut penalties = vec![0.0; cols];
    let mut pending: Vec<Option<Pending>> = (0..=value).map(|_| None).collect();
    pending[value] = Some(Pending { errors: vec![0.0; seed.len()], values: seed });
    let prices = |v: usize, sums: &mut Pending| {
        if !parts.prices.is_empty() && network.is_inner[v] {
            for i in 0..network.lens[v] {
                for &(col, price) in parts.prices.get(&(v, i)).into_iter().flatten() {
                    sums.add_one(i * cols + col, 1.0, price);
                }
            }
        }
    };
    for v in (1..=value).rev() {
        let Some(mut sums) = pending[v].take() else { continue };
        prices(v, &mut sums);
        let a = settled(sums, &state.bounds[v], &mut penalties);
        let layer = &network.layers[v - 1];
        let mut into: Vec<Pending> =
            layer.inputs.iter().map(|&input| pending[input].take().unwrap_or_else(|| Pending::new(network.lens[input] * cols))).collect();
        match &layer.kind {
            Kind::Affine(affine) => through_affine(affine, &a, cols, &mut constants, &mut into),
            Kind::Relu { leak } => through_relu(network, state, v, *leak, &a, &mut constants, &mut into[0], parts),
            Kind::Largest { groups } => through_largest(groups, &state.bounds[layer.inputs[0]], &a, &mut constants, &mut into[0]),
        }
        layer.inputs.iter().zip(into).for_each(|(&input, sums)| pending[input] = Some(sums));
    }
    let mut sums = pending[0].take().unwrap_or_else(|| Pending::new(network.lens[0] * cols));
    prices(0, &mut sums);
    let a = settled(sums, &state.bounds[0], &mut penalties);
    let c = constants.iter().zip(&penalties).map(|(c, penalty)| (c.lowest() - above(*penalty)).next_down()).collect();
    Functions { a, c, cols }
}

/// The coefficients as numbers.
fn settled(sums: Pending, bounds: &[Interval], penalties: &mut [f64]) -> Vec<f64> {
    let cols = penalties.len();
    for (errors, x) in sums.errors.chunks_exact(cols).zip(bounds) {
        let largest = x.magnitude();
        errors.iter().zip(&mut *penalties).for_each(|(error, penalty)| *penalty += radius(*error) * largest);
    }
    sums.values
}

fn through_affine(affine: &Affine, a: &[f64], cols: usize, constants: &mut [Sum], into: &mut [Pending]) {
    for (i, row) in a.chunks_exact(cols).enumerate() {
        if row.iter().all(|a| *a == 0.0) {
            continue;
        }
        let bias = affine.bias[i];
        if !bias.is_point(0.0) {
            row.iter().zip(&mut *constants).for_each(|(&a, c)| c.add(a, if a >= 0.0 { bias.lo } else { bias.hi }, 0.0));
        }
        for (element, weight) in affine.row(i) {
            let (input, at) = affine.place(element);
            into[input].add(at, weight, affine.slack, row);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "what a pass carries")]
fn through_relu(
    network: &Network,
    state: &State,
    v: usize,
    leak: f64,
    a: &[f64],
    constants: &mut [Sum],
    into: &mut Pending,
    parts: &Parts,
) {
    let (cols, input) = (constants.len(), network.layers[v - 1].inputs[0]);
    let mut lines = vec![Line::Whole; cols];
    for (i, row) in a.chunks_exact(cols).enumerate() {
        if row.iter().all(|a| *a == 0.0) {
            continue;
        }
        let z = state.bounds[input][i];
        lines.fill(if z.lo >= 0.0 {
            Line::Whole
        } else if z.hi <= 0.0 {
            Line::Leaking
        } else {
            // Equal ends, up to rounding, count as the side that reaches further down.
            Line::Above(if z.hi > -z.lo * (1.0 + 1e-9) { 1.0 } else { leak })
        });
        if matches!(lines[0], Line::Above(_)) {
            parts.slopes.get(&(v, i)).into_iter().flatten().for_each(|&(col, slope)| lines[col] = Line::Above(slope));
        }
        for &(col, positive) in parts.signs.get(&(input, i)).into_iter().flatten() {
            lines[col] = if positive { Line::Whole } else { Line::Leaking };
        }
        // Any slope will do above, as the line is lifted over both ends.
        let slope = if z.hi > z.lo { ((z.hi - leak * z.lo) / (z.hi - z.lo)).clamp(leak, 1.0) } else { 1.0 };
        let lift = |end: f64, own: f64| ((Interval::point(own) - Interval::point(slope)) * Interval::point(end)).hi;
        let offset = lift(z.hi, 1.0).max(lift(z.lo, leak)).max(0.0);
        for (col, (&a, line)) in row.iter().zip(&lines).enumerate() {
            let factor = match line {
                Line::Whole => 1.0,
                Line::Leaking => leak,
                Line::Above(slope) if a >= 0.0 => *slope,
                Line::Above(_) => {
                    constants[col].add(a, offset, 0.0);
                    slope
                }
            };
            into.add_one(i * cols + col, factor, a);
        }
    }
}

fn through_largest(groups: &[Vec<u32>], x: &[Interval], a: &[f64], constants: &mut [Sum], into: &mut Pending) {
    let cols = constants.len();
    for (group, row) in groups.iter().zip(a.chunks_exact(cols)) {
        let (best, is_best) = best_of(group, x);
        let highest = group.iter().fold(f64::NEG_INFINITY, |most, &i| most.max(x[i as usize].hi));
        for (col, &a) in row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            if a > 0.0 || is_best {
                into.add_one(best * cols + col, 1.0, a);
            } else {
                constants[col].add(a, highest, 0.0);
            }
        }
    }
}

/// The element of a group with the largest lower end, and whether it is the largest element everywhere.
pub(crate) fn best_of(group: &[u32], x: &[Interval]) -> (usize, bool) {
    let first = group.first().map_or(0, |&i| i as usize);
    let best = group.iter().map(|&i| i as usize).fold(first, |best, i| if x[i].lo > x[best].lo { i } else { best });
    (best, group.iter().all(|&i| i as usize == best || x[i as usize].hi <= x[best].lo))
}
