//! Target shapes: payload in the graph, an input in ONNX.

use brinell_graph::{Dim, Shape, Tensor};

use super::attribute::{flag, int, to_ints};
use super::{Call, Writer};
use crate::error::ExportError;

impl Writer<'_> {
    /// The target of Reshape as a constant where ONNX's 0 (keep) and -1 (what is left) can say it, else computed.
    pub(super) fn reshape(&mut self, call: &Call<'_>, x: String, target: &[Dim], output: String) -> Result<(), ExportError> {
        let input: Shape = self.shape_of(call.node.inputs.first().copied().flatten()).unwrap_or_default().to_vec();
        self.reshape_from(call, x, &input, target, output)
    }

    /// The same with the shape of `x` given.
    pub(super) fn reshape_from(
        &mut self,
        call: &Call<'_>,
        x: String,
        input: &[Dim],
        target: &[Dim],
        output: String,
    ) -> Result<(), ExportError> {
        let empty = target.contains(&Dim::Fixed(0));
        let kept = |i: usize, d: Dim| !empty && !matches!(d, Dim::Fixed(_)) && d != Dim::Unknown && input.get(i) == Some(&d);
        let open = target.iter().enumerate().filter(|&(i, &d)| d.fixed().is_none() && !kept(i, d)).count();
        let attributes = if empty { vec![flag("allowzero", true)] } else { Vec::new() };
        let shape = if open <= 1 && !(empty && open == 1) {
            let entry = |(i, &d): (usize, &Dim)| match d {
                Dim::Fixed(n) => i64::try_from(n).unwrap_or(i64::MAX),
                _ if kept(i, d) => 0,
                _ => -1,
            };
            let entries = target.iter().enumerate().map(entry).collect();
            self.ints(call, "shape", entries)?
        } else {
            self.dims(call, target)?
        };
        if empty {
            self.needs(call, 14, "an empty target shape")?;
        }
        self.push("Reshape", vec![x, shape], vec![output], attributes);
        Ok(())
    }

    /// The target of Expand. The batch needs not be named where the operand has it already.
    pub(super) fn expand(&mut self, call: &Call<'_>, target: &[Dim]) -> Result<String, ExportError> {
        let input = self.shape_of(call.node.inputs.first().copied().flatten()).unwrap_or_default();
        let lead = target.len().saturating_sub(input.len());
        let has = |i: usize, d: Dim| d.fixed().is_none() && i.checked_sub(lead).and_then(|i| input.get(i)) == Some(&d);
        let target: Shape = target.iter().enumerate().map(|(i, &d)| if has(i, d) { Dim::Fixed(1) } else { d }).collect();
        self.dims(call, &target)
    }

    /// A shape vector: a constant, or computed from the batch of an input of the graph.
    pub(super) fn dims(&mut self, call: &Call<'_>, target: &[Dim]) -> Result<String, ExportError> {
        let fixed: Option<Vec<usize>> = target.iter().map(|d| d.fixed()).collect();
        if let Some(fixed) = fixed {
            return self.ints(call, "shape", to_ints(&fixed));
        }
        let mut parts = Vec::with_capacity(target.len());
        for d in target {
            parts.push(match *d {
                Dim::Fixed(n) => self.ints(call, "size", to_ints(&[n]))?,
                Dim::Batch(1) => self.batch(call)?,
                Dim::Batch(k) => {
                    let (batch, k) = (self.batch(call)?, self.ints(call, "factor", to_ints(&[k]))?);
                    self.step(call, "Mul", vec![batch, k], Vec::new())
                }
                Dim::Unknown => return Err(call.fail("a size of the target shape is unknown")),
            });
        }
        Ok(self.step(call, "Concat", parts, vec![int("axis", 0)]))
    }

    /// The batch size as a vector of one element.
    fn batch(&mut self, call: &Call<'_>) -> Result<String, ExportError> {
        if let Some(name) = &self.batch {
            return Ok(name.clone());
        }
        let found = self.graph.inputs().iter().find_map(|&id| {
            let axis = self.graph.shape(id)?.iter().position(|&d| d == Dim::Batch(1))?;
            Some((self.graph.value(id).name.clone(), axis))
        });
        let Some((input, axis)) = found else { return Err(call.fail("no input of the graph has the batch as a dimension")) };
        let shape = self.fresh("batch/Shape");
        self.push("Shape", vec![input], vec![shape.clone()], Vec::new());
        let name = self.fresh("batch/size");
        let at = self.fresh("batch/axis");
        self.initializer(&at, &Tensor::ints(to_ints(&[axis])))?;
        self.push("Gather", vec![shape, at], vec![name.clone()], vec![int("axis", 0)]);
        self.batch = Some(name.clone());
        Ok(name)
    }
}
