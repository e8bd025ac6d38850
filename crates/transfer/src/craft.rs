//! Making the examples of one source.

use std::sync::atomic::AtomicBool;

use brinell_attack::driver::{self, Aim, Court, DriverError, DriverSettings, Item, Model, Pose, Ruling, Timing, Verdict};
use brinell_attack::{Recipe, rng::keyed};
use brinell_data::Dataset;
use brinell_engine::Answer;
use brinell_record::Scale;
use brinell_task::{Classify, Truth, Wanted};
use brinell_threat::Ball;
use rand_chacha::rand_core::Rng;

use crate::TransferError;
use crate::journal::{Journal, MadeLine};
use crate::sources::Sources;

/// Images of other classes that an attack is offered to mix in.
const OTHERS: usize = 8;

/// What is the same for all sources.
pub(crate) struct Craft<'a> {
    pub(crate) recipe: &'a dyn Recipe,
    pub(crate) data: &'a Dataset,
    pub(crate) ball: &'a Ball,
    pub(crate) seed: u64,
    pub(crate) bytes: bool,
    pub(crate) pool: &'a rayon::ThreadPool,
    pub(crate) stop: &'a AtomicBool,
}

impl Craft<'_> {
    /// Makes an example of each of these images on a source, and keeps it.
    ///
    /// # Errors
    /// [`TransferError::Oracle`], [`TransferError::Ledger`], [`TransferError::Interrupted`].
    pub(crate) fn make(
        &self,
        source: usize,
        models: &mut Sources<'_>,
        batch: usize,
        samples: &[usize],
        journal: &mut Journal,
    ) -> Result<(), TransferError> {
        let values = self.clean(models, batch, samples)?;
        let mut items = samples.iter().zip(values).map(|(&sample, values)| Item {
            sample: sample as u64,
            x: self.sample(sample),
            truth: Truth::Class(0),
            values,
            found: None,
            guide: self.recipe.takes_others().then(|| self.others(sample)),
        });
        // Right against fooled: see `Sources`.
        let task = Classify::new(2);
        let settings = DriverSettings {
            pose: Pose { task: &task, wanted: &Wanted::BREAK },
            batch,
            shape: &self.data.shape,
            trees: None,
            seed: self.seed,
            max_queries: None,
            aim: Aim::Last,
            grid: None,
            pool: self.pool,
            stop: self.stop,
        };
        let mut keeper = Keeper { craft: self, source, journal };
        driver::run(models, self.recipe, self.ball, &mut items, &mut keeper, &settings, &mut Timing::default()).map_err(|error| match error
        {
            DriverError::Oracle(error) => error.into(),
            DriverError::Callback(error) => error,
            _ => TransferError::Interrupted,
        })
    }

    fn sample(&self, sample: usize) -> Vec<f32> {
        let mut x = vec![0.0; self.data.sample_len()];
        self.data.sample(sample, Scale::Unit, &mut x);
        x
    }

    /// What the driver sees of the images themselves.
    fn clean(&self, models: &mut Sources<'_>, batch: usize, samples: &[usize]) -> Result<Vec<Vec<f32>>, TransferError> {
        let mut values = Vec::with_capacity(samples.len());
        let mut answer = Answer::default();
        for samples in samples.chunks(batch.max(1)) {
            let x: Vec<f32> = samples.iter().flat_map(|sample| self.sample(*sample)).collect();
            models.about(&mut samples.iter().copied());
            models.values(&x, &mut answer)?;
            values.extend(answer.values.chunks(2).map(<[f32]>::to_vec));
        }
        Ok(values)
    }

    /// Images of other classes, drawn for this one.
    fn others(&self, sample: usize) -> Vec<f32> {
        let label = self.data.labels.get(sample);
        let mut candidates: Vec<usize> = (0..self.data.n).filter(|other| self.data.labels.get(*other) != label).collect();
        let mut rng = keyed("others", self.seed, sample as u64, 0);
        let mut others = Vec::new();
        while others.len() < OTHERS && !candidates.is_empty() {
            let at = (rng.next_u64() % candidates.len() as u64) as usize;
            others.push(candidates.swap_remove(at));
        }
        others.into_iter().flat_map(|other| self.sample(other)).collect()
    }

    /// Moves an example to bytes: to the nearest, or towards the image where that would leave the ball.
    fn to_bytes(&self, x: &[f32], x_adv: &mut [f32]) {
        for (v, &x) in x_adv.iter_mut().zip(x) {
            *v = byte_within(x, *v, self.ball.eps);
        }
    }
}

