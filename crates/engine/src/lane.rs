//! One way through the model: its sessions and the buffers of its calls.

use std::sync::Arc;

use crate::held::HeldFeeds;
use crate::{EngineError, Held, OracleError, Session, View};

/// Sessions of the forward pass and, once asked for, of the gradient; one of them is always there.
pub(crate) struct Lane {
    forward: Option<Box<dyn Session>>,
    gradient: Option<Box<dyn Session>>,
    width: usize,
    call: Call,
    /// Names of what the gradient is fed beside the model's inputs, and one call's rows of each.
    names: &'static [&'static str],
    fed: Vec<Vec<f32>>,
    held: Arc<Held>,
    feeds: HeldFeeds,
}

/// A lane's share of a batch, and where its answers go.
pub(crate) struct Part<'a> {
    /// `[rows, ..sample]`
    pub(crate) x: &'a [f32],
    /// Samples of the data that the rows belong to `[rows]`
    pub(crate) samples: &'a [usize],
    /// `[rows, Z]`
    pub(crate) values: &'a mut [f32],
    /// What a gradient needs and gives; a forward pass where absent.
    pub(crate) wanted: Option<Wanted<'a>>,
}

/// What a gradient needs and gives.
pub(crate) struct Wanted<'a> {
    /// `[rows, F, Z]`
    pub(crate) feeds: &'a [f32],
    /// `[rows]`
    pub(crate) loss: &'a mut [f32],
    /// `[rows, ..sample]`
    pub(crate) gradient: &'a mut [f32],
}

impl Lane {
    /// `at_least` rows are run in every call, with `feeds` of what other inputs are `held` at.
    pub(crate) fn new(forward: Box<dyn Session>, width: usize, at_least: usize, held: Arc<Held>, feeds: HeldFeeds) -> Self {
        let call = Call { at_least, x: Vec::new(), shape: Vec::new() };
        Self { forward: Some(forward), gradient: None, width, call, names: &[], fed: Vec::new(), held, feeds }
    }

    /// Replaces the session of the forward pass.
    pub(crate) fn set_forward(&mut self, forward: Option<Box<dyn Session>>) {
        self.forward = forward;
    }

    /// True where the forward pass has a session of its own.
    pub(crate) fn has_forward(&self) -> bool {
        self.forward.is_some()
    }

    /// Takes what was opened as the forward pass for the gradient, which is fed `names` beside the model's inputs.
    pub(crate) fn hand_over(&mut self, names: &'static [&'static str]) {
        let session = self.forward.take();
        self.set_gradient(session, names);
    }

    /// Replaces the session of the gradient, which is fed `names` beside the model's inputs.
    pub(crate) fn set_gradient(&mut self, gradient: Option<Box<dyn Session>>, names: &'static [&'static str]) {
        self.gradient = gradient;
        self.names = names;
        self.fed.resize_with(names.len(), Vec::new);
    }

    /// Returns what a session has to say about how it runs.
    pub(crate) fn note(&self) -> Option<&str> {
        self.gradient.as_ref().and_then(|session| session.note()).or_else(|| self.forward.as_ref().and_then(|session| session.note()))
    }

    /// Runs its share of a batch of samples of shape `sample`.
    ///
    /// # Errors
    /// [`OracleError::Output`] where the outputs have other sizes than all rows of the call have.
    pub(crate) fn run(&mut self, sample: &[usize], part: Part<'_>) -> Result<(), OracleError> {
        let batch = part.values.len() / self.width.max(1);
        let (x, shape) = self.call.fill(part.x, sample, batch);
        let rows = shape.first().copied().unwrap_or(batch);
        self.feeds.fill(&self.held, part.samples, rows);
        let mut feeds: Vec<(&str, View<'_>)> = Vec::with_capacity(4);
        feeds.push(("x", View::f32(shape, x)));
        feeds.extend(self.feeds.views());
        if let (None, Some(session)) = (&part.wanted, &mut self.forward) {
            return run(session.as_mut(), &feeds, rows, batch, [("values", part.values)]);
        }
        let Some(session) = &mut self.gradient else { return Err(OracleError::NoGradient) };
        let given = part.wanted.as_ref().map(|wanted| wanted.feeds).unwrap_or_default();
        let fed_shape = [rows, self.width];
        for (place, fed) in self.fed.iter_mut().enumerate() {
            rows_of(given, place, self.names.len(), self.width, rows, fed);
        }
        feeds.extend(self.names.iter().zip(&self.fed).map(|(&name, fed)| (name, View::f32(&fed_shape, fed))));
        match part.wanted {
            Some(wanted) => {
                let outputs = [("values", part.values), ("loss", wanted.loss), ("gradient", wanted.gradient)];
                run(session.as_mut(), &feeds, rows, batch, outputs)
            }
            // The values of a gradient do not depend on what its loss is fed.
            None => run(session.as_mut(), &feeds, rows, batch, [("values", part.values)]),
        }
    }
}

