use brinell_checker::{Branch, Tree};

/// The splits of a search as they are made, and what closes its parts: several trees that grow at their ends.
pub(super) struct Trace<L, S> {
    nodes: Vec<Node<L, S>>,
    roots: usize,
    /// Bytes that are left for it; none once it is given up.
    room: Option<usize>,
}

enum Node<L, S> {
    Open,
    Closed(L),
    /// The split and the place of its first part; the second part stands behind it.
    Split(S, usize),
}

impl<L: Clone, S: Clone> Trace<L, S> {
    /// Trees without splits at the places from 0 on. It is given up where it takes more than `room` bytes, and from the start without any.
    pub(super) fn new(roots: usize, room: Option<usize>) -> Self {
        Self { nodes: (0..roots).map(|_| Node::Open).collect(), roots, room }
    }

    fn take(&mut self, bytes: usize) -> bool {
        self.room = self.room.and_then(|room| room.checked_sub(bytes));
        if self.room.is_none() {
            self.nodes = Vec::new();
        }
        self.room.is_some()
    }

    /// Closes a part with what bounds it, which takes so many bytes beyond its own size.
    pub(super) fn close(&mut self, at: usize, leaf: L, bytes: usize) {
        if self.take(bytes) {
            self.nodes[at] = Node::Closed(leaf);
        }
    }

    /// Splits a part; returns the places of both halves.
    pub(super) fn split(&mut self, at: usize, split: S) -> [usize; 2] {
        let next = self.nodes.len();
        if self.take(2 * size_of::<Node<L, S>>()) {
            self.nodes[at] = Node::Split(split, next);
            self.nodes.extend([Node::Open, Node::Open]);
        }
        [next, next + 1]
    }

    /// The trees, where every part is closed.
    pub(super) fn finish(self) -> Option<Vec<Tree<L, S>>> {
        self.room?;
        (0..self.roots).map(|root| self.tree(root)).collect()
    }

    fn tree(&self, root: usize) -> Option<Tree<L, S>> {
        let mut branches = Vec::new();
        let mut left = vec![root];
        while let Some(at) = left.pop() {
            branches.push(match &self.nodes[at] {
                Node::Open => return None,
                Node::Closed(leaf) => Branch::Leaf(leaf.clone()),
                Node::Split(split, first) => {
                    left.extend([first + 1, *first]);
                    Branch::Split(split.clone())
                }
            });
        }
        Some(Tree(branches))
    }
}
