//! A graph as text, one line per input, constant, node and output.

use std::fmt;

use crate::infer::show;
use crate::{Graph, Node, Op, PoolAttrs, Quant, ValueId};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.name)?;
        for &id in self.inputs() {
            writeln!(f, "  input {}", typed(self, id))?;
        }
        let mut constants: Vec<String> = self.constants().map(|(id, _)| typed(self, id)).collect();
        constants.sort_unstable();
        for constant in constants {
            writeln!(f, "  const {constant}")?;
        }
        for node in self.nodes() {
            writeln!(f, "  {}", line(self, node))?;
        }
        for &id in self.outputs() {
            writeln!(f, "  output {}", self.value(id).name)?;
        }
        Ok(())
    }
}

fn typed(graph: &Graph, id: ValueId) -> String {
    let value = graph.value(id);
    let dtype = value.dtype.map_or_else(|| "?".to_owned(), |dtype| format!("{dtype:?}").to_lowercase());
    let shape = value.shape.as_deref().map_or_else(|| "[..]".to_owned(), show);
    format!("{}: {dtype} {shape}", value.name)
}

fn line(graph: &Graph, node: &Node) -> String {
    let outputs: Vec<String> = node.outputs.iter().map(|id| id.map_or_else(|| "_".to_owned(), |id| typed(graph, id))).collect();
    let inputs: Vec<&str> = node.inputs.iter().map(|id| id.map_or("_", |id| graph.value(id).name.as_str())).collect();
    format!("{} = {}({}){}", outputs.join(", "), node.op.name(), inputs.join(", "), payload(&node.op))
}

/// Attributes as ` name=value ..`.
fn payload(op: &Op) -> String {
    attributes(op).into_iter().map(|(name, value)| format!(" {name}={value}")).collect()
}

