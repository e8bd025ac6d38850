//! Intervals of all values on a part of the region, and bounds of functions there.

use rayon::prelude::*;

use crate::backward::{Functions, Parts, backward, best_of};
use crate::network::{Kind, Network};
use crate::number::{Interval, Sum, above, of_f32};
use crate::statement::{Ball, Power};

/// Bytes of coefficients that one pass may hold of one value.
const CHUNK: usize = 32 << 20;

/// Intervals of every element of every value.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) bounds: Vec<Vec<Interval>>,
}

impl State {
    /// Computes intervals on a box, inside those that are known already.
    pub(crate) fn new(network: &Network, input: Vec<Interval>, ball: Option<&Ball>, known: Option<&Self>) -> Self {
        let mut state = Self { bounds: vec![input] };
        for (at, layer) in network.layers.iter().enumerate() {
            let inputs: Vec<&[Interval]> = layer.inputs.iter().map(|&v| state.bounds[v].as_slice()).collect();
            let mut bounds = match &layer.kind {
                Kind::Affine(affine) => affine.interval(&inputs),
                Kind::Relu { leak } => inputs[0].iter().map(|&z| relu(z, *leak)).collect(),
                Kind::Largest { groups } => groups.iter().map(|group| largest(group, inputs[0])).collect(),
            };
            if let Some(known) = known {
                bounds.iter_mut().zip(&known.bounds[at + 1]).for_each(|(b, k)| *b = b.meet(*k));
            }
            state.bounds.push(bounds);
            let is_exact = ball.is_none() && layer.inputs == [0] && matches!(layer.kind, Kind::Affine(_));
            if network.is_inner[at + 1] && !is_exact {
                state.refine(network, ball, at + 1);
            }
        }
        state
    }

    /// Backward passes for the elements of a value whose sign, or whose place in a group, is open.
    fn refine(&mut self, network: &Network, ball: Option<&Ball>, value: usize) {
        let bounds = &self.bounds[value];
        let mut wanted = vec![false; bounds.len()];
        for layer in network.layers.iter().filter(|layer| layer.inputs.first() == Some(&value)) {
            match &layer.kind {
                Kind::Affine(_) => {}
                Kind::Relu { .. } => bounds.iter().zip(&mut wanted).for_each(|(z, wanted)| *wanted |= z.lo < 0.0 && z.hi > 0.0),
                Kind::Largest { groups } => {
                    for group in groups {
                        let (best, is_best) = best_of(group, bounds);
                        let open = |i: usize| !is_best && bounds[i].hi >= bounds[best].lo;
                        group.iter().map(|&i| i as usize).filter(|&i| open(i)).for_each(|i| wanted[i] = true);
                    }
                }
            }
        }
        let units: Vec<usize> = (0..wanted.len()).filter(|&i| wanted[i]).collect();
        let widest = network.lens.iter().copied().max().unwrap_or(1).max(1);
        let chunk = (CHUNK / 32 / widest).clamp(1, 32);
        let this = &*self;
        let ends: Vec<Vec<Interval>> = units
            .par_chunks(chunk)
            .map(|units| {
                let cols = 2 * units.len();
                let mut seed = vec![0.0; this.bounds[value].len() * cols];
                for (k, &i) in units.iter().enumerate() {
                    (seed[i * cols + 2 * k], seed[i * cols + 2 * k + 1]) = (1.0, -1.0);
                }
                let functions = backward(network, this, value, seed, &vec![0.0; cols], &Parts::default());
                let least = functions.least(&this.bounds[0], ball);
                least.chunks_exact(2).map(|ends| Interval { lo: ends[0], hi: -ends[1] }).collect()
            })
            .collect();
        for (&i, found) in units.iter().zip(ends.into_iter().flatten()) {
            self.bounds[value][i] = self.bounds[value][i].meet(found);
        }
    }

    /// A bound of how far each output is off in f32, however sums are ordered and operators joined.
    pub(crate) fn rounding(&self, network: &Network) -> Vec<f64> {
        let mut errors: Vec<Vec<f64>> = vec![vec![0.0; network.lens[0]]];
        for layer in &network.layers {
            let of = |input: usize| (&self.bounds[layer.inputs[input]], &errors[layer.inputs[input]]);
            let error = match &layer.kind {
                Kind::Affine(affine) => (0..affine.rows())
                    .map(|i| {
                        let (mut carried, mut size, mut n) = (0.0, affine.sizes[i], 1 + affine.extra);
                        for (element, weight) in affine.row(i) {
                            let (input, at) = affine.place(element);
                            let (x, error) = of(input);
                            carried += weight.abs() * error[at];
                            size += weight.abs() * (x[at].magnitude() + error[at]);
                            n += 1;
                        }
                        if affine.is_exact(i) { carried } else { above(carried) + above(of_f32(n) * size) + f64::from(f32::MIN_POSITIVE) }
                    })
                    .collect(),
                Kind::Relu { leak } if *leak == 0.0 => of(0).1.clone(),
                Kind::Relu { .. } => of(0)
                    .1
                    .iter()
                    .zip(of(0).0)
                    .map(|(e, z)| above(*e) + above(of_f32(1) * (z.magnitude() + e)) + f64::from(f32::MIN_POSITIVE))
                    .collect(),
                Kind::Largest { groups } => {
                    groups.iter().map(|group| group.iter().fold(0.0, |most: f64, &i| most.max(of(0).1[i as usize]))).collect()
                }
            };
            errors.push(error);
        }
        errors.swap_remove(network.output)
    }
}

