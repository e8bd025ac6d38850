//! The inputs of a model that are not attacked, and what they are held at.

use std::collections::BTreeMap;

use brinell_graph::{DType, Dim, Graph, GraphError, Tensor, ValueId};

use crate::{Buffer, HeldPort, View};

/// What one input is held at.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldInput {
    name: String,
    dtype: DType,
    values: Buffer,
    /// Rows of values: one for each sample, or one for all.
    rows: usize,
    /// Shape of a row; of the whole input where that has no batch.
    shape: Vec<usize>,
    /// True where the input has a row for each sample of a batch.
    batched: bool,
}

/// Why an array cannot be what an input is held at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeldError {
    /// The shape is another one.
    #[error(
        "has shape {found:?}, but the model's input needs {expected}{}",
        if *per_sample { ", or one array of this shape for each sample" } else { ", the same for all samples" }
    )]
    Shape {
        /// Shape of the array.
        found: Vec<usize>,
        /// Shape that is taken.
        expected: String,
        /// True where a row for each sample would do as well.
        per_sample: bool,
    },
    /// A value is none of the input's type.
    #[error("the value {value} cannot be stored as {dtype:?}")]
    Value {
        /// The value.
        value: String,
        /// Type of the input.
        dtype: DType,
    },
}

impl HeldInput {
    /// Fits an array of shape `found` to an input of a model with this batch. `total` is the number of samples, for each of which the array may have a
    /// row; `fill` appends the array's numbers to a buffer of the input's type, or names the one that the type does not have.
    ///
    /// # Errors
    /// [`HeldError`].
    pub fn new(
        port: &HeldPort,
        fixed_batch: Option<usize>,
        found: &[usize],
        total: usize,
        fill: impl FnOnce(&mut Buffer) -> Result<(), String>,
    ) -> Result<Self, HeldError> {
        let row = match (port.shape.first(), fixed_batch) {
            (Some(Dim::Batch(1)), _) => port.shape.get(1..),
            (Some(Dim::Fixed(first)), Some(batch)) if *first == batch => port.shape.get(1..),
            _ => None,
        };
        let rest = found.get(1..).unwrap_or_default();
        let each = row.filter(|_| found.first() == Some(&total)).and_then(|row| fit(rest, row));
        let one = row.and_then(|row| fit(found, row).or_else(|| fit(rest, row).filter(|_| found.first() == Some(&1))));
        let (rows, shape, batched) = match (each, one) {
            (Some(shape), _) => (total, shape, true),
            // With a batch of 1 the whole input is given, so that a first axis which only looks like the batch does no harm.
            (None, Some(shape)) if fixed_batch == Some(1) => (1, [&[1], shape.as_slice()].concat(), false),
            (None, Some(shape)) => (1, shape, true),
            (None, None) => match fit(found, &port.shape) {
                Some(shape) => (1, shape, false),
                None => {
                    let expected = format!("[{}]", port.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
                    return Err(HeldError::Shape { found: found.to_vec(), expected, per_sample: row.is_some() });
                }
            },
        };
        let no_value = |value| HeldError::Value { value, dtype: port.dtype };
        let mut values = Buffer::empty(port.dtype).ok_or_else(|| no_value("text".to_owned()))?;
        fill(&mut values).map_err(no_value)?;
        Ok(Self { name: port.name.clone(), dtype: port.dtype, values, rows, shape, batched })
    }

    /// Returns the input's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the input's name, element type and shape, for the record.
    #[must_use]
    pub fn describe(&self) -> (String, String, String) {
        let mut shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        if self.batched {
            shape.insert(0, if self.per_sample() { "B".to_owned() } else { "the same for all".to_owned() });
        }
        (self.name.clone(), format!("{:?}", self.dtype).to_lowercase(), format!("[{}]", shape.join(", ")))
    }

    /// True where every sample has a value of its own.
    #[must_use]
    pub fn per_sample(&self) -> bool {
        self.rows > 1
    }

    /// Writes what the input takes for the samples of these rows into `out`, the last of them repeated up to `at_least`, and its shape into `shape`.
    fn gather(&self, samples: &[usize], at_least: usize, out: &mut Buffer, shape: &mut Vec<usize>) {
        out.clear();
        shape.clear();
        let width = self.shape.iter().product::<usize>();
        if self.batched {
            let n = samples.len().max(at_least);
            shape.push(n);
            let rows = samples.iter().chain(std::iter::repeat(samples.last().unwrap_or(&0))).take(n);
            for &sample in rows {
                // A sample without a row leaves the buffer short, which the session refuses.
                let _ = out.extend_from_row(&self.values, width, if self.rows == 1 { 0 } else { sample });
            }
        } else {
            let _ = out.extend_from_row(&self.values, width, 0);
        }
        shape.extend_from_slice(&self.shape);
    }
}

/// Returns the sizes that an array of shape `found` has as a value of shape `dims`: the same, or as many elements in another form.
fn fit(found: &[usize], dims: &[Dim]) -> Option<Vec<usize>> {
    let same = found.len() == dims.len() && found.iter().zip(dims).all(|(n, dim)| dim.fixed().is_none_or(|fixed| fixed == *n));
    if same {
        return Some(found.to_vec());
    }
    let sizes: Option<Vec<usize>> = dims.iter().map(|dim| dim.fixed()).collect();
    sizes.filter(|sizes| sizes.iter().product::<usize>() == found.iter().product::<usize>())
}

/// What all inputs that are not attacked are held at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    inputs: Vec<HeldInput>,
    /// Numbers of the samples that there are rows for, ascending; empty where they are the first.
    samples: Vec<usize>,
}

