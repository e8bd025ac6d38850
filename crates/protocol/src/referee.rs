//! The referee: judges points on the original, unmodified file, one at a time.

use std::borrow::Cow;
use std::path::Path;

use brinell_engine::{EngineError, OracleError, Preprocess, Runtime, Scores, Session, Signature, View};
use brinell_threat::{Ball, Goal, Violation, argmax};

/// What the original file says about one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The output that decides, as it stands in the file (probabilities where the model ends in a softmax).
    pub output: Vec<f32>,
    /// The predicted class; `None` where an output is not finite.
    pub prediction: Option<usize>,
    /// Probability of the predicted class.
    pub confidence: f64,
    /// True where `output` holds probabilities.
    pub softmax: bool,
}

impl Opinion {
    fn new(output: Vec<f32>, softmax: bool) -> Self {
        let prediction = argmax(&output);
        let confidence = prediction.map_or(f64::NAN, |class| confidence(&output, class, softmax));
        Self { output, prediction, confidence, softmax }
    }

    /// Returns the margin of the goal in logits.
    #[must_use]
    pub fn margin(&self, goal: Goal) -> Option<f64> {
        goal.margin(&self.logits())
    }

    /// Returns the logits; of a softmax the log-probabilities, whose differences are those of logits.
    #[must_use]
    pub fn logits(&self) -> Cow<'_, [f32]> {
        if self.softmax {
            Cow::Owned(self.output.iter().map(|p| p.max(f32::MIN_POSITIVE).ln()).collect())
        } else {
            Cow::Borrowed(&self.output)
        }
    }

    /// Returns the opinion that a row of logits stands for.
    #[must_use]
    pub fn of_logits(logits: &[f32]) -> Self {
        Self::new(logits.to_vec(), false)
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
    session: Box<dyn Session>,
    input: String,
    /// Shape of one call: a fixed batch is filled with copies of the point.
    shape: Vec<usize>,
    copies: usize,
    classes: usize,
    softmax: bool,
    scores: Scores,
    ready: Vec<f32>,
}

impl Referee {
    /// Loads the file as it is.
    ///
    /// # Errors
    /// [`EngineError`] where the runtime refuses the file.
    pub fn new(path: &Path, runtime: &dyn Runtime, signature: &Signature, input: &str, scores: Scores) -> Result<Self, EngineError> {
        let copies = signature.fixed_batch.unwrap_or(1);
        let shape = std::iter::once(copies).chain(signature.sample.iter().copied()).collect();
        Ok(Self {
            session: runtime.compile_file(path)?,
            input: input.to_owned(),
            shape,
            copies,
            classes: signature.classes,
            softmax: signature.softmax,
            scores,
            ready: Vec::new(),
        })
    }

    /// Returns what is worth knowing about how the file runs, see [`Session::note`].
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.session.note()
    }

    /// Asks the file about one stored sample.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub fn ask(&mut self, preprocess: &Preprocess, x: &[f32]) -> Result<Opinion, OracleError> {
        preprocess.apply(x, &mut self.ready);
        let one = self.ready.len();
        for _ in 1..self.copies {
            self.ready.extend_from_within(..one);
        }
        let mut output = Vec::new();
        let (classes, scores) = (self.classes, &self.scores);
        let feeds = [(self.input.as_str(), View::f32(&self.shape, &self.ready))];
        self.session.run(&feeds, &mut |index, view| {
            if index == scores.output
                && let Some(values) = view.data.as_f32()
            {
                scores.append(values.get(..classes).unwrap_or(values), classes, &mut output);
            }
        })?;
        if output.len() != classes {
            return Err(OracleError::Output { output: "logits", found: output.len(), expected: classes });
        }
        Ok(Opinion::new(output, self.softmax))
    }

    /// Judges whether `x_adv` is an adversarial example for `x`.
    ///
    /// # Guarantees
    /// True only where the point is finite, inside the box, inside the ball (in f64, with
    /// [`ROUNDING_ALLOWANCE`](brinell_threat::ROUNDING_ALLOWANCE)) and the original file's prediction reaches the goal.
    ///
    /// # Errors
    /// [`OracleError`] where the run fails.
    pub fn judge(&mut self, preprocess: &Preprocess, ball: &Ball, goal: Goal, x: &[f32], x_adv: &[f32]) -> Result<Judgement, OracleError> {
        let violation = ball.contains(x, x_adv).err();
        let opinion = self.ask(preprocess, x_adv)?;
        let adversarial = violation.is_none() && opinion.prediction.is_some_and(|prediction| goal.reached(prediction));
        Ok(Judgement { violation, opinion, adversarial })
    }
}

/// Returns the softmax of a row of logits, computed in f64.
#[must_use]
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    (0..logits.len()).map(|class| confidence(logits, class, false) as f32).collect()
}

/// Returns the probability of a class: the output itself where it is one, else its softmax in f64.
fn confidence(output: &[f32], class: usize, softmax: bool) -> f64 {
    let Some(&own) = output.get(class) else { return f64::NAN };
    if softmax {
        return f64::from(own);
    }
    let sum: f64 = output.iter().map(|&z| (f64::from(z) - f64::from(own)).exp()).sum();
    1.0 / sum
}
