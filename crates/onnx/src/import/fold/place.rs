//! Operators that move elements.

use brinell_graph::{Op, PadMode, ScatterReduction};

use super::elementwise::zip;
use crate::import::content::{Content, MAX_ITEMS};
use crate::import::symbol::{Sym, add, mul};

/// Position of an index in row-major order.
pub(super) fn offset(shape: &[usize], at: &[usize]) -> usize {
    at.iter().zip(shape).fold(0, |offset, (&i, &n)| offset * n + i)
}

/// All indices of a shape in row-major order; `None` where they are too many to be followed.
pub(super) fn indices(shape: &[usize]) -> Option<impl Iterator<Item = Vec<usize>>> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ITEMS)?;
    let shape = shape.to_vec();
    Some((0..count).map(move |flat| {
        let mut rest = flat;
        let mut at = vec![0; shape.len()];
        for (i, &n) in at.iter_mut().zip(&shape).rev() {
            *i = rest % n;
            rest /= n;
        }
        at
    }))
}

/// The content of a shape whose elements come from elsewhere.
fn from(shape: &[usize], source: impl Fn(&[usize]) -> Option<Sym>) -> Option<Content> {
    let items = indices(shape)?.map(|at| source(&at)).collect::<Option<_>>()?;
    Content::new(shape.to_vec(), items)
}

impl Content {
    fn at(&self, index: &[usize]) -> Option<Sym> {
        let inside = index.len() == self.shape.len() && index.iter().zip(&self.shape).all(|(i, n)| i < n);
        self.items.get(offset(&self.shape, index)).copied().filter(|_| inside)
    }

    /// The element at an index with `axis` replaced.
    fn along(&self, index: &[usize], axis: usize, position: usize) -> Option<Sym> {
        let mut index = index.to_vec();
        *index.get_mut(axis)? = position;
        self.at(&index)
    }
}

fn position(item: Sym, n: usize) -> Option<usize> {
    let Sym::Int(i) = item else { return None };
    let i = if i < 0 { i.checked_add(i64::try_from(n).ok()?)? } else { i };
    usize::try_from(i).ok().filter(|&i| i < n)
}

pub(super) fn fold(op: &Op, contents: &[Content]) -> Option<Content> {
    let x = contents.first()?;
    match op {
        Op::Transpose { perm } => {
            let shape: Vec<usize> = perm.iter().map(|&p| x.shape.get(p).copied()).collect::<Option<_>>()?;
            from(&shape, |at| {
                let mut source = vec![0; at.len()];
                for (&p, &i) in perm.iter().zip(at) {
                    *source.get_mut(p)? = i;
                }
                x.at(&source)
            })
        }
        Op::Concat { axis } => concat(contents, *axis),
        Op::Slice { axes, starts, ends, steps } => slice(x, axes, starts, ends, steps),
        Op::Gather { axis } => {
            let picks = contents.get(1)?;
            let n = *x.shape.get(*axis)?;
            let (before, after) = (x.shape.get(..*axis)?, x.shape.get(axis + 1..)?);
            let shape: Vec<usize> = before.iter().chain(&picks.shape).chain(after).copied().collect();
            from(&shape, |at| {
                let (lead, rest) = at.split_at_checked(*axis)?;
                let (pick, tail) = rest.split_at_checked(picks.shape.len())?;
                let i = position(picks.at(pick)?, n)?;
                x.at(&[lead, &[i], tail].concat())
            })
        }
        Op::GatherElements { axis } => {
            let picks = contents.get(1)?;
            let n = *x.shape.get(*axis)?;
            from(&picks.shape, |at| x.along(at, *axis, position(picks.at(at)?, n)?))
        }
        Op::GatherND { batch_dims: 0 } => {
            let picks = contents.get(1)?;
            let (&depth, rows) = picks.shape.split_last()?;
            let shape: Vec<usize> = rows.iter().chain(x.shape.get(depth..)?).copied().collect();
            from(&shape, |at| {
                let (row, tail) = at.split_at_checked(rows.len())?;
                x.at(&[place(x, picks, row, depth)?.as_slice(), tail].concat())
            })
        }
        Op::ScatterND { reduction } => scatter(x, contents.get(1)?, contents.get(2)?, *reduction),
        Op::Expand { shape } => {
            let target: Vec<usize> = shape.iter().map(|d| d.fixed()).collect::<Option<_>>()?;
            let count = target.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_ITEMS)?;
            zip(x, &Content { shape: target, items: vec![Sym::Int(1); count] }, &|item, _| item)
        }
        Op::Tile { repeats } => {
            let shape: Vec<usize> = x.shape.iter().zip(repeats).map(|(&n, &r)| n.checked_mul(r)).collect::<Option<_>>()?;
            from(&shape, |at| x.at(&at.iter().zip(&x.shape).map(|(&i, &n)| i.checked_rem(n)).collect::<Option<Vec<_>>>()?))
        }
        Op::Pad { mode: PadMode::Constant, pads } => pad(x, contents.get(1), pads),
        Op::Trilu { upper, k } => from(&x.shape, |at| {
            let &[.., row, column] = at else { return None };
            let (row, column) = (i64::try_from(row).ok()?.checked_add(*k)?, i64::try_from(column).ok()?);
            let kept = if *upper { column >= row } else { column <= row };
            let item = x.at(at)?;
            Some(match item {
                _ if kept => item,
                Sym::Float(_) => Sym::Float(0.0),
                _ => Sym::Int(0),
            })
        }),
        _ => None,
    }
}

