//! Resize: along each axis the output is a matrix times the input, so that dx is dy times that matrix, axis by axis.

use brinell_graph::{ResizeAttrs, ResizeCoordinates, ResizeMode, ResizeNearest};

use super::index::from_rows;
use crate::ctx::{Ctx, Grads, narrow, unsupported};

/// Elements of the largest matrix between two axes.
const MOST_WEIGHTS: usize = 1 << 26;

pub(super) fn resize(ctx: &mut Ctx<'_>, attrs: &ResizeAttrs) -> Grads {
    let (x, mut dy) = (ctx.x(0)?, ctx.dy()?);
    for axis in 0..ctx.rank(x)? {
        if ctx.shape(x)?.get(axis) == ctx.shape(dy)?.get(axis) {
            continue;
        }
        let (from, to) = (ctx.size(x, axis)?, ctx.size(dy, axis)?);
        let scale = match attrs.scales.get(axis) {
            Some(&scale) if !attrs.by_size => f64::from(scale),
            _ => as_f64(to) / as_f64(from),
        };
        if to.saturating_mul(from) > MOST_WEIGHTS {
            return unsupported(format!("an axis of {from} elements becomes one of {to}, and their matrix is too large"));
        }
        let rows: Vec<f32> = (0..to).flat_map(|i| row(attrs, position(attrs.coordinates, i, scale, from, to), from, scale)).collect();
        let matrix = ctx.floats(dy, vec![to, from], rows)?;
        dy = from_rows(ctx, dy, axis, matrix)?;
    }
    Ctx::one(dy)
}

/// Returns where output element `i` lies on the input axis.
fn position(coordinates: ResizeCoordinates, i: usize, scale: f64, from: usize, to: usize) -> f64 {
    let i = as_f64(i);
    let half = (i + 0.5) / scale - 0.5;
    match coordinates {
        ResizeCoordinates::HalfPixel => half,
        ResizeCoordinates::HalfPixelSymmetric => {
            let adjustment = as_f64(to) / (scale * as_f64(from));
            let centre = as_f64(from) / 2.0;
            centre * (1.0 - adjustment) + half
        }
        ResizeCoordinates::PytorchHalfPixel => {
            if to > 1 {
                half
            } else {
                0.0
            }
        }
        ResizeCoordinates::AlignCorners => {
            if to > 1 {
                i * (as_f64(from) - 1.0) / (as_f64(to) - 1.0)
            } else {
                0.0
            }
        }
        ResizeCoordinates::Asymmetric => i / scale,
    }
}

/// Returns the weights of the input elements at a position. Elements outside are those at the border, or left out; an
/// antialiased reduction stretches the kernel over all elements that it merges.
fn row(attrs: &ResizeAttrs, position: f64, from: usize, scale: f64) -> Vec<f32> {
    let mut row = vec![0.0; from];
    let last = as_f64(from) - 1.0;
    let mut put = |index: f64, weight: f64| {
        let index = (0..from).rev().find(|&i| as_f64(i) <= index).unwrap_or(0);
        if let Some(slot) = row.get_mut(index) {
            *slot += weight;
        }
    };
    if attrs.mode == ResizeMode::Nearest {
        let index = match attrs.nearest {
            ResizeNearest::RoundPreferFloor => (position - 0.5).ceil(),
            ResizeNearest::RoundPreferCeil => (position + 0.5).floor(),
            ResizeNearest::Floor => position.floor(),
            ResizeNearest::Ceil => position.ceil(),
        };
        put(index, 1.0);
    } else {
        let stretch = if attrs.antialias { scale.min(1.0) } else { 1.0 };
        let radius = if attrs.mode == ResizeMode::Cubic { 2.0 } else { 1.0 };
        let mut index = (position - radius / stretch).floor();
        while index <= (position + radius / stretch).ceil() {
            let distance = ((index - position) * stretch).abs();
            let weight = match attrs.mode {
                ResizeMode::Cubic => cubic(distance, f64::from(attrs.cubic_coeff_a)),
                _ => (1.0 - distance).max(0.0),
            };
            if !(attrs.exclude_outside && (index < 0.0 || index > last)) {
                put(index, weight);
            }
            index += 1.0;
        }
    }
    let total: f64 = row.iter().sum();
    row.into_iter().map(|weight| narrow(weight / total)).collect()
}

/// The kernel of cubic convolution.
///
/// # Source
/// Keys, "Cubic convolution interpolation for digital image processing", 1981, Eq. (4).
fn cubic(distance: f64, a: f64) -> f64 {
    if distance <= 1.0 {
        ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1.0
    } else if distance < 2.0 {
        ((a * distance - 5.0 * a) * distance + 8.0 * a) * distance - 4.0 * a
    } else {
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn as_f64(n: usize) -> f64 {
    n as f64
}
