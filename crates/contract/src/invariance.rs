//! What must not matter: the scale and offset of logits, the order of classes, a class that never wins, and how samples are batched.

use brinell_threat::Norm;

use crate::allowance::allowance;
use crate::check::{Check, Finding, above, below};
use crate::harness::{Harness, HarnessError, Open, Way};
use crate::net::Layer;
use crate::problem::{Problem, problems};
use brinell_attack::Recipe;

/// Copies of a sample that share batches.
const COPIES: u64 = 5;

/// The same problem under models that predict the same everywhere.
fn variants(problem: &Problem) -> Vec<Problem> {
    let shift = |by: f32| move |layer: &mut Layer| layer.bias.iter_mut().for_each(|b| *b += by);
    let scale = |by: f32| {
        move |layer: &mut Layer| {
            layer.bias.iter_mut().for_each(|b| *b *= by);
            layer.weights.iter_mut().flatten().for_each(|w| *w *= by);
        }
    };
    let mut permuted = problem.with_output("classes reversed", |layer| {
        layer.weights.reverse();
        layer.bias.reverse();
    });
    permuted.label = problem.net.n_classes() - 1 - problem.label;
    vec![
        problem.with_output("logits + 100", shift(100.0)),
        problem.with_output("logits - 100, all negative", shift(-100.0)),
        problem.with_output("logits x 1000", scale(1000.0)),
        problem.with_output("logits x 0.001", scale(0.001)),
        permuted,
        problem.with_output("with a class that never wins", |layer| {
            let width = layer.weights.first().map_or(0, Vec::len);
            layer.weights.push(vec![0.0; width]);
            layer.bias.push(-1e4);
        }),
    ]
}

/// Checks that verdicts just above and just below the optimum stay the same.
pub(crate) fn check(
    attack: &dyn Recipe,
    norm: Norm,
    harness: &Harness,
    open: &mut Open<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), HarnessError> {
    let held = |problem: Problem| allowance(attack, norm, &problem).map(|allowance| (problem, allowance));
    if let Some((problem, allowance)) = problems().into_iter().find_map(held) {
        let optimum = problem.optimum(norm);
        let radii = [(above(norm, optimum, allowance), true), (below(norm, optimum), false)];
        for variant in variants(&problem) {
            for (eps, expected) in radii {
                let verdicts = harness.run(open, attack, &variant, norm, Way::within(eps))?;
                let found = verdicts.first().is_some_and(|verdict| verdict.found.is_some());
                let detail = format!("found {found} instead of {expected}, within {eps:.6}, optimum {optimum:.6}");
                findings.push(Finding {
                    attack: attack.name().to_owned(),
                    norm,
                    check: Check::Invariant,
                    case: variant.name.clone(),
                    passed: found == expected,
                    ratio: None,
                    detail,
                });
            }
        }
        batches(attack, norm, &problem, radii[0].0, harness, open, findings)?;
    } else if let Some(problem) = problems().first() {
        // What promises no success is still the same in every batch.
        batches(attack, norm, problem, above(norm, problem.optimum(norm), 1.0), harness, open, findings)?;
    }
    Ok(())
}

/// Runs copies of one sample alone, together, in the other order and on one thread: each must come out the same, bit for bit.
fn batches(
    attack: &dyn Recipe,
    norm: Norm,
    problem: &Problem,
    eps: f64,
    harness: &Harness,
    open: &mut Open<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), HarnessError> {
    let single = Harness::new(1)?;
    let alone = Way { copies: COPIES, ..Way::within(eps) };
    let expected = harness.run(open, attack, problem, norm, alone)?;
    let ways = [
        ("in one batch", Way { batch: 16, ..alone }, harness),
        ("in the other order", Way { batch: 3, reversed: true, ..alone }, harness),
        ("on one thread", Way { batch: 2, ..alone }, &single),
    ];
    for (name, way, harness) in ways {
        let verdicts = harness.run(open, attack, problem, norm, way)?;
        findings.push(Finding {
            attack: attack.name().to_owned(),
            norm,
            check: Check::Invariant,
            case: format!("{}, {name}", problem.name),
            passed: verdicts == expected,
            ratio: None,
            detail: format!("verdicts of {COPIES} samples differ from those one by one"),
        });
    }
    Ok(())
}
