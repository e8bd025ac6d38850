//! How an output is read: as logits, as probabilities, or as one score that a threshold cuts into two classes.

/// What the last operator made of the values that the losses use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing: the output is logits, or a score as it is.
    Logits,
    /// A softmax; the losses use the values before it.
    Softmax,
    /// A sigmoid; the losses use the values before it.
    Sigmoid,
    /// A choice: the output names the likeliest classes, the first one in front; the losses use the values that were chosen from.
    Labels {
        /// Number of classes.
        classes: usize,
        /// Classes that are named for a sample.
        width: usize,
    },
}

impl Ending {
    /// Returns the name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Labels { .. } => "labels",
        }
    }

    /// Returns true where the output names classes and has no numbers for them: only decisions can be learnt from it.
    #[must_use]
    pub fn is_labels(self) -> bool {
        matches!(self, Self::Labels { .. })
    }
}

/// How the output of one sample becomes logits and a class.
///
/// An output of one value is a score: its class is 1 from the threshold on and else 0, and its logits are 0 and the score less the threshold
/// (of a sigmoid, both as they are before it).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// What the last operator is.
    pub ending: Ending,
    /// Score from which on the class is 1, where the output is one score.
    pub threshold: Option<f64>,
}

impl Reading {
    /// Of an output that is logits.
    pub const LOGITS: Self = Self { ending: Ending::Logits, threshold: None };

    /// Returns how many values the output has for a sample, of a model with so many classes.
    #[must_use]
    pub fn values(&self, classes: usize) -> usize {
        match (self.threshold, self.ending) {
            (Some(_), _) => 1,
            (None, Ending::Labels { width, .. }) => width,
            (None, _) => classes,
        }
    }

    /// Returns the threshold on the scale of the values that the losses use.
    #[must_use]
    pub fn shift(&self) -> f64 {
        match (self.threshold, self.ending) {
            (None, _) => 0.0,
            (Some(threshold), Ending::Sigmoid) => log_odds(threshold),
            (Some(threshold), _) => threshold,
        }
    }

    /// Returns the predicted class: the first of the largest values; `None` where a value is not finite, or no class is named.
    #[must_use]
    pub fn prediction(&self, output: &[f64]) -> Option<usize> {
        if output.is_empty() || output.iter().any(|v| !v.is_finite()) {
            return None;
        }
        if let (Some(threshold), &[score]) = (self.threshold, output) {
            return Some(usize::from(score >= threshold));
        }
        if let (Ending::Labels { classes, .. }, &[label, ..]) = (self.ending, output) {
            return (0..classes).find(|&class| label == class as f64);
        }
        let mut best = 0;
        for (class, value) in output.iter().enumerate() {
            if output.get(best).is_some_and(|top| value > top) {
                best = class;
            }
        }
        Some(best)
    }

    /// Returns the probability of a class: the output where it is one, else the softmax of the logits; 1 or 0 where the output names a class.
    #[must_use]
    pub fn confidence(&self, output: &[f64], class: usize) -> f64 {
        let at = |class: usize| output.get(class).copied().unwrap_or(f64::NAN);
        match (self.ending, self.threshold) {
            (Ending::Labels { .. }, _) => f64::from(u8::from(self.prediction(output) == Some(class))),
            (Ending::Sigmoid, Some(_)) if class == 0 => 1.0 - at(0),
            (Ending::Sigmoid, Some(_)) => at(0),
            (Ending::Softmax | Ending::Sigmoid, None) => at(class),
            (_, Some(threshold)) => {
                let margin = if class == 0 { threshold - at(0) } else { at(0) - threshold };
                1.0 / (1.0 + (-margin).exp())
            }
            (Ending::Logits, None) => 1.0 / output.iter().map(|z| (z - at(class)).exp()).sum::<f64>(),
        }
    }

    /// Returns the logits that the output stands for. Of a softmax these are log-probabilities, whose differences are those of logits; of a named class, 1 and 0
    /// for all others.
    #[must_use]
    pub fn logits(&self, output: &[f64]) -> Vec<f32> {
        if let Ending::Labels { classes, .. } = self.ending {
            let label = self.prediction(output);
            return (0..classes).map(|class| f32::from(u8::from(label == Some(class)))).collect();
        }
        let inner = |&v: &f64| match self.ending {
            Ending::Logits | Ending::Labels { .. } => v,
            Ending::Softmax => v.max(f64::from(f32::MIN_POSITIVE)).ln(),
            Ending::Sigmoid => log_odds(v),
        };
        match (self.threshold, output) {
            (Some(_), [score]) => vec![0.0, (inner(score) - self.shift()) as f32],
            _ => output.iter().map(|v| inner(v) as f32).collect(),
        }
    }

