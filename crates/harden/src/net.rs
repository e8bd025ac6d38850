//! The compiled graphs of training, in lanes that run side by side.

use std::ops::Range;
use std::sync::Arc;

use brinell_autodiff::{Loss, TrainingLoss, attack_graph, training_graph};
use brinell_engine::{QueryGraph, Runtime, Session, View};
use brinell_graph::{Graph, ValueId};
use brinell_onnx::Encoded;
use rayon::prelude::*;

use crate::HardenError;
use crate::plan::Trained;

/// A model whose weights are fed.
///
/// # Guarantees
/// A batch is cut into pieces of the same size whatever the number of lanes, and what comes out of the pieces is put together in their order: results do not
/// depend on threads.
pub(crate) struct Net {
    lanes: Vec<Lane>,
    pool: Option<rayon::ThreadPool>,
    /// Samples of a piece.
    piece: usize,
    pub(crate) classes: usize,
    pub(crate) sample_len: usize,
}

/// Sessions of one thread.
pub(crate) struct Lane {
    attack: Asked,
    margin: Asked,
    step: Asked,
    classes: usize,
    sample: Vec<usize>,
    shapes: Arc<Vec<Vec<usize>>>,
}

/// A session, and the names of what it is fed in order: sample, weights, label, clean sample.
struct Asked {
    session: Box<dyn Session>,
    names: Arc<Vec<String>>,
}

/// A graph, written once for all lanes.
struct Written {
    encoded: Encoded,
    names: Arc<Vec<String>>,
}

impl Written {
    fn new(runtime: &dyn Runtime, graph: &Graph) -> Result<Self, HardenError> {
        let names = graph.inputs().iter().map(|&id| graph.value(id).name.clone()).collect();
        Ok(Self { encoded: runtime.encode(graph)?, names: Arc::new(names) })
    }

    fn open(&self, runtime: &dyn Runtime) -> Result<Asked, HardenError> {
        Ok(Asked { session: runtime.compile(&self.encoded)?, names: Arc::clone(&self.names) })
    }
}

/// What an attack is told about some points.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// `[rows, K]`
    pub(crate) logits: Vec<f32>,
    /// `[rows]`
    pub(crate) loss: Vec<f32>,
    /// `[rows, ..sample]`
    pub(crate) gradient: Vec<f32>,
}

/// What a step gives for some samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stepped {
    /// Logits of the attacked samples `[rows, K]`.
    pub(crate) logits: Vec<f32>,
    /// Sum of the losses.
    pub(crate) loss: f64,
    /// Sums of the gradients, by weight.
    pub(crate) gradients: Vec<Vec<f32>>,
}

impl Net {
    /// Compiles the graphs for `threads` lanes. `runtime` should have one thread.
    ///
    /// # Errors
    /// [`HardenError::Autodiff`] where the model cannot be differentiated, [`HardenError::Engine`] where the runtime refuses.
    pub(crate) fn new(
        runtime: &dyn Runtime,
        query: &QueryGraph,
        trained: &[Trained],
        loss: TrainingLoss,
        sample: &[usize],
        threads: usize,
        piece: usize,
    ) -> Result<Self, HardenError> {
        let weights: Vec<ValueId> = trained.iter().map(|tensor| tensor.id).collect();
        let (graph, logits, input) = (&query.graph, query.logits, query.input);
        let attack = Written::new(runtime, &attack_graph(graph, logits, input, &weights, Loss::CrossEntropy)?)?;
        let margin = Written::new(runtime, &attack_graph(graph, logits, input, &weights, Loss::Margin)?)?;
        let step = Written::new(runtime, &training_graph(graph, logits, input, &weights, loss)?)?;
        let shapes = Arc::new(trained.iter().map(|tensor| tensor.stored.shape.clone()).collect::<Vec<_>>());
        let classes = query.signature.classes;
        let lane = |_| {
            let (attack, margin, step) = (attack.open(runtime)?, margin.open(runtime)?, step.open(runtime)?);
            Ok(Lane { attack, margin, step, classes, sample: sample.to_vec(), shapes: Arc::clone(&shapes) })
        };
        let lanes: Vec<Lane> = (0..threads.max(1)).map(lane).collect::<Result<_, HardenError>>()?;
        let pool = (lanes.len() > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(lanes.len()).build()).transpose()?;
        Ok(Self { lanes, pool, piece: piece.max(1), classes, sample_len: sample.iter().product() })
    }

    /// Does `work` on pieces of `n` samples and returns what comes out, in order.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn each<T: Send>(
        &mut self,
        n: usize,
        work: impl Fn(&mut Lane, Range<usize>) -> Result<T, HardenError> + Sync,
    ) -> Result<Vec<T>, HardenError> {
        let pieces: Vec<Range<usize>> = (0..n).step_by(self.piece).map(|from| from..(from + self.piece).min(n)).collect();
        let Some(pool) = &self.pool else {
            let Some(lane) = self.lanes.first_mut() else { return Ok(Vec::new()) };
            return pieces.into_iter().map(|piece| work(lane, piece)).collect();
        };
        let count = self.lanes.len();
        let lanes = &mut self.lanes;
        let found: Vec<Vec<Result<T, HardenError>>> = pool.install(|| {
            let own = |(first, lane): (usize, &mut Lane)| {
                pieces.iter().skip(first).step_by(count).map(|piece| work(lane, piece.clone())).collect()
            };
            lanes.par_iter_mut().enumerate().map(own).collect()
        });
        let mut by_lane: Vec<_> = found.into_iter().map(Vec::into_iter).collect();
        (0..pieces.len()).filter_map(|piece| by_lane.get_mut(piece % count)?.next()).collect()
    }
}

