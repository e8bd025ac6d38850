use super::bad;
use crate::error::CertifyError;

/// A network that a query declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub network: String,
    /// Its input.
    pub input: Tensor,
    /// Its output.
    pub output: Tensor,
}

/// A tensor that a query declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// True where its elements are `float32`, so that the answer must hold for that arithmetic; else they are real numbers.
    pub is_f32: bool,
    /// Its shape; empty for a single number.
    pub shape: Vec<usize>,
}

impl Tensor {
    pub(super) fn len(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |len, &n| len.checked_mul(n))
    }

    /// The number of the element that `name` or `name[i,j,..]` stands for; none where it is another name.
    pub(super) fn element(&self, word: &str, line: usize) -> Result<Option<usize>, CertifyError> {
        let (name, indices) = named(word);
        if name != self.name {
            return Ok(None);
        }
        let indices = numbers(indices, line)?;
        if indices.len() != self.shape.len() || indices.iter().zip(&self.shape).any(|(i, n)| i >= n) {
            return bad(line, format!("`{word}` is no element of `{name}`, which has the shape {:?}", self.shape));
        }
        Ok(Some(indices.iter().zip(&self.shape).fold(0, |at, (i, n)| at * n + i)))
    }
}

/// A word as a name and what stands in brackets behind it.
pub(super) fn named(word: &str) -> (&str, &str) {
    word.split_once('[').map_or((word, ""), |(name, rest)| (name, rest.trim_end_matches(']')))
}

pub(super) fn numbers(list: &str, line: usize) -> Result<Vec<usize>, CertifyError> {
    let number = |text: &str| text.parse::<usize>().or_else(|_| bad(line, format!("`{text}` is no whole number")));
    if list.is_empty() { Ok(Vec::new()) } else { list.split(',').map(number).collect() }
}
