//! Several models that are attacked as one.

use std::sync::Arc;

use brinell_attack::driver::Model;
use brinell_engine::{Answer, Oracle, OracleError};
use brinell_task::{Head, Loss, Objective, Posed, Task, Truth, Wanted};

use crate::Ensemble;
use crate::classes::ClassMap;
use crate::fit::Fit;

/// One of them.
pub(crate) struct Source<'a> {
    oracle: Oracle,
    fit: &'a Fit,
    map: &'a ClassMap,
    task: Arc<dyn Task>,
    head: Head,
    /// The images as the model takes them, and what its loss is fed or its values are weighed with.
    shown: Vec<f32>,
    feeds: Vec<f32>,
    answer: Answer,
    /// The objective of every row.
    losses: Vec<f32>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(oracle: Oracle, fit: &'a Fit, map: &'a ClassMap) -> Self {
        let (task, head) = (Arc::clone(oracle.task()), Head::Linear);
        Self { oracle, fit, map, task, head, shown: Vec::new(), feeds: Vec::new(), answer: Answer::default(), losses: Vec::new() }
    }

    /// Writes the objective of every row from the values, and its derivative by them into `feeds`.
    fn slopes(&mut self, objective: Objective, labels: &[usize]) {
        let width = self.task.width().max(1);
        self.feeds.clear();
        self.feeds.resize(labels.len() * width, 0.0);
        self.losses.clear();
        let rows = self.answer.values.chunks_exact(width).zip(self.feeds.chunks_exact_mut(width));
        self.losses.extend(rows.zip(labels).map(|((z, w), &label)| slope(self.task.as_ref(), objective, z, self.map.own(label), w)));
    }

    /// Asks for the gradients of the objective.
    fn differentiate(&mut self, objective: Objective, labels: &[usize]) -> Result<(), OracleError> {
        match self.head {
            Head::Fused(loss) => {
                let width = self.head.feeds().len() * self.task.width();
                self.feeds.clear();
                self.feeds.resize(labels.len() * width, 0.0);
                for (&label, feed) in labels.iter().zip(self.feeds.chunks_exact_mut(width.max(1))) {
                    // A row whose class the model lacks does not count, whatever its loss is.
                    let truth = Truth::Class(self.map.own(label).first().copied().unwrap_or(0));
                    self.task.feed(Posed { truth: &truth, wanted: &Wanted::BREAK }, None, feed);
                }
                self.oracle.fused(loss, &self.shown, &self.feeds, &mut self.answer)?;
                self.slopes(objective, labels);
            }
            Head::Linear => {
                self.oracle.values(&self.shown, &mut self.answer)?;
                self.slopes(objective, labels);
                self.oracle.pull(&self.shown, &self.feeds, &mut self.answer)?;
            }
        }
        Ok(())
    }
}

/// Returns the objective of a row of values, where any other class than these is wanted, and writes its derivative by the values.
fn slope(task: &dyn Task, objective: Objective, z: &[f32], own: &[usize], w: &mut [f32]) -> f32 {
    match *own {
        [] => {
            w.fill(0.0);
            0.0
        }
        [only] => {
            let truth = Truth::Class(only);
            let posed = Posed { truth: &truth, wanted: &Wanted::BREAK };
            task.pull(objective, z, posed, None, w);
            task.loss(objective, z, posed, None)
        }
        _ => several(objective, z, own, w),
    }
}

/// The same for a class that several of the model stand for: how far all others together are ahead of these together.
fn several(objective: Objective, z: &[f32], own: &[usize], w: &mut [f32]) -> f32 {
    // The margin compares the largest of both sides: the limit of a low temperature.
    let sharp = if objective == Objective::Margin { 1e4 } else { 1.0 };
    let side = |mine: bool| {
        let values = || z.iter().enumerate().filter(|(class, _)| own.contains(class) == mine).map(|(_, &z)| f64::from(z));
        let top = values().fold(f64::NEG_INFINITY, f64::max);
        (top, values().map(|z| (sharp * (z - top)).exp()).sum::<f64>())
    };
    let (mine, others) = (side(true), side(false));
    if own.len() >= z.len() {
        w.fill(0.0);
        return 0.0;
    }
    for (class, (w, &z)) in w.iter_mut().zip(z).enumerate() {
        let (sign, (top, sum)) = if own.contains(&class) { (-1.0, mine) } else { (1.0, others) };
        *w = (sign * (sharp * (f64::from(z) - top)).exp() / sum) as f32;
    }
    (others.0 + others.1.ln() / sharp - mine.0 - mine.1.ln() / sharp) as f32
}

