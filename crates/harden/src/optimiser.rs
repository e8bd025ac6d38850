//! What moves the weights: one loop per tensor, in single precision and in a fixed order.

use brinell_record::{Optimizer, Recipe};

/// State of the optimiser beside the weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    /// Momentum, or Adam's first moment.
    pub(crate) first: Vec<Vec<f32>>,
    /// Adam's second moment; empty for SGD.
    pub(crate) second: Vec<Vec<f32>>,
    /// Steps taken.
    pub(crate) taken: u32,
}

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

impl Moments {
    pub(crate) fn new(optimizer: Optimizer, weights: &[Vec<f32>]) -> Self {
        let zeros = || weights.iter().map(|weight| vec![0.0; weight.len()]).collect();
        let second = if optimizer == Optimizer::Adam { zeros() } else { Vec::new() };
        Self { first: zeros(), second, taken: 0 }
    }

    /// Moves the weights along a gradient.
    ///
    /// # Source
    /// The update rules of PyTorch's `SGD` (dampening 0) and `AdamW`.
    pub(crate) fn apply(&mut self, recipe: &Recipe, lr: f64, weights: &mut [Vec<f32>], gradients: &[Vec<f32>]) {
        self.taken += 1;
        let (lr, decay) = (lr as f32, recipe.weight_decay as f32);
        match recipe.optimizer {
            Optimizer::Sgd => {
                let momentum = recipe.momentum as f32;
                let first = self.taken == 1;
                for ((w, m), g) in weights.iter_mut().zip(&mut self.first).zip(gradients) {
                    for ((w, m), &g) in w.iter_mut().zip(m).zip(g) {
                        let d = g + decay * *w;
                        *m = if first { d } else { momentum * *m + d };
                        *w -= lr * *m;
                    }
                }
            }
            Optimizer::Adam => {
                let taken = f64::from(self.taken);
                let corrected_1 = 1.0 - f64::from(BETA_1).powf(taken);
                let root_2 = (1.0 - f64::from(BETA_2).powf(taken)).sqrt() as f32;
                let size = (f64::from(lr) / corrected_1) as f32;
                for (((w, m), v), g) in weights.iter_mut().zip(&mut self.first).zip(&mut self.second).zip(gradients) {
                    for (((w, m), v), &g) in w.iter_mut().zip(m).zip(v).zip(g) {
                        *w *= 1.0 - lr * decay;
                        *m += (1.0 - BETA_1) * (g - *m);
                        *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
                        *w -= size * *m / (v.sqrt() / root_2 + EPSILON);
                    }
                }
            }
        }
    }
}

/// Returns the norm of all gradients together.
pub(crate) fn norm(gradients: &[Vec<f32>]) -> f64 {
    gradients.iter().map(|gradient| square(gradient)).sum::<f64>().sqrt()
}

/// Returns the sum of squares.
pub(crate) fn square(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

/// Shortens gradients whose norm is above `most`, as PyTorch's `clip_grad_norm_` does.
pub(crate) fn clip(gradients: &mut [Vec<f32>], norm: f64, most: f64) {
    let factor = (most / (norm + 1e-6)) as f32;
    if factor < 1.0 {
        gradients.iter_mut().flatten().for_each(|g| *g *= factor);
    }
}

/// Share of the steps in which the rate rises.
const WARM_UP: f64 = 0.1;

/// Returns the learning rate of a step as a share of the largest: it rises over the first tenth of the steps and then falls to 0, both in a straight line.
pub(crate) fn rate(step: usize, total: usize) -> f64 {
    let warm = (total as f64 * WARM_UP).ceil().max(1.0);
    let step = step as f64;
    if step < warm { (step + 1.0) / warm } else { ((total as f64 - step) / (total as f64 - warm).max(1.0)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..20).map(|step| rate(step, 20)).collect();
        assert_eq!(rates.first(), Some(&0.5));
        assert_eq!(rates.get(1), Some(&1.0));
        assert!(rates.windows(2).skip(1).all(|pair| pair[0] >= pair[1]) && rates.last().is_some_and(|&last| last > 0.0 && last < 0.1));
    }

    #[test]
    fn clipping_leaves_short_gradients_alone() {
        let mut gradients = vec![vec![3.0, 4.0]];
        clip(&mut gradients, 5.0, 10.0);
        assert_eq!(gradients, [[3.0, 4.0]]);
        clip(&mut gradients, 5.0, 1.0);
        assert!((norm(&gradients) - 1.0).abs() < 1e-5);
    }
}
