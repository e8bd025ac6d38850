//! Ensembles of decision trees, read out of the nodes that the graph carries along unread.

mod build;
mod column;
mod interval;
mod read;
mod set;
mod trace;

use brinell_graph::{DType, Graph, Node, Op, OpaqueOp, ValueId};

/// Why the trees of a model cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreesError {
    /// The scores do not come from trees.
    #[error("the model's scores are not the direct output of a single tree ensemble: node `{node}` ({op}) comes after the trees")]
    Other {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
    },
    /// A feature of the trees is not made of one value of the model's input by steps that keep or turn its order.
    #[error("the trees do not read the model's input directly: node `{node}` ({op}) comes before them")]
    Before {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
    },
    /// A part of the trees has no meaning here.
    #[error("the trees of node `{node}` cannot be read: {problem}")]
    Tree {
        /// Name of the node.
        node: String,
        /// What is wrong.
        problem: String,
    },
}

/// A place in a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Branch {
    /// Goes on at `yes` where the feature is at most `value`, else at `no`.
    Split {
        /// Number of the feature.
        feature: usize,
        /// The largest number that goes to `yes`; infinite where all go the same way.
        value: f32,
        /// Place of the next branch in [`Ensemble::branches`].
        yes: usize,
        /// Place of the next branch.
        no: usize,
    },
    /// Goes on at `yes` where the feature lies in one of some intervals, from `first` to before `end` of [`Ensemble::intervals`].
    Among {
        /// Number of the feature.
        feature: usize,
        /// First of the intervals.
        first: usize,
        /// End of the intervals.
        end: usize,
        /// Place of the next branch.
        yes: usize,
        /// Place of the next branch.
        no: usize,
    },
    /// The end: what the tree adds, from `first` to before `end` of [`Ensemble::weights`].
    Leaf {
        /// First of the weights.
        first: usize,
        /// End of the weights.
        end: usize,
    },
}

/// How the sums of all trees become a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// The class with the largest sum; the first of equals.
    Largest,
    /// Class 1 where the only sum is above this value, else class 0.
    Above(f64),
}

/// How sums become as many outputs as the operator has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spread {
    /// Each is one.
    #[default]
    Each,
    /// The only sum s becomes 1 - s and s.
    Halves,
    /// The only sum s becomes -s and s.
    Signed,
    /// The only sum s becomes 0 and s.
    Zero,
}

/// What is made of all outputs together. None of these changes which is the largest, but for rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// The logistic function of each.
    Logistic,
    /// The softmax of all.
    Softmax,
}

/// Trees whose leaves add to scores, with tests on the values of the model's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// All branches of all trees. Those that follow one stand behind it.
    pub branches: Vec<Branch>,
    /// For each branch, true where a missing value of its feature goes on at `yes`; `None` at leaves, and where that is not known.
    pub missing: Vec<Option<bool>>,
    /// The first branch of every tree.
    pub roots: Vec<usize>,
    /// Closed intervals that branches name, ascending and apart within each branch.
    pub intervals: Vec<(f32, f32)>,
    /// Score and what is added to it.
    pub weights: Vec<(usize, f64)>,
    /// What every score starts from.
    pub base: Vec<f64>,
    /// How the scores become a class.
    pub decision: Decision,
    /// How the scores become outputs.
    pub spread: Spread,
    /// What is made of the outputs, one after the other.
    pub transforms: Vec<Transform>,
}

/// What the trees are read for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// The input that is attacked.
    pub input: ValueId,
    /// The output that decides.
    pub output: ValueId,
    /// Of an output of one number, that from which on the class is 1.
    pub threshold: Option<f64>,
    /// Smallest and largest value of the input that the trees are asked about.
    pub range: (f32, f32),
}

impl Ensemble {
    /// Reads the trees that an output comes out of, with every test turned into one on a value of the model's input.
    ///
    /// # Guarantees
    /// Of inputs within the range, rounded to single precision, every test is what the file says, the steps before the trees taken as they
    /// are rounded there.
    ///
    /// # Errors
    /// [`TreesError`] where what stands between input, trees and output cannot be undone, or where the trees are of an unknown kind.
    pub fn of(graph: &Graph, wanted: &Wanted) -> Result<Self, TreesError> {
        let mut value = wanted.output;
        let mut after = Vec::new();
        loop {
            let Some(node) = graph.nodes().iter().find(|node| node.outputs.contains(&Some(value))) else {
                return Err(TreesError::Other { node: graph.value(value).name.clone(), op: "input".to_owned() });
            };
            if let Op::Opaque(op) = &node.op
                && op.op_type.starts_with("TreeEnsemble")
            {
                let read = Self::at(graph, node, op, value, wanted)?;
                return read.after(&after, node);
            }
            let (next, transform) =
                kept(graph, node, value).ok_or_else(|| TreesError::Other { node: node.name.clone(), op: node.op.name().to_owned() })?;
            after.extend(transform);
            value = next;
        }
    }

