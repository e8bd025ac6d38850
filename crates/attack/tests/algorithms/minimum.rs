//! On models whose nearest example is known in closed form, every minimum-norm attack comes within 1 % of it and never below.

use crate::linear::{Problem, largest_drop, problem};
use crate::model::{Model, Trace, run};
use brinell_attack::{Recipe, Start, recipe};
use brinell_threat::{Ball, InputBox, Norm};

/// Every minimum-norm attack with the norms it works in; settings where the default would take long here.
const ATTACKS: [&str; 8] =
    ["deepfool", "cw:steps=300", "ddn", "fmn", "ead:steps=300", "pdpgd", "sigma-zero", "bim:searches=30,steps=40,step=0.1"];

fn each(mut check: impl FnMut(&dyn Recipe, Norm)) {
    for name in ATTACKS {
        let made = recipe(name).unwrap();
        made.norms().iter().for_each(|&norm| check(&*made, norm));
    }
}

fn attack(recipe: &dyn Recipe, model: &dyn Model, x: &[f32], norm: Norm, label: usize, target: Option<usize>, classes: usize) -> Trace {
    let ball = Ball::unlimited(norm, InputBox::UNIT);
    let logits: Vec<f32> = model.logits(x).iter().map(|&z| z as f32).collect();
    let start = Start { logits: &logits, target, seed: 5, sample: 9, ..Start::new(x, &ball, label, classes) };
    run(recipe.start(&start), model, recipe.loss(target.is_some(), classes), label, target, x.len())
}

/// Distance of the nearest point that reached the goal.
fn nearest(trace: &Trace, x: &[f32], norm: Norm) -> f64 {
    let ball = Ball::unlimited(norm, InputBox::UNIT);
    let found = trace.points.iter().zip(&trace.reached).filter(|(_, reached)| **reached);
    found.map(|(point, _)| ball.distance(x, point)).fold(f64::INFINITY, f64::min)
}

/// A radius and a problem whose nearest example is there.
fn known(norm: Norm, inset: f32, eps: f64) -> (f64, Problem) {
    let eps = match norm {
        Norm::L0 => (10.0 * eps).ceil(),
        Norm::L1 => 3.0 * eps,
        _ => eps,
    };
    let lead = largest_drop(&problem(inset, 0.0), norm, eps);
    // A hair less than all of it, so that the whole number of elements is enough.
    (eps, problem(inset, if norm == Norm::L0 { lead * 0.999 } else { lead }))
}

#[test]
fn linear_models() {
    let mut bad = Vec::new();
    each(|recipe, norm| {
        for (inset, eps) in [(0.3, 0.1), (0.0, 0.4), (0.0, 0.9)] {
            for target in [None, Some(1)] {
                let (optimum, problem) = known(norm, inset, eps);
                let trace = attack(recipe, &problem.model, &problem.x, norm, 0, target, 2);
                let found = nearest(&trace, &problem.x, norm);
                println!("{} {norm} {inset} {eps} {target:?}: {:.5} in {} + {}", recipe.name(), found / optimum, trace.points.len(), trace.backwards);
                assert!(found >= optimum * (1.0 - 1e-5), "{} {norm}: {found} is below {optimum}", recipe.name());
                if found > optimum * 1.01 {
                    bad.push(format!("{} {norm} {inset} {eps} {target:?}: {found} for {optimum}", recipe.name()));
                }
            }
        }
    });
    assert!(bad.is_empty(), "{bad:#?}");
}
