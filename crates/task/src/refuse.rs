//! Models that refuse samples they find suspicious.

use std::sync::Arc;

use crate::{Answer, Ending, Lead, Objective, Posed, Rival, Row, Tap, Task, Units, Verdict, Wanted};

/// How a model refuses: samples whose suspicion is above a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    /// Place of the suspicion among the outputs of the file.
    pub output: usize,
    /// Largest suspicion that is accepted.
    pub threshold: f64,
    /// What one point of a margin is worth in suspicion: how far ordinary samples are from the threshold.
    pub unit: f64,
}

/// Another task, of a model that may refuse to answer.
///
/// A row is that of the other task, then the *room*: the threshold less the suspicion. The model refuses where the room is negative. A refusal is no answer that
/// an attack wants, and the sample counts as kept: nobody was fooled. The margin of a goal is the lesser of the other task's and the room in units of the gate,
/// so that an attack has to be wrong *and* accepted.
///
/// The objectives are three forms of that conjunction. [`Objective::LogOdds`] is a smooth minimum of both; the margins and the plane are the minimum itself, so that an
/// attack first goes for the answer and then for the room (selective, as in Bryniarski et al., "Evading adversarial example detection defenses with orthogonal
/// projected gradient descent", ICLR 2022, section 4); the ratios are a sum in which each part counts until it is reached.
#[derive(Debug, Clone)]
pub struct Refuse {
    inner: Arc<dyn Task>,
    gate: Gate,
    taps: Vec<Tap>,
}

/// What a ratio of the other task counts to, so that the room decides once the answer is wrong.
const ENOUGH: f64 = 0.05;

/// How an objective puts answer and room together: the value, and its slopes by both.
struct Joint {
    value: f64,
    slopes: [f64; 2],
}

impl Refuse {
    /// Returns the task of a model that answers as `inner` says, where `gate` lets it.
    #[must_use]
    pub fn new(inner: Arc<dyn Task>, gate: Gate) -> Self {
        let suspicion = Tap { output: gate.output, ending: Ending::Logits, size: 1 };
        let taps = inner.taps().iter().copied().chain([suspicion]).collect();
        Self { inner, gate, taps }
    }

    /// Returns how it refuses.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate
    }

    fn unit(&self) -> f64 {
        if self.gate.unit > 0.0 { self.gate.unit } else { 1.0 }
    }

    /// The other task's row, and the room in units of the gate.
    fn split<'z>(&self, z: &'z Row) -> (&'z Row, f64) {
        match z.split_last() {
            Some((&room, inner)) => (inner, f64::from(room) / self.unit()),
            None => (z, f64::NAN),
        }
    }

    fn joint(objective: Objective, answer: f64, room: f64) -> Joint {
        match objective {
            Objective::LogOdds => {
                let least = answer.min(room);
                let [a, b] = [answer, room].map(|value| (least - value).exp());
                Joint { value: least - (a + b).ln(), slopes: [a / (a + b), b / (a + b)] }
            }
            Objective::Ratio | Objective::RivalRatio => Joint {
                value: answer.min(ENOUGH) + room.min(0.0),
                slopes: [f64::from(u8::from(answer < ENOUGH)), f64::from(u8::from(room < 0.0))],
            },
            Objective::Margin | Objective::RivalMargin | Objective::Plane => {
                Joint { value: answer.min(room), slopes: if answer <= room { [1.0, 0.0] } else { [0.0, 1.0] } }
            }
        }
    }
}