    fn at(graph: &Graph, node: &Node, op: &OpaqueOp, value: ValueId, wanted: &Wanted) -> Result<Self, TreesError> {
        let fail = |problem: String| TreesError::Tree { node: node.name.clone(), problem };
        let below = wanted.threshold.map(|threshold| match graph.value(value).dtype {
            Some(DType::F64) => threshold.next_down(),
            _ => f64::from(interval::below(threshold)),
        });
        let parts = read::parts(op, below).map_err(fail)?;
        let Some(input) = node.inputs.first().copied().flatten() else { return Err(fail("it has no input".to_owned())) };
        let columns = trace::columns(graph, input, wanted)?;
        build::ensemble(parts, &columns, wanted.range).map_err(fail)
    }

    /// Adds what is made of the outputs after the trees, the last first.
    fn after(mut self, after: &[Transform], node: &Node) -> Result<Self, TreesError> {
        if !after.is_empty() && self.spread == Spread::Each && matches!(self.decision, Decision::Above(_)) {
            return Err(TreesError::Tree {
                node: node.name.clone(),
                problem: "its single score is changed before it is compared with a threshold".to_owned(),
            });
        }
        self.transforms.extend(after.iter().rev());
        Ok(self)
    }

    /// Returns the sums of all trees, in f64.
    #[must_use]
    pub fn sums(&self, x: &[f32]) -> Vec<f64> {
        let mut sums = self.base.clone();
        for &root in &self.roots {
            for &(score, weight) in self.leaf(root, x) {
                if let Some(sum) = sums.get_mut(score) {
                    *sum += weight;
                }
            }
        }
        sums
    }

    /// Returns the class that the sums mean.
    #[must_use]
    pub fn class(&self, sums: &[f64]) -> usize {
        match self.decision {
            Decision::Above(threshold) => usize::from(sums.first().is_some_and(|sum| *sum > threshold)),
            Decision::Largest => {
                let best = |best: (usize, f64), (class, &sum): (usize, &f64)| if sum > best.1 { (class, sum) } else { best };
                sums.iter().enumerate().fold((0, f64::NEG_INFINITY), best).0
            }
        }
    }

    /// Returns what the file's output is for these sums, but for rounding.
    #[must_use]
    pub fn outputs(&self, sums: &[f64]) -> Vec<f64> {
        let only = sums.first().copied().unwrap_or(0.0);
        let mut outputs = match self.spread {
            Spread::Each => sums.to_vec(),
            Spread::Halves => vec![1.0 - only, only],
            Spread::Signed => vec![-only, only],
            Spread::Zero => vec![0.0, only],
        };
        for transform in &self.transforms {
            match transform {
                Transform::Logistic => outputs.iter_mut().for_each(|v| *v = 1.0 / (1.0 + (-*v).exp())),
                Transform::Softmax => {
                    let most = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    outputs.iter_mut().for_each(|v| *v = (*v - most).exp());
                    let sum: f64 = outputs.iter().sum();
                    outputs.iter_mut().for_each(|v| *v /= sum);
                }
            }
        }
        outputs
    }

