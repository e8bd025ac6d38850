//! Trees as they stand in a node: tests on features, leaves, and how the sums are read.

mod attributes;
mod flat;
mod listed;

use brinell_graph::OpaqueOp;

use super::{Decision, Spread, Transform};
use attributes::Attributes;

/// A place in a tree as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// Goes on at `yes` where the feature lies in one of the closed intervals, or is missing and `missing` says so, else at `no`.
    Test { feature: usize, within: Vec<(f64, f64)>, yes: usize, no: usize, missing: bool },
    /// Scores and what is added to them.
    Leaf(Vec<(usize, f64)>),
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    pub(super) places: Vec<Place>,
    pub(super) roots: Vec<usize>,
    pub(super) base: Vec<f64>,
    pub(super) decision: Decision,
    pub(super) spread: Spread,
    pub(super) transforms: Vec<Transform>,
}

/// Reads a node. Of one score, class 1 is what lies above `below`.
pub(super) fn parts(op: &OpaqueOp, below: Option<f64>) -> Result<Parts, String> {
    let all = Attributes::decode(op)?;
    match op.op_type.as_str() {
        "TreeEnsembleClassifier" => listed::classifier(&all),
        "TreeEnsembleRegressor" => listed::regressor(&all, below),
        "TreeEnsemble" => flat::ensemble(&all, below),
        other => Err(format!("`{other}` is unknown")),
    }
}

/// The test of a mode with its value.
struct Test {
    within: Vec<(f64, f64)>,
    /// Its sides are exchanged.
    turned: bool,
    /// A missing value goes to the side of what lies within.
    missing: bool,
}

/// Returns the test of a mode with its value; `tracks` says that a missing value takes the side where the test of the file holds, beside what comparing with
/// it gives: that it differs, and nothing else.
fn test(mode: &str, value: f64, tracks: bool) -> Result<Test, String> {
    let most = |value: f64| vec![(f64::NEG_INFINITY, value)];
    if value.is_nan() {
        return Err("a threshold is not a number".to_owned());
    }
    let (within, turned) = match mode {
        "BRANCH_LEQ" => (most(value), false),
        // What is compared has at most double precision: x < t is x <= the number before t.
        "BRANCH_LT" => (most(value.next_down()), false),
        "BRANCH_GTE" => (most(value.next_down()), true),
        "BRANCH_GT" => (most(value), true),
        "BRANCH_EQ" => (vec![(value, value)], false),
        "BRANCH_NEQ" => (vec![(value, value)], true),
        other => return Err(format!("branches of mode `{other}` are unknown")),
    };
    let missing = mode != "BRANCH_NEQ" && tracks != turned;
    Ok(Test { within, turned, missing })
}

/// True where every input reaches a leaf that adds to the score: all leaves of some tree do.
fn always(places: &[Place], roots: &[usize], score: usize) -> bool {
    let in_all_leaves = |root: usize| {
        let mut open = vec![root];
        let mut seen = vec![false; places.len()];
        while let Some(place) = open.pop() {
            match (places.get(place), seen.get_mut(place)) {
                (Some(_), Some(true)) => {}
                (Some(Place::Test { yes, no, .. }), Some(seen)) => {
                    *seen = true;
                    open.extend([*yes, *no]);
                }
                (Some(Place::Leaf(list)), _) if !list.iter().any(|(to, _)| *to == score) => return false,
                _ => {}
            }
        }
        true
    };
    roots.iter().any(|&root| in_all_leaves(root))
}

/// How the sums of a regressor with so many targets are read.
fn targets(
    places: &[Place],
    roots: &[usize],
    n: usize,
    post_transform: &str,
    base: Vec<f64>,
    below: Option<f64>,
) -> Result<Decided, String> {
    let base = if base.is_empty() { vec![0.0; n] } else { base };
    if base.len() != n {
        return Err(format!("it has {} base values for {n} scores", base.len()));
    }
    // ONNX Runtime leaves out the base value of a score to which no leaf adds.
    if base.iter().enumerate().any(|(score, value)| value.abs() > 0.0 && !always(places, roots, score)) {
        return Err("some inputs reach no leaf for one of its scores, which have base values".to_owned());
    }
    if n == 1 {
        let Some(below) = below else { return Err("its score does not belong to a class".to_owned()) };
        // ONNX Runtime applies none of the other transforms to a single score.
        if post_transform == "PROBIT" {
            return Err("post_transform `PROBIT` is not supported".to_owned());
        }
        return Ok(Decided { base, decision: Decision::Above(below), spread: Spread::Each, transforms: Vec::new() });
    }
    Ok(Decided { base, decision: Decision::Largest, spread: Spread::Each, transforms: transforms(post_transform)? })
}

/// How sums are read.
struct Decided {
    base: Vec<f64>,
    decision: Decision,
    spread: Spread,
    transforms: Vec<Transform>,
}

/// What a transform makes of several scores.
fn transforms(post_transform: &str) -> Result<Vec<Transform>, String> {
    match post_transform {
        "NONE" => Ok(Vec::new()),
        "LOGISTIC" => Ok(vec![Transform::Logistic]),
        "SOFTMAX" => Ok(vec![Transform::Softmax]),
        other => Err(format!("post_transform `{other}` may change the order of the scores")),
    }
}

/// Divides what the leaves add by the number of trees, as an average does.
fn average(places: &mut [Place], trees: usize) {
    let n = (0..trees).fold(0.0_f64, |n, _| n + 1.0);
    let leaves = places.iter_mut().filter_map(|place| match place {
        Place::Leaf(weights) => Some(weights),
        Place::Test { .. } => None,
    });
    leaves.flatten().for_each(|(_, weight)| *weight /= n);
}
