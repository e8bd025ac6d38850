//! Parameters that are attributes in one opset and constant inputs in another.

use brinell_graph::{Dim, Shape, ValueId};

use super::symbol::Sym;
use super::{Importer, Node, Refusal, bad, unknown};

/// Resolves a possibly negative axis.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, Refusal> {
    let n = i64::try_from(rank).unwrap_or(i64::MAX);
    let from_start = if axis < 0 { axis.saturating_add(n) } else { axis };
    match usize::try_from(from_start) {
        Ok(i) if i < rank => Ok(i),
        _ => bad(format!("axis {axis} is out of range for rank {rank}")),
    }
}

/// Resolves distinct axes, sorted.
pub(super) fn axes(given: &[i64], rank: usize) -> Result<Vec<usize>, Refusal> {
    let mut axes = given.iter().map(|&i| axis(i, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|pair| pair.first() == pair.last()) {
        return bad(format!("axes {given:?} contain an axis twice"));
    }
    Ok(axes)
}

impl Importer<'_> {
    /// A constant vector of integers.
    pub(super) fn constant_ints(&self, id: ValueId) -> Result<Vec<i64>, Refusal> {
        match self.ints(id) {
            Some(ints) => Ok(ints),
            None => unknown(format!("`{}` is not constant", self.graph.value(id).name)),
        }
    }

    /// A constant integer.
    pub(super) fn constant_int(&self, id: ValueId) -> Result<i64, Refusal> {
        match self.constant_ints(id)?.as_slice() {
            &[one] => Ok(one),
            many => bad(format!("`{}` has {} elements, but one is needed", self.graph.value(id).name, many.len())),
        }
    }

    /// The attribute `name` before `moved`, the input `i` from then on.
    pub(super) fn ints_by_version(&self, node: &Node<'_>, name: &str, i: usize, moved: i64) -> Result<Option<Vec<i64>>, Refusal> {
        if node.version < moved {
            return node.attributes.ints(name);
        }
        node.optional(i).map(|id| self.constant_ints(id)).transpose()
    }

    /// Dimensions in a value that holds a shape.
    pub(super) fn dims(&self, id: ValueId) -> Result<Shape, Refusal> {
        let Some(content) = self.content(id) else {
            return unknown(format!("the shape in `{}` is not constant", self.graph.value(id).name));
        };
        let dim = |item: &Sym| match *item {
            Sym::Int(n) => usize::try_from(n).map(Dim::Fixed).or_else(|_| bad(format!("size {n} is negative"))),
            Sym::Batch(k) => usize::try_from(k).map(Dim::Batch).or_else(|_| bad("size is negative")),
            Sym::Float(_) | Sym::Unknown => unknown("a size is known only at run time"),
        };
        content.items.iter().map(dim).collect()
    }
}
