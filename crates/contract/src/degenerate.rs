//! Cases that have broken attacks before: nothing to find, nothing to follow, and odd shapes.

use brinell_threat::Norm;

use crate::check::{Check, Finding};
use crate::harness::{Harness, HarnessError, Open, Way};
use crate::net::{Layer, Net};
use crate::problem::Problem;
use brinell_attack::Recipe;

/// Elements of a flat input of ones and zeros.
fn stripes(d: usize) -> Vec<f32> {
    (0..d).map(|k| if k % 2 == 0 { 0.25 } else { 0.75 }).collect()
}

/// A linear model of two classes that leads by 0.1 at `x`, whose weights have alternating signs.
fn plain(name: &str, shape: &[usize]) -> Problem {
    let d: usize = shape.iter().product();
    let x = stripes(d);
    let w: Vec<f32> = (0..d).map(|k| if k % 3 == 0 { 1.0 } else { -0.5 }).collect();
    let at: f32 = w.iter().zip(&x).map(|(w, x)| w * x).sum();
    let output = Layer { weights: vec![vec![0.0; d], w], bias: vec![0.0, -at - 0.1] };
    Problem { name: name.to_owned(), net: Net { hidden: None, output }, shape: shape.to_vec(), x, label: 0 }
}

/// The same answer everywhere.
fn constant(name: &str, logits: &[f32]) -> Problem {
    let d = 12;
    let output = Layer { weights: vec![vec![0.0; d]; logits.len()], bias: logits.to_vec() };
    Problem { name: name.to_owned(), net: Net { hidden: None, output }, shape: vec![1, 3, 4], x: stripes(d), label: 0 }
}

/// Returns the cases: each with whether an example exists anywhere in the box.
#[must_use]
pub fn degenerate_problems() -> Vec<(Problem, bool)> {
    let mut wrong = plain("already wrong", &[1, 3, 4]);
    wrong.label = 1;
    vec![
        (plain("1 x 1 image", &[1, 1, 1]), true),
        (plain("one row, one channel", &[1, 1, 9]), true),
        (plain("not square, three channels", &[3, 2, 5]), true),
        (plain("flat input", &[7]), true),
        (constant("constant model", &[1.0, 0.0]), false),
        (constant("constant model, 3 classes", &[1.0, 0.0, -2.0]), false),
        (constant("logits NaN", &[f32::NAN, 0.0]), false),
        (constant("logits infinite", &[f32::INFINITY, 0.0]), false),
        (wrong, true),
    ]
}

/// Checks that the attack ends by itself, finds nothing where nothing is, and nothing at radius 0 unless the sample is wrong already.
pub(crate) fn check(
    attack: &dyn Recipe,
    norm: Norm,
    harness: &Harness,
    open: &mut Open<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), HarnessError> {
    for (problem, exists) in degenerate_problems() {
        let wrong = problem.margin(&problem.x, None) > 0.0;
        let diameter = if norm == Norm::L0 { problem.x.len() as f64 } else { 1.0 };
        let mut ways = vec![("radius 0", Way::within(0.0), wrong), ("radius of the box", Way::within(diameter), exists)];
        if attack.seeks_minimum() {
            ways.push(("any radius", Way::nearest(), exists));
        }
        for (name, way, may_find) in ways {
            let verdicts = harness.run(open, attack, &problem, norm, way)?;
            let found = verdicts.iter().any(|verdict| verdict.found.is_some());
            let endless = verdicts.iter().any(|verdict| verdict.exhausted);
            let inside =
                verdicts.iter().filter_map(|verdict| verdict.found.as_ref()).all(|found| found.x_adv.iter().all(|v| v.is_finite()));
            let passed = verdicts.len() == 1 && (may_find || !found) && !endless && inside;
            findings.push(Finding {
                attack: attack.name().to_owned(),
                norm,
                check: Check::Degenerate,
                case: format!("{}, {name}", problem.name),
                passed,
                ratio: None,
                detail: format!("{} verdicts, found {found}, ended by the query limit {endless}", verdicts.len()),
            });
        }
    }
    Ok(())
}
