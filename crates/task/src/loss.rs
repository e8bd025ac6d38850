//! Losses of classification, as numbers; autodiff has the same as nodes of a graph.

use crate::TaskError;

/// Losses that exist as nodes of a graph; all are maximised. `z` are the logits, `y` the label, `t` the target, `z_(i)` the i-th
/// largest logit.
///
/// # Source
/// DLR: Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
/// attacks", ICML 2020, Eqs. (6) and (7). Margin: Carlini & Wagner, "Towards evaluating the robustness of neural
/// networks", S&P 2017, f6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// -log softmax(z)_y.
    CrossEntropy,
    /// max over i != y of z_i, less z_y.
    Margin,
    /// -(z_y - max over i != y of z_i) / (z_(1) - z_(3)).
    Dlr,
    /// log softmax(z)_t.
    TargetedCrossEntropy,
    /// z_t - max over i != t of z_i.
    TargetedMargin,
    /// -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2).
    TargetedDlr,
    /// z_t - z_y, whichever class is the largest: the plane between two classes.
    Difference,
    /// log(1 - p_y) - log p_y with p the softmax: log-sum-exp over i != y of z_i, less z_y. Cross-entropy is log(1 + exp) of it, so that
    /// both rise and fall together and have gradients of one direction; but this one does not vanish where p_y rounds to 1.
    LogOdds,
    /// The same for the target, with the sign turned: z_t less log-sum-exp over i != t of z_i.
    TargetedLogOdds,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Self; 9] = [
        Self::CrossEntropy,
        Self::Margin,
        Self::Dlr,
        Self::TargetedCrossEntropy,
        Self::TargetedMargin,
        Self::TargetedDlr,
        Self::Difference,
        Self::LogOdds,
        Self::TargetedLogOdds,
    ];

    /// Keeps the denominator of DLR away from zero, as in the reference implementation.
    pub const DLR_FLOOR: f64 = 1e-12;

    /// Returns the name on the command line and in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "ce",
            Self::Margin => "margin",
            Self::Dlr => "dlr",
            Self::TargetedCrossEntropy => "ce-targeted",
            Self::TargetedMargin => "margin-targeted",
            Self::TargetedDlr => "dlr-targeted",
            Self::Difference => "difference",
            Self::LogOdds => "log-odds",
            Self::TargetedLogOdds => "log-odds-targeted",
        }
    }

    /// Returns the loss of that name.
    ///
    /// # Errors
    /// [`TaskError::UnknownLoss`].
    pub fn from_name(name: &str) -> Result<Self, TaskError> {
        Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| TaskError::UnknownLoss { name: name.to_owned() })
    }

    /// Returns true where the loss needs a target class.
    #[must_use]
    pub fn is_targeted(self) -> bool {
        matches!(self, Self::TargetedCrossEntropy | Self::TargetedMargin | Self::TargetedDlr | Self::Difference | Self::TargetedLogOdds)
    }

    /// Returns the names of what a graph with this loss is fed beside its own inputs, `[B, K]` each.
    #[must_use]
    pub fn feeds(self) -> &'static [&'static str] {
        if self.is_targeted() { &["label_one_hot", "target_one_hot"] } else { &["label_one_hot"] }
    }

    /// Returns what a graph with this loss is fed for samples of these labels and targets, out of `classes`.
    ///
    /// # Shapes
    /// `labels`, `targets`: `[B]`; returns `[B, F, K]`, with zeros for what is no class.
    #[must_use]
    pub fn feed(self, classes: usize, labels: &[usize], targets: &[usize]) -> Vec<f32> {
        let fed = self.feeds().len() * classes;
        let mut rows = vec![0.0; labels.len() * fed];
        for ((row, &label), &target) in rows.chunks_exact_mut(fed.max(1)).zip(labels).zip(targets) {
            hot(row, classes, [label, target]);
        }
        rows
    }

    /// Returns the least number of classes for which the loss is defined.
    #[must_use]
    pub fn min_classes(self) -> usize {
        match self {
            Self::Dlr => 3,
            Self::TargetedDlr => 4,
            _ => 2,
        }
    }

    /// Returns the loss of one row of logits, computed in f64; NaN where label or target are no classes of it, or there
    /// are fewer than [`Loss::min_classes`].
    #[must_use]
    pub fn eval(self, logits: &[f32], label: usize, target: usize) -> f32 {
        let at = |i: usize| logits.get(i).map_or(f64::NAN, |&z| f64::from(z));
        if logits.len() < self.min_classes() {
            return f32::NAN;
        }
        let others = |class: usize| logits.iter().enumerate().filter(move |&(i, _)| i != class).map(|(_, &z)| f64::from(z));
        let best_but = |class: usize| others(class).fold(f64::NEG_INFINITY, f64::max);
        let all = || logits.iter().map(|&z| f64::from(z));
        let value = match self {
            Self::CrossEntropy => log_sum_exp(all()) - at(label),
            Self::Margin => best_but(label) - at(label),
            Self::Dlr => {
                let [first, _, third, _] = largest(logits);
                -(at(label) - best_but(label)) / (first - third + Self::DLR_FLOOR)
            }
            Self::TargetedCrossEntropy => at(target) - log_sum_exp(all()),
            Self::TargetedMargin => at(target) - best_but(target),
            Self::TargetedDlr => {
                let [first, _, third, fourth] = largest(logits);
                -(at(label) - at(target)) / (first - 0.5 * (third + fourth) + Self::DLR_FLOOR)
            }
            Self::Difference => at(target) - at(label),
            Self::LogOdds => log_sum_exp(others(label)) - at(label),
            Self::TargetedLogOdds => at(target) - log_sum_exp(others(target)),
        };
        narrow(value)
    }
}

