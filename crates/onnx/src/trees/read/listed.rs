//! TreeEnsembleClassifier and TreeEnsembleRegressor: nodes by the numbers of their trees and their own, leaves' weights in lists beside them.

use std::collections::{HashMap, HashSet};

use super::attributes::{Attributes, sizes};
use super::{Decided, Parts, Place, Test, always, average, targets, test, transforms};
use crate::trees::{Decision, Spread, Transform};

/// Weights of the leaves, by tree and node.
type Leaves = HashMap<(i64, i64), Vec<(usize, f64)>>;

pub(super) fn regressor(all: &Attributes, below: Option<f64>) -> Result<Parts, String> {
    let (mut places, roots) = trees(all, leaves(all, "target")?.0)?;
    match all.text("aggregate_function", "SUM").as_str() {
        "SUM" => {}
        "AVERAGE" => average(&mut places, roots.len()),
        other => return Err(format!("aggregate_function `{other}` is not supported, only SUM")),
    }
    let n = usize::try_from(all.int("n_targets", 1)).unwrap_or(0);
    let decided = targets(&places, &roots, n, &all.text("post_transform", "NONE"), all.numbers("base_values")?, below)?;
    Ok(together(places, roots, decided))
}

pub(super) fn classifier(all: &Attributes) -> Result<Parts, String> {
    let (leaves, ids) = leaves(all, "class")?;
    let (mut places, roots) = trees(all, leaves)?;
    let classes = all.strings("classlabels_strings").len().max(all.ints("classlabels_int64s").len());
    let base = all.numbers("base_values")?;
    let transform = all.text("post_transform", "NONE");
    let one = ids.first().copied().filter(|first| ids.iter().all(|id| id == first));
    if classes != 2 {
        let base = if base.is_empty() { vec![0.0; classes] } else { base };
        if classes < 2 || base.len() != classes {
            return Err(format!("it has {} base values for {classes} classes", base.len()));
        }
        let transforms = transforms(&transform)?;
        return Ok(together(places, roots, Decided { base, decision: Decision::Largest, spread: Spread::Each, transforms }));
    }
    let Some(id) = one else {
        // ONNX Runtime takes a sample for which no leaf knows class 1 as one with a single score.
        if !always(&places, &roots, 1) {
            return Err("it has two classes, but some leaves have a score for one only".to_owned());
        }
        if base.len() == 2 {
            return Err("ONNX Runtime treats two base values for two classes in a special way".to_owned());
        }
        // One base value counts for the first class.
        let base = vec![base.first().copied().unwrap_or(0.0), 0.0];
        let transforms = transforms(&transform)?;
        return Ok(together(places, roots, Decided { base, decision: Decision::Largest, spread: Spread::Each, transforms }));
    };
    if base.len() > 1 || id > 1 {
        return Err("its leaves have a score for one of two classes, but it has more base values than one".to_owned());
    }
    if !always(&places, &roots, id) {
        return Err("some inputs reach no leaf that adds to their score".to_owned());
    }
    let decided = match (id, transform.as_str()) {
        // The single score is that of class 1, whatever its number; the transforms but LOGISTIC are not applied.
        (0, "LOGISTIC") => (Decision::Above(0.0), Spread::Signed, vec![Transform::Logistic]),
        (0, "NONE" | "SOFTMAX" | "SOFTMAX_ZERO") => {
            if all.numbers("class_weights")?.iter().all(|weight| *weight >= 0.0) {
                (Decision::Above(0.5), Spread::Halves, Vec::new())
            } else {
                (Decision::Above(0.0), Spread::Signed, Vec::new())
            }
        }
        // The score of class 0 stays 0, and the base value is left out.
        (1, "NONE" | "LOGISTIC" | "SOFTMAX") => (Decision::Above(0.0), Spread::Zero, transforms(&transform)?),
        (_, other) => return Err(format!("post_transform `{other}` may change the order of the scores")),
    };
    for place in &mut places {
        if let Place::Leaf(weights) = place {
            weights.iter_mut().for_each(|(score, _)| *score = 0);
        }
    }
    let base = vec![if id == 0 { base.first().copied().unwrap_or(0.0) } else { 0.0 }];
    let (decision, spread, transforms) = decided;
    Ok(together(places, roots, Decided { base, decision, spread, transforms }))
}

