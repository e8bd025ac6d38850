//! Classification: the largest value decides.

use crate::loss::{best_but, hot};
use crate::{Answer, Goal, Lead, Loss, Objective, Posed, Reading, Rival, Row, Tap, Task, Truth, Units, Verdict, Wanted};

/// One class for each sample: that of the largest logit.
///
/// The values are logits, one per class; where the file has one score, they are 0 and the score less its threshold ([`Reading`]). The rivals of
/// the true class are the other classes; with a target there is one rival, the target, which has to beat the largest of all others. Losses with few
/// classes: the ratio gives way to the margin below 3 classes, and below 4 where it is that of a target or a rival.
#[derive(Debug, Clone, PartialEq)]
pub struct Classify {
    classes: usize,
    reading: Reading,
    taps: [Tap; 1],
    weighs: bool,
}

/// What is wanted, in classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Any class but this one.
    From(usize),
    /// This class, coming from that one.
    To(usize, usize),
}

impl Side {
    fn of(posed: Posed<'_>) -> Option<Self> {
        let label = posed.truth.class()?;
        match &posed.wanted.goal {
            Goal::Break => Some(Self::From(label)),
            Goal::Become(Truth::Class(target)) => Some(Self::To(*target, label)),
            _ => None,
        }
    }

    /// The class whose logit is compared with the largest of all others, and the sign of its own in the margin.
    fn own(self) -> (usize, f64) {
        match self {
            Self::From(label) => (label, -1.0),
            Self::To(target, _) => (target, 1.0),
        }
    }
}

impl Classify {
    /// Returns the task of a model with so many classes, whose first output is logits.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self::of(classes, 0, Reading::LOGITS)
    }

    /// Returns the task of a model with so many classes, whose output number `output` is to be read so.
    #[must_use]
    pub fn of(classes: usize, output: usize, reading: Reading) -> Self {
        Self { classes, reading, taps: [Tap { output, ending: reading.ending, size: classes }], weighs: false }
    }

    /// Returns the same task for a model that no loss can be put behind: losses are weights of its values ([`Head::Linear`](crate::Head::Linear)).
    #[must_use]
    pub fn weighing(self) -> Self {
        Self { weighs: true, ..self }
    }

    /// Returns the number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns how the output of the file is read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// Returns the loss that stands for an objective, for a goal that names its class or one that does not.
    fn formula(&self, objective: Objective, targeted: bool) -> Loss {
        let enough = |loss: Loss, other: Loss| if self.classes >= loss.min_classes() { loss } else { other };
        match (objective, targeted) {
            (Objective::LogOdds, false) => Loss::LogOdds,
            (Objective::LogOdds, true) => Loss::TargetedLogOdds,
            (Objective::Margin, false) => Loss::Margin,
            (Objective::Ratio, false) => enough(Loss::Dlr, Loss::Margin),
            (Objective::Ratio, true) | (Objective::RivalRatio, _) => enough(Loss::TargetedDlr, Loss::TargetedMargin),
            (Objective::Plane, false) => Loss::Difference,
            (Objective::Margin | Objective::Plane, true) | (Objective::RivalMargin, _) => Loss::TargetedMargin,
        }
    }

    /// Label and target as the losses take them: without a target or a rival the label stands in for it.
    fn pair(posed: Posed<'_>, rival: Option<usize>) -> Option<(usize, usize)> {
        Some(match Side::of(posed)? {
            Side::From(label) => (label, rival.unwrap_or(label)),
            Side::To(target, label) => (label, rival.unwrap_or(target)),
        })
    }
}

impl Task for Classify {
    fn taps(&self) -> &[Tap] {
        &self.taps
    }

    fn answer(&self, z: &Row) -> Option<Answer> {
        argmax(z).map(Answer::Class)
    }

    fn decode(&self, output: &[f64]) -> Option<Answer> {
        self.reading.prediction(output).map(Answer::Class)
    }

    fn row(&self, output: &[f64]) -> Vec<f32> {
        self.reading.logits(output)
    }

    fn output(&self, z: &Row) -> Vec<f64> {
        self.reading.output(z)
    }

    fn confidence(&self, output: &[f64], answer: &Answer) -> Option<f64> {
        match answer {
            Answer::Class(class) => Some(self.reading.confidence(output, *class)),
            _ => None,
        }
    }

    /// The two largest logits are compared, whatever is asked.
    fn is_close(&self, z: &Row, _: Posed<'_>, rounding: f32) -> bool {
        let Some(top) = argmax(z) else { return true };
        let largest = z.get(top).copied().unwrap_or(f32::NAN);
        let scale = z.iter().fold(0.0f32, |m, z| m.max(z.abs()));
        z.iter().enumerate().any(|(k, &z)| k != top && largest - z <= rounding * scale)
    }