    /// Returns how far the difference of two sums, or of a sum and the threshold, may be from 0 where the file decides the other way: its sums are
    /// not those in f64, and what it makes of them may round two of them to the same number.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        let transforms = self.transforms.iter().map(|transform| match (transform, self.spread) {
            // The slope of the logistic function is at least half of exp(-|s|).
            (Transform::Logistic, Spread::Each) => 16.0 * f64::from(f32::EPSILON) * self.size().exp(),
            _ => 16.0 * f64::from(f32::EPSILON),
        });
        self.rounding() + transforms.sum::<f64>()
    }

    /// Returns how far the difference of two sums may be from that in the file, which takes them in single precision, in whatever order.
    #[must_use]
    pub fn rounding(&self) -> f64 {
        // A leaf may add to a score more than once.
        let entries = self.branches.iter().map(|branch| match *branch {
            Branch::Leaf { first, end } => {
                let list = self.weights.get(first..end).unwrap_or_default();
                list.iter().map(|(score, _)| list.iter().filter(|(to, _)| to == score).fold(0.0_f64, |n, _| n + 1.0)).fold(1.0, f64::max)
            }
            _ => 1.0,
        });
        let terms = self.roots.iter().fold(8.0_f64, |n, _| n + 1.0) * entries.fold(1.0_f64, f64::max);
        1.01 * terms * f64::from(f32::EPSILON) * self.size()
    }

    /// The largest sum of all terms of a score, their signs left out.
    fn size(&self) -> f64 {
        let largest = |list: &[(usize, f64)]| -> f64 {
            let of = |score: usize| list.iter().filter(|(to, _)| *to == score).map(|(_, weight)| weight.abs()).sum::<f64>();
            list.iter().map(|(score, _)| of(*score)).fold(0.0, f64::max)
        };
        // The largest leaf of each tree, from the ends of the trees on.
        let mut below = vec![0.0_f64; self.branches.len()];
        for (place, branch) in self.branches.iter().enumerate().rev() {
            let most = match *branch {
                Branch::Leaf { first, end } => largest(self.weights.get(first..end).unwrap_or_default()),
                Branch::Split { yes, no, .. } | Branch::Among { yes, no, .. } => {
                    [yes, no].iter().filter_map(|&next| below.get(next)).copied().fold(0.0, f64::max)
                }
            };
            if let Some(slot) = below.get_mut(place) {
                *slot = most;
            }
        }
        let base = self.base.iter().map(|base| base.abs()).fold(0.0, f64::max);
        base + self.roots.iter().filter_map(|&root| below.get(root)).sum::<f64>()
    }

    /// True where a missing value of the feature that a branch asks about goes on at `yes`.
    #[must_use]
    pub fn is_missing_yes(&self, place: usize) -> bool {
        self.missing.get(place).copied().flatten().unwrap_or(false)
    }

    /// True where all tests of a feature know where a missing value goes.
    #[must_use]
    pub fn knows_missing(&self, feature: usize) -> bool {
        let asks =
            |branch: &Branch| matches!(branch, Branch::Split { feature: of, .. } | Branch::Among { feature: of, .. } if *of == feature);
        self.branches.iter().zip(&self.missing).all(|(branch, missing)| !asks(branch) || missing.is_some())
    }

    /// Returns what the tree that begins at `root` adds for `x`.
    fn leaf(&self, root: usize, x: &[f32]) -> &[(usize, f64)] {
        let mut place = root;
        // No path is longer than there are branches.
        for _ in 0..=self.branches.len() {
            place = match self.branches.get(place) {
                Some(&(Branch::Split { feature, yes, no, .. } | Branch::Among { feature, yes, no, .. }))
                    if x.get(feature).is_some_and(|x| x.is_nan()) =>
                {
                    if self.is_missing_yes(place) {
                        yes
                    } else {
                        no
                    }
                }
                Some(&Branch::Split { feature, value, yes, no }) => {
                    if x.get(feature).is_some_and(|&x| x <= value) {
                        yes
                    } else {
                        no
                    }
                }
                Some(&Branch::Among { feature, first, end, yes, no }) => {
                    let intervals = self.intervals.get(first..end).unwrap_or_default();
                    let within = |&x: &f32| intervals.iter().any(|&(lo, hi)| lo <= x && x <= hi);
                    if x.get(feature).is_some_and(within) { yes } else { no }
                }
                Some(&Branch::Leaf { first, end }) => return self.weights.get(first..end).unwrap_or_default(),
                None => break,
            }
        }
        &[]
    }
}

/// Goes back over a node that keeps which of the scores is the largest: what stood before it, and what it makes of them.
fn kept(graph: &Graph, node: &Node, value: ValueId) -> Option<(ValueId, Option<Transform>)> {
    let input = |index: usize| node.inputs.get(index).copied().flatten();
    let wide = |value: ValueId| matches!(graph.value(value).dtype, Some(DType::F32 | DType::F64));
    let is_one = |value: ValueId| {
        graph.constant_of(value).and_then(|tensor| tensor.to_f64()).is_some_and(|all| all.iter().all(|v| (v - 1.0).abs() <= 0.0))
    };
    match &node.op {
        Op::Identity => Some((input(0)?, None)),
        Op::Cast { .. } if wide(value) && wide(input(0)?) => Some((input(0)?, None)),
        Op::Softmax { axis: 1 } => Some((input(0)?, Some(Transform::Softmax))),
        // onnxmltools multiplies LightGBM's scores by 1.
        Op::Mul if is_one(input(1)?) => Some((input(0)?, None)),
        Op::Mul if is_one(input(0)?) => Some((input(1)?, None)),
        _ => None,
    }
}
