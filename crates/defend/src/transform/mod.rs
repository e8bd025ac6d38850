//! Transforms of the input, each as operators: one file per transform.

mod bits;
mod jpeg;
mod median;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use brinell_graph::{Graph, GraphError, Op, Tensor, TensorData, ValueId};

/// What is done to an input before the model sees it.
///
/// | Name | Setting | What it does |
/// |---|---|---|
/// | `bits:B` | 1 to 8 | rounds values to the nearest of 2^B |
/// | `median:K` | 2 to 5 | median of K x K pixels in each channel |
/// | `jpeg:Q` | 1 to 100 | JPEG compression at quality Q, pictures of one channel or three |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Transform {
    Bits(usize),
    Median(usize),
    Jpeg(usize),
}

/// Sizes of the pictures that a transform sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Transform {
    /// True where neighbouring values matter, so that the transform needs pictures.
    pub(crate) fn of_pictures(self) -> bool {
        !matches!(self, Self::Bits(_))
    }

    /// Says why pictures of these sizes cannot pass; `None` where they can.
    pub(crate) fn refuses(self, picture: &Picture) -> Option<String> {
        match self {
            Self::Jpeg(_) if !matches!(picture.channels, 1 | 3) => {
                Some(format!("JPEG has one channel or three, and these pictures have {}", picture.channels))
            }
            Self::Median(k) if picture.height < k || picture.width < k => {
                Some(format!("a window of {k} x {k} pixels is larger than pictures of {} x {}", picture.height, picture.width))
            }
            _ => None,
        }
    }

    /// Appends the transform of values in 0..1: of pictures `[B, C, H, W]` where [`Transform::of_pictures`] says so, else of any shape.
    pub(crate) fn append(self, graph: &mut Graph, x: ValueId, picture: &Picture) -> Result<ValueId, GraphError> {
        match self {
            Self::Bits(bits) => bits::append(graph, x, bits),
            Self::Median(k) => median::append(graph, x, k, picture),
            Self::Jpeg(quality) => jpeg::append(graph, x, quality, picture),
        }
    }
}

/// Appends `x / by`, rounded once on every runtime: rten multiplies by the reciprocal of a divisor that is a single number, and so rounds twice.
fn divided(graph: &mut Graph, x: ValueId, by: f32) -> Result<ValueId, GraphError> {
    let sizes: Vec<usize> = graph.shape(x).unwrap_or_default().iter().skip(1).map(|dim| dim.fixed().unwrap_or(1)).collect();
    let long = sizes.iter().rposition(|size| *size > 1);
    let shape: Vec<usize> = sizes.iter().enumerate().map(|(axis, size)| if Some(axis) == long { *size } else { 1 }).collect();
    let n = shape.iter().product();
    let divisor = match Tensor::new(shape, TensorData::F32(vec![by; n])) {
        Some(tensor) => graph.constant("divisor", tensor),
        None => graph.scalar(by),
    };
    graph.add(Op::Div, &[x, divisor])
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bits(bits) => write!(f, "bits:{bits}"),
            Self::Median(k) => write!(f, "median:{k}"),
            Self::Jpeg(quality) => write!(f, "jpeg:{quality}"),
        }
    }
}

impl FromStr for Transform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, setting) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let (make, least, most): (fn(usize) -> Self, usize, usize) = match name {
            "bits" => (Self::Bits, 1, bits::MOST),
            "median" => (Self::Median, median::LEAST, median::MOST),
            "jpeg" => (Self::Jpeg, 1, 100),
            _ => return Err(format!("there is no transform `{name}`; there are bits:B, median:K and jpeg:Q")),
        };
        let number = setting.parse().ok().filter(|number| (least..=most).contains(number));
        number
            .map(make)
            .ok_or_else(|| format!("`{text}` needs a whole number from {least} to {most}, as in {name}:{}", most.min(least + 2)))
    }
}

/// Transforms that an input passes one after the other, as in `bits:3,jpeg:75`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(pub Vec<Transform>);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Chain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}