/// The byte nearest to `v` that is within eps of `x`, over 255; `v` is within eps of `x`.
pub(crate) fn byte_within(x: f32, v: f32, eps: f64) -> f32 {
    // Of images that are bytes, distances are those of bytes, which no rounding of x / 255 changes.
    let clean = f64::from(x) * 255.0;
    let clean = if (clean - clean.round()).abs() < 1e-4 { clean.round() } else { clean };
    let reach = eps * 255.0 * (1.0 + 1e-12);
    let nearest = (f64::from(v) * 255.0).round();
    let byte = if (nearest - clean).abs() <= reach {
        nearest
    } else if nearest > clean {
        (clean + reach).floor()
    } else {
        (clean - reach).ceil()
    };
    // Where no byte is within reach, the image stays as it is.
    if (byte - clean).abs() <= reach { byte as f32 / 255.0 } else { x }
}

/// Takes the examples.
struct Keeper<'a, 'c> {
    craft: &'a Craft<'c>,
    source: usize,
    journal: &'a mut Journal,
}

impl Court for Keeper<'_, '_> {
    type Error = TransferError;

    fn judge(&mut self, _item: &Item, _x_adv: &[f32], _values: &[f32]) -> Result<Ruling, TransferError> {
        // Whether an example counts is for the original files to say, of the stored values.
        Ok(Ruling::Confirmed)
    }

    fn decided(&mut self, item: &Item, verdict: Verdict) -> Result<(), TransferError> {
        let mut x_adv = verdict.kept.unwrap_or_else(|| item.x.clone());
        if self.craft.bytes {
            self.craft.to_bytes(&item.x, &mut x_adv);
        }
        let line = MadeLine {
            source: self.source,
            sample: item.sample as usize,
            forwards: verdict.queries.forwards,
            backwards: verdict.queries.backwards,
            zero: verdict.zero_gradients > 0,
        };
        Ok(self.journal.keep(line, &x_adv)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TransferAttack's `save_images` does: times 255, and the rest cut off.
    fn truncated(v: f32) -> f32 {
        (v * 255.0).trunc() / 255.0
    }

    #[test]
    fn no_stored_byte_is_outside_the_ball_where_truncation_puts_many() {
        for levels in [8u16, 16] {
            let eps = f64::from(levels) / 255.0;
            let mut outside = 0;
            for byte in 0..=255u16 {
                let x = f32::from(byte) / 255.0;
                for step in -40..=40 {
                    let v = (f64::from(x) + eps * f64::from(step) / 40.0).clamp(0.0, 1.0) as f32;
                    let v = v.clamp((f64::from(x) - eps).max(0.0) as f32, (f64::from(x) + eps).min(1.0) as f32);
                    let stored = (byte_within(x, v, eps) * 255.0).round() as i32;
                    assert!((stored - i32::from(byte)).abs() <= i32::from(levels), "{byte} {v}");
                    // And no farther from the example than rounding goes.
                    assert!((f64::from(stored) / 255.0 - f64::from(v)).abs() <= 0.5 / 255.0 + 1e-6);
                }
                // As PyTorch subtracts: in single precision.
                let lowered = (x - eps as f32).max(0.0);
                outside += i32::from(((truncated(lowered) * 255.0).round() as i32 - i32::from(byte)).abs() > i32::from(levels));
            }
            assert!(outside > 0);
        }
    }

    #[test]
    fn radii_between_bytes_are_kept_too() {
        for eps in [0.0, 0.001, 0.01, 0.1] {
            for x in [0.0f32, 0.0999, 0.5, 1.0] {
                for side in [-1.0, 1.0] {
                    let v = (f64::from(x) + side * eps).clamp(0.0, 1.0) as f32;
                    let stored = byte_within(x, v, eps);
                    assert!((f64::from(stored) - f64::from(x)).abs() <= eps * (1.0 + 1e-6) + 1e-7, "{x} {eps} {stored}");
                }
            }
        }
    }
}
