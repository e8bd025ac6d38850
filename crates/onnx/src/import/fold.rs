//! Contents followed symbolically through the chains that compute shapes.

use brinell_graph::{DType, Dim, Tensor};

use super::content::{Content, MAX_ITEMS};
use super::symbol::{Sym, add, converted, div, equal, less, max, min, mul, of_dim, on_float, to_f32};
use super::{Importer, Node};

impl Importer<'_> {
    /// The folded output of `node` as a constant.
    pub(super) fn tensor_of(&self, node: &Node<'_>, content: &Content) -> Option<Tensor> {
        content.to_tensor(self.fold_dtype(node)?)
    }

    fn fold_dtype(&self, node: &Node<'_>) -> Option<DType> {
        let of = |i: usize| self.graph.value(node.optional(i)?).dtype;
        match node.op {
            "Shape" | "Size" => Some(DType::I64),
            "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" | "Not" => Some(DType::Bool),
            "Where" => of(1),
            "Cast" => node.attributes.int("to").ok()?.and_then(|to| crate::tensor::dtype(i32::try_from(to).ok()?)),
            "CastLike" => of(1),
            "ConstantOfShape" => self.fill_value(node).ok().map(|fill| fill.dtype()),
            _ => of(0),
        }
    }

    /// Follows the contents through `node`; `None` where it is not followed.
    pub(super) fn fold(&self, node: &Node<'_>) -> Option<Content> {
        if !node.domain.is_empty() {
            return None;
        }
        let folded = match node.op {
            "Shape" => self.fold_shape(node)?,
            "Size" => {
                let shape = self.graph.shape(node.optional(0)?)?;
                Content::scalar(shape.iter().fold(Sym::Int(1), |n, &d| mul(n, of_dim(d))))
            }
            "CastLike" => {
                let (x, to) = (self.content(node.optional(0)?)?, self.fold_dtype(node)?);
                Content { items: x.items.iter().map(|&item| converted(item, to)).collect(), ..x }
            }
            _ => {
                let contents: Vec<Option<Content>> = node.inputs.iter().map(|id| id.and_then(|id| self.content(id))).collect();
                if contents.is_empty() || contents.iter().zip(&node.inputs).any(|(content, id)| content.is_none() && id.is_some()) {
                    return None;
                }
                self.fold_contents(node, &contents)?
            }
        };
        let folded = if self.fold_dtype(node) == Some(DType::F32) { rounded(folded) } else { folded };
        Content::new(folded.shape, folded.items)
    }

    fn fold_shape(&self, node: &Node<'_>) -> Option<Content> {
        let shape = self.graph.shape(node.optional(0)?)?;
        let (start, end) = self.shape_range(node, shape.len()).ok()?;
        Some(Content::vector(shape.get(start..end)?.iter().map(|&d| of_dim(d)).collect()))
    }

    fn fold_contents(&self, node: &Node<'_>, contents: &[Option<Content>]) -> Option<Content> {
        let at = |i: usize| contents.get(i).and_then(Option::as_ref);
        let x = at(0)?;
        let map = |f: fn(Sym) -> Sym| Some(Content { shape: x.shape.clone(), items: x.items.iter().map(|&item| f(item)).collect() });
        match node.op {
            "Identity" => Some(x.clone()),
            "Cast" => {
                let to = self.fold_dtype(node)?;
                Some(Content { shape: x.shape.clone(), items: x.items.iter().map(|&item| converted(item, to)).collect() })
            }
            "Neg" => map(|a| mul(a, Sym::Int(-1))),
            "Not" => map(|a| equal(a, Sym::Int(0))),
            "Floor" => map(|a| on_float(a, f64::floor)),
            "Ceil" => map(|a| on_float(a, f64::ceil)),
            "Add" => zip(x, at(1)?, add),
            "Sub" => zip(x, at(1)?, |a, b| add(a, mul(b, Sym::Int(-1)))),
            "Mul" => zip(x, at(1)?, mul),
            "Div" => zip(x, at(1)?, div),
            "Equal" => zip(x, at(1)?, equal),
            "Less" => zip(x, at(1)?, less),
            "Greater" => zip(x, at(1)?, |a, b| less(b, a)),
            "And" => zip(x, at(1)?, mul),
            "Min" | "Max" => {
                let pick = if node.op == "Min" { min } else { max };
                contents.iter().skip(1).try_fold(x.clone(), |a, b| zip(&a, b.as_ref()?, pick))
            }
            "Where" => select(x, at(1)?, at(2)?),
            "Concat" => self.fold_concat(node, contents),
            "Gather" => self.fold_gather(node, x, at(1)?),
            "Slice" => self.fold_slice(node, x),
            "Unsqueeze" | "Squeeze" | "Reshape" | "Flatten" => self.fold_reshape(node, x),
            "Transpose" => self.fold_transpose(node, x),
            "Expand" => zip(x, &filled(&at(1)?.ints()?, Sym::Int(1))?, mul),
            "ConstantOfShape" => filled(&x.ints()?, *Content::of_tensor(&self.fill_value(node).ok()?)?.items.first()?),
            "Range" => range(x, at(1)?, at(2)?),
            "ReduceProd" => reduce(node, x, mul),
            "ReduceSum" if node.inputs.len() == 1 => reduce(node, x, add),
            _ => None,
        }
    }

    fn fold_concat(&self, node: &Node<'_>, contents: &[Option<Content>]) -> Option<Content> {
        let first = contents.first()?.as_ref()?;
        let axis = node.attributes.int("axis").ok()??;
        if first.shape.len() != 1 || !matches!(axis, 0 | -1) {
            return None;
        }
        let mut items = Vec::new();
        for content in contents {
            let content = content.as_ref().filter(|content| content.shape.len() == 1)?;
            items.extend_from_slice(&content.items);
        }
        Some(Content::vector(items))
    }

    fn fold_gather(&self, node: &Node<'_>, data: &Content, indices: &Content) -> Option<Content> {
        let axis = node.attributes.int_or("axis", 0).ok()?;
        let &[n] = data.shape.as_slice() else { return None };
        if !matches!(axis, 0 | -1) {
            return None;
        }
        let n = i64::try_from(n).ok()?;
        let pick = |i: i64| data.items.get(usize::try_from(if i < 0 { i.checked_add(n)? } else { i }).ok()?).copied();
        let items = indices.ints()?.into_iter().map(pick).collect::<Option<_>>()?;
        Content::new(indices.shape.clone(), items)
    }

    /// A vector, or the first axis of a matrix.
    fn fold_slice(&self, node: &Node<'_>, x: &Content) -> Option<Content> {
        let (axes, starts, ends, steps) = self.slice_parameters(node, x.shape.len()).ok()?;
        let (&[0], &[start], &[end], &[step]) = (axes.as_slice(), starts.as_slice(), ends.as_slice(), steps.as_slice()) else {
            return None;
        };
        let (&n, inner) = x.shape.split_first()?;
        let row: usize = inner.iter().product();
        let n = i64::try_from(n).ok()?;
        let from_end = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
        let mut rows = Vec::new();
        let (mut i, end) = if step > 0 {
            (from_end(start).clamp(0, n), from_end(end).clamp(0, n))
        } else {
            (from_end(start).min(n - 1), from_end(end).clamp(-1, n))
        };
        while (step > 0 && i < end) || (step < 0 && i > end) {
            rows.push(usize::try_from(i).ok()?);
            i = i.checked_add(step)?;
        }
        let mut items = Vec::new();
        for &i in &rows {
            items.extend_from_slice(x.items.get(i.checked_mul(row)?..i.checked_add(1)?.checked_mul(row)?)?);
        }
        let shape = std::iter::once(rows.len()).chain(inner.iter().copied()).collect();
        Content::new(shape, items)
    }

    fn fold_reshape(&self, node: &Node<'_>, x: &Content) -> Option<Content> {
        let input: Vec<Dim> = x.shape.iter().map(|&n| Dim::Fixed(n)).collect();
        let shape = match node.op {
            "Unsqueeze" => self.unsqueezed(node, &input).ok()?.1,
            "Squeeze" => self.squeezed(node, &input).ok()?.1,
            "Flatten" => super::layout::flattened(node, &input).ok()?,
            _ => self.reshape_target(node, &input).ok()?,
        };
        let mut fixed: Vec<Option<usize>> = shape.iter().map(|d| d.fixed()).collect();
        let rest = fixed.iter().flatten().product::<usize>();
        if let Some(open) = fixed.iter_mut().find(|d| d.is_none()) {
            *open = x.items.len().checked_div(rest);
        }
        Content::new(fixed.into_iter().collect::<Option<_>>()?, x.items.clone())
    }

    fn fold_transpose(&self, node: &Node<'_>, x: &Content) -> Option<Content> {
        let &[rows, columns] = x.shape.as_slice() else { return (x.shape.len() < 2).then(|| x.clone()) };
        if node.attributes.ints("perm").ok()?.is_some_and(|perm| perm == [0, 1]) {
            return Some(x.clone());
        }
        let cells = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
        Content::new(vec![columns, rows], cells.map(|i| x.items.get(i).copied()).collect::<Option<_>>()?)
    }
}

