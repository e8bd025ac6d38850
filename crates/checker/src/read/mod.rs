//! From a graph to layers: every linear operator becomes rows of terms.

mod layout;
mod linear;
mod window;

use std::collections::HashMap;

use brinell_graph::{Graph, Node, Op, ValueId, pin_batch};

use crate::error::CheckError;
use crate::network::{Affine, Kind, Layer, Network};
use crate::number::Interval;

/// Terms of a network at most: about 1.5 GB.
const LARGEST: usize = 1 << 27;

/// A constant, or a value of the network, with its shape.
#[derive(Debug, Clone)]
enum Operand {
    Constant(Vec<usize>, Vec<Interval>),
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

    fn constant(&self) -> Option<&[Interval]> {
        match self {
            Self::Constant(_, data) => Some(data),
            Self::Variable(..) => None,
        }
    }

    fn reshaped(self, shape: Vec<usize>) -> Self {
        match self {
            Self::Constant(_, data) => Self::Constant(shape, data),
            Self::Variable(_, value) => Self::Variable(shape, value),
        }
    }
}

type Lowered = Result<Vec<Operand>, String>;

struct Reader {
    layers: Vec<Layer>,
    lens: Vec<usize>,
    node: usize,
    computed: bool,
}

/// A node with its operands.
struct Call<'a> {
    op: &'a Op,
    operands: Vec<Option<Operand>>,
    /// Shapes of the outputs; none for one that nobody reads.
    shapes: Vec<Option<Vec<usize>>>,
    is_float: bool,
}

impl Call<'_> {
    fn get(&self, i: usize) -> Result<&Operand, String> {
        self.operands.get(i).and_then(Option::as_ref).ok_or_else(|| format!("input {i} is missing"))
    }

    fn constant(&self, i: usize) -> Result<&[Interval], String> {
        self.get(i)?.constant().ok_or_else(|| format!("input {i} is no constant"))
    }

    fn shape(&self) -> Result<Vec<usize>, String> {
        self.shapes.first().cloned().flatten().ok_or_else(|| "the shape of its result is not known".to_owned())
    }

    fn all(&self) -> Result<Vec<&Operand>, String> {
        (0..self.operands.len()).map(|i| self.get(i)).collect()
    }
}

/// The rows of a result while they are written.
struct Rows<'a> {
    operands: &'a [&'a Operand],
    /// Where each operand that is a variable begins among the elements.
    begins: Vec<usize>,
    /// True once a constant was multiplied with something else than 1, or added to another.
    computed: bool,
    affine: Affine,
    bias: Interval,
    size: f64,
}

impl Rows<'_> {
    /// Adds `weight` times an element of an operand.
    fn term(&mut self, operand: usize, element: usize, weight: Interval) {
        match self.operands[operand] {
            Operand::Variable(..) => self.affine.term(self.begins[operand] + element, weight),
            Operand::Constant(_, data) => {
                self.computed |= !weight.is_point(1.0) || self.size > 0.0;
                self.constant(weight * data[element]);
            }
        }
    }

    fn constant(&mut self, x: Interval) {
        self.bias = self.bias + x;
        self.size += x.magnitude();
    }

    fn end(&mut self) {
        self.affine.end(self.bias, crate::number::above(self.size) * f64::from(u8::from(self.size > 0.0)));
        (self.bias, self.size) = (Interval::ZERO, 0.0);
    }
}

pub(crate) fn network(graph: &Graph, output: ValueId) -> Result<Network, CheckError> {
    let wrong = |reason: &str| CheckError::Graph { reason: reason.to_owned() };
    let name = graph.value(output).name.clone();
    let mut needed = graph.clone();
    needed.set_outputs(vec![output]);
    let mut pinned = pin_batch(&needed).map_err(|error| wrong(&error.to_string()))?;
    let output = pinned.find(&name).ok_or_else(|| wrong("its output is not there for one sample"))?;
    pinned.set_outputs(vec![output]);
    let graph = pinned.dce();
    let &[output] = graph.outputs() else { return Err(wrong("it has no output")) };
    let is_read = |id: ValueId| id == output || graph.nodes().iter().any(|node| node.inputs.contains(&Some(id)));
    let inputs: Vec<ValueId> = graph.inputs().iter().copied().filter(|&id| is_read(id)).collect();
    let &[input] = inputs.as_slice() else { return Err(wrong("it has not one input")) };
    let shape = fixed(&graph, input).ok_or_else(|| wrong("the size of its input is not known"))?;
    let mut reader = Reader { layers: Vec::new(), lens: vec![shape.iter().product()], node: 0, computed: false };
    let mut known: HashMap<ValueId, Operand> = HashMap::from([(input, Operand::Variable(shape, 0))]);
    for (number, node) in graph.nodes().iter().enumerate() {
        reader.node = number;
        let lowered = reader.node(&graph, node, &known).and_then(|outputs| {
            let terms: usize =
                reader.layers.iter().map(|layer| if let Kind::Affine(affine) = &layer.kind { affine.terms() } else { 0 }).sum();
            if terms > LARGEST { Err("the network is too large".to_owned()) } else { Ok(outputs) }
        });
        let outputs = lowered.map_err(|reason| {
            let (node, op) = (node.name.clone(), node.op.name().to_owned());
            CheckError::Operator { node, op, reason }
        })?;
        for (id, operand) in node.outputs.iter().zip(outputs) {
            id.iter().for_each(|id| drop(known.insert(*id, operand.clone())));
        }
    }
    let Some(Operand::Variable(_, output)) = known.remove(&output) else { return Err(wrong("its output does not depend on its input")) };
    let mut is_inner = vec![false; reader.lens.len()];
    reader.layers.iter().filter(|layer| !matches!(layer.kind, Kind::Affine(_))).for_each(|layer| is_inner[layer.inputs[0]] = true);
    Ok(Network { layers: reader.layers, lens: reader.lens, output, is_inner, has_computed_constants: reader.computed })
}

