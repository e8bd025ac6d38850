//! A Python object as a model.

use std::sync::Mutex;

use brinell::Foreign;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A Python object with the attributes `name`, `platform`, `device`, `sample`, `width`, `labels` and `gradient`, and the methods `identity()`, `values(x, rows)` and
/// `pull(x, w, rows)`, which take and return float32 numbers as bytes. `python/brinell/_host.py` makes them of what users give.
#[derive(Debug)]
pub(crate) struct Object {
    object: Py<PyAny>,
    name: String,
    platform: (String, String),
    device: String,
    sample: Vec<usize>,
    width: usize,
    labels: bool,
    gradient: bool,
    /// What the object raised first.
    raised: Mutex<Option<PyErr>>,
}

impl Object {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            name: object.getattr("name")?.extract()?,
            platform: object.getattr("platform")?.extract()?,
            device: object.getattr("device")?.extract()?,
            sample: object.getattr("sample")?.extract()?,
            width: object.getattr("width")?.extract()?,
            labels: object.getattr("labels")?.extract()?,
            gradient: object.getattr("gradient")?.extract()?,
            object: object.clone().unbind(),
            raised: Mutex::new(None),
        })
    }

    /// Returns what the object raised, which then is what the work ends with.
    pub(crate) fn take_raised(&self) -> Option<PyErr> {
        self.raised.lock().ok()?.take()
    }

    /// Calls the object. Python's lock is held meanwhile and not beyond.
    fn call<T>(&self, call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Result<T, String> {
        Python::attach(|py| {
            call(self.object.bind(py)).map_err(|error| {
                let reason = error.to_string();
                if let Ok(mut raised) = self.raised.lock() {
                    raised.get_or_insert(error);
                }
                reason
            })
        })
    }
}

impl Foreign for Object {
    fn name(&self) -> &str {
        &self.name
    }

    fn platform(&self) -> (&str, &str) {
        (&self.platform.0, &self.platform.1)
    }

    fn device(&self) -> &str {
        &self.device
    }

    fn identity(&self) -> Result<String, String> {
        self.call(|object| object.call_method0("identity")?.extract())
    }

    fn sample(&self) -> &[usize] {
        &self.sample
    }

    fn width(&self) -> usize {
        self.width
    }

    fn is_of_labels(&self) -> bool {
        self.labels
    }

    fn has_gradient(&self) -> bool {
        self.gradient
    }

    fn values(&self, x: &[f32], rows: usize) -> Result<Vec<f32>, String> {
        self.call(|object| numbers(&object.call_method1("values", (bytes(object.py(), x)?, rows))?))
    }

    fn pull(&self, x: &[f32], w: &[f32], rows: usize) -> Result<(Vec<f32>, Vec<f32>), String> {
        self.call(|object| {
            let answer = object.call_method1("pull", (bytes(object.py(), x)?, bytes(object.py(), w)?, rows))?;
            Ok((numbers(&answer.get_item(0)?)?, numbers(&answer.get_item(1)?)?))
        })
    }
}

fn bytes<'py>(py: Python<'py>, values: &[f32]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, 4 * values.len(), |bytes| {
        bytes.chunks_exact_mut(4).zip(values).for_each(|(to, value)| to.copy_from_slice(&value.to_ne_bytes()));
        Ok(())
    })
}

fn numbers(answer: &Bound<'_, PyAny>) -> PyResult<Vec<f32>> {
    let bytes = answer.cast::<PyBytes>()?.as_bytes();
    Ok(bytes.chunks_exact(4).map(|four| f32::from_ne_bytes(four.try_into().unwrap_or_default())).collect())
}
