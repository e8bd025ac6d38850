//! From a pixel array as the data file stores it to the model's input tensor: as graph nodes in front of the model, and as
//! plain arithmetic for judging the original file. Both compute the same f32 operations in the same order.

use std::sync::Arc;

use brinell_graph::{Dim, Graph, GraphError, Op, Tensor, TensorData, ValueId};
use brinell_record::{Artefact, Layout};

/// Why data and model do not fit together.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The sample and the model's input differ in size.
    #[error("a sample has {sample_len} values (shape {sample:?}), but the model's input needs {model_len} (shape {model:?})")]
    Size {
        /// Shape of a stored sample.
        sample: Vec<usize>,
        /// Its number of values.
        sample_len: usize,
        /// Shape of the model's input without the batch.
        model: Vec<usize>,
        /// Its number of values.
        model_len: usize,
    },
    /// `mean` or `std` has an unusable number of entries.
    #[error("{option} has {found} values, but the data have {channels} channels")]
    Channels {
        /// `mean` or `std`.
        option: &'static str,
        /// Entries given.
        found: usize,
        /// Channels of the data.
        channels: usize,
    },
    /// A value is not usable.
    #[error("{option} contains {value}; {requirement}")]
    Value {
        /// `mean` or `std`.
        option: &'static str,
        /// The offending entry.
        value: f32,
        /// What is required.
        requirement: &'static str,
    },
    /// The layout needs an image.
    #[error("layout {layout} needs images with rows and columns, but a sample has shape {sample:?}")]
    NotAnImage {
        /// Name of the layout.
        layout: &'static str,
        /// Shape of a stored sample.
        sample: Vec<usize>,
    },
}

/// The checked way from a stored sample to the model's input.
///
/// # Shapes
/// sample: as stored, C,H,W or H,W,C or H,W or flat; model: the model's input without its batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    sample: Vec<usize>,
    model: Vec<usize>,
    perm: Option<Vec<usize>>,
    mean: Vec<f32>,
    std: Vec<f32>,
    /// Axis of the stored sample along which `mean` and `std` run, where they have several entries.
    channel_axis: Option<usize>,
}

/// Number of channels that an axis of an image may have.
const CHANNELS: std::ops::RangeInclusive<usize> = 1..=4;

