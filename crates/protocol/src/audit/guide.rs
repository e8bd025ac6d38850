//! Inputs of the data that attacks which see labels only may set out from.

use std::collections::BTreeMap;

use super::setup::Run;

/// Samples that are looked through, from the first.
const SAMPLES: usize = 512;

impl Run<'_> {
    /// Returns a guide for each of `samples`, where there is one: the nearest of the data's first samples with a class that the attack wants, the
    /// target or any other than the sample's own. It depends on the data alone; whether the model agrees is the attack's to ask.
    pub(super) fn guides(&self, samples: &[usize]) -> BTreeMap<usize, Vec<f32>> {
        let first: Vec<(usize, Vec<f32>)> =
            self.data.labels.iter().copied().take(SAMPLES).enumerate().map(|(index, class)| (class, self.inside(index))).collect();
        let guide = |&sample: &usize| {
            let (label, x) = (*self.data.labels.get(sample)?, self.sample(sample));
            let wanted = |class: usize| self.target.map_or(class != label, |target| class == target);
            let candidates = first.iter().filter(|(class, _)| wanted(*class)).map(|(_, other)| (distance(&x, other), other));
            candidates.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| (sample, other.clone()))
        };
        samples.iter().filter_map(guide).collect()
    }

    /// A sample of the data with what lies outside the box moved to its edge: no other point can be asked.
    fn inside(&self, index: usize) -> Vec<f32> {
        let inside = |(place, v): (usize, f32)| {
            let (lo, hi) = self.ball.range(place);
            v.clamp(lo, hi)
        };
        self.sample(index).into_iter().enumerate().map(inside).collect()
    }
}

/// Squared euclidean distance.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
