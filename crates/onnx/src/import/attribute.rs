use prost::Message;
use prost::bytes::Bytes;

use super::Refusal;
use crate::proto::{AttributeProto, attribute_type};

/// The decoded attributes of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    list: Vec<AttributeProto>,
}

impl Attributes {
    pub(super) fn decode(encoded: &[Bytes]) -> Result<Self, prost::DecodeError> {
        let list = encoded.iter().map(|bytes| AttributeProto::decode(bytes.clone())).collect::<Result<_, _>>()?;
        Ok(Self { list })
    }

    pub(super) fn find(&self, name: &str) -> Option<&AttributeProto> {
        self.list.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|attribute| attribute.name.as_deref().unwrap_or_default())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &AttributeProto> {
        self.list.iter()
    }

    /// Some writers leave a zero out and give the type alone.
    fn typed(&self, name: &str, wanted: i32) -> Result<Option<&AttributeProto>, Refusal> {
        let Some(attribute) = self.find(name) else { return Ok(None) };
        match attribute.r#type {
            Some(found) if found != 0 && found != wanted => Err(Refusal::Bad(format!("attribute `{name}` has the wrong type"))),
            _ => Ok(Some(attribute)),
        }
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        Ok(self.typed(name, attribute_type::INT)?.map(|a| a.i.unwrap_or(0)))
    }

    pub(super) fn int_or(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        Ok(self.int(name)?.map_or(default, |i| i != 0))
    }

    pub(super) fn float_or(&self, name: &str, default: f32) -> Result<f32, Refusal> {
        Ok(self.typed(name, attribute_type::FLOAT)?.map_or(default, |a| a.f.unwrap_or(0.0)))
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, Refusal> {
        Ok(self.typed(name, attribute_type::FLOAT)?.map(|a| a.f.unwrap_or(0.0)))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Refusal> {
        Ok(self.typed(name, attribute_type::INTS)?.map(|a| a.ints.clone()))
    }

    /// Non-negative integers.
    pub(super) fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>, Refusal> {
        let Some(ints) = self.ints(name)? else { return Ok(None) };
        let sizes: Option<Vec<usize>> = ints.iter().map(|&i| usize::try_from(i).ok()).collect();
        sizes.map(Some).ok_or_else(|| Refusal::Bad(format!("attribute `{name}` is {ints:?}, but must not be negative")))
    }

    pub(super) fn string(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(attribute) = self.typed(name, attribute_type::STRING)? else { return Ok(None) };
        let bytes = attribute.s.clone().unwrap_or_default();
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Refusal::Bad(format!("attribute `{name}` is not text")))
    }

    /// A list of texts.
    pub(super) fn strings(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(attribute) = self.find(name) else { return Ok(None) };
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec());
        let list: Result<_, _> = attribute.strings.iter().map(text).collect();
        list.map(Some).map_err(|_| Refusal::Bad(format!("attribute `{name}` contains a value that is not text")))
    }
}
