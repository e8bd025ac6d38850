//! Attributes in their encoded form.

use prost::bytes::Bytes;

use crate::proto::{AttributeProto, attribute_type};

fn named(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind), ..AttributeProto::default() }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..named(name, attribute_type::INT) }
}

pub(super) fn size(name: &str, value: usize) -> AttributeProto {
    int(name, i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn flag(name: &str, value: bool) -> AttributeProto {
    int(name, i64::from(value))
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..named(name, attribute_type::FLOAT) }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(Bytes::copy_from_slice(value.as_bytes())), ..named(name, attribute_type::STRING) }
}

pub(super) fn sizes(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto { ints: to_ints(values), ..named(name, attribute_type::INTS) }
}

pub(super) fn to_ints(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect()
}
