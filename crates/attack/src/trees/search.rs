//! Branch and bound over the leaves of all trees.

use brinell_engine::{Branch, Ensemble};
use brinell_threat::Ball;

use super::space::Space;

/// `sign` times a sum, less that of a rival where there is one, is to exceed a threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    pub(super) score: usize,
    pub(super) rival: Option<usize>,
    pub(super) sign: f64,
    pub(super) threshold: f64,
}

/// Leads that an input has to have, all of them.
pub(super) struct Question<'a> {
    ensemble: &'a Ensemble,
    /// For each lead what a leaf adds to it, by place in `branches`; 0 at splits.
    gains: Vec<Vec<f64>>,
    /// Leads before any tree.
    base: Vec<f64>,
}

impl<'a> Question<'a> {
    pub(super) fn new(ensemble: &'a Ensemble, leads: &[Lead]) -> Self {
        let part = |lead: &Lead, list: &[(usize, f64)]| -> f64 {
            let gain = |&(to, weight): &(usize, f64)| match to {
                to if to == lead.score => lead.sign * weight,
                to if Some(to) == lead.rival => -weight,
                _ => 0.0,
            };
            list.iter().map(gain).sum()
        };
        let base: Vec<(usize, f64)> = ensemble.base.iter().copied().enumerate().collect();
        let gains = leads.iter().map(|lead| {
            let gain = |branch: &Branch| match *branch {
                Branch::Leaf { first, end } => part(lead, ensemble.weights.get(first..end).unwrap_or_default()),
                Branch::Split { .. } | Branch::Among { .. } => 0.0,
            };
            ensemble.branches.iter().map(gain).collect()
        });
        Self { gains: gains.collect(), base: leads.iter().map(|lead| part(lead, &base) - lead.sign * lead.threshold).collect(), ensemble }
    }

    /// Where a test leads to, and whether the box reaches each of its sides; `None` at leaves.
    fn sides(&self, place: usize, space: &Space) -> Option<[(usize, bool); 2]> {
        match *self.ensemble.branches.get(place)? {
            Branch::Split { feature, yes, no, .. } | Branch::Among { feature, yes, no, .. } if space.is_missing(feature) => {
                let to_yes = self.ensemble.is_missing_yes(place);
                Some([(yes, to_yes), (no, !to_yes)])
            }
            Branch::Split { feature, value, yes, no } => {
                let (lo, hi) = space.interval(feature);
                Some([(yes, lo <= value), (no, hi > value)])
            }
            Branch::Among { feature, first, end, yes, no } => {
                let (lo, hi) = space.interval(feature);
                let intervals = self.ensemble.intervals.get(first..end).unwrap_or_default();
                let some = intervals.iter().any(|&(from, to)| from <= hi && lo <= to);
                let all = intervals.iter().any(|&(from, to)| from <= lo && hi <= to);
                Some([(yes, some), (no, !all)])
            }
            Branch::Leaf { .. } => None,
        }
    }

