//! One way through the model: its sessions and the buffers of its calls.

use std::sync::Arc;

use crate::held::HeldFeeds;
use crate::{EngineError, Held, OracleError, Session, View};

/// Sessions of the forward pass and, once asked for, of the gradient; one of them is always there.
pub(crate) struct Lane {
    forward: Option<Box<dyn Session>>,
    gradient: Option<Box<dyn Session>>,
    classes: usize,
    call: Call,
    label_one_hot: Vec<f32>,
    target_one_hot: Vec<f32>,
    held: Arc<Held>,
    feeds: HeldFeeds,
}

/// A lane's share of a batch, and where its answers go.
pub(crate) struct Part<'a> {
    /// `[rows, ..sample]`
    pub(crate) x: &'a [f32],
    /// Samples of the data that the rows belong to `[rows]`
    pub(crate) samples: &'a [usize],
    /// `[rows, K]`
    pub(crate) logits: &'a mut [f32],
    /// What a gradient needs and gives; a forward pass where absent.
    pub(crate) wanted: Option<Wanted<'a>>,
}

/// What a gradient needs and gives.
pub(crate) struct Wanted<'a> {
    /// `[rows]`
    pub(crate) labels: &'a [usize],
    /// `[rows]`
    pub(crate) targets: &'a [usize],
    /// `[rows]`
    pub(crate) loss: &'a mut [f32],
    /// `[rows, ..sample]`
    pub(crate) gradient: &'a mut [f32],
}

impl Lane {
    /// `at_least` rows are run in every call, with `feeds` of what other inputs are `held` at.
    pub(crate) fn new(forward: Box<dyn Session>, classes: usize, at_least: usize, held: Arc<Held>, feeds: HeldFeeds) -> Self {
        let call = Call { at_least, x: Vec::new(), shape: Vec::new() };
        Self { forward: Some(forward), gradient: None, classes, call, label_one_hot: Vec::new(), target_one_hot: Vec::new(), held, feeds }
    }

    /// Replaces the session of the forward pass.
    pub(crate) fn set_forward(&mut self, forward: Option<Box<dyn Session>>) {
        self.forward = forward;
    }

    /// True where the forward pass has a session of its own.
    pub(crate) fn has_forward(&self) -> bool {
        self.forward.is_some()
    }

    /// Takes what was opened as the forward pass for the gradient.
    pub(crate) fn hand_over(&mut self) {
        self.gradient = self.forward.take();
    }

    /// Replaces the session of the gradient.
    pub(crate) fn set_gradient(&mut self, gradient: Option<Box<dyn Session>>) {
        self.gradient = gradient;
    }

    /// Returns what a session has to say about how it runs.
    pub(crate) fn note(&self) -> Option<&str> {
        self.gradient.as_ref().and_then(|session| session.note()).or_else(|| self.forward.as_ref().and_then(|session| session.note()))
    }

    /// Runs its share of a batch of samples of shape `sample`.
    pub(crate) fn run(&mut self, sample: &[usize], part: Part<'_>) -> Result<(), OracleError> {
        let batch = part.logits.len() / self.classes.max(1);
        let (x, shape) = self.call.fill(part.x, sample, batch);
        let rows = shape.first().copied().unwrap_or(batch);
        self.feeds.fill(&self.held, part.samples, rows);
        let mut feeds: Vec<(&str, View<'_>)> = Vec::with_capacity(4);
        feeds.push(("x", View::f32(shape, x)));
        feeds.extend(self.feeds.views());
        if let (None, Some(session)) = (&part.wanted, &mut self.forward) {
            return run(session.as_mut(), &feeds, [("logits", part.logits)]);
        }
        let Some(session) = &mut self.gradient else { return Err(OracleError::NoGradient) };
        let (labels, targets) = part.wanted.as_ref().map(|wanted| (wanted.labels, wanted.targets)).unwrap_or_default();
        one_hot(labels, self.classes, rows, &mut self.label_one_hot);
        one_hot(targets, self.classes, rows, &mut self.target_one_hot);
        let hot_shape = [rows, self.classes];
        feeds.push(("label_one_hot", View::f32(&hot_shape, &self.label_one_hot)));
        // Only the targeted losses have the last input.
        if session.inputs().len() > feeds.len() {
            feeds.push(("target_one_hot", View::f32(&hot_shape, &self.target_one_hot)));
        }
        match part.wanted {
            Some(wanted) => run(session.as_mut(), &feeds, [("logits", part.logits), ("loss", wanted.loss), ("gradient", wanted.gradient)]),
            // The logits of a gradient do not depend on its labels.
            None => run(session.as_mut(), &feeds, [("logits", part.logits)]),
        }
    }
}

/// Runs a session and copies its first outputs; rows beyond those asked for are copies and left out.
fn run<const N: usize>(
    session: &mut dyn Session,
    feeds: &[(&str, View<'_>)],
    mut outputs: [(&'static str, &mut [f32]); N],
) -> Result<(), OracleError> {
    let mut short: Option<(&'static str, usize, usize)> = None;
    let mut seen = 0;
    let result: Result<(), EngineError> = session.run(feeds, &mut |index, view| {
        if let (Some((name, output)), Some(values)) = (outputs.get_mut(index), view.data.as_f32()) {
            seen += 1;
            match values.get(..output.len()) {
                Some(values) => output.copy_from_slice(values),
                None => short = Some((name, values.len(), output.len())),
            }
        }
    });
    result?;
    match short {
        Some((output, found, expected)) => Err(OracleError::Output { output, found, expected }),
        None if seen < N => Err(OracleError::Output { output: "all outputs", found: seen, expected: N }),
        None => Ok(()),
    }
}

/// The input of one call, filled up with copies of its last row where the model fixes its batch. On rten a lone sample
/// runs as a pair: it would be computed by other kernels than a batch, with other last bits.
struct Call {
    at_least: usize,
    x: Vec<f32>,
    shape: Vec<usize>,
}

impl Call {
    fn fill<'a>(&'a mut self, x: &'a [f32], sample: &[usize], batch: usize) -> (&'a [f32], &'a [usize]) {
        let rows = batch.max(self.at_least);
        self.shape.clear();
        self.shape.push(rows);
        self.shape.extend_from_slice(sample);
        if rows == batch {
            return (x, &self.shape);
        }
        self.x.clear();
        self.x.extend_from_slice(x);
        let last = x.len() - x.len() / batch.max(1);
        for _ in batch..rows {
            self.x.extend_from_slice(x.get(last..).unwrap_or_default());
        }
        (&self.x, &self.shape)
    }
}

/// Writes `[rows, n_classes]`; rows beyond `classes` repeat the last one.
fn one_hot(classes: &[usize], n_classes: usize, rows: usize, out: &mut Vec<f32>) {
    out.clear();
    out.resize(rows * n_classes, 0.0);
    let classes = classes.iter().chain(std::iter::repeat(classes.last().unwrap_or(&usize::MAX)));
    for (row, &class) in out.chunks_exact_mut(n_classes.max(1)).zip(classes) {
        if let Some(cell) = row.get_mut(class) {
            *cell = 1.0;
        }
    }
}
