//! The models of the contract: one linear layer, or two with a ReLU between them.

use brinell_engine::{Answer, OracleError};
use brinell_task::Loss;

use brinell_attack::driver::Model;

/// `z = W x + b`, row-major, weights as f32 runtimes hold them.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// `[out, in]`
    pub weights: Vec<Vec<f32>>,
    /// `[out]`
    pub bias: Vec<f32>,
}

/// A linear layer, with one hidden ReLU layer before it or none. As a [`Model`] it computes in f64 and rounds its answers to f32.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// The layer before the ReLU.
    pub hidden: Option<Layer>,
    /// The layer that gives the logits.
    pub output: Layer,
}

impl Layer {
    fn apply(&self, x: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
        let row = |(w, b): (&Vec<f32>, &f32)| w.iter().zip(x.clone()).map(|(&w, x)| f64::from(w) * x).sum::<f64>() + f64::from(*b);
        self.weights.iter().zip(&self.bias).map(row).collect()
    }

    /// Sum of the rows, each with its factor.
    fn pull_back(&self, factors: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.weights.first().map_or(0, Vec::len)];
        for (row, factor) in self.weights.iter().zip(factors) {
            sum.iter_mut().zip(row).for_each(|(sum, &w)| *sum += factor * f64::from(w));
        }
        sum
    }
}

impl Net {
    /// Returns the logits in f64.
    #[must_use]
    pub fn logits(&self, x: &[f32]) -> Vec<f64> {
        let x = x.iter().map(|&x| f64::from(x));
        match &self.hidden {
            None => self.output.apply(x),
            Some(hidden) => self.output.apply(hidden.apply(x).into_iter().map(|h| h.max(0.0)).collect::<Vec<_>>().into_iter()),
        }
    }

    /// Returns the gradient of `factors . logits`.
    fn pull_back(&self, x: &[f32], factors: &[f64]) -> Vec<f64> {
        let inner = self.output.pull_back(factors);
        let Some(hidden) = &self.hidden else { return inner };
        let active = hidden.apply(x.iter().map(|&x| f64::from(x)));
        let inner: Vec<f64> = inner.iter().zip(active).map(|(g, h)| if h > 0.0 { *g } else { 0.0 }).collect();
        hidden.pull_back(&inner)
    }

    /// Returns the number of values of one input.
    #[must_use]
    pub fn width(&self) -> usize {
        self.hidden.as_ref().unwrap_or(&self.output).weights.first().map_or(1, Vec::len)
    }

    /// Returns the number of classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.output.bias.len()
    }
}

/// Derivative of a loss by the logits.
fn slope(loss: Loss, z: &[f64], label: usize, target: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..z.len()).collect();
    order.sort_by(|&a, &b| z[b].total_cmp(&z[a]));
    let best_but = |class: usize| if order[0] == class { order[1] } else { order[0] };
    let between =
        |above: usize, below: usize| -> Vec<f64> { (0..z.len()).map(|k| f64::from(i8::from(k == above) - i8::from(k == below))).collect() };
    let ratio = |above: usize, below: usize, weights: &[(usize, f64)]| -> Vec<f64> {
        let size = weights.iter().map(|(k, w)| w * z[*k]).sum::<f64>() + 1e-12;
        let value = (z[above] - z[below]) / size;
        let mut slope = between(above, below);
        weights.iter().for_each(|(k, w)| slope[*k] -= value * w);
        slope.iter().map(|s| s / size).collect()
    };
    let softmax_less = |class: usize, sign: f64| -> Vec<f64> {
        let exps: Vec<f64> = z.iter().map(|v| (v - z[order[0]]).exp()).collect();
        let total: f64 = exps.iter().sum();
        exps.iter().enumerate().map(|(k, e)| sign * (e / total - f64::from(u8::from(k == class)))).collect()
    };
    let log_odds = |class: usize, sign: f64| -> Vec<f64> {
        let top = z[best_but(class)];
        let exps: Vec<f64> = z.iter().enumerate().map(|(k, v)| if k == class { 0.0 } else { (v - top).exp() }).collect();
        let total: f64 = exps.iter().sum();
        exps.iter().enumerate().map(|(k, e)| sign * (e / total - f64::from(u8::from(k == class)))).collect()
    };
    match loss {
        Loss::LogOdds => log_odds(label, 1.0),
        Loss::TargetedLogOdds => log_odds(target, -1.0),
        Loss::CrossEntropy => softmax_less(label, 1.0),
        Loss::TargetedCrossEntropy => softmax_less(target, -1.0),
        Loss::Margin => between(best_but(label), label),
        Loss::TargetedMargin => between(target, best_but(target)),
        Loss::Difference => between(target, label),
        Loss::Dlr => ratio(best_but(label), label, &[(order[0], 1.0), (order[2], -1.0)]),
        Loss::TargetedDlr => ratio(target, label, &[(order[0], 1.0), (order[2], -0.5), (order[3], -0.5)]),
    }
}

/// Derivative of a loss by the logits, given the one-hot rows that it is fed.
fn fed(loss: Loss, z: &[f64], feeds: &[f32]) -> Vec<f64> {
    let mut hot = feeds.chunks_exact(z.len()).map(|row| row.iter().position(|v| *v == 1.0).unwrap_or(0));
    let label = hot.next().unwrap_or(0);
    slope(loss, z, label, hot.next().unwrap_or(label))
}

impl Net {
    fn answer(&self, x: &[f32], answer: &mut Answer) {
        answer.values.clear();
        answer.loss.clear();
        answer.gradient.clear();
        for row in x.chunks_exact(self.width()) {
            answer.values.extend(self.logits(row).iter().map(|&z| z as f32));
        }
    }

    /// Answers with the sums of the logits weighted with what `weigh` makes of them and of a row of `fed`, and their gradients.
    fn weighted(&self, x: &[f32], fed: &[f32], weigh: impl Fn(&[f64], &[f32]) -> Vec<f64>, answer: &mut Answer) {
        self.answer(x, answer);
        let rows = x.len() / self.width();
        for (x, fed) in x.chunks_exact(self.width()).zip(fed.chunks_exact(fed.len() / rows.max(1))) {
            let z = self.logits(x);
            let w = weigh(&z, fed);
            answer.loss.push(z.iter().zip(&w).map(|(z, w)| z * w).sum::<f64>() as f32);
            answer.gradient.extend(self.pull_back(x, &w).iter().map(|&g| g as f32));
        }
    }
}

impl Model for Net {
    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.answer(x, answer);
        Ok(())
    }

    /// The loss in the answer is not that of the graph; the driver computes it from the values.
    fn fused(&mut self, loss: Loss, x: &[f32], feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.weighted(x, feeds, |z, feeds| fed(loss, z, feeds), answer);
        Ok(())
    }

    fn pull(&mut self, x: &[f32], w: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.weighted(x, w, |_, w| w.iter().map(|&w| f64::from(w)).collect(), answer);
        Ok(())
    }
}