    /// Intervals of the feature that a test asks about on one of its sides, and where it leads to there.
    fn parts(&self, place: usize, side: bool, space: &Space) -> Vec<(usize, (f32, f32))> {
        match self.ensemble.branches.get(place) {
            // It stays missing, whatever the side.
            Some(&(Branch::Split { feature, .. } | Branch::Among { feature, .. })) if space.is_missing(feature) => {
                vec![(feature, (f32::NEG_INFINITY, f32::INFINITY))]
            }
            Some(&Branch::Split { feature, value, .. }) => {
                vec![(feature, if side { (f32::NEG_INFINITY, value) } else { (value.next_up(), f32::INFINITY) })]
            }
            Some(&Branch::Among { feature, first, end, .. }) => {
                let intervals = self.ensemble.intervals.get(first..end).unwrap_or_default();
                if side {
                    return intervals.iter().map(|&interval| (feature, interval)).collect();
                }
                let starts = std::iter::once(f32::NEG_INFINITY).chain(intervals.iter().map(|interval| interval.1.next_up()));
                let ends = intervals.iter().map(|interval| interval.0.next_down()).chain([f32::INFINITY]);
                starts.zip(ends).map(|interval| (feature, interval)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Largest and smallest gain of the leaves of a tree that the box reaches.
    fn range(&self, gain: &[f64], place: usize, space: &Space) -> (f64, f64) {
        match self.sides(place, space) {
            Some([(yes, true), (_, false)]) => self.range(gain, yes, space),
            Some([(_, false), (no, true)]) => self.range(gain, no, space),
            Some([(yes, _), (no, _)]) => {
                let (a, b) = (self.range(gain, yes, space), self.range(gain, no, space));
                (a.0.max(b.0), a.1.min(b.1))
            }
            None => {
                let gain = gain.get(place).copied().unwrap_or(0.0);
                (gain, gain)
            }
        }
    }

    /// True where all leaves of a tree that the box reaches add the same numbers, in the same order.
    fn is_settled(&self, root: usize, space: &Space) -> bool {
        let mut open = vec![root];
        let mut first = None;
        while let Some(place) = open.pop() {
            match (self.sides(place, space), self.ensemble.branches.get(place)) {
                (Some(sides), _) => open.extend(sides.iter().filter(|(_, reached)| *reached).map(|(next, _)| *next)),
                (None, Some(&Branch::Leaf { first: from, end })) => {
                    let list = self.ensemble.weights.get(from..end).unwrap_or_default();
                    if *first.get_or_insert(list) != list {
                        return false;
                    }
                }
                (None, _) => {}
            }
        }
        true
    }

    /// What a leaf adds to each lead.
    fn gains_of(&self, place: usize) -> Vec<f64> {
        self.gains.iter().map(|gain| gain.get(place).copied().unwrap_or(0.0)).collect()
    }
}

/// What a search has to keep to.
pub(super) struct Limits<'a> {
    /// The lead has to be above this.
    pub(super) lead: f64,
    /// A lead above this is one however the file rounds.
    pub(super) certain: f64,
    /// Inputs that are none, whatever their lead.
    pub(super) refused: &'a [Vec<f32>],
    /// The distance has to be at most this.
    pub(super) radius: f64,
    /// Nodes that may still be looked at.
    pub(super) nodes: u64,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// An input within the radius that reaches the lead.
    Found(Vec<f32>),
    /// There is none: all were looked at.
    None,
    /// The nodes were used up.
    OutOfNodes,
}

/// Looks for an allowed input of `space` whose lead is large enough.
///
/// # Guarantees
/// `Ended::None` is exact: no allowed input within the radius has that lead, sums taken in f64, but those for which a refused one reaches the same
/// leaves, or leaves that add the same numbers.
pub(super) fn search(question: &Question<'_>, ball: &Ball, x: &[f32], space: &mut Space, limits: &mut Limits<'_>) -> Ended {
    let open = question.ensemble.roots.clone();
    let part = Part { open, quiet: Vec::new(), settled: question.base.clone() };
    Descent { question, ball, x }.from(space, part, limits)
}

struct Descent<'a> {
    question: &'a Question<'a>,
    ball: &'a Ball,
    x: &'a [f32],
}

/// What is known of the trees in a box.
struct Part {
    /// Trees whose gains are open.
    open: Vec<usize>,
    /// Trees all of whose open leaves gain the same.
    quiet: Vec<usize>,
    /// What the quiet trees and those before them gain.
    settled: Vec<f64>,
}

impl Descent<'_> {
    /// Looks through a box.
    fn from(&self, space: &mut Space, part: Part, limits: &mut Limits<'_>) -> Ended {
        if limits.nodes == 0 {
            return Ended::OutOfNodes;
        }
        limits.nodes -= 1;
        let Part { open, mut quiet, mut settled } = part;
        let mut width = vec![0.0; open.len()];
        let mut most_of = Vec::with_capacity(settled.len());
        for (gain, settled) in self.question.gains.iter().zip(&settled) {
            let mut all = Vec::with_capacity(open.len());
            for (&root, width) in open.iter().zip(&mut width) {
                let (most, least) = self.question.range(gain, root, space);
                *width += most - least;
                all.push(most);
            }
            if settled + all.iter().sum::<f64>() <= limits.lead {
                return Ended::None;
            }
            most_of.push(all);
        }
        for (settled, most) in settled.iter_mut().zip(&most_of) {
            *settled += most.iter().zip(&width).filter(|(_, width)| **width <= 0.0).map(|(most, _)| most).sum::<f64>();
        }
        quiet.extend(open.iter().zip(&width).filter(|(_, width)| **width <= 0.0).map(|(&root, _)| root));
        let widest = open.iter().zip(&width).filter(|(_, width)| **width > 0.0).max_by(|a, b| a.1.total_cmp(b.1));
        let without = |list: &[usize], root: usize| -> Vec<usize> { list.iter().copied().filter(|&other| other != root).collect() };
        if let Some((&root, _)) = widest {
            let open: Vec<usize> = open.iter().zip(&width).filter(|(_, width)| **width > 0.0).map(|(&root, _)| root).collect();
            let open = without(&open, root);
            let next = |leaf: &Leaf| Part {
                open: open.clone(),
                quiet: quiet.clone(),
                settled: settled.iter().zip(&leaf.gains).map(|(sum, gain)| sum + gain).collect(),
            };
            return self.each_leaf(root, space, &next, limits);
        }
        // Where rounding decides, leaves that gain the same may still differ in what they add.
        let is_certain = settled.iter().all(|lead| *lead > limits.certain);
        if let Some(root) = quiet.iter().copied().find(|&root| !is_certain && !self.question.is_settled(root, space)) {
            let next = |_: &Leaf| Part { open: Vec::new(), quiet: without(&quiet, root), settled: settled.clone() };
            return self.each_leaf(root, space, &next, limits);
        }
        match space.nearest() {
            Some(point)
                if self.ball.distance(self.x, &point) <= limits.radius && !limits.refused.iter().any(|other| is_same(other, &point)) =>
            {
                Ended::Found(point)
            }
            _ => Ended::None,
        }
    }

    /// Looks through the boxes of all leaves of a tree, the most promising first.
    fn each_leaf(&self, root: usize, space: &mut Space, next: &dyn Fn(&Leaf) -> Part, limits: &mut Limits<'_>) -> Ended {
        let mut leaves = Vec::new();
        self.leaves(root, space, &mut Vec::new(), &mut leaves, limits.radius);
        leaves.sort_by(|a, b| b.rank().total_cmp(&a.rank()).then(a.distance.total_cmp(&b.distance)));
        let mut result = Ended::None;
        for leaf in leaves {
            let mark = space.mark();
            if leaf.path.iter().all(|&(feature, interval)| space.cut(feature, interval)) && space.is_within(limits.radius) {
                result = self.from(space, next(&leaf), limits);
            }
            space.undo(mark);
            if result != Ended::None {
                return result;
            }
        }
        result
    }

    /// Collects the leaves of a tree that the box reaches within the radius.
    fn leaves(&self, place: usize, space: &mut Space, path: &mut Vec<Test>, out: &mut Vec<Leaf>, radius: f64) {
        let Some([yes, no]) = self.question.sides(place, space) else {
            out.push(Leaf { gains: self.question.gains_of(place), distance: space.distance(), path: path.clone() });
            return;
        };
        for (side, (next, reached)) in [(true, yes), (false, no)] {
            for (feature, interval) in if reached { self.question.parts(place, side, space) } else { Vec::new() } {
                let mark = space.mark();
                if space.cut(feature, interval) && space.is_within(radius) {
                    path.push((feature, interval));
                    self.leaves(next, space, path, out, radius);
                    path.pop();
                }
                space.undo(mark);
            }
        }
    }
}

/// True for the same point, in which values may be missing.
fn is_same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

/// A feature and the interval that it is to lie in.
type Test = (usize, (f32, f32));

/// A leaf, and the tests on the way to it.
struct Leaf {
    gains: Vec<f64>,
    distance: f64,
    path: Vec<Test>,
}

impl Leaf {
    /// The smallest gain: leads have to be had all together.
    fn rank(&self) -> f64 {
        self.gains.iter().copied().fold(f64::INFINITY, f64::min)
    }
}
