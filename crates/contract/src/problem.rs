//! The cases: models, clean inputs, and the distance at which their class flips.

use brinell_threat::{InputBox, Norm};

use crate::net::{Layer, Net};
use crate::optimum::distance;

/// A net and an input that it gets right.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Name for messages.
    pub name: String,
    /// The model.
    pub net: Net,
    /// Shape of one input, `[C, H, W]` or `[d]`.
    pub shape: Vec<usize>,
    /// Clean input `[d]`, in the unit box.
    pub x: Vec<f32>,
    /// Its class.
    pub label: usize,
}

impl Problem {
    /// Box of all inputs.
    pub const BOUNDS: InputBox = InputBox::UNIT;

    /// Returns the smallest distance of any input that the model gives another class than the label, exact up to rounding in f64.
    ///
    /// The lead of the label over another class falls along straight pieces, one for each set of hidden units that are on. Where no weight
    /// from a hidden unit to that class's lead has the sign that would make a piece count where it is not the model, which holds for the
    /// nets of [`problems`], the lead is the least of all pieces, and the nearest flip is the nearest of all pieces and classes.
    #[must_use]
    pub fn optimum(&self, norm: Norm) -> f64 {
        let z = |layer: &Layer, class: usize| (layer.weights[class].clone(), f64::from(layer.bias[class]));
        let (own, own_bias) = z(&self.net.output, self.label);
        let others = (0..self.net.n_classes()).filter(|&class| class != self.label);
        let flips = others.flat_map(|class| {
            let (other, bias) = z(&self.net.output, class);
            let difference: Vec<f64> = other.iter().zip(&own).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
            self.pieces(&difference, bias - own_bias)
        });
        flips.map(|(w, lead)| distance(&w, lead, &self.x, norm, Self::BOUNDS)).fold(f64::INFINITY, f64::min)
    }

    /// Returns by how much a point exceeds the goal, in f64: positive where it has another class than the label, or the target's.
    pub(crate) fn margin(&self, x: &[f32], target: Option<usize>) -> f64 {
        let z = self.net.logits(x);
        let best_but = |class: usize| (0..z.len()).filter(|&k| k != class).map(|k| z[k]).fold(f64::NEG_INFINITY, f64::max);
        match target {
            Some(target) => z[target] - best_but(target),
            None => best_but(self.label) - z[self.label],
        }
    }

    /// Returns a corner of the box that reaches the goal, where one of those does that lie along the slope of a piece: in an audit, another input of
    /// the data.
    pub(crate) fn guide(&self, target: Option<usize>) -> Option<Vec<f32>> {
        let own = &self.net.output.weights[self.label];
        let slopes = self.net.output.weights.iter().flat_map(|other| {
            let difference: Vec<f64> = other.iter().zip(own).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
            self.pieces(&difference, 0.0)
        });
        let corner = |w: &[f64]| w.iter().map(|w| if *w > 0.0 { Self::BOUNDS.hi() } else { Self::BOUNDS.lo() }).collect();
        slopes.map(|(w, _)| corner(&w)).find(|x: &Vec<f32>| self.margin(x, target) > 0.0)
    }

    /// Slope by the input of every piece of `difference . h + bias`, and by how much each must rise from the clean input to reach zero.
    fn pieces(&self, difference: &[f64], bias: f64) -> Vec<(Vec<f64>, f64)> {
        let at = |w: &[f64], bias: f64| -(w.iter().zip(&self.x).map(|(w, &x)| w * f64::from(x)).sum::<f64>() + bias);
        let Some(hidden) = &self.net.hidden else {
            return vec![(difference.to_vec(), at(difference, bias))];
        };
        let units: Vec<usize> = (0..difference.len()).filter(|&unit| difference[unit] != 0.0).collect();
        (1..1usize << units.len())
            .map(|set| {
                let (mut w, mut constant) = (vec![0.0; self.x.len()], bias);
                for unit in units.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, &unit)| unit) {
                    w.iter_mut().zip(&hidden.weights[unit]).for_each(|(w, &v)| *w += difference[unit] * f64::from(v));
                    constant += difference[unit] * f64::from(hidden.bias[unit]);
                }
                let lead = at(&w, constant);
                (w, lead)
            })
            .collect()
    }

    /// Returns the problem with another output layer, made from the weights and bias of every class.
    pub(crate) fn with_output(&self, name: &str, change: impl FnOnce(&mut Layer)) -> Self {
        let mut changed = self.clone();
        changed.name = format!("{}, {name}", self.name);
        change(&mut changed.net.output);
        changed
    }
}

/// Numbers between -1 and 1 without a pattern that an attack could profit from.
fn wave(k: usize, frequency: f64) -> f64 {
    (1.0 + k as f64 * frequency).sin()
}

/// `n` rows of weights for inputs of `d` elements.
fn rows(n: usize, d: usize, frequency: f64) -> Vec<Vec<f32>> {
    (0..n).map(|row| (0..d).map(|k| wave(row * 31 + k, frequency) as f32 + 0.1 * wave(k + row, 0.7) as f32).collect()).collect()
}

/// A clean input that keeps `inset` away from the sides of the box.
fn input(d: usize, inset: f64) -> Vec<f32> {
    (0..d).map(|k| (inset + (1.0 - 2.0 * inset) * (0.5 + 0.5 * wave(k, 1.9))) as f32).collect()
}