    fn verdict(&self, answer: &Answer, posed: Posed<'_>) -> Verdict {
        let (reached, kept) = match (answer, Side::of(posed)) {
            (Answer::Class(class), Some(Side::From(label))) => (*class != label, *class == label),
            (Answer::Class(class), Some(Side::To(target, label))) => (*class == target, *class == label),
            _ => (false, false),
        };
        Verdict { reached, units: Units { total: 1, kept: usize::from(kept) } }
    }

    fn margin(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let Some((class, sign)) = Side::of(posed).map(Side::own) else { return f64::NEG_INFINITY };
        let Some(own) = z.get(class).filter(|_| z.len() >= 2 && z.iter().all(|z| z.is_finite())) else { return f64::NEG_INFINITY };
        let others = z.iter().enumerate().filter(|&(k, _)| k != class);
        let best = others.fold(f32::NEG_INFINITY, |best, (_, &z)| best.max(z));
        sign * (f64::from(*own) - f64::from(best))
    }

    fn scale(&self, z: &Row, posed: Posed<'_>) -> f64 {
        let own = Side::of(posed).and_then(|side| z.get(side.own().0));
        own.map_or(f64::NAN, |&z| f64::from(z).abs())
    }

    fn loss(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>) -> f32 {
        let Some((label, target)) = Self::pair(posed, rival) else { return f32::NAN };
        self.formula(objective, self.named(posed.wanted).is_some()).eval(z, label, target)
    }

    fn pull(&self, objective: Objective, z: &Row, posed: Posed<'_>, rival: Option<usize>, w: &mut [f32]) {
        match Self::pair(posed, rival) {
            Some((label, target)) => self.formula(objective, self.named(posed.wanted).is_some()).slope(z, label, target, w),
            None => w.fill(0.0),
        }
    }

    fn fused(&self, objective: Objective, wanted: &Wanted) -> Option<Loss> {
        (!self.weighs).then(|| self.formula(objective, self.named(wanted).is_some()))
    }

    fn feed(&self, posed: Posed<'_>, rival: Option<usize>, out: &mut [f32]) {
        match Self::pair(posed, rival) {
            Some((label, target)) => hot(out, self.classes, [label, target]),
            None => out.fill(0.0),
        }
    }

    fn count(&self, wanted: &Wanted) -> usize {
        if self.named(wanted).is_some() { 1 } else { self.classes.saturating_sub(1) }
    }

    fn rivals(&self, z: &Row, posed: Posed<'_>, out: &mut Vec<Rival>) {
        match Side::of(posed) {
            Some(Side::From(label)) => {
                let logit = |class: usize| z.get(class).copied().unwrap_or(f32::NEG_INFINITY);
                let from = out.len();
                out.extend((0..self.classes).filter(|&id| id != label).map(|id| Rival { id, margin: self.rival(z, posed, id) }));
                // By the logits themselves, which are finer than their differences. Stable: of equal ones the first class comes first.
                if let Some(rivals) = out.get_mut(from..) {
                    rivals.sort_by(|a, b| logit(b.id).total_cmp(&logit(a.id)));
                }
            }
            Some(Side::To(id, _)) => out.push(Rival { id, margin: self.rival(z, posed, id) }),
            None => {}
        }
    }

    fn rival(&self, z: &Row, posed: Posed<'_>, id: usize) -> f64 {
        let at = |class: usize| z.get(class).map_or(f64::NAN, |&z| f64::from(z));
        match Side::of(posed) {
            Some(Side::From(label)) => at(id) - at(label),
            Some(Side::To(target, _)) if id == target && !z.is_empty() => self.margin(z, posed),
            _ => f64::NAN,
        }
    }

    fn leader(&self, z: &Row, posed: Posed<'_>) -> Option<usize> {
        match Side::of(posed)? {
            Side::From(label) => Some(best_but(z, label)).filter(|&class| class != label),
            Side::To(target, _) => Some(target),
        }
    }

    fn named(&self, wanted: &Wanted) -> Option<usize> {
        match &wanted.goal {
            Goal::Become(truth) => truth.class(),
            _ => None,
        }
    }

    fn ways(&self, posed: Posed<'_>) -> Vec<Vec<Lead>> {
        let others = |class: usize| (0..self.classes).filter(move |&other| other != class);
        match Side::of(posed) {
            Some(Side::From(label)) => others(label).map(|value| vec![Lead { value, over: label }]).collect(),
            Some(Side::To(value, _)) => vec![others(value).map(|over| Lead { value, over }).collect()],
            None => Vec::new(),
        }
    }
}

