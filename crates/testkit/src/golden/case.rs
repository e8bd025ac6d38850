use std::collections::{BTreeMap, HashMap};

use brinell_graph::{DType, Dim, Graph, Op, Tensor, TensorData, ValueId};
use serde::Deserialize;

use super::attributes::Attributes;
use super::{GoldenError, op};
use crate::{Array, Tolerance};

/// How the inputs of a case enter its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Every input is a graph input of fixed shape, weights too.
    Fixed,
    /// The first dimension of batch inputs is symbolic, and parameters are initializers.
    Batched,
}

/// A small graph with its inputs, and what another program computed for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in its family.
    pub name: String,
    /// What is fed.
    pub inputs: Vec<CaseInput>,
    nodes: Vec<CaseNode>,
    /// What comes out.
    pub outputs: Vec<CaseOutput>,
    gradients: BTreeMap<String, Vec<f64>>,
    /// False at a kink, where finite differences make no sense.
    pub smooth: bool,
    tolerance: String,
}

/// A case with its gradients as outputs.
#[derive(Debug, Clone)]
pub struct Differentiated {
    /// Inputs of the case and `cotangent_of_*`; one output for each gradient.
    pub graph: Graph,
    /// A value for every input of the graph.
    pub feeds: Vec<(String, Array)>,
    /// Name of the input and its gradient, in the order of the outputs.
    pub expected: Vec<(String, Array)>,
}

impl Differentiated {
    /// Returns the feeds as [`crate::eval()`] takes them.
    #[must_use]
    pub fn feeds(&self) -> Vec<(&str, Array)> {
        self.feeds.iter().map(|(name, array)| (name.as_str(), array.clone())).collect()
    }
}

/// An input of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseInput {
    /// Name of the value in the graph.
    pub name: String,
    dtype: String,
    shape: Vec<usize>,
    batch: bool,
    constant: bool,
    data: Vec<f64>,
}

/// An output of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseOutput {
    /// Name of the value in the graph.
    pub name: String,
    shape: Vec<usize>,
    data: Vec<f64>,
    #[serde(default)]
    cotangent: Option<Vec<f64>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseNode {
    op: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    attributes: serde_json::Map<String, serde_json::Value>,
}

impl CaseInput {
    /// Returns the values.
    #[must_use]
    pub fn value(&self) -> Array {
        shortened(&self.shape, &self.data)
    }

    /// Returns the element type, where the vocabulary of golden files has it.
    #[must_use]
    pub fn dtype(&self) -> Option<DType> {
        op::dtype(&self.dtype).ok()
    }

    /// Returns the values as a tensor of the input's element type.
    #[must_use]
    pub fn tensor(&self) -> Option<Tensor> {
        let data = match self.dtype()? {
            DType::F32 => TensorData::F32(self.data.iter().map(|&x| x as f32).collect()),
            DType::I64 => TensorData::I64(self.data.iter().map(|&x| x as i64).collect()),
            DType::I32 => TensorData::I32(self.data.iter().map(|&x| x as i32).collect()),
            DType::U8 => TensorData::U8(self.data.iter().map(|&x| x as u8).collect()),
            DType::I8 => TensorData::I8(self.data.iter().map(|&x| x as i8).collect()),
            dtype @ (DType::I16 | DType::U16) => {
                let bytes: Vec<u8> = self.data.iter().flat_map(|&x| (x as i32).to_le_bytes()[..2].to_vec()).collect();
                TensorData::Raw { dtype, bytes: bytes.into(), len: self.data.len() }
            }
            DType::Bool => TensorData::Bool(self.data.iter().map(|&x| x != 0.0).collect()),
            _ => return None,
        };
        Tensor::new(self.shape.clone(), data)
    }
}

impl CaseOutput {
    /// Returns what the other program computed.
    #[must_use]
    pub fn value(&self) -> Array {
        Array::new(&self.shape, self.data.clone())
    }

    /// Returns what the gradients are seeded with; `None` for an output without gradient.
    #[must_use]
    pub fn cotangent(&self) -> Option<Array> {
        self.cotangent.as_ref().map(|c| shortened(&self.shape, c))
    }
}

impl Case {
    /// Returns the variants that the case can be built in.
    #[must_use]
    pub fn variants(&self) -> Vec<Variant> {
        let batched = self.inputs.iter().any(|i| i.batch);
        if batched { vec![Variant::Fixed, Variant::Batched] } else { vec![Variant::Fixed] }
    }

    /// Returns how near another implementation has to come in f64.
    #[must_use]
    pub fn tolerance(&self) -> Tolerance {
        if self.tolerance == "Close" { Tolerance::Close } else { Tolerance::Rounded }
    }

    /// Returns domain and name of the operators of the case.
    ///
    /// # Errors
    /// [`GoldenError::Case`] where the file is odd.
    pub fn operators(&self) -> Result<Vec<(String, String)>, GoldenError> {
        let op = |node: &CaseNode| op::op(&node.op, &Attributes(&node.attributes), None).map_err(|problem| self.odd(problem));
        let named = |op: Op| {
            let domain = if let Op::Quant(quant) = &op { quant.domain() } else { "" };
            (domain.to_owned(), op.name().to_owned())
        };
        self.nodes.iter().map(|node| op(node).map(named)).collect()
    }

