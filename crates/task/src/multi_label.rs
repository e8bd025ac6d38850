//! Several labels for each sample: each applies or not.

use crate::wanted::Quantifier;
use crate::{Answer, Ending, Goal, Objective, Posed, Reading, Rival, Row, Tap, Task, Truth, Units, Verdict, Wanted};

/// Labels that apply or not, each by a value of its own: from a threshold on it applies.
///
/// The units are the labels that count. The sample is right where all of them are. A label's margin is how far its value has passed the threshold, in the
/// values before the sigmoid; the rivals are the labels, each turned by itself.
///
/// [`Objective::LogOdds`] is the log-odds that a label that counts is wrong, where each is wrong with its own probability: log(exp(BCE) - 1) with BCE the
/// binary cross-entropy summed over these labels. Both rise together and have gradients of one direction, but this one does not vanish where the model
/// is sure. All other objectives are the margin.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiLabel {
    labels: usize,
    reading: Reading,
    threshold: f64,
    shift: f64,
    counted: Vec<usize>,
    taps: [Tap; 1],
}

impl MultiLabel {
    /// Returns the task of a model with so many labels in its output number `output`, which ends so; a label applies from `threshold` on, which is a value
    /// of that output: where it is `None`, 0.5 of a sigmoid and else 0.
    #[must_use]
    pub fn new(labels: usize, output: usize, ending: Ending, threshold: Option<f64>) -> Self {
        let threshold = threshold.unwrap_or(if ending == Ending::Sigmoid { 0.5 } else { 0.0 });
        let shift = Reading { ending, threshold: Some(threshold) }.shift();
        let reading = Reading { ending, threshold: None };
        let taps = [Tap { output, ending, size: labels }];
        Self { labels, reading, threshold, shift, counted: (0..labels).collect(), taps }
    }

    /// Returns the same task where only these labels count, in their order; those that the model does not have are left out.
    #[must_use]
    pub fn counting(mut self, labels: &[usize]) -> Self {
        self.counted = (0..self.labels).filter(|label| labels.contains(label)).collect();
        self
    }

    /// How far each label that counts has turned, by label. Nothing where the truth is of another kind or size.
    fn margins<'a>(&'a self, z: &'a Row, posed: Posed<'a>) -> impl Iterator<Item = (usize, f64)> + Clone + 'a {
        let truth: &[bool] = match (posed.truth, &posed.wanted.goal) {
            (Truth::Labels(labels), Goal::Break) if labels.len() == self.labels && z.len() == self.labels => labels,
            _ => &[],
        };
        self.counted.iter().filter_map(move |&label| {
            let above = f64::from(*z.get(label)?) - self.shift;
            Some((label, if *truth.get(label)? { -above } else { above }))
        })
    }

    /// The label whose margin is that of what is wanted, and the margin.
    fn attained(&self, z: &Row, posed: Posed<'_>) -> Option<(usize, f64)> {
        let (place, margin) = posed.wanted.of.attained(self.margins(z, posed).map(|(_, margin)| margin))?;
        self.margins(z, posed).nth(place).map(|(label, _)| (label, margin))
    }

    /// The label that a loss is about: the rival in hand, where it asks for that, else the one that decides.
    fn own(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> Option<(usize, f64)> {
        let of_rival = matches!(objective, Objective::RivalMargin | Objective::RivalRatio | Objective::Plane);
        match rival.filter(|_| of_rival) {
            Some(label) => self.margins(z, posed).find(|&(other, _)| other == label),
            None => self.attained(z, posed),
        }
    }

    /// True where the objective is the log-odds of any label being wrong.
    fn is_smooth(objective: Objective, wanted: &Wanted) -> bool {
        objective == Objective::LogOdds && wanted.of == Quantifier::Any
    }
}

/// The log of the summed softplus of `margins`, without the loss of small ones.
fn log_cross_entropy(margins: impl Iterator<Item = f64> + Clone) -> f64 {
    // log(log(1 + exp(m))) is m where exp(m) is nothing beside 1.
    let logs = margins.map(|m| if m < -30.0 { m } else { softplus(m).ln() });
    let top = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY { top } else { top + logs.map(|log| (log - top).exp()).sum::<f64>().ln() }
}

fn softplus(m: f64) -> f64 {
    m.max(0.0) + (-m.abs()).exp().ln_1p()
}

