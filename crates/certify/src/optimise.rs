//! Better slopes, and prices of splits, by projected Adam.
//!
//! For lines chosen by the signs of a pass's coefficients the bound is linear in each slope and price: its derivative is the coefficient of the
//! element times the value that the element has where the bound is attained. That value comes from one forward pass through the chosen lines.
//!
//! # Source
//! Xu et al., "Fast and Complete: Enabling Complete Verification with Rapid and Massively Parallel Incomplete Verifiers", ICLR 2021; Wang et al.,
//! "Beta-CROWN: Efficient Bound Propagation with Per-neuron Split Constraints", NeurIPS 2021.

use std::sync::Arc;

use brinell_checker::slope_at;

use crate::backward::{Choice, Functions, Seed, backward};
use crate::matrix::Matrix;
use crate::network::{Kind, Network};
use crate::region::Region;
use crate::relaxation::{Relaxation, Slopes, is_open};
use crate::state::State;

/// A split of a nonlinear layer's input at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Split {
    /// The value that is split.
    pub(crate) value: u32,
    /// The element.
    pub(crate) element: u32,
    /// True where the element is at least 0.
    pub(crate) positive: bool,
}

/// Slopes and prices while they are improved: one set for each function.
pub(crate) struct Optimiser<'a> {
    network: &'a Network,
    state: &'a State,
    domain: &'a [u32],
    pub(crate) slopes: Vec<Slopes>,
    /// Range of the slopes of each value.
    ranges: Vec<(f64, f64)>,
    /// The splits that hold for each function, and their prices.
    pub(crate) splits: Vec<Vec<(Split, f64)>>,
    rates: Rates,
    /// Slopes and prices are numbers that a certificate can hold.
    is_stored: bool,
}

/// Step sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) slope: f64,
    pub(crate) price: f64,
    pub(crate) decay: f64,
}

/// What an optimisation ends with.
pub(crate) struct Optimum {
    /// The best bound of each function that was seen.
    pub(crate) bounds: Vec<f64>,
    /// The pass after the last step.
    pub(crate) last: Functions,
    /// With what the bound of each function became positive, where slopes are kept for certificates.
    pub(crate) closed: Vec<Option<Closed>>,
}

/// Slopes, in steps of a certificate, and prices.
pub(crate) type Closed = (Vec<u16>, Vec<f32>);

/// Adam's moments of one array.
struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Moments {
    fn new(n: usize) -> Self {
        Self { first: vec![0.0; n], second: vec![0.0; n] }
    }

    /// The step for a gradient that is climbed.
    fn step(&mut self, i: usize, gradient: f64, t: i32) -> f64 {
        self.first[i] = 0.9 * self.first[i] + 0.1 * gradient;
        self.second[i] = 0.999 * self.second[i] + 0.001 * gradient * gradient;
        let (m, v) = (self.first[i] / (1.0 - 0.9_f64.powi(t)), self.second[i] / (1.0 - 0.999_f64.powi(t)));
        m / (v.sqrt() + 1e-8)
    }
}

impl<'a> Optimiser<'a> {
    pub(crate) fn new(network: &'a Network, state: &'a State, domain: &'a [u32]) -> Self {
        let (mut slopes, mut ranges) = (vec![Slopes::default()], vec![(0.0, 1.0)]);
        for (at, layer) in network.layers.iter().enumerate() {
            let mut own = Slopes::default();
            let mut range = (0.0, 1.0);
            if let (Kind::Nonlinear(op), Some(Relaxation::Lines(lines))) = (&layer.kind, &state.relaxations[at + 1])
                && let Some(open) = op.slopes()
            {
                range = open;
                own = initial(lines, domain);
            }
            slopes.push(own);
            ranges.push(range);
        }
        let rates = Rates { slope: 0.1, price: 0.1, decay: 0.98 };
        Self { network, state, domain, slopes, ranges, splits: vec![Vec::new(); domain.len()], rates, is_stored: false }
    }

