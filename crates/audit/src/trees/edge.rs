//! Points on both sides of the edges that tests of trees cut, on which samples alone would say nothing.

use brinell_engine::{Branch, Ensemble};

/// Branches that are looked at on the way to an edge.
const STEPS: u32 = 20_000;

/// An edge: the last value of a feature on one side of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// Place of the test.
    pub(super) branch: usize,
    /// Number of the feature.
    pub(super) feature: usize,
    last: f32,
}

/// Returns all edges with the trees that they are of.
pub(super) fn edges(trees: &Ensemble) -> Vec<(usize, Edge)> {
    let mut all = Vec::new();
    for &root in &trees.roots {
        let mut open = vec![root];
        while let Some(branch) = open.pop() {
            match trees.branches.get(branch) {
                Some(&Branch::Split { feature, value, yes, no }) => {
                    open.extend([yes, no]);
                    all.push((root, Edge { branch, feature, last: value }));
                }
                Some(&Branch::Among { feature, first, end, yes, no }) => {
                    open.extend([yes, no]);
                    for &(lo, hi) in trees.intervals.get(first..end).unwrap_or_default() {
                        all.extend([lo.next_down(), hi].map(|last| (root, Edge { branch, feature, last })));
                    }
                }
                _ => {}
            }
        }
    }
    all
}

/// Returns at most `n` of a list, evenly spread over it.
pub(super) fn spread<T>(list: &[T], n: usize) -> Vec<&T> {
    let n = n.min(list.len());
    (0..n).filter_map(|number| list.get(number * list.len() / n)).collect()
}

/// Returns the points on both sides of an edge, from a sample whose other values are changed so that the tree reaches its test; none where no
/// point of the range does.
pub(super) fn beside(trees: &Ensemble, root: usize, edge: Edge, x: &[f32], range: (f32, f32)) -> Vec<Vec<f32>> {
    let mut free = vec![range; x.len()];
    if !to(trees, root, edge.branch, x, &mut free, &mut { STEPS }) {
        return Vec::new();
    }
    let mut point: Vec<f32> = x.iter().zip(&free).map(|(&x, &(lo, hi))| x.max(lo).min(hi)).collect();
    let Some(&(lo, hi)) = free.get(edge.feature) else { return Vec::new() };
    let sides = [edge.last, edge.last.next_up()].into_iter().filter(|v| v.is_finite() && lo <= *v && *v <= hi);
    let mut points = Vec::new();
    for side in sides {
        if let Some(value) = point.get_mut(edge.feature) {
            *value = side;
        }
        points.push(point.clone());
    }
    points
}

/// Narrows what each value may be to what leads from `place` to the test at `goal`; false where nothing does, or nothing was found in so many steps.
fn to(trees: &Ensemble, place: usize, goal: usize, x: &[f32], free: &mut [(f32, f32)], steps: &mut u32) -> bool {
    if place == goal || *steps == 0 {
        return place == goal;
    }
    *steps -= 1;
    let (feature, sides) = match trees.branches.get(place) {
        Some(&Branch::Split { feature, value, yes, no }) => {
            (feature, vec![(yes, (f32::NEG_INFINITY, value)), (no, (value.next_up(), f32::INFINITY))])
        }
        Some(&Branch::Among { feature, first, end, yes, no }) => {
            let within = trees.intervals.get(first..end).unwrap_or_default();
            let starts = std::iter::once(f32::NEG_INFINITY).chain(within.iter().map(|interval| interval.1.next_up()));
            let ends = within.iter().map(|interval| interval.0.next_down()).chain([f32::INFINITY]);
            let inside = within.iter().map(|&interval| (yes, interval));
            (feature, inside.chain(starts.zip(ends).map(|interval| (no, interval))).collect())
        }
        _ => return false,
    };
    let Some(&before) = free.get(feature) else { return false };
    let value = x.get(feature).copied().unwrap_or(0.0);
    let mut sides = sides;
    // Near values first: the point stays like the sample.
    let away = |(lo, hi): (f32, f32)| (lo - value).max(value - hi).max(0.0);
    sides.sort_by(|a, b| away(a.1).total_cmp(&away(b.1)));
    for (next, (lo, hi)) in sides {
        let narrowed = (before.0.max(lo), before.1.min(hi));
        // What follows a branch stands behind it.
        if next > goal || narrowed.0 > narrowed.1 {
            continue;
        }
        if let Some(slot) = free.get_mut(feature) {
            *slot = narrowed;
        }
        if to(trees, next, goal, x, free, steps) {
            return true;
        }
        if let Some(slot) = free.get_mut(feature) {
            *slot = before;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use brinell_engine::{Decision, Spread};

    #[test]
    fn the_tree_reaches_the_test_on_both_sides_of_its_edge() {
        let trees = Ensemble {
            branches: vec![
                Branch::Split { feature: 0, value: 1.0, yes: 1, no: 4 },
                Branch::Among { feature: 1, first: 0, end: 1, yes: 2, no: 4 },
                Branch::Split { feature: 0, value: 0.5, yes: 3, no: 4 },
                Branch::Leaf { first: 0, end: 1 },
                Branch::Leaf { first: 1, end: 1 },
            ],
            missing: vec![Some(false), Some(true), Some(false), None, None],
            roots: vec![0],
            intervals: vec![(2.0, 3.0)],
            weights: vec![(0, 1.0)],
            base: vec![0.0],
            decision: Decision::Above(0.5),
            spread: Spread::Each,
            transforms: Vec::new(),
        };
        let all = edges(&trees);
        assert_eq!(all.len(), 4);
        let (root, edge) = all.iter().find(|(_, edge)| edge.branch == 2).unwrap();
        let points = beside(&trees, *root, *edge, &[9.0, 9.0], (0.0, 10.0));
        assert_eq!(points, [[0.5, 3.0], [0.5f32.next_up(), 3.0]]);
        assert_eq!(points.iter().map(|x| trees.sums(x)[0]).collect::<Vec<_>>(), [1.0, 0.0]);
        // No point of the range lies beyond the edge.
        assert_eq!(beside(&trees, *root, *edge, &[9.0, 9.0], (0.0, 0.5)), Vec::<Vec<f32>>::new());
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5], 3), [&0, &2, &4]);
    }
}
