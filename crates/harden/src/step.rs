//! One step of training.

use brinell_record::Recipe;
use brinell_threat::Ball;

use crate::HardenError;
use crate::inner::{Inner, Kind, one_hot};
use crate::net::{Net, class_of};
use crate::optimiser::{clip, norm, rate, square};
use crate::samples::{Augment, Image, Samples};
use crate::state::State;

/// What does not change from step to step.
pub(crate) struct Course<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) ball: &'a Ball,
    pub(crate) samples: &'a Samples,
    pub(crate) image: Option<Image>,
    /// Steps of the whole training.
    pub(crate) total: usize,
    /// Which tensors have several axes: those that an adversarial perturbation of weights moves.
    pub(crate) matrices: &'a [bool],
}

/// What a step has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) lr: f64,
    pub(crate) eps: f64,
    pub(crate) loss: f64,
    pub(crate) attacked: f64,
    pub(crate) gradient: f64,
}

impl Seen {
    pub(crate) fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient.is_finite()
    }
}

/// Samples of a step, and what the attack makes of them.
struct Batch {
    x: Vec<f32>,
    attacked: Vec<f32>,
    label: Vec<f32>,
    labels: Vec<usize>,
}

/// Mean loss, share of right answers and mean gradients.
struct Found {
    loss: f64,
    right: f64,
    gradients: Vec<Vec<f32>>,
}

impl Course<'_> {
    /// Trains on one batch; `places` are those of its samples. Weights stay as they are where loss or gradient are no numbers, or where `refuse` says so.
    ///
    /// # Errors
    /// [`HardenError::Engine`].
    pub(crate) fn step(
        &self,
        net: &mut Net,
        state: &mut State,
        places: &[usize],
        refuse: impl Fn(&Seen) -> bool,
    ) -> Result<Seen, HardenError> {
        let count = &state.count;
        let ramp = (self.total as f64 * count.ramp).max(1.0);
        let eps = self.ball.eps * ((count.step as f64 + 1.0) / ramp).min(1.0);
        let lr = self.recipe.lr * count.rate * rate(count.step, self.total);
        let batch = self.attack(net, state, places, eps)?;
        self.learn(net, state, &batch, (lr, eps), refuse)
    }

    /// Moves the weights along the gradient at attacked samples.
    fn learn(
        &self,
        net: &mut Net,
        state: &mut State,
        batch: &Batch,
        (lr, eps): (f64, f64),
        refuse: impl Fn(&Seen) -> bool,
    ) -> Result<Seen, HardenError> {
        let mut found = self.gradients(net, &state.weights, batch)?;
        if self.recipe.awp > 0.0 {
            let pushed = pushed(&state.weights, &found.gradients, self.matrices, self.recipe.awp);
            let (loss, right) = (found.loss, found.right);
            found = Found { loss, right, ..self.gradients(net, &pushed, batch)? };
        }
        let gradient = norm(&found.gradients);
        let seen = Seen { lr, eps, loss: found.loss, attacked: found.right, gradient };
        if seen.is_finite() && !refuse(&seen) {
            clip(&mut found.gradients, gradient, self.recipe.clip);
            state.moments.apply(self.recipe, lr, &mut state.weights, &found.gradients);
            let keep = self.recipe.ema as f32;
            for (mean, weight) in state.mean.iter_mut().flatten().zip(state.weights.iter().flatten()) {
                *mean = keep * *mean + (1.0 - keep) * weight;
            }
        }
        Ok(seen)
    }

    fn attack(&self, net: &mut Net, state: &State, places: &[usize], eps: f64) -> Result<Batch, HardenError> {
        let recipe = self.recipe;
        let (mut x, labels, ids) = self.samples.read(places.iter().copied());
        let augment = Augment { recipe, image: self.image, epoch: state.count.epoch };
        let bounds = self.ball.bounds;
        augment.apply(&mut x, &ids, (bounds.lo(), bounds.hi()));
        let label = one_hot(&labels, net.classes, recipe.label_smoothing);
        let hard = one_hot(&labels, net.classes, 0.0);
        let ball = Ball { eps, ..self.ball.clone() };
        let inner = Inner {
            ball: &ball,
            // A single step that collapsed is followed by two ordinary ones.
            kind: if recipe.method.is_single_step() && state.count.steps > 1 { Kind::Ce } else { Kind::of(recipe.method) },
            steps: state.count.steps,
            size: recipe.step_size * state.count.reach,
            seed: recipe.seed,
            epoch: u32::try_from(state.count.epoch).unwrap_or(u32::MAX),
        };
        let (len, classes) = (net.sample_len, net.classes);
        let unattacked =
            recipe.clean_weight >= 1.0 && !matches!(recipe.method, brinell_record::Method::Trades | brinell_record::Method::Mart);
        let mut attacked = if unattacked {
            x.clone()
        } else {
            let weights = &state.weights;
            let parts = net.each(ids.len(), |lane, piece| {
                let rows = x.get(piece.start * len..piece.end * len).unwrap_or_default();
                let hard = hard.get(piece.start * classes..piece.end * classes).unwrap_or_default();
                inner.run(lane, weights, rows, hard, ids.get(piece).unwrap_or_default())
            })?;
            parts.concat()
        };
        if recipe.noise > 0.0 {
            let noise = augment.noise(len, &ids);
            for points in [&mut x, &mut attacked] {
                points.iter_mut().zip(&noise).for_each(|(x, n)| *x += n);
            }
        }
        Ok(Batch { x, attacked, label, labels })
    }

    fn gradients(&self, net: &mut Net, weights: &[Vec<f32>], batch: &Batch) -> Result<Found, HardenError> {
        let (len, classes) = (net.sample_len, net.classes);
        let parts = net.each(batch.labels.len(), |lane, piece| {
            let part = |values: &[f32], width: usize| values.get(piece.start * width..piece.end * width).unwrap_or_default().to_vec();
            lane.step(weights, &part(&batch.attacked, len), &part(&batch.x, len), &part(&batch.label, classes))
        })?;
        let n = batch.labels.len().max(1) as f64;
        let logits = parts.iter().flat_map(|part| part.logits.chunks(classes.max(1)));
        let right = logits.zip(&batch.labels).filter(|(row, label)| class_of(row) == Some(**label)).count() as f64 / n;
        let loss = parts.iter().map(|part| part.loss).sum::<f64>() / n;
        let mut gradients = sum(parts.into_iter().map(|part| part.gradients).collect());
        gradients.iter_mut().flatten().for_each(|g| *g /= n as f32);
        Ok(Found { loss, right, gradients })
    }
}

