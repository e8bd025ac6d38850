//! Values in the notation that JSON and Python's `repr` share: texts, numbers, lists, tuples and maps.

/// Lists and maps inside each other; more is something else.
const DEEPEST: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// In either kind of quotes.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A list or tuple.
    List(Vec<Literal>),
    /// A map, in the order of the text.
    Map(Vec<(Literal, Literal)>),
    /// Anything else: other numbers, `null`, `None`, `true`, ...
    Other,
}

/// Reads a text that is one value and nothing else.
pub(super) fn literal(text: &str) -> Option<Literal> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.rest.trim_start().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Takes a character, with what is blank in front of it.
    fn take(&mut self, wanted: char) -> bool {
        let after = self.rest.trim_start().strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        if depth > DEEPEST {
            return None;
        }
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            quote @ ('"' | '\'') => self.text(quote).map(Literal::Text),
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '{' => self.map(depth),
            _ => self.word(),
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Option<Literal> {
        self.rest = self.rest.get(1..)?;
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value(depth + 1)?);
            if !self.take(',') {
                return self.take(end).then_some(Literal::List(items));
            }
        }
        Some(Literal::List(items))
    }

    fn map(&mut self, depth: usize) -> Option<Literal> {
        self.rest = self.rest.get(1..)?;
        let mut entries = Vec::new();
        while !self.take('}') {
            let key = self.value(depth + 1)?;
            if !self.take(':') {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.take(',') {
                return self.take('}').then_some(Literal::Map(entries));
            }
        }
        Some(Literal::Map(entries))
    }

    /// A number or a word such as `null`.
    fn word(&mut self) -> Option<Literal> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        if word.is_empty() { None } else { Some(word.parse().map_or(Literal::Other, Literal::Whole)) }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    c @ ('\\' | '\'' | '"' | '/') => text.push(c),
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'x' => text.push(char::from_u32(hex(&mut chars, 2)?)?),
                    'u' => {
                        let first = hex(&mut chars, 4)?;
                        text.push(match first {
                            // JSON writes what is beyond 16 bits as two halves.
                            0xd800..0xdc00 => {
                                let is_pair = chars.next()?.1 == '\\' && chars.next()?.1 == 'u';
                                let second = hex(&mut chars, 4).filter(|half| is_pair && (0xdc00..0xe000).contains(half))?;
                                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                            }
                            code => char::from_u32(code)?,
                        });
                    }
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        None
    }
}

fn hex(chars: &mut impl Iterator<Item = (usize, char)>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_python_are_read_alike() {
        let text = |text: &str| Literal::Text(text.to_owned());
        assert_eq!(
            literal(r#" {"a": [1, -2.5, null], 'b': ('x',)} "#).unwrap(),
            Literal::Map(vec![
                (text("a"), Literal::List(vec![Literal::Whole(1), Literal::Other, Literal::Other])),
                (text("b"), Literal::List(vec![text("x")])),
            ])
        );
        assert_eq!(literal(r#"'it\'s \xe9 \u00e9 \ud83d\ude00 \\'"#).unwrap(), text("it's é é 😀 \\"));
        for bad in ["", "[", "[1", "[1 2]", "{1}", "{1:}", "'a", "'\\ud83d'", "'\\q'", "[1]]", ":", &"[".repeat(40)] {
            assert_eq!(literal(bad), None, "{bad}");
        }
    }
}