impl Loss {
    /// Writes the derivative of [`Loss::eval`] by the logits into `w` `[K]`, computed in f64; zeros where the loss has no value. Of equal largest
    /// logits the first counts.
    pub fn slope(self, logits: &[f32], label: usize, target: usize, w: &mut [f32]) {
        w.fill(0.0);
        let n = logits.len();
        if n < self.min_classes() || label >= n || (self.is_targeted() && target >= n) {
            return;
        }
        match self {
            Self::CrossEntropy => shares(logits, None, label, 1.0, w),
            Self::TargetedCrossEntropy => shares(logits, None, target, -1.0, w),
            Self::LogOdds => shares(logits, Some(label), label, 1.0, w),
            Self::TargetedLogOdds => shares(logits, Some(target), target, -1.0, w),
            Self::Margin => between(best_but(logits, label), label, 1.0, w),
            Self::TargetedMargin => between(target, best_but(logits, target), 1.0, w),
            Self::Difference => between(target, label, 1.0, w),
            Self::Dlr => ratio(logits, best_but(logits, label), label, &[1.0, 0.0, -1.0], w),
            Self::TargetedDlr => ratio(logits, target, label, &[1.0, 0.0, -0.5, -0.5], w),
        }
    }
}

/// Writes the one-hot rows of label and target into as many rows of `classes` as there are.
pub(crate) fn hot(out: &mut [f32], classes: usize, pair: [usize; 2]) {
    out.fill(0.0);
    for (row, class) in out.chunks_exact_mut(classes.max(1)).zip(pair) {
        if let Some(cell) = row.get_mut(class) {
            *cell = 1.0;
        }
    }
}

/// Place of the first of the largest logits but that of `class`; `class` itself where there is no other.
pub(crate) fn best_but(logits: &[f32], class: usize) -> usize {
    let others = logits.iter().enumerate().filter(|&(k, _)| k != class);
    others.reduce(|best, other| if other.1 > best.1 { other } else { best }).map_or(class, |(k, _)| k)
}

fn add(w: &mut [f32], class: usize, amount: f64) {
    if let Some(w) = w.get_mut(class) {
        *w += narrow(amount);
    }
}

fn between(above: usize, below: usize, by: f64, w: &mut [f32]) {
    add(w, above, by);
    add(w, below, -by);
}

/// Softmax shares, without those of `skipped`, less the one-hot row of `class`, times `sign`.
fn shares(logits: &[f32], skipped: Option<usize>, class: usize, sign: f64, w: &mut [f32]) {
    let counted = || logits.iter().enumerate().filter(|&(k, _)| Some(k) != skipped).map(|(k, &z)| (k, f64::from(z)));
    let top = counted().fold(f64::NEG_INFINITY, |top, (_, z)| top.max(z));
    let total: f64 = counted().map(|(_, z)| (z - top).exp()).sum();
    counted().for_each(|(k, z)| add(w, k, sign * (z - top).exp() / total));
    add(w, class, -sign);
}

