//! Gradients weighed against those around, and steps that shrink where the direction turns.

use super::join::{Piece, Rule};
use super::look::{At, Look, around};
use crate::settings::{COUNT, PART, TIMES, settings};
use crate::step::{finite, sign};

settings! {
    /// Parameters of the gradient relevance.
    pub(crate) struct GraConfig {
        /// Number of nearby points per step.
        points: u32 = 20, COUNT, paper "20";
        /// Nearby points are drawn from a cube; this is half its side, relative to eps.
        beta: f64 = 3.5, TIMES.in_units("relative to eps"), paper "3.5";
        /// Factor for the step size of a value each time its direction changes.
        eta: f64 = 0.94, PART, paper "0.94";
    }
}

/// `gra` in the registry.
///
/// With g the gradient at the iterate, b the mean of those around and s the cosine between the two, a step follows `s g + (1 - s) b`. Each value's step begins at
/// `1 / eta` times the usual and is multiplied by eta where the sign of the momentum is another than before.
///
/// # Source
/// Zhu et al., "Boosting Adversarial Transferability via Gradient Relevance Attack", ICCV 2023, algorithm 1.
pub(crate) static RULE: Rule<GraConfig> = Rule {
    name: "gra",
    about: "transfer: gradient weighted by its similarity to gradients at nearby points",
    default: || GraConfig::DEFAULT,
    make: |config| Piece::look(move |d| Box::new(Gra::new(&config, d))),
};

/// Memory: 4 d floats.
struct Gra {
    config: GraConfig,
    seen: u32,
    own: Box<[f32]>,
    sum: Box<[f32]>,
    lengths: Box<[f32]>,
    signs: Box<[f32]>,
}

impl Gra {
    fn new(config: &GraConfig, d: usize) -> Self {
        let of = |value: f32| vec![value; d].into_boxed_slice();
        let lengths = of(1.0 / config.eta as f32);
        Self { config: config.clone(), seen: 0, own: of(0.0), sum: of(0.0), lengths, signs: of(0.0) }
    }
}

impl Look for Gra {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        if self.seen == 0 {
            return point.copy_from_slice(at.ahead);
        }
        around(at.x, self.config.beta as f32 * at.eps, &mut at.dice.of("gra"), point);
    }

    fn take(&mut self, _at: &At<'_>, gradient: &mut [f32]) -> bool {
        if self.seen == 0 {
            self.own.iter_mut().zip(&*gradient).for_each(|(own, &g)| *own = finite(g));
            self.sum.fill(0.0);
        } else {
            let share = 1.0 / self.config.points as f32;
            self.sum.iter_mut().zip(&*gradient).for_each(|(sum, &g)| *sum += share * finite(g));
        }
        self.seen += 1;
        if self.seen <= self.config.points {
            return false;
        }
        self.seen = 0;
        let cosine = cosine(&self.own, &self.sum) as f32;
        for ((g, own), mean) in gradient.iter_mut().zip(&self.own).zip(&self.sum) {
            *g = cosine * own + (1.0 - cosine) * mean;
        }
        true
    }

    fn lengths(&mut self, momentum: &[f32]) -> Option<&[f32]> {
        for ((length, before), &m) in self.lengths.iter_mut().zip(&mut self.signs).zip(momentum) {
            let now = sign(m);
            if now != *before {
                *length *= self.config.eta as f32;
            }
            *before = now;
        }
        Some(&self.lengths)
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let wide = |a: f32, b: f32| f64::from(a) * f64::from(b);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        ab += wide(a, b);
        aa += wide(a, a);
        bb += wide(b, b);
    }
    let cosine = ab / (aa * bb).sqrt();
    if cosine.is_finite() { cosine } else { 0.0 }
}
