//! From the model's input to the features of the trees: what stands between, one value at a time.

use std::collections::HashMap;

use brinell_graph::{Compare, DType, Dim, Graph, Node, Op, Tensor, ValueId};

use super::column::{Arithmetic, Column, Missing, Step};
use super::set::Set;
use super::{TreesError, Wanted};
use crate::tensor::elements;

/// Nodes that may stand one behind the other before the trees.
const MAX_STEPS: usize = 256;
/// Columns that are followed; a table has some hundreds.
const MOST_COLUMNS: usize = 1 << 16;

/// Returns the features that `value` holds for each sample.
///
/// # Errors
/// [`TreesError::Before`] names the node that cannot be undone.
pub(super) fn columns(graph: &Graph, value: ValueId, wanted: &Wanted) -> Result<Vec<Column>, TreesError> {
    let mut trace = Trace { graph, wanted, known: HashMap::new() };
    let columns = trace.value(value, 0)?;
    Ok(columns)
}

struct Trace<'a> {
    graph: &'a Graph,
    wanted: &'a Wanted,
    known: HashMap<ValueId, Vec<Column>>,
}

/// An operand of a node.
enum Operand {
    Columns(Vec<Column>),
    /// One constant for each element of the result.
    Constants(Vec<f64>),
}

impl Trace<'_> {
    fn value(&mut self, value: ValueId, depth: usize) -> Result<Vec<Column>, TreesError> {
        if let Some(columns) = self.known.get(&value) {
            return Ok(columns.clone());
        }
        let graph = self.graph;
        let blocked = |node: &str, op: &str| TreesError::Before { node: node.to_owned(), op: op.to_owned() };
        if value == self.wanted.input {
            let n = width(graph, value).ok_or_else(|| blocked(&graph.value(value).name, "input"))?;
            return Ok((0..n).map(Column::input).collect());
        }
        let Some(node) = graph.nodes().iter().find(|node| node.outputs.contains(&Some(value))) else {
            return Err(blocked(&graph.value(value).name, "another input"));
        };
        let in_the_way = || blocked(&node.name, node.op.name());
        if depth >= MAX_STEPS {
            return Err(in_the_way());
        }
        let columns = self.node(node, value, depth)?.ok_or_else(in_the_way)?;
        if !columns.iter().all(|column| column.is_sound(self.wanted.range)) {
            return Err(in_the_way());
        }
        self.known.insert(value, columns.clone());
        Ok(columns)
    }

    /// What a node makes; `None` where it is no function of single values that keeps or turns their order.
    fn node(&mut self, node: &Node, value: ValueId, depth: usize) -> Result<Option<Vec<Column>>, TreesError> {
        let input = |index: usize| node.inputs.get(index).copied().flatten();
        let Some(first) = input(0).filter(|_| self.sizes(value).is_some()) else { return Ok(None) };
        let dtype = |value: ValueId| self.graph.value(value).dtype;
        let each = |columns: Vec<Column>, step: Step| Some(columns.into_iter().map(|column| column.then(step)).collect());
        Ok(match &node.op {
            Op::Identity => Some(self.value(first, depth + 1)?),
            Op::Cast { to } => match cast(dtype(first), *to) {
                Some(Some(step)) => each(self.value(first, depth + 1)?, step),
                Some(None) => Some(self.value(first, depth + 1)?),
                None => None,
            },
            Op::Neg => match wide(dtype(first)) {
                Some(wide) => each(self.value(first, depth + 1)?, Step::Arithmetic { what: Arithmetic::Mul, constant: -1.0, wide }),
                None => None,
            },
            Op::Relu => each(self.value(first, depth + 1)?, Step::AtLeast(0.0)),
            Op::Clip { lo, hi } if dtype(first) == Some(DType::F32) => {
                let steps = [lo.map(|lo| Step::AtLeast(f64::from(lo))), hi.map(|hi| Step::AtMost(f64::from(hi)))];
                let columns = self.value(first, depth + 1)?;
                Some(columns.into_iter().map(|column| steps.iter().flatten().fold(column, |column, &step| column.then(step))).collect())
            }
            Op::Not => each(self.value(first, depth + 1)?, Step::Not),
            Op::IsNaN => Some(self.value(first, depth + 1)?.iter().map(Column::is_missing).collect()),
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Min | Op::Max | Op::Sum | Op::Compare(_) => self.binary(node, value, depth)?,
            Op::Where => self.choice(node, value, depth)?,
            Op::Concat { axis } if *axis > 0 => self.concat(node, value, *axis, depth)?,
            Op::Gather { axis } if *axis > 0 => match input(1).and_then(|indices| self.graph.constant_of(indices)).cloned() {
                Some(indices) => {
                    let columns = self.value(first, depth + 1)?;
                    gather(&self.sizes(first).unwrap_or_default(), axis - 1, &columns, &indices)
                }
                None => None,
            },
            Op::Slice { axes, starts, ends, steps } if !axes.contains(&0) => {
                let mut columns = self.value(first, depth + 1)?;
                let Some(mut sizes) = self.sizes(first) else { return Ok(None) };
                for (((&axis, &start), &end), &step) in axes.iter().zip(starts).zip(ends).zip(steps) {
                    let Some(picked) = steps_along(start, end, step) else { return Ok(None) };
                    let Some(next) = pick(&sizes, axis - 1, &columns, &picked) else { return Ok(None) };
                    columns = next;
                    if let Some(size) = sizes.get_mut(axis - 1) {
                        *size = picked.len();
                    }
                }
                Some(columns)
            }
            Op::Split { axis, sizes } if *axis > 0 => {
                let columns = self.value(first, depth + 1)?;
                let before = node.outputs.iter().zip(sizes).take_while(|(output, _)| **output != Some(value));
                let start = before.fold(0_usize, |sum, (_, &size)| sum.saturating_add(size));
                let place = node.outputs.iter().position(|output| *output == Some(value)).unwrap_or(0);
                let picked: Vec<usize> = (start..start.saturating_add(sizes.get(place).copied().unwrap_or(0))).collect();
                pick(&self.sizes(first).unwrap_or_default(), axis - 1, &columns, &picked)
            }
            Op::Reshape { shape } if matches!(shape.first(), Some(Dim::Batch(1))) => self.same_elements(first, value, depth)?,
            Op::Squeeze { axes } | Op::Unsqueeze { axes } if !axes.contains(&0) => self.same_elements(first, value, depth)?,
            _ => None,
        })
    }

    /// The elements of `from` in the same order, where each sample keeps its own.
    fn same_elements(&mut self, from: ValueId, to: ValueId, depth: usize) -> Result<Option<Vec<Column>>, TreesError> {
        if !matches!(self.graph.shape(from), Some([Dim::Batch(1), ..])) || width(self.graph, from) != width(self.graph, to) {
            return Ok(None);
        }
        self.value(from, depth + 1).map(Some)
    }

    /// Sizes of the axes but the batch.
    fn sizes(&self, value: ValueId) -> Option<Vec<usize>> {
        sizes(self.graph, value)
    }

    /// An operand of a node whose result has `out` as its axes but the batch.
    fn operand(&mut self, value: ValueId, out: &[usize], depth: usize) -> Result<Option<Operand>, TreesError> {
        if let Some(tensor) = self.graph.constant_of(value).cloned() {
            return Ok(spread(&tensor, out).map(Operand::Constants));
        }
        let Some(own) = self.sizes(value).filter(|own| own.len() == out.len()) else { return Ok(None) };
        let columns = self.value(value, depth + 1)?;
        Ok(repeated(&own, out)
            .and_then(|places| places.into_iter().map(|place| columns.get(place).cloned()).collect::<Option<_>>())
            .map(Operand::Columns))
    }

    /// One operand that is made of the input, the others constant.
    fn binary(&mut self, node: &Node, value: ValueId, depth: usize) -> Result<Option<Vec<Column>>, TreesError> {
        let Some(out) = self.sizes(value) else { return Ok(None) };
        let Some(operands) = node.inputs.iter().copied().collect::<Option<Vec<ValueId>>>() else { return Ok(None) };
        if node.op == Op::Sum && operands.len() > 2 {
            return Ok(None);
        }
        let dtype = operands.first().and_then(|&operand| self.graph.value(operand).dtype);
        let mut columns: Option<(usize, Vec<Column>)> = None;
        let mut constants: Vec<Vec<f64>> = Vec::new();
        for (place, &operand) in operands.iter().enumerate() {
            match self.operand(operand, &out, depth)? {
                Some(Operand::Columns(found)) if columns.is_none() => columns = Some((place, found)),
                Some(Operand::Constants(found)) => constants.push(found),
                _ => return Ok(None),
            }
        }
        let Some((place, mut columns)) = columns else { return Ok(None) };
        for list in constants {
            if !list.iter().all(|constant| constant.is_finite()) {
                return Ok(None);
            }
            let range = self.wanted.range;
            let next = columns.into_iter().zip(list).map(|(column, constant)| step(&node.op, dtype, place, column, constant, range));
            match next.collect::<Option<Vec<Column>>>() {
                Some(next) => columns = next,
                None => return Ok(None),
            }
        }
        Ok(Some(columns))
    }

    /// A constant in the place of a value, where something about the same value of the input holds.
    fn choice(&mut self, node: &Node, value: ValueId, depth: usize) -> Result<Option<Vec<Column>>, TreesError> {
        let (Some(out), &[Some(condition), Some(yes), Some(no)]) = (self.sizes(value), node.inputs.as_slice()) else { return Ok(None) };
        let mut lists = Vec::with_capacity(3);
        for operand in [condition, yes, no] {
            lists.push(match self.operand(operand, &out, depth)? {
                Some(Operand::Columns(columns)) => columns,
                Some(Operand::Constants(constants)) => constants.into_iter().map(Column::always).collect(),
                None => return Ok(None),
            });
        }
        let [conditions, yes, no] = lists.as_slice() else { return Ok(None) };
        let range = self.wanted.range;
        let one = |((condition, yes), no): ((&Column, &Column), &Column)| -> Option<Column> {
            if let Some(truth) = condition.constant() {
                return Some(if truth > 0.5 { yes.clone() } else { no.clone() });
            }
            let of_numbers = match condition.constant_of_numbers() {
                Some(truth) => match if truth > 0.5 { (yes, no) } else { (no, yes) } {
                    (chosen, other) if other.constant().is_some() || other.input == condition.input => match chosen.constant() {
                        Some(value) => Column::in_place_of(condition.input, value),
                        None if chosen.input == condition.input => chosen.clone(),
                        None => return None,
                    },
                    _ => return None,
                },
                None => {
                    let holds = condition.where_within((1.0, 1.0), range);
                    match (yes.constant(), no.constant()) {
                        (Some(yes), Some(no)) => Column::in_place_of(condition.input, no).but(holds, yes, range),
                        (Some(yes), None) if no.input == condition.input => no.clone().but(holds, yes, range),
                        (None, Some(no)) if yes.input == condition.input => yes.clone().but(holds.complement(range.0, range.1), no, range),
                        _ => return None,
                    }
                }
            };
            let missing = match condition.missing() {
                Missing::Becomes(truth) => if truth > 0.5 { yes } else { no }.missing(),
                Missing::Stays | Missing::Unknown => Missing::Unknown,
            };
            Some(of_numbers.at_missing(missing))
        };
        Ok(conditions.iter().zip(yes).zip(no).map(one).collect())
    }

    /// Parts side by side.
    fn concat(&mut self, node: &Node, value: ValueId, axis: usize, depth: usize) -> Result<Option<Vec<Column>>, TreesError> {
        let Some(out) = self.sizes(value) else { return Ok(None) };
        let inner: usize = out.iter().skip(axis).product();
        let outer: usize = out.iter().take(axis - 1).product();
        let mut parts = Vec::with_capacity(node.inputs.len());
        for part in node.inputs.iter().copied().flatten() {
            if self.graph.constant_of(part).is_some() {
                return Ok(None);
            }
            let Some(own) = self.sizes(part) else { return Ok(None) };
            parts.push((own.get(axis - 1).copied().unwrap_or(0) * inner, self.value(part, depth + 1)?));
        }
        let mut all = Vec::new();
        for row in 0..outer {
            for (width, columns) in &parts {
                all.extend_from_slice(columns.get(row * width..(row + 1) * width).unwrap_or_default());
            }
        }
        Ok((all.len() == out.iter().product::<usize>()).then_some(all))
    }
}