impl Task for MultiLabel {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        let applies = |&z: &f32| z.is_finite().then(|| f64::from(z) >= self.shift);
        z.iter().map(applies).collect::<Option<Vec<bool>>>().map(Answer::Labels)
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        let applies = |&v: &f64| v.is_finite().then_some(v >= self.threshold);
        output.iter().map(applies).collect::<Option<Vec<bool>>>().map(Answer::Labels)
    }

    fn row(&self, output: &[f64]) -> Vec<f32> {
        self.reading.logits(output)
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        self.reading.output(z)
    }

    fn is_close(&self, z: &Row, posed: Posed<'_>, rounding: f32) -> bool {
        // Each label is right or wrong by itself.
        let near = f64::from(rounding) * self.scale(z, posed);
        z.iter().any(|z| !z.is_finite()) || self.margins(z, posed).any(|(_, margin)| margin.abs() <= near)
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        let lost = Verdict { reached: false, units: Units { total: self.counted.len(), kept: 0 } };
        let (Answer::Labels(said), Truth::Labels(right), Goal::Break) = (answer, posed.truth, &posed.wanted.goal) else { return lost };
        if said.len() != self.labels || right.len() != self.labels {
            return lost;
        }
        let turned = self.counted.iter().map(|&label| if said.get(label) == right.get(label) { -1.0 } else { 1.0 });
        let kept = turned.clone().filter(|turned| *turned < 0.0).count();
        let reached = posed.wanted.of.attained(turned).is_some_and(|(_, margin)| margin > 0.0);
        Verdict { reached, units: Units { total: self.counted.len(), kept } }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        if z.iter().any(|z| !z.is_finite()) {
            return f64::NEG_INFINITY;
        }
        self.attained(z, posed).map_or(f64::NEG_INFINITY, |(_, margin)| margin)
    }

    fn scale(&self, z: &Row, _: Posed<'_>) -> f64 {
        z.iter().fold(self.shift.abs(), |scale, z| scale.max(f64::from(z.abs())))
    }

    #[expect(clippy::cast_possible_truncation, reason = "losses are f32")]
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        if !Self::is_smooth(objective, posed.wanted) {
            return self.own(objective, z, posed, rival).map_or(f32::NAN, |(_, margin)| margin as f32);
        }
        let log = log_cross_entropy(self.margins(z, posed).map(|(_, margin)| margin));
        let whole = log.exp();
        let odds = if log < -30.0 {
            log
        } else if whole > 30.0 {
            whole
        } else {
            whole.exp_m1().ln()
        };
        odds as f32
    }

    #[expect(clippy::cast_possible_truncation, reason = "slopes are f32")]
    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        let Truth::Labels(truth) = posed.truth else { return };
        let mut set = |label: usize, amount: f64| {
            if let (Some(w), Some(&applies)) = (w.get_mut(label), truth.get(label)) {
                *w = if applies { -amount } else { amount } as f32;
            }
        };
        if !Self::is_smooth(objective, posed.wanted) {
            if let Some((label, _)) = self.own(objective, z, posed, rival) {
                set(label, 1.0);
            }
            return;
        }
        // d log(exp(B) - 1) = dB / (1 - exp(-B)), and the derivative of a softplus is the sigmoid.
        let log = log_cross_entropy(self.margins(z, posed).map(|(_, margin)| margin));
        let below = if log < -30.0 { log } else { (-(-log.exp()).exp_m1()).ln() };
        for (label, margin) in self.margins(z, posed) {
            set(label, (margin - softplus(margin) - below).exp());
        }
    }

    fn count(&self, wanted: &Wanted) -> usize {
        if wanted.goal == Goal::Break && wanted.of == Quantifier::Any { self.counted.len() } else { 0 }
    }

    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        if self.count(posed.wanted) == 0 {
            return;
        }
        if z.is_empty() {
            out.extend(self.counted.iter().map(|&id| Rival { id, margin: f64::NAN }));
            return;
        }
        let from = out.len();
        out.extend(self.margins(z, posed).map(|(id, margin)| Rival { id, margin }));
        if let Some(rivals) = out.get_mut(from..) {
            rivals.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posed(truth: &Truth) -> Posed<'_> {
        Posed { truth, wanted: &Wanted::BREAK }
    }

    #[test]
    fn a_label_applies_from_its_threshold_on() {
        let task = MultiLabel::new(2, 0, Ending::Sigmoid, Some(0.9));
        assert_eq!(task.decode(&[0.9, 0.89]), Some(Answer::Labels(vec![true, false])));
        // ln(0.9 / 0.1) = 2.19722.
        assert_eq!(task.answer(&[2.1973, 2.1971]), Some(Answer::Labels(vec![true, false])));
        let plain = MultiLabel::new(2, 0, Ending::Logits, None);
        assert_eq!(plain.decode(&[0.0, -0.1]), Some(Answer::Labels(vec![true, false])));
        assert_eq!((plain.decode(&[f64::NAN, 0.0]), plain.answer(&[f32::INFINITY, 0.0])), (None, None));
    }

    #[test]
    fn only_labels_that_count_are_right_or_wrong() {
        let truth = Truth::Labels(vec![true, false, true]);
        let all = MultiLabel::new(3, 0, Ending::Logits, None);
        let one = all.clone().counting(&[2]);
        let said = all.answer(&[-1.0, -1.0, 0.5]).unwrap();
        assert_eq!(all.verdict(&said, posed(&truth)), Verdict { reached: true, units: Units { total: 3, kept: 2 } });
        assert_eq!(one.verdict(&said, posed(&truth)), Verdict { reached: false, units: Units { total: 1, kept: 1 } });
        assert_eq!((all.margin(&[-1.0, -1.0, 0.5], posed(&truth)), one.margin(&[-1.0, -1.0, 0.5], posed(&truth))), (1.0, -0.5));
    }

    #[test]
    fn the_log_odds_are_those_of_the_summed_binary_cross_entropy() {
        let truth = Truth::Labels(vec![true, false, false]);
        let (task, z) = (MultiLabel::new(3, 0, Ending::Sigmoid, None), [0.3, -0.7, 1.1]);
        // PyTorch 2.15: l = F.binary_cross_entropy_with_logits(z, y, reduction="sum") is 2.344877 and its gradient [-0.425557, 0.331812, 0.750260].
        let (cross_entropy, slope) = (2.344_877f64, [-0.425_557f64, 0.331_812, 0.750_260]);
        let loss = f64::from(task.loss(Objective::LogOdds, &z, posed(&truth), None));
        assert!((loss - cross_entropy.exp_m1().ln()).abs() < 1e-5, "{loss}");
        let mut w = [0.0; 3];
        task.pull(Objective::LogOdds, &z, posed(&truth), None, &mut w);
        for (w, slope) in w.iter().zip(slope) {
            assert!((f64::from(*w) - slope / (1.0 - (-cross_entropy).exp())).abs() < 1e-5, "{w}");
        }
    }

    #[test]
    fn the_log_odds_still_rise_where_the_model_is_sure() {
        let truth = Truth::Labels(vec![true, false]);
        let task = MultiLabel::new(2, 0, Ending::Sigmoid, None);
        let at = |z: f32| task.loss(Objective::LogOdds, &[z, -z - 50.0], posed(&truth), None);
        assert!(at(900.0) < at(800.0) && at(800.0) < at(40.0) && at(40.0) < at(1.0));
        let mut w = [0.0; 2];
        task.pull(Objective::LogOdds, &[900.0, -950.0], posed(&truth), None, &mut w);
        assert!((w[0] + 1.0).abs() < 1e-6, "{w:?}");
        task.pull(Objective::LogOdds, &[-900.0, 950.0], posed(&truth), None, &mut w);
        assert_eq!(w, [-1.0, 1.0]);
    }

    #[test]
    fn what_is_of_another_kind_is_never_reached() {
        let task = MultiLabel::new(2, 0, Ending::Logits, None);
        for truth in [Truth::Class(0), Truth::Labels(vec![true]), Truth::Values(vec![0.0, 1.0])] {
            assert_eq!(task.margin(&[1.0, 1.0], posed(&truth)), f64::NEG_INFINITY, "{truth:?}");
            assert!(!task.reached(&[1.0, 1.0], posed(&truth)), "{truth:?}");
        }
        let (truth, wanted) = (Truth::Labels(vec![true, true]), Wanted::class(Some(1)));
        assert!(!task.reached(&[-1.0, -1.0], Posed { truth: &truth, wanted: &wanted }));
    }
}
