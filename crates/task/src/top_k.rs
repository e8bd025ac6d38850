//! Classification where the true class need only be among the best.

use std::cmp::Ordering;

use crate::{Answer, Goal, Objective, Posed, Reading, Rival, Row, Tap, Task, Units, Verdict, Wanted};

/// The k classes with the largest values; of equal ones the first. The sample is right where its class is among them.
///
/// The margin is how far the k-th largest of all other classes is ahead of the true class. Each other class is a rival: its margin is that of it and the k - 1 best
/// others together. [`Objective::LogOdds`] is smooth over all that could be the k-th: the log of the summed exponentials of all other classes but the k - 1 best,
/// less the true class. All other objectives are margins.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    k: usize,
    classes: usize,
    reading: Reading,
    taps: [Tap; 1],
}

impl TopK {
    /// Returns the task of a model with so many classes in its output number `output`, which is to be read so; `k` is below the number of classes.
    #[must_use]
    pub fn new(k: usize, classes: usize, output: usize, reading: Reading) -> Self {
        Self { k: k.max(1), classes, reading, taps: [Tap { output, ending: reading.ending, size: classes }] }
    }

    fn label(&self, posed: Posed<'_>) -> Option<usize> {
        posed.truth.class().filter(|&label| label < self.classes && posed.wanted.goal == Goal::Break)
    }

    /// Places by falling value, the first of equal ones first.
    fn best<T: PartialOrd>(values: &[T], k: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values.get(b).partial_cmp(&values.get(a)).unwrap_or(Ordering::Equal));
        order.truncate(k);
        order
    }

    /// The other classes by falling value.
    fn others(&self, z: &Row, label: usize) -> Vec<usize> {
        let mut order = Self::best(z, z.len());
        order.retain(|&class| class != label);
        order
    }

    /// The class that is the k-th of the others, with `rival` among the first k where it is given.
    fn decisive(&self, z: &Row, label: usize, rival: Option<usize>) -> Option<usize> {
        let last = *self.others(z, label).get(self.k - 1)?;
        Some(match rival.filter(|&rival| rival < z.len() && rival != label) {
            Some(rival) if z.get(rival) < z.get(last) => rival,
            _ => last,
        })
    }

    fn own(objective: Objective, rival: Option<usize>) -> Option<usize> {
        rival.filter(|_| matches!(objective, Objective::RivalMargin | Objective::RivalRatio | Objective::Plane))
    }

    /// The other classes but the k - 1 best, and the log of the summed exponentials of their values.
    fn rest(&self, z: &Row, label: usize) -> (Vec<usize>, f64) {
        let rest: Vec<usize> = self.others(z, label).into_iter().skip(self.k - 1).collect();
        let at = |&class: &usize| z.get(class).map_or(f64::NAN, |&z| f64::from(z));
        let top = rest.first().map_or(f64::NAN, at);
        let sum: f64 = rest.iter().map(|class| (at(class) - top).exp()).sum();
        (rest, top + sum.ln())
    }
}

