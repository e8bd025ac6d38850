//! How the words of a setting become a value.

use std::str::FromStr;

/// Reads the only value.
pub(super) fn one<T: FromStr>(values: &[String]) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    match values {
        [value] => value.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err("exactly one value is needed".to_owned()),
    }
}

/// Reads a whole number of at least `least`.
pub(super) fn count(values: &[String], least: u64, why: &str) -> Result<u64, String> {
    let number: u64 = one::<u64>(values).map_err(|_| format!("`{}` is not a whole number of at least {least}", values.join(",")))?;
    if number >= least { Ok(number) } else { Err(format!("{number} is too small; {why}")) }
}

/// Reads a time of whole seconds, minutes or hours.
pub(super) fn seconds(values: &[String]) -> Result<u64, String> {
    let text: String = one(values)?;
    let (number, unit) = match text.chars().last() {
        Some('m') => (&text[..text.len() - 1], 60),
        Some('h') => (&text[..text.len() - 1], 3600),
        Some('s') => (&text[..text.len() - 1], 1),
        _ => (text.as_str(), 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| format!("`{text}` is not a time; write whole seconds, minutes or hours, such as 30s, 2m or 1h"))
}

/// Reads every value.
pub(super) fn all<T: FromStr>(values: &[String], what: &str) -> Result<Vec<T>, String> {
    let read = |value: &String| value.trim().parse().map_err(|_| format!("`{value}` is not a {what}"));
    values.iter().map(read).collect()
}

/// Reads a switch: given without a value, or `true` or `false` in a file.
pub(super) fn switch(values: &[String]) -> Result<bool, String> {
    match values {
        [] => Ok(true),
        values => one(values).map_err(|_| format!("`{}` is neither true nor false", values.join(","))),
    }
}

pub(super) fn size(number: u64) -> Result<usize, String> {
    usize::try_from(number).map_err(|_| format!("{number} is too large"))
}
