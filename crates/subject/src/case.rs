//! All that an attack needs to run on some samples.

use std::sync::Arc;

use brinell_data::{self as data, Dataset, Scale};
use brinell_engine::{Answer, Ending, Ensemble, Oracle, Preprocess, Runtime, ValueKind};
use brinell_record::{Question, Running};
use brinell_task::{Classify, Demand, Wanted};
use brinell_threat::{Ball, Grid, InputBox};

use crate::equivalence::open_oracle;
use crate::lanes::Lanes;
use crate::{Opened, Referee, Subject, SubjectError, exact, features, units};

/// Largest number of values that one call of the model takes by default: larger calls cost memory and gain nothing.
const VALUES_PER_CALL: usize = 1 << 18;

/// Samples that show whether a model answers with probabilities.
const SHOWN: usize = 4;

/// A model, its samples, the allowed changes, and the referee that judges them on the original file.
pub struct Case {
    /// The model.
    pub subject: Subject,
    /// The samples.
    pub data: Arc<Dataset>,
    /// The range in which samples are read.
    pub scale: Scale,
    /// Names of the classes; their numbers where none are known.
    pub class_names: Vec<String>,
    /// Class that every sample is to be turned into; `None` if any wrong class counts.
    pub target: Option<usize>,
    /// What happens to a sample before the model sees it.
    pub preprocess: Preprocess,
    /// The allowed changes.
    pub ball: Ball,
    /// The points that a model of whole numbers can be fed.
    pub grid: Option<Grid>,
    /// What executes the model.
    pub runtime: Arc<dyn Runtime>,
    /// The judge.
    pub referee: Referee,
    /// The model's trees, for attacks that read them.
    pub trees: Option<Arc<Ensemble>>,
    /// Largest number of samples in one call of the model.
    pub batch: usize,
}

impl Case {
    /// Checks that model, data and question fit together, and opens the runtime.
    ///
    /// # Errors
    /// [`SubjectError`] names what does not fit.
    pub fn new(opened: Opened, question: &Question) -> Result<Self, SubjectError> {
        let Opened { mut subject, data } = opened;
        let Question { artefact, population, threat, running, .. } = question;
        let scale = artefact.scale();
        let classes = subject.signature.classes;
        let class_names = data
            .class_names
            .clone()
            .filter(|names| names.len() == classes)
            .unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
        let mut ball = threat.eps.ball(threat.norm, input_box(scale)?);
        // What the model cannot tell apart is no change.
        let as_stored = artefact.mean.is_empty() && artefact.std.is_empty();
        let kind = |place: usize| if as_stored { subject.signature.kind(place) } else { ValueKind::Real };
        let asked = features::Asked { rules: &threat.feature, unit: threat.unit, scale, norm: threat.norm };
        if let Some(features) = features::features(&asked, &data, &kind, || subject.moments(&data, population))? {
            features::constrain(&mut ball, features)?;
        }
        let target = threat.target.as_deref().map(|text| data::lookup(&class_names, text)).transpose()?;
        let preprocess = subject.preprocess(artefact, &data.shape)?;
        let grid = subject.grid(&preprocess, &ball)?;
        if ball.features.is_none() {
            units::check(artefact, &data)?;
        }
        if !threat.eps.is_nearest() {
            ball.check_size(data.sample_len())?;
        }
        let runtime = subject.runtime(running)?;
        if subject.is_opaque() && !matches!(subject.signature.reading.ending, Ending::Sigmoid | Ending::Labels { .. }) {
            let probabilities = answers_probabilities(&subject, &preprocess, scale, &data, &runtime)?;
            subject.signature.reading.ending = if probabilities { Ending::Softmax } else { Ending::Logits };
        }
        let mut referee = subject.referee(&runtime)?;
        exact::check(&mut referee, &preprocess, scale, &data)?;
        let by_size = || (VALUES_PER_CALL / data.sample_len().max(1)).clamp(8, 128);
        let batch = running.batch.map_or_else(by_size, std::num::NonZeroUsize::get);
        let data = Arc::new(data);
        Ok(Self { subject, data, scale, class_names, target, preprocess, ball, grid, runtime, referee, trees: None, batch })
    }