    /// Returns the graph of the case, with its outputs set.
    ///
    /// # Errors
    /// [`GoldenError::Case`] where the file is odd, [`GoldenError::Graph`] where the graph refuses a node.
    pub fn graph(&self, variant: Variant) -> Result<Graph, GoldenError> {
        let mut graph = Graph::new(&self.name);
        let mut values: HashMap<&str, ValueId> = HashMap::new();
        for input in &self.inputs {
            values.insert(&input.name, self.add_input(&mut graph, input, variant)?);
        }
        let batch = match variant {
            Variant::Fixed => self.inputs.iter().find(|i| i.batch).and_then(|i| i.shape.first().copied()),
            Variant::Batched => None,
        };
        for node in &self.nodes {
            let op = op::op(&node.op, &Attributes(&node.attributes), batch).map_err(|problem| self.odd(problem))?;
            let mut inputs = Vec::new();
            for name in &node.inputs {
                let id = values.get(name.as_str()).copied();
                if id.is_none() && name != "-" {
                    return Err(self.odd(format!("value `{name}` is not defined")));
                }
                inputs.push(id);
            }
            let names: Vec<Option<&str>> = node.outputs.iter().map(|n| Some(n.as_str())).collect();
            let outputs = graph
                .push(&format!("{}_{}", node.op, values.len()), op, inputs, &names)
                .map_err(|source| GoldenError::Graph { case: self.name.clone(), source })?;
            values.extend(node.outputs.iter().zip(outputs).filter_map(|(name, id)| Some((name.as_str(), id?))));
        }
        for output in &self.outputs {
            let id = values.get(output.name.as_str()).copied();
            graph.output(id.ok_or_else(|| self.odd(format!("output `{}` is not defined", output.name)))?);
        }
        Ok(graph)
    }

    fn add_input(&self, graph: &mut Graph, input: &CaseInput, variant: Variant) -> Result<ValueId, GoldenError> {
        let tensor = input.tensor().ok_or_else(|| self.odd(format!("input `{}` is odd", input.name)))?;
        if variant == Variant::Batched && input.constant {
            return Ok(graph.constant(&input.name, tensor));
        }
        let mut shape: Vec<Dim> = input.shape.iter().map(|&n| Dim::Fixed(n)).collect();
        if variant == Variant::Batched
            && input.batch
            && let Some(first) = shape.first_mut()
        {
            *first = Dim::Batch(1);
        }
        Ok(graph.input(&input.name, tensor.dtype(), shape))
    }

    /// Returns what to feed: the inputs that are not initializers in this variant.
    #[must_use]
    pub fn feeds(&self, variant: Variant) -> Vec<(&str, Array)> {
        let fed = self.inputs.iter().filter(|i| variant == Variant::Fixed || !i.constant);
        fed.map(|i| (i.name.as_str(), i.value())).collect()
    }

    /// Returns the graph with the gradients that `vjp` appends as its only outputs, what to feed, and what must come out.
    ///
    /// `vjp` has the signature of the autodiff crate's function; it is handed over so that this crate depends on
    /// nothing that it tests.
    ///
    /// # Errors
    /// As [`Case::graph`]; [`GoldenError::Case`] with what `vjp` says.
    pub fn differentiate<E: std::fmt::Display>(
        &self,
        variant: Variant,
        vjp: impl FnOnce(&mut Graph, &[(ValueId, ValueId)], &[ValueId]) -> Result<Vec<ValueId>, E>,
    ) -> Result<Differentiated, GoldenError> {
        let mut graph = self.graph(variant)?;
        let mut feeds: Vec<(String, Array)> = self.feeds(variant).into_iter().map(|(n, a)| (n.to_owned(), a)).collect();
        let mut pairs = Vec::new();
        let outputs = graph.outputs().to_vec();
        for (output, id) in self.outputs.iter().zip(outputs) {
            let Some(cotangent) = output.cotangent() else { continue };
            let shape = graph.shape(id).ok_or_else(|| self.odd(format!("output `{}` has no shape", output.name)))?.to_vec();
            let name = format!("cotangent_of_{}", output.name);
            pairs.push((id, graph.input(&name, DType::F32, shape)));
            feeds.push((name, cotangent));
        }
        let (mut wrt, mut expected) = (Vec::new(), Vec::new());
        for (input, gradient) in self.gradients() {
            wrt.push(graph.find(&input.name).ok_or_else(|| self.odd(format!("input `{}` is lost", input.name)))?);
            expected.push((input.name.clone(), gradient));
        }
        let gradients = vjp(&mut graph, &pairs, &wrt).map_err(|e| self.odd(e.to_string()))?;
        graph.set_outputs(Vec::new());
        for (gradient, (name, _)) in gradients.into_iter().zip(&expected) {
            // A gradient may be a cotangent itself, or the same as another; a runtime wants outputs of their own.
            let own = format!("gradient_of_{name}");
            let made = graph.push(&own, Op::Identity, vec![Some(gradient)], &[Some(&own)]);
            let made = made.map_err(|source| GoldenError::Graph { case: self.name.clone(), source })?;
            made.into_iter().flatten().for_each(|id| graph.output(id));
        }
        Ok(Differentiated { graph, feeds, expected })
    }

    /// Returns the inputs that have a gradient, with the gradient that the other program computed.
    #[must_use]
    pub fn gradients(&self) -> Vec<(&CaseInput, Array)> {
        let known = |input: &CaseInput| self.gradients.get(&input.name).map(|g| Array::new(&input.shape, g.clone()));
        self.inputs.iter().filter_map(|input| Some((input, known(input)?))).collect()
    }

    fn odd(&self, problem: String) -> GoldenError {
        GoldenError::Case { case: self.name.clone(), problem }
    }
}

/// Returns the f32 numbers that stand in the file with as few digits as tell them apart.
fn shortened(shape: &[usize], data: &[f64]) -> Array {
    Array::new(shape, data.iter().map(|&x| f64::from(x as f32)).collect())
}
