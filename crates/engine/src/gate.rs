//! The output by which a model refuses samples.

use brinell_graph::{DType, Dim, Graph, GraphError, Op, ValueId};
use brinell_record::Artefact;
use brinell_task::Gate;

use crate::SignatureError;
use crate::signature::{named, ports, width};

/// The suspicion among the outputs of a model that refuses what is above a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct GatePort {
    /// The value in the graph.
    pub value: ValueId,
    /// Its name.
    pub name: String,
    /// What it means.
    pub gate: Gate,
}

impl GatePort {
    /// Finds the output that `artefact` names as the suspicion; `None` where it names none.
    ///
    /// # Errors
    /// [`SignatureError`] where there is no such output, or it is not one number for each sample.
    pub(crate) fn of(graph: &Graph, artefact: &Artefact, fixed_batch: Option<usize>) -> Result<Option<Self>, SignatureError> {
        let (name, threshold) = match (&artefact.suspicion, artefact.max_suspicion) {
            (None, None) => return Ok(None),
            (Some(name), Some(threshold)) if threshold.is_finite() => (name, threshold),
            (Some(_), Some(value)) => return Err(SignatureError::BadThreshold { value, problem: "is not a finite number" }),
            (Some(_), None) => {
                return Err(SignatureError::HalfGate { given: "suspicion", missing: "the largest suspicion that is accepted" });
            }
            (None, Some(_)) => {
                return Err(SignatureError::HalfGate { given: "max-suspicion", missing: "the output that is the suspicion" });
            }
        };
        let (output, value) = named(graph, "output", name, graph.outputs())?;
        let one = graph.value(value).dtype.is_some_and(DType::is_float) && width(graph, value, fixed_batch)? == 1;
        if !one {
            return Err(SignatureError::Suspicion { found: ports(graph, std::iter::once(value)).join(", ") });
        }
        let unit = if threshold == 0.0 { 1.0 } else { threshold.abs() };
        Ok(Some(Self { value, name: name.clone(), gate: Gate { output, threshold, unit } }))
    }

    /// Appends the room that a suspicion leaves, `[B, 1]`, behind `values` `[B, Z]`.
    ///
    /// # Errors
    /// [`GraphError`] where the suspicion is not one number for each sample.
    #[expect(clippy::cast_possible_truncation, reason = "a threshold is compared with f32")]
    pub(crate) fn append(&self, graph: &mut Graph, values: ValueId, suspicion: ValueId, batch: Dim) -> Result<ValueId, GraphError> {
        let mut suspicion = suspicion;
        if graph.value(suspicion).dtype.is_some_and(|dtype| dtype != DType::F32) {
            suspicion = graph.add(Op::Cast { to: DType::F32 }, &[suspicion])?;
        }
        suspicion = graph.add(Op::Reshape { shape: vec![batch, Dim::Fixed(1)] }, &[suspicion])?;
        let threshold = graph.scalar(self.gate.threshold as f32);
        let room = graph.add(Op::Sub, &[threshold, suspicion])?;
        graph.add(Op::Concat { axis: 1 }, &[values, room])
    }
}
