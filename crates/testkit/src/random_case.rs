use brinell_graph::{Graph, GraphError};

use crate::{Array, Rng, eval, random_graph};

/// A random graph with an input and cotangents of its outputs; the same seed gives the same case on every machine.
#[derive(Debug, Clone)]
pub struct RandomCase {
    /// The graph, over an input `x` [B, 2, 4, 4].
    pub graph: Graph,
    /// `x` at a batch of 2, and the first weight under its name where there is one.
    pub feeds: Vec<(String, Array)>,
    /// One array for each output.
    pub cotangents: Vec<Array>,
}

/// Random cases that are compared with finite differences and with PyTorch.
pub const RANDOM_CASES: u64 = 200;
const N_NODES: usize = 10;
const BATCH: usize = 2;

impl RandomCase {
    /// Returns the case of a seed.
    ///
    /// # Errors
    /// [`GraphError`] as [`random_graph`].
    pub fn new(seed: u64) -> Result<Self, GraphError> {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let graph = random_graph(seed, N_NODES)?;
        let mut feeds = vec![("x".to_owned(), rng.array(&[BATCH, 2, 4, 4]))];
        let weight = graph.constants().find(|&(id, _)| graph.value(id).name.starts_with("weight"));
        if let Some((name, array)) = weight.and_then(|(id, tensor)| Some((graph.value(id).name.clone(), Array::from_tensor(tensor)?))) {
            feeds.push((name, array));
        }
        let shape = |&id: &brinell_graph::ValueId| -> Vec<usize> {
            graph.shape(id).unwrap_or_default().iter().filter_map(|dim| dim.at_batch(BATCH)).collect()
        };
        let cotangents = graph.outputs().iter().map(|id| rng.array(&shape(id))).collect();
        Ok(Self { graph, feeds, cotangents })
    }

    /// Returns the feeds by name.
    #[must_use]
    pub fn named(&self) -> Vec<(&str, Array)> {
        self.feeds.iter().map(|(name, array)| (name.as_str(), array.clone())).collect()
    }

    /// Returns the sum of all outputs times their cotangents, by the reference interpreter.
    ///
    /// # Errors
    /// What the interpreter says.
    pub fn value(&self) -> Result<f64, String> {
        let outputs = eval(&self.graph, &self.named()).map_err(|e| e.to_string())?;
        Ok(outputs.iter().zip(&self.cotangents).flat_map(|(o, c)| o.data.iter().zip(&c.data)).map(|(o, c)| o * c).sum())
    }
}
