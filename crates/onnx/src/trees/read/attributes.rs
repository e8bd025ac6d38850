//! Attributes of a node that went through unread.

use std::collections::HashMap;

use brinell_graph::OpaqueOp;
use prost::Message;

use crate::proto::AttributeProto;
use crate::tensor::{self, Source};

/// The attributes by name.
pub(super) struct Attributes(HashMap<String, AttributeProto>);

impl Attributes {
    pub(super) fn decode(op: &OpaqueOp) -> Result<Self, String> {
        let mut all = HashMap::new();
        for bytes in &op.attributes {
            let attribute = AttributeProto::decode(bytes.as_slice()).map_err(|error| error.to_string())?;
            all.insert(attribute.name.clone().unwrap_or_default(), attribute);
        }
        Ok(Self(all))
    }

    pub(super) fn ints(&self, name: &str) -> Vec<i64> {
        self.0.get(name).map_or_else(Vec::new, |attribute| attribute.ints.clone())
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.0.get(name).map_or(default, |attribute| attribute.i.unwrap_or(0))
    }

    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let text = |bytes: &prost::bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
        self.0.get(name).map_or_else(Vec::new, |attribute| attribute.strings.iter().map(text).collect())
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        let bytes = self.0.get(name).and_then(|attribute| attribute.s.as_ref());
        bytes.map_or_else(|| default.to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Numbers of a tensor; empty where it is left out.
    pub(super) fn tensor(&self, name: &str) -> Result<Vec<f64>, String> {
        let Some(bytes) = self.0.get(name).and_then(|attribute| attribute.t.as_ref()) else { return Ok(Vec::new()) };
        let tensor = tensor::read(bytes, Source::default()).map_err(|error| error.to_string())?.tensor;
        tensor.to_f64().ok_or_else(|| format!("`{name}` contains no numbers"))
    }

    /// Numbers in single precision, or in double precision as a tensor whose name says so; none of them infinite or NaN.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        finite(name, self.any_numbers(name)?)
    }

    /// As [`Attributes::numbers`], where some may be infinite or NaN.
    pub(super) fn any_numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        let wide = self.tensor(&format!("{name}_as_tensor"))?;
        Ok(if wide.is_empty() {
            self.0.get(name).map_or_else(Vec::new, |attribute| attribute.floats.iter().map(|&v| f64::from(v)).collect())
        } else {
            wide
        })
    }
}

/// Refuses what is not a finite number.
pub(super) fn finite(name: &str, numbers: Vec<f64>) -> Result<Vec<f64>, String> {
    if numbers.iter().all(|v| v.is_finite()) { Ok(numbers) } else { Err(format!("`{name}` contains a value that is not a finite number")) }
}

/// Non-negative numbers of things.
pub(super) fn sizes(name: &str, ints: &[i64]) -> Result<Vec<usize>, String> {
    ints.iter().map(|&i| usize::try_from(i).map_err(|_| format!("`{name}` contains the negative number {i}"))).collect()
}