impl Preprocess {
    /// Checks `options` against the shapes.
    ///
    /// # Errors
    /// [`PreprocessError`] where sizes, channels or values do not fit.
    pub fn new(artefact: &Artefact, sample: &[usize], model: &[usize]) -> Result<Self, PreprocessError> {
        let (sample_len, model_len) = (sample.iter().product::<usize>(), model.iter().product::<usize>());
        if sample_len != model_len {
            return Err(PreprocessError::Size { sample: sample.to_vec(), sample_len, model: model.to_vec(), model_len });
        }
        for (option, values) in [("mean", &artefact.mean), ("std", &artefact.std)] {
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(PreprocessError::Value { option, value, requirement: "finite numbers are needed" });
            }
        }
        if let Some(&value) = artefact.std.iter().find(|&&value| value <= 0.0) {
            return Err(PreprocessError::Value { option: "std", value, requirement: "numbers above 0 are needed" });
        }
        let axes = Axes::of(sample);
        let perm = permutation(artefact.layout, axes.as_ref(), sample, model)?;
        let channel_axis = axes.as_ref().and_then(|axes| axes.channel);
        let channels = channel_axis.and_then(|axis| sample.get(axis)).copied().unwrap_or(1);
        for (option, values) in [("mean", &artefact.mean), ("std", &artefact.std)] {
            if values.len() > 1 && values.len() != channels {
                return Err(PreprocessError::Channels { option, found: values.len(), channels });
            }
        }
        let channel_axis = channel_axis.filter(|_| artefact.mean.len() > 1 || artefact.std.len() > 1);
        Ok(Self {
            sample: sample.to_vec(),
            model: model.to_vec(),
            perm,
            mean: artefact.mean.clone(),
            std: artefact.std.clone(),
            channel_axis,
        })
    }

    /// Returns the shape of a stored sample.
    #[must_use]
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample
    }

    /// Returns what is subtracted and what is divided by, one for all or one for each channel, and how many values of a sample follow each other in
    /// a channel.
    #[must_use]
    pub fn affine(&self) -> (&[f32], &[f32], usize) {
        let inner = self.channel_axis.map_or(1, |axis| self.sample.iter().skip(axis + 1).product());
        (&self.mean, &self.std, inner)
    }

    /// Appends the preprocessing of `x` `[B, ..sample]` to a graph and returns the model's input [B, ..model].
    ///
    /// # Errors
    /// [`GraphError`] where `x` does not have that shape.
    pub fn append(&self, graph: &mut Graph, x: ValueId, batch: Dim) -> Result<ValueId, GraphError> {
        let mut value = x;
        for (op, values) in [(Op::Sub, &self.mean), (Op::Div, &self.std)] {
            if let Some(constant) = self.along(graph, values) {
                value = graph.add(op, &[value, constant])?;
            }
        }
        let mut shape = self.sample.clone();
        if let Some(perm) = &self.perm {
            let perm_with_batch = std::iter::once(0).chain(perm.iter().map(|axis| axis + 1)).collect();
            value = graph.add(Op::Transpose { perm: perm_with_batch }, &[value])?;
            shape = perm.iter().filter_map(|&axis| self.sample.get(axis)).copied().collect();
        }
        if shape != self.model {
            let shape = std::iter::once(batch).chain(self.model.iter().map(|&n| Dim::Fixed(n))).collect();
            value = graph.add(Op::Reshape { shape }, &[value])?;
        }
        Ok(value)
    }

    /// Appends the way back, from the model's input `[B, ..model]` to the stored sample `[B, ..sample]`, exact but for rounding.
    ///
    /// # Errors
    /// [`GraphError`] where the value does not have that shape.
    pub fn append_back(&self, graph: &mut Graph, ready: ValueId, batch: Dim) -> Result<ValueId, GraphError> {
        let mut value = ready;
        let order: Vec<usize> = self.perm.clone().unwrap_or_else(|| (0..self.sample.len()).collect());
        let shape: Vec<usize> = order.iter().filter_map(|&axis| self.sample.get(axis)).copied().collect();
        if shape != self.model {
            let shape = std::iter::once(batch).chain(shape.iter().map(|&n| Dim::Fixed(n))).collect();
            value = graph.add(Op::Reshape { shape }, &[value])?;
        }
        if self.perm.is_some() {
            let back = (0..order.len()).filter_map(|axis| order.iter().position(|&other| other == axis)).map(|axis| axis + 1);
            value = graph.add(Op::Transpose { perm: std::iter::once(0).chain(back).collect() }, &[value])?;
        }
        for (op, values) in [(Op::Mul, &self.std), (Op::Add, &self.mean)] {
            if let Some(constant) = self.along(graph, values) {
                value = graph.add(op, &[value, constant])?;
            }
        }
        Ok(value)
    }

    /// Adds entries of mean or deviation as a constant that broadcasts over stored samples; `None` where there are none.
    fn along(&self, graph: &mut Graph, values: &[f32]) -> Option<ValueId> {
        if values.is_empty() {
            return None;
        }
        let mut shape = vec![1; self.sample.len() + 1];
        if let (Some(axis), true) = (self.channel_axis, values.len() > 1)
            && let Some(extent) = shape.get_mut(axis + 1)
        {
            *extent = values.len();
        }
        Tensor::new(shape, TensorData::F32(values.to_vec())).map(|tensor| graph.constant("preprocess", Arc::new(tensor)))
    }

    /// Computes the model's input for one stored sample.
    pub fn apply(&self, x: &[f32], out: &mut Vec<f32>) {
        let inner = self.inner();
        out.clear();
        out.extend(x.iter().enumerate().map(|(index, &value)| {
            let centred = pick(&self.mean, index, inner).map_or(value, |mean| value - mean);
            pick(&self.std, index, inner).map_or(centred, |std| centred / std)
        }));
        if let Some(perm) = &self.perm {
            let stored = std::mem::take(out);
            transpose(&stored, &self.sample, perm, out);
        }
    }

    /// Computes the gradient by a stored sample, given the one by the model's input.
    pub(crate) fn pull_back(&self, gradient: &[f32], out: &mut Vec<f32>) {
        match &self.perm {
            None => {
                out.clear();
                out.extend_from_slice(gradient);
            }
            Some(perm) => {
                let shape: Vec<usize> = perm.iter().filter_map(|&axis| self.sample.get(axis)).copied().collect();
                let back: Vec<usize> = (0..perm.len()).filter_map(|axis| perm.iter().position(|&other| other == axis)).collect();
                transpose(gradient, &shape, &back, out);
            }
        }
        let inner = self.inner();
        for (index, value) in out.iter_mut().enumerate() {
            *value = pick(&self.std, index, inner).map_or(*value, |std| *value / std);
        }
    }

    /// Elements of a stored sample that follow each other in one channel, where the entries of mean and standard deviation are several.
    fn inner(&self) -> usize {
        self.channel_axis.map_or(usize::MAX, |axis| self.sample.iter().skip(axis + 1).product()).max(1)
    }
}

/// Returns the entry of `values` for an element of a stored sample: one for all, one for each channel, or none.
fn pick(values: &[f32], index: usize, inner: usize) -> Option<f32> {
    match values {
        [] => None,
        [one] => Some(*one),
        many => many.get(index / inner % many.len()).copied(),
    }
}

/// Returns the axis of a stored sample that its channels run along, where it is an image of three axes.
///
/// # Shapes
/// `sample`: C,H,W or H,W,C with one to four channels; where both fit, the first axis.
#[must_use]
pub fn channel_axis(sample: &[usize]) -> Option<usize> {
    Axes::of(sample)?.channel
}

/// Which axes of a stored sample are channels, rows and columns.
struct Axes {
    channel: Option<usize>,
    row: usize,
    column: usize,
}