fn together(places: Vec<Place>, roots: Vec<usize>, decided: Decided) -> Parts {
    let Decided { base, decision, spread, transforms } = decided;
    Parts { places, roots, base, decision, spread, transforms }
}

/// Weights of the leaves, and the scores that they add to.
fn leaves(all: &Attributes, kind: &str) -> Result<(Leaves, Vec<usize>), String> {
    let name = |what: &str| format!("{kind}_{what}");
    let (ids, weights) = (sizes(&name("ids"), &all.ints(&name("ids")))?, all.numbers(&name("weights"))?);
    let (at_tree, at_node) = (all.ints(&name("treeids")), all.ints(&name("nodeids")));
    if [weights.len(), at_tree.len(), at_node.len()].iter().any(|len| *len != ids.len()) {
        return Err("its lists of leaves have different lengths".to_owned());
    }
    let mut leaves = Leaves::new();
    for (((&id, &weight), &tree), &node) in ids.iter().zip(&weights).zip(&at_tree).zip(&at_node) {
        leaves.entry((tree, node)).or_default().push((id, weight));
    }
    Ok((leaves, ids))
}

/// All places, and those that no other leads to.
fn trees(all: &Attributes, mut leaves: Leaves) -> Result<(Vec<Place>, Vec<usize>), String> {
    let (trees, nodes) = (all.ints("nodes_treeids"), all.ints("nodes_nodeids"));
    let (yes, no) = (all.ints("nodes_truenodeids"), all.ints("nodes_falsenodeids"));
    // A test with an infinite number asks whether a value is missing.
    let (features, values) = (all.ints("nodes_featureids"), all.any_numbers("nodes_values")?);
    let (modes, tracks) = (all.strings("nodes_modes"), all.ints("nodes_missing_value_tracks_true"));
    let n = trees.len();
    if [nodes.len(), yes.len(), no.len(), features.len(), values.len(), modes.len()].iter().any(|len| *len != n) {
        return Err("its lists of nodes have different lengths".to_owned());
    }
    let at: HashMap<(i64, i64), usize> = trees.iter().copied().zip(nodes.iter().copied()).zip(0..).collect();
    let mut places = Vec::with_capacity(n);
    let mut is_child = vec![false; n];
    let rows = trees.iter().zip(&nodes).zip(yes.iter().zip(&no)).zip(features.iter().zip(&values)).zip(&modes);
    for ((((&tree, &node), (&yes, &no)), (&feature, &value)), mode) in rows {
        if mode == "LEAF" {
            places.push(Place::Leaf(leaves.remove(&(tree, node)).unwrap_or_default()));
            continue;
        }
        let child = |id: i64| at.get(&(tree, id)).copied().ok_or_else(|| format!("branch {id} of tree {tree} does not exist"));
        let (yes, no) = (child(yes)?, child(no)?);
        for place in [yes, no] {
            if let Some(seen) = is_child.get_mut(place) {
                *seen = true;
            }
        }
        let tracks = tracks.get(places.len()).is_some_and(|&tracks| tracks != 0);
        let Test { within, turned, missing } = test(mode, value, tracks)?;
        let (yes, no) = if turned { (no, yes) } else { (yes, no) };
        let feature = usize::try_from(feature).map_err(|_| "a feature has a negative number".to_owned())?;
        places.push(Place::Test { feature, within, yes, no, missing });
    }
    if !leaves.is_empty() {
        return Err("weights belong to a node that is not a leaf".to_owned());
    }
    let roots: Vec<usize> = is_child.iter().zip(0..).filter(|(child, _)| !**child).map(|(_, place)| place).collect();
    let of: HashSet<i64> = roots.iter().filter_map(|&root| trees.get(root)).copied().collect();
    if of.len() != roots.len() || trees.iter().any(|tree| !of.contains(tree)) {
        return Err("a branch leads back to an earlier node, or a tree has several roots".to_owned());
    }
    Ok((places, roots))
}
