//! From a graph to layers: one file for each family of operators.
//!
//! What is computed from constants alone is computed here, in f64. Reshapes make no layer, since the order of the elements stays.

mod activation;
mod arithmetic;
mod layout;
mod linear;
mod normalise;
mod quantise;
mod reduce;

use std::collections::HashMap;

use brinell_graph::{Graph, Node, Op, ValueId, pin_batch};

use crate::affine::Affine;
use crate::error::CertifyError;
use crate::map::{Map, Pick, Scale};
use crate::matrix::Matrix;
use crate::network::{Extent, Kind, Layer, Network};
use crate::nonlinear::Nonlinear;

/// A constant, or a value of the network, with its shape.
#[derive(Debug, Clone)]
enum Operand {
    Constant(Vec<usize>, Vec<f64>),
    Variable(Vec<usize>, usize),
}

impl Operand {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Constant(shape, _) | Self::Variable(shape, _) => shape,
        }
    }

    fn len(&self) -> usize {
        self.shape().iter().product()
    }

    fn constant(&self) -> Option<&[f64]> {
        match self {
            Self::Constant(_, data) => Some(data),
            Self::Variable(..) => None,
        }
    }

    /// The same elements in another shape.
    fn reshaped(self, shape: Vec<usize>) -> Self {
        match self {
            Self::Constant(_, data) => Self::Constant(shape, data),
            Self::Variable(_, value) => Self::Variable(shape, value),
        }
    }
}

/// What lowering a node gives: its outputs, or why there are none.
type Lowered = Result<Vec<Operand>, String>;

#[derive(Default)]
struct Builder {
    layers: Vec<Layer>,
    values: Vec<Extent>,
    /// Readers of the value that a layer computes, in the graph.
    sole: Vec<bool>,
    /// Name and number of the node that is being lowered.
    node: String,
    number: usize,
}

/// The inputs of a node.
struct Inputs<'a> {
    operands: Vec<Option<Operand>>,
    op: &'a Op,
    /// Shapes of the outputs.
    shapes: Vec<Vec<usize>>,
    /// Floating point numbers, for each input.
    floats: Vec<bool>,
}

impl Inputs<'_> {
    fn get(&self, i: usize) -> Result<&Operand, String> {
        self.optional(i).ok_or_else(|| format!("input {i} is missing"))
    }

    fn optional(&self, i: usize) -> Option<&Operand> {
        self.operands.get(i).and_then(Option::as_ref)
    }

    /// A constant input.
    fn constant(&self, i: usize, what: &str) -> Result<&[f64], String> {
        self.get(i)?.constant().ok_or_else(|| format!("its {what} depends on the model's input"))
    }

    fn shape(&self, output: usize) -> Result<&[usize], String> {
        self.shapes.get(output).map(Vec::as_slice).ok_or_else(|| "the shape of its result is unknown".to_owned())
    }

    fn all(&self) -> Result<Vec<Operand>, String> {
        (0..self.operands.len()).map(|i| self.get(i).cloned()).collect()
    }
}