/// Models that are attacked as one. The driver sees two values of every image: zero for what is right, and the mean of the sources' objectives, which is
/// positive once they are fooled on the whole.
pub(crate) struct Sources<'a> {
    sources: Vec<Source<'a>>,
    rule: Ensemble,
    objective: Objective,
    /// Classes of all images, in those of the data.
    labels: &'a [usize],
    /// The images of the next call, and their classes.
    rows: Vec<usize>,
    asked: Vec<usize>,
    back: Vec<f32>,
}

impl<'a> Sources<'a> {
    /// Prepares the gradients of all sources, where they are wanted.
    ///
    /// # Errors
    /// [`OracleError`] where a source has none.
    pub(crate) fn new(
        mut sources: Vec<Source<'a>>,
        rule: Ensemble,
        objective: Objective,
        gradient: bool,
        labels: &'a [usize],
    ) -> Result<Self, OracleError> {
        for source in &mut sources {
            // A loss of the graph has one right class.
            let fused = source.map.one_to_one() && rule != Ensemble::Logits;
            source.head = if fused { source.task.head(objective, &Wanted::BREAK) } else { Head::Linear };
            if gradient { source.oracle.prepare(source.head)? } else { source.oracle.prepare_forward()? }
        }
        Ok(Self { sources, rule, objective, labels, rows: Vec::new(), asked: Vec::new(), back: Vec::new() })
    }

    /// Gives the models back.
    pub(crate) fn into_oracles(self) -> Vec<Oracle> {
        self.sources.into_iter().map(|source| source.oracle).collect()
    }

    /// Takes the images of a call.
    fn show(&mut self, x: &[f32]) {
        let d = x.len() / self.rows.len().max(1);
        for source in &mut self.sources {
            source.shown.clear();
            x.chunks_exact(d.max(1)).for_each(|x| source.fit.apply(x, &mut source.shown));
            source.oracle.about(self.rows.iter().copied());
        }
    }

    /// Writes what the driver sees.
    fn report(&self, answer: &mut Answer) {
        answer.values.clear();
        for row in 0..self.asked.len() {
            let losses = self.sources.iter().filter_map(|source| source.losses.get(row));
            let sum: f64 = losses.map(|loss| f64::from(*loss)).sum();
            answer.values.extend([0.0, (sum / self.sources.len().max(1) as f64) as f32]);
        }
    }

    /// Asks for the gradients of the loss of the mean values; all sources have the same classes.
    fn differentiate_mean(&mut self) -> Result<(), OracleError> {
        let mut mean: Vec<f32> = Vec::new();
        for source in &mut self.sources {
            source.oracle.values(&source.shown, &mut source.answer)?;
            mean.resize(source.answer.values.len(), 0.0);
            mean.iter_mut().zip(&source.answer.values).for_each(|(mean, z)| *mean += z);
        }
        let share = 1.0 / self.sources.len().max(1) as f32;
        mean.iter_mut().for_each(|z| *z *= share);
        for source in &mut self.sources {
            source.answer.values.copy_from_slice(&mean);
            source.slopes(self.objective, &self.asked);
            source.oracle.pull(&source.shown, &source.feeds, &mut source.answer)?;
        }
        Ok(())
    }

    /// How much the gradient of one source counts for a row; `g` is that gradient at the shared image.
    fn weight(&self, k: usize, row: usize, g: &[f32]) -> f32 {
        let loss = |source: &Source<'_>| source.losses.get(row).map_or(f64::NAN, |loss| f64::from(*loss));
        match self.rule {
            Ensemble::Norm => {
                let sum: f64 = g.iter().filter(|g| g.is_finite()).map(|g| f64::from(g.abs())).sum();
                let mean = sum / g.len().max(1) as f64;
                if mean > 0.0 { (1.0 / mean) as f32 } else { 0.0 }
            }
            Ensemble::Loss | Ensemble::Logits => 1.0 / self.sources.len().max(1) as f32,
            Ensemble::Prob => {
                // Of -log mean p: p_k / sum p times that of -log p_k, which is 1 - p_k times that of the log-odds.
                let log_p = |source: &Source<'_>| -softplus(loss(source));
                let top = self.sources.iter().map(log_p).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = self.sources.iter().map(|source| (log_p(source) - top).exp()).sum();
                let own =
                    self.sources.get(k).map_or(f64::NAN, |source| (log_p(source) - top).exp() / sum * (-softplus(-loss(source))).exp());
                own as f32
            }
        }
    }
}

