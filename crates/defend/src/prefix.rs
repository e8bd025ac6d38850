//! Transforms as a graph from a model's input to what the model takes instead.

use std::collections::BTreeMap;

use brinell_engine::channel_axis;
use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData, ValueId};
use brinell_record::{DEFENCE_SCHEMA, Defence, DefenceStage, Scale};
use brinell_subject::{Case, input_box};

use crate::transform::Picture;
use crate::{Chain, DefendError};

/// What names of the prefix begin with.
pub(crate) const SCOPE: &str = "brinell.t";
/// The value at which the views of a detector end.
pub(crate) const VIEWS: &str = "brinell.t.views";

/// The transforms, ready to be put in front of a model.
pub(crate) struct Prefix {
    /// From the model's input to the same, transformed.
    pub(crate) graph: Graph,
    /// What the file is to say of it.
    pub(crate) defence: Defence,
}

/// Where rows and columns of stored samples are.
enum Form {
    Flat,
    /// Rows and columns alone.
    Plane(Picture),
    /// Channels first.
    First(Picture),
    /// Channels last.
    Last(Picture),
}

impl Form {
    fn of(sample: &[usize]) -> Self {
        match (sample, channel_axis(sample)) {
            (&[height, width], _) => Self::Plane(Picture { channels: 1, height, width }),
            (&[channels, height, width], Some(0)) => Self::First(Picture { channels, height, width }),
            (&[height, width, channels], Some(2)) => Self::Last(Picture { channels, height, width }),
            _ => Self::Flat,
        }
    }

    fn picture(&self) -> Option<&Picture> {
        match self {
            Self::Flat => None,
            Self::Plane(picture) | Self::First(picture) | Self::Last(picture) => Some(picture),
        }
    }

    /// Appends the way to `[B, C, H, W]`.
    fn to_picture(&self, graph: &mut Graph, x: ValueId) -> Result<ValueId, DefendError> {
        Ok(match self {
            Self::Flat | Self::First(_) => x,
            Self::Plane(_) => graph.add(Op::Unsqueeze { axes: vec![1] }, &[x])?,
            Self::Last(_) => graph.add(Op::Transpose { perm: vec![0, 3, 1, 2] }, &[x])?,
        })
    }

    /// Appends the way back.
    fn to_sample(&self, graph: &mut Graph, x: ValueId) -> Result<ValueId, DefendError> {
        Ok(match self {
            Self::Flat | Self::First(_) => x,
            Self::Plane(_) => graph.add(Op::Squeeze { axes: vec![1] }, &[x])?,
            Self::Last(_) => graph.add(Op::Transpose { perm: vec![0, 2, 3, 1] }, &[x])?,
        })
    }
}

/// Another form in which a detector shows a sample to the model.
pub(crate) enum View<'a> {
    /// The sample, transformed.
    Through(&'a Chain),
    /// The sample plus a fixed noise, of the values of one sample in 0..1.
    Plus(&'a [f32]),
}

/// Appends forms of a model's input, which see values in 0..1, whatever stands in front of its file.
struct Eye<'c> {
    case: &'c Case,
    form: Form,
    lo: f32,
    width: f32,
}

impl<'c> Eye<'c> {
    fn new(case: &'c Case) -> Result<Self, DefendError> {
        let bounds = input_box(case.scale)?;
        Ok(Self { case, form: Form::of(case.preprocess.sample_shape()), lo: bounds.lo(), width: bounds.hi() - bounds.lo() })
    }

    /// A graph with nothing but the model's input.
    fn graph(&self) -> (Graph, ValueId) {
        let signature = &self.case.subject.signature;
        let mut graph = Graph::new("defence");
        let shape = std::iter::once(BATCH).chain(signature.sample.iter().map(|&n| Dim::Fixed(n))).collect();
        let input = graph.input(&signature.input_name, DType::F32, shape);
        (graph, input)
    }

    fn is_unit(&self) -> bool {
        self.case.scale == Scale::Unit
    }

    /// Checks that pictures can pass a transform.
    fn check(&self, chain: &Chain) -> Result<(), DefendError> {
        for transform in chain.0.iter().filter(|transform| transform.of_pictures()) {
            let refuse = |reason| DefendError::Transform { transform: transform.to_string(), reason };
            let Some(picture) = self.form.picture() else {
                let sample = self.case.preprocess.sample_shape();
                return Err(refuse(format!("it needs pictures, and a sample has shape {sample:?}")));
            };
            if let Some(reason) = transform.refuses(picture) {
                return Err(refuse(reason));
            }
        }
        Ok(())
    }

    /// Appends the way from the model's input to stored samples in 0..1.
    fn open(&self, graph: &mut Graph, input: ValueId) -> Result<ValueId, DefendError> {
        let mut x = self.case.preprocess.append_back(graph, input, BATCH)?;
        if !self.is_unit() {
            let (lo, width) = (graph.scalar(self.lo), graph.scalar(self.width));
            x = graph.add(Op::Sub, &[x, lo])?;
            x = graph.add(Op::Div, &[x, width])?;
        }
        Ok(x)
    }

