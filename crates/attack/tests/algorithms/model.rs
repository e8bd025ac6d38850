//! Small models with hand-written gradients, and a loop in place of the driver.

use brinell_attack::{Attack, Loss, Need, Next, Objective, Reply, Rivals};
use brinell_task::{Classify, Posed, Task, Truth, Wanted};
use brinell_threat::Ball;

/// A model that answers one point.
pub(crate) trait Model {
    /// Logits.
    fn logits(&self, x: &[f32]) -> Vec<f64>;
    /// Gradient of `weights . logits` at `x`.
    fn pull_back(&self, x: &[f32], weights: &[f64]) -> Vec<f64>;
}

/// `z = W x + b`.
pub(crate) struct Linear {
    pub(crate) w: Vec<Vec<f64>>,
    pub(crate) b: Vec<f64>,
}

impl Model for Linear {
    fn logits(&self, x: &[f32]) -> Vec<f64> {
        affine(&self.w, &self.b, &widen(x))
    }

    fn pull_back(&self, _x: &[f32], weights: &[f64]) -> Vec<f64> {
        transposed(&self.w, weights)
    }
}

/// `z = W2 tanh(W1 x + b1) + b2`.
pub(crate) struct Mlp {
    pub(crate) w1: Vec<Vec<f64>>,
    pub(crate) b1: Vec<f64>,
    pub(crate) w2: Vec<Vec<f64>>,
    pub(crate) b2: Vec<f64>,
}

impl Mlp {
    fn hidden(&self, x: &[f32]) -> Vec<f64> {
        affine(&self.w1, &self.b1, &widen(x)).into_iter().map(f64::tanh).collect()
    }
}

impl Model for Mlp {
    fn logits(&self, x: &[f32]) -> Vec<f64> {
        affine(&self.w2, &self.b2, &self.hidden(x))
    }

    fn pull_back(&self, x: &[f32], weights: &[f64]) -> Vec<f64> {
        let inner = transposed(&self.w2, weights);
        let inner: Vec<f64> = inner.iter().zip(self.hidden(x)).map(|(g, h)| g * (1.0 - h * h)).collect();
        transposed(&self.w1, &inner)
    }
}

fn widen(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

fn affine(w: &[Vec<f64>], b: &[f64], x: &[f64]) -> Vec<f64> {
    w.iter().zip(b).map(|(row, b)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b).collect()
}

fn transposed(w: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    (0..w[0].len()).map(|i| w.iter().zip(weights).map(|(row, g)| row[i] * g).sum()).collect()
}

/// What is asked of one sample of a classifier.
pub(crate) struct Case {
    pub(crate) task: Classify,
    truth: Truth,
    wanted: Wanted,
    label: usize,
    target: Option<usize>,
}

impl Case {
    pub(crate) fn new(classes: usize, label: usize, target: Option<usize>) -> Self {
        Self { task: Classify::new(classes), truth: Truth::Class(label), wanted: Wanted::class(target), label, target }
    }

    pub(crate) fn posed(&self) -> Posed<'_> {
        Posed { truth: &self.truth, wanted: &self.wanted }
    }

    /// The rivals at a point with these logits; without margins where there are none.
    pub(crate) fn rivals<'a>(&'a self, logits: &'a [f32]) -> Rivals<'a> {
        Rivals::at(&self.task, logits, self.posed())
    }

    /// What an attack is told about a point with these logits.
    pub(crate) fn reply<'a>(&'a self, logits: &'a [f32], loss: f32, gradient: &'a [f32]) -> Reply<'a> {
        let posed = self.posed();
        Reply {
            reached: self.task.reached(logits, posed),
            margin: self.task.margin(logits, posed),
            scale: self.task.scale(logits, posed),
            loss,
            gradient,
            rivals: self.rivals(logits),
        }
    }
}

/// Class numbers from the largest logit down.
fn ranking(z: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..z.len()).collect();
    order.sort_by(|&a, &b| z[b].total_cmp(&z[a]));
    order
}