/// Sums gradients pairwise, in an order that depends on their number alone.
fn sum(mut parts: Vec<Vec<Vec<f32>>>) -> Vec<Vec<f32>> {
    while parts.len() > 1 {
        let mut rest = parts.into_iter();
        let mut halved = Vec::new();
        while let Some(mut left) = rest.next() {
            if let Some(right) = rest.next() {
                left.iter_mut().flatten().zip(right.iter().flatten()).for_each(|(a, b)| *a += b);
            }
            halved.push(left);
        }
        parts = halved;
    }
    parts.pop().unwrap_or_default()
}

/// Returns weights moved to where the loss is larger, each tensor with several axes by `gamma` of its norm.
///
/// # Source
/// Wu, Xia & Wang, "Adversarial weight perturbation helps robust generalization", NeurIPS 2020, Eq. (10), with the layer-wise scaling of its code.
fn pushed(weights: &[Vec<f32>], gradients: &[Vec<f32>], matrices: &[bool], gamma: f64) -> Vec<Vec<f32>> {
    let push = |((weight, gradient), &matrix): ((&Vec<f32>, &Vec<f32>), &bool)| {
        if !matrix {
            return weight.clone();
        }
        let factor = (gamma * square(weight).sqrt() / (square(gradient).sqrt() + 1e-20)) as f32;
        weight.iter().zip(gradient).map(|(w, g)| w + factor * g).collect()
    };
    weights.iter().zip(gradients).zip(matrices).map(push).collect()
}

#[cfg(test)]
mod tests;