fn fixed(graph: &Graph, id: ValueId) -> Option<Vec<usize>> {
    graph.shape(id)?.iter().map(|dim| dim.fixed()).collect()
}

impl Reader {
    fn node(&mut self, graph: &Graph, node: &Node, known: &HashMap<ValueId, Operand>) -> Lowered {
        let operand = |id: ValueId| -> Result<Operand, String> {
            if let Some(operand) = known.get(&id) {
                return Ok(operand.clone());
            }
            let data = graph.constant_of(id).and_then(|tensor| Some((tensor.shape().to_vec(), tensor.to_f64()?)));
            let (shape, data) = data.ok_or_else(|| format!("`{}` is not made of numbers", graph.value(id).name))?;
            if data.iter().any(|x| !x.is_finite()) {
                return Err(format!("`{}` holds a number that is NaN or infinite", graph.value(id).name));
            }
            Ok(Operand::Constant(shape, data.into_iter().map(Interval::point).collect()))
        };
        let operands = node.inputs.iter().map(|id| id.map(operand).transpose()).collect::<Result<_, _>>()?;
        let shapes = node.outputs.iter().map(|id| id.and_then(|id| fixed(graph, id))).collect();
        let first = node.inputs.first().copied().flatten();
        let is_float = first.and_then(|id| graph.value(id).dtype).is_none_or(brinell_graph::DType::is_float);
        let call = Call { op: &node.op, operands, shapes, is_float };
        for family in [linear::lower, layout::lower, window::lower, nonlinear] {
            if let Some(lowered) = family(self, &call) {
                return lowered;
            }
        }
        Err("it is not covered".to_owned())
    }

    /// Writes the rows of a result; where no operand is a variable it is a constant.
    fn rows<'a>(
        &mut self,
        operands: &'a [&'a Operand],
        shape: Vec<usize>,
        extra: usize,
        fill: impl FnOnce(&mut Rows<'a>) -> Result<(), String>,
    ) -> Result<Operand, String> {
        let (mut inputs, mut offsets, mut next) = (Vec::new(), Vec::new(), 0);
        let mut begins = Vec::new();
        for operand in operands {
            begins.push(match operand {
                Operand::Constant(..) => 0,
                Operand::Variable(_, value) => match inputs.iter().position(|input| input == value) {
                    Some(k) => offsets[k],
                    None => {
                        inputs.push(*value);
                        offsets.push(next);
                        next += operand.len();
                        next - operand.len()
                    }
                },
            });
        }
        if u32::try_from(next).is_err() {
            return Err("its operands are too large".to_owned());
        }
        let mut rows = Rows { operands, begins, computed: false, affine: Affine::new(offsets, extra), bias: Interval::ZERO, size: 0.0 };
        fill(&mut rows)?;
        let (affine, computed) = (rows.affine, rows.computed);
        if affine.rows() != shape.iter().product::<usize>() {
            return Err("its result has another size than it says".to_owned());
        }
        if affine.bias.iter().any(|b| !b.is_finite()) || !affine.slack.is_finite() {
            return Err("a constant is too large, or divided by 0".to_owned());
        }
        if inputs.is_empty() {
            self.computed |= computed;
            return Ok(Operand::Constant(shape, affine.bias));
        }
        Ok(self.push(inputs, Kind::Affine(affine), shape))
    }

    /// Elements of one operand in another order; `None` is a 0.
    fn moved(&mut self, x: &Operand, shape: Vec<usize>, mut from: impl FnMut(&[usize]) -> Option<usize>) -> Lowered {
        let operands = [x];
        let indices = shape.clone();
        self.rows(&operands, shape, 0, |rows| {
            layout::each_index(&indices, |index| {
                match from(index) {
                    Some(at) if at < x.len() => rows.term(0, at, Interval::point(1.0)),
                    Some(_) => return Err("its indices lie outside".to_owned()),
                    None => {}
                }
                rows.end();
                Ok(())
            })
        })
        .map(|y| vec![y])
    }

    fn push(&mut self, inputs: Vec<usize>, kind: Kind, shape: Vec<usize>) -> Operand {
        self.layers.push(Layer { node: self.node, inputs, kind });
        self.lens.push(shape.iter().product());
        Operand::Variable(shape, self.lens.len() - 1)
    }
}

fn nonlinear(reader: &mut Reader, call: &Call<'_>) -> Option<Lowered> {
    let leak = match call.op {
        Op::Relu => 0.0,
        Op::LeakyRelu { alpha } if (0.0..1.0).contains(alpha) => f64::from(*alpha),
        _ => return None,
    };
    Some(call.get(0).and_then(|x| match x {
        Operand::Variable(shape, value) => Ok(vec![reader.push(vec![*value], Kind::Relu { leak }, shape.clone())]),
        Operand::Constant(..) => Err("its input is a constant".to_owned()),
    }))
}
