//! Noise odds: near an adversarial example, noise helps the class that it came from.

use brinell_attack::rng;
use brinell_graph::{Compare, DType, Graph, GraphError, Op, Reduce, Tensor, TensorData, ValueId};
use brinell_subject::Case;

use super::{Score, Seen, logits};
use crate::DefendError;
use crate::prefix::View;

/// Noises that a sample is shown with.
const DRAWS: usize = 8;
/// Samples that a predicted class must have, for its rows of the tables.
const FEWEST: usize = 5;
/// What is subtracted where a class is compared with itself, so that it never counts.
const NEVER: f32 = 1e6;

/// The largest gain of another class under noise, in standard deviations of what ordinary samples of the predicted class gain. The noises are constants of the file.
///
/// # Source
/// Roth, Kilcher & Hofmann, "The odds are odd: a statistical test for detecting adversarial examples", ICML 2019, sections 3.1 and 3.2, with Gaussian noise.
pub(super) struct Noise {
    bank: Vec<Vec<f32>>,
    classes: usize,
    /// Mean gain and its standard deviation, by predicted class and other class `[K, K]`.
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Noise {
    pub(super) fn fit(case: &mut Case, samples: &[(usize, usize)], sigma: f32, seed: u64) -> Result<Self, DefendError> {
        let (len, classes) = (case.data.sample_len(), case.subject.signature.classes);
        let bank: Vec<Vec<f32>> = (0..DRAWS)
            .map(|draw| {
                let mut noise = vec![0.0; len];
                brinell_threat::fill_normal(&mut rng::keyed("defend noise", seed, draw as u64, 0), &mut noise);
                noise.iter_mut().for_each(|v| *v *= sigma);
                noise
            })
            .collect();
        let bounds = brinell_subject::input_box(case.scale)?;
        let width = bounds.hi() - bounds.lo();
        let mut gains: Vec<Vec<Vec<f64>>> = vec![Vec::new(); classes];
        for &(sample, class) in samples {
            let x = case.sample(sample);
            let own = values(case, &x, sample)?;
            let mut gain = vec![0.0; classes];
            for noise in &bank {
                let moved: Vec<f32> = x.iter().zip(noise).map(|(x, noise)| x + width * noise).collect();
                let there = values(case, &moved, sample)?;
                for (k, gain) in gain.iter_mut().enumerate() {
                    let lead = |z: &[f32]| f64::from(at(z, k)) - f64::from(at(z, class));
                    *gain += (lead(&there) - lead(&own)) / DRAWS as f64;
                }
            }
            gains.get_mut(class).into_iter().for_each(|rows| rows.push(gain.clone()));
        }
        let (mut mean, mut deviation) = (Vec::with_capacity(classes * classes), Vec::with_capacity(classes * classes));
        for (class, rows) in gains.iter().enumerate() {
            if rows.len() < FEWEST {
                return Err(DefendError::TooFew {
                    what: format!("samples of class {class} that the model classifies correctly"),
                    needed: FEWEST,
                    found: rows.len(),
                });
            }
            for other in 0..classes {
                let n = rows.len() as f64;
                let column = || rows.iter().filter_map(|row| row.get(other));
                let average = column().sum::<f64>() / n;
                let spread = (column().map(|gain| (gain - average).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
                mean.push(if class == other { NEVER } else { average as f32 });
                deviation.push(if class == other { 1.0 } else { (spread as f32).max(1e-6) });
            }
        }
        Ok(Self { bank, classes, mean, deviation })
    }

    fn table(&self, graph: &mut Graph, name: &str, values: &[f32]) -> ValueId {
        match Tensor::new(vec![self.classes, self.classes], TensorData::F32(values.to_vec())) {
            Some(tensor) => graph.constant(name, tensor),
            None => graph.scalar(f32::NAN),
        }
    }
}

fn at(z: &[f32], class: usize) -> f32 {
    z.get(class).copied().unwrap_or(f32::NAN)
}

/// The logits of a point.
fn values(case: &mut Case, x: &[f32], sample: usize) -> Result<Vec<f32>, DefendError> {
    Ok(case.referee.ask(&case.preprocess, x, sample).map_err(brinell_subject::SubjectError::from)?.values)
}

impl Score for Noise {
    fn views(&self) -> Vec<View<'_>> {
        self.bank.iter().map(|noise| View::Plus(noise)).collect()
    }

    fn append(&self, graph: &mut Graph, seen: &Seen) -> Result<ValueId, GraphError> {
        let all = logits(graph, seen, seen.all)?;
        let own = logits(graph, seen, seen.own)?;
        // Which class is predicted, as a row of zeros and a one.
        let largest = graph.add(Op::Reduce { kind: Reduce::Max, axes: vec![1], keepdims: true }, &[own])?;
        let hot = graph.add(Op::Compare(Compare::Equal), &[own, largest])?;
        let hot = graph.add(Op::Cast { to: DType::F32 }, &[hot])?;
        let others = Op::Slice { axes: vec![1], starts: vec![1], ends: vec![seen.views as i64], steps: vec![1] };
        let others = graph.add(others, &[all])?;
        let mean = graph.add(Op::Reduce { kind: Reduce::Mean, axes: vec![1], keepdims: false }, &[others])?;
        let change = graph.add(Op::Sub, &[mean, own])?;
        let picked = graph.add(Op::Mul, &[change, hot])?;
        let picked = graph.add(Op::Reduce { kind: Reduce::Sum, axes: vec![1], keepdims: true }, &[picked])?;
        let gain = graph.add(Op::Sub, &[change, picked])?;
        let (mean, deviation) = (self.table(graph, "gain_mean", &self.mean), self.table(graph, "gain_deviation", &self.deviation));
        let (mean, deviation) = (graph.add(Op::MatMul, &[hot, mean])?, graph.add(Op::MatMul, &[hot, deviation])?);
        let odd = graph.add(Op::Sub, &[gain, mean])?;
        let odd = graph.add(Op::Div, &[odd, deviation])?;
        graph.add(Op::Reduce { kind: Reduce::Max, axes: vec![1], keepdims: false }, &[odd])
    }
}
