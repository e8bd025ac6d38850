//! Softmaxes that a model writes out at its end.

use std::collections::HashMap;

use crate::{Compare, DType, Graph, GraphError, Node, Op, Reduce, Tensor, TensorData, ValueId};

/// What an ending is a softmax of.
enum Of {
    /// Of these values, along this axis.
    Values(ValueId, usize),
    /// Of 0 and a value, along this axis; the value comes second, or first.
    Pair { score: ValueId, axis: usize, second: bool },
}

impl Graph {
    /// Returns the graph with softmaxes in the place of what computes the same at its outputs: `softmax(z) / sum(softmax(z))`, `[1 - sigmoid(t), sigmoid(t)]`,
    /// `exp(z - logsumexp(z))`, `exp(logsoftmax(z))` and `exp(z - max(z))` over its sum. Then their logits are values of the graph.
    ///
    /// # Guarantees
    /// The same function on real numbers. Names of outputs stay.
    #[must_use]
    pub fn with_softmax(self) -> Self {
        match self.rewritten() {
            Ok(Some(graph)) => graph,
            _ => self,
        }
    }

    fn rewritten(&self) -> Result<Option<Self>, GraphError> {
        let mut graph: Option<Self> = None;
        for &output in self.outputs() {
            let current = graph.as_ref().unwrap_or(self);
            let Some((place, of)) = Ends::new(current).find(output) else { continue };
            graph.get_or_insert_with(|| self.clone()).end_in(place, &of)?;
        }
        Ok(graph.map(|graph| graph.dce()))
    }

    fn end_in(&mut self, place: usize, of: &Of) -> Result<(), GraphError> {
        let first_new = self.nodes().len();
        let (z, axis) = match *of {
            Of::Values(z, axis) => (z, axis),
            Of::Pair { score, axis, second } => {
                let zero = self.number(score, 0.0);
                let zeros = self.add(Op::Mul, &[score, zero])?;
                let pair = if second { [zeros, score] } else { [score, zeros] };
                (self.add(Op::Concat { axis }, &pair)?, axis)
            }
        };
        self.turn(place, Op::Softmax { axis }, z, first_new);
        Ok(())
    }

    /// A number of the type of `like`.
    fn number(&mut self, like: ValueId, value: f32) -> ValueId {
        let data = match self.value(like).dtype {
            Some(DType::F64) => TensorData::F64(vec![f64::from(value)]),
            _ => TensorData::F32(vec![value]),
        };
        match Tensor::new(Vec::new(), data) {
            Some(tensor) => self.constant("number", tensor),
            None => self.scalar(value),
        }
    }
}

struct Ends<'g> {
    graph: &'g Graph,
    producers: HashMap<ValueId, (usize, &'g Node)>,
}

