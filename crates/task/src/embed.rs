//! Verification: do two inputs show the same?

use crate::{Answer, Ending, Goal, Objective, Posed, Rival, Row, Tap, Task, Truth, Units, Verdict, Wanted};

/// An embedding for each sample. It is taken for the same as its reference where the cosine distance of the two, 1 - cos, is at most a threshold.
///
/// What an attack wants is the other decision: of a pair that shows the same, a distance beyond the threshold; of one that does not, a distance within.
/// There is one rival, that decision. Every objective is its margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Embed {
    distance: f64,
    taps: [Tap; 1],
}

impl Embed {
    /// Returns the task of a model with embeddings of so many numbers in its output number `output`, and the largest distance of what counts as the same.
    #[must_use]
    pub fn new(size: usize, output: usize, distance: f64) -> Self {
        Self { distance, taps: [Tap { output, ending: Ending::Logits, size }] }
    }

    /// Returns the cosine distance of two vectors; `None` where one has no direction or another size.
    #[must_use]
    pub fn cosine_distance(a: &[f32], b: &[f32]) -> Option<f64> {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let norms = dot(a, a).sqrt() * dot(b, b).sqrt();
        (a.len() == b.len() && norms.is_finite() && norms > 0.0).then(|| 1.0 - dot(a, b) / norms)
    }

    fn pair<'a>(&self, posed: Posed<'a>) -> Option<(&'a [f32], bool)> {
        match (posed.truth, &posed.wanted.goal) {
            (Truth::Pair { reference, same }, Goal::Break) if reference.len() == self.width() => Some((reference, *same)),
            _ => None,
        }
    }

    /// How far the decision has been passed, of a distance.
    fn passed(&self, distance: f64, same: bool) -> f64 {
        if same { distance - self.distance } else { self.distance - distance }
    }
}

impl Task for Embed {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        (z.iter().all(|z| z.is_finite()) && z.iter().any(|z| *z != 0.0)).then(|| Answer::Vector(z.to_vec()))
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        self.answer(&self.row(output))
    }

    #[expect(clippy::cast_possible_truncation, reason = "values are f32")]
    fn row(&self, output: &[f64]) -> Vec<f32> {
        output.iter().map(|&v| v as f32).collect()
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        z.iter().map(|&z| f64::from(z)).collect()
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        let distance = match (answer, self.pair(posed)) {
            (Answer::Vector(vector), Some((reference, same))) => Self::cosine_distance(vector, reference).map(|distance| (distance, same)),
            _ => None,
        };
        let kept = distance.map(|(distance, same)| (distance <= self.distance) == same);
        Verdict { reached: kept == Some(false), units: Units { total: 1, kept: usize::from(kept == Some(true)) } }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let Some((reference, same)) = self.pair(posed) else { return f64::NEG_INFINITY };
        Self::cosine_distance(z, reference).map_or(f64::NEG_INFINITY, |distance| self.passed(distance, same))
    }

    /// Distances are of the order of 1, whatever the size of the vectors.
    fn scale(&self, _: &Row, _: Posed<'_>) -> f64 {
        1.0
    }

    #[expect(clippy::cast_possible_truncation, reason = "losses are f32")]
    fn loss(&self, _: Objective, z: &Row, posed: Posed<'_>, _: Option<usize>) -> f32 {
        Some(self.margin(z, posed)).filter(|margin| margin.is_finite()).map_or(f32::NAN, |margin| margin as f32)
    }

    #[expect(clippy::cast_possible_truncation, reason = "slopes are f32")]
    fn pull(&self, _: Objective, z: &Row, posed: Posed<'_>, _: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        let Some((reference, same)) = self.pair(posed) else { return };
        let Some(distance) = Self::cosine_distance(z, reference) else { return };
        let norm = |v: &[f32]| v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let (own, other, cosine) = (norm(z), norm(reference), 1.0 - distance);
        let sign = if same { -1.0 } else { 1.0 };
        for ((w, &z), &r) in w.iter_mut().zip(z).zip(reference) {
            *w = (sign * (f64::from(r) / other - cosine * f64::from(z) / own) / own) as f32;
        }
    }

    fn count(&self, wanted: &Wanted) -> usize {
        usize::from(wanted.goal == Goal::Break)
    }

    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        if self.count(posed.wanted) > 0 {
            out.push(Rival { id: 0, margin: if z.is_empty() { f64::NAN } else { self.margin(z, posed) } });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(task: &Embed, z: &[f32], reference: &[f32], same: bool) -> bool {
        let truth = Truth::Pair { reference: reference.to_vec(), same };
        task.reached(z, Posed { truth: &truth, wanted: &Wanted::BREAK })
    }

    #[test]
    fn a_distance_beyond_the_threshold_is_another() {
        // 1 - cos(60 degrees) = 0.5.
        let (z, reference) = ([0.5, 3f32.sqrt() / 2.0], [2.0, 0.0]);
        let found = [0.49, 0.51].map(|distance| {
            let task = Embed::new(2, 0, distance);
            [true, false].map(|same| reached(&task, &z, &reference, same))
        });
        assert_eq!(found, [[true, false], [false, true]]);
    }

    #[test]
    fn a_vector_without_a_direction_reaches_nothing() {
        let task = Embed::new(2, 0, 0.5);
        assert_eq!((task.answer(&[0.0, 0.0]), task.decode(&[f64::NAN, 1.0])), (None, None));
        for same in [true, false] {
            assert!(!reached(&task, &[0.0, 0.0], &[1.0, 0.0], same));
            assert!(!reached(&task, &[1.0, 0.0], &[0.0, 0.0], same));
            assert!(!reached(&task, &[1.0, 0.0], &[1.0], same));
        }
        let truth = Truth::Class(0);
        assert_eq!(task.margin(&[1.0, 0.0], Posed { truth: &truth, wanted: &Wanted::BREAK }), f64::NEG_INFINITY);
    }
}
