//! Transforms as a graph from a model's input to what the model takes instead.

use std::collections::BTreeMap;

use brinell_engine::channel_axis;
use brinell_graph::{DType, Dim, Graph, Op, ValueId};
use brinell_record::{DEFENCE_SCHEMA, Defence, DefenceStage, Scale};
use brinell_subject::{Case, input_box};

use crate::transform::Picture;
use crate::{Chain, DefendError};

/// What names of the prefix begin with.
pub(crate) const SCOPE: &str = "brinell.t";

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

impl Prefix {
    /// Builds the transforms of a model's input, whatever stands in front of its file: they see values in 0..1, and pictures where they need them.
    ///
    /// # Errors
    /// [`DefendError::Transform`] where a transform does not take these samples.
    pub(crate) fn new(case: &Case, chain: &Chain) -> Result<Self, DefendError> {
        let (preprocess, subject) = (&case.preprocess, &case.subject);
        let sample = preprocess.sample_shape();
        let form = Form::of(sample);
        // Transforms of single values ask for no picture.
        let anything = Picture { channels: 1, height: 1, width: 1 };
        for transform in chain.0.iter().filter(|transform| transform.of_pictures()) {
            let refuse = |reason| DefendError::Transform { transform: transform.to_string(), reason };
            let Some(picture) = form.picture() else {
                return Err(refuse(format!("it needs pictures, and a sample has shape {sample:?}")));
            };
            if let Some(reason) = transform.refuses(picture) {
                return Err(refuse(reason));
            }
        }
        let batch = Dim::Batch(1);
        let mut graph = Graph::new("defence");
        let shape = std::iter::once(batch).chain(subject.signature.sample.iter().map(|&n| Dim::Fixed(n))).collect();
        let input = graph.input(&subject.signature.input_name, DType::F32, shape);
        let bounds = input_box(case.scale)?;
        let (lo, width) = (bounds.lo(), bounds.hi() - bounds.lo());
        let mut x = preprocess.append_back(&mut graph, input, batch)?;
        let unit = case.scale == Scale::Unit;
        if !unit {
            let (lo, width) = (graph.scalar(lo), graph.scalar(width));
            x = graph.add(Op::Sub, &[x, lo])?;
            x = graph.add(Op::Div, &[x, width])?;
        }
        x = form.to_picture(&mut graph, x)?;
        let mut stages = Vec::with_capacity(chain.0.len());
        for (place, transform) in chain.0.iter().enumerate() {
            x = transform.append(&mut graph, x, form.picture().unwrap_or(&anything))?;
            if place + 1 == chain.0.len() {
                x = form.to_sample(&mut graph, x)?;
                if !unit {
                    let (lo, width) = (graph.scalar(lo), graph.scalar(width));
                    x = graph.add(Op::Mul, &[x, width])?;
                    x = graph.add(Op::Add, &[x, lo])?;
                }
                x = preprocess.append(&mut graph, x, batch)?;
            }
            let end = format!("{SCOPE}.{place}");
            x = graph.push(&end, Op::Identity, vec![Some(x)], &[Some(&end)])?.into_iter().flatten().next().unwrap_or(x);
            stages.push(DefenceStage { transform: transform.to_string(), end });
        }
        graph.set_outputs(vec![x]);
        let brinell = env!("CARGO_PKG_VERSION").to_owned();
        let defence = Defence { schema: DEFENCE_SCHEMA.to_owned(), brinell, stages, front: front(case) };
        Ok(Self { graph: graph.dce(), defence })
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
