//! Ensembles of decision trees, read out of the nodes that the graph carries along unread.

use std::collections::HashMap;

use brinell_graph::{Graph, Op, OpaqueOp, ValueId};
use prost::Message;

use crate::proto::AttributeProto;

/// Why the trees of a model cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreesError {
    /// The scores do not come from trees.
    #[error(
        "the model's scores do not come out of one TreeEnsembleClassifier or TreeEnsembleRegressor; node `{node}` ({op}) is in the way"
    )]
    Other {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
    },
    /// The trees do not take the model's input as it is.
    #[error("the trees do not take the model's input as it is: node `{node}` ({op}) is before them")]
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
        /// The largest number that goes to `yes`.
        value: f32,
        /// Place of the next branch in [`Ensemble::branches`].
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
    Above(f32),
}

/// Trees whose leaves add to scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// All branches of all trees.
    pub branches: Vec<Branch>,
    /// The first branch of every tree.
    pub roots: Vec<usize>,
    /// Score and what is added to it.
    pub weights: Vec<(usize, f32)>,
    /// What every score starts from.
    pub base: Vec<f32>,
    /// How the scores become a class.
    pub decision: Decision,
}

impl Ensemble {
    /// Reads the trees that `output` comes out of. Of a regressor with one number, class 1 is what lies above `below`.
    ///
    /// # Errors
    /// [`TreesError`] where there is something else between input, trees and output, or where the trees are of an unknown kind.
    pub fn of(graph: &Graph, output: ValueId, below: Option<f32>) -> Result<Self, TreesError> {
        let mut value = output;
        loop {
            let Some(node) = graph.nodes().iter().find(|node| node.outputs.contains(&Some(value))) else {
                return Err(TreesError::Other { node: graph.value(value).name.clone(), op: "input".to_owned() });
            };
            match &node.op {
                Op::Opaque(op) if op.op_type.starts_with("TreeEnsemble") => {
                    let input = node.inputs.first().copied().flatten();
                    if let Some(before) = graph.nodes().iter().find(|before| before.outputs.contains(&input)) {
                        return Err(TreesError::Before { node: before.name.clone(), op: before.op.name().to_owned() });
                    }
                    return Reader { node: &node.name, op }.read(below);
                }
                // What keeps the order of the scores.
                Op::Identity | Op::Softmax { .. } | Op::Cast { .. } => {
                    value = node.inputs.first().copied().flatten().unwrap_or(output);
                }
                other => return Err(TreesError::Other { node: node.name.clone(), op: other.name().to_owned() }),
            }
        }
    }

    /// Returns the sums of all trees, in f64.
    #[must_use]
    pub fn sums(&self, x: &[f32]) -> Vec<f64> {
        let mut sums: Vec<f64> = self.base.iter().map(|&b| f64::from(b)).collect();
        for &root in &self.roots {
            for &(score, weight) in self.leaf(root, x) {
                if let Some(sum) = sums.get_mut(score) {
                    *sum += f64::from(weight);
                }
            }
        }
        sums
    }

    /// Returns the class that the sums mean.
    #[must_use]
    pub fn class(&self, sums: &[f64]) -> usize {
        match self.decision {
            Decision::Above(threshold) => usize::from(sums.first().is_some_and(|sum| *sum > f64::from(threshold))),
            Decision::Largest => {
                let best = |best: (usize, f64), (class, &sum): (usize, &f64)| if sum > best.1 { (class, sum) } else { best };
                sums.iter().enumerate().fold((0, f64::NEG_INFINITY), best).0
            }
        }
    }

    /// Returns what the tree that begins at `root` adds for `x`.
    fn leaf(&self, root: usize, x: &[f32]) -> &[(usize, f32)] {
        let mut place = root;
        // No path is longer than there are branches.
        for _ in 0..=self.branches.len() {
            match self.branches.get(place) {
                Some(&Branch::Split { feature, value, yes, no }) => {
                    place = if x.get(feature).is_some_and(|&x| x <= value) { yes } else { no };
                }
                Some(&Branch::Leaf { first, end }) => return self.weights.get(first..end).unwrap_or_default(),
                None => break,
            }
        }
        &[]
    }
}

struct Reader<'a> {
    node: &'a str,
    op: &'a OpaqueOp,
}