/// With s the combination of the largest logits that `weights` says, and value = (z_above - z_below) / s: (e_above - e_below - value s') / s.
fn ratio(logits: &[f32], above: usize, below: usize, weights: &[f64], w: &mut [f32]) {
    let at = |class: usize| logits.get(class).map_or(f64::NAN, |&z| f64::from(z));
    let order = places(logits);
    let spread = weights.iter().zip(order).map(|(weight, class)| weight * at(class)).sum::<f64>() + Loss::DLR_FLOOR;
    let value = (at(above) - at(below)) / spread;
    between(above, below, 1.0 / spread, w);
    for (weight, class) in weights.iter().zip(order) {
        add(w, class, -value * weight / spread);
    }
}

/// Places of the four largest logits in falling order, the first of equal ones first; without memory of its own.
fn places(logits: &[f32]) -> [usize; 4] {
    let mut top: [Option<(usize, f32)>; 4] = [None; 4];
    for (class, &z) in logits.iter().enumerate() {
        let mut rest = Some((class, z));
        for place in &mut top {
            if rest.is_some_and(|(_, z)| place.is_none_or(|(_, other)| z.total_cmp(&other).is_gt())) {
                std::mem::swap(place, &mut rest);
            }
        }
    }
    top.map(|place| place.map_or(usize::MAX, |(class, _)| class))
}

#[expect(clippy::cast_possible_truncation, reason = "logits, losses and their slopes are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// The four largest logits in falling order, without memory of its own: this runs once per query. NaN counts as the largest.
fn largest(logits: &[f32]) -> [f64; 4] {
    let mut top = [f64::NEG_INFINITY; 4];
    for &z in logits {
        let mut rest = f64::from(z);
        for place in &mut top {
            if rest.total_cmp(place).is_gt() {
                std::mem::swap(place, &mut rest);
            }
        }
    }
    top
}

fn log_sum_exp(z: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = z.clone().fold(f64::NEG_INFINITY, f64::max);
    top + z.map(|z| (z - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::Loss;

    fn close(found: f32, expected: f32) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn values_of_a_known_row() {
        let z = [1.0, 3.0, 2.0, 0.0];
        let lse = (1f32.exp() + 3f32.exp() + 2f32.exp() + 1.0).ln();
        close(Loss::CrossEntropy.eval(&z, 1, 0), lse - 3.0);
        close(Loss::Margin.eval(&z, 1, 0), -1.0);
        close(Loss::Margin.eval(&z, 2, 0), 1.0);
        close(Loss::Dlr.eval(&z, 1, 0), -0.5);
        close(Loss::TargetedCrossEntropy.eval(&z, 1, 0), 1.0 - lse);
        close(Loss::TargetedMargin.eval(&z, 1, 0), -2.0);
        close(Loss::TargetedDlr.eval(&z, 1, 0), -2.0 / 2.5);
        close(Loss::Difference.eval(&z, 1, 3), -3.0);
        close(Loss::LogOdds.eval(&z, 1, 0), (1f32.exp() + 2f32.exp() + 1.0).ln() - 3.0);
        close(Loss::TargetedLogOdds.eval(&z, 1, 0), 1.0 - (3f32.exp() + 2f32.exp() + 1.0).ln());
    }

    #[test]
    fn log_odds_rise_where_cross_entropy_rises_and_still_where_it_is_zero() {
        let at = |gap: f32| [Loss::CrossEntropy, Loss::LogOdds].map(|loss| loss.eval(&[gap, 0.0, -1.0], 0, 0));
        let pairs: Vec<[f32; 2]> = [9.0, 4.0, 1.0, 0.0, -3.0].map(at).to_vec();
        assert!(pairs.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][1] < pair[1][1]));
        let [far, farther] = [at(800.0), at(900.0)];
        assert!(far[0] == 0.0 && farther[0] == 0.0 && far[1] > farther[1]);
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for loss in Loss::ALL {
            assert_eq!(Loss::from_name(loss.name()), Ok(loss));
        }
        let unknown = Loss::from_name("hinge").unwrap_err().to_string();
        assert!(unknown.starts_with("unknown loss `hinge`; known losses are ce, margin, dlr, "), "{unknown}");
    }

    #[test]
    fn too_few_classes_have_no_value() {
        assert!(Loss::Dlr.eval(&[1.0, 2.0], 0, 1).is_nan());
        assert!(Loss::CrossEntropy.eval(&[1.0, 2.0], 5, 1).is_nan());
    }
}
