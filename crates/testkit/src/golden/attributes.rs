use brinell_graph::Dim;
use serde_json::{Map, Value};

/// Attributes of a node in a golden file; every getter names what is missing or odd.
pub(super) struct Attributes<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Attributes<'a> {
    fn get<T>(&self, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<T, String> {
        let value = self.0.get(name).ok_or_else(|| format!("attribute `{name}` is missing"))?;
        read(value).ok_or_else(|| format!("attribute `{name}` cannot be {value}"))
    }

    pub(super) fn float(&self, name: &str) -> Result<f32, String> {
        self.get(name, |v| v.as_f64().map(|x| x as f32))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, String> {
        self.get(name, |v| v.as_array()?.iter().map(|x| x.as_f64().map(|x| x as f32)).collect())
    }

    pub(super) fn optional_float(&self, name: &str) -> Result<Option<f32>, String> {
        self.get(name, |v| if v.is_null() { Some(None) } else { v.as_f64().map(|x| Some(x as f32)) })
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        self.get(name, Value::as_bool)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, String> {
        self.get(name, Value::as_str)
    }

    pub(super) fn size(&self, name: &str) -> Result<usize, String> {
        self.get(name, size)
    }

    pub(super) fn sizes(&self, name: &str) -> Result<Vec<usize>, String> {
        self.get(name, |v| v.as_array()?.iter().map(size).collect())
    }

    pub(super) fn int(&self, name: &str) -> Result<i64, String> {
        self.get(name, Value::as_i64)
    }

    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>, String> {
        self.get(name, |v| v.as_array()?.iter().map(Value::as_i64).collect())
    }

    /// Reads a shape; `"B"` and `"3B"` are the batch and its triple, or their sizes where `batch` is given.
    pub(super) fn shape(&self, name: &str, batch: Option<usize>) -> Result<Vec<Dim>, String> {
        let dim = |v: &Value| match v.as_str() {
            Some(text) => {
                let times = text.strip_suffix('B')?;
                let times = if times.is_empty() { 1 } else { times.parse().ok()? };
                Some(batch.map_or(Dim::Batch(times), |b| Dim::Fixed(b * times)))
            }
            None => size(v).map(Dim::Fixed),
        };
        self.get(name, |v| v.as_array()?.iter().map(dim).collect())
    }
}

fn size(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}
