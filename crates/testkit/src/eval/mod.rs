//! The reference interpreter: one file per operator family.

mod elementwise;
mod index;
mod layout;
mod linear;
mod normalise;
mod pool;
mod quant;
mod reduce;
mod resize;

use std::collections::HashMap;

use brinell_graph::{DType, Dim, Graph, Node, Op, ValueId};

use crate::Array;

/// Why a graph could not be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A graph input has no feed.
    #[error("input `{name}` is not fed")]
    MissingFeed {
        /// Name of the input.
        name: String,
    },
    /// A feed names no value of the graph.
    #[error("feed `{name}` names no input of the graph")]
    UnknownFeed {
        /// Name of the feed.
        name: String,
    },
    /// A feed does not have the declared shape.
    #[error("feed `{name}` has shape {found:?}, the graph declares {declared}")]
    FeedShape {
        /// Name of the input.
        name: String,
        /// Shape of the feed.
        found: Vec<usize>,
        /// Declared shape.
        declared: String,
    },
    /// Operands do not fit a node.
    #[error("node `{node}` ({op}): {problem}")]
    Node {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// What does not fit.
        problem: String,
    },
    /// What the shape inference says differs from what was computed.
    #[error("node `{node}` ({op}): inferred shape {inferred}, computed {computed:?}")]
    Inferred {
        /// Name of the node.
        node: String,
        /// Operator.
        op: String,
        /// Shape of the value in the graph.
        inferred: String,
        /// Shape of the computed array.
        computed: Vec<usize>,
    },
}

/// What an operator returns: its outputs, or what does not fit.
type Outputs = Result<Vec<Array>, String>;

/// What an operator sees besides its attributes.
struct Context<'a> {
    inputs: Vec<Option<&'a Array>>,
    dtypes: Vec<Option<DType>>,
    batch: Option<usize>,
}

impl<'a> Context<'a> {
    fn input(&self, i: usize) -> Result<&'a Array, String> {
        self.optional(i).ok_or_else(|| format!("input {i} is missing"))
    }

    fn optional(&self, i: usize) -> Option<&'a Array> {
        self.inputs.get(i).copied().flatten()
    }

    fn all(&self) -> Result<Vec<&'a Array>, String> {
        self.inputs.iter().map(|x| x.ok_or_else(|| "an input is missing".to_owned())).collect()
    }

    /// Returns true where input `i` is known to hold integers.
    fn is_integer(&self, i: usize) -> bool {
        self.dtypes.get(i).copied().flatten().is_some_and(|d| !d.is_float() && d != DType::Bool)
    }

    fn is_unsigned(&self, i: usize) -> bool {
        matches!(self.dtypes.get(i), Some(Some(DType::U8 | DType::U16 | DType::U32 | DType::U64)))
    }

    /// Returns the width of the integers in input `i`.
    fn bits(&self, i: usize) -> Option<i32> {
        Some(match self.dtypes.get(i).copied().flatten()? {
            DType::I8 | DType::U8 => 8,
            DType::I16 | DType::U16 => 16,
            DType::I32 | DType::U32 => 32,
            DType::I64 | DType::U64 => 64,
            _ => return None,
        })
    }

    /// Resolves a target shape of `n` elements; at most one dimension may be open.
    fn resolve(&self, shape: &[Dim], n: usize) -> Result<Vec<usize>, String> {
        let sizes: Vec<Option<usize>> = shape.iter().map(|&d| self.size(d)).collect();
        let rest: usize = sizes.iter().flatten().product();
        let open = sizes.iter().filter(|s| s.is_none()).count();
        match open {
            0 => Ok(sizes.into_iter().flatten().collect()),
            1 if rest > 0 && n.is_multiple_of(rest) => Ok(sizes.into_iter().map(|s| s.unwrap_or(n / rest)).collect()),
            _ => Err(format!("target shape {} is open for {n} elements", display(shape))),
        }
    }

    /// Returns the size of a dimension, where the batch is known or does not matter.
    fn size(&self, dim: Dim) -> Option<usize> {
        match dim {
            Dim::Fixed(n) => Some(n),
            Dim::Batch(k) => self.batch.map(|b| b * k),
            Dim::Unknown => None,
        }
    }
}

/// Evaluates the outputs of a graph in f64, naively and by the text of the ONNX specification.
///
/// Casts between floating-point types do nothing, so that the result is the real-valued function that the graph stands
/// for. Where the graph has inferred shapes, they are compared with the computed ones.
///
/// # Errors
/// [`EvalError`] where a feed is missing or does not fit, an operator is opaque, or operands do not fit.
pub fn eval(graph: &Graph, feeds: &[(&str, Array)]) -> Result<Vec<Array>, EvalError> {
    eval_values(graph, feeds, graph.outputs())
}