/// A linear model whose label 0 leads class 1 by half of `lead` and class k by `lead` times a factor that grows a little with k: attacks
/// that follow one loss must reach the nearest class, so that it is also the one that the clean logits point to.
fn linear(name: &str, shape: [usize; 3], classes: usize, inset: f64, lead: f64) -> Problem {
    let d = shape.iter().product();
    let (weights, x) = (rows(classes, d, 2.3), input(d, inset));
    let dot = |w: &[f32]| w.iter().zip(&x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>();
    let own = dot(&weights[0]);
    let bias = weights
        .iter()
        .enumerate()
        .map(|(class, w)| {
            let factor = match class {
                0 => return 0.0,
                1 => 0.5,
                _ => 1.0 + 0.07 * class as f64,
            };
            (own - dot(w) - lead * factor) as f32
        })
        .collect();
    Problem { name: name.to_owned(), net: Net { hidden: None, output: Layer { weights, bias } }, shape: shape.to_vec(), x, label: 0 }
}

/// Two classes and three hidden units that speak for class 1: one is on at the clean input, the others come on along the way.
fn relu(name: &str, shape: [usize; 3], inset: f64, lead: f64) -> Problem {
    let d = shape.iter().product();
    let x = input(d, inset);
    let base = rows(1, d, 2.3).remove(0);
    let weights: Vec<Vec<f32>> = (0..3).map(|unit| (0..d).map(|k| base[k] + 0.4 * wave(k + 17 * unit, 1.3) as f32).collect()).collect();
    let dot = |w: &[f32]| w.iter().zip(&x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>();
    let offsets = [0.5 * lead, -0.1 * lead, -0.2 * lead];
    let bias = weights.iter().zip(offsets).map(|(w, offset)| (offset - dot(w)) as f32).collect();
    let output = Layer { weights: vec![vec![0.0; 3], vec![1.0, 0.8, 0.6]], bias: vec![0.0, -1.5 * lead as f32] };
    Problem { name: name.to_owned(), net: Net { hidden: Some(Layer { weights, bias }), output }, shape: shape.to_vec(), x, label: 0 }
}

/// Models with a known optimum in every norm, with the box far away and with the box in the way; two and more classes; shapes with one and
/// three channels, square and not.
#[must_use]
pub fn problems() -> Vec<Problem> {
    vec![
        linear("linear, 2 classes", [1, 5, 5], 2, 0.3, 3.0),
        linear("linear, 2 classes, box in the way", [1, 4, 6], 2, 0.0, 12.0),
        linear("linear, 10 classes", [3, 4, 5], 10, 0.25, 4.0),
        relu("ReLU, box far away", [1, 6, 6], 0.3, 1.2),
        relu("ReLU, box in the way", [3, 3, 3], 0.05, 3.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_task::{Classify, Posed, Task, Truth, Wanted};
    use brinell_threat::Ball;

    #[test]
    fn clean_inputs_are_right_and_can_be_flipped() {
        for problem in problems() {
            assert!(problem.margin(&problem.x, None) < 0.0, "{}", problem.name);
            for norm in Norm::ALL {
                let optimum = problem.optimum(norm);
                assert!(optimum.is_finite() && optimum > 0.0, "{} {norm}: {optimum}", problem.name);
            }
            let rounded: Vec<f32> = problem.net.logits(&problem.x).iter().map(|&z| z as f32).collect();
            let posed = Posed { truth: &Truth::Class(problem.label), wanted: &Wanted::BREAK };
            assert!(Classify::new(rounded.len()).margin(&rounded, posed) < 0.0);
        }
    }

    #[test]
    fn just_above_the_optimum_a_flip_exists_and_below_none_is_found_by_the_support_function() {
        for problem in problems() {
            for norm in Norm::ALL {
                let optimum = problem.optimum(norm);
                // For a convex gain, the best point is that of one piece: the support function's point of that piece's slope.
                let best = |eps: f64| {
                    let own = &problem.net.output.weights[problem.label];
                    let classes = (0..problem.net.n_classes()).filter(|&k| k != problem.label);
                    let pieces = classes.flat_map(|k| {
                        let difference: Vec<f64> =
                            problem.net.output.weights[k].iter().zip(own).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
                        problem
                            .pieces(&difference, f64::from(problem.net.output.bias[k]) - f64::from(problem.net.output.bias[problem.label]))
                    });
                    let ball = Ball { norm, eps, bounds: Problem::BOUNDS, features: None };
                    pieces
                        .map(|(w, lead)| ball.support(&problem.x, &w.iter().map(|&w| w as f32).collect::<Vec<_>>()) - lead)
                        .fold(f64::NEG_INFINITY, f64::max)
                };
                let step = if norm == Norm::L0 { 1.0 } else { 1e-3 * optimum };
                assert!(best(optimum + 0.1 * step) >= -1e-6, "{} {norm}: {}", problem.name, best(optimum));
                assert!(best(optimum - step) < 0.0, "{} {norm}", problem.name);
            }
        }
    }

    #[test]
    fn no_random_point_below_the_optimum_flips() {
        use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for problem in problems() {
            for norm in Norm::ALL {
                let optimum = problem.optimum(norm);
                let eps = if norm == Norm::L0 { optimum - 1.0 } else { 0.999 * optimum };
                let ball = Ball { norm, eps, bounds: Problem::BOUNDS, features: None };
                let mut z = problem.x.clone();
                for _ in 0..500 {
                    ball.sample_uniform(&problem.x, &mut rng, &mut z);
                    assert!(problem.margin(&z, None) < 0.0, "{} {norm}", problem.name);
                }
            }
        }
    }
}
