//! What the fuzz targets do. A run must end without a panic; what it returns does not matter.

use brinell_graph::{
    ConvAttrs, ConvTransposeAttrs, DType, Dim, Graph, Op, PadMode, PoolAttrs, Quant, Reduce, ScatterReduction, Shape, ValueId, cost,
    pin_batch, rebatch,
};
use brinell_onnx::{Ensemble, Wanted};

/// Reads bytes as a model; what can be read is rearranged, written and read again.
pub(crate) fn reader(bytes: &[u8]) {
    let Ok(model) = brinell_onnx::read(bytes, None) else { return };
    let _ = cost(&model.graph);
    let _ = rebatch(&model.graph);
    let _ = pin_batch(&model.graph);
    if let Some(&input) = model.graph.inputs().first() {
        for &output in model.graph.outputs() {
            let _ = Ensemble::of(&model.graph, &Wanted { input, output, threshold: None, range: (0.0, 1.0) });
        }
    }
    if let Ok(bytes) = brinell_onnx::write(&model.graph) {
        let _ = brinell_onnx::read(&bytes, None);
    }
}

/// Numbers drawn from the bytes, zeros where they have ended.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    /// Mostly small, sometimes as large as it gets.
    fn size(&mut self) -> usize {
        match self.byte() {
            byte @ 0..=199 => usize::from(byte % 8),
            byte @ 200..=229 => usize::from(byte),
            230..=239 => usize::MAX,
            240..=249 => usize::MAX / 2 + 1,
            _ => 1 << 33,
        }
    }

    fn int(&mut self) -> i64 {
        match self.byte() {
            byte @ 0..=199 => i64::from(byte % 16) - 8,
            200..=219 => i64::MAX,
            220..=239 => i64::MIN,
            byte => i64::from(byte),
        }
    }

    fn sizes(&mut self) -> Vec<usize> {
        (0..self.byte() % 5).map(|_| self.size()).collect()
    }

    fn ints(&mut self) -> Vec<i64> {
        (0..self.byte() % 9).map(|_| self.int()).collect()
    }

    fn shape(&mut self) -> Shape {
        let dim = |draw: &mut Self| match draw.byte() % 8 {
            0 => Dim::Batch(draw.size().max(1)),
            1 => Dim::Unknown,
            _ => Dim::Fixed(draw.size()),
        };
        (0..self.byte() % 6).map(|_| dim(self)).collect()
    }

    fn conv(&mut self) -> ConvAttrs {
        ConvAttrs { kernel: self.sizes(), strides: self.sizes(), dilations: self.sizes(), pads: self.sizes(), groups: self.size() }
    }

    fn pool(&mut self) -> PoolAttrs {
        PoolAttrs {
            kernel: self.sizes(),
            strides: self.sizes(),
            dilations: self.sizes(),
            pads: self.sizes(),
            ceil_mode: self.byte().is_multiple_of(2),
        }
    }

    fn op(&mut self) -> Op {
        match self.byte() % 32 {
            0 => Op::Add,
            1 => Op::Where,
            2 => Op::Conv(self.conv()),
            3 => Op::ConvTranspose(ConvTransposeAttrs {
                kernel: self.sizes(),
                strides: self.sizes(),
                dilations: self.sizes(),
                pads: self.sizes(),
                output_padding: self.sizes(),
                groups: self.size(),
            }),
            4 => Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: self.byte().is_multiple_of(2), trans_b: self.byte().is_multiple_of(2) },
            5 => Op::MatMul,
            6 => Op::LayerNormalization { axis: self.size(), epsilon: 0.0 },
            7 => Op::MaxPool(self.pool()),
            8 => Op::AveragePool { pool: self.pool(), count_include_pad: true },
            9 => Op::Reduce { kind: Reduce::Sum, axes: self.sizes(), keepdims: self.byte().is_multiple_of(2) },
            10 => Op::TopK { axis: self.size(), k: self.size(), largest: true, sorted: true },
            11 => Op::Reshape { shape: self.shape() },
            12 => Op::Transpose { perm: self.sizes() },
            13 => Op::Squeeze { axes: self.sizes() },
            14 => Op::Unsqueeze { axes: self.sizes() },
            15 => Op::Concat { axis: self.size() },
            16 => Op::Split { axis: self.size(), sizes: self.sizes() },
            17 => Op::Slice { axes: self.sizes(), starts: self.ints(), ends: self.ints(), steps: self.ints() },
            18 => Op::Gather { axis: self.size() },
            19 => Op::GatherElements { axis: self.size() },
            20 => Op::ScatterElements { axis: self.size(), reduction: ScatterReduction::Add },
            21 => Op::GatherND { batch_dims: self.size() },
            22 => Op::ScatterND { reduction: ScatterReduction::None },
            23 => Op::Pad { mode: PadMode::Constant, pads: self.ints() },
            24 => Op::Expand { shape: self.shape() },
            25 => Op::Tile { repeats: self.sizes() },
            26 => Op::DepthToSpace { block: self.size(), column_row_depth: false },
            27 => Op::SpaceToDepth { block: self.size() },
            28 => Op::OneHot { axis: self.size(), depth: self.size() },
            29 => Op::ReverseSequence { time: self.size(), batch: self.size() },
            30 => Op::Quant(Quant::QuantizeLinear { axis: self.size(), to: DType::U8 }),
            _ => Op::Quant(Quant::QLinearConv(self.conv())),
        }
    }
}

/// Pushes operators with any attributes onto values of any shape.
pub(crate) fn shapes(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let mut graph = Graph::new("fuzz");
    let mut values: Vec<ValueId> = Vec::new();
    for i in 0..3 {
        let dtype = if draw.byte() % 4 == 0 { DType::U8 } else { DType::F32 };
        let shape = draw.shape();
        values.push(graph.input(&format!("x{i}"), dtype, shape));
    }
    for _ in 0..16 {
        let op = draw.op();
        let inputs = (0..draw.byte() % 10).map(|_| values.get(usize::from(draw.byte()) % values.len()).copied()).collect();
        if let Ok(made) = graph.push("node", op, inputs, &[Some(""), Some("")]) {
            values.extend(made.into_iter().flatten());
        }
    }
    graph.set_outputs(values);
    let _ = cost(&graph);
    let _ = rebatch(&graph);
    let _ = pin_batch(&graph);
    let _ = brinell_onnx::write(&graph);
}