fn concat(contents: &[Content], axis: usize) -> Option<Content> {
    let first = contents.first()?;
    let mut pieces = Vec::new();
    for content in contents {
        let fits = content.shape.len() == first.shape.len()
            && content.shape.iter().zip(&first.shape).enumerate().all(|(i, (n, m))| i == axis || n == m);
        if !fits {
            return None;
        }
        pieces.extend((0..*content.shape.get(axis)?).map(|i| (content, i)));
    }
    let mut shape = first.shape.clone();
    *shape.get_mut(axis)? = pieces.len();
    from(&shape, |at| {
        let &(content, i) = pieces.get(*at.get(axis)?)?;
        content.along(at, axis, i)
    })
}

pub(super) fn split(x: &Content, axis: usize, sizes: &[usize]) -> super::Folded {
    let mut start = 0;
    let mut parts = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let mut shape = x.shape.clone();
        *shape.get_mut(axis)? = size;
        parts.push(from(&shape, |at| x.along(at, axis, at.get(axis)?.checked_add(start)?))?);
        start += size;
    }
    Some(parts)
}

/// Starts and ends as the payload of Slice has them: of an axis of fixed size they are resolved.
fn slice(x: &Content, axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]) -> Option<Content> {
    let mut picked: Vec<Vec<usize>> = x.shape.iter().map(|&n| (0..n).collect()).collect();
    for (((&axis, &start), &end), &step) in axes.iter().zip(starts).zip(ends).zip(steps) {
        let list = picked.get_mut(axis)?;
        let n = i64::try_from(*x.shape.get(axis)?).ok()?;
        let from_end = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
        let (mut i, end) = if step > 0 {
            (from_end(start).clamp(0, n), from_end(end).clamp(0, n))
        } else {
            (from_end(start).min(n - 1), end.clamp(-1, n))
        };
        list.clear();
        while (step > 0 && i < end) || (step < 0 && i > end) {
            list.push(usize::try_from(i).ok()?);
            i = i.checked_add(step)?;
        }
    }
    let shape: Vec<usize> = picked.iter().map(Vec::len).collect();
    from(&shape, |at| x.at(&at.iter().zip(&picked).map(|(&i, list)| list.get(i).copied()).collect::<Option<Vec<_>>>()?))
}

fn pad(x: &Content, value: Option<&Content>, pads: &[i64]) -> Option<Content> {
    let (before, after) = pads.split_at_checked(x.shape.len())?;
    let size = |((&n, &b), &a): ((&usize, &i64), &i64)| usize::try_from(i64::try_from(n).ok()?.checked_add(b)?.checked_add(a)?).ok();
    let shape: Vec<usize> = x.shape.iter().zip(before).zip(after).map(size).collect::<Option<_>>()?;
    let outside = match (value, x.items.first()) {
        (Some(value), _) => *value.items.first()?,
        (None, Some(Sym::Float(_))) => Sym::Float(0.0),
        _ => Sym::Int(0),
    };
    from(&shape, |at| {
        let source: Option<Vec<usize>> =
            at.iter().zip(before).map(|(&i, &b)| usize::try_from(i64::try_from(i).ok()?.checked_sub(b)?).ok()).collect();
        Some(source.and_then(|source| x.at(&source)).unwrap_or(outside))
    })
}

/// The place in x that a row of indices names.
fn place(x: &Content, picks: &Content, row: &[usize], depth: usize) -> Option<Vec<usize>> {
    (0..depth).map(|i| position(picks.at(&[row, &[i]].concat())?, *x.shape.get(i)?)).collect()
}

fn scatter(x: &Content, picks: &Content, updates: &Content, reduction: ScatterReduction) -> Option<Content> {
    let (&depth, rows) = picks.shape.split_last()?;
    let mut y = x.clone();
    for at in indices(&updates.shape)? {
        let (row, tail) = at.split_at_checked(rows.len())?;
        let to = [place(x, picks, row, depth)?.as_slice(), tail].concat();
        let new = updates.at(&at)?;
        let old = y.items.get_mut(offset(&x.shape, &to))?;
        *old = match reduction {
            ScatterReduction::None => new,
            ScatterReduction::Add => add(*old, new),
            ScatterReduction::Mul => mul(*old, new),
            _ => return None,
        };
    }
    Some(y)
}