impl Axes {
    fn of(sample: &[usize]) -> Option<Self> {
        match *sample {
            [_, _] => Some(Self { channel: None, row: 0, column: 1 }),
            [c, _, _] if CHANNELS.contains(&c) => Some(Self { channel: Some(0), row: 1, column: 2 }),
            [_, _, c] if CHANNELS.contains(&c) => Some(Self { channel: Some(2), row: 0, column: 1 }),
            _ => None,
        }
    }
}

fn permutation(
    layout: Option<Layout>,
    axes: Option<&Axes>,
    sample: &[usize],
    model: &[usize],
) -> Result<Option<Vec<usize>>, PreprocessError> {
    let layout = match layout {
        Some(layout) => layout,
        None if sample == model => return Ok(None),
        None => match (axes.and_then(|axes| axes.channel), model) {
            (Some(2), [c, _, _]) if CHANNELS.contains(c) => Layout::Nchw,
            (Some(0), [_, _, c]) if CHANNELS.contains(c) => Layout::Nhwc,
            _ => Layout::Flat,
        },
    };
    let Some(axes) = axes else {
        return match layout {
            Layout::FlatTransposed => Err(PreprocessError::NotAnImage { layout: layout.name(), sample: sample.to_vec() }),
            _ => Ok(None),
        };
    };
    let perm: Vec<usize> = match layout {
        Layout::Flat => return Ok(None),
        Layout::Nchw => axes.channel.into_iter().chain([axes.row, axes.column]).collect(),
        Layout::Nhwc => [axes.row, axes.column].into_iter().chain(axes.channel).collect(),
        Layout::FlatTransposed => axes.channel.into_iter().chain([axes.column, axes.row]).collect(),
    };
    Ok((!perm.is_sorted()).then_some(perm))
}

/// Copies `x` of shape `shape` with its axes in the order `perm`.
fn transpose(x: &[f32], shape: &[usize], perm: &[usize], out: &mut Vec<f32>) {
    let stride_of = |axis: usize| -> usize { shape.iter().skip(axis + 1).product() };
    let extents: Vec<usize> = perm.iter().filter_map(|&axis| shape.get(axis)).copied().collect();
    let strides: Vec<usize> = perm.iter().map(|&axis| stride_of(axis)).collect();
    out.clear();
    out.reserve(x.len());
    let mut index = vec![0usize; extents.len()];
    for _ in 0..x.len() {
        let offset: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
        out.push(x.get(offset).copied().unwrap_or(f32::NAN));
        for (i, &extent) in index.iter_mut().zip(&extents).rev() {
            *i += 1;
            if *i < extent {
                break;
            }
            *i = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_transposed_image_is_column_major() {
        let options = Artefact { layout: Some(Layout::FlatTransposed), ..Artefact::default() };
        let preprocess = Preprocess::new(&options, &[2, 3], &[6]).unwrap();
        let mut out = Vec::new();
        preprocess.apply(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &mut out);
        assert_eq!(out, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }

    #[test]
    fn means_run_along_the_channels_wherever_they_stand() {
        let options = Artefact { mean: vec![1.0, 2.0, 3.0], std: vec![2.0], ..Artefact::default() };
        let mut out = Vec::new();
        Preprocess::new(&options, &[3, 1, 2], &[3, 1, 2]).unwrap().apply(&[1.0, 3.0, 2.0, 4.0, 3.0, 5.0], &mut out);
        assert_eq!(out, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        let pixels: Vec<f32> = (0..5).flat_map(|i| if i % 2 == 0 { [1.0, 2.0, 3.0] } else { [3.0, 4.0, 5.0] }).collect();
        Preprocess::new(&options, &[5, 1, 3], &[3, 5, 1]).unwrap().apply(&pixels, &mut out);
        assert_eq!(out, [0.0, 1.0, 0.0, 1.0, 0.0].repeat(3));
    }

    #[test]
    fn channels_stand_first_or_last() {
        let found = [&[3, 32, 32][..], &[32, 32, 3], &[3, 4, 3], &[28, 28], &[784], &[5, 5, 5]].map(channel_axis);
        assert_eq!(found, [Some(0), Some(2), Some(0), None, None, None]);
    }

    #[test]
    fn unusable_declarations_are_refused() {
        let mut options = Artefact { mean: vec![0.5, 0.5], ..Artefact::default() };
        assert!(matches!(Preprocess::new(&options, &[3, 2, 2], &[12]), Err(PreprocessError::Channels { channels: 3, .. })));
        options.mean = vec![f32::NAN];
        assert!(matches!(Preprocess::new(&options, &[12], &[12]), Err(PreprocessError::Value { option: "mean", .. })));
        options.mean.clear();
        options.std = vec![0.0];
        assert!(matches!(Preprocess::new(&options, &[12], &[12]), Err(PreprocessError::Value { option: "std", .. })));
        assert!(matches!(Preprocess::new(&Artefact::default(), &[11], &[12]), Err(PreprocessError::Size { .. })));
    }
}