/// Runs a session on so many rows and copies its first outputs; of the rows, those beyond the `batch` that was asked for are copies and left out.
fn run<const N: usize>(
    session: &mut dyn Session,
    feeds: &[(&str, View<'_>)],
    rows: usize,
    batch: usize,
    mut outputs: [(&'static str, &mut [f32]); N],
) -> Result<(), OracleError> {
    let mut wrong: Option<(&'static str, usize, usize)> = None;
    let mut seen = 0;
    let result: Result<(), EngineError> = session.run(feeds, &mut |index, view| {
        if let (Some((name, output)), Some(values)) = (outputs.get_mut(index), view.data.as_f32()) {
            seen += 1;
            let due = output.len() / batch.max(1) * rows;
            match values.get(..output.len()).filter(|_| values.len() == due) {
                Some(values) => output.copy_from_slice(values),
                None => wrong = Some((name, values.len(), due)),
            }
        }
    });
    result?;
    match wrong {
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

/// Writes `[rows, width]`, row `place` of the `n` that each sample is `given`; rows beyond these repeat the last one, and are 0 where there is none.
fn rows_of(given: &[f32], place: usize, n: usize, width: usize, rows: usize, out: &mut Vec<f32>) {
    out.clear();
    let samples = given.chunks_exact((n * width).max(1));
    samples.for_each(|sample| out.extend_from_slice(sample.get(place * width..(place + 1) * width).unwrap_or_default()));
    let last = out.len().saturating_sub(width);
    while out.len() < rows * width && !given.is_empty() {
        out.extend_from_within(last..last + width);
    }
    out.resize(rows * width, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with so many numbers, whatever it is asked.
    struct Fixed(usize);

    impl Session for Fixed {
        fn inputs(&self) -> &[crate::Port] {
            &[]
        }

        fn outputs(&self) -> &[crate::Port] {
            &[]
        }

        fn run(&mut self, _: &[(&str, View<'_>)], sink: &mut dyn FnMut(usize, View<'_>)) -> Result<(), EngineError> {
            let values: Vec<f32> = (0..self.0).map(|i| i as f32).collect();
            sink(0, View::f32(&[self.0], &values));
            Ok(())
        }
    }

    #[test]
    fn rows_of_copies_are_left_out_and_any_other_number_of_values_is_an_error() {
        let ask = |found: usize| {
            let mut values = [0.0; 6];
            run(&mut Fixed(found), &[], 4, 2, [("values", &mut values[..])]).map(|()| values)
        };
        assert_eq!(ask(12).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        for found in [6, 11, 13, 24] {
            assert!(matches!(ask(found), Err(OracleError::Output { expected: 12, found: f, .. }) if f == found));
        }
    }

    #[test]
    fn rows_are_taken_apart_and_the_last_one_fills_up() {
        let given = [1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0];
        let mut out = Vec::new();
        rows_of(&given, 0, 2, 2, 2, &mut out);
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
        rows_of(&given, 1, 2, 2, 4, &mut out);
        assert_eq!(out, [10.0, 20.0, 30.0, 40.0, 30.0, 40.0, 30.0, 40.0]);
        rows_of(&[], 1, 2, 2, 2, &mut out);
        assert_eq!(out, [0.0; 4]);
    }
}
