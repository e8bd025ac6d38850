//! A model that one can query: preprocessing, model and loss as one graph, compiled once per loss.

use std::sync::Arc;

use brinell_autodiff::{AutodiffError, Backward, Crossing, Surrogates, gradient_graph_with, linear_graph_with};
use brinell_graph::{Graph, GraphError, ValueId};
use brinell_onnx::Encoded;
use brinell_task::{Head, Loss, Task};

use crate::black_box::BlackBox;
use crate::held::HeldFeeds;
use crate::lane::{Lane, Part, Wanted};
use crate::{
    Artefact, EngineError, Held, Host, Preprocess, QueryGraph, Runtime, Session, Shortage, Signature, SignatureError, check_arithmetic,
    memory,
};

/// Why a model cannot be queried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OracleError {
    /// The model's inputs or outputs are not those of a classifier.
    #[error("{0}")]
    Signature(#[source] SignatureError),
    /// Preprocessing does not fit the model.
    #[error("the preprocessing does not fit the model")]
    Graph(#[from] GraphError),
    /// The gradient cannot be built.
    #[error("{0}")]
    Autodiff(#[from] AutodiffError),
    /// The graph cannot be written for the runtime.
    #[error("the model cannot be converted for the runtime")]
    Export(#[from] brinell_onnx::ExportError),
    /// The runtime refused.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// A call needs more memory than there is.
    #[error("{0}")]
    Memory(#[from] Shortage),
    /// A model that is asked as it is has no gradient.
    #[error("the model has no gradient")]
    NoGradient,
    /// The value at which a defence is said to end is none that the output depends on and that depends on the input.
    #[error("the model has no value `{value}` between its input and its output, where a defence could end")]
    NoDefence {
        /// Its name.
        value: String,
    },
    /// The threads of the lanes cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A run gave outputs of an unexpected size.
    #[error("the runtime returned {found} values for `{output}` instead of {expected}")]
    Output {
        /// Name of the output.
        output: &'static str,
        /// Values returned.
        found: usize,
        /// Values due.
        expected: usize,
    },
    /// The inputs that are not attacked differ from sample to sample, and a call did not say which samples it is about.
    #[error("the model's other inputs have different values for each sample, but samples were named for {found} of {expected} rows")]
    Rows {
        /// Samples named.
        found: usize,
        /// Samples due.
        expected: usize,
    },
}

/// What a batch was answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Values of the taps `[B, Z]`: the logits of a classifier.
    pub values: Vec<f32>,
    /// Loss `[B]`, or the weighted sum of the values; empty after a forward.
    pub loss: Vec<f32>,
    /// Gradient `[B, ..sample]`; empty after a forward.
    pub gradient: Vec<f32>,
}

/// A model that takes stored samples and answers with values and gradients, for any batch up to what the model allows.
///
/// A batch is divided among lanes, each with sessions of its own, that run side by side. Several lanes with one thread each
/// keep all cores busy where one session with several threads would wait at every small operator. A model with large weights has
/// one session per lane at a time: while a gradient is prepared, its session computes the values too.
pub struct Oracle {
    white: Option<White>,
    /// What gives gradients of weighted sums, where the model is a program of the host.
    pulls: Option<(Host, Preprocess)>,
    held: Arc<Held>,
    /// Samples that the rows of the next call belong to.
    rows: Vec<usize>,
    lanes: Vec<Lane>,
    /// Threads for the lanes; absent where there is one lane only.
    pool: Option<rayon::ThreadPool>,
    head: Option<Head>,
    sample: Vec<usize>,
    sample_len: usize,
    width: usize,
    task: Arc<dyn Task>,
    fixed_batch: Option<usize>,
    /// Numbers that the sessions need at the same time for one row, or for the whole of a fixed batch; 0 where that is not known.
    live: u64,
    /// Rows of which it is known that they fit into memory.
    fitting: usize,
}

/// Weights from which on there is one session at a time.
const LARGE: u64 = 1 << 24;

/// What gradients are built from.
struct White {
    runtime: Arc<dyn Runtime>,
    graph: Graph,
    input: ValueId,
    /// Weights are large: two sessions with a copy each are too much.
    large: bool,
    logits: ValueId,
    /// How gradients are taken where they are not derivatives.
    backward: Backward,
    /// Where the model takes whole numbers: the reals that are rounded, and the numbers made of them.
    crossing: Option<Crossing>,
    /// Both ends of a defence in front of the model.
    defence: Option<Crossing>,
    /// The steps of that defence.
    surrogates: Surrogates,
}

/// How gradients pass a defence in front of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bridge {
    /// Straight through its steps; what else it does has its derivative.
    #[default]
    Steps,
    /// From its end to its beginning as if it did nothing.
    Whole,
}

impl White {
    /// Writes the gradient's graph for a runtime. The graph holds weights turned round, and is gone before the runtime makes weights of its own.
    ///
    /// Returns also how many numbers it needs at the same time.
    fn gradient(&self, head: Head, runtime: &dyn Runtime) -> Result<(Encoded, u64), OracleError> {
        brinell_onnx::require_weights(&self.graph)?;
        let graph = match head {
            Head::Fused(loss) => gradient_graph_with(&self.graph, self.logits, self.input, loss, &self.backward)?,
            Head::Linear => linear_graph_with(&self.graph, &[self.logits], self.input, &self.backward)?,
        };
        Ok((runtime.encode(&graph)?, live(&graph, runtime)))
    }

    /// Compiles the forward pass once for each of `n` lanes.
    fn forward(&self, n: usize) -> Result<Vec<Box<dyn Session>>, OracleError> {
        let encoded = self.runtime.encode(&self.graph)?;
        Ok((0..n).map(|_| self.runtime.compile(&encoded)).collect::<Result<_, _>>()?)
    }
}

impl Oracle {
    /// Puts `preprocess` in front of `model` and compiles the forward pass, once for each of `n_lanes` (at least 1; a
    /// model with a fixed batch has one). `runtime` should have as many threads as one lane may use.
    ///
    /// # Errors
    /// [`OracleError`] where the model is no classifier or the runtime refuses it.
    pub fn new(model: &Graph, preprocess: &Preprocess, runtime: Arc<dyn Runtime>, n_lanes: usize) -> Result<Self, OracleError> {
        Self::holding(model, &Artefact::default(), None, Arc::default(), preprocess, runtime, n_lanes)
    }

    /// As [`Oracle::new`], for a model of which `artefact` says what is attacked and what decides, `columns` in which column of the output each class
    /// stands where that is not its own, and whose other inputs are `held`.
    ///
    /// # Errors
    /// As [`Oracle::new`].
    pub fn holding(
        model: &Graph,
        artefact: &Artefact,
        columns: Option<&[usize]>,
        held: Arc<Held>,
        preprocess: &Preprocess,
        runtime: Arc<dyn Runtime>,
        n_lanes: usize,
    ) -> Result<Self, OracleError> {
        let query = QueryGraph::new(model, artefact, columns, &held, preprocess)?;
        let QueryGraph { graph, input, logits, crossing, defence, surrogates, signature, .. } = query;
        check_arithmetic(&graph, runtime.as_ref())?;
        let sample = preprocess.sample_shape().to_vec();
        let n_lanes = if signature.fixed_batch.is_some() { 1 } else { n_lanes.max(1) };
        let lone = lone(runtime.as_ref());
        let large = brinell_graph::cost(&graph).parameters >= LARGE;
        let backward = Backward { crossing, soften: 0.0, surrogates: surrogates.clone() };
        let white = White { runtime, graph, large, input, logits, backward, crossing, defence, surrogates };
        let sessions = white.forward(n_lanes)?;
        Self::of_sessions(sessions, &signature, sample, signature.fixed_batch.unwrap_or(lone), held, Some(white))
    }

    /// Asks a model as it is, with `preprocess` applied outside of it and its other inputs `held`: logits without gradients. `compile` gives the session
    /// of each lane.
    ///
    /// # Errors
    /// [`OracleError::Engine`] where `compile` fails, [`OracleError::Threads`].
    pub fn black_box(
        compile: &dyn Fn() -> Result<Box<dyn Session>, EngineError>,
        signature: &Signature,
        held: Arc<Held>,
        preprocess: &Preprocess,
        n_lanes: usize,
    ) -> Result<Self, OracleError> {
        let n_lanes = if signature.fixed_batch.is_some() { 1 } else { n_lanes.max(1) };
        let session = |_| Ok(Box::new(BlackBox::new(compile()?, signature, preprocess)?) as Box<dyn Session>);
        let sessions = (0..n_lanes).map(session).collect::<Result<_, EngineError>>()?;
        Self::of_sessions(sessions, signature, preprocess.sample_shape().to_vec(), signature.fixed_batch.unwrap_or(1), held, None)
    }

    /// Lets a model that is a program of the host be asked for gradients, of weighted sums of its values alone.
    #[must_use]
    pub fn pulling(self, host: &Host, preprocess: &Preprocess) -> Self {
        Self { pulls: Some((host.clone(), preprocess.clone())), ..self }
    }

    fn of_sessions(
        sessions: Vec<Box<dyn Session>>,
        signature: &Signature,
        sample: Vec<usize>,
        at_least: usize,
        held: Arc<Held>,
        white: Option<White>,
    ) -> Result<Self, OracleError> {
        let n_lanes = sessions.len();
        let pool = (n_lanes > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(n_lanes).build()).transpose()?;
        // A model asked as it is has its inputs under their own names, those without a batch among them.
        let feeds = || HeldFeeds::new(&held, white.is_none());
        let task = signature.task();
        let width = task.width();
        let lane = |session| Lane::new(session, width, at_least, Arc::clone(&held), feeds());
        let lanes = sessions.into_iter().map(lane).collect();
        let (sample_len, fixed_batch) = (sample.iter().product(), signature.fixed_batch);
        let live = white.as_ref().map_or(0, |white| live(&white.graph, white.runtime.as_ref()));
        let rows = Vec::new();
        Ok(Self { white, pulls: None, held, rows, lanes, pool, head: None, sample, sample_len, width, task, fixed_batch, live, fitting: 0 })
    }

    /// Returns true where gradients may be asked for.
    #[must_use]
    pub fn is_white(&self) -> bool {
        self.white.is_some() || self.pulls.is_some()
    }

    /// Returns the number of values of one sample, Z: the classes of a classifier.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns what the values mean.
    #[must_use]
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// Returns the shape of one stored sample.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample
    }

    /// Returns the number of values of one sample.
    #[must_use]
    pub fn sample_len(&self) -> usize {
        self.sample_len
    }

    /// Returns the number of lanes that a batch is divided among.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Returns what is worth knowing about how the model runs, see [`Session::note`].
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.lanes.first().and_then(Lane::note)
    }

    /// Returns the batch size where the model fixes it.
    #[must_use]
    pub fn fixed_batch(&self) -> Option<usize> {
        self.fixed_batch
    }

    /// Makes sure that gradients of what `head` says can be asked for. Only the newest is kept, since each holds a copy of the
    /// weights. From now on values are those of the gradient where weights are large.
    ///
    /// # Errors
    /// [`OracleError::Autodiff`] lists every operator that has no gradient; [`OracleError::NoGradient`] for a model that is asked as it is;
    /// [`OracleError::Engine`] where the runtime refuses.
    pub fn prepare(&mut self, head: Head) -> Result<(), OracleError> {
        if self.head == Some(head) {
            return Ok(());
        }
        if let (Some((host, preprocess)), Head::Linear) = (&self.pulls, head) {
            self.lanes.iter_mut().for_each(|lane| lane.set_gradient(Some(host.gradient(preprocess)), head.feeds()));
            self.head = Some(head);
            return Ok(());
        }
        let white = self.white.as_ref().ok_or(OracleError::NoGradient)?;
        self.head = None;
        self.lanes.iter_mut().for_each(|lane| lane.set_gradient(None, &[]));
        if white.large {
            self.lanes.iter_mut().for_each(|lane| lane.set_forward(None));
        }
        let (encoded, live) = white.gradient(head, white.runtime.as_ref())?;
        (self.live, self.fitting) = (self.live.max(live), 0);
        for lane in &mut self.lanes {
            lane.set_gradient(Some(white.runtime.compile(&encoded)?), head.feeds());
        }
        self.head = Some(head);
        Ok(())
    }

    /// Softens the last `share` of the ReLUs on the way back, for examples that are meant for other models: what is then told as the gradient is not
    /// that of the loss. 0 brings gradients back as they are. Values stay.
    pub fn soften(&mut self, share: f64) {
        if let Some(white) = &mut self.white {
            white.backward.soften = share;
            self.head = None;
        }
    }

    /// Says how gradients pass the defence in front of the model; without one nothing changes. False where it cannot be passed like that: whole numbers, and
    /// ends of different shapes, cannot be bridged in one piece.
    pub fn bridge(&mut self, bridge: Bridge) -> bool {
        let Some(white) = &mut self.white else { return false };
        let Some(defence) = white.defence else { return bridge == Bridge::Steps };
        let (crossing, surrogates) = match bridge {
            Bridge::Steps => (white.crossing, white.surrogates.clone()),
            Bridge::Whole => {
                let one_shape = white.graph.shape(defence.real) == white.graph.shape(defence.whole);
                if white.crossing.is_some() || !one_shape {
                    return false;
                }
                (Some(defence), Surrogates::default())
            }
        };
        white.backward = Backward { crossing, surrogates, ..white.backward };
        self.head = None;
        true
    }

    /// Returns the names of the steps of a defence that gradients go straight through.
    #[must_use]
    pub fn bridged(&self) -> Vec<String> {
        self.white.as_ref().map(|white| white.surrogates.names(&white.graph)).unwrap_or_default()
    }

    /// Returns an oracle that answers about the same graph on another runtime, with the gradient of `head` prepared and no forward pass beside it.
    ///
    /// # Errors
    /// As [`Oracle::prepare`].
    pub fn elsewhere(&self, runtime: Arc<dyn Runtime>, head: Head) -> Result<Self, OracleError> {
        let white = self.white.as_ref().ok_or(OracleError::NoGradient)?;
        let (encoded, live) = white.gradient(head, runtime.as_ref())?;
        let session = runtime.compile(&encoded)?;
        let at_least = self.fixed_batch.unwrap_or_else(|| lone(runtime.as_ref()));
        let mut lane = Lane::new(session, self.width, at_least, Arc::clone(&self.held), HeldFeeds::new(&self.held, false));
        lane.hand_over(head.feeds());
        let (graph, input, logits) = (white.graph.clone(), white.input, white.logits);
        let (backward, crossing, defence, surrogates) = (white.backward.clone(), white.crossing, white.defence, white.surrogates.clone());
        let white = White { runtime, graph, large: true, input, logits, backward, crossing, defence, surrogates };
        Ok(Self {
            white: Some(white),
            pulls: None,
            held: Arc::clone(&self.held),
            rows: Vec::new(),
            lanes: vec![lane],
            pool: None,
            head: Some(head),
            sample: self.sample.clone(),
            sample_len: self.sample_len,
            width: self.width,
            task: Arc::clone(&self.task),
            fixed_batch: self.fixed_batch,
            live,
            fitting: 0,
        })
    }

    /// Makes sure that values come out of the forward pass alone. Where weights are large this ends what [`Oracle::prepare`] began.
    ///
    /// # Errors
    /// [`OracleError::Engine`] where the runtime refuses.
    pub fn prepare_forward(&mut self) -> Result<(), OracleError> {
        let Some(white) = self.white.as_ref().filter(|white| white.large) else { return Ok(()) };
        self.head = None;
        self.lanes.iter_mut().for_each(|lane| lane.set_gradient(None, &[]));
        if self.lanes.iter().all(Lane::has_forward) {
            return Ok(());
        }
        let sessions = white.forward(self.lanes.len())?;
        self.lanes.iter_mut().zip(sessions).for_each(|(lane, session)| lane.set_forward(Some(session)));
        Ok(())
    }

    /// Says which samples of the data the rows of the next call belong to. Only a model whose other inputs differ from sample to sample has to
    /// know.
    pub fn about(&mut self, samples: impl IntoIterator<Item = usize>) {
        self.rows.clear();
        self.rows.extend(samples);
    }

    /// Asks for the values of the taps at `x` `[B, ..sample]`.
    ///
    /// # Errors
    /// [`OracleError::Engine`] where the run fails, [`OracleError::Output`] where it returns something else than the values.
    pub fn values(&mut self, x: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        if self.head.is_none() {
            self.prepare_forward()?;
        }
        self.run(x, None, answer)
    }

    /// Asks for values, loss and gradient at `x` `[B, ..sample]` under a loss that is part of the graph; `feeds` `[B, F, Z]` is what its F inputs
    /// ([`Loss::feeds`]) are fed.
    ///
    /// # Errors
    /// As [`Oracle::prepare`] and [`Oracle::values`].
    pub fn fused(&mut self, loss: Loss, x: &[f32], feeds: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.prepare(Head::Fused(loss))?;
        self.run(x, Some(feeds), answer)
    }

    /// Asks for the values at `x` `[B, ..sample]`, their sums weighted with `w` `[B, Z]`, and the gradients of these.
    ///
    /// # Errors
    /// As [`Oracle::prepare`] and [`Oracle::values`].
    pub fn pull(&mut self, x: &[f32], w: &[f32], answer: &mut Answer) -> Result<(), OracleError> {
        self.prepare(Head::Linear)?;
        self.run(x, Some(w), answer)
    }

    /// Divides the batch among the lanes and runs them side by side; a gradient is fed `feeds` `[B, F, Z]`.
    fn run(&mut self, x: &[f32], feeds: Option<&[f32]>, answer: &mut Answer) -> Result<(), OracleError> {
        let batch = x.len() / self.sample_len.max(1);
        if batch > self.fitting {
            memory::check(self.live, if self.fixed_batch.is_some() { 1 } else { batch })?;
            self.fitting = batch;
        }
        answer.values.resize(batch * self.width, 0.0);
        answer.loss.resize(if feeds.is_some() { batch } else { 0 }, 0.0);
        answer.gradient.resize(if feeds.is_some() { x.len() } else { 0 }, 0.0);
        let rows = batch.div_ceil(self.lanes.len()).max(1);
        let mut about = std::mem::take(&mut self.rows);
        if self.held.per_sample() && about.len() != batch {
            return Err(OracleError::Rows { found: about.len(), expected: batch });
        }
        about.resize(batch, 0);
        let fed = feeds.map_or(0, <[f32]>::len) / batch.max(1);
        let mut parts = x
            .chunks(rows * self.sample_len)
            .zip(answer.values.chunks_mut(rows * self.width))
            .zip(answer.loss.chunks_mut(rows).map(Some).chain(std::iter::repeat_with(|| None)))
            .zip(answer.gradient.chunks_mut(rows * self.sample_len).map(Some).chain(std::iter::repeat_with(|| None)))
            .zip(feeds.unwrap_or_default().chunks((rows * fed).max(1)).map(Some).chain(std::iter::repeat(None)))
            .zip(about.chunks(rows))
            .map(|(((((x, values), loss), gradient), feeds), samples)| Part {
                x,
                samples,
                values,
                wanted: match (loss, gradient, feeds) {
                    (Some(loss), Some(gradient), Some(feeds)) => Some(Wanted { feeds, loss, gradient }),
                    _ => None,
                },
            });
        let sample = &self.sample;
        let Some(pool) = &self.pool else {
            return match (self.lanes.first_mut(), parts.next()) {
                (Some(lane), Some(part)) => lane.run(sample, part),
                _ => Ok(()),
            };
        };
        let mut results: Vec<Result<(), OracleError>> = Vec::new();
        results.resize_with(self.lanes.len(), || Ok(()));
        pool.scope(|scope| {
            for ((lane, part), result) in self.lanes.iter_mut().zip(parts).zip(&mut results) {
                scope.spawn(move |_| *result = lane.run(sample, part));
            }
        });
        results.into_iter().collect()
    }
}

/// Returns the numbers that a graph needs at the same time for one row; 0 for devices, whose memory is their own.
fn live(graph: &Graph, runtime: &dyn Runtime) -> u64 {
    if runtime.device() == "cpu" { brinell_graph::footprint(graph).live } else { 0 }
}

/// Returns the least number of rows of a call.
fn lone(runtime: &dyn Runtime) -> usize {
    if runtime.name() == "rten" { 2 } else { 1 }
}