fn rounded(content: Content) -> Content {
    let round = |item| if let Sym::Float(x) = item { Sym::Float(f64::from(to_f32(x))) } else { item };
    Content { shape: content.shape, items: content.items.into_iter().map(round).collect() }
}

/// All axes, or those named by the attribute if they are all.
fn reduce(node: &Node<'_>, x: &Content, f: fn(Sym, Sym) -> Sym) -> Option<Content> {
    if x.shape.len() > 1 || node.inputs.len() > 1 {
        return None;
    }
    let item = x.items.iter().copied().reduce(f)?;
    let keep = node.attributes.flag("keepdims", true).ok()?;
    Some(if keep { Content { shape: vec![1; x.shape.len()], items: vec![item] } } else { Content::scalar(item) })
}

fn filled(shape: &[i64], item: Sym) -> Option<Content> {
    let shape = shape.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<_>>>()?;
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ITEMS)?;
    Content::new(shape, vec![item; count])
}

fn range(start: &Content, limit: &Content, delta: &Content) -> Option<Content> {
    let (&[start], &[limit], &[delta]) = (start.ints()?.as_slice(), limit.ints()?.as_slice(), delta.ints()?.as_slice()) else {
        return None;
    };
    let mut items = Vec::new();
    let mut i = start;
    while (delta > 0 && i < limit) || (delta < 0 && i > limit) {
        if items.len() >= MAX_ITEMS {
            return None;
        }
        items.push(Sym::Int(i));
        i = i.checked_add(delta)?;
    }
    (delta != 0).then(|| Content::vector(items))
}

