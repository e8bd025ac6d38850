//! Asking targets about squares under a grid of conditions.

use std::sync::atomic::{AtomicBool, Ordering};

use brinell_data::Dataset;
use brinell_record::{Control, PatchCondition, PatchScore, Scale};

use super::place::{Cut, Place};
use crate::TransferError;
use crate::contender::{Answer, Contender};
use crate::matrix::rate;

const PLAIN: PatchCondition = PatchCondition { down: 0.5, across: 0.5, scale: 1.0, angle: 0.0, brightness: 0.0 };

/// Every place of three by three with every scale and angle, the plain condition first, and the plain one darker and brighter.
pub(super) fn conditions(scale: f64, angle: f64, brightness: f64) -> Vec<PatchCondition> {
    let mut all = vec![PLAIN];
    for scale in [1.0, 1.0 - scale, 1.0 + scale] {
        for angle in [0.0, -angle, angle] {
            for down in [0.0, 0.5, 1.0] {
                for across in [0.0, 0.5, 1.0] {
                    all.push(PatchCondition { down, across, scale, angle, brightness: 0.0 });
                }
            }
        }
    }
    all.extend([-brightness, brightness].map(|brightness| PatchCondition { brightness, ..PLAIN }));
    let mut seen: Vec<PatchCondition> = Vec::new();
    all.retain(|one| {
        let new = !seen.contains(one);
        seen.push(*one);
        new
    });
    all
}

/// What a target says of an image, as it is and with each square under each condition.
pub(super) struct Said {
    pub(super) clean: Answer,
    /// By square and condition; of images of the fit the plain condition of the patch alone.
    pub(super) with: Vec<Vec<Answer>>,
}

/// Asks one target about everything.
pub(super) fn ask(
    contender: &mut Contender,
    data: &Dataset,
    cut: &Cut,
    squares: &[&[f32]],
    conditions: &[PatchCondition],
    tested: &[bool],
    stop: &AtomicBool,
) -> Result<Vec<Said>, TransferError> {
    let mut buffer = Vec::new();
    let mut x = vec![0.0; data.sample_len()];
    let mut all = Vec::new();
    let mut clean_answers = Vec::new();
    for sample in 0..data.n {
        let mut one = |contender: &mut Contender, put: Option<(&[f32], &PatchCondition)>, before: &[Answer]| {
            if stop.load(Ordering::Relaxed) {
                return Err(TransferError::Interrupted);
            }
            data.sample(sample, Scale::Unit, &mut x);
            if let Some((square, condition)) = put {
                cut.apply(square, &Place::of(condition), &mut x);
            }
            match contender.ask(&x, &mut buffer, sample) {
                Ok(answer) => Ok(answer),
                Err(error) => crate::judge::no_answer(contender, error, put.is_none(), before),
            }
        };
        let clean = one(contender, None, &clean_answers)?;
        clean_answers.push(clean);
        let of_test = tested.get(sample) == Some(&true);
        let (squares, conditions) =
            if of_test { (squares, conditions) } else { (squares.get(..1).unwrap_or_default(), conditions.get(..1).unwrap_or_default()) };
        // What the target gets wrong as it is counts nowhere.
        let worth = is_right(contender, data, sample, clean);
        let with = squares
            .iter()
            .filter(|_| worth)
            .map(|square| conditions.iter().map(|condition| one(contender, Some((square, condition)), &[])).collect::<Result<Vec<_>, _>>());
        let with = with.collect::<Result<_, _>>()?;
        all.push(Said { clean, with });
    }
    Ok(all)
}

pub(super) fn is_right(contender: &Contender, data: &Dataset, sample: usize, answer: Answer) -> bool {
    let own = data.labels.get(sample).map_or(&[][..], |label| contender.map.own(*label));
    matches!(answer, Answer::Class(class) if own.contains(&class))
}

/// Counts one square.
pub(super) struct Count<'a> {
    pub(super) contender: &'a Contender,
    pub(super) data: &'a Dataset,
    pub(super) said: &'a [Said],
    /// The class to reach, of the data.
    pub(super) target: Option<usize>,
}

impl Count<'_> {
    /// Images that can show success: right as they are, and not of the class to reach.
    fn counts(&self, sample: usize) -> bool {
        let right = self.said.get(sample).is_some_and(|said| is_right(self.contender, self.data, sample, said.clean));
        right && self.target.is_none_or(|target| self.data.labels.get(sample) != Some(&target))
    }

    fn success(&self, sample: usize, answer: Answer) -> bool {
        match (self.target, answer) {
            (_, Answer::None) => false,
            (None, answer) => !is_right(self.contender, self.data, sample, answer),
            (Some(target), Answer::Class(class)) => self.contender.map.own(target).contains(&class),
            (Some(_), Answer::NotFinite) => false,
        }
    }

    pub(super) fn score(&self, samples: &[usize], square: usize) -> PatchScore {
        let answers = |sample: usize| self.said.get(sample).and_then(|said| said.with.get(square)).map(Vec::as_slice).unwrap_or_default();
        let chosen: Vec<usize> = samples.iter().copied().filter(|sample| self.counts(*sample)).collect();
        let (observed, silent): (Vec<usize>, Vec<usize>) = chosen.into_iter().partition(|sample| !answers(*sample).contains(&Answer::None));
        let n = observed.len();
        let conditions = observed.first().map_or(0, |sample| answers(*sample).len());
        let mut successes = vec![0; conditions];
        let mut half = 0;
        for &sample in &observed {
            let won: Vec<bool> = answers(sample).iter().map(|answer| self.success(sample, *answer)).collect();
            successes.iter_mut().zip(&won).for_each(|(count, won)| *count += usize::from(*won));
            half += usize::from(2 * won.iter().filter(|won| **won).count() >= conditions.max(1));
        }
        let mean = successes.iter().sum::<usize>() as f64 / (n * conditions).max(1) as f64;
        PatchScore {
            n,
            unobserved: silent.len(),
            plain: rate(successes.first().copied().unwrap_or(0), n),
            half: rate(half, n),
            mean,
            successes,
        }
    }

    /// The patch under the plain condition.
    pub(super) fn plain(&self, target: usize, samples: &[usize]) -> Control {
        let answer = |sample: usize| self.said.get(sample).and_then(|said| said.with.first()?.first()).copied().unwrap_or(Answer::None);
        let chosen = samples.iter().copied().filter(|sample| self.counts(*sample) && answer(*sample) != Answer::None);
        let chosen: Vec<usize> = chosen.collect();
        let fooled = chosen.iter().filter(|sample| self.success(**sample, answer(**sample))).count();
        Control { target, right: chosen.len(), fooled, rate: rate(fooled, chosen.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_has_every_condition_once_and_the_plain_one_first() {
        let all = conditions(0.3, 22.5, 0.15);
        assert_eq!(all.len(), 83);
        assert_eq!(all[0], PLAIN);
        assert!(all.iter().enumerate().all(|(place, one)| !all[place + 1..].contains(one)));
        assert_eq!(conditions(0.0, 0.0, 0.0).len(), 9);
    }
}