impl<'g> Ends<'g> {
    fn new(graph: &'g Graph) -> Self {
        let outputs = |(place, node): (usize, &'g Node)| node.outputs.iter().flatten().map(move |&id| (id, (place, node)));
        Self { graph, producers: graph.nodes().iter().enumerate().flat_map(outputs).collect() }
    }

    /// The node that an output is a softmax by, other than one that says so.
    fn find(&self, output: ValueId) -> Option<(usize, Of)> {
        let value = self.plain(output);
        let is_real = matches!(self.graph.value(value).dtype, Some(DType::F32 | DType::F64));
        let &(place, node) = self.producers.get(&value).filter(|_| is_real)?;
        let input = |place: usize| node.inputs.get(place).copied().flatten().map(|id| self.plain(id));
        let of = match &node.op {
            Op::Div => self.share(input(0)?, input(1)?),
            Op::Exp => self.exponential(input(0)?),
            Op::Concat { axis } if node.inputs.len() == 2 => self.pair(*axis, input(0)?, input(1)?),
            _ => None,
        };
        Some((place, of?))
    }

    /// What a value is a copy of.
    fn plain(&self, mut value: ValueId) -> ValueId {
        while let Some((_, Node { op: Op::Identity, inputs, .. })) = self.producers.get(&value)
            && let Some(&Some(from)) = inputs.first()
        {
            value = from;
        }
        value
    }

    /// The operator behind a value, with its inputs.
    fn made(&self, value: ValueId) -> Option<(&'g Op, Vec<ValueId>)> {
        let (_, node) = self.producers.get(&self.plain(value))?;
        Some((&node.op, node.inputs.iter().flatten().map(|&id| self.plain(id)).collect()))
    }

    /// `[1 - sigmoid(t), sigmoid(t)]`, or the other way round.
    fn pair(&self, axis: usize, first: ValueId, second: ValueId) -> Option<Of> {
        let is_one_column = |id: ValueId| self.graph.shape(id).is_some_and(|shape| shape.get(axis).and_then(|dim| dim.fixed()) == Some(1));
        let rest_of = |id: ValueId| match self.made(id) {
            Some((Op::Sub, inputs)) if matches!(inputs[..], [one, _] if self.is_constant(one, 1.0)) => inputs.get(1).copied(),
            _ => None,
        };
        let score_of = |id: ValueId| match self.made(id) {
            Some((Op::Sigmoid, inputs)) => inputs.first().copied(),
            _ => None,
        };
        let (sigmoid, second) = match (rest_of(first), rest_of(second)) {
            (Some(of), _) if of == second => (second, true),
            (_, Some(of)) if of == first => (first, false),
            _ => return None,
        };
        let is_last = axis + 1 == self.graph.shape(sigmoid)?.len();
        score_of(sigmoid).filter(|_| axis > 0 && is_last && is_one_column(sigmoid)).map(|score| Of::Pair { score, axis, second })
    }

    /// `exp(z - logsumexp(z))` or `exp(logsoftmax(z))`.
    fn exponential(&self, log: ValueId) -> Option<Of> {
        match self.made(log)? {
            (Op::LogSoftmax { axis }, inputs) => Some(Of::Values(*inputs.first()?, *axis)),
            (Op::Sub, inputs) => match inputs[..] {
                [z, sum] => self.reduced(sum, z, &[Reduce::LogSumExp]).map(|axis| Of::Values(z, axis)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A softmax over its sum, or `exp(z - max(z))` over its sum. Without the maximum the exponential overflows where a softmax does not, so that it is another function.
    fn share(&self, above: ValueId, below: ValueId) -> Option<Of> {
        let below = self.guarded(below);
        let axis = self.reduced(below, above, &[Reduce::Sum, Reduce::L1])?;
        match self.made(above)? {
            (Op::Softmax { axis: own }, inputs) if *own == axis => Some(Of::Values(*inputs.first()?, axis)),
            (Op::Exp, inputs) => match self.made(*inputs.first()?)? {
                (Op::Sub, shifted) => match shifted[..] {
                    [z, most] => self.reduced(most, z, &[Reduce::Max]).filter(|other| *other == axis).map(|_| Of::Values(z, axis)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// A divisor without the 1 that it has in the place of 0.
    fn guarded(&self, divisor: ValueId) -> ValueId {
        let guarded = || match self.made(divisor)? {
            (Op::Where, inputs) => match inputs[..] {
                [none, one, size] if self.is_constant(one, 1.0) => match self.made(none)? {
                    (Op::Compare(Compare::Equal), compared) => {
                        matches!(compared[..], [a, b] if (a == size && self.is_constant(b, 0.0)) || (b == size && self.is_constant(a, 0.0)))
                            .then_some(size)
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        guarded().unwrap_or(divisor)
    }

    /// The axis, the last one, along which `value` is `of` reduced in one of these ways, one number for each row.
    fn reduced(&self, value: ValueId, of: ValueId, kinds: &[Reduce]) -> Option<usize> {
        let last = self.graph.shape(of)?.len().checked_sub(1).filter(|axis| *axis > 0)?;
        // Where the axis was dropped it came back by a change of shape.
        let is_column = self.graph.shape(value)?.len() == last + 1 && self.graph.shape(value)?.get(last)?.fixed() == Some(1);
        let (op, inputs) = match self.made(value)? {
            (Op::Reshape { .. } | Op::Unsqueeze { .. }, inputs) => self.made(*inputs.first()?)?,
            made => made,
        };
        match op {
            Op::Reduce { kind, axes, .. } if kinds.contains(kind) && axes[..] == [last] && is_column && inputs.first() == Some(&of) => {
                Some(last)
            }
            _ => None,
        }
    }

    fn is_constant(&self, id: ValueId, value: f64) -> bool {
        let is_value = |x: &f64| x.total_cmp(&value).is_eq();
        let tensor = self.graph.constant_of(id).filter(|tensor| tensor.dtype().is_float() && tensor.len() == 1);
        tensor.and_then(|tensor| tensor.to_f64()).is_some_and(|values| values.iter().all(is_value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dim;

    struct Made {
        graph: Graph,
        x: ValueId,
    }

    impl Made {
        fn new(width: usize) -> Self {
            let mut graph = Graph::new("g");
            let x = graph.input("x", DType::F32, vec![Dim::Batch(1), Dim::Fixed(width)]);
            Self { graph, x }
        }

        fn add(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
            self.graph.add(op, inputs).unwrap()
        }

        fn reduce(&mut self, kind: Reduce, x: ValueId) -> ValueId {
            self.add(Op::Reduce { kind, axes: vec![1], keepdims: true }, &[x])
        }

        /// The operators of the graph that ends in `value`.
        fn read(mut self, value: ValueId) -> Vec<String> {
            let named = self.graph.push("last", Op::Identity, vec![Some(value)], &[Some("y")]).unwrap()[0].unwrap();
            self.graph.output(named);
            let graph = self.graph.with_softmax();
            assert_eq!(graph.value(graph.outputs()[0]).name, "y");
            graph.nodes().iter().map(|node| node.op.name().to_owned()).collect()
        }
    }

    #[test]
    fn a_softmax_divided_by_its_sum_is_itself() {
        for guarded in [false, true] {
            let mut m = Made::new(3);
            let softmax = m.add(Op::Softmax { axis: 1 }, &[m.x]);
            let copy = m.add(Op::Identity, &[softmax]);
            let mut size = m.reduce(Reduce::L1, copy);
            if guarded {
                let (zero, one) = (m.graph.scalar(0.0), m.graph.scalar(1.0));
                let none = m.add(Op::Compare(Compare::Equal), &[size, zero]);
                size = m.add(Op::Where, &[none, one, size]);
            }
            let share = m.add(Op::Div, &[copy, size]);
            assert_eq!(m.read(share), ["Softmax", "Identity"]);
        }
    }

    #[test]
    fn a_sigmoid_beside_what_it_leaves_is_a_softmax() {
        for second in [true, false] {
            let mut m = Made::new(1);
            let sigmoid = m.add(Op::Sigmoid, &[m.x]);
            let one = m.graph.scalar(1.0);
            let rest = m.add(Op::Sub, &[one, sigmoid]);
            let pair = if second { [rest, sigmoid] } else { [sigmoid, rest] };
            let both = m.add(Op::Concat { axis: 1 }, &pair);
            assert_eq!(m.read(both), ["Mul", "Concat", "Softmax", "Identity"]);
        }
    }

    #[test]
    fn exponentials_are_a_softmax_if_they_do_not_overflow() {
        let mut m = Made::new(3);
        let sum = m.reduce(Reduce::LogSumExp, m.x);
        let log = m.add(Op::Sub, &[m.x, sum]);
        let exp = m.add(Op::Exp, &[log]);
        assert_eq!(m.read(exp), ["Softmax", "Identity"]);

        let mut m = Made::new(3);
        let log = m.add(Op::LogSoftmax { axis: 1 }, &[m.x]);
        let exp = m.add(Op::Exp, &[log]);
        assert_eq!(m.read(exp), ["Softmax", "Identity"]);

        for stable in [true, false] {
            let mut m = Made::new(3);
            let most = m.reduce(Reduce::Max, m.x);
            let shifted = if stable { m.add(Op::Sub, &[m.x, most]) } else { m.x };
            let exp = m.add(Op::Exp, &[shifted]);
            let sum = m.reduce(Reduce::Sum, exp);
            let share = m.add(Op::Div, &[exp, sum]);
            assert_eq!(m.read(share) == ["Softmax", "Identity"], stable);
        }
    }

    #[test]
    fn other_endings_stay() {
        let mut m = Made::new(3);
        let sigmoid = m.add(Op::Sigmoid, &[m.x]);
        let sum = m.reduce(Reduce::Sum, sigmoid);
        let share = m.add(Op::Div, &[sigmoid, sum]);
        assert_eq!(m.read(share), ["Sigmoid", "ReduceSum", "Div", "Identity"]);

        // Two labels that each apply or not.
        let mut m = Made::new(1);
        let (sigmoid, two) = (m.add(Op::Sigmoid, &[m.x]), m.graph.scalar(2.0));
        let rest = m.add(Op::Sub, &[two, sigmoid]);
        let both = m.add(Op::Concat { axis: 1 }, &[rest, sigmoid]);
        assert_eq!(m.read(both).len(), 4);
    }
}
