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
        let part = |lead: &Lead, list: &[(usize, f32)]| -> f64 {
            let gain = |&(to, weight): &(usize, f32)| match to {
                to if to == lead.score => lead.sign * f64::from(weight),
                to if Some(to) == lead.rival => -f64::from(weight),
                _ => 0.0,
            };
            list.iter().map(gain).sum()
        };
        let base: Vec<(usize, f32)> = ensemble.base.iter().copied().enumerate().collect();
        let gains = leads.iter().map(|lead| {
            let gain = |branch: &Branch| match *branch {
                Branch::Leaf { first, end } => part(lead, ensemble.weights.get(first..end).unwrap_or_default()),
                Branch::Split { .. } => 0.0,
            };
            ensemble.branches.iter().map(gain).collect()
        });
        Self { gains: gains.collect(), base: leads.iter().map(|lead| part(lead, &base) - lead.sign * lead.threshold).collect(), ensemble }
    }

    /// Largest and smallest gain of the leaves of a tree that the box reaches.
    fn range(&self, gain: &[f64], place: usize, space: &Space) -> (f64, f64) {
        match self.ensemble.branches.get(place) {
            Some(&Branch::Split { feature, value, yes, no }) => match space.sides(feature, value) {
                (true, false) => self.range(gain, yes, space),
                (false, true) => self.range(gain, no, space),
                _ => {
                    let (a, b) = (self.range(gain, yes, space), self.range(gain, no, space));
                    (a.0.max(b.0), a.1.min(b.1))
                }
            },
            _ => {
                let gain = gain.get(place).copied().unwrap_or(0.0);
                (gain, gain)
            }
        }
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
/// `Ended::None` is exact: no allowed input within the radius has that lead, sums taken in f64.
pub(super) fn search(question: &Question<'_>, ball: &Ball, x: &[f32], space: &mut Space, limits: &mut Limits<'_>) -> Ended {
    let roots: Vec<usize> = question.ensemble.roots.clone();
    let base = question.base.clone();
    Descent { question, ball, x }.from(space, &roots, base, limits)
}

struct Descent<'a> {
    question: &'a Question<'a>,
    ball: &'a Ball,
    x: &'a [f32],
}

impl Descent<'_> {
    /// Looks through the box, in which the trees that are not `open` have the leads `settled`.
    fn from(&self, space: &mut Space, open: &[usize], mut settled: Vec<f64>, limits: &mut Limits<'_>) -> Ended {
        if limits.nodes == 0 {
            return Ended::OutOfNodes;
        }
        limits.nodes -= 1;
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
        // Of a tree whose open leaves all add the same, nothing is left to ask.
        for (settled, most) in settled.iter_mut().zip(&most_of) {
            *settled += most.iter().zip(&width).filter(|(_, width)| **width <= 0.0).map(|(most, _)| most).sum::<f64>();
        }
        let Some((widest, _)) = width.iter().enumerate().filter(|(_, width)| **width > 0.0).max_by(|a, b| a.1.total_cmp(b.1)) else {
            return match space.nearest() {
                Some(point) if self.ball.distance(self.x, &point) <= limits.radius && !limits.refused.contains(&point) => {
                    Ended::Found(point)
                }
                _ => Ended::None,
            };
        };
        let Some(&root) = open.get(widest) else { return Ended::None };
        let left: Vec<usize> =
            open.iter().zip(&width).filter(|(_, width)| **width > 0.0).map(|(&root, _)| root).filter(|&other| other != root).collect();
        let mut leaves = Vec::new();
        self.leaves(root, space, &mut Vec::new(), &mut leaves, limits.radius);
        leaves.sort_by(|a, b| b.rank().total_cmp(&a.rank()).then(a.distance.total_cmp(&b.distance)));
        let mut result = Ended::None;
        for leaf in leaves {
            let mark = space.mark();
            let fits = leaf.path.iter().all(|&(feature, value, at_most)| space.cut(feature, value, at_most));
            if fits && space.distance() <= limits.radius {
                let settled = settled.iter().zip(&leaf.gains).map(|(sum, gain)| sum + gain).collect();
                result = self.from(space, &left, settled, limits);
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
        let Some(&Branch::Split { feature, value, yes, no }) = self.question.ensemble.branches.get(place) else {
            out.push(Leaf { gains: self.question.gains_of(place), distance: space.distance(), path: path.clone() });
            return;
        };
        let (at_most, above) = space.sides(feature, value);
        for (side, next) in [(true, yes), (false, no)] {
            if !(if side { at_most } else { above }) {
                continue;
            }
            let mark = space.mark();
            if space.cut(feature, value, side) && space.distance() <= radius {
                path.push((feature, value, side));
                self.leaves(next, space, path, out, radius);
                path.pop();
            }
            space.undo(mark);
        }
    }
}

/// A feature, a value, and whether it is to be at most that.
type Test = (usize, f32, bool);

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