/// Loss and its derivative by the logits.
pub(crate) fn loss(kind: Loss, z: &[f64], label: usize, target: usize) -> (f64, Vec<f64>) {
    let class = |k: usize| (0..z.len()).map(|i| f64::from(u8::from(i == k))).collect::<Vec<_>>();
    let order = ranking(z);
    let other = |k: usize| if order[0] == k { order[1] } else { order[0] };
    // (above, below) is maximised as z[above] - z[below], over the scale's combination of logits where there is one.
    let ratio = |above: usize, below: usize, scale: Option<Vec<(usize, f64)>>| {
        let difference = z[above] - z[below];
        let mut slope: Vec<f64> = class(above).iter().zip(class(below)).map(|(a, b)| a - b).collect();
        let Some(scale) = scale else {
            return (difference, slope);
        };
        let size: f64 = scale.iter().map(|(k, c)| c * z[*k]).sum::<f64>() + 1e-12;
        slope.iter_mut().for_each(|s| *s /= size);
        for (k, c) in scale {
            slope[k] -= difference * c / (size * size);
        }
        (difference / size, slope)
    };
    let cross_entropy = |k: usize, sign: f64| {
        let top = z[order[0]];
        let total: f64 = z.iter().map(|z| (z - top).exp()).sum();
        let slope = z.iter().zip(class(k)).map(|(z, hot)| sign * ((z - top).exp() / total - hot)).collect();
        (sign * (total.ln() + top - z[k]), slope)
    };
    let log_odds = |k: usize, sign: f64| {
        let top = z[other(k)];
        let weight = |i: usize| if i == k { 0.0 } else { (z[i] - top).exp() };
        let total: f64 = (0..z.len()).map(weight).sum();
        let slope = class(k).iter().enumerate().map(|(i, hot)| sign * (weight(i) / total - hot)).collect();
        (sign * (total.ln() + top - z[k]), slope)
    };
    match kind {
        Loss::CrossEntropy => cross_entropy(label, 1.0),
        Loss::TargetedCrossEntropy => cross_entropy(target, -1.0),
        Loss::LogOdds => log_odds(label, 1.0),
        Loss::TargetedLogOdds => log_odds(target, -1.0),
        Loss::Margin => ratio(other(label), label, None),
        Loss::TargetedMargin => ratio(target, other(target), None),
        Loss::Difference => ratio(target, label, None),
        Loss::Dlr => ratio(other(label), label, Some(vec![(order[0], 1.0), (order[2], -1.0)])),
        Loss::TargetedDlr => ratio(target, label, Some(vec![(order[0], 1.0), (order[2], -0.5), (order[3], -0.5)])),
    }
}

/// What one run asked for.
pub(crate) struct Trace {
    pub(crate) points: Vec<Vec<f32>>,
    pub(crate) backwards: usize,
    /// How far the goal is exceeded at each point.
    pub(crate) margins: Vec<f64>,
}

impl Trace {
    /// The largest margin of the points that lie in the ball, without any allowance.
    pub(crate) fn best_margin(&self, ball: &Ball, x: &[f32]) -> f64 {
        let inside = self.points.iter().zip(&self.margins).filter(|(point, _)| ball.distance(x, point) <= ball.eps);
        inside.fold(f64::NEG_INFINITY, |best, (_, margin)| best.max(*margin))
    }
}

/// Runs an attack to its end.
pub(crate) fn run(mut attack: Box<dyn Attack>, model: &dyn Model, objective: Objective, case: &Case, d: usize) -> Trace {
    let &Case { label, target, .. } = case;
    let kind = case.task.fused(objective, &case.wanted).unwrap();
    let mut trace = Trace { points: Vec::new(), backwards: 0, margins: Vec::new() };
    let mut x = vec![f32::NAN; d];
    loop {
        let need = attack.ask(&mut x);
        trace.points.push(x.clone());
        let z = model.logits(&x);
        let logits: Vec<f32> = z.iter().map(|&z| z as f32).collect();
        // Margins in f64: a success is a matter of the point, not of the logits' rounding.
        let rival = |k: usize| z.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, z)| *z).fold(f64::NEG_INFINITY, f64::max);
        let margin = match target {
            None => rival(label) - z[label],
            Some(target) => z[target] - rival(target),
        };
        trace.margins.push(margin);
        let (value, slope) = loss(kind, &z, label, attack.rival().or(target).unwrap_or(label));
        let gradient: Vec<f32> = match need {
            Need::Verdict | Need::Values => Vec::new(),
            Need::Gradient => {
                trace.backwards += 1;
                model.pull_back(&x, &slope).iter().map(|&g| g as f32).collect()
            }
        };
        if attack.tell(&case.reply(&logits, value as f32, &gradient)) == Next::Done {
            return trace;
        }
    }
}