    /// Returns the output that a row of logits would have led to.
    #[must_use]
    pub fn output(&self, logits: &[f32]) -> Vec<f64> {
        let wide: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
        if let Ending::Labels { width, .. } = self.ending {
            let mut order: Vec<usize> = (0..wide.len()).collect();
            order.sort_by(|&a, &b| logits.get(b).partial_cmp(&logits.get(a)).unwrap_or(std::cmp::Ordering::Equal));
            return order.into_iter().take(width).map(|class| class as f64).collect();
        }
        match (self.threshold, self.ending, wide.as_slice()) {
            (Some(_), Ending::Sigmoid, [_, z]) => vec![sigmoid(z + self.shift())],
            (Some(_), _, [_, z]) => vec![z + self.shift()],
            (_, Ending::Softmax, _) => (0..wide.len()).map(|class| Self::LOGITS.confidence(&wide, class)).collect(),
            (_, Ending::Sigmoid, _) => wide.into_iter().map(sigmoid).collect(),
            _ => wide,
        }
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The inverse of the sigmoid, finite where the sigmoid has rounded to 0 or 1.
fn log_odds(p: f64) -> f64 {
    let least = f64::from(f32::MIN_POSITIVE);
    p.max(least).ln() - (1.0 - p).max(least).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_class_one_from_its_threshold_on() {
        let score = Reading { ending: Ending::Logits, threshold: Some(2.5) };
        let classes = [2.4, 2.5, 2.6].map(|score_| score.prediction(&[score_]).unwrap());
        assert_eq!(classes, [0, 1, 1]);
        assert_eq!(score.logits(&[4.0]), [0.0, 1.5]);
        assert_eq!(score.output(&[0.0, 1.5]), [4.0]);
        assert_eq!(score.prediction(&[f64::NAN]), None);
        assert_eq!(score.values(2), 1);
        assert!((score.confidence(&[2.5], 0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_sigmoid_is_undone_and_so_is_its_threshold() {
        let reading = Reading { ending: Ending::Sigmoid, threshold: Some(0.9) };
        // ln(0.9 / 0.1) = 2.1972245773.
        assert!((reading.shift() - 2.197_224_577_3).abs() < 1e-9);
        let logits = reading.logits(&[0.95]);
        assert!((f64::from(logits[1]) - (0.95f64 / 0.05).ln() + 2.197_224_577_3).abs() < 1e-6);
        assert!((reading.output(&logits)[0] - 0.95).abs() < 1e-6);
        assert_eq!((reading.prediction(&[0.89]), reading.prediction(&[0.9])), (Some(0), Some(1)));
        assert!((reading.confidence(&[0.95], 0) - 0.05).abs() < 1e-12);
        assert!(reading.logits(&[1.0])[1].is_finite() && reading.logits(&[0.0])[1].is_finite());
    }

    #[test]
    fn a_named_class_is_the_prediction_and_nothing_more_is_known() {
        let reading = Reading { ending: Ending::Labels { classes: 4, width: 2 }, threshold: None };
        assert_eq!((reading.values(4), reading.prediction(&[2.0, 0.0])), (2, Some(2)));
        assert_eq!(reading.logits(&[2.0, 0.0]), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(reading.output(&[0.5, 0.7, 0.7, 0.1]), [1.0, 2.0]);
        assert_eq!((reading.prediction(&[4.0, 0.0]), reading.prediction(&[0.5, 0.0])), (None, None));
        assert!(reading.confidence(&[2.0, 0.0], 2) > reading.confidence(&[2.0, 0.0], 0));
    }

    #[test]
    fn probabilities_become_log_probabilities_and_back() {
        let reading = Reading { ending: Ending::Softmax, threshold: None };
        let logits = reading.logits(&[0.25, 0.75]);
        assert!((f64::from(logits[1] - logits[0]) - 3f64.ln()).abs() < 1e-6);
        assert!(reading.output(&logits).iter().zip([0.25, 0.75]).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(reading.prediction(&[0.5, 0.5]), Some(0));
        assert!((reading.confidence(&[0.25, 0.75], 1) - 0.75).abs() < 1e-12);
    }
}
