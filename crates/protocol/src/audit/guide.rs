//! Inputs of the data that attacks which see labels only may set out from.

use std::collections::BTreeMap;

use super::setup::Run;

/// Samples that are looked through, from the first.
const SAMPLES: usize = 512;

/// Values that they may have together; large inputs are looked through in smaller number.
const VALUES: usize = 1 << 24;

impl Run<'_> {
    /// Returns the number of the guide of each of `samples`, where there is one: the nearest of the data's first samples with a class that the attack
    /// wants, the target or any other than the sample's own. It depends on the data alone; whether the model agrees is the attack's to ask.
    pub(super) fn guides(&self, samples: &[usize]) -> BTreeMap<usize, usize> {
        let n = SAMPLES.min(VALUES / self.data.sample_len().max(1)).max(1);
        let first: Vec<(usize, Vec<f32>)> =
            self.data.labels.iter().copied().take(n).enumerate().map(|(index, class)| (class, self.sample(index))).collect();
        let guide = |&sample: &usize| {
            let (label, x) = (*self.data.labels.get(sample)?, self.sample(sample));
            let wanted = |class: usize| self.target.map_or(class != label, |target| class == target);
            let candidates = first.iter().enumerate().filter(|(_, (class, _))| wanted(*class));
            let distances = candidates.map(|(index, (_, other))| (distance(&x, other), index));
            distances.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| (sample, index))
        };
        samples.iter().filter_map(guide).collect()
    }
}

/// Squared euclidean distance.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
