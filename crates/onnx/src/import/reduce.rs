//! Reductions, ArgMax, TopK, CumSum.

use brinell_graph::{Op, Reduce};

use super::{Importer, Node, Refusal, bad, opaque, size};

pub(super) fn reduce(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let kind = match node.op {
        "ReduceSum" => Reduce::Sum,
        "ReduceMean" => Reduce::Mean,
        "ReduceMax" => Reduce::Max,
        "ReduceMin" => Reduce::Min,
        "ReduceProd" => Reduce::Prod,
        "ReduceL1" => Reduce::L1,
        "ReduceL2" => Reduce::L2,
        "ReduceSumSquare" => Reduce::SumSquare,
        "ReduceLogSum" => Reduce::LogSum,
        "ReduceLogSumExp" => Reduce::LogSumExp,
        other => return opaque(format!("reduction {other} is unknown")),
    };
    let x = node.input(0)?;
    let moved = if kind == Reduce::Sum { 13 } else { 18 };
    let given = importer.ints_by_version(node, "axes", 1, moved)?.unwrap_or_default();
    let keepdims = node.attributes.flag("keepdims", true)?;
    if given.is_empty() && node.attributes.flag("noop_with_empty_axes", false)? {
        return match kind {
            Reduce::Sum | Reduce::Mean | Reduce::Max | Reduce::Min | Reduce::Prod => importer.emit(node, Op::Identity, vec![Some(x)]),
            _ => opaque("it reduces over no axes"),
        };
    }
    let rank = importer.rank(x)?;
    let axes = if given.is_empty() { (0..rank).collect() } else { size::axes(&given, rank)? };
    if axes.is_empty() && !matches!(kind, Reduce::Sum | Reduce::Mean | Reduce::Max | Reduce::Min | Reduce::Prod) {
        return opaque("it reduces a scalar");
    }
    let op = if axes.is_empty() { Op::Identity } else { Op::Reduce { kind, axes, keepdims } };
    importer.emit(node, op, vec![Some(x)])
}

pub(super) fn arg(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let axis = size::axis(node.attributes.int_or("axis", 0)?, importer.rank(x)?)?;
    let keepdims = node.attributes.flag("keepdims", true)?;
    let select_last = node.attributes.flag("select_last_index", false)?;
    let op = if node.op == "ArgMax" { Op::ArgMax { axis, keepdims, select_last } } else { Op::ArgMin { axis, keepdims, select_last } };
    importer.emit(node, op, vec![Some(x)])
}

pub(super) fn top_k(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let axis = size::axis(node.attributes.int_or("axis", -1)?, importer.rank(x)?)?;
    let k = if node.version < 10 {
        node.attributes.int("k")?.ok_or_else(|| Refusal::Bad("attribute `k` is missing".to_owned()))?
    } else {
        importer.constant_int(node.input(1)?)?
    };
    let Ok(k) = usize::try_from(k) else { return bad(format!("k is {k}")) };
    let op = Op::TopK { axis, k, largest: node.attributes.flag("largest", true)?, sorted: node.attributes.flag("sorted", true)? };
    importer.emit(node, op, vec![Some(x)])
}

pub(super) fn cum_sum(importer: &mut Importer<'_>, node: &Node<'_>) -> Result<(), Refusal> {
    let x = node.input(0)?;
    let axis = size::axis(importer.constant_int(node.input(1)?)?, importer.rank(x)?)?;
    let op = Op::CumSum { axis, exclusive: node.attributes.flag("exclusive", false)?, reverse: node.attributes.flag("reverse", false)? };
    importer.emit(node, op, vec![Some(x)])
}