/// The attributes of a node by name.
type Attributes = HashMap<String, AttributeProto>;

impl Reader<'_> {
    fn fail(&self, problem: impl Into<String>) -> TreesError {
        TreesError::Tree { node: self.node.to_owned(), problem: problem.into() }
    }

    fn read(&self, threshold: Option<f32>) -> Result<Ensemble, TreesError> {
        let mut all = Attributes::new();
        for bytes in &self.op.attributes {
            let attribute = AttributeProto::decode(bytes.as_slice()).map_err(|error| self.fail(error.to_string()))?;
            all.insert(attribute.name.clone().unwrap_or_default(), attribute);
        }
        if let Some(name) = all.keys().find(|name| name.ends_with("_as_tensor")) {
            return Err(self.fail(format!("it holds `{name}`, numbers in double precision")));
        }
        let regressor = self.op.op_type == "TreeEnsembleRegressor";
        let (ids, nodeids, treeids, weights) = if regressor {
            ("target_ids", "target_nodeids", "target_treeids", "target_weights")
        } else {
            ("class_ids", "class_nodeids", "class_treeids", "class_weights")
        };
        let (ids, weights) = (ints(&all, ids), floats(&all, weights));
        let (at_tree, at_node) = (ints(&all, treeids), ints(&all, nodeids));
        let mut leaves: HashMap<(i64, i64), Vec<(usize, f32)>> = HashMap::new();
        for (((&id, &weight), &tree), &node) in ids.iter().zip(&weights).zip(&at_tree).zip(&at_node) {
            leaves.entry((tree, node)).or_default().push((usize::try_from(id).unwrap_or(usize::MAX), weight));
        }
        let base = floats(&all, "base_values");
        let mut ensemble = self.trees(&all, leaves)?;
        if regressor {
            self.regressor(&all, threshold, &mut ensemble, base)?;
        } else {
            self.classifier(&all, &ids, &weights, &mut ensemble, base)?;
        }
        if ensemble.weights.iter().any(|(score, _)| *score >= ensemble.base.len()) {
            return Err(self.fail("a leaf adds to a class that does not exist"));
        }
        Ok(ensemble)
    }

    fn regressor(&self, all: &Attributes, threshold: Option<f32>, ensemble: &mut Ensemble, base: Vec<f32>) -> Result<(), TreesError> {
        let targets = all.get("n_targets").and_then(|attribute| attribute.i).unwrap_or(1);
        match text(all, "aggregate_function").as_deref() {
            None | Some("SUM") => {}
            Some("AVERAGE") => {
                let n = ensemble.roots.iter().fold(0.0_f32, |n, _| n + 1.0);
                ensemble.weights.iter_mut().for_each(|(_, weight)| *weight /= n);
            }
            Some(other) => return Err(self.fail(format!("aggregate_function `{other}` is no sum"))),
        }
        let Some(threshold) = threshold.filter(|_| targets == 1) else { return Err(self.fail("its scores are no classes")) };
        if let Some(other) = text(all, "post_transform").filter(|transform| transform != "NONE") {
            return Err(self.fail(format!("post_transform `{other}` of a regressor is not read")));
        }
        ensemble.base = if base.is_empty() { vec![0.0] } else { base };
        ensemble.decision = Decision::Above(threshold);
        Ok(())
    }

    fn classifier(
        &self,
        all: &Attributes,
        ids: &[i64],
        weights: &[f32],
        ensemble: &mut Ensemble,
        base: Vec<f32>,
    ) -> Result<(), TreesError> {
        let named = all.get("classlabels_strings").map_or(0, |attribute| attribute.strings.len());
        let classes = named.max(ints(all, "classlabels_int64s").len());
        let one = ids.first().is_some_and(|first| ids.iter().all(|id| id == first));
        if classes == 2 && one {
            // Two classes of which the leaves know one: ONNX Runtime's scores are [1 - s, s] where no weight is negative, else [-s, s]; with
            // LOGISTIC those of a sigmoid.
            ensemble.weights.iter_mut().for_each(|(score, _)| *score = 0);
            ensemble.base = vec![base.last().copied().unwrap_or(0.0)];
            let halves = text(all, "post_transform").as_deref() != Some("LOGISTIC") && weights.iter().all(|weight| *weight >= 0.0);
            ensemble.decision = Decision::Above(if halves { 0.5 } else { 0.0 });
            return Ok(());
        }
        if let Some(other @ ("PROBIT" | "SOFTMAX_ZERO")) = text(all, "post_transform").as_deref() {
            return Err(self.fail(format!("post_transform `{other}` may change the order of the scores")));
        }
        ensemble.base = if base.is_empty() { vec![0.0; classes] } else { base };
        if ensemble.base.len() == classes { Ok(()) } else { Err(self.fail("it has not one base value per class")) }
    }

    /// Branches of all trees, with every test turned into "at most".
    fn trees(&self, all: &Attributes, mut leaves: HashMap<(i64, i64), Vec<(usize, f32)>>) -> Result<Ensemble, TreesError> {
        let (trees, nodes) = (ints(all, "nodes_treeids"), ints(all, "nodes_nodeids"));
        let (yes, no) = (ints(all, "nodes_truenodeids"), ints(all, "nodes_falsenodeids"));
        let (features, values) = (ints(all, "nodes_featureids"), floats(all, "nodes_values"));
        let modes: Vec<String> = all
            .get("nodes_modes")
            .map(|attribute| attribute.strings.iter().map(|mode| String::from_utf8_lossy(mode).into_owned()).collect())
            .unwrap_or_default();
        let n = trees.len();
        if [nodes.len(), yes.len(), no.len(), features.len(), values.len(), modes.len()].iter().any(|len| *len != n) {
            return Err(self.fail("its lists of nodes have different lengths"));
        }
        let places: HashMap<(i64, i64), usize> = trees.iter().copied().zip(nodes.iter().copied()).zip(0..).collect();
        let mut ensemble = Ensemble {
            branches: Vec::with_capacity(n),
            roots: Vec::new(),
            weights: Vec::new(),
            base: Vec::new(),
            decision: Decision::Largest,
        };
        let mut is_child = vec![false; n];
        let rows = trees.iter().zip(&nodes).zip(yes.iter().zip(&no)).zip(features.iter().zip(&values)).zip(&modes);
        for ((((&tree, &node), (&yes, &no)), (&feature, &value)), mode) in rows {
            if mode == "LEAF" {
                let first = ensemble.weights.len();
                ensemble.weights.extend(leaves.remove(&(tree, node)).unwrap_or_default());
                ensemble.branches.push(Branch::Leaf { first, end: ensemble.weights.len() });
                continue;
            }
            // x < t is x <= the number before t; "greater" is the opposite with its sides exchanged.
            let (value, turned) = match mode.as_str() {
                "BRANCH_LEQ" => (value, false),
                "BRANCH_LT" => (value.next_down(), false),
                "BRANCH_GTE" => (value.next_down(), true),
                "BRANCH_GT" => (value, true),
                other => return Err(self.fail(format!("branches of mode `{other}` are no thresholds"))),
            };
            let child =
                |id: i64| places.get(&(tree, id)).copied().ok_or_else(|| self.fail(format!("branch {id} of tree {tree} does not exist")));
            let (yes, no) = (child(yes)?, child(no)?);
            // Children stand behind their parents, so that no path runs in circles.
            if yes.min(no) <= ensemble.branches.len() {
                return Err(self.fail("a branch leads back to one before it"));
            }
            for place in [yes, no] {
                if let Some(seen) = is_child.get_mut(place) {
                    *seen = true;
                }
            }
            let (yes, no) = if turned { (no, yes) } else { (yes, no) };
            let feature = usize::try_from(feature).map_err(|_| self.fail("a feature has a negative number"))?;
            ensemble.branches.push(Branch::Split { feature, value, yes, no });
        }
        ensemble.roots = is_child.iter().zip(0..).filter(|(child, _)| !**child).map(|(_, place)| place).collect();
        if ensemble.roots.is_empty() { Err(self.fail("it has no trees")) } else { Ok(ensemble) }
    }
}

fn ints(all: &Attributes, name: &str) -> Vec<i64> {
    all.get(name).map_or_else(Vec::new, |attribute| attribute.ints.clone())
}

fn floats(all: &Attributes, name: &str) -> Vec<f32> {
    all.get(name).map_or_else(Vec::new, |attribute| attribute.floats.clone())
}

fn text(all: &Attributes, name: &str) -> Option<String> {
    all.get(name).and_then(|attribute| attribute.s.as_ref()).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