    pub(crate) fn with_rates(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// Keeps slopes and prices at numbers that a certificate can hold.
    pub(crate) fn stored(self) -> Self {
        let mut this = Self { is_stored: true, ..self };
        for (slopes, &(leak, _)) in this.slopes.iter_mut().zip(&this.ranges) {
            slopes.values.iter_mut().flat_map(|values| &mut values.data).for_each(|slope| *slope = slope_at(leak, step_of(leak, *slope)));
        }
        this
    }

    /// The slopes and prices of one function.
    fn closed(&self, col: usize) -> Closed {
        let of = |(slopes, &(leak, _)): (&Slopes, &(f64, f64))| -> Vec<u16> {
            slopes.values.iter().flat_map(|values| values.take(col)).map(|slope| step_of(leak, slope)).collect()
        };
        let slopes = self.slopes.iter().zip(&self.ranges).flat_map(of).collect();
        (slopes, self.splits[col].iter().map(|(_, price)| *price as f32).collect())
    }

    /// A pass with the slopes and prices as they are.
    fn pass(&self, a: &Matrix, c: &[f64]) -> Functions {
        let mut prices = vec![Vec::new(); self.network.values.len()];
        for (col, splits) in self.splits.iter().enumerate() {
            for (split, price) in splits.iter().filter(|(_, price)| *price != 0.0) {
                prices[split.value as usize].push((split.element as usize, col, if split.positive { -price } else { *price }));
            }
        }
        let choice = Choice { slopes: Some(&self.slopes), prices: Some(&prices), keep: true };
        backward(self.network, self.state, self.network.output, Seed::Dense(a.clone()), self.domain, c.to_vec(), &choice)
    }

    /// Climbs for at most `steps` steps; it ends once every bound is positive.
    pub(crate) fn run(&mut self, region: &Region, a: &Matrix, c: &[f64], steps: usize) -> Optimum {
        self.run_until(region, a, c, steps, |_| false)
    }

    /// As [`Optimiser::run`], and ends where `enough` says so of the bounds.
    pub(crate) fn run_until(&mut self, region: &Region, a: &Matrix, c: &[f64], steps: usize, enough: impl Fn(&[f64]) -> bool) -> Optimum {
        let input = &self.state.bounds[0];
        let mut best = vec![f64::NEG_INFINITY; c.len()];
        let mut closed = vec![None; c.len()];
        let mut moments: Vec<Moments> =
            self.slopes.iter().map(|slopes| Moments::new(slopes.values.as_ref().map_or(0, |values| values.data.len()))).collect();
        let offsets: Vec<usize> = self
            .splits
            .iter()
            .scan(0, |at, splits| {
                let start = *at;
                *at += splits.len();
                Some(start)
            })
            .collect();
        let mut price_moments = Moments::new(self.splits.iter().map(Vec::len).sum());
        let mut rate = 1.0;
        let mut step = 0;
        loop {
            let pass = self.pass(a, c);
            let bounds = region.least(&pass.a, &pass.c, &pass.error, self.domain, &input.lo, &input.hi);
            if self.is_stored {
                for col in (0..bounds.len()).filter(|&col| best[col] <= 0.0 && bounds[col] > 0.0) {
                    closed[col] = Some(self.closed(col));
                }
            }
            best.iter_mut().zip(&bounds).for_each(|(best, bound)| *best = best.max(*bound));
            if step == steps || best.iter().all(|b| *b > 0.0) || enough(&best) {
                return Optimum { bounds: best, last: pass, closed };
            }
            step += 1;
            let t = i32::try_from(step).unwrap_or(i32::MAX);
            let values = self.attained(region, &pass);
            for v in 1..self.network.values.len() {
                let Some(kept) = &pass.kept[v] else { continue };
                let x = &values[self.network.layers[v - 1].inputs[0]];
                let (Some(x), Some(Relaxation::Lines(lines))) = (x, &self.state.relaxations[v]) else { continue };
                let (lo, hi) = self.ranges[v];
                let slopes = &mut self.slopes[v];
                let index = Arc::clone(&slopes.index);
                let Some(own) = slopes.values.as_mut() else { continue };
                for (i, &at) in index.iter().enumerate().filter(|(_, at)| **at != u32::MAX) {
                    for col in 0..kept.cols {
                        let coefficient = kept.at(i, col);
                        let open = is_open(lines.upper_slope.at(i, self.domain[col] as usize));
                        if open && (coefficient > 0.0 || moments[v].first[at as usize * kept.cols + col] != 0.0) {
                            let slot = at as usize * kept.cols + col;
                            let gradient = coefficient.max(0.0) * x.at(i, col);
                            let moved = own.data[slot] + self.rates.slope * rate * moments[v].step(slot, gradient, t);
                            let moved = moved.clamp(lo, hi);
                            own.data[slot] = if self.is_stored { slope_at(lo, step_of(lo, moved)) } else { moved };
                        }
                    }
                }
            }
            for (col, splits) in self.splits.iter_mut().enumerate() {
                for (k, (split, price)) in splits.iter_mut().enumerate() {
                    let Some(x) = &values[split.value as usize] else { continue };
                    let value = x.at(split.element as usize, col);
                    let gradient = if split.positive { -value } else { value };
                    let moved = *price + self.rates.price * rate * price_moments.step(offsets[col] + k, gradient, t);
                    *price = if self.is_stored { f64::from(moved.max(0.0) as f32) } else { moved.max(0.0) };
                }
            }
            rate *= self.rates.decay;
        }
    }

    /// Every value at the points where the bounds are attained, through the chosen lines. Values that the functions do not depend on are left out.
    fn attained(&self, region: &Region, pass: &Functions) -> Vec<Option<Matrix>> {
        let input = &self.state.bounds[0];
        let mut values: Vec<Option<Matrix>> = vec![Some(region.attaining(&pass.a, self.domain, &input.lo, &input.hi))];
        for (at, layer) in self.network.layers.iter().enumerate() {
            let inputs: Option<Vec<&Matrix>> = layer.inputs.iter().map(|&v| values[v].as_ref()).collect();
            let y = inputs.and_then(|inputs| match (&layer.kind, &self.state.relaxations[at + 1], &pass.kept[at + 1]) {
                (Kind::Affine(affine), ..) => Some(affine.eval(&inputs)),
                (_, Some(relaxation), Some(kept)) => Some(relaxation.forward(kept, self.domain, Some(&self.slopes[at + 1]), &inputs)),
                _ => None,
            });
            values.push(y);
        }
        values
    }
}

/// The step of a certificate that is nearest to a slope.
fn step_of(leak: f64, slope: f64) -> u16 {
    ((slope - leak) / (1.0 - leak) * 65535.0).round().clamp(0.0, 65535.0) as u16
}

/// The slopes of a relaxation, for each function its own.
fn initial(lines: &crate::relaxation::Lines, domain: &[u32]) -> Slopes {
    let (n, domains, cols) = (lines.lower_slope.n, lines.lower_slope.cols, domain.len());
    let (mut index, mut data, mut count) = (vec![u32::MAX; n], Vec::new(), 0);
    for (i, index) in index.iter_mut().enumerate() {
        if (0..domains).any(|d| is_open(lines.upper_slope.at(i, d))) {
            *index = count;
            count += 1;
            data.extend(domain.iter().map(|&d| lines.lower_slope.at(i, d as usize)));
        }
    }
    Slopes { index: Arc::new(index), values: Some(Matrix { n: count as usize, cols, data }) }
}
