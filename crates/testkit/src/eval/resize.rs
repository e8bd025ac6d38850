use brinell_graph::{Op, ResizeAttrs, ResizeCoordinates, ResizeMode, ResizeNearest};

use super::{Context, Outputs};
use crate::Array;

/// Evaluates Resize, one axis after the other: every mode is separable.
pub(super) fn eval(op: &Op, cx: &Context<'_>) -> Option<Outputs> {
    let Op::Resize(attrs) = op else { return None };
    Some(resize(attrs, cx))
}

fn resize(attrs: &ResizeAttrs, cx: &Context<'_>) -> Outputs {
    let mut x = cx.input(0)?.clone();
    let sizes: Option<Vec<usize>> = attrs.sizes.iter().map(|&d| cx.size(d)).collect();
    let sizes = sizes.ok_or("output size is open")?;
    for (axis, &size) in sizes.iter().enumerate() {
        let n = x.shape[axis];
        let scale = if attrs.by_size { size as f64 / n as f64 } else { f64::from(attrs.scales[axis]) };
        if size == n && (scale - 1.0).abs() < f64::EPSILON {
            continue;
        }
        let rows: Vec<Vec<(usize, f64)>> = (0..size).map(|i| taps(attrs, i, n, size, scale)).collect();
        let mut shape = x.shape.clone();
        shape[axis] = size;
        x = Array::from_fn(&shape, |at| {
            let mut from = at.to_vec();
            let mut sum = 0.0;
            for &(i, weight) in &rows[at[axis]] {
                from[axis] = i;
                sum += weight * x.at(&from);
            }
            sum
        });
    }
    Ok(vec![x])
}

/// Returns which elements of an axis of `n` make element `i` of the resized axis, with their weights.
fn taps(attrs: &ResizeAttrs, i: usize, n: usize, size: usize, scale: f64) -> Vec<(usize, f64)> {
    let at = coordinate(attrs.coordinates, i as f64, n as f64, size, scale);
    let last = n as f64 - 1.0;
    if attrs.mode == ResizeMode::Nearest {
        let p = match attrs.nearest {
            ResizeNearest::Floor => at.floor(),
            ResizeNearest::Ceil => at.ceil(),
            ResizeNearest::RoundPreferFloor => (at - 0.5).ceil(),
            ResizeNearest::RoundPreferCeil => (at + 0.5).floor(),
        };
        return vec![(p.clamp(0.0, last) as usize, 1.0)];
    }
    let a = f64::from(attrs.cubic_coeff_a);
    let (kernel, radius): (Box<dyn Fn(f64) -> f64>, f64) = match attrs.mode {
        ResizeMode::Cubic => (Box::new(move |d| cubic(d.abs(), a)), 2.0),
        _ => (Box::new(|d| (1.0 - d.abs()).max(0.0)), 1.0),
    };
    let stretch = if attrs.antialias { scale.min(1.0) } else { 1.0 };
    let (first, end) = ((at - radius / stretch).floor() as i64, (at + radius / stretch).ceil() as i64);
    let mut found = Vec::new();
    for p in first..=end {
        let weight = kernel((p as f64 - at) * stretch);
        let outside = p < 0 || p as f64 > last;
        if weight != 0.0 && !(outside && attrs.exclude_outside) {
            found.push(((p as f64).clamp(0.0, last) as usize, weight));
        }
    }
    let total: f64 = found.iter().map(|(_, w)| w).sum();
    found.iter().map(|&(p, w)| (p, w / total)).collect()
}

fn coordinate(rule: ResizeCoordinates, i: f64, n: f64, size: usize, scale: f64) -> f64 {
    let half_pixel = (i + 0.5) / scale - 0.5;
    match rule {
        ResizeCoordinates::HalfPixel => half_pixel,
        ResizeCoordinates::HalfPixelSymmetric => {
            let adjustment = size as f64 / (n * scale);
            n / 2.0 * (1.0 - adjustment) + half_pixel
        }
        ResizeCoordinates::PytorchHalfPixel if size == 1 => 0.0,
        ResizeCoordinates::PytorchHalfPixel => half_pixel,
        ResizeCoordinates::AlignCorners if size == 1 => 0.0,
        ResizeCoordinates::AlignCorners => i * (n - 1.0) / (n * scale - 1.0),
        ResizeCoordinates::Asymmetric => i / scale,
    }
}

/// Returns the cubic convolution kernel.
///
/// # Source
/// Keys, "Cubic convolution interpolation for digital image processing", 1981, Eq. (4) with parameter a.
fn cubic(d: f64, a: f64) -> f64 {
    if d <= 1.0 {
        ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    } else {
        0.0
    }
}
