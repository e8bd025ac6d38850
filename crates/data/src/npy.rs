//! The header of numpy's .npy files (versions 1 to 3).

use super::array::{Element, Numbers, Spec, row_major};
use super::error::DataErrorKind;
use super::input::Input;
use super::number::Number;
use super::pickle::{self, Value};
use super::rows::Labels;

/// How every .npy file starts.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// numpy itself refuses longer headers.
const MAX_HEADER: u64 = 10_000;
/// numpy's own limit.
const MAX_AXES: usize = 64;

const ACCEPTED: &str = "bool, u8, i8, u16, i16, u32, i32, u64, i64, f16, f32 and f64, in either byte order";

/// No class and no category has a longer name, in bytes.
const MAX_TEXT: u64 = 1 << 16;

/// Reads the header of an array of numbers.
pub(super) fn header(input: &mut Input<'_>) -> Result<Spec, DataErrorKind> {
    raw(input)?.spec()
}

/// Reads labels: numbers, text or objects of Python that are either.
pub(super) fn labels(input: &mut Input<'_>) -> Result<Labels, DataErrorKind> {
    let header = raw(input)?;
    match header.texts(input)? {
        Some(texts) if header.shape.iter().skip(1).all(|size| *size == 1) => Ok(Labels::Names(texts)),
        Some(_) => Err(DataErrorKind::Shape { found: header.sizes()?, expected: "one label per sample: [n] or [n, 1]" }),
        None if header.descr == "|O" => objects(&header, input),
        None => header.spec()?.labels(input),
    }
}

/// Reads a whole array of numbers or text, row-major, as it is.
pub(super) fn plain(input: &mut Input<'_>) -> Result<(Vec<usize>, Numbers), DataErrorKind> {
    let header = raw(input)?;
    match header.texts(input)? {
        Some(texts) => Ok((header.sizes()?, Numbers::Text(texts))),
        None => header.spec()?.plain(input),
    }
}

/// Labels that are objects of Python, as arrays of text often are.
fn objects(header: &Header, input: &mut Input<'_>) -> Result<Labels, DataErrorKind> {
    const MAX_PICKLE: u64 = 1 << 30;
    let other = || DataErrorKind::ElementType { found: "Python objects".to_owned(), accepted: "numbers and text" };
    let values = pickle::elements(&input.up_to(MAX_PICKLE)?).ok_or_else(other)?;
    let sizes = header.sizes()?;
    if values.len() != sizes.iter().product::<usize>() {
        return Err(malformed("its number of objects differs from the number in its header"));
    }
    let texts: Option<Vec<String>> =
        values.iter().map(|value| if let Value::Text(text) = value { Some(text.clone()) } else { None }).collect();
    let numbers: Option<Vec<Number>> =
        values.iter().map(|value| if let Value::Whole(whole) = value { Some(Number::Whole((*whole).into())) } else { None }).collect();
    match (texts, numbers) {
        (Some(texts), _) if sizes.iter().skip(1).all(|size| *size == 1) => Ok(Labels::Names(texts)),
        (_, Some(numbers)) => Labels::of_numbers(&numbers, &sizes),
        _ => Err(other()),
    }
}

/// What the header says, in the words of numpy.
#[derive(Debug)]
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<u64>,
}

impl Header {
    fn spec(&self) -> Result<Spec, DataErrorKind> {
        let (element, big_endian) = element(&self.descr)?;
        Ok(Spec { element, big_endian, fortran: self.fortran, shape: self.shape.clone() })
    }

    fn sizes(&self) -> Result<Vec<usize>, DataErrorKind> {
        let size = |size: &u64| usize::try_from(*size).map_err(|_| DataErrorKind::TooLarge { shape: self.shape.clone() });
        self.shape.iter().map(size).collect()
    }

    /// Reads an array of text, row-major; `None` where it holds something else.
    fn texts(&self, input: &mut Input<'_>) -> Result<Option<Vec<String>>, DataErrorKind> {
        let kind = |at: usize| self.descr.get(at..at + 1);
        let (wide, len) = match (kind(1), self.descr.get(2..).and_then(|len| len.parse::<u64>().ok())) {
            (Some("U"), Some(len)) if len <= MAX_TEXT => (4, len),
            (Some("S"), Some(len)) if len <= MAX_TEXT => (1, len),
            _ => return Ok(None),
        };
        let too_large = || DataErrorKind::TooLarge { shape: self.shape.clone() };
        let count = self.shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size)).ok_or_else(too_large)?;
        let bytes = count.checked_mul(wide * len).ok_or_else(too_large)?;
        isize::try_from(bytes).map_err(|_| too_large())?;
        let mut texts = Vec::new();
        if wide * len == 0 {
            return Ok(None);
        }
        input.pieces(bytes, wide * len, |text| {
            let read = if wide == 1 { std::str::from_utf8(text).ok().map(str::to_owned) } else { utf32(text, kind(0) == Some(">")) };
            texts.push(read.ok_or_else(|| malformed("it contains invalid text"))?.trim_end_matches('\0').to_owned());
            Ok(())
        })?;
        input.finish()?;
        if self.fortran {
            let sizes = self.sizes()?;
            let places: Vec<usize> = (0..texts.len()).collect();
            let order = row_major(&places, &sizes, sizes.first().copied().unwrap_or(1));
            texts = order.iter().filter_map(|place| texts.get(*place).cloned()).collect();
        }
        Ok(Some(texts))
    }
}

