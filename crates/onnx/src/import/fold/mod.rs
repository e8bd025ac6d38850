//! Contents followed symbolically through the chains that compute shapes.
//!
//! What an operator makes of known contents is worked out when it is about to be pushed. An output that is known in full
//! becomes a constant; what is known in part (a size that is the batch) is remembered beside the graph.

mod elementwise;
mod place;

use brinell_graph::{DType, Dim, Op, Reduce, Tensor, ValueId};

use super::content::Content;
use super::symbol::{Sym, add, converted, div, max, min, mul, of_dim, to_f32};
use super::{Importer, Node};
use crate::tensor::elements;

/// Outputs of an operator, where they can be followed.
type Folded = Option<Vec<Content>>;

impl Importer<'_> {
    /// What is known of the outputs of an operator that is about to be pushed.
    pub(super) fn fold(&mut self, op: &Op, inputs: &[Option<ValueId>]) -> Vec<Content> {
        let folded = self.followed(op, inputs).unwrap_or_default();
        let spent = folded.iter().map(|content| content.items.len()).sum();
        match self.fold_budget.checked_sub(spent) {
            Some(left) => {
                self.fold_budget = left;
                folded
            }
            None => Vec::new(),
        }
    }

    fn followed(&self, op: &Op, inputs: &[Option<ValueId>]) -> Folded {
        if let Op::Shape { start, end } = op {
            let shape = self.graph.shape((*inputs.first()?)?)?;
            return Some(vec![Content::vector(shape.get(*start..*end)?.iter().map(|&d| of_dim(d)).collect())]);
        }
        if inputs.is_empty() || !inputs.iter().flatten().all(|&id| self.is_followed(id)) {
            return None;
        }
        let contents: Vec<Content> = inputs.iter().map(|id| self.content((*id)?)).collect::<Option<_>>()?;
        let outputs = outputs(op, &contents)?;
        let narrow = self.result_dtype(op, inputs) == Some(DType::F32);
        outputs.into_iter().map(|content| if narrow { rounded(content) } else { content }).map(|c| Content::new(c.shape, c.items)).collect()
    }

    /// The element type of the outputs.
    fn result_dtype(&self, op: &Op, inputs: &[Option<ValueId>]) -> Option<DType> {
        let of = |i: usize| self.graph.value(inputs.get(i).copied().flatten()?).dtype;
        match op {
            Op::Shape { .. } | Op::ArgMax { .. } | Op::ArgMin { .. } => Some(DType::I64),
            Op::Compare(_) | Op::And | Op::Or | Op::Xor | Op::Not => Some(DType::Bool),
            Op::Where => of(1),
            Op::Cast { to } => Some(*to),
            _ => of(0),
        }
    }

    /// The outputs as constants, where all of those that are named are known in full.
    pub(super) fn known_outputs(&self, op: &Op, inputs: &[Option<ValueId>], folded: &[Content], n: usize) -> Option<Vec<Tensor>> {
        let dtype = self.result_dtype(op, inputs)?;
        (folded.len() >= n).then(|| folded.iter().take(n).map(|content| content.to_tensor(dtype)).collect())?
    }

    /// Gives `node` an output that is known now.
    pub(super) fn settle(&mut self, node: &Node<'_>, tensor: Tensor) -> Result<(), super::Refusal> {
        let [Some(output)] = node.outputs.as_slice() else { return super::bad("needs one output") };
        let id = self.graph.constant(output, tensor);
        self.bind(output, id);
        Ok(())
    }
}

fn outputs(op: &Op, contents: &[Content]) -> Folded {
    if let Some(content) = elementwise::fold(op, contents).or_else(|| place::fold(op, contents)) {
        return Some(vec![content]);
    }
    let x = contents.first()?;
    match op {
        Op::Reshape { shape } => Some(vec![reshaped(x, shape)?]),
        Op::Squeeze { axes } => {
            let shape = x.shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect();
            Some(vec![Content::new(shape, x.items.clone())?])
        }
        Op::Unsqueeze { axes } => {
            let mut old = x.shape.iter();
            let rank = x.shape.len() + axes.len();
            let shape = (0..rank).map(|i| if axes.contains(&i) { Some(1) } else { old.next().copied() }).collect::<Option<_>>()?;
            Some(vec![Content::new(shape, x.items.clone())?])
        }
        Op::Reduce { kind, axes, keepdims } => Some(vec![reduced(*kind, axes, *keepdims, x)?]),
        Op::CumSum { axis, exclusive: false, reverse: false } => Some(vec![running_sum(x, *axis)?]),
        Op::Split { axis, sizes } => place::split(x, *axis, sizes),
        _ => None,
    }
}

