//! Lists of tensors whose length is known: they are followed by name and leave no operator behind.

use brinell_graph::{Dim, Op, ValueId};

use super::{Importer, Node, Refusal, bad, opaque, size, unknown};

impl Importer<'_> {
    /// Gives the output of `node` a list. The node itself is carried along too, for a user that needs the list as such.
    fn list(&mut self, node: &Node<'_>, items: Vec<ValueId>) -> Result<(), Refusal> {
        self.opaque(node, "it creates a list of tensors".to_owned(), false).map_err(Refusal::Bad)?;
        let made = node.outputs.first().copied().flatten().and_then(|output| self.by_name.get(output).copied());
        if let Some(id) = made {
            self.sequences.insert(id, items);
        }
        Ok(())
    }

    /// The list behind an input.
    fn items(&self, node: &Node<'_>) -> Result<Vec<ValueId>, Refusal> {
        self.sequences.get(&node.input(0)?).cloned().map_or_else(|| unknown("the length of its list is unknown"), Ok)
    }

    /// A position in a list of `n`, or `n` for the end.
    fn position(&self, node: &Node<'_>, input: usize, n: usize) -> Result<usize, Refusal> {
        size::axis(self.constant_int(node.input(input)?)?, n)
    }
}

pub(super) fn construct(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    importer.list(node, node.inputs.iter().flatten().copied().collect())
}

pub(super) fn empty(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    importer.list(node, Vec::new())
}

pub(super) fn insert(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mut items = importer.items(node)?;
    let at = if node.optional(2).is_some() { importer.position(node, 2, items.len() + 1)? } else { items.len() };
    items.insert(at, node.input(1)?);
    importer.list(node, items)
}

pub(super) fn erase(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mut items = importer.items(node)?;
    let at = if node.optional(1).is_some() { importer.position(node, 1, items.len())? } else { items.len().saturating_sub(1) };
    if at >= items.len() {
        return bad("its list is empty");
    }
    items.remove(at);
    importer.list(node, items)
}

pub(super) fn at(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let items = importer.items(node)?;
    let at = importer.position(node, 1, items.len())?;
    match items.get(at) {
        Some(&item) => importer.finish(node, item),
        None => bad("its list is empty"),
    }
}

pub(super) fn length(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let n = i64::try_from(importer.items(node)?.len()).unwrap_or(i64::MAX);
    match brinell_graph::Tensor::new(Vec::new(), brinell_graph::TensorData::I64(vec![n])) {
        Some(tensor) => importer.settle(node, tensor),
        None => bad("no length"),
    }
}

/// Pieces of one size, the last of which may be smaller, or of given sizes, or single elements.
pub(super) fn split(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let shape = importer.shape(x)?;
    let axis = size::axis(node.attributes.int_or("axis", 0)?, shape.len())?;
    let Some(&Dim::Fixed(n)) = shape.get(axis) else { return unknown("it splits an axis of unknown size") };
    let keepdims = node.optional(1).is_some() || node.attributes.flag("keepdims", true)?;
    let sizes: Vec<usize> = match node.optional(1) {
        None => vec![1; n],
        Some(id) => {
            let given = importer.constant_ints(id)?;
            let given = given.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<_>>>();
            let Some(given) = given else { return bad("a size is negative") };
            match (importer.rank(id)?, given.as_slice()) {
                (0, &[part]) if part > 0 => (0..n.div_ceil(part)).map(|i| (n - i * part).min(part)).collect(),
                _ => given,
            }
        }
    };
    let count = sizes.len();
    let mut items = importer.step_many(node, Op::Split { axis, sizes }, &[x], count)?;
    if !keepdims {
        for item in &mut items {
            *item = importer.step(node, Op::Squeeze { axes: vec![axis] }, &[*item])?;
        }
    }
    importer.list(node, items)
}

pub(super) fn concat(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let mut items = importer.items(node)?;
    let Some(&first) = items.first() else { return opaque("its list is empty") };
    let Some(at) = node.attributes.int("axis")? else { return bad("attribute `axis` is missing") };
    let stacked = node.attributes.flag("new_axis", false)?;
    let axis = size::axis(at, importer.rank(first)? + usize::from(stacked))?;
    if stacked {
        for item in &mut items {
            *item = importer.step(node, Op::Unsqueeze { axes: vec![axis] }, &[*item])?;
        }
    }
    importer.emit(node, Op::Concat { axis }, items.into_iter().map(Some).collect())
}
