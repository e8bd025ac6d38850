use crate::AutodiffError;

/// Objectives of an attack; all are maximised. `z` are the logits, `y` the label, `t` the target, `z_(i)` the i-th
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
    pub(crate) const DLR_FLOOR: f64 = 1e-12;

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
    /// [`AutodiffError::UnknownLoss`].
    pub fn from_name(name: &str) -> Result<Self, AutodiffError> {
        Self::ALL.into_iter().find(|loss| loss.name() == name).ok_or_else(|| AutodiffError::UnknownLoss { name: name.to_owned() })
    }

    /// Returns true where the loss needs a target class.
    #[must_use]
    pub fn is_targeted(self) -> bool {
        matches!(self, Self::TargetedCrossEntropy | Self::TargetedMargin | Self::TargetedDlr | Self::Difference | Self::TargetedLogOdds)
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
        crate::ctx::narrow(value)
    }
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
        assert!(Loss::from_name("hinge").is_err());
    }

    #[test]
    fn too_few_classes_have_no_value() {
        assert!(Loss::Dlr.eval(&[1.0, 2.0], 0, 1).is_nan());
        assert!(Loss::CrossEntropy.eval(&[1.0, 2.0], 5, 1).is_nan());
    }
}