impl Task for Refuse {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        let (inner, room) = self.split(z);
        match self.inner.answer(inner) {
            Some(_) if room < 0.0 => Some(Answer::Refused),
            answer => answer.filter(|_| room.is_finite()),
        }
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        let (room, inner) = output.split_last()?;
        match self.inner.decode(inner) {
            Some(_) if *room < 0.0 => Some(Answer::Refused),
            answer => answer.filter(|_| room.is_finite()),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "values are f32")]
    fn row(&self, output: &[f64]) -> Vec<f32> {
        let Some((room, inner)) = output.split_last() else { return Vec::new() };
        let mut row = self.inner.row(inner);
        row.push(*room as f32);
        row
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        let Some((room, inner)) = z.split_last() else { return Vec::new() };
        let mut output = self.inner.output(inner);
        output.push(f64::from(*room));
        output
    }

    /// Of a refusal the probability of the class that would have been the answer is told.
    fn confidence(&self, output: &[f64], answer: &Answer) -> Option<f64> {
        let (_, inner) = output.split_last()?;
        match answer {
            Answer::Refused => self.inner.confidence(inner, &self.inner.decode(inner)?),
            answer => self.inner.confidence(inner, answer),
        }
    }

    fn is_close(&self, z: &Row, posed: Posed<'_>, rounding: f32) -> bool {
        let (inner, room) = self.split(z);
        let size = self.gate.threshold.abs() / self.unit() + 1.0;
        !room.is_finite() || room.abs() <= f64::from(rounding) * size || self.inner.is_close(inner, posed, rounding)
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        match answer {
            Answer::Refused => Verdict { reached: false, units: Units { total: 1, kept: 1 } },
            answer => self.inner.verdict(answer, posed),
        }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let (inner, room) = self.split(z);
        let margin = self.inner.margin(inner, posed).min(room);
        if room.is_finite() { margin } else { f64::NEG_INFINITY }
    }

    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let (inner, room) = self.split(z);
        let size = self.gate.threshold.abs() / self.unit() + room.abs();
        self.inner.scale(inner, posed).max(size)
    }

    #[expect(clippy::cast_possible_truncation, reason = "losses are f32")]
    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        let (inner, room) = self.split(z);
        let answer = f64::from(self.inner.loss(objective, inner, posed, rival));
        if answer.is_nan() || room.is_nan() { f32::NAN } else { Self::joint(objective, answer, room).value as f32 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "slopes are f32")]
    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        w.fill(0.0);
        let (inner, room) = self.split(z);
        let answer = f64::from(self.inner.loss(objective, inner, posed, rival));
        let [by_answer, by_room] = Self::joint(objective, answer, room).slopes;
        let Some((last, own)) = w.split_last_mut() else { return };
        if by_answer > 0.0 {
            self.inner.pull(objective, inner, posed, rival, own);
            own.iter_mut().for_each(|w| *w *= by_answer as f32);
        }
        *last = (by_room / self.unit()) as f32;
    }

    fn count(&self, wanted: &Wanted) -> usize {
        self.inner.count(wanted)
    }

    /// Rivals that the room holds back alike keep the order of their own margins.
    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        let (inner, room) = self.split(z);
        let from = out.len();
        self.inner.rivals(inner, posed, out);
        out.iter_mut().skip(from).for_each(|rival| rival.margin = rival.margin.min(room));
    }

    fn rival(&self, z: &Row, posed: Posed<'_>, id: usize) -> f64 {
        let (inner, room) = self.split(z);
        let margin = self.inner.rival(inner, posed, id);
        if margin.is_nan() || room.is_nan() { f64::NAN } else { margin.min(room) }
    }

    fn leader(&self, z: &Row, posed: Posed<'_>) -> Option<usize> {
        self.inner.leader(self.split(z).0, posed)
    }

    fn named(&self, wanted: &Wanted) -> Option<usize> {
        self.inner.named(wanted)
    }

    /// Those of the other task: where none of them is possible, no answer is wrong, accepted or not.
    fn ways(&self, posed: Posed<'_>) -> Vec<Vec<Lead>> {
        self.inner.ways(posed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Classify, Demand};

    fn task() -> Refuse {
        Refuse::new(Arc::new(Classify::new(3)), Gate { output: 1, threshold: 2.0, unit: 0.5 })
    }

    #[test]
    fn an_answer_counts_where_it_is_accepted() {
        let (task, demand) = (task(), Demand::class(0, None));
        for (z, answer, reached, margin) in [
            ([3.0, 1.0, 0.0, 0.5], Answer::Class(0), false, -2.0),
            ([1.0, 3.0, 0.0, 0.5], Answer::Class(1), true, 1.0),
            ([1.0, 3.0, 0.0, -0.5], Answer::Refused, false, -1.0),
            ([1.0, 1.5, 0.0, 0.0], Answer::Class(1), true, 0.0),
        ] {
            assert_eq!(task.answer(&z), Some(answer));
            assert_eq!(task.reached(&z, demand.posed()), reached);
            assert!((task.margin(&z, demand.posed()) - margin).abs() < 1e-9);
        }
        assert_eq!(task.answer(&[1.0, 3.0, 0.0, f32::NAN]), None);
        let refused = task.verdict(&Answer::Refused, demand.posed());
        assert_eq!((refused.reached, refused.units.kept), (false, 1));
    }

    #[test]
    fn rows_and_outputs_are_inverse() {
        let output = [0.5, -1.0, 2.0, -0.25];
        let task = task();
        assert_eq!(task.output(&task.row(&output)), output);
        assert_eq!(task.decode(&output), Some(Answer::Refused));
        assert_eq!(task.decode(&[0.5, -1.0, 2.0, 0.25]), Some(Answer::Class(2)));
    }

    #[test]
    fn every_objective_goes_for_the_room_once_the_answer_is_wrong() {
        let (task, demand, z) = (task(), Demand::class(0, None), [0.0, 5.0, 1.0, -0.5]);
        for objective in [Objective::LogOdds, Objective::Margin, Objective::Ratio] {
            let mut w = [0.0; 4];
            task.pull(objective, &z, demand.posed(), None, &mut w);
            assert!(w[3] > 1.0, "{objective:?}: {w:?}");
            assert!(w[..3].iter().all(|w| w.abs() < 0.1), "{objective:?}: {w:?}");
        }
    }
}