/// log(1 + e^v), without overflow.
fn softplus(v: f64) -> f64 {
    v.max(0.0) + (-v.abs()).exp().ln_1p()
}

impl Model for Sources<'_> {
    fn about(&mut self, samples: &mut dyn Iterator<Item = usize>) {
        self.rows.clear();
        self.rows.extend(samples);
        self.asked.clear();
        self.asked.extend(self.rows.iter().map(|row| self.labels.get(*row).copied().unwrap_or(usize::MAX)));
    }

    fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.show(x);
        for source in &mut self.sources {
            source.oracle.values(&source.shown, &mut source.answer)?;
            source.slopes(self.objective, &self.asked);
        }
        self.report(answer);
        answer.loss.clear();
        answer.gradient.clear();
        Ok(())
    }

    fn fused(&mut self, _loss: Loss, x: &[f32], _feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.show(x);
        if self.rule == Ensemble::Logits {
            self.differentiate_mean()?;
        } else {
            for source in &mut self.sources {
                source.differentiate(self.objective, &self.asked)?;
            }
        }
        let d = (x.len() / self.rows.len().max(1)).max(1);
        answer.gradient.clear();
        answer.gradient.resize(x.len(), 0.0);
        let mut back = std::mem::take(&mut self.back);
        for (k, source) in self.sources.iter().enumerate() {
            let rows = answer.gradient.chunks_exact_mut(d).zip(source.answer.gradient.chunks_exact(source.fit.len(d).max(1)));
            for (row, (total, g)) in rows.enumerate() {
                if self.asked.get(row).is_none_or(|label| source.map.own(*label).is_empty()) {
                    continue;
                }
                back.clear();
                back.resize(d, 0.0);
                source.fit.adjoint(g, &mut back);
                let weight = self.weight(k, row, &back);
                total.iter_mut().zip(&back).for_each(|(total, g)| *total += weight * g);
            }
        }
        self.back = back;
        self.report(answer);
        answer.loss.clear();
        answer.loss.extend(answer.values.iter().skip(1).step_by(2));
        Ok(())
    }

    fn pull(&mut self, x: &[f32], _w: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.fused(Loss::LogOdds, x, &[], answer)
    }
}

#[cfg(test)]
mod tests {
    use brinell_task::Classify;

    use super::*;

    #[test]
    fn several_classes_of_one_meaning_are_a_side_together() {
        let z = [1.0, 2.0, 0.5, -1.0];
        let at = |z: &[f32], objective| several(objective, z, &[0, 1], &mut [0.0; 4]);
        for objective in [Objective::LogOdds, Objective::Margin] {
            let mut w = [0.0; 4];
            let loss = several(objective, &z, &[0, 1], &mut w);
            for k in 0..4 {
                let (mut up, mut down) = (z, z);
                up[k] += 1e-2;
                down[k] -= 1e-2;
                let slope = (at(&up, objective) - at(&down, objective)) / 2e-2;
                assert!((slope - w[k]).abs() < 1e-3, "{objective:?} {k}: {slope} {}", w[k]);
            }
            let expected = match objective {
                Objective::Margin => 0.5 - 2.0,
                _ => (0.5f64.exp() + (-1f64).exp()).ln() - (1f64.exp() + 2f64.exp()).ln(),
            };
            assert!((f64::from(loss) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn one_class_is_what_the_task_says() {
        let (task, z) = (Classify::new(3), [1.0, 2.0, 0.5]);
        let (mut w, mut other) = ([0.0; 3], [0.0; 3]);
        let (a, b) = (slope(&task, Objective::LogOdds, &z, &[1], &mut w), several(Objective::LogOdds, &z, &[1], &mut other));
        assert!((a - b).abs() < 1e-6 && w.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!((slope(&task, Objective::LogOdds, &z, &[], &mut w), w), (0.0, [0.0; 3]));
    }
}
