//! TreeEnsemble of opset 5: inner nodes and leaves in lists of their own, by their places there.

use super::attributes::{Attributes, finite, sizes};
use super::{Parts, Place, Test, average, targets, test};

/// The names that modes had before they became numbers.
const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];

/// Mode of a test for the members of a set.
const MEMBER: usize = 6;

/// Transforms by their numbers in ONNX Runtime, which alone has the operator; in ONNX's own text 1 and 2 are exchanged.
const TRANSFORMS: [&str; 5] = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"];

pub(super) fn ensemble(all: &Attributes, below: Option<f64>) -> Result<Parts, String> {
    let modes = all.tensor("nodes_modes")?;
    let splits = all.tensor("nodes_splits")?;
    let features = sizes("nodes_featureids", &all.ints("nodes_featureids"))?;
    let (yes, no) = (ends(all, "true")?, ends(all, "false")?);
    let tracks = all.ints("nodes_missing_value_tracks_true");
    let n = modes.len();
    if [splits.len(), features.len(), yes.len(), no.len()].iter().any(|len| *len != n) {
        return Err("its lists of nodes have different lengths".to_owned());
    }
    let mut sets = members(&all.tensor("membership_values")?).into_iter();
    let mut places = Vec::with_capacity(n);
    for ((((&mode, &split), &feature), &yes), &no) in modes.iter().zip(&splits).zip(&features).zip(&yes).zip(&no) {
        let mode = (0..=MEMBER).zip(0_u8..).find(|(_, number)| (f64::from(*number) - mode).abs() <= 0.0);
        let tracks = tracks.get(places.len()).is_some_and(|&tracks| tracks != 0);
        let Test { within, turned, missing } = match mode {
            Some((MEMBER, _)) => {
                let set = sets.next().ok_or("it has more membership tests than sets")?;
                let within = finite("membership_values", set)?.into_iter().map(|v| (v, v)).collect();
                Test { within, turned: false, missing: tracks }
            }
            Some((mode, _)) => test(MODES.get(mode).copied().unwrap_or_default(), split, tracks)?,
            None => return Err("a mode of its nodes is unknown".to_owned()),
        };
        let place = |(place, is_leaf): (usize, bool)| if is_leaf { place.checked_add(n) } else { Some(place) };
        let (Some(yes), Some(no)) = (place(yes), place(no)) else { return Err("a branch does not exist".to_owned()) };
        let (yes, no) = if turned { (no, yes) } else { (yes, no) };
        places.push(Place::Test { feature, within, yes, no, missing });
    }
    let targets_of = sizes("leaf_targetids", &all.ints("leaf_targetids"))?;
    let weights = finite("leaf_weights", all.tensor("leaf_weights")?)?;
    if targets_of.len() != weights.len() {
        return Err("its lists of leaves have different lengths".to_owned());
    }
    places.extend(targets_of.into_iter().zip(weights).map(|leaf| Place::Leaf(vec![leaf])));
    let roots = sizes("tree_roots", &all.ints("tree_roots"))?;
    match all.int("aggregate_function", 1) {
        0 => average(&mut places, roots.len()),
        1 => {}
        _ => return Err("its aggregate_function is not SUM".to_owned()),
    }
    let n_targets = usize::try_from(all.int("n_targets", 1)).unwrap_or(0);
    let transform = usize::try_from(all.int("post_transform", 0)).ok().and_then(|number| TRANSFORMS.get(number));
    let decided = targets(&places, &roots, n_targets, transform.copied().unwrap_or("(unknown)"), Vec::new(), below)?;
    Ok(Parts { places, roots, base: decided.base, decision: decided.decision, spread: decided.spread, transforms: decided.transforms })
}

/// Where the nodes lead to on one side, and whether that is a leaf.
fn ends(all: &Attributes, side: &str) -> Result<Vec<(usize, bool)>, String> {
    let (ids, leafs) = (format!("nodes_{side}nodeids"), format!("nodes_{side}leafs"));
    let (places, is_leaf) = (sizes(&ids, &all.ints(&ids))?, all.ints(&leafs));
    if places.len() != is_leaf.len() {
        return Err("its lists of nodes have different lengths".to_owned());
    }
    Ok(places.into_iter().zip(is_leaf.into_iter().map(|leaf| leaf != 0)).collect())
}

/// Sets of members, each of which a NaN ends.
fn members(values: &[f64]) -> Vec<Vec<f64>> {
    let mut sets: Vec<Vec<f64>> = values.split(|v| v.is_nan()).map(<[f64]>::to_vec).collect();
    // Nothing stands behind the last NaN.
    if sets.last().is_some_and(Vec::is_empty) {
        sets.pop();
    }
    sets
}
