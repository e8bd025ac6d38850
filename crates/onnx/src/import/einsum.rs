//! Einsum as transposed matrix products.
//!
//! Operands are joined two at a time. Labels that nobody needs any more are summed away first; of the rest, those of both
//! operands and of a later use are the batch of a product, those of both alone its inner size.

use brinell_graph::{Dim, Op, Reduce, Shape, Tensor, TensorData, ValueId, count};

use super::{Importer, Node, Refusal, bad, opaque, unknown};

/// Labels of axes; those of an ellipsis are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Letter(char),
    Rest(usize),
}

/// A value with a label for each of its axes.
struct Term {
    value: ValueId,
    labels: Vec<Label>,
}

pub(super) fn einsum(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let Some(equation) = node.attributes.string("equation")? else { return bad("attribute `equation` is missing") };
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let texts: Vec<&str> = left.split(',').collect();
    if texts.len() != node.inputs.len() {
        return bad(format!("equation `{equation}` has {} operands, but the node has {}", texts.len(), node.inputs.len()));
    }
    let mut terms = Vec::with_capacity(texts.len());
    let mut width = 0;
    for (i, text) in texts.iter().enumerate() {
        let value = node.input(i)?;
        let rank = importer.rank(value)?;
        let letters = text.replace("...", "").chars().count();
        let rest = match (text.contains("..."), rank.checked_sub(letters)) {
            (true, Some(rest)) => rest,
            (false, Some(0)) => 0,
            _ => return bad(format!("operand {i} has {rank} axes, which does not fit `{text}`")),
        };
        width = width.max(rest);
        terms.push(Term { value, labels: labels(text, rest)? });
    }
    let output = match right {
        Some(text) => labels(text, if text.contains("...") { width } else { 0 })?,
        None => implicit(&terms, width),
    };
    for term in &mut terms {
        diagonal(importer, node, term)?;
    }
    let mut terms = terms.into_iter();
    let Some(mut total) = terms.next() else { return bad("it has no operand") };
    let rest: Vec<Term> = terms.collect();
    for (i, term) in rest.iter().enumerate() {
        let later: Vec<Label> =
            rest.iter().skip(i + 1).flat_map(|term| term.labels.iter().copied()).chain(output.iter().copied()).collect();
        let term = Term { value: term.value, labels: term.labels.clone() };
        total = join(importer, node, total, term, &later)?;
    }
    reduce(importer, node, &mut total, &output)?;
    let Some(perm) = order(&total.labels, &output) else {
        return bad(format!("the result of `{equation}` has a label that is in no operand"));
    };
    importer.emit(node, Op::Transpose { perm }, vec![Some(total.value)])
}

/// The axes of an ellipsis are numbered from the last one, as they broadcast.
fn labels(text: &str, rest: usize) -> Result<Vec<Label>, Refusal> {
    let (before, after) = text.split_once("...").map_or((text, ""), |(before, after)| (before, after));
    if !before.chars().chain(after.chars()).all(|c| c.is_ascii_alphabetic()) {
        return bad(format!("`{text}` is not made of letters"));
    }
    let ellipsis = (0..if text.contains("...") { rest } else { 0 }).rev().map(Label::Rest);
    Ok(before.chars().map(Label::Letter).chain(ellipsis).chain(after.chars().map(Label::Letter)).collect())
}

/// Without an arrow: the ellipsis, then the letters that stand once, in alphabetical order.
fn implicit(terms: &[Term], width: usize) -> Vec<Label> {
    let mut letters: Vec<char> = Vec::new();
    for term in terms {
        letters.extend(term.labels.iter().filter_map(|label| if let Label::Letter(c) = label { Some(*c) } else { None }));
    }
    let mut once: Vec<char> = letters.iter().copied().filter(|c| letters.iter().filter(|other| *other == c).count() == 1).collect();
    once.sort_unstable();
    (0..width).rev().map(Label::Rest).chain(once.into_iter().map(Label::Letter)).collect()
}

