//! The referee: judges points on the original, unmodified file, one at a time.

use std::path::Path;
use std::sync::Arc;

use crate::rows::same;
use brinell_engine::{EngineError, Held, OracleError, Original, Preprocess, Reading, Runtime, Signature};
use brinell_record::Label;
use brinell_task::{Answer, Embed, Posed, Task, Truth};
use brinell_threat::{Ball, Violation};

/// What the original file says about one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The output that decides, as it stands in the file: logits, probabilities where the model ends in a softmax, or one score.
    pub output: Vec<f32>,
    /// The values of the task that the output stands for.
    pub values: Vec<f32>,
    /// What it says; `None` where an output is not finite.
    pub answer: Option<Answer>,
    /// Probability of the predicted class; NaN where there is none.
    pub confidence: f64,
    /// The class that the file names beside its scores, in its own words.
    pub said: Option<String>,
}

impl Opinion {
    fn new(output: &[f64], task: &dyn Task) -> Self {
        let answer = task.decode(output);
        let confidence = answer.as_ref().and_then(|answer| task.confidence(output, answer)).unwrap_or(f64::NAN);
        let output: Vec<f32> = output.iter().map(|&v| v as f32).collect();
        Self { values: task.row(&wide(&output)), output, answer, confidence, said: None }
    }

    /// Returns the opinion that a row of a task's values stands for.
    #[must_use]
    pub fn of_values(values: &[f32], task: &dyn Task) -> Self {
        let answer = task.answer(values);
        let class = match &answer {
            Some(Answer::Class(class)) => Some(*class),
            Some(Answer::Classes(classes)) => classes.first().copied(),
            _ => None,
        };
        let confidence = class.map_or(f64::NAN, |class| Reading::LOGITS.confidence(&wide(values), class));
        Self { output: values.to_vec(), values: values.to_vec(), answer, confidence, said: None }
    }

    /// Returns how far the goal is exceeded; `None` where an output is not finite.
    #[must_use]
    pub fn margin(&self, task: &dyn Task, posed: Posed<'_>) -> Option<f64> {
        Some(task.margin(&self.values, posed)).filter(|margin| margin.is_finite())
    }

    /// True where the answer of the file is what is asked.
    #[must_use]
    pub fn reached(&self, task: &dyn Task, posed: Posed<'_>) -> bool {
        self.answer.as_ref().is_some_and(|answer| task.verdict(answer, posed).reached)
    }

    /// True where the file says something else about a point than the `values` of the task that a batch gave for it, by more than `far`, relative
    /// to the largest output. Labels say too little to tell, and so do values that are not there.
    #[must_use]
    pub fn contradicts(&self, values: &[f32], task: &dyn Task, far: f32) -> bool {
        if values.is_empty() || task.taps().iter().any(|tap| tap.ending.is_labels()) {
            return false;
        }
        let told: Vec<f32> = task.output(values).into_iter().map(|v| v as f32).collect();
        !same(&self.output, &told, far)
    }

    /// True where the answer of the file is right in all its parts.
    #[must_use]
    pub fn is_right(&self, task: &dyn Task, posed: Posed<'_>) -> bool {
        let units = self.answer.as_ref().map(|answer| task.verdict(answer, posed).units);
        units.is_some_and(|units| units.total > 0 && units.kept == units.total)
    }

    /// Returns the answer for the record: of several classes the best, of an embedding what it says about the pair. `None` where an output is not finite.
    #[must_use]
    pub fn label(&self, task: &dyn Task, posed: Posed<'_>) -> Option<Label> {
        Some(match self.answer.as_ref()? {
            Answer::Class(class) => Label::Class(*class),
            Answer::Classes(classes) => Label::Class(*classes.first()?),
            Answer::Labels(labels) => Label::Labels { labels: labels.clone() },
            Answer::Values(values) => Label::Values { values: values.clone() },
            Answer::Vector(vector) => {
                let Truth::Pair { reference, same } = posed.truth else { return None };
                Label::Pair { same: *same == self.is_right(task, posed), distance: Some(Embed::cosine_distance(vector, reference)?) }
            }
            Answer::Refused => Label::REFUSED,
            _ => return None,
        })
    }
}

