//! Shape and dtype inference, one function per operator family.

use crate::graph::GraphError;
use crate::{DType, Graph, Op, Shape, ValueId};

/// Infers dtype and shape of the outputs of a node that is about to be pushed.
pub(crate) fn node(
    _graph: &Graph,
    _name: &str,
    _op: &Op,
    _inputs: &[Option<ValueId>],
    n_outputs: usize,
) -> Result<Vec<(Option<DType>, Option<Shape>)>, GraphError> {
    Ok(vec![(None, None); n_outputs])
}
