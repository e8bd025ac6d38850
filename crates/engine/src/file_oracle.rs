//! A model that one can query as it is, without reading its graph: preprocessing outside, the compiled file inside.

use crate::{Answer, OracleError, Preprocess, Session, Signature, View};

/// A classifier that takes stored samples and answers with logits, from sessions that run the unmodified model. It knows no gradients.
///
/// # Shapes
/// B batch, K classes.
pub struct FileOracle {
    lanes: Vec<FileLane>,
    /// Threads for the lanes; absent where there is one lane only.
    pool: Option<rayon::ThreadPool>,
    preprocess: Preprocess,
    sample_len: usize,
    classes: usize,
    fixed_batch: Option<usize>,
}

impl FileOracle {
    /// Queries sessions of the same model, one lane each. `one_by_one` runs a model of free batch with one sample in every call.
    ///
    /// # Errors
    /// [`OracleError::Threads`].
    pub fn new(
        sessions: Vec<Box<dyn Session>>,
        preprocess: Preprocess,
        signature: &Signature,
        input: &str,
        one_by_one: bool,
    ) -> Result<Self, OracleError> {
        let pool = (sessions.len() > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(sessions.len()).build()).transpose()?;
        let rows = signature.fixed_batch.or(one_by_one.then_some(1));
        let lane = |session| FileLane {
            session,
            input: input.to_owned(),
            sample: signature.sample.clone(),
            rows,
            classes: signature.classes,
            softmax: signature.softmax,
            ready: Vec::new(),
            one: Vec::new(),
            shape: Vec::new(),
        };
        Ok(Self {
            lanes: sessions.into_iter().map(lane).collect(),
            pool,
            sample_len: preprocess.sample_shape().iter().product(),
            preprocess,
            classes: signature.classes,
            fixed_batch: signature.fixed_batch,
        })
    }

    /// Returns the number of classes K.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of values of one sample.
    #[must_use]
    pub fn sample_len(&self) -> usize {
        self.sample_len
    }

    /// Returns what is worth knowing about how the model runs, see [`Session::note`].
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.lanes.first().and_then(|lane| lane.session.note())
    }

    /// Returns the batch size where the model fixes it at more than one.
    #[must_use]
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch.filter(|&n| n > 1)
    }

    /// Asks for the logits of `x` `[B, ..sample]`; of a model that ends in a softmax these are the logarithms of its output.
    ///
    /// # Errors
    /// [`OracleError::Engine`] where the run fails, [`OracleError::Output`] where it returns something else than logits.
    pub fn logits(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        let batch = x.len() / self.sample_len.max(1);
        answer.logits.resize(batch * self.classes, 0.0);
        answer.loss.clear();
        answer.gradient.clear();
        let rows = batch.div_ceil(self.lanes.len().max(1)).max(1);
        let mut parts = x.chunks(rows * self.sample_len.max(1)).zip(answer.logits.chunks_mut(rows * self.classes.max(1)));
        let preprocess = &self.preprocess;
        let Some(pool) = &self.pool else {
            return match (self.lanes.first_mut(), parts.next()) {
                (Some(lane), Some((x, logits))) => lane.run(preprocess, x, logits),
                _ => Ok(()),
            };
        };
        let mut results: Vec<Result<(), OracleError>> = Vec::new();
        results.resize_with(self.lanes.len(), || Ok(()));
        pool.scope(|scope| {
            for ((lane, (x, logits)), result) in self.lanes.iter_mut().zip(parts).zip(&mut results) {
                scope.spawn(move |_| *result = lane.run(preprocess, x, logits));
            }
        });
        results.into_iter().collect()
    }
}

/// One session and the buffers of its calls.
struct FileLane {
    session: Box<dyn Session>,
    input: String,
    sample: Vec<usize>,
    /// Samples in one call, where that is not free.
    rows: Option<usize>,
    classes: usize,
    softmax: bool,
    /// The model's input of one call.
    ready: Vec<f32>,
    one: Vec<f32>,
    shape: Vec<usize>,
}

impl FileLane {
    /// Runs samples in calls of as many as the model takes; a last one that is short is filled up with copies.
    fn run(&mut self, preprocess: &Preprocess, x: &[f32], logits: &mut [f32]) -> Result<(), OracleError> {
        let len = preprocess.sample_shape().iter().product::<usize>().max(1);
        let per_call = self.rows.unwrap_or(x.len() / len).max(1);
        for (x, logits) in x.chunks(per_call * len).zip(logits.chunks_mut(per_call * self.classes.max(1))) {
            self.ready.clear();
            for x in x.chunks_exact(len) {
                preprocess.apply(x, &mut self.one);
                self.ready.extend_from_slice(&self.one);
            }
            for _ in x.len() / len..self.rows.unwrap_or(0) {
                self.ready.extend_from_slice(&self.one);
            }
            self.shape.clear();
            self.shape.push(self.rows.unwrap_or(x.len() / len));
            self.shape.extend_from_slice(&self.sample);
            let feeds = [(self.input.as_str(), View::f32(&self.shape, &self.ready))];
            let mut found = 0;
            self.session.run(&feeds, &mut |index, view| {
                if let (0, Some(values)) = (index, view.data.as_f32()) {
                    found = values.len();
                    logits.iter_mut().zip(values).for_each(|(logit, &value)| *logit = value);
                }
            })?;
            if found < logits.len() {
                return Err(OracleError::Output { output: "logits", found, expected: logits.len() });
            }
            if self.softmax {
                logits.iter_mut().for_each(|p| *p = p.max(f32::MIN_POSITIVE).ln());
            }
        }
        Ok(())
    }
}