/// True for double precision, false for single; `None` for what is rounded otherwise.
fn wide(dtype: Option<DType>) -> Option<bool> {
    match dtype {
        Some(DType::F64) => Some(true),
        Some(DType::F32) => Some(false),
        _ => None,
    }
}

/// The step that a conversion is, where it is more than a name; `None` where it keeps no order.
fn cast(from: Option<DType>, to: DType) -> Option<Option<Step>> {
    let from = from?;
    let whole = |dtype: DType| matches!(dtype, DType::I32 | DType::I64);
    match to {
        _ if from == to => Some(None),
        DType::F64 if from == DType::F32 || from == DType::Bool || whole(from) => Some(None),
        DType::F32 if from == DType::Bool => Some(None),
        DType::F32 if from == DType::F64 || whole(from) => Some(Some(Step::Single)),
        DType::I64 if from == DType::Bool || from == DType::I32 => Some(None),
        DType::I64 if wide(Some(from)).is_some() => Some(Some(Step::Whole { bits: 63 })),
        DType::I32 if from == DType::Bool => Some(None),
        DType::I32 if from == DType::I64 || wide(Some(from)).is_some() => Some(Some(Step::Whole { bits: 32 })),
        _ => None,
    }
}

/// What an operator makes of a column and a constant; `place` is that of the column among its operands.
fn step(op: &Op, dtype: Option<DType>, place: usize, column: Column, constant: f64, range: (f32, f32)) -> Option<Column> {
    let arithmetic = |what: Arithmetic| wide(dtype).map(|wide| Step::Arithmetic { what, constant, wide });
    let below = |or_equal: bool| Step::Below { constant, or_equal };
    let step = match op {
        Op::Add | Op::Sum => arithmetic(Arithmetic::Add)?,
        Op::Sub if place == 0 => arithmetic(Arithmetic::Sub)?,
        Op::Sub => arithmetic(Arithmetic::From)?,
        Op::Mul => arithmetic(Arithmetic::Mul)?,
        Op::Div if place == 0 && constant.abs() > 0.0 => arithmetic(Arithmetic::Div)?,
        Op::Max => Step::AtLeast(constant),
        Op::Min => Step::AtMost(constant),
        Op::Compare(Compare::Equal) => {
            let equal: Set = column.where_within((constant, constant), range);
            let missing = match column.missing() {
                Missing::Becomes(value) => Missing::Becomes(f64::from(u8::from((value - constant).abs() <= 0.0))),
                Missing::Stays => Missing::Becomes(0.0),
                Missing::Unknown => Missing::Unknown,
            };
            return Some(Column::within(column.input, equal).at_missing(missing));
        }
        // The constant on the other side turns the comparison.
        Op::Compare(compare) => {
            let turned = match (compare, place) {
                (Compare::Less, 0) | (Compare::Greater, 1) => return Some(column.then(below(false))),
                (Compare::LessOrEqual, 0) | (Compare::GreaterOrEqual, 1) => return Some(column.then(below(true))),
                (Compare::GreaterOrEqual, 0) | (Compare::LessOrEqual, 1) => below(false),
                (Compare::Greater, 0) | (Compare::Less, 1) => below(true),
                _ => return None,
            };
            let missing = column.missing();
            let column = column.then(turned).then(Step::Not);
            // No comparison with what is missing holds.
            return Some(if missing == Missing::Stays { column.at_missing(Missing::Becomes(0.0)) } else { column });
        }
        _ => return None,
    };
    Some(column.then(step))
}