impl Lane {
    /// Returns logits, cross-entropy and its gradient by the points.
    ///
    /// # Shapes
    /// `x`: `[rows, ..sample]`, `label`: `[rows, K]`.
    ///
    /// # Errors
    /// [`HardenError::Engine`].
    pub(crate) fn attack(&mut self, weights: &[Vec<f32>], x: &[f32], label: &[f32], told: &mut Told) -> Result<(), HardenError> {
        ask(&mut self.attack, &self.sample, self.classes, &self.shapes, weights, x, label, told)
    }

    /// As [`Lane::attack`], with the margin as loss.
    ///
    /// # Errors
    /// As [`Lane::attack`].
    pub(crate) fn margin(&mut self, weights: &[Vec<f32>], x: &[f32], label: &[f32], told: &mut Told) -> Result<(), HardenError> {
        ask(&mut self.margin, &self.sample, self.classes, &self.shapes, weights, x, label, told)
    }

    /// Returns the loss of attacked samples `x` and clean ones and its gradients by the weights.
    ///
    /// # Errors
    /// As [`Lane::attack`].
    pub(crate) fn step(&mut self, weights: &[Vec<f32>], x: &[f32], clean: &[f32], label: &[f32]) -> Result<Stepped, HardenError> {
        let rows = label.len() / self.classes.max(1);
        let (shape, label_shape) = (batched(rows, &self.sample), [rows, self.classes]);
        let mut feeds = Feeds::new(&self.step.names);
        feeds.push(View::f32(&shape, x));
        weights.iter().zip(self.shapes.iter()).for_each(|(weight, shape)| feeds.push(View::f32(shape, weight)));
        feeds.push(View::f32(&label_shape, label));
        // Left out where the loss does not read it.
        feeds.push(View::f32(&shape, clean));
        let mut stepped = Stepped { gradients: vec![Vec::new(); weights.len()], ..Stepped::default() };
        self.step.session.run(&feeds.list, &mut |index, view| {
            let Some(values) = view.data.as_f32() else { return };
            match index {
                0 => stepped.logits = values.to_vec(),
                1 => stepped.loss = values.iter().map(|&loss| f64::from(loss)).sum(),
                _ => {
                    if let Some(gradient) = stepped.gradients.get_mut(index - 2) {
                        *gradient = values.to_vec();
                    }
                }
            }
        })?;
        let due = weights.iter().map(Vec::len).eq(stepped.gradients.iter().map(Vec::len));
        if due && stepped.logits.len() == label.len() {
            return Ok(stepped);
        }
        Err(HardenError::Internal { what: "a training step returned gradients of other sizes than the weights".to_owned() })
    }
}

/// Feeds in the order of a session's names.
struct Feeds<'a> {
    names: std::slice::Iter<'a, String>,
    list: Vec<(&'a str, View<'a>)>,
}

impl<'a> Feeds<'a> {
    fn new(names: &'a [String]) -> Self {
        Self { names: names.iter(), list: Vec::with_capacity(names.len()) }
    }

    fn push(&mut self, view: View<'a>) {
        if let Some(name) = self.names.next() {
            self.list.push((name, view));
        }
    }
}

fn batched(rows: usize, sample: &[usize]) -> Vec<usize> {
    std::iter::once(rows).chain(sample.iter().copied()).collect()
}

#[expect(clippy::too_many_arguments, reason = "parts of a lane that are borrowed one by one")]
fn ask(
    asked: &mut Asked,
    sample: &[usize],
    classes: usize,
    shapes: &[Vec<usize>],
    weights: &[Vec<f32>],
    x: &[f32],
    label: &[f32],
    told: &mut Told,
) -> Result<(), HardenError> {
    let rows = label.len() / classes.max(1);
    let (shape, label_shape) = (batched(rows, sample), [rows, classes]);
    let mut feeds = Feeds::new(&asked.names);
    feeds.push(View::f32(&shape, x));
    weights.iter().zip(shapes).for_each(|(weight, shape)| feeds.push(View::f32(shape, weight)));
    feeds.push(View::f32(&label_shape, label));
    let mut outputs = [&mut told.logits, &mut told.loss, &mut told.gradient];
    asked.session.run(&feeds.list, &mut |index, view| {
        if let (Some(output), Some(values)) = (outputs.get_mut(index), view.data.as_f32()) {
            output.clear();
            output.extend_from_slice(values);
        }
    })?;
    if told.logits.len() == label.len() && told.gradient.len() == x.len() {
        return Ok(());
    }
    Err(HardenError::Internal { what: "a step of the attack returned a gradient of another size than the samples".to_owned() })
}

/// Returns the class with the largest of some logits.
pub(crate) fn class_of(logits: &[f32]) -> Option<usize> {
    if logits.iter().any(|z| z.is_nan()) {
        return None;
    }
    let mut best: Option<(usize, f32)> = None;
    for (class, &z) in logits.iter().enumerate() {
        if best.is_none_or(|(_, most)| z > most) {
            best = Some((class, z));
        }
    }
    best.map(|(class, _)| class)
}
