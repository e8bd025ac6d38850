//! All that an attack needs to run on some samples.

use std::sync::Arc;

use brinell_data::{self as data, Dataset, Scale, Truths};
use brinell_engine::{
    Answer, Artefact, Ending, Ensemble, Oracle, Preprocess, Reading, Runtime, ValueKind, ends_in_sigmoids, rows_within_budget,
};
use brinell_record::{Label, Question, Running, TaskKind};
use brinell_task::{Demand, Task, Truth, Wanted};
use brinell_threat::{Ball, Grid, InputBox};

use crate::equivalence::{open_oracle, random_point};
use crate::lanes::Lanes;
use crate::{Opened, Opinion, Referee, Subject, SubjectError, exact, features, label_of, truth, truth_of, units};

/// Largest number of values that one call of the model takes by default: larger calls cost memory and gain nothing.
const VALUES_PER_CALL: usize = 1 << 18;

/// Samples that show whether a model answers with probabilities.
const SHOWN: usize = 4;

/// How many times farther from the middle of the box than it reaches a model is asked, to see whether its outputs are bounded.
const FAR: f32 = 1e4;

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
    /// Embeddings of the references of pairs.
    pub references: Vec<Vec<f32>>,
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
        truth::check_task(question)?;
        let kind = subject.signature.meaning.kind();
        // Who says that it is classification means that the largest sigmoid decides.
        if let Some(labels) = subject.signature.independent_sigmoids().filter(|_| artefact.task.is_none() && !subject.names_classes()) {
            return Err(SubjectError::Sigmoids { output: subject.signature.output_name.clone(), labels });
        }
        let scale = artefact.scale();
        let classes = subject.signature.classes;
        let class_names = match kind {
            TaskKind::Regression | TaskKind::Embedding => Vec::new(),
            _ => names(&data, classes),
        };
        let mut ball = threat.eps.ball(threat.norm, input_box(scale)?);
        // What the model cannot tell apart is no change.
        let as_stored = artefact.mean.is_empty() && artefact.std.is_empty();
        let value = |place: usize| if as_stored { subject.signature.kind(place) } else { ValueKind::Real };
        let asked = features::Asked { rules: &threat.feature, unit: threat.unit, scale, norm: threat.norm };
        if let Some(features) = features::features(&asked, &data, &value, || subject.moments(&data, population))? {
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
        settle_ending(&mut subject, artefact, &preprocess, scale, &ball, &data, &runtime)?;
        let mut referee = subject.referee(&runtime)?;
        exact::check(&mut referee, &preprocess, scale, &data)?;
        let references = truth::references(&data, scale, &preprocess, subject.held.per_sample(), &mut referee)?;
        // A gradient keeps what all nodes made, and as much again as is under way at a time.
        let by_size = || {
            let footprint = brinell_graph::footprint(&subject.model.graph);
            let most = (VALUES_PER_CALL / data.sample_len().max(1)).clamp(8, 128);
            rows_within_budget(footprint.total.saturating_add(footprint.live)).min(most)
        };
        let batch = running.batch.map_or_else(by_size, std::num::NonZeroUsize::get);
        let data = Arc::new(data);
        Ok(Self { subject, data, scale, class_names, target, preprocess, ball, grid, runtime, referee, references, trees: None, batch })
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

    /// Returns what is right about a sample, for the record; no class of any model where the data do not say.
    #[must_use]
    pub fn label(&self, sample: usize) -> Label {
        label_of(&self.data, sample).unwrap_or(Label::Class(usize::MAX))
    }

    /// Returns what is right about a sample and what an attack wants of it. Where the data do not say what is right, nothing is, and no goal is reached.
    #[must_use]
    pub fn demand(&self, sample: usize) -> Demand {
        let truth = truth(&self.data, &self.references, sample).unwrap_or(Truth::Class(usize::MAX));
        Demand { truth, wanted: self.wanted() }
    }

    /// Returns what an attack wants of every sample.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted::class(self.target)
    }

    /// Returns what the model's outputs mean.
    #[must_use]
    pub fn task(&self) -> Arc<dyn Task> {
        self.subject.signature.task()
    }

    /// True where what is right about a sample is a class.
    #[must_use]
    pub fn is_of_classes(&self) -> bool {
        self.subject.signature.meaning.kind().is_of_classes()
    }

    /// Returns how far what the file says of a point may be from what a batch said of it, relative to the largest output, by rounding. Of values that are
    /// no classes nothing is known.
    pub(crate) fn far(&self) -> f32 {
        if self.is_of_classes() { self.subject.far() } else { f32::INFINITY }
    }

    /// True where the file says something else about a point than the `values` that a batch gave for it.
    #[must_use]
    pub fn is_astray(&self, alone: &Opinion, values: &[f32]) -> bool {
        alone.contradicts(values, self.task().as_ref(), self.far())
    }
}

/// Returns what is right about a sample, given the embeddings of the references of pairs.
pub(crate) fn truth(data: &Dataset, references: &[Vec<f32>], sample: usize) -> Option<Truth> {
    let reference = match &data.truths {
        Truths::Pairs(pairs) => data.place(sample).and_then(|place| references.get(*pairs.of.get(place)?)),
        _ => None,
    };
    truth_of(&label_of(data, sample)?, reference.map(Vec::as_slice))
}

/// Returns the names of the classes, or their numbers where none are known.
pub(crate) fn names(data: &Dataset, classes: usize) -> Vec<String> {
    let known = data.class_names.clone().filter(|names| names.len() == classes);
    known.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect())
}