pub(crate) fn network(graph: &Graph, output: ValueId) -> Result<Network, CertifyError> {
    let name = graph.value(output).name.clone();
    let mut needed = graph.clone();
    needed.set_outputs(vec![output]);
    let size = |value: &str| CertifyError::Size { value: value.to_owned() };
    let mut pinned = pin_batch(&needed).map_err(|_| size(&name))?;
    let output = pinned.find(&name).ok_or_else(|| size(&name))?;
    pinned.set_outputs(vec![output]);
    let graph = pinned.dce();
    let output = *graph.outputs().first().ok_or_else(|| size(&name))?;
    let used = |id: ValueId| graph.nodes().iter().any(|node| node.inputs.contains(&Some(id))) || id == output;
    let inputs: Vec<ValueId> = graph.inputs().iter().copied().filter(|&id| used(id)).collect();
    let &[input] = inputs.as_slice() else { return Err(CertifyError::Inputs { found: inputs.len() }) };
    let shape = fixed(&graph, input).ok_or_else(|| size(&graph.value(input).name))?;
    let mut builder = Builder::default();
    builder.values.push(extent(&shape));
    builder.sole.push(false);
    let mut operands: HashMap<ValueId, Operand> = HashMap::from([(input, Operand::Variable(shape.clone(), 0))]);
    for (id, tensor) in graph.constants() {
        if let Some(data) = tensor.to_f64() {
            operands.insert(id, Operand::Constant(tensor.shape().to_vec(), data));
        }
    }
    let mut readers: HashMap<ValueId, usize> = HashMap::from([(output, 1)]);
    graph.nodes().iter().flat_map(|node| node.inputs.iter().flatten()).for_each(|id| *readers.entry(*id).or_default() += 1);
    for (number, node) in graph.nodes().iter().enumerate() {
        builder.number = number;
        let lowered = lower(&graph, node, &operands, &mut builder).map_err(|reason| CertifyError::Operator {
            node: node.name.clone(),
            op: node.op.name().to_owned(),
            reason,
        })?;
        for (id, operand) in node.outputs.iter().zip(lowered) {
            if let Some(id) = *id {
                if let Operand::Variable(_, value) = &operand {
                    let alone = readers.get(&id).is_none_or(|n| *n <= 1);
                    builder.sole[*value] &= alone;
                }
                operands.insert(id, operand);
            }
        }
    }
    let value = match operands.remove(&output) {
        Some(Operand::Variable(_, value)) => value,
        Some(Operand::Constant(shape, data)) => {
            // An output that does not depend on the input.
            let nothing = Pick::new(vec![crate::map::NOTHING; data.len()], builder.values[0].len);
            match builder.affine(vec![(0, Box::new(nothing))], data, shape) {
                Operand::Variable(_, value) => value,
                Operand::Constant(..) => 0,
            }
        }
        None => return Err(size(&name)),
    };
    Network::assemble(builder.layers, builder.values, value, shape)
}

fn fixed(graph: &Graph, id: ValueId) -> Option<Vec<usize>> {
    graph.shape(id)?.iter().map(|dim| dim.fixed()).collect()
}

fn extent(shape: &[usize]) -> Extent {
    let len: usize = shape.iter().product();
    let plane = if let [1, _, rest @ ..] = shape { rest.iter().product::<usize>().max(1) } else { 1 };
    Extent { len, plane: if shape.len() >= 4 && len.is_multiple_of(plane) { plane } else { 1 } }
}

/// Lowers one node; what depends on constants alone becomes a constant.
fn lower(graph: &Graph, node: &Node, known: &HashMap<ValueId, Operand>, builder: &mut Builder) -> Lowered {
    if let Op::Opaque(opaque) = &node.op {
        return Err(opaque.reason.clone());
    }
    let mut operands = Vec::new();
    for id in &node.inputs {
        operands.push(match id {
            Some(id) => Some(known.get(id).cloned().ok_or_else(|| format!("`{}` does not contain numbers", graph.value(*id).name))?),
            None => None,
        });
    }
    let shapes = node.outputs.iter().map(|id| id.and_then(|id| fixed(graph, id)).unwrap_or_default()).collect();
    let float = |id: &Option<ValueId>| id.and_then(|id| graph.value(id).dtype).is_none_or(brinell_graph::DType::is_float);
    let mut inputs = Inputs { operands, op: &node.op, shapes, floats: node.inputs.iter().map(float).collect() };
    let is_constant = |operand: &Option<Operand>| operand.as_ref().is_none_or(|operand| operand.constant().is_some());
    if !inputs.operands.iter().all(is_constant) {
        builder.node.clone_from(&node.name);
        return dispatch(builder, &inputs);
    }
    // The first operand stands for a variable, which is then given its value.
    let first = inputs.operands.iter().position(Option::is_some).ok_or_else(|| "it has no input".to_owned())?;
    let Some(Operand::Constant(shape, data)) = inputs.operands[first].take() else { return Err("it has no input".to_owned()) };
    let mut folding = Builder { values: vec![extent(&shape)], sole: vec![false], ..Builder::default() };
    inputs.operands[first] = Some(Operand::Variable(shape, 0));
    let lowered = dispatch(&mut folding, &inputs)?;
    let last = folding.values.len() - 1;
    let small = Network::assemble(folding.layers, folding.values, last, Vec::new()).map_err(|error| error.to_string())?;
    let values = small.values_at(Matrix::column(data));
    let fold = |operand| match operand {
        Operand::Variable(shape, value) => Operand::Constant(shape, values[value].data.clone()),
        constant @ Operand::Constant(..) => constant,
    };
    Ok(lowered.into_iter().map(fold).collect())
}

