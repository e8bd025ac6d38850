//! What the inputs that are not attacked are held at.

use std::sync::Arc;

use brinell_engine::{Buffer, Held, HeldInput, HeldPort, OracleError, Signature};
use brinell_onnx::Known;

use super::{Subject, known, read_pinned};
use crate::data::{DataError, DataErrorKind, Dataset, NamedArray, Numbers};
use crate::{Plan, ProtocolError};

impl Subject {
    /// Reads the model of a plan and, where it has inputs that are not attacked, what the plan's data hold them at.
    ///
    /// # Errors
    /// As [`Subject::load`], [`Subject::load_data`] and [`Subject::hold`].
    pub(crate) fn load_holding(plan: &Plan) -> Result<Self, ProtocolError> {
        let mut subject = Self::load_for(plan)?;
        if !subject.signature.held.is_empty() {
            let data = subject.load_data(&plan.data, plan.labels.clone(), plan.classes.as_deref(), plan.limit)?;
            subject.hold(&data)?;
        }
        Ok(subject)
    }

    /// Holds the inputs that are not attacked at what the data say. Those that have no batch become constants of the graph.
    ///
    /// # Errors
    /// [`ProtocolError::Data`] where an array does not fit its input.
    pub fn hold(&mut self, data: &Dataset) -> Result<(), ProtocolError> {
        if self.signature.held.is_empty() || !self.held.inputs().is_empty() {
            return Ok(());
        }
        let held = held_at(&self.signature.held, self.signature.fixed_batch, data)?;
        if self.endpoint.is_none() && !self.model.opaque().is_empty() {
            // What could not be read may follow from values that are known by now: conditions, sizes, lengths.
            let known = Known { values: held.constants(), ..known(&self.interface) };
            if let Ok(model) = read_pinned(&self.path, &known)
                && model.opaque().len() < self.model.opaque().len()
            {
                self.model = model;
            }
        }
        self.model.graph = held.bind(&self.model.graph).map_err(OracleError::Graph)?;
        self.signature = Signature::of(&self.model.graph, &self.interface).map_err(OracleError::Signature)?;
        self.held = Arc::new(held);
        Ok(())
    }
}

/// Finds what the data hold inputs at.
///
/// # Errors
/// [`DataError`] where an array is missing or does not fit its input.
pub(super) fn held_at(ports: &[HeldPort], fixed_batch: Option<usize>, data: &Dataset) -> Result<Held, DataError> {
    let wrong = |name: &str, problem| DataError { path: data.path.clone(), kind: DataErrorKind::Held { name: name.to_owned(), problem } };
    let missing = |name: &str| {
        let found = data.arrays.iter().map(|array| array.name.clone()).collect();
        DataError { path: data.path.clone(), kind: DataErrorKind::NoArray { wanted: name.to_owned(), found } }
    };
    let hold = |port: &HeldPort| {
        let array = data.arrays.iter().find(|array| array.name == port.name).ok_or_else(|| missing(&port.name))?;
        HeldInput::new(port, fixed_batch, &array.shape, data.n, |buffer| fill(buffer, array)).map_err(|problem| wrong(&port.name, problem))
    };
    Ok(Held::new(ports.iter().map(hold).collect::<Result<_, DataError>>()?))
}

/// Appends the numbers of an array to a buffer of a model's type; names the first that the type does not have.
fn fill(buffer: &mut Buffer, array: &NamedArray) -> Result<(), String> {
    match &array.numbers {
        Numbers::Whole(values) => values.iter().find(|&&value| !buffer.push_whole(value)).map_or(Ok(()), |value| Err(value.to_string())),
        Numbers::Real(values) => values.iter().find(|&&value| !buffer.push_real(value)).map_or(Ok(()), |value| Err(value.to_string())),
    }
}