fn utf32(bytes: &[u8], big_endian: bool) -> Option<String> {
    let character = |word: &[u8; 4]| char::from_u32(if big_endian { u32::from_be_bytes(*word) } else { u32::from_le_bytes(*word) });
    bytes.as_chunks().0.iter().map(character).collect()
}

fn raw(input: &mut Input<'_>) -> Result<Header, DataErrorKind> {
    let start = input.bytes(8)?;
    if !start.starts_with(MAGIC) {
        return Err(malformed("it does not start with numpy's magic bytes"));
    }
    let len = match start[6] {
        1 => input.bytes(2)?.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        2 | 3 => input.bytes(4)?.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        version => return Err(malformed(&format!("format version {version} is unknown"))),
    };
    if len > MAX_HEADER {
        return Err(malformed(&format!("its header is {len} bytes long")));
    }
    let text = String::from_utf8(input.bytes(len)?).map_err(|_| malformed("its header is not text"))?;
    parse(&text)
}

fn malformed(reason: &str) -> DataErrorKind {
    DataErrorKind::Malformed { format: "npy", reason: reason.to_owned() }
}

/// Parses the dictionary `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(text: &str) -> Result<Header, DataErrorKind> {
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = inside.ok_or_else(|| malformed("its header is not a dictionary"))?.trim_start();
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(|| malformed("its header has a key that is not a string"))?;
        let value = after.trim_start().strip_prefix(':').ok_or_else(|| malformed("its header has a key without a value"))?.trim_start();
        rest = match key {
            "descr" => {
                let (text, after) =
                    quoted(value).ok_or_else(|| DataErrorKind::ElementType { found: "a structure".to_owned(), accepted: ACCEPTED })?;
                descr = Some(text);
                after
            }
            "fortran_order" => {
                let flag = [("True", true), ("False", false)].into_iter().find_map(|(word, flag)| Some((flag, value.strip_prefix(word)?)));
                let (flag, after) = flag.ok_or_else(|| malformed("fortran_order is neither True nor False"))?;
                fortran = Some(flag);
                after
            }
            "shape" => {
                let tuple = value.strip_prefix('(').and_then(|value| value.split_once(')'));
                let (sizes, after) = tuple.ok_or_else(|| malformed("its shape is not a tuple"))?;
                shape = Some(tuple_sizes(sizes)?);
                after
            }
            other => return Err(malformed(&format!("its header has the unknown key `{}`", other.escape_debug()))),
        }
        .trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(malformed("its header lacks a comma")),
        };
    }
    match (descr, fortran, shape) {
        (Some(descr), Some(fortran), Some(shape)) => Ok(Header { descr: descr.to_owned(), fortran: fortran && shape.len() > 1, shape }),
        _ => Err(malformed("its header must have descr, fortran_order and shape")),
    }
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    text[1..].split_once(quote)
}

fn tuple_sizes(text: &str) -> Result<Vec<u64>, DataErrorKind> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.strip_suffix(',').unwrap_or(text);
    // Python 2 wrote long integers as `3L`.
    let sizes: Option<Vec<u64>> = text.split(',').map(|size| size.trim().trim_end_matches('L').parse().ok()).collect();
    sizes.filter(|sizes| sizes.len() <= MAX_AXES).ok_or_else(|| malformed("its shape is not a tuple of sizes"))
}

fn element(descr: &str) -> Result<(Element, bool), DataErrorKind> {
    let unknown = || DataErrorKind::ElementType { found: descr.escape_debug().to_string(), accepted: ACCEPTED };
    let order = descr.chars().next().ok_or_else(unknown)?;
    let big_endian = match order {
        '<' | '|' => false,
        '>' => true,
        '=' => cfg!(target_endian = "big"),
        _ => return Err(unknown()),
    };
    let element = match &descr[1..] {
        "b1" => Element::Bool,
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "u4" => Element::U32,
        "i4" => Element::I32,
        "u8" => Element::U64,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => return Err(unknown()),
    };
    Ok((element, big_endian))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Result<Spec, DataErrorKind> {
        parse(text)?.spec()
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let found = spec("{'descr': '<f4', 'fortran_order': False, 'shape': (20, 3, 224, 224), }          \n").unwrap();
        assert_eq!(found, Spec { element: Element::F32, big_endian: false, fortran: false, shape: vec![20, 3, 224, 224] });
        let found = spec("{'descr': '>i8', 'fortran_order': True, 'shape': (5,), }\n").unwrap();
        assert_eq!(found, Spec { element: Element::I64, big_endian: true, fortran: false, shape: vec![5] });
        let found = spec("{\"shape\": (2L, 3L), \"fortran_order\": True, \"descr\": \"|u1\"}").unwrap();
        assert_eq!(found, Spec { element: Element::U8, big_endian: false, fortran: true, shape: vec![2, 3] });
        assert!(spec("{'descr': '<f8', 'fortran_order': False, 'shape': (), }").unwrap().shape.is_empty());
    }

    #[test]
    fn malformed_headers_are_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f4'}",
            "{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2,",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (-2,)}",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4' 'fortran_order': True, 'shape': (2,)}",
            "{'descr': '\u{e9}f4', 'fortran_order': True, 'shape': (2,)}",
            "{'descr': '', 'fortran_order': True, 'shape': (2,)}",
            "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            "{'other': 1, 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        ] {
            assert!(spec(text).is_err(), "{text}");
        }
    }
}
