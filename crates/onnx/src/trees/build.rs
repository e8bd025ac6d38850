//! Tests on features of the trees turned into tests on values of the input.

use std::collections::HashMap;

use super::column::{Column, Missing};
use super::read::{Parts, Place};
use super::set::Set;
use super::{Branch, Ensemble};

/// Depth of trees that is followed; those that are trained have some ten levels.
const MAX_DEPTH: usize = 512;

/// Builds the trees over the values of the input that the columns are functions of, in `range`.
pub(super) fn ensemble(parts: Parts, columns: &[Column], range: (f32, f32)) -> Result<Ensemble, String> {
    let Parts { places, roots, base, decision, spread, transforms } = parts;
    if roots.is_empty() {
        return Err("it has no trees".to_owned());
    }
    let order = order(&places, &roots)?;
    let mut now = vec![0_usize; places.len()];
    for (place, &before) in order.iter().enumerate() {
        if let Some(slot) = now.get_mut(before) {
            *slot = place;
        }
    }
    let moved = |place: usize| now.get(place).copied().unwrap_or(0);
    let n = order.len();
    let mut ensemble = Ensemble {
        branches: Vec::with_capacity(n),
        missing: Vec::with_capacity(n),
        roots: roots.into_iter().map(moved).collect(),
        intervals: Vec::new(),
        weights: Vec::new(),
        base,
        decision,
        spread,
        transforms,
    };
    let mut depth = vec![0_usize; n];
    let mut known: HashMap<(usize, u64), Set> = HashMap::new();
    for (number, place) in order.iter().filter_map(|&place| places.get(place)).enumerate() {
        let (branch, missing) = match place {
            Place::Leaf(weights) => {
                if weights.iter().any(|(score, _)| *score >= ensemble.base.len()) {
                    return Err("a leaf adds to a class that does not exist".to_owned());
                }
                let first = ensemble.weights.len();
                ensemble.weights.extend_from_slice(weights);
                (Branch::Leaf { first, end: ensemble.weights.len() }, None)
            }
            Place::Test { feature, within, yes, no, missing } => {
                let (yes, no) = (moved(*yes), moved(*no));
                let below = depth.get(number).map_or(0, |depth| depth + 1);
                if below > MAX_DEPTH {
                    return Err(format!("a tree is more than {MAX_DEPTH} deep"));
                }
                for child in [yes, no] {
                    if let Some(depth) = depth.get_mut(child) {
                        *depth = below.max(*depth);
                    }
                }
                let column = columns.get(*feature).ok_or_else(|| format!("it tests feature {feature} of {}", columns.len()))?;
                let set = match within.as_slice() {
                    // Thresholds recur, in forests of small numbers above all.
                    &[(least, value)] if least == f64::NEG_INFINITY => {
                        known.entry((*feature, value.to_bits())).or_insert_with(|| column.where_within((least, value), range)).clone()
                    }
                    list => list.iter().fold(Set::default(), |set, &ends| set.or(&column.where_within(ends, range))),
                };
                let missing = match column.missing() {
                    Missing::Stays => Some(*missing),
                    Missing::Becomes(value) => Some(within.iter().any(|&(lo, hi)| lo <= value && value <= hi)),
                    Missing::Unknown => None,
                };
                let branch = branch(&mut ensemble.intervals, column.input, set.intervals(), range, (yes, no));
                let is_turned = matches!(branch, Branch::Split { yes: first, .. } if first == no && yes != no);
                (branch, missing.map(|missing| missing != is_turned))
            }
        };
        ensemble.branches.push(branch);
        ensemble.missing.push(missing);
    }
    Ok(ensemble)
}

/// All places that the trees reach, those that follow one behind it; writers list them in any order.
fn order(places: &[Place], roots: &[usize]) -> Result<Vec<usize>, String> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; places.len()];
    let mut order = Vec::with_capacity(places.len());
    for &root in roots {
        let mut path = vec![(root, false)];
        while let Some((place, is_left)) = path.pop() {
            let slot = seen.get_mut(place).ok_or_else(|| format!("branch {place} does not exist"))?;
            match *slot {
                _ if is_left => {
                    *slot = Seen::Done;
                    order.push(place);
                }
                Seen::Open => return Err("a branch leads back to an earlier node".to_owned()),
                Seen::Done => {}
                Seen::No => {
                    *slot = Seen::Open;
                    path.push((place, true));
                    if let Some(Place::Test { yes, no, .. }) = places.get(place) {
                        path.extend([(*no, false), (*yes, false)]);
                    }
                }
            }
        }
    }
    if places.iter().zip(&seen).any(|(place, seen)| *seen == Seen::No && matches!(place, Place::Test { .. })) {
        return Err("a branch leads back to an earlier node, or no branch leads to a node".to_owned());
    }
    order.reverse();
    Ok(order)
}

/// The test whether a value lies in the set.
fn branch(all: &mut Vec<(f32, f32)>, feature: usize, set: &[(f32, f32)], range: (f32, f32), (yes, no): (usize, usize)) -> Branch {
    match *set {
        [] => Branch::Split { feature, value: f32::NEG_INFINITY, yes, no },
        [(lo, hi)] if lo <= range.0 && hi >= range.1 => Branch::Split { feature, value: f32::INFINITY, yes, no },
        [(lo, hi)] if lo <= range.0 => Branch::Split { feature, value: hi, yes, no },
        [(lo, hi)] if hi >= range.1 => Branch::Split { feature, value: lo.next_down(), yes: no, no: yes },
        _ => {
            let first = all.len();
            all.extend_from_slice(set);
            Branch::Among { feature, first, end: all.len(), yes, no }
        }
    }
}