fn reshaped(x: &Content, shape: &[Dim]) -> Option<Content> {
    let mut fixed: Vec<Option<usize>> = shape.iter().map(|d| d.fixed()).collect();
    let rest = elements(fixed.iter().flatten())?;
    if let Some(open) = fixed.iter_mut().find(|d| d.is_none()) {
        *open = x.items.len().checked_div(rest);
    }
    Content::new(fixed.into_iter().collect::<Option<_>>()?, x.items.clone())
}

fn rounded(content: Content) -> Content {
    let round = |item| if let Sym::Float(x) = item { Sym::Float(f64::from(to_f32(x))) } else { item };
    Content { shape: content.shape, items: content.items.into_iter().map(round).collect() }
}

fn reduced(kind: Reduce, axes: &[usize], keepdims: bool, x: &Content) -> Option<Content> {
    let f = match kind {
        Reduce::Sum | Reduce::Mean => add,
        Reduce::Prod => mul,
        Reduce::Max => max,
        Reduce::Min => min,
        _ => return None,
    };
    let kept: Vec<usize> = x.shape.iter().enumerate().map(|(i, &n)| if axes.contains(&i) { 1 } else { n }).collect();
    let mut groups: Vec<Option<Sym>> = vec![None; elements(&kept)?];
    for (at, &item) in place::indices(&x.shape)?.zip(&x.items) {
        let to: Vec<usize> = at.iter().enumerate().map(|(i, &n)| if axes.contains(&i) { 0 } else { n }).collect();
        let slot = groups.get_mut(place::offset(&kept, &to))?;
        *slot = Some(slot.map_or(item, |sum| f(sum, item)));
    }
    let mut items = groups.into_iter().collect::<Option<Vec<Sym>>>()?;
    if kind == Reduce::Mean {
        let n = elements(axes.iter().filter_map(|&axis| x.shape.get(axis)))?;
        let n = f64::from(u32::try_from(n).ok()?);
        let by = |item: &Sym| if let Sym::Float(sum) = item { Some(Sym::Float(sum / n)) } else { None };
        items = items.iter().map(by).collect::<Option<_>>()?;
    }
    let shape = if keepdims { kept } else { x.shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect() };
    Content::new(shape, items)
}

fn running_sum(x: &Content, axis: usize) -> Option<Content> {
    let mut items = x.items.clone();
    for at in place::indices(&x.shape)? {
        if *at.get(axis)? == 0 {
            continue;
        }
        let mut before = at.clone();
        *before.get_mut(axis)? -= 1;
        let sum = *items.get(place::offset(&x.shape, &before))?;
        let item = items.get_mut(place::offset(&x.shape, &at))?;
        *item = add(sum, *item);
    }
    Content::new(x.shape.clone(), items)
}

/// The numbers of Range.
pub(super) fn range(start: &Content, limit: &Content, delta: &Content) -> Option<Content> {
    let one = |content: &Content| if let [item] = content.items.as_slice() { Some(*item) } else { None };
    let (start, limit, delta) = (one(start)?, one(limit)?, one(delta)?);
    let mut items = Vec::new();
    match (start, limit, delta) {
        (Sym::Int(start), Sym::Int(limit), Sym::Int(delta)) if delta != 0 => {
            let mut i = start;
            while (delta > 0 && i < limit) || (delta < 0 && i > limit) {
                if items.len() >= super::content::MAX_ITEMS {
                    return None;
                }
                items.push(Sym::Int(i));
                i = i.checked_add(delta)?;
            }
        }
        (Sym::Float(start), Sym::Float(limit), Sym::Float(delta)) => {
            let n = super::symbol::whole(((limit - start) / delta).ceil().max(0.0)).and_then(|n| usize::try_from(n).ok())?;
            let n = u32::try_from(n).ok().filter(|_| n <= super::content::MAX_ITEMS)?;
            items.extend((0..n).map(|i| Sym::Float(start + f64::from(i) * delta)));
        }
        _ => return None,
    }
    Some(Content::vector(items))
}

/// What Mod leaves, with the sign of the divisor unless `fmod`.
fn remainder(a: Sym, b: Sym, fmod: bool) -> Sym {
    match (a, b) {
        (Sym::Int(a), Sym::Int(b)) => {
            let rest =
                if fmod { a.checked_rem(b) } else { a.checked_rem_euclid(b).map(|rest| if b < 0 && rest != 0 { rest + b } else { rest }) };
            rest.map_or(Sym::Unknown, Sym::Int)
        }
        (Sym::Float(a), Sym::Float(b)) => {
            let rest = a % b;
            Sym::Float(if fmod || rest == 0.0 || (rest < 0.0) == (b < 0.0) { rest } else { rest + b })
        }
        (Sym::Batch(k), Sym::Int(n)) if div(a, b) != Sym::Unknown && n != 0 && k != 0 => Sym::Int(0),
        _ => Sym::Unknown,
    }
}

fn cast(x: &Content, to: DType) -> Content {
    Content { shape: x.shape.clone(), items: x.items.iter().map(|&item| converted(item, to)).collect() }
}