fn relu(z: Interval, leak: f64) -> Interval {
    let end = |x: f64| if x >= 0.0 { Interval::point(x) } else { Interval::point(leak) * Interval::point(x) };
    Interval { lo: end(z.lo).lo, hi: end(z.hi).hi }
}

fn largest(group: &[u32], x: &[Interval]) -> Interval {
    let start = Interval { lo: f64::NEG_INFINITY, hi: f64::NEG_INFINITY };
    group.iter().fold(start, |most, &i| Interval { lo: most.lo.max(x[i as usize].lo), hi: most.hi.max(x[i as usize].hi) })
}

impl Functions {
    /// Lower bounds on a box, or on the part of a ball inside it.
    pub(crate) fn least(&self, x: &[Interval], ball: Option<&Ball>) -> Vec<f64> {
        let mut sums: Vec<Sum> = self.c.iter().map(|&c| Sum { value: c, error: c.abs() }).collect();
        for (row, x) in self.a.chunks_exact(self.cols).zip(x) {
            row.iter().zip(&mut sums).for_each(|(&a, sum)| sum.add(a, if a >= 0.0 { x.lo } else { x.hi }, 0.0));
        }
        let mut least: Vec<f64> = sums.iter().map(|sum| sum.lowest()).collect();
        if let Some(ball) = ball {
            for (col, least) in least.iter_mut().enumerate() {
                let a: Vec<f64> = self.a.iter().skip(col).step_by(self.cols).copied().collect();
                *least = least.max(ball.least(&a, x, self.c[col]));
            }
        }
        least
    }
}

impl Ball {
    /// A lower bound of a x + c on the part of the ball inside a box.
    ///
    /// For any price t >= 0 of the distance, the least value of a x + t (d(x) - d(eps)) on the box is one, coordinate by coordinate; d is the sum of
    /// magnitudes, or of squares.
    fn least(&self, a: &[f64], x: &[Interval], c: f64) -> f64 {
        let size = match self.power {
            Power::One => a.iter().fold(0.0, |most: f64, a| most.max(a.abs())),
            Power::Two => a.iter().map(|a| a * a).sum::<f64>().sqrt() / (2.0 * self.eps),
        };
        if !(size > 0.0 && size.is_finite()) {
            return f64::NEG_INFINITY;
        }
        // The bound is concave in the price: the best one is looked for between 0 and what the ball alone would cost, and then bounded.
        let (mut below, mut above) = (0.0, size);
        for _ in 0..40 {
            let (first, second) = (below + 0.45 * (above - below), below + 0.55 * (above - below));
            if self.estimate(a, x, first) < self.estimate(a, x, second) { below = first } else { above = second }
        }
        self.priced(a, x, c, above).max(self.priced(a, x, c, size))
    }

    /// The bound in f64, without its constant.
    fn estimate(&self, a: &[f64], x: &[Interval], price: f64) -> f64 {
        let distance = |off: f64| if self.power == Power::One { off.abs() } else { off * off };
        let of = |((&a, x), &centre): ((&f64, &Interval), &f64)| {
            let at = |x: f64| a * x + price * distance(x - centre);
            let middle = if self.power == Power::One { centre } else { centre - a / (2.0 * price) };
            at(x.lo).min(at(x.hi)).min(at(middle.max(x.lo).min(x.hi)))
        };
        a.iter().zip(x).zip(&self.centre).map(of).sum::<f64>() - price * distance(self.eps)
    }

    fn priced(&self, a: &[f64], x: &[Interval], c: f64, price: f64) -> f64 {
        let (point, t) = (Interval::point, Interval::point(price));
        let reach = if self.power == Power::One { point(self.eps) } else { point(self.eps) * point(self.eps) };
        let mut total = point(c) - t * reach;
        for ((&a, x), &centre) in a.iter().zip(x).zip(&self.centre) {
            let at = |x: f64| {
                let off = point(x) - point(centre);
                let size =
                    Interval { lo: if off.lo <= 0.0 && off.hi >= 0.0 { 0.0 } else { off.lo.abs().min(off.hi.abs()) }, hi: off.magnitude() };
                point(a) * point(x) + t * if self.power == Power::One { size } else { size * size }
            };
            let ends = at(x.lo).lo.min(at(x.hi).lo);
            total = total
                + point(match self.power {
                    // Convex and piecewise linear: least at an end or at the centre.
                    Power::One => {
                        if x.lo < centre && centre < x.hi {
                            ends.min(at(centre).lo)
                        } else {
                            ends
                        }
                    }
                    // The least value anywhere is a centre - a^2 / 4t; an end where the slope does not change its sign between both.
                    Power::Two => {
                        let slope = |x: f64| point(a) + t * point(2.0) * (point(x) - point(centre));
                        if slope(x.lo).lo >= 0.0 {
                            at(x.lo).lo
                        } else if slope(x.hi).hi <= 0.0 {
                            at(x.hi).lo
                        } else {
                            (point(a) * point(centre) - point(a) * point(a) * (t * point(4.0)).inverse()).lo
                        }
                    }
                });
        }
        if total.lo.is_nan() { f64::NEG_INFINITY } else { total.lo }
    }
}
