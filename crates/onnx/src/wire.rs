//! A look at the bare wire format before anything is decoded: says what kind of file it is and how much would be built.

use crate::error::ImportError;

/// Protobuf's own limit.
pub(crate) const MAX_FILE: u64 = 1 << 31;
/// Fields on the levels that are decoded into structs; bounds the memory that a small file can ask for.
const MAX_FIELDS: u64 = 4_000_000;

const MODEL_GRAPH: u64 = 7;
const MODEL_FIELDS: [u64; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25];

struct Reader<'a> {
    rest: &'a [u8],
}

enum Field<'a> {
    Bytes(u64, &'a [u8]),
    Other(u64),
}

enum Broken {
    Truncated(u64),
    Malformed,
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Broken::Truncated(1))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken::Malformed)
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Broken> {
        let have = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let short = || Broken::Truncated(n.saturating_sub(have));
        let (taken, rest) = usize::try_from(n).ok().and_then(|n| self.rest.split_at_checked(n)).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<Option<Field<'a>>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        let field = match tag & 7 {
            0 => {
                self.varint()?;
                Field::Other(number)
            }
            1 => {
                self.take(8)?;
                Field::Other(number)
            }
            2 => {
                let n = self.varint()?;
                Field::Bytes(number, self.take(n)?)
            }
            5 => {
                self.take(4)?;
                Field::Other(number)
            }
            _ => return Err(Broken::Malformed),
        };
        if number == 0 { Err(Broken::Malformed) } else { Ok(Some(field)) }
    }
}

/// Checks that `bytes` look like a whole ONNX model of bounded size.
///
/// # Errors
/// [`ImportError::Empty`], [`ImportError::NotOnnx`], [`ImportError::Truncated`] or [`ImportError::TooLarge`].
pub(crate) fn probe(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MAX_FILE {
        return Err(ImportError::TooLarge { what: "bytes", found: size, limit: MAX_FILE });
    }
    let mut reader = Reader { rest: bytes };
    let mut looks_right = false;
    let mut has_graph = false;
    loop {
        match reader.field() {
            Ok(None) => break,
            Ok(Some(Field::Bytes(number, body))) => {
                if !MODEL_FIELDS.contains(&number) {
                    return Err(not_onnx("it has fields that no ONNX model has"));
                }
                looks_right = true;
                if number == MODEL_GRAPH {
                    has_graph = true;
                    let mut fields = 0;
                    count(body, 2, &mut fields)?;
                }
            }
            Ok(Some(Field::Other(number))) => {
                if !MODEL_FIELDS.contains(&number) {
                    return Err(not_onnx("it has fields that no ONNX model has"));
                }
                looks_right = true;
            }
            Err(Broken::Truncated(missing)) if looks_right => return Err(ImportError::Truncated { missing }),
            Err(_) => return Err(not_onnx("it is not a protobuf message")),
        }
    }
    if has_graph { Ok(()) } else { Err(not_onnx("it holds no graph")) }
}

fn not_onnx(detail: &str) -> ImportError {
    ImportError::NotOnnx { detail: detail.to_owned() }
}

/// Counts the fields of a message and of its messages down to `depth`. A body that is no message (a string) counts as one.
fn count(body: &[u8], depth: u32, fields: &mut u64) -> Result<(), ImportError> {
    let mut reader = Reader { rest: body };
    while let Ok(Some(field)) = reader.field() {
        *fields += 1;
        if *fields > MAX_FIELDS {
            return Err(ImportError::TooLarge { what: "nodes, tensors and attributes", found: *fields, limit: MAX_FIELDS });
        }
        if let Field::Bytes(_, body) = field
            && depth > 0
        {
            count(body, depth - 1, fields)?;
        }
    }
    Ok(())
}