/// Sizes of the axes of a value but the batch, where their elements can be followed.
fn sizes(graph: &Graph, value: ValueId) -> Option<Vec<usize>> {
    let sizes: Vec<usize> = graph.shape(value)?.split_first()?.1.iter().map(|dim| dim.fixed()).collect::<Option<_>>()?;
    // In whatever order they are multiplied, they stay countable.
    elements(sizes.iter().filter(|&&size| size != 0)).filter(|&n| n <= MOST_COLUMNS)?;
    Some(sizes)
}

/// Elements of a value for each sample.
fn width(graph: &Graph, value: ValueId) -> Option<usize> {
    elements(&sizes(graph, value)?)
}

/// For every element of `out` the place of the one in `own` that is repeated there.
fn repeated(own: &[usize], out: &[usize]) -> Option<Vec<usize>> {
    let fits = own.len() == out.len() && own.iter().zip(out).all(|(own, out)| own == out || *own == 1);
    let n: usize = out.iter().product();
    let place = |mut element: usize| {
        let (mut place, mut stride) = (0, 1);
        for (&own, &out) in own.iter().zip(out).rev() {
            let at = element % out.max(1);
            element /= out.max(1);
            if own > 1 {
                place += at * stride;
            }
            stride *= own;
        }
        place
    };
    fits.then(|| (0..n).map(place).collect())
}

