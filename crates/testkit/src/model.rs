use brinell_graph::{ConvAttrs, DType, Dim, Graph, GraphError, Op, PoolAttrs, ValueId};

use crate::Rng;

/// Returns a fully connected ReLU network with random weights: input `x` [B, sizes\[0\]], output `logits`
/// [B, last size].
///
/// # Errors
/// [`GraphError`] where fewer than two sizes are given or one is 0.
pub fn perceptron(sizes: &[usize], seed: u64) -> Result<Graph, GraphError> {
    let mut builder = Builder { graph: Graph::new("perceptron"), rng: Rng::new(seed) };
    let inputs = sizes.first().copied().unwrap_or(0);
    let mut x = builder.graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(inputs)]);
    for (layer, pair) in sizes.windows(2).enumerate() {
        if layer > 0 {
            x = builder.graph.add(Op::Relu, &[x])?;
        }
        x = builder.linear(x, pair[0], pair[1])?;
    }
    builder.finish(x)
}

/// Returns a small convolutional network with random weights: input `x` [B, channels, size, size], then Conv 3x3, Relu,
/// MaxPool 2x2 and a linear layer, output `logits` [B, classes].
///
/// # Errors
/// [`GraphError`] where `size` is below 2 or a count is 0.
pub fn conv_net(channels: usize, size: usize, classes: usize, seed: u64) -> Result<Graph, GraphError> {
    const WIDTH: usize = 4;
    let mut builder = Builder { graph: Graph::new("conv_net"), rng: Rng::new(seed) };
    let x = builder.graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(channels), Dim::Fixed(size), Dim::Fixed(size)]);
    let w = builder.weight(&[WIDTH, channels, 3, 3], channels * 9);
    let conv = ConvAttrs { kernel: vec![3, 3], strides: vec![1, 1], dilations: vec![1, 1], pads: vec![1; 4], groups: 1 };
    let x = builder.graph.add(Op::Conv(conv), &[x, w])?;
    let x = builder.graph.add(Op::Relu, &[x])?;
    let pool = PoolAttrs { kernel: vec![2, 2], strides: vec![2, 2], dilations: vec![1, 1], pads: vec![0; 4], ceil_mode: false };
    let x = builder.graph.add(Op::MaxPool(pool), &[x])?;
    let features = WIDTH * (size / 2) * (size / 2);
    let x = builder.graph.add(Op::Reshape { shape: vec![Dim::Batch(1), Dim::Fixed(features)] }, &[x])?;
    let x = builder.linear(x, features, classes)?;
    builder.finish(x)
}

struct Builder {
    graph: Graph,
    rng: Rng,
}

impl Builder {
    /// Adds a weight whose products with `fan_in` numbers keep their size.
    fn weight(&mut self, shape: &[usize], fan_in: usize) -> ValueId {
        let scale = (3.0 / fan_in as f64).sqrt();
        let array = self.rng.array(shape).map(|x| x * scale);
        self.graph.constant("weight", array.to_f32_tensor())
    }

    fn linear(&mut self, x: ValueId, inputs: usize, outputs: usize) -> Result<ValueId, GraphError> {
        let (w, b) = (self.weight(&[outputs, inputs], inputs), self.weight(&[outputs], inputs));
        self.graph.add(Op::Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true }, &[x, w, b])
    }

    fn finish(mut self, x: ValueId) -> Result<Graph, GraphError> {
        let outputs = self.graph.push("logits", Op::Identity, vec![Some(x)], &[Some("logits")])?;
        self.graph.set_outputs(outputs.into_iter().flatten().collect());
        Ok(self.graph)
    }
}

#[cfg(test)]
mod tests {
    use super::{conv_net, perceptron};
    use crate::{Rng, eval};

    #[test]
    fn logits_have_a_row_per_sample() {
        let mut rng = Rng::new(1);
        let flat = eval(&perceptron(&[6, 5, 3], 1).unwrap(), &[("x", rng.array(&[4, 6]))]).unwrap();
        assert_eq!(flat[0].shape, [4, 3]);
        let image = eval(&conv_net(2, 6, 10, 1).unwrap(), &[("x", rng.array(&[3, 2, 6, 6]))]).unwrap();
        assert_eq!(image[0].shape, [3, 10]);
    }

    #[test]
    fn the_seed_decides_the_weights() {
        assert_eq!(perceptron(&[3, 2], 7).unwrap(), perceptron(&[3, 2], 7).unwrap());
        assert_ne!(perceptron(&[3, 2], 7).unwrap(), perceptron(&[3, 2], 8).unwrap());
    }
}
