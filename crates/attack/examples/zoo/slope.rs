//! Gradients beside differences of what a file itself answers.

use std::path::Path;

use brinell_engine::Session;

use crate::Runtimes;
use crate::model::run;
use crate::reference::{Reference, Tensor};

/// Directions that are tried.
const DIRECTIONS: usize = 8;
/// Steps of the differences: of each direction the one counts that agrees best, since small ones drown in rounding and large ones leave the tangent.
const STEPS: [f32; 6] = [3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4];

/// Errors beyond this are none of rounding and kinks.
const FAR: f64 = 5e-2;

/// Returns how far the slopes that a gradient promises along random halves of itself are from those of the file on ONNX Runtime, relative to these: the
/// median.
///
/// Along the half of a gradient the slope is the half's squared length; where the gradient is wrong, some half promises something else.
pub(crate) fn slopes(path: &Path, runtimes: &Runtimes, reference: &Reference, gradient: &Tensor) -> Result<f64, String> {
    let ort = runtimes.ort.as_ref().ok_or("ONNX Runtime, which slopes are measured on, is absent")?;
    let mut session = ort.compile_file(path).map_err(|e| e.to_string())?;
    let attacked = session.inputs().iter().find(|port| !reference.held.contains_key(&port.name));
    let name = attacked.map(|port| port.name.clone()).unwrap_or_default();
    let largest = gradient.data.iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return Err(format!("the largest element of the gradient is {largest}"));
    }
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 63 == 1
    };
    let mut errors = Vec::new();
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for _ in 0..DIRECTIONS {
        let direction: Vec<f32> = gradient.data.iter().map(|g| if bit() { g / largest } else { 0.0 }).collect();
        let promised: f64 = direction.iter().zip(&gradient.data).map(|(d, g)| f64::from(*d) * f64::from(*g)).sum();
        let mut best = f64::INFINITY;
        for step in STEPS {
            let mut at = |sign: f32| {
                let mut x = reference.x.clone();
                x.data.iter_mut().zip(&direction).for_each(|(x, d)| *x += sign * step * d);
                weighted(session.as_mut(), &name, &x, reference)
            };
            let slope = (at(1.0)? - at(-1.0)?) / (2.0 * f64::from(step));
            (least, most) = (least.min(slope.abs()), most.max(slope.abs()));
            best = best.min((slope - promised).abs() / slope.abs().max(f64::MIN_POSITIVE));
        }
        errors.push(best);
    }
    errors.sort_by(f64::total_cmp);
    let median = errors[DIRECTIONS / 2];
    if median > FAR {
        return Err(format!("off by {median:.0e}; with the step the file's own slopes run from {least:.1e} to {most:.1e}"));
    }
    Ok(median)
}

/// The sum of outputs times cotangents.
fn weighted(session: &mut dyn Session, name: &str, x: &Tensor, reference: &Reference) -> Result<f64, String> {
    let outputs = run(session, &[(name, x)], &reference.held)?;
    let products = outputs.iter().zip(&reference.cotangents).flat_map(|(output, cotangent)| output.data.iter().zip(&cotangent.data));
    Ok(products.map(|(o, c)| f64::from(*o) * f64::from(*c)).sum())
}