/// The predicted class: the first of the largest logits. `None` for an empty row or one with a non-finite logit.
#[must_use]
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

    const LABEL: Truth = Truth::Class(0);

    #[test]
    fn the_first_of_equal_logits_is_predicted() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(argmax(&[0.0, -0.0]), Some(0));
        assert_eq!(argmax(&[]), None);
    }

    #[test]
    fn a_row_that_is_not_finite_is_no_answer() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(argmax(&[1.0, bad]), None);
            let posed = Posed { truth: &LABEL, wanted: &Wanted::BREAK };
            assert_eq!(Classify::new(2).margin(&[1.0, bad], posed), f64::NEG_INFINITY);
            assert!(!Classify::new(2).reached(&[1.0, bad], posed));
        }
    }

    #[test]
    fn a_positive_margin_is_a_reached_goal() {
        let (task, logits) = (Classify::new(3), [1.0, 2.5, -1.0]);
        for class in 0..3 {
            let truth = Truth::Class(class);
            let to = Wanted::class(Some((class + 1) % 3));
            for wanted in [&Wanted::BREAK, &to] {
                let posed = Posed { truth: &truth, wanted };
                assert_eq!(task.margin(&logits, posed) > 0.0, task.reached(&logits, posed), "{posed:?}");
            }
        }
        let to_first = Wanted::class(Some(0));
        assert_eq!(task.margin(&logits, Posed { truth: &Truth::Class(1), wanted: &to_first }), -1.5);
        assert_eq!(task.margin(&logits, Posed { truth: &Truth::Class(3), wanted: &Wanted::BREAK }), f64::NEG_INFINITY);
        assert_eq!(Classify::new(1).margin(&[1.0], Posed { truth: &LABEL, wanted: &Wanted::BREAK }), f64::NEG_INFINITY);
    }

    #[test]
    fn rivals_come_by_falling_logit_without_the_label() {
        let ids = |z: &[f32], label: usize, classes: usize| -> Vec<usize> {
            let mut rivals = Vec::new();
            let truth = Truth::Class(label);
            Classify::new(classes).rivals(z, Posed { truth: &truth, wanted: &Wanted::BREAK }, &mut rivals);
            rivals.into_iter().map(|rival| rival.id).collect()
        };
        assert_eq!(ids(&[1.0, 5.0, 3.0, 3.0, -2.0], 1, 5), [2, 3, 0, 4]);
        assert_eq!(ids(&[], 1, 4), [0, 2, 3]);
        assert_eq!(ids(&[0.0, f32::NAN, 1.0], 0, 3).len(), 2);
        assert!(ids(&[1.0], 0, 1).is_empty());
    }

    #[test]
    fn a_target_is_the_only_rival() {
        let (task, z, wanted) = (Classify::new(3), [3.0, 1.0, 2.0], Wanted::class(Some(1)));
        let posed = Posed { truth: &LABEL, wanted: &wanted };
        let mut rivals = Vec::new();
        task.rivals(&z, posed, &mut rivals);
        assert_eq!(rivals, [Rival { id: 1, margin: -2.0 }]);
        assert_eq!((task.count(&wanted), task.named(&wanted), task.leader(&z, posed)), (1, Some(1), Some(1)));
        assert_eq!(task.ways(posed), [[Lead { value: 1, over: 0 }, Lead { value: 1, over: 2 }]]);
        assert_eq!((task.count(&Wanted::BREAK), task.named(&Wanted::BREAK)), (2, None));
    }

    #[test]
    fn the_ratio_gives_way_to_the_margin_where_classes_are_few() {
        let to = Wanted::class(Some(1));
        let of = |classes: usize, objective: Objective, wanted: &Wanted| Classify::new(classes).fused(objective, wanted).unwrap();
        assert_eq!([2, 3].map(|classes| of(classes, Objective::Ratio, &Wanted::BREAK)), [Loss::Margin, Loss::Dlr]);
        for objective in [Objective::Ratio, Objective::RivalRatio] {
            assert_eq!([3, 4].map(|classes| of(classes, objective, &to)), [Loss::TargetedMargin, Loss::TargetedDlr]);
        }
    }

    #[test]
    fn what_is_no_class_is_never_reached() {
        let task = Classify::new(2);
        for (truth, wanted) in [
            (Truth::Values(vec![1.0]), Wanted::BREAK),
            (Truth::Pair { reference: vec![1.0], same: true }, Wanted::BREAK),
            (LABEL, Wanted::answer(Truth::Labels(vec![true]))),
        ] {
            let posed = Posed { truth: &truth, wanted: &wanted };
            assert_eq!(task.margin(&[1.0, 2.0], posed), f64::NEG_INFINITY);
            assert!(!task.reached(&[1.0, 2.0], posed));
            assert!(task.loss(Objective::Margin, &[1.0, 2.0], posed, None).is_nan());
        }
    }

    #[test]
    fn the_file_decides_as_it_is_read() {
        let task = Classify::of(2, 1, Reading { ending: crate::Ending::Sigmoid, threshold: Some(0.9) });
        assert_eq!([0.89, 0.9].map(|p| task.decode(&[p])), [Some(Answer::Class(0)), Some(Answer::Class(1))]);
        assert_eq!((task.width(), task.taps()[0].output), (2, 1));
    }
}