type Attributes = Vec<(&'static str, String)>;

fn attributes(op: &Op) -> Attributes {
    fn d(value: &impl fmt::Debug) -> String {
        format!("{value:?}")
    }
    match op {
        Op::LeakyRelu { alpha } | Op::Elu { alpha } | Op::Celu { alpha } => vec![("alpha", d(alpha))],
        Op::Selu { alpha, gamma } => vec![("alpha", d(alpha)), ("gamma", d(gamma))],
        Op::HardSigmoid { alpha, beta } => vec![("alpha", d(alpha)), ("beta", d(beta))],
        Op::Gelu { tanh } => vec![("tanh", d(tanh))],
        Op::Clip { lo, hi } => {
            [("min", lo), ("max", hi)].into_iter().filter_map(|(name, bound)| Some((name, d(&bound.as_ref()?)))).collect()
        }
        Op::Cast { to } => vec![("to", d(to).to_lowercase())],
        Op::Mod { fmod } => vec![("fmod", d(fmod))],
        Op::Conv(a) => window(&a.kernel, &a.strides, &a.dilations, &a.pads, Some(a.groups)),
        Op::ConvTranspose(a) => {
            let mut list = window(&a.kernel, &a.strides, &a.dilations, &a.pads, Some(a.groups));
            list.push(("output_padding", d(&a.output_padding)));
            list
        }
        Op::Gemm { alpha, beta, trans_a, trans_b } => {
            vec![("alpha", d(alpha)), ("beta", d(beta)), ("trans_a", d(trans_a)), ("trans_b", d(trans_b))]
        }
        Op::BatchNormalization { epsilon } | Op::InstanceNormalization { epsilon } => vec![("epsilon", d(epsilon))],
        Op::LayerNormalization { axis, epsilon } => vec![("axis", d(axis)), ("epsilon", d(epsilon))],
        Op::MaxPool(pool) => pooling(pool),
        Op::AveragePool { pool, count_include_pad } => {
            let mut list = pooling(pool);
            list.push(("count_include_pad", d(count_include_pad)));
            list
        }
        Op::Reduce { axes, keepdims, .. } => vec![("axes", d(axes)), ("keepdims", d(keepdims))],
        Op::ArgMax { axis, keepdims, select_last } | Op::ArgMin { axis, keepdims, select_last } => {
            vec![("axis", d(axis)), ("keepdims", d(keepdims)), ("select_last", d(select_last))]
        }
        Op::TopK { axis, k, largest, sorted } => vec![("axis", d(axis)), ("k", d(k)), ("largest", d(largest)), ("sorted", d(sorted))],
        Op::CumSum { axis, exclusive, reverse } => vec![("axis", d(axis)), ("exclusive", d(exclusive)), ("reverse", d(reverse))],
        Op::Reshape { shape } | Op::Expand { shape } => vec![("shape", show(shape))],
        Op::Transpose { perm } => vec![("perm", d(perm))],
        Op::Squeeze { axes } | Op::Unsqueeze { axes } => vec![("axes", d(axes))],
        Op::Softmax { axis } | Op::LogSoftmax { axis } | Op::Concat { axis } | Op::Gather { axis } | Op::GatherElements { axis } => {
            vec![("axis", d(axis))]
        }
        Op::Split { axis, sizes } => vec![("axis", d(axis)), ("sizes", d(sizes))],
        Op::Slice { axes, starts, ends, steps } => vec![("axes", d(axes)), ("starts", d(starts)), ("ends", d(ends)), ("steps", d(steps))],
        Op::IsInf { negative, positive } => vec![("negative", d(negative)), ("positive", d(positive))],
        Op::BitShift { left } => vec![("left", d(left))],
        Op::GatherND { batch_dims } => vec![("batch_dims", d(batch_dims))],
        Op::ScatterND { reduction } => vec![("reduction", d(reduction))],
        Op::ReverseSequence { time, batch } => vec![("time", d(time)), ("batch", d(batch))],
        Op::Quant(quant) => quantised(quant),
        Op::ScatterElements { axis, reduction } => vec![("axis", d(axis)), ("reduction", d(reduction))],
        Op::Pad { mode, pads } => vec![("mode", d(mode)), ("pads", d(pads))],
        Op::Tile { repeats } => vec![("repeats", d(repeats))],
        Op::DepthToSpace { block, column_row_depth } => vec![("block", d(block)), ("column_row_depth", d(column_row_depth))],
        Op::SpaceToDepth { block } => vec![("block", d(block))],
        Op::Resize(a) => {
            let size = if a.by_size { ("sizes", show(&a.sizes)) } else { ("scales", d(&a.scales)) };
            vec![("mode", d(&a.mode)), ("coordinates", d(&a.coordinates)), ("nearest", d(&a.nearest)), size]
        }
        Op::OneHot { axis, depth } => vec![("axis", d(axis)), ("depth", d(depth))],
        Op::Trilu { upper, k } => vec![("upper", d(upper)), ("k", d(k))],
        Op::Shape { start, end } => vec![("start", d(start)), ("end", d(end))],
        Op::Opaque(a) => vec![("domain", d(&a.domain)), ("opaque", d(&a.reason))],
        _ => Vec::new(),
    }
}

fn quantised(quant: &Quant) -> Attributes {
    match quant {
        Quant::QuantizeLinear { axis, to } => vec![("axis", axis.to_string()), ("to", format!("{to:?}").to_lowercase())],
        Quant::DequantizeLinear { axis } => vec![("axis", axis.to_string())],
        other => other.real(&[]).map_or_else(Vec::new, |real| attributes(&real.op)),
    }
}

fn window(kernel: &[usize], strides: &[usize], dilations: &[usize], pads: &[usize], groups: Option<usize>) -> Attributes {
    let mut list = vec![("kernel", format!("{kernel:?}"))];
    if strides.iter().any(|&stride| stride != 1) {
        list.push(("strides", format!("{strides:?}")));
    }
    if dilations.iter().any(|&dilation| dilation != 1) {
        list.push(("dilations", format!("{dilations:?}")));
    }
    if pads.iter().any(|&pad| pad != 0) {
        list.push(("pads", format!("{pads:?}")));
    }
    list.extend(groups.filter(|&groups| groups != 1).map(|groups| ("groups", groups.to_string())));
    list
}

fn pooling(pool: &PoolAttrs) -> Attributes {
    let mut list = window(&pool.kernel, &pool.strides, &pool.dilations, &pool.pads, None);
    if pool.ceil_mode {
        list.push(("ceil_mode", "true".to_owned()));
    }
    list
}

#[cfg(test)]
mod tests {
    use crate::{DType, Dim, Graph, Op, PoolAttrs, Tensor};

    #[test]
    fn a_line_per_input_constant_node_and_output() {
        let mut graph = Graph::new("small");
        let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(1), Dim::Fixed(4), Dim::Fixed(4)]);
        let two = graph.constant("two", Tensor::scalar(2.0));
        let y = graph.push("scale", Op::Mul, vec![Some(x), Some(two)], &[Some("y")]).unwrap()[0].unwrap();
        let pool = PoolAttrs { kernel: vec![2, 2], strides: vec![2, 2], dilations: vec![1, 1], pads: vec![0; 4], ceil_mode: false };
        let z = graph.push("pool", Op::MaxPool(pool), vec![Some(y)], &[Some("z")]).unwrap()[0].unwrap();
        graph.output(z);
        let expected = "graph small
  input x: f32 [B, 1, 4, 4]
  const two: f32 []
  y: f32 [B, 1, 4, 4] = Mul(x, two)
  z: f32 [B, 1, 2, 2] = MaxPool(y) kernel=[2, 2] strides=[2, 2]
  output z
";
        assert_eq!(graph.to_string(), expected);
    }
}
