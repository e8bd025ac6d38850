//! Would another preprocessing have given a higher clean accuracy? The commonest mistake there is.

use brinell_engine::{Layout, Preprocess, PreprocessOptions};
use brinell_record::Severity;

use super::setup::Run;
use crate::data::Scale;
use crate::flags::id;
use crate::stats::{CONFIDENCE, clopper_pearson};
use crate::{ProtocolError, plan::scale_name};

/// Samples that each alternative is tried on.
const TRIED: usize = 64;

/// A preprocessing that the user may have meant.
struct Alternative {
    flags: String,
    scale: Scale,
    options: PreprocessOptions,
}

impl Run<'_> {
    /// Raises flags where clean accuracy is near chance, or clearly higher under another preprocessing.
    pub(super) fn doubt_preprocessing(&mut self) -> Result<(), ProtocolError> {
        let n = self.states.len();
        let correct = self.states.iter().filter(|state| state.correct()).count();
        let chance = 1.0 / self.subject.signature.classes as f64;
        let (low, _) = clopper_pearson(correct as u64, n as u64, CONFIDENCE);
        let accuracy = correct as f64 / n as f64;
        let near_chance = low <= chance && accuracy < f64::max(0.5, 1.5 * chance);
        let better = self.better_alternative()?;
        if near_chance {
            let advice = better.as_ref().map_or_else(
                || "check --scale, --mean, --std, --layout and the labels".to_owned(),
                |(flags, found, tried)| format!("with {flags} {found} of {tried} samples would be right"),
            );
            let message =
                format!("clean accuracy is {:.1} %, no better than guessing among {:.0} classes; {advice}", 100.0 * accuracy, 1.0 / chance);
            self.flags.raise(Severity::Blocking, id::NEAR_CHANCE, message);
        } else if let Some((flags, found, tried)) = better {
            let now = self.states.iter().take(tried).filter(|state| state.correct()).count();
            let message = format!(
                "of the first {tried} samples {now} are right as declared, but {found} would be with {flags}; is the preprocessing right?"
            );
            self.flags.raise(Severity::Warning, id::PREPROCESSING_DOUBT, message);
        }
        Ok(())
    }

    /// Returns the best alternative that beats the declared preprocessing beyond chance: flags, correct, tried.
    fn better_alternative(&mut self) -> Result<Option<(String, usize, usize)>, ProtocolError> {
        let first: Vec<usize> = self.states.samples(|_| true).into_iter().take(TRIED).collect();
        let tried = first.len();
        let now = self.states.iter().take(tried).filter(|state| state.correct()).count();
        let (_, high) = clopper_pearson(now as u64, tried as u64, CONFIDENCE);
        let mut best: Option<(String, usize, usize)> = None;
        for alternative in self.alternatives() {
            self.check_stop()?;
            let Ok(preprocess) = Preprocess::new(&alternative.options, &self.data.shape, &self.subject.signature.sample) else {
                continue;
            };
            let wrong_allowed = (0..=tried).take_while(|wrong| (tried - wrong) as f64 / tried as f64 > high).count();
            let mut wrong = 0;
            for &index in &first {
                if wrong >= wrong_allowed {
                    break;
                }
                let x = self.rescaled(index, alternative.scale);
                let opinion = self.referee.ask(&preprocess, &x)?;
                wrong += usize::from(opinion.prediction != self.data.labels.get(index).copied());
            }
            let correct = tried - wrong;
            if wrong < wrong_allowed && best.as_ref().is_none_or(|(_, found, _)| correct > *found) {
                best = Some((alternative.flags, correct, tried));
            }
        }
        Ok(best)
    }

    /// Reads a sample in a scale other than the declared one.
    fn rescaled(&self, index: usize, scale: Scale) -> Vec<f32> {
        let mut x = vec![0.0; self.data.sample_len()];
        if matches!(self.data.pixels, crate::data::Pixels::U8(_)) {
            self.data.sample(index, scale, &mut x);
        } else {
            self.data.sample(index, self.plan.scale, &mut x);
            match (self.plan.scale, scale) {
                (Scale::Unit, Scale::Byte) => x.iter_mut().for_each(|v| *v *= 255.0),
                (Scale::Byte, Scale::Unit) => x.iter_mut().for_each(|v| *v /= 255.0),
                _ => {}
            }
        }
        x
    }

    fn alternatives(&self) -> Vec<Alternative> {
        let declared = &self.plan.preprocess;
        let with = |scale: Scale, mean: &[f32], std: &[f32], layout: Option<Layout>| {
            let list = |values: &[f32]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            // Floats are taken as they are, whatever the scale: there the data, not the flag, would have to change.
            let floats = matches!(self.data.pixels, crate::data::Pixels::F32(_));
            let change = match (self.plan.scale, scale) {
                (Scale::Unit, Scale::Byte) if floats => "the values multiplied by 255 and ",
                (Scale::Byte, Scale::Unit) if floats => "the values divided by 255 and ",
                _ => "",
            };
            let mut flags = format!("{change}--scale {}", scale_name(scale));
            for (name, values) in [("mean", mean), ("std", std)] {
                if !values.is_empty() {
                    flags += &format!(" --{name} {}", list(values));
                }
            }
            if let Some(layout) = layout {
                flags += &format!(" --layout {}", layout.name());
            }
            if mean.is_empty() && std.is_empty() && !(declared.mean.is_empty() && declared.std.is_empty()) {
                flags += " and neither --mean nor --std";
            }
            Alternative { flags, scale, options: PreprocessOptions { mean: mean.to_vec(), std: std.to_vec(), layout } }
        };
        let layout = declared.layout;
        let mut all =
            vec![with(Scale::Unit, &[], &[], layout), with(Scale::Byte, &[], &[], layout), with(Scale::Byte, &[127.5], &[127.5], layout)];
        if self.data.shape.contains(&3) {
            all.push(with(Scale::Unit, &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225], layout));
            all.push(with(Scale::Unit, &[0.4914, 0.4822, 0.4465], &[0.2471, 0.2435, 0.2616], layout));
        }
        for other in [Layout::Nchw, Layout::Nhwc, Layout::Flat, Layout::FlatTransposed] {
            if declared.layout != Some(other) {
                all.push(with(self.plan.scale, &declared.mean, &declared.std, Some(other)));
            }
        }
        let this = with(self.plan.scale, &declared.mean, &declared.std, layout).flags;
        all.retain(|alternative| alternative.flags != this);
        all
    }
}
