//! Would another preprocessing have given a higher clean accuracy? The commonest mistake there is.

use brinell_engine::{Artefact, Layout, Meaning, Preprocess};
use brinell_record::SanityLevel;

use super::setup::Run;
use crate::AuditError;
use crate::flags::{NEAR_CHANCE, PREPROCESSING_DOUBT};
use brinell_data::Scale;
use brinell_stats::{CONFIDENCE, clopper_pearson};

/// Samples that each alternative is tried on.
const TRIED: usize = 64;

/// A preprocessing that the user may have meant.
struct Alternative {
    /// The preprocessing in words.
    words: String,
    scale: Scale,
    artefact: Artefact,
}

impl Run<'_> {
    /// Raises flags where clean accuracy is near chance, or clearly higher under another preprocessing.
    pub(super) fn doubt_preprocessing(&mut self) -> Result<(), AuditError> {
        let n = self.book.states.len();
        let correct = self.book.states.iter().filter(|state| state.correct()).count();
        let (classes, of_classes) = (self.case.subject.signature.classes, self.case.is_of_classes());
        // References of pairs are embedded as declared, so that no other way can be tried on the samples alone.
        let tried = !matches!(self.case.subject.signature.meaning, Meaning::Embedding { .. });
        let better =
            if tried && self.question.effort.sanity > SanityLevel::Off { self.timed(Self::better_alternatives)? } else { Vec::new() };
        let best = better.iter().max_by_key(|(_, found, _)| *found);
        // Of labels and numbers nobody knows what guessing is.
        let chance = match self.case.subject.signature.meaning {
            Meaning::Class => Some(1.0 / classes as f64),
            Meaning::Best { k } => Some(k as f64 / classes as f64),
            Meaning::Embedding { .. } => Some(0.5),
            _ => None,
        };
        let guessed = chance.map_or(-1.0, |chance| guessing(n, chance));
        self.flags.measure_against(&NEAR_CHANCE, correct as f64 / n as f64, guessed, || {
            let advice = best.map_or_else(
                || "check scale, mean, std, layout and the labels".to_owned(),
                |(words, found, tried)| format!("with {words}, {found} of {tried} samples would be right"),
            );
            let among = if of_classes { format!(" among {classes} classes") } else { String::new() };
            format!("clean accuracy is {:.1} %, no better than guessing{among}; {advice}", 100.0 * correct as f64 / n as f64)
        });
        if self.question.effort.sanity > SanityLevel::Off {
            let states = &self.book.states;
            self.flags.measure(&PREPROCESSING_DOUBT, better.len() as f64, || {
                best.map_or_else(String::new, |(words, found, tried)| {
                    let now = states.iter().take(*tried).filter(|state| state.correct()).count();
                    format!(
                        "{now} of the first {tried} samples are right with the preprocessing that was given, but {found} with {words}, which is therefore more likely"
                    )
                })
            });
        }
        Ok(())
    }

    /// Returns the alternatives that beat the declared preprocessing beyond chance: words, correct, tried.
    fn better_alternatives(&mut self) -> Result<Vec<(String, usize, usize)>, AuditError> {
        let first: Vec<usize> = self.book.states.samples(|_| true).into_iter().take(TRIED).collect();
        let tried = first.len();
        let now = self.book.states.iter().take(tried).filter(|state| state.correct()).count();
        let (_, high) = clopper_pearson(now as u64, tried as u64, CONFIDENCE);
        let declared = now as f64 / tried.max(1) as f64;
        let mut better = Vec::new();
        for alternative in self.alternatives() {
            self.check_stop()?;
            let Ok(preprocess) = Preprocess::new(&alternative.artefact, &self.case.data.shape, &self.case.subject.signature.sample) else {
                continue;
            };
            // Clearly better: above what chance may have made of the declared one, and not by chance itself.
            let clearly = |wrong: &usize| {
                let (low, _) = clopper_pearson((tried - wrong) as u64, tried as u64, CONFIDENCE);
                (tried - wrong) as f64 / tried as f64 > high && low > declared
            };
            let wrong_allowed = (0..=tried).take_while(clearly).count();
            let mut wrong = 0;
            for &index in &first {
                if wrong >= wrong_allowed {
                    break;
                }
                let x = self.rescaled(index, alternative.scale);
                let opinion = self.case.referee.ask(&preprocess, &x, index)?;
                self.sanity.forwards += 1;
                wrong += usize::from(!opinion.is_right(self.case.task().as_ref(), self.case.demand(index).posed()));
            }
            let correct = tried - wrong;
            if wrong < wrong_allowed {
                better.push((alternative.words, correct, tried));
            }
        }
        Ok(better)
    }

    /// Reads a sample in a scale other than the declared one.
    fn rescaled(&self, index: usize, scale: Scale) -> Vec<f32> {
        let mut x = vec![0.0; self.case.data.sample_len()];
        if matches!(self.case.data.pixels, brinell_data::Pixels::U8(_)) {
            self.case.data.sample(index, scale, &mut x);
        } else {
            self.case.data.sample(index, self.case.scale, &mut x);
            match (self.case.scale, scale) {
                (Scale::Unit, Scale::Byte) => x.iter_mut().for_each(|v| *v *= 255.0),
                (Scale::Byte, Scale::Unit) => x.iter_mut().for_each(|v| *v /= 255.0),
                _ => {}
            }
        }
        x
    }

    fn alternatives(&self) -> Vec<Alternative> {
        let declared = &self.question.artefact;
        let with = |scale: Scale, mean: &[f32], std: &[f32], layout: Option<Layout>| {
            let list = |values: &[f32]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            // Floats are taken as they are, whatever the scale: there the data, not the setting, would have to change.
            let floats = matches!(self.case.data.pixels, brinell_data::Pixels::F32(_));
            let change = match (self.case.scale, scale) {
                (Scale::Unit, Scale::Byte) if floats => "the values multiplied by 255 and ",
                (Scale::Byte, Scale::Unit) if floats => "the values divided by 255 and ",
                _ => "",
            };
            let mut words = format!("{change}scale {scale}");
            for (name, values) in [("mean", mean), ("std", std)] {
                if !values.is_empty() {
                    words += &format!(", {name} {}", list(values));
                }
            }
            if let Some(layout) = layout {
                words += &format!(", layout {}", layout.name());
            }
            if mean.is_empty() && std.is_empty() && !(declared.mean.is_empty() && declared.std.is_empty()) {
                words += " and neither mean nor std";
            }
            Alternative { words, scale, artefact: Artefact { mean: mean.to_vec(), std: std.to_vec(), layout, ..Artefact::default() } }
        };
        let layout = declared.layout;
        let mut all =
            vec![with(Scale::Unit, &[], &[], layout), with(Scale::Byte, &[], &[], layout), with(Scale::Byte, &[127.5], &[127.5], layout)];
        if self.case.data.shape.contains(&3) {
            all.push(with(Scale::Unit, &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225], layout));
            all.push(with(Scale::Unit, &[0.4914, 0.4822, 0.4465], &[0.2471, 0.2435, 0.2616], layout));
        }
        for other in [Layout::Nchw, Layout::Nhwc, Layout::Flat, Layout::FlatTransposed] {
            if declared.layout != Some(other) {
                all.push(with(self.case.scale, &declared.mean, &declared.std, Some(other)));
            }
        }
        // A factor of 255 too many or too few, in the values or in what is done to them.
        let by = |list: &[f32], factor: f32| list.iter().map(|v| v * factor).collect::<Vec<_>>();
        if !(declared.mean.is_empty() && declared.std.is_empty()) {
            for scale in [Scale::Unit, Scale::Byte] {
                all.push(with(scale, &declared.mean, &declared.std, layout));
            }
            for factor in [255.0, 255.0_f32.recip()] {
                all.push(with(self.case.scale, &by(&declared.mean, factor), &by(&declared.std, factor), layout));
            }
        }
        let this = with(self.case.scale, &declared.mean, &declared.std, layout).words;
        all.retain(|alternative| alternative.words != this);
        all
    }
}

/// Returns the largest accuracy on `n` samples that cannot be told from guessing right with this chance, and is not right in most cases either.
fn guessing(n: usize, chance: f64) -> f64 {
    let cap = f64::max(0.5, 1.5 * chance);
    let guess = |correct: usize| clopper_pearson(correct as u64, n as u64, CONFIDENCE).0 <= chance && (correct as f64) < cap * n as f64;
    let (mut lo, mut hi) = (0, n + 1);
    while hi - lo > 1 {
        let middle = usize::midpoint(lo, hi);
        if guess(middle) { lo = middle } else { hi = middle }
    }
    lo as f64 / n as f64
}

#[cfg(test)]
mod tests {
    use super::guessing;

    #[test]
    fn guessing_ends_where_the_interval_leaves_chance() {
        // scipy 1.17: binomtest(16, 100, 0.1).proportion_ci().low is 0.0943, that of 17 is 0.1023.
        assert_eq!(guessing(100, 0.1), 0.16);
        // Few samples that are all right are no guess.
        assert_eq!(guessing(1, 0.1), 0.0);
        assert!(guessing(4, 0.5) < 1.0);
    }
}
