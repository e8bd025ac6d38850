//! A model asked as it is, in the form of the sessions that an oracle runs.

use brinell_graph::DType;

use crate::{EngineError, Port, Preprocess, Scores, Session, Signature, View};

/// A session from stored samples to logits, around one that takes the model's own input and gives its own output.
pub(crate) struct BlackBox {
    inner: Box<dyn Session>,
    preprocess: Preprocess,
    input: String,
    /// Shape of the model's input; its first extent is the batch of the call.
    shape: Vec<usize>,
    classes: usize,
    softmax: bool,
    scores: Scores,
    ready: Vec<f32>,
    one: Vec<f32>,
    logits: Vec<f32>,
    ports: [Port; 2],
}

impl BlackBox {
    pub(crate) fn new(inner: Box<dyn Session>, input: &str, signature: &Signature, scores: Scores, preprocess: &Preprocess) -> Self {
        let port = |name: &str, sample: &[usize]| Port {
            name: name.to_owned(),
            dtype: DType::F32,
            shape: std::iter::once(signature.fixed_batch).chain(sample.iter().copied().map(Some)).collect(),
        };
        Self {
            inner,
            preprocess: preprocess.clone(),
            input: input.to_owned(),
            shape: std::iter::once(1).chain(signature.sample.iter().copied()).collect(),
            classes: signature.classes,
            softmax: signature.softmax,
            scores,
            ready: Vec::new(),
            one: Vec::new(),
            logits: Vec::new(),
            ports: [port("x", preprocess.sample_shape()), port("logits", &[signature.classes])],
        }
    }
}

impl Session for BlackBox {
    fn inputs(&self) -> &[Port] {
        self.ports.get(..1).unwrap_or_default()
    }

    fn outputs(&self) -> &[Port] {
        self.ports.get(1..).unwrap_or_default()
    }

    fn note(&self) -> Option<&str> {
        self.inner.note()
    }

    fn run(&mut self, feeds: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
        let stored = feeds.first().and_then(|(_, view)| view.data.as_f32()).unwrap_or_default();
        let len = self.preprocess.sample_shape().iter().product::<usize>().max(1);
        self.ready.clear();
        for x in stored.chunks_exact(len) {
            self.preprocess.apply(x, &mut self.one);
            self.ready.extend_from_slice(&self.one);
        }
        let batch = stored.len() / len;
        if let Some(first) = self.shape.first_mut() {
            *first = batch;
        }
        let (logits, scores, classes) = (&mut self.logits, &self.scores, self.classes);
        logits.clear();
        self.inner.run(&[(self.input.as_str(), View::f32(&self.shape, &self.ready))], &mut |index, view| {
            if index == scores.output
                && let Some(values) = view.data.as_f32()
            {
                scores.append(values, classes, logits);
            }
        })?;
        if self.softmax {
            // Differences of log-probabilities are those of the logits that the softmax hides.
            logits.iter_mut().for_each(|p| *p = p.max(f32::MIN_POSITIVE).ln());
        }
        sink(0, View::f32(&[batch, self.classes], &self.logits));
        Ok(())
    }
}
