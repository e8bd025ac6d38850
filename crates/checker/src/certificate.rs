use crate::error::CheckError;

/// A certificate: what it is about, and what a checker needs to prove it.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// SHA-256 of the model's file.
    pub model: [u8; 32],
    /// Digest of the statement.
    pub statement: [u8; 32],
    /// How it is proved.
    pub evidence: Evidence,
}

/// How the parts of a proof are made, and bounded.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// The box of inputs is split. In every part, split or not, intervals are computed anew, clauses whose bound is above 0 are closed, and the box is
    /// cut by the linear bounds of the others.
    Inputs(Tree<(), Cut>),
    /// The signs of neurons are split, for each clause apart.
    Neurons {
        /// The neurons whose lower slopes are given.
        slots: Vec<Neuron>,
        /// For each clause its parts.
        clauses: Vec<Tree<Bounding, Neuron>>,
    },
}

/// A value that a Relu or LeakyRelu reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Neuron {
    /// Number of the node in the graph of what is needed, for one sample.
    pub node: u32,
    /// Number of the element.
    pub element: u32,
}

/// A box is cut where input `index` is `at`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Number of the input.
    pub index: u32,
    /// Where.
    pub at: f64,
}

/// How one part is bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounding {
    /// The atom of the clause that cannot hold.
    pub atom: u32,
    /// The lower slope of each slot, in units of 1/65535 of the way from the slope left of zero to 1; empty where those of the checker do.
    pub slopes: Vec<u16>,
    /// The price of each split on the way to the part, from the first on; missing ones are 0.
    pub prices: Vec<f32>,
}

/// A binary tree in preorder; of each pair the part below comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<L, S>(pub Vec<Branch<L, S>>);

/// A node of a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Branch<L, S> {
    /// A part that is bounded.
    Leaf(L),
    /// Two parts: below (or negative) and above (or positive).
    Split(S),
}

/// The slope that a number of a slot stands for.
#[must_use]
pub fn slope_at(leak: f64, step: u16) -> f64 {
    (leak + (1.0 - leak) * (f64::from(step) / 65535.0)).clamp(leak, 1.0)
}

impl<L, S> Tree<L, S> {
    /// Returns the number of parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.0.iter().filter(|branch| matches!(branch, Branch::Leaf(_))).count()
    }

    /// For each node where the second of its parts begins; an error where the list is no whole tree.
    pub(crate) fn seconds(&self) -> Result<Vec<usize>, CheckError> {
        let mut seconds = vec![0; self.0.len()];
        // Splits whose second part is not reached yet.
        let mut open: Vec<usize> = Vec::new();
        for (at, branch) in self.0.iter().enumerate() {
            if let Branch::Split(_) = branch {
                open.push(at);
                continue;
            }
            match open.pop() {
                Some(split) => seconds[split] = at + 1,
                None if at + 1 == self.0.len() => return Ok(seconds),
                None => return Err(CheckError::Malformed { problem: "something follows a whole tree" }),
            }
        }
        Err(CheckError::Malformed { problem: "a tree lacks parts" })
    }
}

impl Evidence {
    /// Returns the number of parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        match self {
            Self::Inputs(tree) => tree.parts(),
            Self::Neurons { clauses, .. } => clauses.iter().map(Tree::parts).sum(),
        }
    }
}