    /// Appends the way back to the model's input.
    fn close(&self, graph: &mut Graph, x: ValueId) -> Result<ValueId, DefendError> {
        let mut x = x;
        if !self.is_unit() {
            let (lo, width) = (graph.scalar(self.lo), graph.scalar(self.width));
            x = graph.add(Op::Mul, &[x, width])?;
            x = graph.add(Op::Add, &[x, lo])?;
        }
        Ok(self.case.preprocess.append(graph, x, BATCH)?)
    }

    /// Appends transforms of a model's input; what comes after transform number n passes `named`.
    fn through(
        &self,
        graph: &mut Graph,
        input: ValueId,
        chain: &Chain,
        named: &mut dyn FnMut(&mut Graph, usize, ValueId) -> Result<ValueId, DefendError>,
    ) -> Result<ValueId, DefendError> {
        self.check(chain)?;
        // Transforms of single values ask for no picture.
        let anything = Picture { channels: 1, height: 1, width: 1 };
        let mut x = self.open(graph, input)?;
        x = self.form.to_picture(graph, x)?;
        for (place, transform) in chain.0.iter().enumerate() {
            x = transform.append(graph, x, self.form.picture().unwrap_or(&anything))?;
            if place + 1 == chain.0.len() {
                x = self.form.to_sample(graph, x)?;
                x = self.close(graph, x)?;
            }
            x = named(graph, place, x)?;
        }
        Ok(x)
    }
}

const BATCH: Dim = Dim::Batch(1);

/// Gives a value a name of the scope of prefixes.
fn mark(graph: &mut Graph, name: &str, x: ValueId) -> Result<ValueId, DefendError> {
    Ok(graph.push(name, Op::Identity, vec![Some(x)], &[Some(name)])?.into_iter().flatten().next().unwrap_or(x))
}

impl Prefix {
    /// Builds the transforms of a model's input, whatever stands in front of its file: they see values in 0..1, and pictures where they need them.
    ///
    /// # Errors
    /// [`DefendError::Transform`] where a transform does not take these samples.
    pub(crate) fn new(case: &Case, chain: &Chain) -> Result<Self, DefendError> {
        let eye = Eye::new(case)?;
        let (mut graph, input) = eye.graph();
        let mut stages = Vec::with_capacity(chain.0.len());
        let x = eye.through(&mut graph, input, chain, &mut |graph, place, x| {
            let end = format!("{SCOPE}.{place}");
            let transform = chain.0.get(place).map(ToString::to_string).unwrap_or_default();
            let x = mark(graph, &end, x)?;
            stages.push(DefenceStage { transform, end });
            Ok(x)
        })?;
        graph.set_outputs(vec![x]);
        Ok(Self { graph: graph.dce(), defence: Defence { stages, ..about(case) } })
    }

    /// Builds the forms in which a detector shows a sample to the model: the sample itself, then the `views`, one after the other for each sample, so that a batch
    /// of B samples becomes one of B (1 + views).
    ///
    /// # Errors
    /// As [`Prefix::new`].
    pub(crate) fn views(case: &Case, views: &[View<'_>]) -> Result<Self, DefendError> {
        let eye = Eye::new(case)?;
        let (mut graph, input) = eye.graph();
        let mut rows = vec![graph.add(Op::Unsqueeze { axes: vec![1] }, &[input])?];
        for view in views {
            let seen = match view {
                View::Through(chain) => eye.through(&mut graph, input, chain, &mut |_, _, x| Ok(x))?,
                View::Plus(noise) => {
                    let x = eye.open(&mut graph, input)?;
                    let shape = std::iter::once(1).chain(case.preprocess.sample_shape().iter().copied()).collect();
                    let noise = Tensor::new(shape, TensorData::F32(noise.to_vec()));
                    let noise = match noise {
                        Some(noise) => graph.constant("noise", noise),
                        None => graph.scalar(f32::NAN),
                    };
                    let x = graph.add(Op::Add, &[x, noise])?;
                    eye.close(&mut graph, x)?
                }
            };
            rows.push(graph.add(Op::Unsqueeze { axes: vec![1] }, &[seen])?);
        }
        let all = graph.add(Op::Concat { axis: 1 }, &rows)?;
        let sample = case.subject.signature.sample.iter().map(|&n| Dim::Fixed(n));
        let shape = std::iter::once(Dim::Batch(rows.len())).chain(sample).collect();
        let all = graph.add(Op::Reshape { shape }, &[all])?;
        let end = mark(&mut graph, VIEWS, all)?;
        graph.set_outputs(vec![end]);
        Ok(Self { graph: graph.dce(), defence: about(case) })
    }
}

/// What a file says of a defence that has no parts yet.
pub(crate) fn about(case: &Case) -> Defence {
    Defence {
        schema: DEFENCE_SCHEMA.to_owned(),
        brinell: env!("CARGO_PKG_VERSION").to_owned(),
        stages: Vec::new(),
        front: front(case),
        refusal: None,
    }
}

/// What is done to samples in front of the file.
fn front(case: &Case) -> BTreeMap<String, String> {
    let artefact = &case.subject.artefact;
    let list = |values: &[f32]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut front = BTreeMap::from([("scale".to_owned(), case.scale.to_string())]);
    for (name, values) in [("mean", &artefact.mean), ("std", &artefact.std)] {
        if !values.is_empty() {
            front.insert(name.to_owned(), list(values));
        }
    }
    front.extend(artefact.layout.map(|layout| ("layout".to_owned(), layout.name().to_owned())));
    front
}
