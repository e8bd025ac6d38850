//! What the inputs that are not attacked are held at.

use std::path::Path;
use std::sync::Arc;

use brinell_engine::{Buffer, Held, HeldInput, HeldPort, OracleError, Signature};
use brinell_graph::DType;
use brinell_onnx::Known;

use crate::open::read_pinned;
use crate::subject::known;
use crate::{Subject, SubjectError};
use brinell_data::{DataError, DataErrorKind, Dataset, NamedArray, Numbers};

impl Subject {
    /// Holds the inputs that are not attacked at what the data say. Those that have no batch become constants of the graph.
    ///
    /// # Errors
    /// [`SubjectError::Held`] where an array does not fit its input.
    pub fn hold(&mut self, data: &Dataset) -> Result<(), SubjectError> {
        self.hold_at(&data.arrays, data.n, &data.rows, &data.path)
    }

    /// Holds the inputs that are not attacked at arrays that stand in `path`, for `n` samples of these numbers.
    fn hold_at(&mut self, arrays: &[NamedArray], n: usize, samples: &[usize], path: &Path) -> Result<(), SubjectError> {
        if self.signature.held.is_empty() || !self.held.inputs().is_empty() {
            return Ok(());
        }
        let held = held_at(&self.signature.held, self.signature.fixed_batch, arrays, n, path)?.of_samples(samples.to_vec());
        if !self.is_no_file() && self.signature.parts.is_empty() && !self.model.opaque().is_empty() {
            // What could not be read may follow from values that are known by now: conditions, sizes, lengths.
            let known = Known { values: held.constants(), ..known(&self.artefact) };
            if let Ok(model) = read_pinned(self.path(), &known)
                && model.opaque().len() < self.model.opaque().len()
            {
                self.model = model;
            }
        }
        self.model.graph = held.bind(&self.model.graph).map_err(OracleError::Graph)?;
        let (columns, parts) = (self.signature.columns.take(), std::mem::take(&mut self.signature.parts));
        let signature = Signature::of(&self.model.graph, &self.artefact).map_err(OracleError::Signature)?;
        self.signature = Signature { columns, parts, ..signature };
        self.held = Arc::new(held);
        Ok(())
    }
}

impl Subject {
    /// Holds the inputs that are not attacked at made-up numbers, other ones for each of `n` samples: fractions, or 0 and 1.
    ///
    /// # Errors
    /// Names the first input whose sizes are not known.
    pub(crate) fn make_up_held(&mut self, n: usize) -> Result<(), String> {
        let mut arrays = Vec::new();
        for port in &self.signature.held {
            let sizes: Option<Vec<usize>> = port.shape.iter().map(|dim| dim.fixed()).collect();
            let unknown = || format!("its input `{}` has no fixed shape, so no comparison is possible", port.name);
            let mut shape = sizes.ok_or_else(unknown)?;
            if let Some(first) = shape.first_mut().filter(|first| **first == 1) {
                *first = n;
            }
            // Weyl's sequence: spread evenly, and no two alike.
            let fractions = (1..=shape.iter().product()).map(|i: usize| (i as f64 * 0.618_033_988_749_895).fract());
            let numbers = if port.dtype == DType::String {
                return Err(format!("its input `{}` takes text, so no comparison is possible", port.name));
            } else if port.dtype.is_float() {
                Numbers::Real(fractions.collect())
            } else {
                Numbers::Whole(fractions.map(|fraction| i64::from(fraction > 0.5)).collect())
            };
            arrays.push(NamedArray { name: port.name.clone(), shape, numbers });
        }
        let path = self.path().to_path_buf();
        self.hold_at(&arrays, n, &[], &path).map_err(|error| error.to_string())
    }
}

/// Finds what inputs are held at among `arrays` of a file, of which there may be a row for each of `n` samples.
///
/// # Errors
/// [`SubjectError::Data`] where an array is missing, [`SubjectError::Held`] where it does not fit its input.
pub(crate) fn held_at(
    ports: &[HeldPort],
    fixed_batch: Option<usize>,
    arrays: &[NamedArray],
    n: usize,
    path: &Path,
) -> Result<Held, SubjectError> {
    let wrong = |name: &str, problem| SubjectError::Held { path: path.to_path_buf(), name: name.to_owned(), problem };
    let missing = |name: &str| {
        let found = arrays.iter().map(|array| array.name.clone()).collect();
        DataError { path: path.to_path_buf(), kind: DataErrorKind::NoArray { wanted: name.to_owned(), found } }
    };
    let hold = |port: &HeldPort| {
        let array = arrays.iter().find(|array| array.name == port.name).ok_or_else(|| missing(&port.name))?;
        HeldInput::new(port, fixed_batch, &array.shape, n, |buffer| fill(buffer, array)).map_err(|problem| wrong(&port.name, problem))
    };
    Ok(Held::new(ports.iter().map(hold).collect::<Result<_, SubjectError>>()?))
}

/// Appends the numbers of an array to a buffer of a model's type; names the first that the type does not have.
fn fill(buffer: &mut Buffer, array: &NamedArray) -> Result<(), String> {
    match &array.numbers {
        Numbers::Whole(values) => values.iter().find(|&&value| !buffer.push_whole(value)).map_or(Ok(()), |value| Err(value.to_string())),
        Numbers::Real(values) => values.iter().find(|&&value| !buffer.push_real(value)).map_or(Ok(()), |value| Err(value.to_string())),
        Numbers::Text(values) => values.iter().find(|text| !buffer.push_text(text)).map_or(Ok(()), |text| Err(text.clone())),
    }
}