impl Held {
    /// Collects them.
    #[must_use]
    pub fn new(inputs: Vec<HeldInput>) -> Self {
        Self { inputs, samples: Vec::new() }
    }

    /// Returns them.
    #[must_use]
    pub fn inputs(&self) -> &[HeldInput] {
        &self.inputs
    }

    /// Says which samples the rows belong to: the first where there are none of these.
    #[must_use]
    pub fn of_samples(self, samples: Vec<usize>) -> Self {
        Self { samples, ..self }
    }

    /// Returns the number of the sample that a row belongs to.
    #[must_use]
    pub fn sample(&self, row: usize) -> usize {
        self.samples.get(row).copied().unwrap_or(row)
    }

    /// Returns the row of a sample; that of one without any is beyond the last.
    fn row(&self, sample: usize) -> usize {
        if self.samples.is_empty() { sample } else { self.samples.binary_search(&sample).unwrap_or(usize::MAX) }
    }

    /// Returns the number of samples that there are values for, at least 1.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.inputs.iter().map(|input| input.rows).max().unwrap_or(1).max(1)
    }

    /// True where a call must say which samples its rows belong to.
    #[must_use]
    pub fn per_sample(&self) -> bool {
        self.inputs.iter().any(HeldInput::per_sample)
    }

    /// Returns the values of the inputs that have no batch, by name.
    #[must_use]
    pub fn constants(&self) -> BTreeMap<String, Tensor> {
        let constants = self.inputs.iter().filter(|input| !input.batched);
        constants.filter_map(|input| Some((input.name.clone(), input.values.tensor(input.shape.clone())?))).collect()
    }

    /// Returns the graph with the inputs that have no batch as constants, under the names of its values; as it is where there are none.
    ///
    /// # Errors
    /// [`GraphError`] where an operator does not take the sizes that the data gave an input.
    pub fn bind(&self, graph: &Graph) -> Result<Graph, GraphError> {
        let constant = |name: &str| self.inputs.iter().find(|input| !input.batched && input.name == name);
        if graph.inputs().iter().all(|&id| constant(&graph.value(id).name).is_none()) {
            return Ok(graph.clone());
        }
        let mut bound = Graph::new(graph.name.clone());
        let mut bindings = Vec::new();
        for &id in graph.inputs() {
            let value = graph.value(id);
            let new = match constant(&value.name).and_then(|input| input.values.tensor(input.shape.clone())) {
                Some(tensor) => bound.constant(&value.name, tensor),
                None => bound.input_of(&value.name, value.dtype, value.shape.clone()),
            };
            bindings.push((id, new));
        }
        let values = bound.splice(graph, &bindings)?;
        bound.set_outputs(graph.outputs().iter().filter_map(|id| values.get(id).copied()).collect());
        Ok(bound)
    }

    /// Adds the inputs that have a batch to the graph that attacks query, and returns them beside those of `ports` that they stand for.
    pub(crate) fn append(&self, graph: &mut Graph, ports: &[HeldPort], batch: Dim) -> Vec<(ValueId, ValueId)> {
        let mut bindings = Vec::new();
        for input in self.inputs.iter().filter(|input| input.batched) {
            let Some(port) = ports.iter().find(|port| port.name == input.name) else { continue };
            let shape = std::iter::once(batch).chain(input.shape.iter().map(|&n| Dim::Fixed(n))).collect();
            bindings.push((port.value, graph.input(&format!("held {}", input.name), input.dtype, shape)));
        }
        bindings
    }
}

/// The buffers of one caller's feeds.
#[derive(Debug, Default)]
pub(crate) struct HeldFeeds {
    feeds: Vec<Feed>,
}

/// One input's name in the session, its elements and their shape.
#[derive(Debug)]
struct Feed {
    name: String,
    data: Buffer,
    shape: Vec<usize>,
}

impl HeldFeeds {
    /// Makes room for every input of `held`: under its own name, or only for those that have a batch and under the names of [`Held::append`].
    pub(crate) fn new(held: &Held, own_names: bool) -> Self {
        let wanted = held.inputs.iter().filter(|input| own_names || input.batched);
        let feed = |input: &HeldInput| {
            let name = if own_names { input.name.clone() } else { format!("held {}", input.name) };
            Some(Feed { name, data: Buffer::empty(input.dtype)?, shape: Vec::new() })
        };
        Self { feeds: wanted.filter_map(feed).collect() }
    }

    /// Fills in what the inputs are held at for these samples.
    pub(crate) fn fill(&mut self, held: &Held, samples: &[usize], at_least: usize) {
        let own_names = self.feeds.len() == held.inputs.len();
        let rows: Vec<usize> = samples.iter().map(|&sample| held.row(sample)).collect();
        let wanted = held.inputs.iter().filter(|input| own_names || input.batched);
        for (feed, input) in self.feeds.iter_mut().zip(wanted) {
            input.gather(&rows, at_least, &mut feed.data, &mut feed.shape);
        }
    }

    /// Borrows them for a session.
    pub(crate) fn views(&self) -> impl Iterator<Item = (&str, View<'_>)> {
        self.feeds.iter().map(|feed| (feed.name.as_str(), View { shape: &feed.shape, data: feed.data.elements() }))
    }
}
