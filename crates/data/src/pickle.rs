//! Labels that numpy stored as Python objects: text and whole numbers in a pickled array.
//!
//! A pickle is a program for a machine with a stack. This reader keeps the values that such a program builds and runs nothing of what it names.
//!
//! Source: the opcodes are those of Python's module `pickletools`, protocols 0 to 5; the array is rebuilt by `numpy.ndarray.__setstate__`, whose state is
//! `(version, shape, type, is_fortran, elements)`.

use std::collections::BTreeMap;

/// What a pickle builds, as far as labels need it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    List(Vec<Value>),
    /// What is named and not needed, such as types.
    Other,
}

/// Returns the elements of a pickled array of objects; `None` where the bytes are something else.
pub(super) fn elements(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut machine = Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new(), state: None };
    while machine.step()? {}
    match machine.state? {
        Value::List(state) => match state.into_iter().next_back()? {
            Value::List(elements) => Some(elements),
            _ => None,
        },
        _ => None,
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: BTreeMap<usize, Value>,
    /// What the last object was built from: the array is the outermost, and so the last.
    state: Option<Value>,
}

impl Machine<'_> {
    /// Runs one instruction; returns false at the end.
    fn step(&mut self) -> Option<bool> {
        match self.byte()? {
            b'.' => return Some(false),
            0x80 => drop(self.byte()?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'K' => {
                let value = self.byte()?;
                self.stack.push(Value::Whole(value.into()));
            }
            b'M' => {
                let value = self.number(2)?;
                self.stack.push(Value::Whole(i64::try_from(value).ok()?));
            }
            b'J' => {
                let word: [u8; 4] = self.take(4)?.try_into().ok()?;
                self.stack.push(Value::Whole(i32::from_le_bytes(word).into()));
            }
            b'I' | b'L' => {
                let line = self.line()?;
                self.stack.push(line.trim_end_matches('L').parse().map_or(Value::Other, Value::Whole));
            }
            0x8a => {
                let len = self.byte()?;
                let bytes = self.take(len.into())?;
                let negative = bytes.last().is_some_and(|last| *last >= 0x80);
                let value = bytes.iter().rev().fold(if negative { -1_i64 } else { 0 }, |all, byte| all << 8 | i64::from(*byte));
                self.stack.push(if len <= 8 { Value::Whole(value) } else { Value::Other });
            }
            0x88 => self.stack.push(Value::Whole(1)),
            0x89 => self.stack.push(Value::Whole(0)),
            b'N' => self.stack.push(Value::Other),
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Other);
            }
            b'F' => {
                self.line()?;
                self.stack.push(Value::Other);
            }
            b'V' | b'S' => {
                let text = self.line()?;
                self.stack.push(Value::Text(text.trim_matches('\'').to_owned()));
            }
            0x8c | b'U' | b'C' => self.text(1)?,
            b'X' | b'T' | b'B' => self.text(4)?,
            0x8d | 0x8e => self.text(8)?,
            b'c' => {
                self.line()?;
                self.line()?;
                self.stack.push(Value::Other);
            }
            0x93 => self.replace(2, Value::Other)?,
            b'R' | 0x81 => self.replace(2, Value::Other)?,
            b'b' => {
                self.state = self.stack.pop();
            }
            b')' | b']' => self.stack.push(Value::List(Vec::new())),
            b't' | b'l' => {
                let items = self.since_mark()?;
                self.stack.push(Value::List(items));
            }
            0x85 => self.gather(1)?,
            0x86 => self.gather(2)?,
            0x87 => self.gather(3)?,
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b'a' => {
                let item = self.stack.pop()?;
                self.append(vec![item])?;
            }
            b'0' => drop(self.stack.pop()?),
            0x94 => self.remember(self.memo.len())?,
            b'q' => {
                let place = self.byte()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = self.number(4)?;
                self.remember(place)?;
            }
            b'p' => {
                let place = self.line()?.parse().ok()?;
                self.remember(place)?;
            }
            b'h' => {
                let place = self.byte()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = self.number(4)?;
                self.recall(place)?;
            }
            b'g' => {
                let place = self.line()?.parse().ok()?;
                self.recall(place)?;
            }
            _ => return None,
        }
        Some(true)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn number(&mut self, width: usize) -> Option<usize> {
        let bytes = self.take(width)?;
        bytes.iter().rev().try_fold(0_usize, |all, byte| all.checked_mul(256).map(|all| all + usize::from(*byte)))
    }

    fn line(&mut self) -> Option<String> {
        let len = self.bytes.get(self.at..)?.iter().position(|byte| *byte == b'\n')?;
        let text = String::from_utf8(self.take(len)?.to_vec()).ok()?;
        self.at += 1;
        Some(text)
    }

    fn text(&mut self, width: usize) -> Option<()> {
        let len = self.number(width)?;
        let bytes = self.take(len)?.to_vec();
        self.stack.push(String::from_utf8(bytes).map_or(Value::Other, Value::Text));
        Some(())
    }

    fn replace(&mut self, n: usize, value: Value) -> Option<()> {
        self.stack.truncate(self.stack.len().checked_sub(n)?);
        self.stack.push(value);
        Some(())
    }

    fn gather(&mut self, n: usize) -> Option<()> {
        let items = self.stack.split_off(self.stack.len().checked_sub(n)?);
        self.stack.push(Value::List(items));
        Some(())
    }

    fn since_mark(&mut self) -> Option<Vec<Value>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn append(&mut self, items: Vec<Value>) -> Option<()> {
        match self.stack.last_mut()? {
            Value::List(list) => list.extend(items),
            _ => return None,
        }
        Some(())
    }

    fn remember(&mut self, place: usize) -> Option<()> {
        // Lists are remembered while they are empty, and never asked for again in an array of labels; copies of full ones could grow without bound.
        let value = match self.stack.last()? {
            Value::List(_) => Value::Other,
            value => value.clone(),
        };
        self.memo.insert(place, value);
        Some(())
    }

    fn recall(&mut self, place: usize) -> Option<()> {
        let value = self.memo.get(&place)?.clone();
        self.stack.push(value);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's pickle writes for `_reconstruct(ndarray, (0,), b'b').__setstate__((1, (3,), dtype, False, ['ant', 'bee', 'ant']))`.
    fn pickled() -> Vec<u8> {
        let mut bytes =
            b"\x80\x03cnumpy._core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02C\x01bq\x03\x87q\x04Rq\x05".to_vec();
        bytes.extend(b"(K\x01K\x03\x85q\x06cnumpy\ndtype\nq\x07X\x02\x00\x00\x00O8q\x08\x89\x88\x87q\x09Rq\x0a");
        bytes.extend(b"(K\x03X\x01\x00\x00\x00|q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tq\x0cb\x89");
        bytes.extend(b"]q\x0d(X\x03\x00\x00\x00antq\x0eX\x03\x00\x00\x00beeq\x0fh\x0eetq\x10b.");
        bytes
    }

    #[test]
    fn the_elements_of_an_array_of_objects_are_found() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(elements(&pickled()), Some(vec![text("ant"), text("bee"), text("ant")]));
    }

    #[test]
    fn no_bytes_break_the_reader() {
        let whole = pickled();
        for len in 0..whole.len() {
            assert_eq!(elements(&whole[..len]), None, "{len}");
        }
        for bytes in [
            &b"."[..],
            b"N.",
            b"t.",
            b"\x86.",
            b"X\xff\xff\xff\xff",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
            b"h\x01.",
            b"Na.",
            b"b.",
            b"]e.",
        ] {
            assert_eq!(elements(bytes), None, "{bytes:?}");
        }
    }
}