/// The constant for every element of `out`, where it is the same for all samples.
fn spread(tensor: &Tensor, out: &[usize]) -> Option<Vec<f64>> {
    let values = tensor.to_f64()?;
    let mut own = tensor.shape().to_vec();
    if own.len() > out.len() {
        if own.len() > out.len() + 1 || own.first() != Some(&1) {
            return None;
        }
        own.remove(0);
    }
    let missing = out.len() - own.len();
    let own: Vec<usize> = std::iter::repeat_n(1, missing).chain(own).collect();
    repeated(&own, out)?.into_iter().map(|place| values.get(place).copied()).collect()
}

/// Elements at some places of an axis, in their order.
fn pick(sizes: &[usize], axis: usize, columns: &[Column], picked: &[usize]) -> Option<Vec<Column>> {
    let size = *sizes.get(axis)?;
    let outer: usize = sizes.iter().take(axis).product();
    let inner: usize = sizes.iter().skip(axis + 1).product();
    let mut out = Vec::with_capacity(outer * picked.len() * inner);
    for row in 0..outer {
        for &place in picked {
            let start = (row * size + place) * inner;
            out.extend_from_slice(columns.get(start..start + inner).filter(|_| place < size)?);
        }
    }
    Some(out)
}

fn gather(sizes: &[usize], axis: usize, columns: &[Column], indices: &Tensor) -> Option<Vec<Column>> {
    let size = i64::try_from(*sizes.get(axis)?).ok()?;
    let place = |index: i64| usize::try_from(if index < 0 { index.checked_add(size)? } else { index }).ok();
    let picked: Vec<usize> = indices.to_ints()?.into_iter().map(place).collect::<Option<_>>()?;
    pick(sizes, axis, columns, &picked)
}

/// Places from `start` to before `end`.
fn steps_along(start: i64, end: i64, step: i64) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        places.push(usize::try_from(at).ok()?);
        at = at.checked_add(step)?;
    }
    Some(places)
}
