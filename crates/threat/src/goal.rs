//! What counts as success of an attack.

/// What the adversary wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Any class but the true one.
    Untargeted {
        /// True class.
        label: usize,
    },
    /// One particular class.
    Targeted {
        /// The class to be reached.
        target: usize,
    },
}

impl Goal {
    /// True if a model that predicts this class has been fooled.
    pub fn reached(self, prediction: usize) -> bool {
        match self {
            Goal::Untargeted { label } => prediction != label,
            Goal::Targeted { target } => prediction == target,
        }
    }

    /// How far the goal is exceeded: positive if reached, negative if not; zero is a tie, which [`argmax`] decides.
    ///
    /// Untargeted: largest other logit less the label's; targeted: the target's logit less the largest other.
    /// `None` for a row with a non-finite logit, fewer than two classes, or without the goal's class.
    pub fn margin(self, logits: &[f32]) -> Option<f64> {
        let (class, sign) = match self {
            Goal::Untargeted { label } => (label, -1.0),
            Goal::Targeted { target } => (target, 1.0),
        };
        let own = *logits.get(class)?;
        if logits.len() < 2 || logits.iter().any(|z| !z.is_finite()) {
            return None;
        }
        let others = logits.iter().enumerate().filter(|&(k, _)| k != class);
        let best = others.fold(f32::NEG_INFINITY, |best, (_, &z)| best.max(z));
        Some(sign * (f64::from(own) - f64::from(best)))
    }
}

/// The predicted class: the first of the largest logits. `None` for an empty row or one with a non-finite logit.
pub fn argmax(logits: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (k, &z) in logits.iter().enumerate() {
        if !z.is_finite() {
            return None;
        }
        if best.is_none_or(|(_, top)| z > top) {
            best = Some((k, z));
        }
    }
    best.map(|(k, _)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_is_predicted() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(argmax(&[0.0, -0.0]), Some(0));
        assert_eq!(argmax(&[]), None);
    }

    #[test]
    fn a_row_that_is_not_finite_predicts_nothing() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(argmax(&[1.0, bad]), None);
            assert_eq!(Goal::Untargeted { label: 0 }.margin(&[1.0, bad]), None);
        }
    }

    #[test]
    fn a_positive_margin_is_a_reached_goal() {
        let logits = [1.0, 2.5, -1.0];
        let prediction = argmax(&logits).unwrap();
        for class in 0..3 {
            for goal in [Goal::Untargeted { label: class }, Goal::Targeted { target: class }] {
                assert_eq!(goal.margin(&logits).unwrap() > 0.0, goal.reached(prediction), "{goal:?}");
            }
        }
        assert_eq!(Goal::Targeted { target: 0 }.margin(&logits), Some(-1.5));
        assert_eq!(Goal::Untargeted { label: 3 }.margin(&logits), None);
        assert_eq!(Goal::Untargeted { label: 0 }.margin(&[1.0]), None);
    }
}
