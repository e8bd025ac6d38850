//! Survival under other threats than the one that was trained for.

use std::f64::consts::{E, PI};

use brinell_record::Elsewhere;
use brinell_threat::{Ball, Norm};

use crate::HardenError;
use crate::inner::Check;
use crate::net::Net;
use crate::samples::Samples;
use crate::training::standing;

/// Test samples on which other threats are measured.
const MEASURED: usize = 500;
/// Steps of each of the two attacks.
const STEPS: usize = 20;

/// Returns how many samples survive half and one and a half times the radius, and the ball of the other norm that has the same volume, for both sets of weights.
///
/// # Errors
/// [`HardenError::Engine`].
pub(crate) fn measure(
    net: &mut Net,
    weights: [&[Vec<f32>]; 2],
    test: &Samples,
    ball: &Ball,
    seed: u64,
) -> Result<Vec<Elsewhere>, HardenError> {
    let samples = test.first(MEASURED);
    let elements = net.sample_len;
    let (other, eps) = other_norm(ball, elements);
    let threats = [(ball.norm, 0.5 * ball.eps), (ball.norm, 1.5 * ball.eps), (other, eps)];
    let mut found = Vec::new();
    for (norm, eps) in threats.into_iter().filter(|&(norm, eps)| eps <= Ball { norm, ..ball.clone() }.diameter(elements)) {
        let ball = Ball { norm, eps, ..ball.clone() };
        let check = Check { ball: &ball, steps: STEPS, margin: true, seed };
        let mut survived = [0; 2];
        for (survived, weights) in survived.iter_mut().zip(weights) {
            *survived = standing(net, weights, &samples, &check)?.1;
        }
        found.push(Elsewhere { norm: norm.name().to_owned(), eps, survived, n: samples.len() });
    }
    Ok(found)
}

/// The other norm, and the radius of its ball with the volume of this one, for a large number of elements.
fn other_norm(ball: &Ball, elements: usize) -> (Norm, f64) {
    // A cube of edge 2 e has the volume of a ball of radius e sqrt(2 d / (pi e)), by Stirling's formula.
    let ratio = (2.0 * elements as f64 / (PI * E)).sqrt();
    if ball.norm == Norm::L2 { (Norm::Linf, ball.eps / ratio) } else { (Norm::L2, ball.eps * ratio) }
}

#[cfg(test)]
mod tests {
    use brinell_threat::InputBox;

    use super::*;

    #[test]
    fn the_balls_of_both_norms_lead_back_to_each_other() {
        let cube = Ball { norm: Norm::Linf, eps: 0.1, bounds: InputBox::UNIT, features: None };
        let (norm, eps) = other_norm(&cube, 784);
        assert_eq!(norm, Norm::L2);
        assert!((eps - 1.355).abs() < 1e-3, "{eps}");
        let (norm, back) = other_norm(&Ball { norm, eps, ..cube }, 784);
        assert!(norm == Norm::Linf && (back - 0.1).abs() < 1e-12);
    }
}