/// A label that stands twice in an operand: all but the diagonal is set to zero and one of the axes summed away.
fn diagonal(importer: &mut Importer<'_>, node: &Node<'_>, term: &mut Term) -> Result<(), Refusal> {
    while let Some((i, j)) = twice(&term.labels) {
        let shape = importer.shape(term.value)?;
        let (Some(&Dim::Fixed(n)), Some(&Dim::Fixed(m))) = (shape.get(i), shape.get(j)) else {
            return unknown("a label is used twice for an axis without fixed size");
        };
        if n != m {
            return bad(format!("a label is used for axes of different sizes, {n} and {m}"));
        }
        let mut mask_shape = vec![1; shape.len()];
        for axis in [i, j] {
            if let Some(size) = mask_shape.get_mut(axis) {
                *size = n;
            }
        }
        let Some(total) = n.checked_mul(n).filter(|&total| total <= 1 << 20) else { return opaque("the diagonal is too long") };
        let on = TensorData::Bool((0..total).map(|k| k % (n + 1) == 0).collect());
        let Some(mask) = Tensor::new(mask_shape, on) else { return opaque("the diagonal is too long") };
        let mask = importer.constant(node, mask);
        let zero = importer.number(node, term.value, 0.0)?;
        let kept = importer.step(node, Op::Where, &[mask, term.value, zero])?;
        term.value = importer.step(node, Op::Reduce { kind: Reduce::Sum, axes: vec![j], keepdims: false }, &[kept])?;
        term.labels.remove(j);
    }
    Ok(())
}

fn twice(labels: &[Label]) -> Option<(usize, usize)> {
    labels.iter().enumerate().find_map(|(j, label)| labels.iter().take(j).position(|other| other == label).map(|i| (i, j)))
}

/// Sums away the labels that are not in `kept`.
fn reduce(importer: &mut Importer<'_>, node: &Node<'_>, term: &mut Term, kept: &[Label]) -> Result<(), Refusal> {
    let axes: Vec<usize> = term.labels.iter().enumerate().filter(|(_, label)| !kept.contains(label)).map(|(i, _)| i).collect();
    if !axes.is_empty() {
        term.value = importer.step(node, Op::Reduce { kind: Reduce::Sum, axes, keepdims: false }, &[term.value])?;
        term.labels.retain(|label| kept.contains(label));
    }
    Ok(())
}

/// Where each of the labels `to` stands in `from`.
fn order(from: &[Label], to: &[Label]) -> Option<Vec<usize>> {
    (from.len() == to.len()).then(|| to.iter().map(|label| from.iter().position(|other| other == label)).collect())?
}

/// The product of two terms, summed over the labels that `later` does not need.
fn join(importer: &mut Importer<'_>, node: &Node<'_>, mut a: Term, mut b: Term, later: &[Label]) -> Result<Term, Refusal> {
    let kept = |own: &Term, other: &Term| -> Vec<Label> {
        own.labels.iter().copied().filter(|label| other.labels.contains(label) || later.contains(label)).collect()
    };
    let (keep_a, keep_b) = (kept(&a, &b), kept(&b, &a));
    reduce(importer, node, &mut a, &keep_a)?;
    reduce(importer, node, &mut b, &keep_b)?;
    let both: Vec<Label> = a.labels.iter().copied().filter(|label| b.labels.contains(label)).collect();
    let (batch, inner): (Vec<Label>, Vec<Label>) = both.into_iter().partition(|label| later.contains(label));
    let own = |term: &Term| -> Vec<Label> { term.labels.iter().copied().filter(|l| !batch.contains(l) && !inner.contains(l)).collect() };
    let (own_a, own_b) = (own(&a), own(&b));
    let left = matrix(importer, node, &a, [&batch, &own_a, &inner])?;
    let right = matrix(importer, node, &b, [&batch, &inner, &own_b])?;
    let product = importer.step(node, Op::MatMul, &[left, right])?;
    // Back to an axis per label; the batch axes broadcast.
    let mut shape = importer.shape(product)?;
    shape.truncate(batch.len());
    for (term, labels) in [(&a, &own_a), (&b, &own_b)] {
        let sizes = importer.shape(term.value)?;
        shape.extend(labels.iter().filter_map(|label| sizes.get(term.labels.iter().position(|other| other == label)?)));
    }
    let value = importer.step(node, Op::Reshape { shape }, &[product])?;
    Ok(Term { value, labels: [batch, own_a, own_b].concat() })
}

/// The term with its axes in the order of the groups, of which the second and third are one axis each.
fn matrix(importer: &mut Importer<'_>, node: &Node<'_>, term: &Term, groups: [&[Label]; 3]) -> Result<ValueId, Refusal> {
    let Some(perm) = order(&term.labels, &groups.concat()) else { return bad("a label is lost") };
    let turned = importer.step(node, Op::Transpose { perm }, &[term.value])?;
    let sizes = importer.shape(turned)?;
    let [batch, second, _] = groups.map(<[Label]>::len);
    let part = |from: usize, to: usize| sizes.get(from..to).map_or(Dim::Unknown, count);
    let mut shape: Shape = sizes.iter().copied().take(batch).collect();
    shape.extend([part(batch, batch + second), part(batch + second, sizes.len())]);
    if shape.iter().filter(|&&d| d == Dim::Unknown).count() > 1 {
        return unknown("several of its axes are not fixed");
    }
    importer.step(node, Op::Reshape { shape }, &[turned])
}
