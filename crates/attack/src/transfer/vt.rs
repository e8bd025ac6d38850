//! Gradients corrected by how they vary around the former iterate.

use super::join::{Piece, Rule};
use super::look::{At, Look, around};
use crate::settings::{COUNT, TIMES, settings};
use crate::step::finite;

settings! {
    /// Parameters of the variance tuning.
    pub(crate) struct VtConfig {
        /// Number of nearby points per step.
        points: u32 = 20, COUNT, paper "20";
        /// Nearby points are drawn from a cube; this is half its side, relative to eps.
        beta: f64 = 1.5, TIMES.in_units("relative to eps"), paper "1.5";
    }
}

/// `vt` in the registry.
///
/// A step follows `g + v`; then v becomes the mean gradient of points drawn around the iterate, minus g. They are drawn around the iterate with `ni`, too.
///
/// # Source
/// Wang and He, "Enhancing the Transferability of Adversarial Attacks through Variance Tuning", CVPR 2021, algorithm 1.
pub(crate) static RULE: Rule<VtConfig> = Rule {
    name: "vt",
    about: "transfer: gradients corrected by their variation at nearby points",
    default: || VtConfig::DEFAULT,
    make: |config| Piece::look(move |d| Box::new(Vt::new(&config, d))),
};

/// Memory: 3 d floats.
struct Vt {
    points: u32,
    beta: f32,
    seen: u32,
    own: Box<[f32]>,
    sum: Box<[f32]>,
    variation: Box<[f32]>,
}

impl Vt {
    fn new(config: &VtConfig, d: usize) -> Self {
        let zeros = || vec![0.0; d].into_boxed_slice();
        Self { points: config.points, beta: config.beta as f32, seen: 0, own: zeros(), sum: zeros(), variation: zeros() }
    }
}

impl Look for Vt {
    fn point(&mut self, at: &At<'_>, point: &mut [f32]) {
        if self.seen == 0 {
            return point.copy_from_slice(at.ahead);
        }
        around(at.x, self.beta * at.eps, &mut at.dice.of("vt"), point);
    }

    fn take(&mut self, at: &At<'_>, gradient: &mut [f32]) -> bool {
        if self.seen == 0 {
            self.own.iter_mut().zip(&*gradient).for_each(|(own, &g)| *own = finite(g));
        } else {
            let share = 1.0 / self.points as f32;
            self.sum.iter_mut().zip(&*gradient).for_each(|(sum, &g)| *sum += share * finite(g));
        }
        self.seen += 1;
        // What varies around the last iterate leads nowhere.
        if self.seen <= self.points && !at.last {
            return false;
        }
        self.seen = 0;
        gradient.iter_mut().zip(&self.own).zip(&self.variation).for_each(|((g, own), v)| *g = own + v);
        for ((v, sum), own) in self.variation.iter_mut().zip(&mut self.sum).zip(&self.own) {
            *v = std::mem::take(sum) - own;
        }
        true
    }
}