/// Evaluates any values of a graph, as [`eval`] does its outputs.
///
/// # Errors
/// As [`eval`].
pub fn eval_values(graph: &Graph, feeds: &[(&str, Array)], wanted: &[ValueId]) -> Result<Vec<Array>, EvalError> {
    let mut values: HashMap<ValueId, Array> = HashMap::new();
    for (name, array) in feeds {
        let id = graph.find(name).ok_or_else(|| EvalError::UnknownFeed { name: (*name).to_owned() })?;
        values.insert(id, array.clone());
    }
    let batch = bind(graph, &values)?;
    for (id, tensor) in graph.constants() {
        if let Some(array) = Array::from_tensor(tensor) {
            values.entry(id).or_insert(array);
        }
    }
    for node in graph.nodes() {
        let outputs = run(graph, node, &values, batch)?;
        for (id, array) in node.outputs.iter().zip(outputs) {
            if let Some(id) = *id {
                compare_shape(graph, node, id, &array, batch)?;
                values.insert(id, array);
            }
        }
    }
    wanted.iter().map(|id| values.get(id).cloned().ok_or_else(|| EvalError::MissingFeed { name: graph.value(*id).name.clone() })).collect()
}

fn run(graph: &Graph, node: &Node, values: &HashMap<ValueId, Array>, batch: Option<usize>) -> Result<Vec<Array>, EvalError> {
    let problem = |problem| EvalError::Node { node: node.name.clone(), op: node.op.name().to_owned(), problem };
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for id in &node.inputs {
        let array = match id {
            Some(id) => {
                let name = &graph.value(*id).name;
                Some(values.get(id).ok_or_else(|| problem(format!("operand `{name}` has no numeric value")))?)
            }
            None => None,
        };
        inputs.push(array);
    }
    let dtypes = node.inputs.iter().map(|id| id.and_then(|id| graph.value(id).dtype)).collect();
    dispatch(&node.op, &Context { inputs, dtypes, batch }).map_err(problem)
}

fn dispatch(op: &Op, cx: &Context<'_>) -> Outputs {
    if let Op::Opaque(opaque) = op {
        return Err(format!("opaque operator: {}", opaque.reason));
    }
    let families = [
        elementwise::unary,
        elementwise::several,
        linear::eval,
        normalise::eval,
        pool::eval,
        reduce::eval,
        layout::eval,
        layout::rearrange,
        index::eval,
        resize::eval,
        quant::eval,
    ];
    families.iter().find_map(|family| family(op, cx)).unwrap_or_else(|| Err("no family knows this operator".to_owned()))
}

/// Finds the batch size from the feeds, and checks them against the declared shapes.
fn bind(graph: &Graph, values: &HashMap<ValueId, Array>) -> Result<Option<usize>, EvalError> {
    let mut batch = None;
    for &id in graph.inputs() {
        let value = graph.value(id);
        let array = values.get(&id).ok_or_else(|| EvalError::MissingFeed { name: value.name.clone() })?;
        let Some(declared) = &value.shape else { continue };
        let mut fits = declared.len() == array.rank();
        for (dim, &n) in declared.iter().zip(&array.shape) {
            match *dim {
                Dim::Fixed(d) => fits &= d == n,
                Dim::Batch(k) => {
                    let b = *batch.get_or_insert(n.checked_div(k).unwrap_or(0));
                    fits &= b.checked_mul(k) == Some(n);
                }
                Dim::Unknown => {}
            }
        }
        if !fits {
            let (name, found) = (value.name.clone(), array.shape.clone());
            return Err(EvalError::FeedShape { name, found, declared: display(declared) });
        }
    }
    Ok(batch)
}

fn compare_shape(graph: &Graph, node: &Node, id: ValueId, array: &Array, batch: Option<usize>) -> Result<(), EvalError> {
    let Some(inferred) = graph.shape(id) else { return Ok(()) };
    let agrees = |(dim, &n): (&Dim, &usize)| match *dim {
        Dim::Fixed(d) => d == n,
        Dim::Batch(k) => batch.is_none_or(|b| b * k == n),
        Dim::Unknown => true,
    };
    if inferred.len() == array.rank() && inferred.iter().zip(&array.shape).all(agrees) {
        return Ok(());
    }
    let (node, op) = (node.name.clone(), node.op.name().to_owned());
    Err(EvalError::Inferred { node, op, inferred: display(inferred), computed: array.shape.clone() })
}

fn display(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", dims.join(", "))
}
