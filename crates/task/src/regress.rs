//! Regression: a number, right up to a tolerance.

use crate::wanted::Quantifier;
use crate::{Answer, Goal, Objective, Posed, Rival, Row, Tap, Task, Truth, Units, Verdict, Wanted};

/// One or several numbers for each sample; each is right where it is no farther from the truth than the tolerance.
///
/// The units are the numbers, and the sample is right where all of them are. The margin of a number is how far it is beyond the tolerance. Each can
/// leave upwards or downwards, which are rivals: 2 i is number i too large, 2 i + 1 number i too small. Every objective is a margin, since it is linear in
/// the model's own value; where a number is exactly right, it is moved upwards unless a rival says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Regress {
    tolerance: f64,
    taps: [Tap; 1],
}

impl Regress {
    /// Returns the task of a model with so many numbers in its output number `output`, and the largest distance that still counts as right.
    #[must_use]
    pub fn new(numbers: usize, output: usize, tolerance: f64) -> Self {
        Self { tolerance, taps: [Tap { output, ending: crate::Ending::Logits, size: numbers }] }
    }

    fn truth<'a>(&self, posed: Posed<'a>) -> &'a [f64] {
        match (posed.truth, &posed.wanted.goal) {
            (Truth::Values(values), Goal::Break) if values.len() == self.width() => values,
            _ => &[],
        }
    }

    /// How far each number is beyond the tolerance.
    fn margins<'a>(&'a self, said: impl Iterator<Item = f64> + 'a, posed: Posed<'a>) -> impl Iterator<Item = f64> + 'a {
        said.zip(self.truth(posed)).map(|(f, y)| (f - y).abs() - self.tolerance)
    }

    /// The way that a loss is about: the rival in hand, where it asks for that, else the one that decides.
    fn own(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> Option<usize> {
        let of_rival = matches!(objective, Objective::RivalMargin | Objective::RivalRatio | Objective::Plane);
        rival.filter(|_| of_rival).or_else(|| {
            let (place, _) = posed.wanted.of.attained(self.margins(z.iter().map(|&z| f64::from(z)), posed))?;
            let below = z.get(place).zip(self.truth(posed).get(place)).is_some_and(|(&f, &y)| f64::from(f) < y);
            Some(2 * place + usize::from(below))
        })
    }
}

impl Task for Regress {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        z.iter().all(|z| z.is_finite()).then(|| Answer::Values(z.iter().map(|&z| f64::from(z)).collect()))
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        output.iter().all(|v| v.is_finite()).then(|| Answer::Values(output.to_vec()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "values are f32")]
    fn row(&self, output: &[f64]) -> Vec<f32> {
        output.iter().map(|&v| v as f32).collect()
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        z.iter().map(|&z| f64::from(z)).collect()
    }

    fn is_close(&self, z: &Row, posed: Posed<'_>, rounding: f32) -> bool {
        let near = f64::from(rounding) * self.scale(z, posed);
        z.iter().any(|z| !z.is_finite()) || self.margins(z.iter().map(|&z| f64::from(z)), posed).any(|margin| margin.abs() <= near)
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        let total = self.width();
        let said: &[f64] = match answer {
            Answer::Values(values) if values.len() == total => values,
            _ => &[],
        };
        let margins: Vec<f64> = self.margins(said.iter().copied(), posed).collect();
        let kept = margins.iter().filter(|margin| **margin <= 0.0).count();
        let reached = posed.wanted.of.attained(margins.into_iter()).is_some_and(|(_, margin)| margin > 0.0);
        Verdict { reached, units: Units { total, kept } }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        if z.iter().any(|z| !z.is_finite()) {
            return f64::NEG_INFINITY;
        }
        let attained = posed.wanted.of.attained(self.margins(z.iter().map(|&z| f64::from(z)), posed));
        attained.map_or(f64::NEG_INFINITY, |(_, margin)| margin)
    }

    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let truth = self.truth(posed).iter().fold(self.tolerance, |scale, y| scale.max(y.abs()));
        z.iter().fold(truth, |scale, z| scale.max(f64::from(z.abs())))
    }

    #[expect(clippy::cast_possible_truncation, reason = "losses are f32")]
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        self.own(objective, z, posed, rival).map_or(f32::NAN, |way| self.rival(z, posed, way) as f32)
    }

    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        let Some(way) = self.own(objective, z, posed, rival) else { return };
        if let Some(w) = w.get_mut(way / 2).filter(|_| !self.truth(posed).is_empty()) {
            *w = if way.is_multiple_of(2) { 1.0 } else { -1.0 };
        }
    }

    fn count(&self, wanted: &Wanted) -> usize {
        if wanted.goal == Goal::Break && wanted.of == Quantifier::Any { 2 * self.width() } else { 0 }
    }

    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        let from = out.len();
        out.extend((0..self.count(posed.wanted)).map(|id| Rival { id, margin: self.rival(z, posed, id) }));
        if let Some(rivals) = out.get_mut(from..).filter(|_| !z.is_empty()) {
            rivals.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        }
    }

    fn rival(&self, z: &Row, posed: Posed<'_>, id: usize) -> f64 {
        match (z.get(id / 2), self.truth(posed).get(id / 2)) {
            (Some(&f), Some(y)) if id.is_multiple_of(2) => f64::from(f) - y - self.tolerance,
            (Some(&f), Some(y)) => y - f64::from(f) - self.tolerance,
            _ => f64::NAN,
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
    fn a_number_is_right_up_to_the_tolerance() {
        let (task, truth) = (Regress::new(1, 0, 0.5), Truth::Values(vec![2.0]));
        let reached = [1.5, 2.5, 1.49, 2.51].map(|f| task.reached(&[f], posed(&truth)));
        assert_eq!(reached, [false, false, true, true]);
        assert_eq!(task.verdict(&Answer::Values(vec![2.5]), posed(&truth)).units, Units { total: 1, kept: 1 });
        assert_eq!((task.margin(&[3.0], posed(&truth)), task.margin(&[f32::NAN], posed(&truth))), (0.5, f64::NEG_INFINITY));
        assert_eq!((task.decode(&[f64::INFINITY]), task.answer(&[f32::NAN])), (None, None));
    }

    #[test]
    fn a_number_that_is_exactly_right_still_has_a_direction() {
        let (task, truth) = (Regress::new(2, 0, 0.5), Truth::Values(vec![2.0, -1.0]));
        let mut w = [0.0; 2];
        task.pull(Objective::LogOdds, &[2.0, -1.0], posed(&truth), None, &mut w);
        assert_eq!(w, [1.0, 0.0]);
        task.pull(Objective::Margin, &[2.1, -1.2], posed(&truth), None, &mut w);
        assert_eq!(w, [0.0, -1.0]);
        task.pull(Objective::Plane, &[2.1, -1.2], posed(&truth), Some(1), &mut w);
        assert_eq!(w, [-1.0, 0.0]);
    }

    #[test]
    fn what_is_of_another_kind_is_never_reached() {
        let task = Regress::new(1, 0, 0.5);
        for truth in [Truth::Class(0), Truth::Values(vec![]), Truth::Values(vec![0.0, 1.0]), Truth::Labels(vec![true])] {
            assert_eq!(task.margin(&[9.0], posed(&truth)), f64::NEG_INFINITY, "{truth:?}");
            assert!(!task.reached(&[9.0], posed(&truth)), "{truth:?}");
            assert!(task.loss(Objective::Margin, &[9.0], posed(&truth), None).is_nan());
        }
    }
}
