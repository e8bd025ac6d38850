//! What searches that looked at everything show, counted over the samples of a record.

use brinell_record::{Exhaustive, Outcome, SampleRecord};

/// Counts the samples; `nearest` where the nearest examples were looked for.
pub fn exhaustive(samples: &[SampleRecord], eps: f64, nearest: bool) -> Exhaustive {
    let shown = |sample: &SampleRecord, radius: f64| sample.none_within.is_some_and(|shown| shown >= radius);
    let is_nearest = |sample: &&SampleRecord| {
        sample.outcome == Outcome::Broken && sample.norm.is_some_and(|norm| shown(sample, norm * Exhaustive::NEAREST))
    };
    Exhaustive {
        none_exists: samples.iter().filter(|sample| sample.outcome == Outcome::Survived && shown(sample, eps)).count(),
        nearest: nearest.then(|| samples.iter().filter(is_nearest).count()),
    }
}