impl Task for TopK {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        (!z.is_empty() && z.iter().all(|z| z.is_finite())).then(|| Answer::Classes(Self::best(z, self.k)))
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        (!output.is_empty() && output.iter().all(|v| v.is_finite())).then(|| Answer::Classes(Self::best(output, self.k)))
    }

    fn row(&self, output: &[f64]) -> Vec<f32> {
        self.reading.logits(output)
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        self.reading.output(z)
    }

    fn confidence(&self, output: &[f64], answer: &Answer) -> Option<f64> {
        match answer {
            Answer::Classes(classes) => classes.first().map(|&class| self.reading.confidence(output, class)),
            _ => None,
        }
    }

    fn is_close(&self, z: &Row, _: Posed<'_>, rounding: f32) -> bool {
        if z.iter().any(|z| !z.is_finite()) {
            return true;
        }
        // The first two are compared as well, since the best class stands in the record.
        let (order, scale) = (Self::best(z, self.k + 1), z.iter().fold(0.0f32, |m, z| m.max(z.abs())));
        let close = |first: usize| {
            let at = |place: usize| order.get(place).and_then(|&class| z.get(class));
            at(first).zip(at(first + 1)).is_some_and(|(a, b)| a - b <= rounding * scale)
        };
        close(0) || close(self.k - 1)
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        let kept = self.label(posed).and_then(|label| match answer {
            Answer::Classes(classes) => Some(classes.contains(&label)),
            Answer::Class(class) => Some(*class == label),
            _ => None,
        });
        Verdict { reached: kept == Some(false), units: Units { total: 1, kept: usize::from(kept == Some(true)) } }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        if z.iter().any(|z| !z.is_finite()) {
            return f64::NEG_INFINITY;
        }
        let margin = self.label(posed).and_then(|label| {
            let last = self.decisive(z, label, None)?;
            Some(f64::from(*z.get(last)?) - f64::from(*z.get(label)?))
        });
        margin.unwrap_or(f64::NEG_INFINITY)
    }

    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64 {
        self.label(posed).and_then(|label| z.get(label)).map_or(f64::NAN, |&z| f64::from(z).abs())
    }

    #[expect(clippy::cast_possible_truncation, reason = "losses are f32")]
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        let value = self.label(posed).and_then(|label| {
            let own = f64::from(*z.get(label)?);
            if objective == Objective::LogOdds {
                return Some(self.rest(z, label).1 - own);
            }
            let last = self.decisive(z, label, Self::own(objective, rival))?;
            Some(f64::from(*z.get(last)?) - own)
        });
        value.map_or(f32::NAN, |value| value as f32)
    }

    #[expect(clippy::cast_possible_truncation, reason = "slopes are f32")]
    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        let Some(label) = self.label(posed) else { return };
        let mut set = |class: usize, amount: f64| {
            if let Some(w) = w.get_mut(class) {
                *w += amount as f32;
            }
        };
        if objective == Objective::LogOdds {
            let (rest, log) = self.rest(z, label);
            for class in rest {
                set(class, z.get(class).map_or(0.0, |&z| (f64::from(z) - log).exp()));
            }
            set(label, -1.0);
        } else if let Some(last) = self.decisive(z, label, Self::own(objective, rival)) {
            set(last, 1.0);
            set(label, -1.0);
        }
    }

    fn count(&self, wanted: &Wanted) -> usize {
        if wanted.goal == Goal::Break { self.classes.saturating_sub(1) } else { 0 }
    }

    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        let Some(label) = self.label(posed) else { return };
        if z.is_empty() {
            out.extend((0..self.classes).filter(|&id| id != label).map(|id| Rival { id, margin: f64::NAN }));
            return;
        }
        // Those that come before the k-th have its margin, and keep their order.
        let order = self.others(z, label);
        out.extend(order.into_iter().map(|id| Rival { id, margin: self.rival(z, posed, id) }));
    }

    fn rival(&self, z: &Row, posed: Posed<'_>, id: usize) -> f64 {
        let margin = self.label(posed).filter(|&label| label != id).and_then(|label| {
            let last = self.decisive(z, label, Some(id))?;
            Some(f64::from(*z.get(last)?) - f64::from(*z.get(label)?))
        });
        margin.unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Classify, Truth};

    const Z: [f32; 5] = [1.0, 4.0, 3.0, 2.0, 0.0];

    fn task(k: usize) -> TopK {
        TopK::new(k, 5, 0, Reading::LOGITS)
    }

    #[test]
    fn a_class_is_right_among_the_first_k() {
        for (k, right) in [(1, [1].as_slice()), (2, &[1, 2]), (4, &[1, 2, 3, 0])] {
            for label in 0..5 {
                let truth = Truth::Class(label);
                let posed = Posed { truth: &truth, wanted: &Wanted::BREAK };
                assert_eq!(task(k).reached(&Z, posed), !right.contains(&label), "{k} {label}");
                assert_eq!(task(k).margin(&Z, posed) > 0.0, !right.contains(&label), "{k} {label}");
            }
        }
        // The third largest of the others, which is 2, is behind the label by 1.
        assert_eq!(task(2).margin(&Z, Posed { truth: &Truth::Class(2), wanted: &Wanted::BREAK }), -1.0);
    }

    #[test]
    fn of_equal_values_the_first_is_the_better() {
        let z = [1.0, 1.0, 1.0];
        let kept =
            |label: usize| !TopK::new(2, 3, 0, Reading::LOGITS).reached(&z, Posed { truth: &Truth::Class(label), wanted: &Wanted::BREAK });
        assert_eq!([0, 1, 2].map(kept), [true, true, false]);
    }

    #[test]
    fn the_best_alone_is_classification() {
        let (one, other) = (task(1), Classify::new(5));
        for label in 0..5 {
            let truth = Truth::Class(label);
            let posed = Posed { truth: &truth, wanted: &Wanted::BREAK };
            for objective in [Objective::LogOdds, Objective::Margin] {
                let (mut a, mut b) = ([0.0; 5], [0.0; 5]);
                one.pull(objective, &Z, posed, None, &mut a);
                other.pull(objective, &Z, posed, None, &mut b);
                assert_eq!(a.map(|w| (w * 1e5).round()), b.map(|w| (w * 1e5).round()), "{objective:?} {label}");
            }
            assert_eq!((one.margin(&Z, posed), one.leader(&Z, posed)), (other.margin(&Z, posed), other.leader(&Z, posed)));
        }
    }

    #[test]
    fn a_target_is_never_reached() {
        let (truth, wanted) = (Truth::Class(1), Wanted::class(Some(2)));
        let posed = Posed { truth: &truth, wanted: &wanted };
        assert!(!task(2).reached(&Z, posed) && task(2).margin(&Z, posed) == f64::NEG_INFINITY && task(2).count(&wanted) == 0);
    }
}
