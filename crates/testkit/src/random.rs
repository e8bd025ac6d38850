use brinell_graph::{ConvAttrs, ConvTransposeAttrs, DType, Dim, Graph, GraphError, Op, PadMode, PoolAttrs, Reduce, ValueId};

use crate::Array;

/// A small generator of pseudo-random numbers; the same seed gives the same numbers on every machine.
///
/// # Source
/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Returns a generator.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`, or 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() >> 32).unwrap_or(0).checked_rem(n).unwrap_or(0)
    }

    /// Returns a number in -1..1 that f32 holds exactly.
    pub fn number(&mut self) -> f64 {
        (self.bits() >> 48) as f64 / 32768.0 - 1.0
    }

    /// Returns an array of such numbers.
    pub fn array(&mut self, shape: &[usize]) -> Array {
        Array::from_fn(shape, |_| self.number())
    }
}

/// Returns a random graph of about `n_nodes` smooth differentiable operators over an input `x` [B, 2, 4, 4], with one to
/// two outputs. Values are used more than once, weights are initializers, and the batch is symbolic.
///
/// # Errors
/// [`GraphError`] where the graph refuses a node, which is a bug here or in the shape inference.
pub fn random_graph(seed: u64, n_nodes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder { graph: Graph::new("random"), rng: Rng::new(seed), values: Vec::new() };
    let x = builder.graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(4), Dim::Fixed(4)]);
    builder.values.push(x);
    while builder.graph.nodes().len() < n_nodes {
        let made = builder.step()?;
        builder.values.push(made);
    }
    let last = builder.values.last().copied().unwrap_or(x);
    builder.graph.output(last);
    let other = builder.pick();
    if other != last && other != x {
        builder.graph.output(other);
    }
    Ok(builder.graph)
}

struct Builder {
    graph: Graph,
    rng: Rng,
    values: Vec<ValueId>,
}

impl Builder {
    /// Returns a value, a late one more often than an early one.
    fn pick(&mut self) -> ValueId {
        let n = self.values.len();
        self.values[self.rng.below(n).max(self.rng.below(n))]
    }

    /// Returns the shape less the batch.
    fn sizes(&self, x: ValueId) -> Vec<usize> {
        self.graph.shape(x).unwrap_or_default().iter().skip(1).filter_map(|d| d.fixed()).collect()
    }

    fn weight(&mut self, shape: &[usize]) -> ValueId {
        let array = self.rng.array(shape);
        self.graph.constant("weight", array.map(|x| 0.5 * x).to_f32_tensor())
    }

    fn step(&mut self) -> Result<ValueId, GraphError> {
        let x = self.pick();
        let sizes = self.sizes(x);
        match (self.rng.below(5), &sizes[..]) {
            (0, _) => self.function(x),
            (1, _) => self.arithmetic(x, &sizes),
            (2, &[channels, height, width]) => self.spatial(x, [channels, height, width]),
            (2 | 3, _) => self.layout(x, &sizes),
            _ => self.contraction(x, &sizes),
        }
    }

    fn function(&mut self, x: ValueId) -> Result<ValueId, GraphError> {
        let ops = [Op::Tanh, Op::Sigmoid, Op::Softplus, Op::Erf, Op::Sin, Op::Cos, Op::Gelu { tanh: false }, Op::Neg, Op::Identity];
        let op = ops[self.rng.below(ops.len())].clone();
        self.graph.add(op, &[x])
    }

    fn arithmetic(&mut self, x: ValueId, sizes: &[usize]) -> Result<ValueId, GraphError> {
        let shape = self.graph.shape(x).map(<[Dim]>::to_vec);
        let same: Vec<ValueId> = self.values.iter().copied().filter(|&v| self.graph.shape(v).map(<[Dim]>::to_vec) == shape).collect();
        let other = if self.rng.below(2) == 0 {
            same[self.rng.below(same.len())]
        } else {
            // A parameter that is broadcast: every axis is kept or 1.
            let small: Vec<usize> = sizes.iter().map(|&n| if self.rng.below(2) == 0 { 1 } else { n }).collect();
            self.weight(&small)
        };
        let pair = if self.rng.below(2) == 0 { [x, other] } else { [other, x] };
        match self.rng.below(4) {
            0 => self.graph.add(Op::Add, &pair),
            1 => self.graph.add(Op::Sub, &pair),
            2 => self.graph.add(Op::Mul, &pair),
            _ => {
                let positive = self.graph.add(Op::Softplus, &[pair[1]])?;
                let one = self.graph.scalar(1.0);
                let positive = self.graph.add(Op::Add, &[positive, one])?;
                self.graph.add(Op::Div, &[pair[0], positive])
            }
        }
    }

    fn spatial(&mut self, x: ValueId, [channels, height, width]: [usize; 3]) -> Result<ValueId, GraphError> {
        let kernel = vec![1 + self.rng.below(height.min(3)), 1 + self.rng.below(width.min(3))];
        let strides = vec![1 + self.rng.below(2), 1 + self.rng.below(2)];
        let pads: Vec<usize> = (0..4).map(|i| self.rng.below(kernel[i % 2])).collect();
        match self.rng.below(5) {
            0 | 1 => {
                let groups = if channels.is_multiple_of(2) { 1 + self.rng.below(2) } else { 1 };
                let w = self.weight(&[2 * groups, channels / groups, kernel[0], kernel[1]]);
                self.graph.add(Op::Conv(ConvAttrs { kernel, strides, dilations: vec![1, 1], pads, groups }), &[x, w])
            }
            2 if height * width <= 16 => {
                let w = self.weight(&[channels, 2, kernel[0], kernel[1]]);
                let output_padding = strides.iter().map(|s| s - 1).collect();
                let attrs = ConvTransposeAttrs { kernel, strides, dilations: vec![1, 1], pads: vec![0; 4], output_padding, groups: 1 };
                self.graph.add(Op::ConvTranspose(attrs), &[x, w])
            }
            3 => {
                let count_include_pad = self.rng.below(2) == 0;
                let pool = PoolAttrs { kernel, strides, dilations: vec![1, 1], pads, ceil_mode: false };
                self.graph.add(Op::AveragePool { pool, count_include_pad }, &[x])
            }
            _ => {
                let parameters: Vec<ValueId> = (0..3).map(|_| self.weight(&[channels])).collect();
                let var = self.rng.array(&[channels]).map(|v| v + 1.5);
                let var = self.graph.constant("var", var.to_f32_tensor());
                self.graph.add(Op::BatchNormalization { epsilon: 1e-5 }, &[x, parameters[0], parameters[1], parameters[2], var])
            }
        }
    }

    fn layout(&mut self, x: ValueId, sizes: &[usize]) -> Result<ValueId, GraphError> {
        let n: usize = sizes.iter().product();
        let axis = 1 + self.rng.below(sizes.len());
        let size = sizes[axis - 1];
        match self.rng.below(7) {
            0 if sizes.len() > 1 => self.graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(n)] }, &[x]),
            1 if n.is_multiple_of(8) => {
                let shape = vec![Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(2), Dim::Fixed(n / 4)];
                self.graph.add(Op::Reshape { shape }, &[x])
            }
            2 => {
                let perm = std::iter::once(0).chain((1..=sizes.len()).rev()).collect();
                self.graph.add(Op::Transpose { perm }, &[x])
            }
            3 if n < 100 => self.graph.add(Op::Concat { axis }, &[x, x]),
            4 if size > 1 => {
                let slice =
                    Op::Slice { axes: vec![axis], starts: vec![1], ends: vec![size as i64], steps: vec![1 + self.rng.below(2) as i64] };
                self.graph.add(slice, &[x])
            }
            5 if n < 100 => {
                let mut pads = vec![0; 2 * sizes.len() + 2];
                pads[axis] = 1;
                self.graph.add(Op::Pad { mode: PadMode::Constant, pads }, &[x])
            }
            _ => self.function(x),
        }
    }

    fn contraction(&mut self, x: ValueId, sizes: &[usize]) -> Result<ValueId, GraphError> {
        let axis = 1 + self.rng.below(sizes.len());
        let last = sizes[sizes.len() - 1];
        match self.rng.below(5) {
            0 => self.graph.add(Op::Softmax { axis }, &[x]),
            1 => self.graph.add(Op::LogSoftmax { axis }, &[x]),
            2 => {
                let kinds = [Reduce::Sum, Reduce::Mean, Reduce::SumSquare, Reduce::LogSumExp];
                let kind = kinds[self.rng.below(kinds.len())];
                // The last axis but the batch stays, so that there is always something left.
                let keepdims = sizes.len() == 1 || self.rng.below(2) == 0;
                self.graph.add(Op::Reduce { kind, axes: vec![axis], keepdims }, &[x])
            }
            3 => {
                let w = self.weight(&[last, 3]);
                self.graph.add(Op::MatMul, &[x, w])
            }
            _ => {
                let scale = self.weight(&[last]);
                self.graph.add(Op::LayerNormalization { axis: sizes.len(), epsilon: 0.125 }, &[x, scale])
            }
        }
    }
}