fn dispatch(builder: &mut Builder, inputs: &Inputs<'_>) -> Lowered {
    let families = [arithmetic::lower, linear::lower, activation::lower, layout::lower, reduce::lower, normalise::lower, quantise::lower];
    for family in families {
        if let Some(lowered) = family(builder, inputs) {
            return lowered;
        }
    }
    Err("it is not supported".to_owned())
}

impl Builder {
    fn push(&mut self, inputs: Vec<usize>, kind: Kind, shape: Vec<usize>) -> Operand {
        self.layers.push(Layer { name: self.node.clone(), node: self.number, inputs, kind });
        self.values.push(extent(&shape));
        self.sole.push(true);
        Operand::Variable(shape, self.values.len() - 1)
    }

    fn affine(&mut self, parts: Vec<(usize, Box<dyn Map>)>, bias: Vec<f64>, shape: Vec<usize>) -> Operand {
        let (inputs, maps) = parts.into_iter().unzip();
        self.push(inputs, Kind::Affine(Affine::new(maps, bias)), shape)
    }

    fn nonlinear(&mut self, inputs: Vec<usize>, op: impl Nonlinear + 'static, shape: Vec<usize>) -> Operand {
        self.push(inputs, Kind::Nonlinear(Box::new(op)), shape)
    }

    /// A linear map of one variable, or of a constant.
    fn mapped(&mut self, operand: &Operand, map: impl Map + 'static, shape: Vec<usize>) -> Operand {
        let n = map.outputs();
        match operand {
            Operand::Variable(_, value) => self.affine(vec![(*value, Box::new(map))], vec![0.0; n], shape),
            Operand::Constant(_, data) => {
                let mut y = Matrix::zeros(n, 1);
                map.apply(&Matrix::column(data.clone()), &mut y);
                Operand::Constant(shape, y.data)
            }
        }
    }

    /// Elements of an operand in another order, or several times.
    fn picked(&mut self, operand: &Operand, from: Vec<u32>, shape: Vec<usize>) -> Operand {
        if from.len() == operand.len() && from.iter().enumerate().all(|(i, &f)| i == f as usize) {
            return operand.clone().reshaped(shape);
        }
        let inputs = operand.len();
        self.mapped(operand, Pick::new(from, inputs), shape)
    }

    /// An operand repeated to a larger shape.
    fn broadcast(&mut self, operand: &Operand, shape: &[usize]) -> Operand {
        let from = layout::broadcast(operand.shape(), shape);
        self.picked(operand, from, shape.to_vec())
    }

    /// Adds a constant of the same size.
    fn shifted(&mut self, operand: &Operand, shift: &[f64]) -> Operand {
        self.shifted_by(operand, shift, &shift.iter().map(|s| s.abs()).collect::<Vec<_>>())
    }

    /// Adds a constant of the same size that is made of terms with these magnitudes in sum.
    fn shifted_by(&mut self, operand: &Operand, shift: &[f64], magnitudes: &[f64]) -> Operand {
        match operand {
            Operand::Constant(shape, data) => Operand::Constant(shape.clone(), data.iter().zip(shift).map(|(x, s)| x + s).collect()),
            Operand::Variable(shape, value) => {
                // Where nothing else reads the value, the constant joins the layer that computes it.
                if *value > 0
                    && self.sole[*value]
                    && let Kind::Affine(affine) = &mut self.layers[*value - 1].kind
                    && !affine.is_exact()
                {
                    affine.shift(shift, magnitudes);
                    return operand.clone();
                }
                let n = shift.len();
                let mut affine = Affine::new(vec![Box::new(Scale::uniform(n, 1.0))], vec![0.0; n]);
                affine.shift(shift, magnitudes);
                self.push(vec![*value], Kind::Affine(affine), shape.clone())
            }
        }
    }

    /// Multiplies with a constant of the same size.
    fn scaled(&mut self, operand: &Operand, factors: Vec<f64>) -> Operand {
        let shape = operand.shape().to_vec();
        self.mapped(operand, Scale::new(factors), shape)
    }
}