/// A judgement about a claimed adversarial example.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Why the point is not allowed, where it is not.
    pub violation: Option<Violation>,
    /// What the model says about it.
    pub opinion: Opinion,
    /// True where the point is allowed and the goal reached.
    pub adversarial: bool,
}

/// Holds a session on the original bytes; shares nothing with the transformed graph that attacks use.
pub struct Referee {
    original: Original,
    task: Arc<dyn Task>,
    ready: Vec<f32>,
}

impl Referee {
    /// Loads the file as it is. Its inputs that are not attacked are `held`.
    ///
    /// # Errors
    /// [`EngineError`] where the runtime refuses the file.
    pub fn new(path: &Path, runtime: &dyn Runtime, signature: &Signature, held: Arc<Held>) -> Result<Self, EngineError> {
        let session = runtime.compile_file(path)?;
        Ok(Self { original: Original::new(session, signature, held)?, task: signature.task(), ready: Vec::new() })
    }

    /// Runs the file once, on a sample of `n` zeros. Some runtimes see only then that they cannot.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub(crate) fn tried(mut self, n: usize) -> Result<Self, OracleError> {
        self.original.ask(&vec![0.0; n], 0)?;
        Ok(self)
    }

    /// Returns what the outputs of the file mean.
    #[must_use]
    pub fn task(&self) -> &dyn Task {
        self.task.as_ref()
    }

    /// Returns what is worth knowing about how the file runs, see [`Original::note`].
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.original.note()
    }

    /// Asks the file about a point `x` around stored sample number `sample`. What the file's input does not have is rounded.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub fn ask(&mut self, preprocess: &Preprocess, x: &[f32], sample: usize) -> Result<Opinion, OracleError> {
        self.ask_exactly(preprocess, x, None, sample)
    }

    /// As [`Referee::ask`]; inputs in double precision get the `exact` numbers that `x` stands for, where these are given and nothing is done to them.
    ///
    /// # Errors
    /// As [`Referee::ask`].
    pub(crate) fn ask_exactly(
        &mut self,
        preprocess: &Preprocess,
        x: &[f32],
        exact: Option<&[f64]>,
        sample: usize,
    ) -> Result<Opinion, OracleError> {
        preprocess.apply(x, &mut self.ready);
        let exact = exact.filter(|_| self.ready == x);
        let opinion = Opinion::new(&self.original.ask_exactly(&self.ready, exact, sample)?, self.task.as_ref());
        Ok(Opinion { said: self.original.label().map(str::to_owned), ..opinion })
    }

    /// Returns the embedding of a point; `None` where it has no direction, or the model gives none.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub fn embed(&mut self, preprocess: &Preprocess, x: &[f32], sample: usize) -> Result<Option<Vec<f32>>, OracleError> {
        Ok(match self.ask(preprocess, x, sample)?.answer {
            Some(Answer::Vector(vector)) => Some(vector),
            _ => None,
        })
    }

    /// Judges whether `x_adv` is an adversarial example for `x`, which is stored sample number `sample`.
    ///
    /// # Guarantees
    /// True only where the point is finite, inside the box, inside the ball (in f64, with
    /// [`ROUNDING_ALLOWANCE`](brinell_threat::ROUNDING_ALLOWANCE)) and the original file's answer is what is asked.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub fn judge(
        &mut self,
        preprocess: &Preprocess,
        ball: &Ball,
        posed: Posed<'_>,
        sample: usize,
        x: &[f32],
        x_adv: &[f32],
    ) -> Result<Judgement, OracleError> {
        let violation = ball.contains(x, x_adv).err();
        let opinion = self.ask(preprocess, x_adv, sample)?;
        let adversarial = violation.is_none() && opinion.reached(self.task.as_ref(), posed);
        Ok(Judgement { violation, opinion, adversarial })
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}
