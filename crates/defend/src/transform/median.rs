//! Median filter of k x k pixels in every channel, by Min and Max alone.
//!
//! Of n values the median is found by forgetting: among n/2 + 2 of them neither the smallest nor the largest can be it. Both are dropped, the next value comes in, and
//! so on until one or two are left.

use brinell_graph::{Graph, GraphError, Op, ValueId};

use super::Picture;

/// Widths of a window.
pub(super) const LEAST: usize = 2;
pub(super) const MOST: usize = 5;

/// Appends the filter for pictures `[B, C, H, W]`.
///
/// # Guarantees
/// As `scipy.ndimage.median_filter(x, size=(1, 1, k, k), mode="reflect")`: borders are mirrored with their own pixels, windows of an even width reach further up and to the
/// left, and of an even number of values the larger middle one counts.
pub(super) fn append(graph: &mut Graph, x: ValueId, k: usize, picture: &Picture) -> Result<ValueId, GraphError> {
    let (before, after) = (k / 2, (k - 1) / 2);
    let mut padded = x;
    for (axis, size) in [(2, picture.height), (3, picture.width)] {
        padded = mirrored(graph, padded, axis, size, before, after)?;
    }
    let mut window = Vec::with_capacity(k * k);
    for row in 0..k {
        for column in 0..k {
            let starts = vec![row as i64, column as i64];
            let ends = vec![(row + picture.height) as i64, (column + picture.width) as i64];
            window.push(graph.add(Op::Slice { axes: vec![2, 3], starts, ends, steps: vec![1, 1] }, &[padded])?);
        }
    }
    median(graph, window)
}

/// Appends copies of the elements at both ends of an axis, in reverse order.
fn mirrored(graph: &mut Graph, x: ValueId, axis: usize, size: usize, before: usize, after: usize) -> Result<ValueId, GraphError> {
    let mut one = |at: usize| {
        let (starts, ends) = (vec![at as i64], vec![at as i64 + 1]);
        graph.add(Op::Slice { axes: vec![axis], starts, ends, steps: vec![1] }, &[x])
    };
    let mut parts = (0..before).rev().map(&mut one).collect::<Result<Vec<_>, _>>()?;
    let own = parts.len();
    parts.extend((0..after).map(|i| one(size - 1 - i)).collect::<Result<Vec<_>, _>>()?);
    parts.insert(own, x);
    graph.add(Op::Concat { axis }, &parts)
}

/// Appends the median of values of one shape; of an even number the larger of the two in the middle.
fn median(graph: &mut Graph, mut rest: Vec<ValueId>) -> Result<ValueId, GraphError> {
    let mut n = rest.len();
    rest.reverse();
    let mut kept = rest.split_off(rest.len() - (n / 2 + 2).min(n));
    while n > 2 {
        // The smallest goes to the front and the largest to the back.
        for i in 1..kept.len() {
            exchange(graph, &mut kept, 0, i)?;
        }
        let last = kept.len() - 1;
        for i in 1..last {
            exchange(graph, &mut kept, i, last)?;
        }
        kept.pop();
        kept.remove(0);
        kept.extend(rest.pop());
        n -= 2;
    }
    if kept.len() > 1 { graph.add(Op::Max, &kept) } else { Ok(kept[0]) }
}

/// Puts the smaller of two values in the first place and the larger in the second.
fn exchange(graph: &mut Graph, values: &mut [ValueId], a: usize, b: usize) -> Result<(), GraphError> {
    let pair = [values[a], values[b]];
    values[a] = graph.add(Op::Min, &pair)?;
    values[b] = graph.add(Op::Max, &pair)?;
    Ok(())
}