/// Finds out what the outputs of a model are that does not show it: of one asked as it is whether they are probabilities.
///
/// # Errors
/// [`SubjectError::Sigmoids`], [`SubjectError::Independent`] where several values that say something each by itself are read as one class, [`SubjectError::Cut`], [`SubjectError::Oracle`].
fn settle_ending(
    subject: &mut Subject,
    artefact: &Artefact,
    preprocess: &Preprocess,
    scale: Scale,
    ball: &Ball,
    data: &Dataset,
    runtime: &Arc<dyn Runtime>,
) -> Result<(), SubjectError> {
    let (kind, opaque, signature) = (subject.signature.meaning.kind(), subject.is_opaque(), &subject.signature);
    if matches!(signature.reading.ending, Ending::Sigmoid | Ending::Labels { .. }) {
        return Ok(());
    }
    let output = signature.output_name.clone();
    if kind == TaskKind::Multilabel && artefact.threshold.is_none() {
        if shown(subject, preprocess, scale, data, runtime)?.iter().all(|row| within(row)) {
            if !opaque {
                return Err(SubjectError::Cut { output });
            }
            subject.signature.reading.ending = Ending::Sigmoid;
        }
    } else if kind.is_of_classes() && opaque {
        let (several, labels) = (signature.reading.threshold.is_none(), signature.classes);
        let rows = shown(subject, preprocess, scale, data, runtime)?;
        let probabilities = rows.iter().all(|row| is_distribution(row));
        let independent = several && labels > 1 && !probabilities && rows.iter().all(|row| within(row));
        // Votes and shares may be rounded; what is far from 1 is no distribution.
        let far = rows.iter().any(|row| (sum(row) - 1.0).abs() > 0.01);
        if independent && far && artefact.task.is_none() && !subject.names_classes() {
            return Err(SubjectError::Sigmoids { output, labels });
        }
        subject.signature.reading.ending = if probabilities { Ending::Softmax } else { Ending::Logits };
    } else if kind.is_of_classes()
        && signature.reading == Reading::LOGITS
        && signature.classes > 1
        && artefact.task.is_none()
        && !subject.names_classes()
    {
        let labels = signature.classes;
        let ends = ends_in_sigmoids(&subject.model.graph, signature.output);
        let rows = shown_widely(subject, preprocess, scale, ball, data, runtime)?;
        let shares = rows.iter().all(|row| within(row));
        let why = if ends { Some("ends in a sigmoid") } else { shares.then_some("lies between 0 and 1") };
        let sum = if sums_differ(&rows) {
            Some("is another one for other inputs")
        } else {
            // As of several softmaxes side by side.
            (shares && rows.iter().all(|row| sum(row) > 1.01)).then_some("is more than 1")
        };
        if let Some((why, sum)) = why.zip(sum) {
            return Err(SubjectError::Independent { output, labels, why, sum });
        }
    }
    Ok(())
}

/// True where the values of some rows sum to clearly more than those of others: shares of one class never do.
fn sums_differ(rows: &[Vec<f32>]) -> bool {
    let sums = || rows.iter().map(|row| sum(row));
    let largest = rows.iter().flatten().fold(0.0_f64, |most, v| most.max(f64::from(v.abs())));
    sums().fold(f64::NEG_INFINITY, f64::max) - sums().fold(f64::INFINITY, f64::min) > 0.01 * largest
}

fn sum(row: &[f32]) -> f64 {
    row.iter().map(|&v| f64::from(v)).sum()
}

/// True where all values lie between 0 and 1.
fn within(row: &[f32]) -> bool {
    row.iter().all(|v| (0.0..=1.0).contains(v))
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

/// Returns the outputs of the file for the first samples.
fn shown(
    subject: &Subject,
    preprocess: &Preprocess,
    scale: Scale,
    data: &Dataset,
    runtime: &Arc<dyn Runtime>,
) -> Result<Vec<Vec<f32>>, SubjectError> {
    let mut referee = subject.referee(runtime)?;
    let mut x = vec![0.0; data.sample_len()];
    let mut rows = Vec::new();
    for sample in data.samples().take(SHOWN) {
        data.sample(sample, scale, &mut x);
        rows.push(deciding(&mut referee, subject, preprocess, &x, sample)?);
    }
    Ok(rows)
}

/// Returns the output that decides, as the file has it, without what it says of its suspicion.
fn deciding(referee: &mut Referee, subject: &Subject, preprocess: &Preprocess, x: &[f32], sample: usize) -> Result<Vec<f32>, SubjectError> {
    let mut output = referee.ask(preprocess, x, sample)?.output;
    output.truncate(subject.signature.width());
    Ok(output)
}

/// Returns the outputs of the file for the first samples, for random points of the box, where a sigmoid that is sure of every sample is not, and far outside of it,
/// where what is linear is large.
fn shown_widely(
    subject: &Subject,
    preprocess: &Preprocess,
    scale: Scale,
    ball: &Ball,
    data: &Dataset,
    runtime: &Arc<dyn Runtime>,
) -> Result<Vec<Vec<f32>>, SubjectError> {
    let mut rows = shown(subject, preprocess, scale, data, runtime)?;
    let mut referee = subject.referee(runtime)?;
    for sample in data.samples().take(SHOWN) {
        let mut x = random_point(ball, data.sample_len(), sample as u64);
        rows.push(deciding(&mut referee, subject, preprocess, &x, sample)?);
        if subject.signature.dtype.is_float() {
            let middle = f64::midpoint(ball.bounds.lo().into(), ball.bounds.hi().into()) as f32;
            x.iter_mut().for_each(|v| *v = middle + FAR * (*v - middle));
            rows.push(deciding(&mut referee, subject, preprocess, &x, sample)?);
        }
    }
    Ok(rows)
}