/// Applies `f` to two broadcast operands.
fn zip(a: &Content, b: &Content, f: fn(Sym, Sym) -> Sym) -> Option<Content> {
    let rank = a.shape.len().max(b.shape.len());
    let dim = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).and_then(|i| shape.get(i)).copied().unwrap_or(1);
    let mut shape = Vec::with_capacity(rank);
    for axis in 0..rank {
        shape.push(match (dim(&a.shape, axis), dim(&b.shape, axis)) {
            (1, n) | (n, 1) => n,
            (n, m) if n == m => n,
            _ => return None,
        });
    }
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ITEMS)?;
    let position = |content: &Content, flat: usize| {
        let (mut rest, mut stride, mut at) = (flat, 1, 0);
        for axis in (0..rank).rev() {
            let full = shape.get(axis).copied().unwrap_or(1);
            let own = dim(&content.shape, axis);
            if own != 1 {
                at += (rest % full) * stride;
            }
            stride *= own;
            rest /= full;
        }
        content.items.get(at).copied()
    };
    let items = (0..count).map(|flat| Some(f(position(a, flat)?, position(b, flat)?))).collect::<Option<_>>()?;
    Content::new(shape, items)
}

fn select(condition: &Content, x: &Content, y: &Content) -> Option<Content> {
    let mut picked = zip(x, y, |x, y| if x == y { x } else { Sym::Unknown })?;
    let whole = |content: &Content| zip(content, &picked, |a, _| a);
    let (condition, x, y) = (whole(condition)?, whole(x)?, whole(y)?);
    if condition.shape != picked.shape {
        return None;
    }
    for (((item, c), &x), &y) in picked.items.iter_mut().zip(&condition.items).zip(&x.items).zip(&y.items) {
        match c {
            Sym::Int(0) => *item = y,
            Sym::Int(_) => *item = x,
            _ => {}
        }
    }
    Some(picked)
}