    /// Compiles the model for attacks; with the model's own batch where it cannot be given another, and then why.
    ///
    /// # Errors
    /// [`SubjectError::NotEquivalent`] where even the model's own batch gives other results, [`SubjectError::Oracle`],
    /// [`SubjectError::Engine`].
    pub fn oracle(&mut self, running: &Running) -> Result<(Oracle, Option<String>), SubjectError> {
        let lanes = Lanes::choose(running, &self.subject, self.batch.min(self.data.n), &self.runtime)?;
        let (oracle, why_not) = open_oracle(&self.subject, &self.preprocess, &self.ball, &self.runtime, &lanes, &mut self.referee)?;
        self.batch = oracle.fixed_batch().unwrap_or(self.batch);
        Ok((oracle, why_not))
    }

    /// Reads a sample in the declared scale.
    #[must_use]
    pub fn sample(&self, index: usize) -> Vec<f32> {
        self.sample_in(index, self.scale)
    }

    /// Reads a sample in another scale.
    #[must_use]
    pub fn sample_in(&self, index: usize, scale: Scale) -> Vec<f32> {
        let mut x = vec![0.0; self.data.sample_len()];
        self.data.sample(index, scale, &mut x);
        x
    }

    /// Returns what an attack wants of a sample with this label.
    #[must_use]
    pub fn demand(&self, label: usize) -> Demand {
        Demand::class(label, self.target)
    }

    /// Returns what an attack wants of every sample.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted::class(self.target)
    }

    /// Returns what the model's outputs mean.
    #[must_use]
    pub fn task(&self) -> Classify {
        self.subject.signature.classify()
    }
}

/// Returns the input box that a scale declares; that of [`Scale::Data`] is only known with the data ([`features`]).
///
/// # Errors
/// [`SubjectError::Threat`] where the range is none.
pub fn input_box(scale: Scale) -> Result<InputBox, SubjectError> {
    Ok(match scale {
        Scale::Unit => InputBox::UNIT,
        Scale::Byte | Scale::Data => InputBox::BYTE,
        Scale::Range { lo, hi } => InputBox::new(lo, hi)?,
    })
}

/// Asks the oracle about points around the samples of these numbers.
///
/// # Errors
/// [`SubjectError::Oracle`] where the model cannot be run.
pub fn logits_of(
    oracle: &mut Oracle,
    samples: impl IntoIterator<Item = usize>,
    points: &[Vec<f32>],
    answer: &mut Answer,
) -> Result<(), SubjectError> {
    oracle.prepare_forward()?;
    oracle.about(samples);
    Ok(oracle.values(&points.concat(), answer)?)
}

/// True where a row of logits is one of probabilities, by the tolerance that AutoAttack's own check has.
#[must_use]
pub fn is_distribution(logits: &[f32]) -> bool {
    let sum: f64 = logits.iter().map(|&z| f64::from(z)).sum();
    logits.len() > 1 && logits.iter().all(|z| (0.0..=1.0).contains(z)) && (sum - 1.0).abs() <= 1e-5
}

/// True where the model answers the first samples with probabilities, whose logarithms tell more than they do.
fn answers_probabilities(
    subject: &Subject,
    preprocess: &Preprocess,
    scale: Scale,
    data: &Dataset,
    runtime: &Arc<dyn Runtime>,
) -> Result<bool, SubjectError> {
    let mut referee = subject.referee(runtime)?;
    let mut x = vec![0.0; data.sample_len()];
    for sample in 0..SHOWN.min(data.n) {
        data.sample(sample, scale, &mut x);
        if !is_distribution(&referee.ask(preprocess, &x, sample)?.output) {
            return Ok(false);
        }
    }
    Ok(true)
}
