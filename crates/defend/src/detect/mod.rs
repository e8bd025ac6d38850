//! Detectors behind a model, each as operators that compute a suspicion: one file per kind.

mod build;
mod fit;
mod mahalanobis;
mod noise;
mod output;
mod squeeze;

use std::fmt;
use std::str::FromStr;

use brinell_graph::{Graph, GraphError, Op, ValueId};
use brinell_subject::Case;

pub(crate) use fit::{Calibration, calibrated};
pub use fit::{DetectAsk, detect};

use crate::prefix::View;
use crate::{Chain, DefendError};

/// What looks at a sample and says how suspicious it is.
///
/// | Name | Settings | Suspicion |
/// |---|---|---|
/// | `squeeze:A+B` | transforms with `+` between them | largest L1 distance of the probabilities of the sample and of the sample transformed by A, by B, .. |
/// | `confidence` | | minus the largest probability |
/// | `margin` | | minus the difference of the two largest logits |
/// | `entropy` | | entropy of the probabilities |
/// | `energy:T` | temperature, 1 if left out | minus T log of the summed exponentials of the logits over T |
/// | `noise:S` | standard deviation in 0..1 | how much more than on ordinary samples small noise helps another class, in standard deviations |
/// | `mahalanobis` | | squared distance of what the last layer sees to the nearest class, in the covariance that all classes share |
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Detector {
    Squeeze(Vec<Chain>),
    Confidence,
    Margin,
    Entropy,
    Energy(f32),
    Noise(f32),
    Mahalanobis,
}

/// What a detector sees of a batch.
pub(crate) struct Seen {
    /// The output of the model for every view of a sample `[B, V, K]`.
    pub(crate) all: ValueId,
    /// The same of the sample itself `[B, K]`.
    pub(crate) own: ValueId,
    /// True where the output is probabilities and no logits.
    pub(crate) probabilities: bool,
    /// Views V, the sample itself among them.
    pub(crate) views: usize,
    /// The inner value that [`Score::feature`] names `[B, D]`.
    pub(crate) feature: Option<ValueId>,
}

/// A detector with all its constants.
pub(crate) trait Score {
    /// Returns the other forms of a sample that it looks at.
    fn views(&self) -> Vec<View<'_>> {
        Vec::new()
    }

    /// Returns the name of an inner value that it reads.
    fn feature(&self) -> Option<(&str, usize)> {
        None
    }

    /// Appends the suspicion `[B]`.
    fn append(&self, graph: &mut Graph, seen: &Seen) -> Result<ValueId, GraphError>;
}

impl Detector {
    /// Finds the constants of the detector on some samples of a case, which the model classifies correctly, given with their classes.
    ///
    /// # Errors
    /// [`DefendError`] where the detector does not fit the model, or there are too few samples.
    pub(crate) fn fit(&self, case: &mut Case, samples: &[(usize, usize)], seed: u64) -> Result<Box<dyn Score>, DefendError> {
        Ok(match self {
            Self::Squeeze(chains) => Box::new(squeeze::Squeeze { chains: chains.clone() }),
            Self::Confidence => Box::new(output::Output::Confidence),
            Self::Margin => Box::new(output::Output::Margin),
            Self::Entropy => Box::new(output::Output::Entropy),
            Self::Energy(temperature) => Box::new(output::Output::Energy(*temperature)),
            Self::Noise(sigma) => Box::new(noise::Noise::fit(case, samples, *sigma, seed)?),
            Self::Mahalanobis => Box::new(mahalanobis::Mahalanobis::fit(case, samples)?),
        })
    }

    /// True where constants are found on samples; these are not used for the threshold.
    pub(crate) fn learns(&self) -> bool {
        matches!(self, Self::Noise(_) | Self::Mahalanobis)
    }
}

/// Appends the probabilities of rows of an output along the last of `axes` axes.
pub(crate) fn probabilities(graph: &mut Graph, seen: &Seen, z: ValueId, axis: usize) -> Result<ValueId, GraphError> {
    if seen.probabilities { Ok(z) } else { graph.add(Op::Softmax { axis }, &[z]) }
}

/// Appends the logits of rows of an output, of probabilities up to a constant.
pub(crate) fn logits(graph: &mut Graph, seen: &Seen, z: ValueId) -> Result<ValueId, GraphError> {
    if !seen.probabilities {
        return Ok(z);
    }
    let least = graph.scalar(f32::MIN_POSITIVE);
    let positive = graph.add(Op::Max, &[z, least])?;
    graph.add(Op::Log, &[positive])
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Squeeze(chains) => write!(f, "squeeze:{}", chains.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")),
            Self::Confidence => f.write_str("confidence"),
            Self::Margin => f.write_str("margin"),
            Self::Entropy => f.write_str("entropy"),
            Self::Energy(temperature) => write!(f, "energy:{temperature}"),
            Self::Noise(sigma) => write!(f, "noise:{sigma}"),
            Self::Mahalanobis => f.write_str("mahalanobis"),
        }
    }
}

impl FromStr for Detector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, setting) = text.split_once(':').map_or((text, None), |(name, setting)| (name, Some(setting)));
        let number = |least: f32, most: f32| {
            let value = setting.and_then(|setting| setting.parse::<f32>().ok()).filter(|value| *value > least && *value <= most);
            value.ok_or_else(|| {
                format!("`{text}` needs a number above {least} and at most {most}, as in {name}:{}", if most > 1.0 { "2" } else { "0.1" })
            })
        };
        match (name, setting) {
            ("squeeze", Some(setting)) => {
                let chains = setting.split('+').map(str::parse).collect::<Result<Vec<Chain>, _>>()?;
                Ok(Self::Squeeze(chains))
            }
            ("squeeze", None) => Err("squeeze needs transforms, as in squeeze:bits:1+median:2".to_owned()),
            ("confidence", None) => Ok(Self::Confidence),
            ("margin", None) => Ok(Self::Margin),
            ("entropy", None) => Ok(Self::Entropy),
            ("energy", None) => Ok(Self::Energy(1.0)),
            ("energy", Some(_)) => number(0.0, 1000.0).map(Self::Energy),
            ("noise", _) => number(0.0, 1.0).map(Self::Noise),
            ("mahalanobis", None) => Ok(Self::Mahalanobis),
            ("confidence" | "margin" | "entropy" | "mahalanobis", Some(_)) => Err(format!("{name} has no settings")),
            _ => Err(format!(
                "there is no detector `{name}`; there are squeeze:A+B, confidence, margin, entropy, energy:T, noise:S and mahalanobis"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detectors_are_read_as_they_are_written() {
        for text in ["squeeze:bits:3,median:2+jpeg:75", "confidence", "margin", "entropy", "energy:2", "noise:0.1", "mahalanobis"] {
            assert_eq!(text.parse::<Detector>().unwrap().to_string(), text);
        }
        assert_eq!("energy".parse::<Detector>().unwrap(), Detector::Energy(1.0));
        for text in ["", "squeeze", "squeeze:", "squeeze:bits:9", "energy:0", "noise", "noise:2", "noise:x", "margin:1", "lid"] {
            assert!(text.parse::<Detector>().is_err(), "{text}");
        }
    }
}
