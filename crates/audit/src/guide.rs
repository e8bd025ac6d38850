//! Inputs of the data that attacks which see labels only may set out from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::setup::Run;
use brinell_data::{Dataset, Scale};
use brinell_subject::{label_of, truth_of};
use brinell_task::Answer;

use crate::AuditError;

/// Samples that are looked through, from the first.
const SAMPLES: usize = 512;

/// Values that they may have together; large inputs are looked through in smaller number.
const VALUES: usize = 1 << 24;

/// Guides that each sample has at most: the nearest may be one that the model gets wrong.
const OFFERED: usize = 3;

/// The guides of each sample that has some.
pub(super) struct Guides {
    data: Arc<Dataset>,
    scale: Scale,
    nearest: BTreeMap<usize, Vec<usize>>,
}

impl Guides {
    /// Returns the guides of a sample, one after the other.
    pub(super) fn of(&self, sample: usize) -> Option<Vec<f32>> {
        self.nearest.get(&sample).map(|guides| guides.iter().flat_map(|&index| read(&self.data, self.scale, index)).collect())
    }
}

impl Run<'_> {
    /// Returns the guides of each of `samples`, where there are some: the nearest of the data's first samples with a class that the attack
    /// wants, the target or any other than the sample's own. It depends on the data alone, whatever a limit leaves of them; whether the model agrees is
    /// the attack's to ask.
    ///
    /// # Errors
    /// [`AuditError::Subject`] where samples past the limit cannot be read.
    pub(super) fn guides(&self, samples: &[usize]) -> Result<Guides, AuditError> {
        let scale = self.case.scale;
        let n = SAMPLES.min(VALUES / self.case.data.sample_len().max(1)).max(1);
        let data = if self.case.data.n < self.case.data.total {
            Arc::new(self.case.subject.read_first(&self.question.population, n)?)
        } else {
            Arc::clone(&self.case.data)
        };
        // What is right about a sample is what the model may answer about it; a pair says nothing about one sample.
        let answer = |index: usize| label_of(&data, index).and_then(|label| truth_of(&label, None)).and_then(|truth| truth.answer());
        let first: Vec<(Option<Answer>, Vec<f32>)> = (0..n.min(data.n)).map(|index| (answer(index), read(&data, scale, index))).collect();
        let task = self.case.task();
        let guide = |&sample: &usize| {
            let (demand, x) = (self.case.demand(sample), self.case.sample(sample));
            let wanted = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| task.verdict(answer, demand.posed()).reached);
            let candidates = first.iter().enumerate().filter(|(_, (answer, _))| wanted(answer));
            let mut nearest: Vec<(f64, usize)> = candidates.map(|(index, (_, other))| (distance(&x, other), index)).collect();
            nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
            nearest.truncate(OFFERED);
            (!nearest.is_empty()).then(|| (sample, nearest.into_iter().map(|(_, index)| index).collect()))
        };
        Ok(Guides { nearest: samples.iter().filter_map(guide).collect(), data, scale })
    }
}

fn read(data: &Dataset, scale: Scale, index: usize) -> Vec<f32> {
    let mut x = vec![0.0; data.sample_len()];
    data.sample(index, scale, &mut x);
    x
}

/// Squared euclidean distance.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
