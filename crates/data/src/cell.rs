//! One cell of a table, and the numbers that people write in it.

use std::borrow::Cow;

use super::number::Number;

/// What text stands for a value that is missing, besides no text: the words that pandas knows, letter case aside.
const MISSING: &[&str] = &["nan", "na", "n/a", "<na>", "null", "none", "#n/a"];

/// What separates digits that are whole numbers from those that are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Decimal {
    /// No number tells.
    #[default]
    Unknown,
    Dot,
    Comma,
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub(super) enum Cell<'a> {
    /// As text, whatever it stands for.
    Raw(&'a str),
    /// Text that stands for itself.
    Text(Cow<'a, str>),
    Number(Number),
    Truth(bool),
    Missing,
}

impl Cell<'_> {
    /// Returns the number in the cell, `None` where it is missing.
    ///
    /// # Errors
    /// Says what is there instead.
    pub(super) fn number(&self, decimal: Decimal) -> Result<Option<Number>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Truth(truth) => Ok(Some(Number::Whole((*truth).into()))),
            Self::Number(Number::Real(value)) if value.is_nan() => Ok(None),
            Self::Number(number) => finite(*number).map(Some),
            Self::Text(text) => Err(format!("`{text}` is not a number")),
            Self::Raw(text) if is_missing(text) => Ok(None),
            Self::Raw(text) if text.eq_ignore_ascii_case("true") => Ok(Some(Number::Whole(1))),
            Self::Raw(text) if text.eq_ignore_ascii_case("false") => Ok(Some(Number::Whole(0))),
            Self::Raw(text) => finite(parse(text, decimal)?).map(Some),
        }
    }

    /// Returns the cell as text, in which numbers without a fraction have no decimal point; empty where it is missing.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Raw(text) => Cow::Borrowed(text),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(Number::Real(value)) if value.is_nan() => Cow::Borrowed(""),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Truth(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            Self::Missing => Cow::Borrowed(""),
        }
    }
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn finite(number: Number) -> Result<Number, String> {
    if number.double().is_finite() { Ok(number) } else { Err(format!("`{number}` is not a finite number")) }
}

/// Reads a number as people write it: with a decimal point or comma, with or without groups of three digits.
fn parse(text: &str, decimal: Decimal) -> Result<Number, String> {
    let plain = |text: &str| text.parse().map(Number::Whole).or_else(|_| text.parse().map(Number::Real)).ok();
    let (point, groups) = if decimal == Decimal::Comma { (',', '.') } else { ('.', ',') };
    let found = match text.contains(|c: char| c == ',' || c == groups || is_space(c)) {
        false => plain(text),
        true => {
            let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
            if decimal == Decimal::Unknown && fraction.is_none() && groups_of(whole) == Some((',', 1)) {
                return Err(format!("`{text}` is ambiguous: the comma may be a decimal comma or separate thousands"));
            }
            let digits = match groups_of(whole) {
                Some((mark, _)) if mark == groups || is_space(mark) => Some(whole.replace(mark, "")),
                Some(_) => None,
                None if whole.contains(groups) => None,
                None => Some(whole.to_owned()),
            };
            digits.and_then(|digits| plain(&fraction.map_or(digits.clone(), |fraction| format!("{digits}.{fraction}"))))
        }
    };
    found.ok_or_else(|| format!("`{text}` is not a number"))
}

/// What writers put between thousands besides commas and dots.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2019}')
}

/// Returns what separates the groups of three digits of a whole number, and how often; `None` where there are no such groups.
fn groups_of(whole: &str) -> Option<(char, usize)> {
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let mark = digits.chars().find(|c| !c.is_ascii_digit())?;
    let mut groups = digits.split(mark);
    let first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let rest: Vec<&str> = groups.collect();
    let all = first && rest.iter().all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()));
    all.then_some((mark, rest.len()))
}

/// Tells from the cells of a table which sign its numbers have before their fractions; one that may stand between thousands tells nothing.
pub(super) fn decimal<'a>(cells: impl Iterator<Item = &'a str>) -> Decimal {
    let (mut dots, mut commas) = (false, false);
    for cell in cells {
        let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'e' | b'E' | b'-' | b'+'))
        {
            continue;
        }
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let count = |mark: char| digits.chars().filter(|c| *c == mark).count();
        match (count('.'), count(',')) {
            (1, 0) => dots |= groups_of(digits).is_none(),
            (0, 1) => commas |= groups_of(digits).is_none(),
            (1, n) if n > 0 && digits.rfind('.') > digits.rfind(',') => dots = true,
            (n, 1) if n > 0 => commas = true,
            (0, n) if n > 1 => dots |= groups_of(digits).is_some(),
            (n, 0) if n > 1 => commas |= groups_of(digits).is_some(),
            _ => {}
        }
    }
    match (dots, commas) {
        (false, false) => Decimal::Unknown,
        (false, true) => Decimal::Comma,
        (true, _) => Decimal::Dot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        use Decimal::{Comma, Dot, Unknown};
        for (text, sign, expected) in [
            ("1234", Unknown, 1234.0),
            ("-1.5e3", Unknown, -1500.0),
            ("1.234", Unknown, 1.234),
            ("1,234.5", Unknown, 1234.5),
            ("1,234,567", Unknown, 1_234_567.0),
            ("1,234", Dot, 1234.0),
            ("4,9", Comma, 4.9),
            ("1.234", Comma, 1234.0),
            ("1.234.567,5", Comma, 1_234_567.5),
            ("12 345.5", Dot, 12_345.5),
            ("-1'234", Unknown, -1234.0),
            ("1\u{202f}234,5", Comma, 1234.5),
        ] {
            assert_eq!(parse(text, sign).map(Number::double), Ok(expected), "{text} {sign:?}");
        }
        for (text, sign) in [("4,9", Dot), ("1,23,4", Dot), ("1.5", Comma), ("red", Unknown), ("1,234,", Dot), (",", Comma), ("1 2", Dot)] {
            assert!(parse(text, sign).unwrap_err().contains("is not a number"), "{text} {sign:?}");
        }
        assert!(parse("1,234", Unknown).unwrap_err().contains("may be a decimal comma"));
    }

    #[test]
    fn the_sign_before_fractions_is_told_by_cells_that_have_one_reading() {
        for (cells, expected) in [
            (vec!["1", "2", "1,234", "1.234"], Decimal::Unknown),
            (vec!["1", "4,9"], Decimal::Comma),
            (vec!["1.234.567"], Decimal::Comma),
            (vec!["4.9", "1,234"], Decimal::Dot),
            (vec!["1,234.5"], Decimal::Dot),
            (vec!["1.234,5"], Decimal::Comma),
            (vec!["a,b", "e,", "2020.01.01", "-"], Decimal::Unknown),
        ] {
            assert_eq!(decimal(cells.iter().copied()), expected, "{cells:?}");
        }
    }
}
